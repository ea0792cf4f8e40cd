#include "importers/internal/plane_stream.h"

#include <algorithm>
#include <cassert>
#include <utility>
#include <vector>

#include "schema/error.h"
#include "schema/limits.h"

namespace slicebank::internal {

PlaneStream::PlaneStream(const SourceTree& source, const std::string& path)
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

bool PlaneStream::suits() const {
  const auto pixel_type = pixel_type_of(plane_.type);
  return reader_->in_order() && pixel_type && plane_.type != ElementType::boolean;
}

void PlaneStream::go_to_frame(std::uint32_t frame) {
  const std::uint64_t planes = std::uint64_t{frame} * volume().size_ijk[2];
  assert(planes >= planes_read_ && frame <= volume().frames);
  reader_->skip((planes - planes_read_) * plane_bytes_);
  planes_read_ = planes;
}

void PlaneStream::read(Volume& into) {
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
  ++planes_read_;
}

}  // namespace slicebank::internal
