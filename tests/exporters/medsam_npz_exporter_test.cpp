#include <doctest/doctest.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/exporters/export_fixture.h"
#include "tests/support/temp_dir.h"

namespace {

namespace fs = std::filesystem;
using namespace slicebank;
using namespace slicebank::testing;

// The same sum as in check_export.py.
std::uint64_t fold(const std::vector<std::byte>& bytes) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    sum += std::to_integer<std::uint64_t>(bytes[i]) * (i % 65521 + 1);
  }
  return sum % (std::uint64_t{1} << 32);
}

void append(std::vector<std::byte>& to, const std::vector<std::byte>& more) {
  to.insert(to.end(), more.begin(), more.end());
}

std::vector<std::byte> times(const Mask& mask, int label) {
  std::vector<std::byte> labels;
  for (const auto pixel : mask.mask_hw) labels.push_back(static_cast<std::byte>(pixel * label));
  return labels;
}

Image gray_as_rgb(const Image& gray) {
  Image rgb{{PixelType::u8, gray.shape.height, gray.shape.width, 3}, {}};
  for (const auto pixel : gray.image_hwc) rgb.image_hwc.insert(rgb.image_hwc.end(), 3, pixel);
  return rgb;
}

// A CT scan of slices 2, 3, 5 (3 without a label), added last slice first.
struct Scan {
  std::vector<Image> images;  // by slice number
  std::vector<Mask> masks;
  Selection selection;
  int label = 0;
};

Scan make_scan(const fs::path& path, bool rgb) {
  BankBuilder builder(path);
  const DatasetId dataset = builder.dataset("AMOS22");
  VolumeInfo info;
  info.source_modality = "ct_00";
  info.key = "ct_00--amos_0001";
  info.spacing_xyz_mm = {0.7, 0.8, 5};
  const VolumeId volume = builder.volume(dataset, info, "amos_0001");
  std::vector<Image> images(6);
  std::vector<Mask> masks(6);
  for (const std::uint32_t slice : {5u, 3u, 2u}) {
    Sample sample;
    sample.axis = Axis::z;
    sample.slice_index = slice;
    images[slice] = pattern(PixelType::u8, 13, 11, 1, slice);
    sample.image = rgb ? gray_as_rgb(images[slice]) : images[slice];
    const Box box = slice == 3 ? Box{} : Box{slice, 1, slice + 3, 7};
    masks[slice] = builder.mask(dataset, "liver", sample.image.shape, box);
    if (slice != 3) sample.masks.push_back(masks[slice]);
    builder.add(sample, volume);
  }
  return {images, masks, builder.selection(), 1};
}

}  // namespace

TEST_CASE("medsam-npz export: a scan is one 3-D case of its labelled slices, in order") {
  for (const bool rgb : {false, true}) {
    CAPTURE(rgb);
    const TempDir temp;
    const Scan scan = make_scan(temp / "bank", rgb);
    const ExportReport report = export_to(scan.selection, temp / "out", "medsam-npz");
    CHECK(report.samples == 2);
    CHECK(report.masks == 2);
    CHECK(has_loss(report, scan.selection.ids()[1], "no labelled pixel"));
    CHECK(fs::exists(temp / "out/CT_AMOS22_amos_0001.npz"));
    const auto cases = read_json(temp / "out/cases.json");
    CHECK(cases.at("CT_AMOS22_amos_0001.npz").at("slices") == nlohmann::json({2, 5}));
    CHECK(read_json(temp / "out/classes.json") == nlohmann::json({{"1", "liver"}}));
    const auto seen = check_with_python("medsam-npz", temp / "out");
    if (!seen) return;
    const auto file = nlohmann::json::parse(*seen).at("CT_AMOS22_amos_0001.npz");
    CHECK(file.at("shape") == nlohmann::json({2, 13, 11}));
    CHECK(file.at("spacing") == nlohmann::json({0.7, 0.8, 5.0}));
    std::vector<std::byte> images = scan.images[2].image_hwc;
    append(images, scan.images[5].image_hwc);
    CHECK(file.at("imgs") == fold(images));
    std::vector<std::byte> labels = times(scan.masks[2], 1);
    append(labels, times(scan.masks[5], 1));
    CHECK(file.at("gts") == fold(labels));
  }
}

