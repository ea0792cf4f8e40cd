// import(export(x)) == x, for real slices and for the phantom.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "bench/phantom.h"
#include "importers/import.h"
#include "query/selection.h"
#include "store/reader.h"
#include "tests/exporters/export_fixture.h"
#include "tests/support/shared_data.h"
#include "tests/support/temp_dir.h"

namespace {

namespace fs = std::filesystem;
using namespace slicebank;
using namespace slicebank::testing;

Selection import_all(const fs::path& bank_path, const fs::path& source,
                     const std::string& format = "") {
  ImportOptions options;
  options.format = format;
  const ImportReport report = import_source(bank_path, source, options);
  CHECK(report.skipped == 0);
  CHECK(report.items_failed == 0);
  return select_samples(Bank::open(bank_path), "");
}

// A mask as both layouts must give it back: class, instance, encoding, pixels.
using MaskKey = std::tuple<std::string, std::uint32_t, std::uint8_t, std::vector<std::uint8_t>>;

// Image pixels and masks, in an order that does not depend on ids or names.
struct Content {
  Image image;
  std::multiset<MaskKey> masks;
};

std::multimap<std::string, Content> contents(const Selection& selection, bool with_names) {
  std::multimap<std::string, Content> all;
  for (const SampleId id : selection.ids()) {
    const SampleInfo info = selection.bank().reader().info(id);
    Sample sample = selection.bank().reader().sample(id);
    const auto volume = selection.bank().volume(info.volume_id);
    const auto dataset = selection.bank().dataset(volume->dataset_id);
    Content content{sample.image, {}};
    for (const Mask& mask : sample.masks) {
      content.masks.insert({dataset->classes.at(mask.raw_class - 1).name, mask.instance,
                            mask.source_value, mask.mask_hw});
    }
    const std::string name = with_names
                                 ? info.name
                                 : std::to_string(info.image_hash.high) + axis_name(info.axis) +
                                       std::to_string(info.slice_index);
    all.emplace(name, std::move(content));
  }
  return all;
}

void check_equal(const Selection& a, const Selection& b, bool with_names) {
  const auto left = contents(a, with_names);
  const auto right = contents(b, with_names);
  REQUIRE(left.size() == right.size());
  for (auto l = left.begin(), r = right.begin(); l != left.end(); ++l, ++r) {
    CAPTURE(l->first);
    CHECK(l->first == r->first);
    CHECK(l->second.image == r->second.image);
    CHECK(l->second.masks == r->second.masks);
  }
}

// Files of images/ and masks/, and nothing else.
std::set<std::string> pictures(const fs::path& root) {
  std::set<std::string> files;
  for (const auto& file : files_below(root)) {
    if (file.starts_with("images/") || file.starts_with("masks/")) files.insert(file);
  }
  return files;
}

void check_same_pixels(const fs::path& a, const fs::path& b) {
  const auto files = pictures(a);
  CHECK(files == pictures(b));
  for (const auto& file : files) {
    CAPTURE(file);
    CHECK(read_png(a / file).image == read_png(b / file).image);
  }
}

}  // namespace

TEST_CASE("round trip: the phantom through sa-med2d: every file, list and bank equal") {
  const TempDir temp;
  phantom::Options options;
  options.subjects = 8;
  options.slices_per_subject = 3;
  options.side = 96;
  const auto made = phantom::write_sa_med2d(temp / "phantom", options);
  const Selection first = import_all(temp / "first.bank", temp / "phantom");
  REQUIRE(first.size() == made.images);
  const ExportReport report = export_to(first, temp / "out", "sa-med2d");
  CHECK(report.samples == made.images);
  CHECK(report.masks == made.masks);
  for (const auto& loss : report.losses) FAIL_CHECK(loss.message);
  check_same_pixels(temp / "phantom", temp / "out");
  for (const char* list : {"SAMed2D_v1.json", "SAMed2D_v1_class_mapping_id.json"}) {
    CAPTURE(list);
    CHECK(read_json(temp / "phantom" / list) == read_json(temp / "out" / list));
  }
  const Selection second = import_all(temp / "second.bank", temp / "out");
  CHECK(first.bank().logical_digest(true) == second.bank().logical_digest(true));
  check_with_python("sa-med2d", temp / "out");
}

TEST_CASE("round trip: the phantom through sam-med2d keeps names, pixels, classes, instances") {
  const TempDir temp;
  phantom::Options options;
  options.subjects = 8;
  options.slices_per_subject = 2;
  options.side = 96;
  phantom::write_sa_med2d(temp / "phantom", options);
  const Selection first = import_all(temp / "first.bank", temp / "phantom");
  export_to(first, temp / "out", "sam-med2d");
  const Selection second = import_all(temp / "second.bank", temp / "out", "sam-med2d");
  check_equal(first, second, true);
  check_with_python("sam-med2d", temp / "out");
}

TEST_CASE("round trip: real slices through sam-med2d come back under their names") {
  SLICEBANK_SHARED_OR_SKIP(demo, "sam-med2d/data_demo");
  const TempDir temp;
  const Selection first = import_all(temp / "first.bank", demo);
  REQUIRE(first.size() == 3);
  const ExportReport report =
      export_to(first, temp / "data_demo", "sam-med2d", {{"mode", "train"}});
  CHECK(report.samples == 3);
  check_same_pixels(demo, temp / "data_demo");
  CHECK(read_json(demo / "image2label_train.json") ==
        read_json(temp / "data_demo/image2label_train.json"));
  const Selection second = import_all(temp / "second.bank", temp / "data_demo");
  check_equal(first, second, true);
  CHECK(first.bank().logical_digest(true) == second.bank().logical_digest(true));
  export_to(first, temp / "both", "sam-med2d");
  check_with_python("sam-med2d", temp / "both");
}

TEST_CASE("round trip: real slices through sa-med2d keep pixels, classes and instances") {
  SLICEBANK_SHARED_OR_SKIP(demo, "sam-med2d/data_demo");
  const TempDir temp;
  const Selection first = import_all(temp / "first.bank", demo);
  const ExportReport report = export_to(first, temp / "out", "sa-med2d");
  CHECK(report.samples == 3);
  const Selection second = import_all(temp / "second.bank", temp / "out");
  check_equal(first, second, false);
  check_with_python("sa-med2d", temp / "out");
  // And once more: now the layout holds everything, names too.
  export_to(second, temp / "again", "sa-med2d");
  check_same_pixels(temp / "out", temp / "again");
  const Selection third = import_all(temp / "third.bank", temp / "again");
  CHECK(second.bank().logical_digest(true) == third.bank().logical_digest(true));
}

TEST_CASE("round trip: the phantom as medsam-npz and as images is read by others") {
  const TempDir temp;
  phantom::Options options;
  options.subjects = 8;
  options.slices_per_subject = 3;
  options.side = 64;
  phantom::write_sa_med2d(temp / "phantom", options);
  const Selection selection = import_all(temp / "bank", temp / "phantom");
  CHECK(export_to(selection, temp / "npz", "medsam-npz").samples > 0);
  check_with_python("medsam-npz", temp / "npz");
  CHECK(export_to(selection, temp / "images", "images").samples == selection.size());
  check_with_python("images", temp / "images");
}
