#include "importers/internal/volume_item.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <utility>

#include "importers/internal/error_kind.h"
#include "importers/internal/frame_files.h"
#include "importers/internal/item_problem.h"
#include "importers/internal/mask_pack.h"
#include "importers/internal/regrid.h"
#include "importers/internal/slice_emitter.h"
#include "importers/internal/volume_file.h"
#include "importers/internal/volume_stream.h"
#include "schema/error.h"
#include "schema/limits.h"

namespace slicebank::internal {
namespace {

std::string size_text(const Volume& volume) {
  return fmt::format("{} x {} x {}", volume.size_ijk[0], volume.size_ijk[1], volume.size_ijk[2]);
}

bool fits_i32(ElementType type) {
  return type != ElementType::u32 && type != ElementType::f16 && type != ElementType::f32 &&
         type != ElementType::f64;
}

// The planes that make up a slice, brought to one type and put beside one another.
class SliceMaker {
 public:
  explicit SliceMaker(const ImageParts& image) : image_(image) {
    const ElementType first = image.volumes.front().type;
    bool same = true;
    bool narrow = true;
    for (const Volume& volume : image.volumes) {
      same = same && volume.type == first;
      narrow = narrow && fits_i32(volume.type);
      channels_ += volume.channels * (image.frame ? 1 : volume.frames);
    }
    type_ = same ? first : narrow ? ElementType::i32 : ElementType::f32;
  }

  std::uint32_t channels() const noexcept { return channels_; }

  Image make(Axis axis, std::uint32_t index) const {
    if (channels_ == image_.volumes.front().channels) {
      return slicebank::slice_of(image_.volumes.front(), axis, index, image_.frame.value_or(0));
    }
    Image out;
    std::uint32_t channel = 0;
    for (const Volume& volume : image_.volumes) {
      const std::uint32_t first = image_.frame.value_or(0);
      const std::uint32_t end = image_.frame ? first + 1 : volume.frames;
      for (std::uint32_t frame = first; frame < end; ++frame) {
        const Image plane = converted(slicebank::slice_of(volume, axis, index, frame));
        if (out.image_hwc.empty()) {
          out.shape = {*pixel_type_of(type_), plane.shape.height, plane.shape.width, channels_};
          out.image_hwc.resize(out.shape.bytes());
        }
        put(plane, channel, out);
        channel += volume.channels;
      }
    }
    return out;
  }

 private:
  Image converted(Image&& plane) const {
    const ElementType from = element_type_of(plane.shape.pixel_type);
    if (from == type_) return std::move(plane);
    Image out{plane.shape, {}};
    out.shape.pixel_type = *pixel_type_of(type_);
    out.image_hwc.resize(out.shape.bytes());
    std::byte* to = out.image_hwc.data();
    for (const double value : values_of(plane.image_hwc, from)) {
      const auto whole = static_cast<std::int32_t>(type_ == ElementType::i32 ? value : 0);
      const auto real = static_cast<float>(value);
      std::memcpy(to, type_ == ElementType::i32 ? static_cast<const void*>(&whole) : &real, 4);
      to += 4;
    }
    return out;
  }

  static void put(const Image& plane, std::uint32_t channel, Image& out) {
    const std::size_t sample = pixel_bytes(out.shape.pixel_type);
    const std::size_t step = sample * plane.shape.channels;
    const std::size_t pixel = sample * out.shape.channels;
    const std::byte* from = plane.image_hwc.data();
    std::byte* to = out.image_hwc.data() + channel * sample;
    for (std::uint64_t i = 0; i < plane.shape.pixels(); ++i, from += step, to += pixel) {
      std::memcpy(to, from, step);
    }
  }

  const ImageParts& image_;
  ElementType type_ = ElementType::u8;
  std::uint32_t channels_ = 0;
};

class VolumeReader {
 public:
  VolumeReader(const SourceTree& source, const SourceItem& item, const VolumeRequest& request)
      : source_(source), item_(item), request_(request) {
    if (request.frames == Frames::one) {
      frame_files_ = FrameFiles::of(source, item.image_paths.front());
    }
  }

  ImageParts read_image(DecodedItem& decoded) {
    ImageParts image;
    for (const std::string& path : item_.image_paths) {
      Volume volume = read_image_file(path, decoded);
      if (!image.volumes.empty()) {
        const GridMatch match = put_on_grid_of(image.volumes.front(), volume);
        if (match == GridMatch::none) {
          throw ItemError(
              ErrorCode::bad_format, "image-grid", path,
              fmt::format("{}: {} voxels, but {} of {}", printable(path), size_text(volume),
                          size_text(image.volumes.front()), printable(item_.image_paths.front())));
        }
        if (match == GridMatch::size_only) {
          decoded.problems.push_back(
              note("image-grid", path,
                   "lies elsewhere in space than the first channel; taken voxel by voxel"));
        }
      }
      image.volumes.push_back(std::move(volume));
    }
    if (request_.frames == Frames::one) image.frame = 0;  // the only one that was kept
    check_channels(image);
    return image;
  }