TEST_CASE("medsam-npz export: slices=all keeps slices without labels, names=test marks 3-D") {
  const TempDir temp;
  const Scan scan = make_scan(temp / "bank", false);
  const ExportReport report =
      export_to(scan.selection, temp / "out", "medsam-npz", {{"slices", "all"}, {"names", "test"}});
  CHECK(report.samples == 3);
  CHECK(read_json(temp / "out/cases.json").at("3D_CT_AMOS22_amos_0001.npz").at("slices") ==
        nlohmann::json({2, 3, 5}));
  check_with_python("medsam-npz", temp / "out");
}

TEST_CASE("medsam-npz export: 2-D images, one case each, gray repeated three times") {
  const TempDir temp;
  BankBuilder builder(temp / "bank");
  const DatasetId dataset = builder.dataset("busi");
  VolumeInfo info;
  info.source_modality = "ultrasound_00";
  info.key = "scan 1";
  const VolumeId volume = builder.volume(dataset, info);
  Sample gray;
  gray.name = "one";
  gray.image = pattern(PixelType::u8, 9, 7, 1, 1);
  gray.masks.push_back(builder.mask(dataset, "liver", gray.image.shape, {1, 1, 6, 6}));
  gray.masks.push_back(builder.mask(dataset, "aorta", gray.image.shape, {2, 2, 3, 4}));
  Sample colour = gray;
  colour.name = "two";
  colour.image = pattern(PixelType::u8, 9, 7, 3, 2);
  const SampleId gray_id = builder.add(gray, volume);
  builder.add(colour, volume);
  const ExportReport report = export_to(builder.selection(), temp / "out", "medsam-npz");
  CHECK(report.samples == 2);
  CHECK(report.masks == 4);
  CHECK(has_loss(report, gray_id, "2 pixels belong to several classes"));
  const auto seen = check_with_python("medsam-npz", temp / "out");
  if (!seen) return;
  const auto files = nlohmann::json::parse(*seen);
  REQUIRE(files.size() == 2);
  std::size_t found = 0;
  for (const auto& entry : files.items()) {
    const std::string name = entry.key();
    const auto& file = entry.value();
    CAPTURE(name);
    CHECK(name.starts_with("US_busi_scan_1_"));
    CHECK(file.at("shape") == nlohmann::json({9, 7, 3}));
    CHECK(file.at("labels") == nlohmann::json({0, 1, 2}));
    found += file.at("imgs") == fold(gray_as_rgb(gray.image).image_hwc);
    found += file.at("imgs") == fold(colour.image.image_hwc);
  }
  CHECK(found == 2);
}

TEST_CASE("medsam-npz export: slices along x and y have their spacing in array order") {
  const TempDir temp;
  BankBuilder builder(temp / "bank");
  const DatasetId dataset = builder.dataset("D");
  VolumeInfo info;
  info.source_modality = "MR";
  info.key = "v";
  info.spacing_xyz_mm = {1, 2, 3};
  const VolumeId volume = builder.volume(dataset, info);
  for (const Axis axis : {Axis::x, Axis::y, Axis::z}) {
    for (std::uint32_t slice = 0; slice < 2; ++slice) {
      Sample sample;
      sample.axis = axis;
      sample.slice_index = slice;
      sample.image = pattern(PixelType::u8, 5, 6, 1, slice);
      sample.masks.push_back(builder.mask(dataset, "liver", sample.image.shape, {0, 0, 2, 2}));
      builder.add(sample, volume);
    }
  }
  export_to(builder.selection(), temp / "out", "medsam-npz");
  const auto seen = check_with_python("medsam-npz", temp / "out");
  if (!seen) return;
  const auto files = nlohmann::json::parse(*seen);
  CHECK(files.at("MR_D_v_x.npz").at("spacing") == nlohmann::json({2.0, 3.0, 1.0}));
  CHECK(files.at("MR_D_v_y.npz").at("spacing") == nlohmann::json({1.0, 3.0, 2.0}));
  CHECK(files.at("MR_D_v.npz").at("spacing") == nlohmann::json({1.0, 2.0, 3.0}));
}

