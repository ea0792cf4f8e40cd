#include "importers/internal/picture_stack.h"

#include <fmt/format.h>

#include <cstring>
#include <map>
#include <utility>
#include <vector>

#include "formats/tiff.h"
#include "formats/volume.h"
#include "importers/internal/error_kind.h"
#include "importers/internal/item_problem.h"
#include "importers/internal/volume_item.h"
#include "schema/error.h"
#include "schema/limits.h"

namespace slicebank::internal {
namespace {

std::string size_text(const Volume& volume) {
  return fmt::format("{} x {} x {}", volume.size_ijk[0], volume.size_ijk[1], volume.size_ijk[2]);
}

Volume read_stack(Bytes file, const std::string& path, const char* bad) {
  try {
    return rescaled(tiff::Reader(file, printable(path)).decode_volume(), printable(path));
  } catch (const Error& error) {
    throw ItemError(error.code(), problem_kind(error, "missing-image", bad), path, error.what());
  }
}

void apply_threshold(Volume& map, double threshold) {
  const std::vector<double> values = values_of(map.voxels, map.type);
  std::vector<std::byte> inside(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) inside[i] = std::byte{values[i] >= threshold};
  map.type = ElementType::u8;
  map.voxels = std::move(inside);
}

void clear_ignored(Volume& map, const PicturePlace& place) {
  if (place.ignored.empty()) return;
  std::vector<std::uint32_t> labels = label_values(map.voxels, map.type, "mask");
  for (std::uint32_t& label : labels) {
    if (place.ignores(label)) label = 0;
  }
  map.type = ElementType::u32;
  map.voxels.resize(labels.size() * sizeof(std::uint32_t));
  std::memcpy(map.voxels.data(), labels.data(), map.voxels.size());
}

// Throws ItemError where the file cannot be the masks of `image`.
Volume read_map(const SourceTree& source, const PicturePlace& place, const std::string& path,
                const Volume& image) {
  std::vector<std::byte> file;
  try {
    file = source.read(path);
  } catch (const Error& error) {
    throw ItemError(error.code(), problem_kind(error, "missing-mask", "bad-path"), path,
                    error.what());
  }
  const auto fail = [&](const char* kind, const std::string& why) {
    throw ItemError(ErrorCode::bad_format, kind, path, printable(path) + ": " + why);
  };
  if (picture_kind(file) != PictureKind::tiff) {
    fail("mask-pages", "its image has pages, so a TIFF with as many is expected");
  }
  Volume map = read_stack(file, path, "bad-mask");
  if (map.size_ijk != image.size_ijk) {
    fail("mask-size",
         fmt::format("the mask has {} voxels, its image {}", size_text(map), size_text(image)));
  }
  if (map.channels != 1 || map.frames != 1) fail("mask-colours", "more than one number a voxel");
  if (place.instances || place.rule.colours) {
    fail("mask-pages", "instances and colours are read from flat pictures only");
  }
  if (place.rule.threshold) {
    apply_threshold(map, *place.rule.threshold);
  } else {
    check_whole_numbers(map.voxels, *pixel_type_of(map.type), path);
    try {
      label_values(map.voxels, map.type, printable(path));
    } catch (const Error& error) {
      fail("bad-mask", error.what());
    }
  }
  clear_ignored(map, place);
  return map;
}

}  // namespace

bool is_stack(Bytes file, const std::string& path) {
  if (picture_kind(file) != PictureKind::tiff) return false;
  try {
    return tiff::Reader(file, printable(path)).pages().size() > 1;
  } catch (const Error&) {
    return false;
  }
}

DecodedItem decode_picture_stack(const SourceTree& source, const SourceItem& item,
                                 const PicturePlace& place, Bytes file,
                                 const DecodeOptions& options, const SampleSink& emit) {
  DecodedItem decoded;
  const std::string& path = item.image_paths.front();
  ImageParts image;
  image.volumes.push_back(read_stack(file, path, "bad-image"));
  const Volume& volume = image.volumes.front();
  const std::uint64_t channels = std::uint64_t{volume.channels} * volume.frames;
  if (channels > limits::kImageChannelsMax) {
    throw ItemError(ErrorCode::limit, "too-large", path,
                    fmt::format("{}: {} channels and frames; at most {} can be kept",
                                printable(path), channels, limits::kImageChannelsMax));
  }
  std::map<std::string, std::size_t> places;
  std::vector<LabelMap> maps;
  for (std::size_t i = 0; i < item.masks.size(); ++i) {
    const auto [found, fresh] = places.emplace(item.masks[i].path, maps.size());
    if (fresh) maps.push_back({item.masks[i].path, {}, {}});
    maps[found->second].masks.push_back(i);
  }
  std::vector<LabelMap> read;
  for (LabelMap& map : maps) {
    try {
      map.map = read_map(source, place, map.path, volume);
      read.push_back(std::move(map));
    } catch (const ItemError& error) {
      decoded.problems.push_back(skipped(error.kind(), map.path, error.what()));
      for (const std::size_t i : map.masks) {
        decoded.unread_classes.push_back(item.masks[i].class_id);
      }
    }
  }
  emit_slices(item, options, image, read, emit, decoded);
  return decoded;
}

}  // namespace slicebank::internal
