#include "exporters/internal/sa_med2d_names.h"

#include <doctest/doctest.h>

#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "schema/taxonomy.h"

namespace {

using namespace slicebank;
using namespace slicebank::exporting;

Origin origin_of(const std::string& dataset, const std::string& source_modality,
                 const std::string& key, const std::string& patient = "") {
  Origin origin;
  DatasetInfo info;
  info.name = dataset;
  origin.dataset = std::make_shared<const DatasetInfo>(info);
  origin.volume.source_modality = source_modality;
  origin.volume.key = key;
  if (const auto match = Taxonomy::builtin().find_modality(source_modality)) {
    origin.volume.modality = match->modality;
    origin.volume.sequence = match->sequence;
  }
  origin.patient_id = patient;
  return origin;
}

SampleInfo slice(Axis axis, std::uint32_t index, const std::string& name = "") {
  SampleInfo info;
  info.axis = axis;
  info.slice_index = index;
  info.name = name;
  return info;
}

std::string stem(const Origin& origin, const SampleInfo& sample, unsigned attempt = 0) {
  return sa_med2d::image_stem(origin, sa_med2d::dataset_field(origin.dataset->name), sample,
                              Taxonomy::builtin(), attempt);
}

DatasetInfo dataset(const std::vector<std::pair<std::string, std::string>>& names_and_codes) {
  DatasetInfo info;
  for (const auto& [name, code] : names_and_codes) info.classes.push_back({name, code, {}});
  return info;
}

}  // namespace

TEST_CASE("sa_med2d_names: names of the card come back") {
  CHECK(stem(origin_of("ACDC", "mr_00", "mr_00--patient001_frame01"), slice(Axis::x, 6)) ==
        "mr_00--ACDC--patient001_frame01--x_0006");
  CHECK(stem(origin_of("covid_19_ct_cxr", "x_ray", "x_ray--16660_5_1"), slice(Axis::none, 0)) ==
        "x_ray--covid_19_ct_cxr--16660_5_1--2d_none");
  CHECK(stem(origin_of("LNDb", "ct_00", "ct_00--1.3.6.1.4.1.9328.50.4.0103"),
             slice(Axis::z, 12345)) == "ct_00--LNDb--1.3.6.1.4.1.9328.50.4.0103--z_12345");
  CHECK(stem(origin_of("D", "ct_00", "ct_00--a--b c"), slice(Axis::y, 1)) ==
        "ct_00--D--a--b c--y_0001");
}

TEST_CASE("sa_med2d_names: a sample's own name is kept to the letter where it says the same") {
  const auto origin = origin_of("ACDC", "mr_00", "mr_00--p1-");
  CHECK(stem(origin, slice(Axis::x, 6, "mr_00--ACDC--p1---x_6")) == "mr_00--ACDC--p1---x_6");
  // Another slice, dataset, case or modality: not its own name.
  for (const char* other : {"mr_00--ACDC--p1---x_7", "mr_00--ACD--p1---x_6", "mr_00--ACDC--p2--x_6",
                            "ct_00--ACDC--p1---x_6", "image17", "../mr_00--ACDC--p1---x_6"}) {
    CAPTURE(other);
    const auto made = stem(origin, slice(Axis::x, 6, other));
    CHECK(made != other);
    CHECK(made.ends_with("--x_0006"));
  }
}

TEST_CASE("sa_med2d_names: no case, dataset or modality can shift the fields or lead elsewhere") {
  for (const char* nasty : {"../../etc", "a/b", "-a", "a-", "--", "", "a\nb", "x--", "\xFF"}) {
    CAPTURE(nasty);
    const std::string name =
        stem(origin_of("D--" + std::string(nasty), "ct_00", nasty), slice(Axis::z, 3));
    CHECK(name.find('/') == std::string::npos);
    const auto first = name.find("--");
    const auto second = name.find("--", first + 2);
    const auto last = name.rfind("--");
    CHECK(name.substr(0, first) == "ct_00");
    CHECK(name.substr(first + 2, second - first - 2) ==
          sa_med2d::dataset_field("D--" + std::string(nasty)));
    CHECK(second < last);
    CHECK(name.substr(last) == "--z_0003");
  }
  CHECK(sa_med2d::dataset_field("a--b") != sa_med2d::dataset_field("a__b"));
  CHECK(sa_med2d::dataset_field("a--b") != sa_med2d::dataset_field("a_b"));
}

TEST_CASE("sa_med2d_names: very long cases still fit in a file name") {
  const std::string key(500, 'k');
  const auto a = stem(origin_of("D", "ct_00", key + "a"), slice(Axis::z, 3));
  const auto b = stem(origin_of("D", "ct_00", key + "b"), slice(Axis::z, 3));
  CHECK(a.size() < 200);
  CHECK(a != b);
}

