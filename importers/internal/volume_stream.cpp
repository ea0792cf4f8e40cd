#include "importers/internal/volume_stream.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "formats/nifti.h"
#include "importers/internal/item_problem.h"
#include "importers/internal/slice_emitter.h"
#include "importers/internal/volume_file.h"
#include "schema/error.h"
#include "schema/limits.h"

namespace slicebank::internal {
namespace {

// One file that is being read.
class PlaneStream {
 public:
  PlaneStream(const SourceTree& source, const std::string& path)
      : name_(printable(path)), file_(source.open(path)) {
    if (file_->size() > limits::kSourceFileBytesMax) {
      throw Error(ErrorCode::limit, name_ + ": too large to be read");
    }
    reader_ = std::make_unique<nifti::Reader>(*file_, name_);
    plane_ = reader_->volume();
    plane_.size_ijk[2] = 1;
    plane_.frames = 1;
    plane_bytes_ = static_cast<std::size_t>(voxel_bytes(plane_));
  }

  const nifti::Reader& reader() const noexcept { return *reader_; }
  const Volume& volume() const noexcept { return reader_->volume(); }
  const std::string& name() const noexcept { return name_; }

  // Types that are the same whatever the values are, in the order of the slices.
  bool suits() const {
    const auto pixel_type = pixel_type_of(plane_.type);
    return reader_->in_order() && pixel_type && plane_.type != ElementType::boolean;
  }

  void skip_frames(std::uint32_t frames) {
    reader_->skip(std::uint64_t{frames} * volume().size_ijk[2] * plane_bytes_);
  }

  // The next plane, as stored: one slice thick. `into` keeps its memory. In steps, so that
  // a large plane takes no more memory than the file has for it.
  void read(Volume& into) {
    constexpr std::size_t kStepBytes = std::size_t{1} << 20;  // whole elements
    std::vector<std::byte> voxels = std::move(into.voxels);
    into = plane_;
    voxels.clear();
    voxels.reserve(plane_bytes_);
    while (voxels.size() < plane_bytes_) {
      const std::size_t before = voxels.size();
      voxels.resize(before + std::min(kStepBytes, plane_bytes_ - before));
      reader_->read(MutableBytes(voxels).subspan(before));
    }
    into.voxels = std::move(voxels);
  }

  void finish() { reader_->finish(); }

 private:
  std::string name_;
  std::unique_ptr<const ByteSource> file_;
  std::unique_ptr<nifti::Reader> reader_;
  Volume plane_;  // without voxels
  std::size_t plane_bytes_ = 0;
};

class VolumeStream {
 public:
  VolumeStream(const SourceTree& source, const SourceItem& item, const VolumeRequest& request)
      : item_(item), request_(request) {
    for (const std::string& path : item.image_paths) images_.emplace_back(source, path);
    for (const MaskSource& mask : item.masks) {
      if (std::find(map_paths_.begin(), map_paths_.end(), mask.path) == map_paths_.end()) {
        map_paths_.push_back(mask.path);
      }
    }
    if (map_paths_.size() == 1) map_.emplace(source, map_paths_.front());
  }

  // Whether slices along the slowest axis of the files are what is asked for.
  bool suits(const DecodeOptions& options) const {
    const Volume& first = images_.front().volume();
    flat_ = first.dimensions <= 2 && first.size_ijk[2] == 1;
    if (!flat_ && options.axes != std::vector<Axis>{Axis::z}) return false;
    std::uint32_t channels = 0;
    for (const PlaneStream& image : images_) {
      const Volume& volume = image.volume();
      if (!image.suits() || !same_grid(first, volume)) return false;
      const bool one = request_.frames == Frames::one;
      if (one ? request_.frame >= volume.frames : volume.frames != 1) return false;
      channels += volume.channels;
    }
    return channels <= limits::kImageChannelsMax && (!map_ || map_suits(first));
  }

  DecodedItem run(const SampleSink& emit, const ReadMaps& read_maps) {
    DecodedItem decoded;
    for (std::size_t i = 0; i < images_.size(); ++i) {
      for (const std::string& text : notes_of(images_[i].reader().header())) {
        decoded.problems.push_back(note("volume", item_.image_paths[i], text));
      }
    }
    std::vector<LabelMap> maps;
    if (map_) {
      maps.push_back({map_paths_.front(), {}, {}});
      for (std::size_t i = 0; i < item_.masks.size(); ++i) maps.front().masks.push_back(i);
      maps.front().other_values = request_.other_values;
      map_->read(maps.front().map);
    } else if (!map_paths_.empty()) {
      maps = read_maps(images_.front().volume(), decoded);
    }
    const Volume& first = images_.front().volume();
    describe(first, decoded);
    if (request_.frames == Frames::one) {
      for (PlaneStream& image : images_) image.skip_frames(request_.frame);
    }
    SliceEmitter emitter(item_, maps, emit);
    for (std::uint32_t index = 0; index < first.size_ijk[2]; ++index) {
      Image slice = next_slice();
      if (map_ && index != 0) map_->read(maps.front().map);
      emitter.put(flat_ ? Axis::none : Axis::z, index, map_ ? 0 : index, std::move(slice));
    }
    for (PlaneStream& image : images_) image.finish();
    if (map_) map_->finish();
    emitter.tell_unknown_values(decoded);
    return decoded;
  }

 private:
  bool map_suits(const Volume& image) const {
    const Volume& map = map_->volume();
    if (!map_->suits() || map.frames != 1 || request_.class_is_first_dimension) return false;
    if (!same_grid(image, map)) return false;
    std::uint32_t most = 0;
    for (const MaskSource& mask : item_.masks) most = std::max(most, mask.component);
    return most < map.channels && (map.channels == 1 || most != 0);
  }

  void describe(const Volume& first, DecodedItem& decoded) const {
    decoded.spacing_xyz_mm = first.spacing_ijk_mm;
    if (first.affine) decoded.affine_4x4.assign(first.affine->begin(), first.affine->end());
    std::size_t channels = 0;
    for (const PlaneStream& image : images_) channels += image.volume().channels;
    if (request_.channel_names.size() == channels) decoded.channel_names = request_.channel_names;
  }

  Image next_slice() {
    ImageParts parts;
    for (PlaneStream& image : images_) {
      Volume plane;
      image.read(plane);
      parts.volumes.push_back(rescaled(std::move(plane), image.name()));
    }
    if (parts.volumes.size() > 1) return slice_of(parts, Axis::z, 0);
    Volume& plane = parts.volumes.front();
    return {{*pixel_type_of(plane.type), plane.size_ijk[1], plane.size_ijk[0], plane.channels},
            std::move(plane.voxels)};
  }

  const SourceItem& item_;
  const VolumeRequest& request_;
  std::vector<PlaneStream> images_;
  std::vector<std::string> map_paths_;
  std::optional<PlaneStream> map_;  // where there is one only
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
