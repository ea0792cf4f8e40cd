#include "importers/internal/dataset_json.h"

#include <doctest/doctest.h>

#include <fstream>
#include <set>

#include "importers/internal/meta_table.h"
#include "importers/internal/msd_tasks.h"
#include "importers/internal/small_json.h"
#include "schema/error.h"
#include "schema/taxonomy.h"
#include "tests/support/shared_data.h"
#include "tests/support/temp_dir.h"

namespace slicebank {
namespace {

namespace fs = std::filesystem;
using internal::DatasetJson;
using internal::Json;

Bytes bytes_of(const std::string& text) { return std::as_bytes(std::span(text)); }

Json parse(const std::string& text) { return internal::parse_json(bytes_of(text), "a.json"); }

DatasetJson read(const std::string& text) {
  testing::TempDir folder;
  std::ofstream(folder / "dataset.json") << text;
  return internal::read_dataset_json(SourceTree(folder.path()), "dataset.json");
}

ErrorCode code_of(const std::string& text) {
  try {
    parse(text);
  } catch (const Error& error) {
    CHECK(std::string(error.what()).starts_with("a.json: "));
    return error.code();
  }
  FAIL("accepted: ", text.substr(0, 80));
  return ErrorCode::io;
}

}  // namespace

TEST_CASE("small_json: members keep their order, and numbers may be written as texts") {
  const Json json =
      parse("\xef\xbb\xbf{\"b\": 1, \"a\": [true, null, -2.5, \"\\u00e9\"], \"c\": \"07\"}");
  REQUIRE(json.members.size() == 3);
  CHECK(json.members[0].first == "b");
  CHECK(json.members[1].first == "a");
  CHECK(json.find("a")->items[2].number == -2.5);
  CHECK(json.find("a")->items[3].text == "\xc3\xa9");
  CHECK(json.find("b")->whole() == 1);
  CHECK(json.find("c")->whole() == 7);
  CHECK_FALSE(json.find("a")->items[2].whole().has_value());
  CHECK_FALSE(Json{internal::JsonKind::text, "4294967296"}.whole().has_value());
  CHECK(json.find("d") == nullptr);
}

TEST_CASE("small_json: what is no JSON, or too much of it, is refused") {
  CHECK(code_of("") == ErrorCode::bad_format);
  CHECK(code_of("{\"a\": 1, ") == ErrorCode::bad_format);
  CHECK(code_of("{\"a\": NaN}") == ErrorCode::bad_format);
  CHECK(code_of("{} {}") == ErrorCode::bad_format);
  CHECK(code_of("{\"a\": 1, \"a\": 2}") == ErrorCode::bad_format);
  CHECK(code_of(std::string(100'000, '[')) == ErrorCode::limit);
  CHECK(code_of("[\"" + std::string(2u << 20, 'x') + "\"]") == ErrorCode::limit);
  std::string many = "[0";
  for (int i = 0; i < 1'000'000; ++i) many += ",0";
  CHECK(code_of(many + "]") == ErrorCode::limit);
}

TEST_CASE("dataset_json: labels are read in both directions, and regions with their values") {
  const DatasetJson older = read(R"({"labels": {"0": "background", "1": "edema", "2": "net"}})");
  REQUIRE(older.labels.size() == 2);
  CHECK(older.has_background);
  CHECK(older.labels[0].name == "edema");
  CHECK(older.labels[0].values == std::vector<std::uint32_t>{1});

  const DatasetJson newer = read(R"({"channel_names": {"1": "ADC", "0": "T2"}, "labels":
      {"background": 0, "whole": [1, 2], "core": 2, "7": 3, "ignore": 4}})");
  REQUIRE(newer.labels.size() == 3);
  CHECK(newer.labels[0].values == std::vector<std::uint32_t>{1, 2});
  CHECK(newer.labels[0].code == "1,2");
  CHECK(newer.labels[2].name == "7");
  CHECK(newer.ignored_value == 4);
  CHECK(newer.channels == std::vector<std::string>{"T2", "ADC"});
  CHECK(newer.problems.empty());
}

TEST_CASE("dataset_json: what cannot be understood is told, and the rest is kept") {
  const DatasetJson json = read(R"({"labels": {"background": 0, "liver": 1, "odd": "much",
      "": 3, "half": 1.5, "list": [1, "x"]}, "modality": {"0": "CT", "2": "MR"},
      "training": [{"image": "a"}, {"label": "b"}, 7]})");
  REQUIRE(json.labels.size() == 1);
  CHECK(json.channels.empty());
  std::multiset<std::string> kinds;
  for (const Problem& problem : json.problems) kinds.insert(problem.kind);
  CHECK(kinds == std::multiset<std::string>{"bad-class", "bad-class", "bad-class", "bad-class",
                                            "bad-list", "bad-list", "channels"});
  CHECK_THROWS_AS(read("[]"), Error);
}

TEST_CASE("dataset_json: a place is read back as it was written") {
  internal::VolumePlace place{{"T2", "ADC map"}, 7, "0.5 0.5 2"};
  const internal::VolumePlace back = internal::read_place(written(place));
  CHECK(back.channels == place.channels);
  CHECK(back.ignored_value == place.ignored_value);
  CHECK(internal::parse_spacing(back.spacing) == std::array<double, 3>{0.5, 0.5, 2});
  CHECK_FALSE(internal::parse_spacing("1 2").has_value());
  CHECK_FALSE(internal::parse_spacing("1 -2 3").has_value());
  CHECK(internal::read_place("").channels.empty());
}

TEST_CASE("dataset_json: every dataset.json that nnU-Net users published is understood") {
  SLICEBANK_SHARED_OR_SKIP(data, "sat-ds/data/specialist_model_config");
  int files = 0;
  for (const auto& entry : fs::directory_iterator(data)) {
    if (!fs::exists(entry.path() / "nnUNet" / "dataset.json")) continue;
    INFO(entry.path().filename().string());
    ++files;
    const SourceTree source(entry.path() / "nnUNet");
    const DatasetJson json = internal::read_dataset_json(source, "dataset.json");
    CHECK(json.problems.empty());
    CHECK(json.has_channel_names);
    CHECK(json.has_background);
    CHECK(json.file_ending == ".nii.gz");
    REQUIRE(json.channels.size() == 1);
    CHECK_FALSE(internal::modality_of_channels(json.channels).empty());
    CHECK(json.training_count.value_or(0) > 0);
    REQUIRE_FALSE(json.labels.empty());
    for (std::size_t i = 0; i < json.labels.size(); ++i) {
      CHECK(json.labels[i].values == std::vector<std::uint32_t>{static_cast<std::uint32_t>(i + 1)});
    }
  }
  CHECK(files > 30);
}

TEST_CASE("msd_tasks: each meaning is a class of the taxonomy, and no vague one") {
  const Taxonomy& taxonomy = Taxonomy::builtin();
  const auto means = [&](const char* task, const char* name, const char* right) {
    INFO(task, " ", name);
    const std::string meaning = internal::meaning_in_task(task, name);
    const auto found = taxonomy.find_class(meaning.empty() ? name : meaning);
    REQUIRE(found.has_value());
    CHECK(taxonomy.class_info(*found)->name == right);
  };
  means("BrainTumour", "edema", "brain edema");
  means("BrainTumour", "non-enhancing tumor", "non-enhancing brain tumor core");
  means("BrainTumour", "enhancing tumour", "enhancing brain tumor");
  means("Heart", "left atrium", "left heart atrium");
  means("Liver", "liver", "liver");
  means("Liver", "cancer", "liver tumor");
  means("Hippocampus", "Anterior", "anterior hippocampus");
  means("Hippocampus", "Posterior", "posterior hippocampus");
  means("Prostate", "PZ", "peripheral zone of prostate");
  means("Prostate", "TZ", "transition zone of prostate");
  means("Lung", "cancer", "lung tumor");
  means("Pancreas", "pancreas", "pancreas");
  means("Pancreas", "cancer", "pancreas tumor");
  means("HepaticVessel", "Vessel", "liver vessel");
  means("HepaticVessel", "Tumour", "liver tumor");
  means("Spleen", "spleen", "spleen");
  means("Colon", "colon cancer primaries", "colon cancer");
  CHECK(internal::meaning_in_task("Somewhere", "cancer").empty());
}

TEST_CASE("msd_tasks: the number of a folder is no part of its task") {
  CHECK(internal::task_word("Task06_Lung") == "Lung");
  CHECK(internal::task_word("Dataset006_Lung") == "Lung");
  CHECK(internal::task_word("Task_Lung") == "Task_Lung");
  CHECK(internal::is_task_name("Task001_A", "Task"));
  CHECK_FALSE(internal::is_task_name("Dataset001_", "Dataset"));
  CHECK_FALSE(internal::is_task_name("Taskforce", "Task"));
}

TEST_CASE("meta_table: semicolons, commas and tabs, quotes and short lines") {
  const auto table = [](const std::string& text) {
    return internal::parse_table(bytes_of(text), "meta.csv");
  };
  const auto semicolons = table("\xef\xbb\xbfImage_ID;Split\r\ns1;train\r\n\r\ns2\r\n");
  CHECK(semicolons.columns == std::vector<std::string>{"image_id", "split"});
  REQUIRE(semicolons.rows.size() == 2);
  CHECK(semicolons.rows[0] == std::vector<std::string>{"s1", "train"});
  CHECK(semicolons.rows[1] == std::vector<std::string>{"s2", ""});
  const auto quoted = table("a,b\n\"x, \"\"y\"\"\nz\",2,3");
  REQUIRE(quoted.rows.size() == 1);
  CHECK(quoted.rows[0] == std::vector<std::string>{"x, \"y\"\nz", "2"});
  CHECK(table("a\tb\n1\t2\n").column("b") == 1);
  CHECK_FALSE(table("").column("b").has_value());
  CHECK_THROWS_AS(table("a,b\n\"x,1\n"), Error);
}

}  // namespace slicebank
