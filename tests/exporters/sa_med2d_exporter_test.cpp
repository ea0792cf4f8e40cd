#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "tests/exporters/export_fixture.h"
#include "tests/support/temp_dir.h"

namespace {

namespace fs = std::filesystem;
using namespace slicebank;
using namespace slicebank::testing;

VolumeInfo volume_of(const std::string& modality, const std::string& key) {
  VolumeInfo volume;
  volume.source_modality = modality;
  volume.key = key;
  return volume;
}

Sample slice_of(Axis axis, std::uint32_t index, const Image& image) {
  Sample sample;
  sample.axis = axis;
  sample.slice_index = index;
  sample.image = image;
  return sample;
}

constexpr const char* kPairs = "SAMed2D_v1.json";
constexpr const char* kClasses = "SAMed2D_v1_class_mapping_id.json";

}  // namespace

TEST_CASE("sa-med2d export: names, lists and pixels are as the card says") {
  const TempDir temp;
  BankBuilder builder(temp / "bank");
  const DatasetId acdc = builder.dataset("ACDC");
  builder.writer().raw_class(acdc, "union_cavity", "0003");
  const std::uint32_t tumour = builder.writer().raw_class(acdc, "tumour", "0011");
  VolumeInfo info = volume_of("mr_t1ce", "mr_t1ce--patient001_frame01");
  for (const RawClass& words : builder.writer().dataset_info(acdc).classes) {
    info.coverage.push_back(words.class_id);
  }
  std::sort(info.coverage.begin(), info.coverage.end());
  CHECK(tumour == 2);
  const VolumeId volume = builder.volume(acdc, info, "patient001");
  Sample sample = slice_of(Axis::z, 141, pattern(PixelType::u8, 31, 17, 3, 1));
  const ImageShape shape = sample.image.shape;
  sample.masks.push_back(builder.mask(acdc, "tumour", shape, {1, 2, 9, 9}, 0, "0011"));
  sample.masks.push_back(builder.mask(acdc, "tumour", shape, {10, 20, 12, 22}, 2, "0011"));
  sample.masks[1].source_value = 1;
  builder.add(sample, volume);
  const ExportReport report = export_to(builder.selection(), temp / "out", "sa-med2d");
  CHECK(report.samples == 1);
  CHECK(report.masks == 2);
  CHECK(report.losses_total == 0);
  CHECK_FALSE(fs::exists(temp / "out/LOSSES.jsonl"));

  const std::string stem = "mr_t1ce--ACDC--patient001_frame01--z_0141";
  const auto pairs = read_json(temp / ("out/" + std::string(kPairs)));
  REQUIRE(pairs.size() == 1);
  const std::vector<std::string> masks = {"masks/" + stem + "--0011_000.png",
                                          "masks/" + stem + "--0011_002.png"};
  CHECK(pairs.at("images/" + stem + ".png") == masks);
  const nlohmann::json mapping = {{"ACDC", {{"tumour", "0011"}, {"union_cavity", "0003"}}}};
  CHECK(read_json(temp / ("out/" + std::string(kClasses))) == mapping);
  CHECK(read_png(temp / ("out/images/" + stem + ".png")).image == sample.image);
  for (std::size_t i = 0; i < 2; ++i) {
    const Image mask = read_png(temp / ("out/" + masks[i])).image;
    const auto foreground = static_cast<std::byte>(i == 0 ? 255 : 1);
    for (std::size_t pixel = 0; pixel < mask.image_hwc.size(); ++pixel) {
      const bool inside = sample.masks[i].mask_hw[pixel] != 0;
      REQUIRE(mask.image_hwc[pixel] == (inside ? foreground : std::byte{0}));
    }
  }
  check_with_python("sa-med2d", temp / "out");
}