TEST_CASE("sa_med2d_names: further attempts give further names") {
  const auto origin = origin_of("D", "ct_00", "ct_00--k");
  std::set<std::string> names;
  for (unsigned attempt = 0; attempt < 10; ++attempt) {
    names.insert(stem(origin, slice(Axis::none, 0, "left eye"), attempt));
  }
  CHECK(names.size() == 10);
  CHECK(names.contains("ct_00--D--k--2d_none"));
}

TEST_CASE("sa_med2d_names: modality and sequence of every kind become a word that is understood") {
  const Taxonomy& taxonomy = Taxonomy::builtin();
  for (const auto& modality : taxonomy.modalities()) {
    VolumeInfo volume;
    volume.modality = modality.id;
    const std::string word = sa_med2d::modality_sub(volume, taxonomy);
    CAPTURE(word);
    const auto match = taxonomy.find_modality(word);
    REQUIRE(match.has_value());
    CHECK(match->modality == modality.id);
  }
  for (const auto& sequence : taxonomy.sequences()) {
    VolumeInfo volume;
    volume.modality = sequence.modality;
    volume.sequence = sequence.id;
    const std::string word = sa_med2d::modality_sub(volume, taxonomy);
    CAPTURE(word);
    CHECK(word.find("--") == std::string::npos);
    const auto match = taxonomy.find_modality(word);
    REQUIRE(match.has_value());
    CHECK(match->modality == sequence.modality);
    CHECK(match->sequence == sequence.id);
  }
}

TEST_CASE("sa_med2d_names: known words are the layout's own") {
  const Taxonomy& taxonomy = Taxonomy::builtin();
  const auto word = [&](const std::string& source) {
    VolumeInfo volume;
    volume.source_modality = source;
    const auto match = taxonomy.find_modality(source);
    REQUIRE(match.has_value());
    volume.modality = match->modality;
    volume.sequence = match->sequence;
    return sa_med2d::modality_sub(volume, taxonomy);
  };
  CHECK(word("CT") == "ct_00");
  CHECK(word("MRI") == "mr_00");
  CHECK(word("T1ce") == "mr_t1ce");
  CHECK(word("FLAIR") == "mr_flair");
  CHECK(word("CXR") == "x_ray");
  CHECK(word("PET") == "pet_00");
  CHECK(word("Fundus") == "fundus_photography");
  CHECK(word("US") == "ultrasound_00");
  CHECK(word("mr_mprage") == "mr_mprage");
  CHECK(sa_med2d::modality_sub({}, taxonomy) == "unknown_00");
}

TEST_CASE("sa_med2d_names: codes of four digits stay, others are counted from 0") {
  sa_med2d::ClassCodes codes(dataset(
      {{"liver", "0003"}, {"spleen", ""}, {"kidney", "0003"}, {"vein", "7"}, {"gut", "0001"}}));
  CHECK(codes.code(1, {"liver", "0003"}) == "0003");
  CHECK(codes.code(2, {"spleen", ""}) == "0002");  // 0001 is gut's
  CHECK(codes.code(3, {"kidney", "0003"}) == "0004");
  CHECK(codes.code(4, {"vein", "7"}) == "0005");
  CHECK(codes.code(5, {"gut", "0001"}) == "0001");
  CHECK(codes.entries().size() == 5);
}

TEST_CASE("sa_med2d_names: a class the dataset does not list is added once, by name") {
  sa_med2d::ClassCodes codes(dataset({{"liver", "0000"}}));
  CHECK(codes.code(0, {"liver", ""}) == "0000");
  CHECK(codes.code(0, {"aorta", ""}) == "0001");
  CHECK(codes.code(0, {"aorta", ""}) == "0001");
  CHECK(codes.code(9, {"vein", ""}) == "0002");
  CHECK(codes.entries().size() == 3);
}

TEST_CASE("sa_med2d_names: two classes of one name keep two names") {
  const sa_med2d::ClassCodes codes(dataset({{"left", "0000"}, {"left", "0001"}}));
  REQUIRE(codes.renamed().size() == 1);
  CHECK(codes.renamed()[0] == "left (0001)");
  CHECK(codes.entries().size() == 2);
}

TEST_CASE("sa_med2d_names: ten thousand classes are the most") {
  DatasetInfo many;
  for (int i = 0; i < 10'001; ++i) many.classes.push_back({"c" + std::to_string(i), "", {}});
  sa_med2d::ClassCodes codes(many);
  CHECK(codes.code(10'000, {"c9999", ""}) == "9999");
  CHECK_FALSE(codes.code(10'001, {"c10000", ""}).has_value());
}
