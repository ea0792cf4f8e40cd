#include "importers/internal/frame_files.h"

#include <algorithm>
#include <utility>

namespace slicebank::internal {
namespace {

// As many readers as threads are likely to want at a time.
constexpr std::size_t kParkedMax = 16;

struct Latest {
  std::mutex mutex;
  std::string image_path;
  std::shared_ptr<FrameFiles> files;
};

}  // namespace

std::shared_ptr<FrameFiles> FrameFiles::of(const SourceTree& source,
                                           const std::string& image_path) {
  const auto latest =
      std::static_pointer_cast<Latest>(source.shared("frames of the latest file", [] {
        return std::static_pointer_cast<void>(std::make_shared<Latest>());
      }));
  const std::lock_guard lock(latest->mutex);
  if (latest->files == nullptr || latest->image_path != image_path) {
    latest->files = std::make_shared<FrameFiles>();
    latest->image_path = image_path;
  }
  return latest->files;
}

FrameFiles::File& FrameFiles::file(const std::string& path) {
  const std::lock_guard lock(mutex_);
  return files_[path];
}

std::unique_ptr<PlaneStream> FrameFiles::take(const SourceTree& source, const std::string& path,
                                              std::uint32_t frame) {
  {
    const std::lock_guard lock(mutex_);
    auto& parked = files_[path].parked;
    auto nearest = parked.end();
    for (auto at = parked.begin(); at != parked.end(); ++at) {
      if ((*at)->frame() > frame) continue;
      if (nearest == parked.end() || (*at)->frame() > (*nearest)->frame()) nearest = at;
    }
    if (nearest != parked.end()) {
      auto stream = std::move(*nearest);
      parked.erase(nearest);
      return stream;
    }
    ++opened_;
  }
  return std::make_unique<PlaneStream>(source, path);
}

void FrameFiles::give_back(const std::string& path, std::unique_ptr<PlaneStream> stream) {
  if (stream->frame() >= stream->volume().frames) return;
  const std::lock_guard lock(mutex_);
  auto& parked = files_[path].parked;
  if (parked.size() == kParkedMax) parked.erase(parked.begin());
  parked.push_back(std::move(stream));
}

// Under the lock, so that others wait for the one who reads.
template <typename Read>
void FrameFiles::read_once(File& file, const Read& read) {
  if (file.error) throw Error(*file.error);
  {
    const std::lock_guard lock(mutex_);
    ++opened_;
  }
  try {
    read();
    file.sound = true;
  } catch (const Error& error) {
    file.error = error;
    throw;
  }
}

void FrameFiles::check(const SourceTree& source, const std::string& path) {
  File& one = file(path);
  const std::lock_guard lock(one.reading);
  if (one.sound) return;
  read_once(one, [&] { PlaneStream(source, path).finish(); });
}

std::shared_ptr<const VolumeFile> FrameFiles::whole(const SourceTree& source,
                                                    const std::string& path, VolumeUse use) {
  File& one = file(path);
  const std::lock_guard lock(one.reading);
  if (one.whole == nullptr) {
    read_once(one, [&] {
      auto read = std::make_shared<VolumeFile>(read_volume(source, path, use));
      Volume& volume = read->volume;
      if (!pixel_type_of(volume.type) || volume.type == ElementType::boolean) {
        volume = rescaled(std::move(volume), printable(path));
      }
      one.whole = std::move(read);
    });
  }
  return one.whole;
}

std::size_t FrameFiles::opened() const {
  const std::lock_guard lock(mutex_);
  return opened_;
}

Volume frame_of(const Volume& volume, std::uint32_t frame) {
  Volume out;
  out.type = volume.type;
  out.size_ijk = volume.size_ijk;
  out.channels = volume.channels;
  out.dimensions = volume.dimensions;
  out.slope = volume.slope;
  out.intercept = volume.intercept;
  out.spacing_ijk_mm = volume.spacing_ijk_mm;
  out.affine = volume.affine;
  const auto bytes = static_cast<std::ptrdiff_t>(voxel_bytes(out));
  const auto first = volume.voxels.begin() + bytes * frame;
  out.voxels.assign(first, first + bytes);
  return out;
}

}  // namespace slicebank::internal
