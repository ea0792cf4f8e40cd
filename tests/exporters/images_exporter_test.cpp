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

}  // namespace

TEST_CASE("images export: 8 and 16 bit as they are, masks 0/255, empty ones too") {
  const TempDir temp;
  BankBuilder builder(temp / "bank");
  const DatasetId dataset = builder.dataset("set, \"one\"");
  VolumeInfo info;
  info.key = "v";
  info.source_modality = "ct_00";
  info.spacing_xyz_mm = {0.5, 0.25, 2};
  const VolumeId volume = builder.volume(dataset, info, "patient\r\n1");
  std::vector<Image> images = {pattern(PixelType::u8, 5, 6, 1, 1),
                               pattern(PixelType::u16, 5, 6, 1, 2),
                               pattern(PixelType::u16, 5, 6, 3, 3)};
  for (std::uint32_t slice = 0; slice < 3; ++slice) {
    Sample sample;
    sample.axis = Axis::z;
    sample.slice_index = slice;
    sample.image = images[slice];
    if (slice < 2) {
      sample.masks.push_back(
          builder.mask(dataset, "liver", sample.image.shape, {0, 0, slice, 3}, 7));
    }
    if (slice == 0) sample.labels.push_back({sample.masks[0].class_id, 1, 0.5});
    builder.add(sample, volume);
  }
  const ExportReport report = export_to(builder.selection(), temp / "out", "images");
  CHECK(report.samples == 3);
  CHECK(report.masks == 2);
  CHECK(report.losses_total == 0);
  const std::string folder = safe_file_name("set, \"one\"");
  for (std::uint32_t slice = 0; slice < 3; ++slice) {
    const std::string name = "v_z000" + std::to_string(slice);
    CHECK(read_png(temp / ("out/images/" + folder + "/" + name + ".png")).image == images[slice]);
  }
  const Image mask = read_png(temp / ("out/masks/" + folder + "/v_z0001--liver_7.png")).image;
  CHECK(mask.image_hwc[0] == std::byte{255});
  CHECK(mask.image_hwc[1] == std::byte{0});
  const std::string index = read_text(temp / "out/index.csv");
  CHECK(index.find("\"set, \"\"one\"\"\"") != std::string::npos);
  CHECK(index.find("\"patient\r\n1\"") != std::string::npos);
  CHECK(index.find("liver=0.5") != std::string::npos);
  CHECK(index.find(",0.5,0.25,2,") != std::string::npos);
  CHECK(index.ends_with("\r\n"));
  const auto seen = check_with_python("images", temp / "out");
  if (seen) CHECK(nlohmann::json::parse(*seen).at("rows") == 3);
}

TEST_CASE("images export: floats are a loss unless a window maps them") {
  const TempDir temp;
  BankBuilder builder(temp / "bank");
  const DatasetId dataset = builder.dataset("D");
  Sample sample;
  sample.name = "a";
  sample.image = Image{{PixelType::f32, 4, 4, 1}, std::vector<std::byte>(64)};
  const SampleId id = builder.add(sample, builder.volume(dataset, VolumeInfo{}));
  const Selection selection = builder.selection();
  const ExportReport report = export_to(selection, temp / "out", "images");
  CHECK(report.samples == 0);
  CHECK(has_loss(report, id, "f32"));
  CHECK(export_to(selection, temp / "windowed", "images", {{"window", "0/2"}}).samples == 1);
  const Image image = read_png(temp / "windowed/images/D/a.png").image;
  CHECK(image.image_hwc[0] == std::byte{128});
}

TEST_CASE("images export: equal names, unsafe names and clashing masks all find a place") {
  const TempDir temp;
  BankBuilder builder(temp / "bank");
  const DatasetId dataset = builder.dataset("D");
  const auto add = [&](const std::string& name, const std::string& key, const std::string& what) {
    VolumeInfo info;
    info.key = key;
    Sample sample;
    sample.name = name;
    sample.image = pattern(PixelType::u8, 4, 4, 1, 1);
    sample.masks.push_back(builder.mask(dataset, what, sample.image.shape, {0, 0, 2, 2}, 1));
    return builder.add(sample, builder.volume(dataset, info));
  };
  add("a", "v1", "liver");
  const SampleId again = add("a", "v2", "liver");
  add("x", "v3", "b--c");
  const SampleId clash = add("x--b", "v4", "c");
  add("../../up", "v5", "../up");
  const ExportReport report = export_to(builder.selection(), temp / "deep/out", "images");
  CHECK(report.samples == 5);
  CHECK(report.masks == 5);
  CHECK(has_loss(report, again, "renamed to v2_a"));
  CHECK(has_loss(report, clash, "renamed"));
  for (const auto& file : files_below(temp.path())) {
    CAPTURE(file);
    CHECK((file.starts_with("deep/out/") || file.starts_with("bank/")));
  }
  const auto seen = check_with_python("images", temp / "deep/out");
  if (seen) CHECK(nlohmann::json::parse(*seen).at("rows") == 5);
}