TEST_CASE("sa-med2d export: what the layout cannot hold is said") {
  const TempDir temp;
  BankBuilder builder(temp / "bank");
  const DatasetId dataset = builder.dataset("D");
  VolumeInfo info = volume_of("CT", "scan");
  info.spacing_xyz_mm = {1, 1, 3};
  info.official_split = "train";
  const VolumeId volume = builder.volume(dataset, info, "somebody");
  const Image gray = pattern(PixelType::u8, 8, 8, 1, 1);
  Sample wide = slice_of(Axis::z, 0, pattern(PixelType::i16, 8, 8, 1, 2));
  Sample four = slice_of(Axis::z, 1, pattern(PixelType::u8, 8, 8, 5, 3));
  Sample masks = slice_of(Axis::z, 2, gray);
  masks.masks.push_back(builder.mask(dataset, "liver", gray.shape, {0, 0, 0, 0}));
  masks.masks.push_back(builder.mask(dataset, "liver", gray.shape, {0, 0, 2, 2}, 4));
  masks.masks.push_back(builder.mask(dataset, "liver", gray.shape, {4, 4, 6, 6}, 4));
  masks.masks.push_back(builder.mask(dataset, "liver", gray.shape, {6, 6, 7, 7}, 1234));
  Sample labelled = slice_of(Axis::z, 3, gray);
  labelled.labels.push_back({masks.masks[0].class_id, masks.masks[0].raw_class, 1});
  const SampleId wide_id = builder.add(wide, volume);
  const SampleId four_id = builder.add(four, volume);
  const SampleId masks_id = builder.add(masks, volume);
  builder.add(labelled, volume);
  const ExportReport report = export_to(builder.selection(), temp / "out", "sa-med2d");
  CHECK(report.samples == 2);
  CHECK(report.masks == 3);
  CHECK(has_loss(report, wide_id, "i16"));
  CHECK(has_loss(report, four_id, "5 channels"));
  CHECK(has_loss(report, masks_id, "empty mask of liver"));
  CHECK(has_loss(report, masks_id, "renumbered 5"));
  CHECK(has_loss(report, masks_id, "three digits"));
  CHECK(has_loss(report, SampleId{}, "voxel spacing of 2 samples"));
  CHECK(has_loss(report, SampleId{}, "official split of 2 samples"));
  CHECK(has_loss(report, SampleId{}, "patient id"));
  CHECK(has_loss(report, SampleId{}, "coverage"));
  CHECK(has_loss(report, SampleId{}, "image-level labels of 1 samples"));
  const auto pairs = read_json(temp / ("out/" + std::string(kPairs)));
  CHECK(pairs.size() == 2);
  CHECK(pairs.at("images/ct_00--D--scan--z_0003.png").empty());
  check_with_python("sa-med2d", temp / "out");
}

TEST_CASE("sa-med2d export: a window maps wide images to 8 bit") {
  const TempDir temp;
  BankBuilder builder(temp / "bank");
  const DatasetId dataset = builder.dataset("D");
  Sample sample = slice_of(Axis::z, 0, pattern(PixelType::i16, 8, 8, 1, 2));
  builder.add(sample, builder.volume(dataset, volume_of("CT", "scan")));
  const auto report =
      export_to(builder.selection(), temp / "out", "sa-med2d", {{"window", "0/65536"}});
  CHECK(report.samples == 1);
  const auto png = read_png(temp / "out/images/ct_00--D--scan--z_0000.png");
  CHECK(png.header.bit_depth == 8);
  CHECK(png.header.colour_type == 0);
}

TEST_CASE("sa-med2d export: samples that want one name get several") {
  const TempDir temp;
  BankBuilder builder(temp / "bank");
  const DatasetId dataset = builder.dataset("D");
  const VolumeId volume = builder.volume(dataset, volume_of("fundus_photography", "eyes"));
  std::vector<SampleId> ids;
  for (const char* name : {"left", "right", ""}) {
    Sample sample = slice_of(Axis::none, 0, pattern(PixelType::u8, 8, 8, 3, 1));
    sample.name = name;
    ids.push_back(builder.add(sample, volume));
  }
  const ExportReport report = export_to(builder.selection(), temp / "out", "sa-med2d");
  CHECK(report.samples == 3);
  CHECK(read_json(temp / ("out/" + std::string(kPairs))).size() == 3);
  CHECK(fs::exists(temp / "out/images/fundus_photography--D--eyes_right--2d_none.png"));
  CHECK_FALSE(has_loss(report, ids[0], "renamed"));
  CHECK(has_loss(report, ids[1], "renamed"));
  check_with_python("sa-med2d", temp / "out");
}

TEST_CASE("sa-med2d export: hostile names stay inside the folder and keep the grammar") {
  const TempDir temp;
  BankBuilder builder(temp / "bank");
  for (const char* nasty : {"../../../etc/passwd", "a--b", "..", "/abs", "new\nline", "\xFF\xFE"}) {
    const DatasetId dataset = builder.dataset(nasty);
    Sample sample = slice_of(Axis::x, 7, pattern(PixelType::u8, 8, 8, 1, 1));
    sample.name = nasty;
    sample.masks.push_back(builder.mask(dataset, nasty, sample.image.shape, {0, 0, 2, 2}));
    builder.add(sample, builder.volume(dataset, volume_of(nasty, nasty), nasty));
  }
  const ExportReport report = export_to(builder.selection(), temp / "deep/out", "sa-med2d");
  CHECK(report.samples == 6);
  CHECK(report.masks == 6);
  std::set<std::string> outside;
  for (const auto& file : files_below(temp.path())) {
    if (!file.starts_with("deep/out/") && !file.starts_with("bank/")) outside.insert(file);
  }
  CHECK(outside.empty());
  check_with_python("sa-med2d", temp / "deep/out");
}