TEST_CASE("medsam-npz export: real colour, unequal shapes and wide pixels are no stack") {
  const TempDir temp;
  BankBuilder builder(temp / "bank");
  const DatasetId dataset = builder.dataset("D");
  const auto add = [&](const std::string& key, const Image& image, std::uint32_t slice) {
    VolumeInfo info;
    info.source_modality = "MR";
    info.key = key;
    Sample sample;
    sample.axis = Axis::z;
    sample.slice_index = slice;
    sample.image = image;
    sample.masks.push_back(builder.mask(dataset, "liver", image.shape, {0, 0, 2, 2}));
    return builder.add(sample, builder.volume(dataset, info));
  };
  add("colour", pattern(PixelType::u8, 5, 6, 3, 1), 0);
  add("colour", pattern(PixelType::u8, 5, 6, 3, 2), 1);
  add("shapes", pattern(PixelType::u8, 5, 6, 1, 1), 0);
  add("shapes", pattern(PixelType::u8, 5, 7, 1, 2), 1);
  const SampleId wide = add("wide", pattern(PixelType::u16, 5, 6, 1, 1), 0);
  const SampleId many = add("many", pattern(PixelType::u8, 5, 6, 4, 1), 0);
  const Selection selection = builder.selection();
  const ExportReport report = export_to(selection, temp / "out", "medsam-npz");
  CHECK(report.samples == 4);
  CHECK(has_loss(report, wide, "u16"));
  CHECK(has_loss(report, many, "4 channels"));
  for (const char* name : {"MR_D_colour_z0000.npz", "MR_D_colour_z0001.npz",
                           "MR_D_shapes_z0000.npz", "MR_D_shapes_z0001.npz"}) {
    CHECK(fs::exists(temp / "out" / name));
  }
  check_with_python("medsam-npz", temp / "out");
  const auto windowed =
      export_to(selection, temp / "windowed", "medsam-npz", {{"window", "32768/65536"}});
  CHECK(windowed.samples == 5);
  check_with_python("medsam-npz", temp / "windowed");
}

TEST_CASE("medsam-npz export: 255 classes are held, 256 are refused and nothing is left") {
  const TempDir temp;
  BankBuilder builder(temp / "bank");
  const DatasetId dataset = builder.dataset("D");
  Sample sample;
  sample.image = pattern(PixelType::u8, 16, 16, 1, 1);
  for (std::uint32_t i = 0; i < 256; ++i) {
    const Box box = {i % 16, i / 16, i % 16 + 1, i / 16 + 1};
    sample.masks.push_back(
        builder.mask(dataset, "thing number " + std::to_string(i), sample.image.shape, box));
  }
  const VolumeId volume = builder.volume(dataset, VolumeInfo{});
  builder.add(sample, volume);
  sample.name = "fewer";
  sample.masks.pop_back();
  const SampleId fewer = builder.add(sample, volume);
  const Selection all = builder.selection();
  CHECK(error_code_of([&] { export_to(all, temp / "out", "medsam-npz"); }) == ErrorCode::limit);
  CHECK_FALSE(fs::exists(temp / "out"));
  CHECK_FALSE(fs::exists(temp / "out.partial"));
  const Selection held(all.bank(), {fewer}, all.generation(), "");
  export_to(held, temp / "out", "medsam-npz");
  const auto seen = check_with_python("medsam-npz", temp / "out");
  if (!seen) return;
  CHECK(nlohmann::json::parse(*seen).begin()->at("labels").back() == 255);
}