  std::vector<LabelMap> read_maps(const Volume& image, DecodedItem& decoded) {
    std::vector<LabelMap> maps;
    MaskPack pack;
    std::map<std::string, std::vector<std::size_t>> files;
    std::vector<std::string> order;
    for (std::size_t place = 0; place < item_.masks.size(); ++place) {
      auto& masks = files[item_.masks[place].path];
      if (masks.empty()) order.push_back(item_.masks[place].path);
      masks.push_back(place);
    }
    for (const std::string& path : order) {
      LabelMap map{path, {}, files[path]};
      map.other_values = request_.other_values;
      if (read_map(image, map, decoded)) {
        if (files.size() > 1 && is_one_binary_mask(map)) {
          pack.add(map);
        } else {
          maps.push_back(std::move(map));
        }
      } else {
        for (const std::size_t place : map.masks) {
          decoded.unread_classes.push_back(item_.masks[place].class_id);
        }
      }
    }
    for (LabelMap& layer : pack.take()) maps.push_back(std::move(layer));
    return maps;
  }

 private:
  bool is_one_binary_mask(const LabelMap& map) const {
    return map.masks.size() == 1 && item_.masks[map.masks[0]].values.empty() &&
           map.map.channels == 1 && map.map.frames == 1;
  }

  Volume read_image_file(const std::string& path, DecodedItem& decoded) {
    try {
      const auto note_all = [&](const std::vector<std::string>& notes) {
        for (const std::string& text : notes)
          decoded.problems.push_back(note("volume", path, text));
      };
      if (frame_files_) {
        const auto file = frame_files_->whole(source_, path, VolumeUse::image);
        note_all(file->notes);
        if (request_.frame >= file->volume.frames) refuse_frames(path, file->volume.frames);
        return rescaled(frame_of(file->volume, request_.frame), printable(path));
      }
      VolumeFile file = read_volume(source_, path);
      note_all(file.notes);
      const std::uint32_t frames = file.volume.frames;
      if (request_.frames == Frames::refuse && frames != 1) refuse_frames(path, frames);
      return rescaled(std::move(file.volume), printable(path));
    } catch (const ItemError&) {
      throw;
    } catch (const Error& error) {
      throw ItemError(error.code(), problem_kind(error, "missing-image", "bad-volume"), path,
                      error.what());
    }
  }

  [[noreturn]] static void refuse_frames(const std::string& path, std::uint32_t frames) {
    throw ItemError(ErrorCode::bad_format, "frames", path,
                    fmt::format("{}: a fourth dimension of {}, which this layout does not have",
                                printable(path), frames));
  }

  // Of a map of several frames the one that all masks of it lie in.
  VolumeFile read_map_file(LabelMap& map) const {
    if (!frame_files_ || request_.class_is_first_dimension) {
      return read_volume(source_, map.path, VolumeUse::labels);
    }
    const auto whole = frame_files_->whole(source_, map.path, VolumeUse::labels);
    const std::uint32_t component = item_.masks[map.masks.front()].component;
    const bool one = std::all_of(map.masks.begin(), map.masks.end(), [&](std::size_t place) {
      return item_.masks[place].component == component;
    });
    const Volume& volume = whole->volume;
    if (!one || volume.channels != 1 || component >= volume.frames) return *whole;
    VolumeFile file;
    file.volume = frame_of(volume, component);
    file.extent_offset = whole->extent_offset;
    map.first_component = component;
    return file;
  }

  void check_channels(const ImageParts& image) const {
    const std::uint32_t channels = SliceMaker(image).channels();
    if (channels <= limits::kImageChannelsMax) return;
    throw ItemError(
        ErrorCode::limit, "too-large", item_.image_paths.front(),
        fmt::format("{}: {} channels; at most {} can be kept", printable(item_.image_paths.front()),
                    channels, limits::kImageChannelsMax));
  }

  bool read_map(const Volume& image, LabelMap& map, DecodedItem& decoded) {
    std::optional<std::array<std::uint32_t, 3>> extent_offset;
    try {
      VolumeFile file = read_map_file(map);
      extent_offset = file.extent_offset;
      map.map = std::move(file.volume);
      if (is_class_stack(image, map.map)) map.map = with_channels_first(std::move(map.map));
      if (!pixel_type_of(map.map.type) || map.map.type == ElementType::boolean) {
        map.map = rescaled(std::move(map.map), printable(map.path));
      }
      check_labels(map);
    } catch (const Error& error) {
      decoded.problems.push_back(
          skipped(problem_kind(error, "missing-mask", "bad-mask"), map.path, error.what()));
      return false;
    }
    return components_exist(map, decoded) && lies_on(image, extent_offset, map, decoded);
  }

  // A stack of an image of one slice is (c, x, y, 1), and has one frame by that.
  bool is_class_stack(const Volume& image, const Volume& map) const {
    if (!request_.class_is_first_dimension) return false;
    return map.frames > 1 || (map.dimensions >= 4 && map.size_ijk != image.size_ijk);
  }

