#include "importers/internal/volume_stream.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "importers/internal/frame_files.h"
#include "importers/internal/item_problem.h"
#include "importers/internal/plane_stream.h"
#include "importers/internal/slice_emitter.h"
#include "importers/internal/volume_file.h"
#include "schema/error.h"
#include "schema/limits.h"

namespace slicebank::internal {
namespace {

class VolumeStream {
 public:
  VolumeStream(const SourceTree& source, const SourceItem& item, const VolumeRequest& request)
      : source_(source), item_(item), request_(request) {
    if (request.frames == Frames::one) {
      frame_files_ = FrameFiles::of(source, item.image_paths.front());
    }
    for (const std::string& path : item.image_paths) images_.push_back(open(path, request.frame));
    for (const MaskSource& mask : item.masks) {
      if (std::find(map_paths_.begin(), map_paths_.end(), mask.path) == map_paths_.end()) {
        map_paths_.push_back(mask.path);
      }
    }
    if (map_paths_.size() == 1) map_ = open(map_paths_.front(), item.masks.front().component);
  }

  // Whether slices along the slowest axis of the files are what is asked for.
  bool suits(const DecodeOptions& options) const {
    const Volume& first = images_.front()->volume();
    flat_ = first.dimensions <= 2 && first.size_ijk[2] == 1;
    if (!flat_ && options.axes != std::vector<Axis>{Axis::z}) return false;
    std::uint32_t channels = 0;
    for (const auto& image : images_) {
      const Volume& volume = image->volume();
      if (!image->suits() || !same_grid(first, volume)) return false;
      const bool one = request_.frames == Frames::one;
      if (one ? request_.frame >= volume.frames : volume.frames != 1) return false;
      channels += volume.channels;
    }
    return channels <= limits::kImageChannelsMax && (!map_ || map_suits(first));
  }

  DecodedItem run(const SampleSink& emit, const ReadMaps& read_maps) {
    DecodedItem decoded;
    for (std::size_t i = 0; i < images_.size(); ++i) {
      for (const std::string& text : notes_of(images_[i]->reader().header())) {
        decoded.problems.push_back(note("volume", item_.image_paths[i], text));
      }
    }
    const Volume first = images_.front()->volume();
    std::vector<LabelMap> maps;
    for (std::size_t i = 0; i < images_.size(); ++i) {
      begin(*images_[i], item_.image_paths[i], request_.frame);
    }
    if (map_) {
      maps.push_back({map_paths_.front(), {}, {}});
      for (std::size_t i = 0; i < item_.masks.size(); ++i) maps.front().masks.push_back(i);
      maps.front().other_values = request_.other_values;
      if (map_->volume().frames != 1) {
        maps.front().first_component = item_.masks.front().component;
        begin(*map_, map_paths_.front(), item_.masks.front().component);
      }
      map_->read(maps.front().map);
    } else if (!map_paths_.empty()) {
      maps = read_maps(first, decoded);
    }
    describe(first, decoded);
    SliceEmitter emitter(item_, maps, emit);
    for (std::uint32_t index = 0; index < first.size_ijk[2]; ++index) {
      Image slice = next_slice();
      if (map_ && index != 0) map_->read(maps.front().map);
      emitter.put(flat_ ? Axis::none : Axis::z, index, map_ ? 0 : index, std::move(slice));
    }
    for (std::size_t i = 0; i < images_.size(); ++i) {
      end(std::move(images_[i]), item_.image_paths[i]);
    }
    if (map_) end(std::move(map_), map_paths_.front());
    emitter.tell_unknown_values(decoded);
    return decoded;
  }

 private:
  std::unique_ptr<PlaneStream> open(const std::string& path, std::uint32_t frame) const {
    if (frame_files_) return frame_files_->take(source_, path, frame);
    return std::make_unique<PlaneStream>(source_, path);
  }

  // Of a file of several frames all checksums hold before anything is given away, and what
  // comes behind the frame is left to the items that want it.
  void begin(PlaneStream& stream, const std::string& path, std::uint32_t frame) const {
    if (!frame_files_ || stream.volume().frames == 1) return;
    frame_files_->check(source_, path);
    stream.go_to_frame(frame);
  }

  void end(std::unique_ptr<PlaneStream> stream, const std::string& path) const {
    if (frame_files_ && stream->volume().frames != 1) {
      frame_files_->give_back(path, std::move(stream));
    } else {
      stream->finish();
    }
  }

  bool map_suits(const Volume& image) const {
    const Volume& map = map_->volume();
    if (!map_->suits() || request_.class_is_first_dimension || !same_grid(image, map)) return false;
    std::uint32_t most = 0;
    std::uint32_t least = ~0u;
    for (const MaskSource& mask : item_.masks) {
      most = std::max(most, mask.component);
      least = std::min(least, mask.component);
    }
    if (map.frames != 1) {  // one of them is read, and all masks must lie in it
      return request_.frames == Frames::one && map.channels == 1 && least == most &&
             most < map.frames;
    }
    return most < map.channels && (map.channels == 1 || most != 0);
  }

  void describe(const Volume& first, DecodedItem& decoded) const {
    decoded.spacing_xyz_mm = first.spacing_ijk_mm;
    if (first.affine) decoded.affine_4x4.assign(first.affine->begin(), first.affine->end());
    std::size_t channels = 0;
    for (const auto& image : images_) channels += image->volume().channels;
    if (request_.channel_names.size() == channels) decoded.channel_names = request_.channel_names;
  }

  Image next_slice() {
    ImageParts parts;
    for (const auto& image : images_) {
      Volume plane;
      image->read(plane);
      parts.volumes.push_back(rescaled(std::move(plane), image->name()));
    }
    if (parts.volumes.size() > 1) return slice_of(parts, Axis::z, 0);
    Volume& plane = parts.volumes.front();
    return {{*pixel_type_of(plane.type), plane.size_ijk[1], plane.size_ijk[0], plane.channels},
            std::move(plane.voxels)};
  }

  const SourceTree& source_;
  const SourceItem& item_;
  const VolumeRequest& request_;
  std::shared_ptr<FrameFiles> frame_files_;  // where one frame of several is wanted
  std::vector<std::unique_ptr<PlaneStream>> images_;
  std::vector<std::string> map_paths_;
  std::unique_ptr<PlaneStream> map_;  // where there is one only
  mutable bool flat_ = false;
};

}  // namespace

std::optional<DecodedItem> stream_volume_item(const SourceTree& source, const SourceItem& item,
                                              const VolumeRequest& request,
                                              const DecodeOptions& options, const SampleSink& emit,
                                              const ReadMaps& read_maps) {
  std::optional<VolumeStream> stream;
  try {
    stream.emplace(source, item, request);
  } catch (const Error&) {
    return std::nullopt;  // who reads it whole will say why
  }
  if (!stream->suits(options)) return std::nullopt;
  bool begun = false;
  const SampleSink passed_on = [&](Sample&& sample) {
    begun = true;
    emit(std::move(sample));
  };
  try {
    return stream->run(passed_on, read_maps);
  } catch (const Error&) {
    if (begun) throw StartAgain();
    return std::nullopt;
  }
}

}  // namespace slicebank::internal
