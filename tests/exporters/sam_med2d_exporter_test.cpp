#include <doctest/doctest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "tests/exporters/export_fixture.h"
#include "tests/support/temp_dir.h"

namespace {

namespace fs = std::filesystem;
using namespace slicebank;
using namespace slicebank::testing;

// Three images: two masks, none, one.
struct Made {
  Selection selection;
  std::vector<SampleId> ids;
};

Made make(const fs::path& path) {
  BankBuilder builder(path);
  const DatasetId dataset = builder.dataset("demo");
  std::vector<SampleId> ids;
  for (const char* name : {"s0619_32", "amos_0507_31", "s0114_111"}) {
    VolumeInfo volume;
    volume.key = name;
    Sample sample;
    sample.name = name;
    sample.image = pattern(PixelType::u8, 12, 9, 3, static_cast<std::uint32_t>(ids.size()));
    const ImageShape shape = sample.image.shape;
    if (ids.size() != 1) {
      sample.masks.push_back(builder.mask(dataset, "hip_left", shape, {0, 0, 4, 4}, 1));
    }
    if (ids.empty()) sample.masks.push_back(builder.mask(dataset, "aorta", shape, {5, 5, 8, 8}));
    ids.push_back(builder.add(sample, builder.volume(dataset, volume, name)));
  }
  return {builder.selection(), ids};
}

}  // namespace

TEST_CASE("sam-med2d export: both lists, and names as the loader takes them apart") {
  const TempDir temp;
  const Made made = make(temp / "bank");
  const ExportReport report = export_to(made.selection, temp / "data_demo", "sam-med2d");
  CHECK(report.samples == 3);
  CHECK(report.masks == 3);
  CHECK(has_loss(report, made.ids[1], "not listed"));
  const nlohmann::json train = {
      {"data_demo/images/s0619_32.png",
       {"data_demo/masks/s0619_32_hip_left_001.png", "data_demo/masks/s0619_32_aorta_000.png"}},
      {"data_demo/images/s0114_111.png", {"data_demo/masks/s0114_111_hip_left_001.png"}}};
  CHECK(read_json(temp / "data_demo/image2label_train.json") == train);
  const nlohmann::json test = {
      {"data_demo/masks/s0619_32_hip_left_001.png", "data_demo/images/s0619_32.png"},
      {"data_demo/masks/s0619_32_aorta_000.png", "data_demo/images/s0619_32.png"},
      {"data_demo/masks/s0114_111_hip_left_001.png", "data_demo/images/s0114_111.png"}};
  CHECK(read_json(temp / "data_demo/label2image_test.json") == test);
  CHECK(fs::exists(temp / "data_demo/images/amos_0507_31.png"));
  check_with_python("sam-med2d", temp / "data_demo");
}

TEST_CASE("sam-med2d export: the mode chooses the list, the prefix the beginning of paths") {
  const TempDir temp;
  const Made made = make(temp / "bank");
  export_to(made.selection, temp / "train", "sam-med2d", {{"mode", "train"}, {"prefix", "a/b"}});
  CHECK_FALSE(fs::exists(temp / "train/label2image_test.json"));
  CHECK(read_json(temp / "train/image2label_train.json").contains("a/b/images/s0619_32.png"));
  export_to(made.selection, temp / "test", "sam-med2d", {{"mode", "test"}, {"prefix", ""}});
  CHECK_FALSE(fs::exists(temp / "test/image2label_train.json"));
  CHECK(read_json(temp / "test/label2image_test.json").contains("masks/s0619_32_aorta_000.png"));
}

TEST_CASE("sam-med2d export: two images of one name, two masks of one name, names that lead out") {
  const TempDir temp;
  BankBuilder builder(temp / "bank");
  const auto add = [&](const std::string& dataset_name, const std::string& name,
                       const std::string& class_name, std::uint32_t seed) {
    const DatasetId dataset = builder.dataset(dataset_name);
    VolumeInfo volume;
    volume.key = name + std::to_string(seed);
    Sample sample;
    sample.name = name;
    sample.image = pattern(PixelType::u8, 12, 9, 1, seed);
    sample.masks.push_back(builder.mask(dataset, class_name, sample.image.shape, {0, 0, 4, 4}));
    return builder.add(sample, builder.volume(dataset, volume, name));
  };
  add("A", "1", "liver", 1);
  const SampleId second = add("B", "1", "liver", 2);
  add("A", "a", "b_c", 3);
  const SampleId same_mask = add("A", "a_b", "c", 4);
  const SampleId leading = add("A", "../x", "../../y", 5);
  const ExportReport report = export_to(builder.selection(), temp / "deep/out", "sam-med2d");
  CHECK(report.samples == 5);
  CHECK(report.masks == 5);
  CHECK(has_loss(report, second, "renamed"));
  CHECK(has_loss(report, same_mask, "renamed"));
  CHECK(has_loss(report, leading, "cannot"));
  CHECK(read_json(temp / "deep/out/image2label_train.json").size() == 5);
  CHECK(read_json(temp / "deep/out/label2image_test.json").size() == 5);
  for (const auto& file : files_below(temp.path())) {
    CAPTURE(file);
    CHECK((file.starts_with("deep/out/") || file.starts_with("bank/")));
  }
  check_with_python("sam-med2d", temp / "deep/out");
}