  // Before the first slice is out: a map of other than whole numbers is left out, and the
  // image stays.
  static void check_labels(const LabelMap& map) {
    const ElementType type = map.map.type;
    const bool always =
        type == ElementType::u8 || type == ElementType::u16 || type == ElementType::u32;
    if (always && !map.map.scaled()) return;
    constexpr std::size_t kPart = std::size_t{1} << 20;  // bytes; of whole elements
    const Bytes voxels(map.map.voxels);
    for (std::size_t at = 0; at < voxels.size(); at += kPart) {
      label_values(voxels.subspan(at, std::min(kPart, voxels.size() - at)), type,
                   printable(map.path), map.map.slope, map.map.intercept);
    }
  }

  bool components_exist(const LabelMap& map, DecodedItem& decoded) const {
    std::uint32_t most = 0;
    for (const std::size_t place : map.masks) {
      most = std::max(most, item_.masks[place].component);
    }
    const std::uint64_t there =
        std::uint64_t{map.map.channels} * map.map.frames + map.first_component;
    const bool one_expected = most == 0 && there > 1 && request_.frames != Frames::one;
    if (most < there && !one_expected) {
      if (request_.class_is_first_dimension && there > most + 1) {
        decoded.problems.push_back(
            note("mask-maps", map.path,
                 fmt::format("holds {} maps for {} classes; those behind are left out", there,
                             most + 1)));
      }
      return true;
    }
    decoded.problems.push_back(
        skipped("mask-maps", map.path,
                fmt::format("holds {} maps where {} are expected", there, most + 1)));
    return false;
  }

  static bool lies_on(const Volume& image,
                      const std::optional<std::array<std::uint32_t, 3>>& extent_offset,
                      LabelMap& map, DecodedItem& decoded) {
    switch (put_on_grid_of(image, map.map)) {
      case GridMatch::same:
        return true;
      case GridMatch::reordered:
        decoded.problems.push_back(
            note("mask-order", map.path,
                 "its axes run otherwise than those of the image; put in the image's order"));
        return true;
      case GridMatch::size_only:
        decoded.problems.push_back(
            note("mask-grid", map.path,
                 "lies elsewhere in space than its image, by its header; taken voxel by voxel"));
        return true;
      case GridMatch::none:
        break;
    }
    if (place_in_grid_of(image, map.map, extent_offset)) {
      decoded.problems.push_back(
          note("mask-crop", map.path,
               "a part of the image's grid, by its header; put there, and nothing around it"));
      return true;
    }
    decoded.problems.push_back(skipped(
        "mask-size", map.path,
        fmt::format("the mask has {} voxels, its image {}", size_text(map.map), size_text(image))));
    return false;
  }

  const SourceTree& source_;
  const SourceItem& item_;
  const VolumeRequest& request_;
  std::shared_ptr<FrameFiles> frame_files_;  // where one frame of several is wanted
};

}  // namespace

void emit_slices(const SourceItem& item, const DecodeOptions& options, const ImageParts& image,
                 const std::vector<LabelMap>& maps, const SampleSink& emit, DecodedItem& decoded) {
  const Volume& first = image.volumes.front();
  decoded.spacing_xyz_mm = first.spacing_ijk_mm;
  if (first.affine) decoded.affine_4x4.assign(first.affine->begin(), first.affine->end());
  const SliceMaker maker(image);
  SliceEmitter emitter(item, maps, emit);
  const bool flat = first.dimensions <= 2 && first.size_ijk[2] == 1;
  const std::vector<Axis> axes = flat ? std::vector<Axis>{Axis::none} : options.axes;
  for (const Axis axis : axes) {
    for (std::uint32_t index = 0; index < slices(first, axis); ++index) {
      emitter.put(axis, index, index, maker.make(axis, index));
    }
  }
  emitter.tell_unknown_values(decoded);
}

Image slice_of(const ImageParts& image, Axis axis, std::uint32_t index) {
  return SliceMaker(image).make(axis, index);
}

DecodedItem decode_volume_item(const SourceTree& source, const SourceItem& item,
                               const VolumeRequest& request, const DecodeOptions& options,
                               const SampleSink& emit) {
  VolumeReader reader(source, item, request);
  if (options.may_start_again) {
    const ReadMaps read_maps = [&](const Volume& image, DecodedItem& noted) {
      return reader.read_maps(image, noted);
    };
    if (auto done = stream_volume_item(source, item, request, options, emit, read_maps)) {
      return *std::move(done);
    }
  }
  DecodedItem decoded;
  const ImageParts image = reader.read_image(decoded);
  const std::vector<LabelMap> maps = reader.read_maps(image.volumes.front(), decoded);
  const std::size_t channels = SliceMaker(image).channels();
  if (request.channel_names.size() == channels) decoded.channel_names = request.channel_names;
  emit_slices(item, options, image, maps, emit, decoded);
  return decoded;
}

}  // namespace slicebank::internal
