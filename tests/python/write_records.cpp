// Writes records, and beside each what is in it, for readers that are not ours.
//
//   write_records DIR            records of this build, with .json, .pixels and .masks
//   write_records --golden DIR   the records alone: new files for tests/golden/records
#include <cstdio>
#include <cstring>
#include <exception>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "store/record.h"
#include "tests/support/golden_records.h"

namespace slicebank {
namespace {

using nlohmann::json;

void write_file(const std::filesystem::path& path, Bytes bytes) {
  std::ofstream file(path, std::ios::binary);
  for (const std::byte byte : bytes) file.put(std::to_integer<char>(byte));
  if (!file.flush()) throw std::runtime_error("cannot write " + path.string());
}

std::string hex(std::uint64_t value) {
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(value));
  return text;
}

json describe(const SampleInfo& info, const ContentHash& annotations) {
  json table = json::array();
  for (const AnnotationInfo& a : info.annotations) {
    table.push_back({{"kind", a.kind == AnnotationKind::mask ? "mask" : "label"},
                     {"class", raw(a.class_id)},
                     {"raw_class", a.raw_class},
                     {"instance", a.instance},
                     {"source_value", a.source_value},
                     {"area", a.area},
                     {"box", {a.box.x0, a.box.y0, a.box.x1, a.box.y1}},
                     {"value_bits", hex(std::bit_cast<std::uint64_t>(a.value))}});
  }
  return {{"bank_uuid", testing::kBank},
          {"sample_id", raw(info.id)},
          {"volume_id", raw(info.volume_id)},
          {"axis", axis_name(info.axis)},
          {"slice_index", info.slice_index},
          {"name", info.name},
          {"pixel_type", pixel_type_name(info.shape.pixel_type)},
          {"height", info.shape.height},
          {"width", info.shape.width},
          {"channels", info.shape.channels},
          {"image_hash", hex(info.image_hash.high) + hex(info.image_hash.low)},
          {"annotations_hash", hex(annotations.high) + hex(annotations.low)},
          {"annotations", table}};
}

void write_all(const std::filesystem::path& directory, bool golden) {
  std::filesystem::create_directories(directory);
  for (const auto& record : testing::golden_records()) {
    EncodedSample encoded = encode_sample(record.sample);
    SampleInfo info = encoded.info;
    info.id = testing::kGoldenId;
    info.volume_id = testing::kGoldenVolume;
    const json description = describe(info, encoded.masks_hash);
    const auto bytes =
        seal_record(testing::kBank, testing::kGoldenId, testing::kGoldenVolume, std::move(encoded));
    if (get_record_header(bytes).image_codec != record.codec) {
      throw std::runtime_error(
          record.name + " was coded otherwise than it says: codec " +
          std::to_string(static_cast<int>(get_record_header(bytes).image_codec)));
    }
    const auto path = [&](const char* suffix) { return directory / (record.name + suffix); };
    write_file(path(".record"), bytes);
    if (golden) continue;
    const std::string text = description.dump(1);
    write_file(path(".json"), std::as_bytes(std::span(text)));
    write_file(path(".pixels"), record.sample.image.image_hwc);
    std::vector<std::byte> masks;
    for (const Mask& mask : record.sample.masks) {
      const auto pixels = std::as_bytes(std::span(mask.mask_hw));
      masks.insert(masks.end(), pixels.begin(), pixels.end());
    }
    write_file(path(".masks"), masks);
  }
}

}  // namespace
}  // namespace slicebank

int main(int count, char** arguments) {
  const bool golden = count == 3 && std::strcmp(arguments[1], "--golden") == 0;
  if (count != 2 && !golden) {
    std::fprintf(stderr, "usage: write_records [--golden] DIR\n");
    return 2;
  }
  try {
    slicebank::write_all(arguments[count - 1], golden);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "write_records: %s\n", error.what());
    return 1;
  }
}
