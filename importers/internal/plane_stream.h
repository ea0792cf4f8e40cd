// A NIfTI file that is read plane by plane, from front to back. One thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "formats/nifti.h"
#include "formats/source_tree.h"
#include "formats/volume.h"

namespace slicebank::internal {

class PlaneStream {
 public:
  // Reads the header; `source` is not needed afterwards. Throws Error as SourceTree and
  // nifti::Reader do, Error(limit) for a file above schema/limits.h.
  PlaneStream(const SourceTree& source, const std::string& path);

  const nifti::Reader& reader() const noexcept { return *reader_; }
  const Volume& volume() const noexcept { return reader_->volume(); }  // without voxels
  const std::string& name() const noexcept { return name_; }

  // Whether planes are of a type that is the same whatever the values are, in the order of
  // slices along z.
  bool suits() const;

  // The frame whose plane comes next; volume().frames behind the last one.
  std::uint32_t frame() const noexcept {
    return static_cast<std::uint32_t>(planes_read_ / volume().size_ijk[2]);
  }

  // Passes over what comes before `frame`, which is not behind frame().
  void go_to_frame(std::uint32_t frame);

  // The next plane, as stored: one slice thick. `into` keeps its memory. In steps, so that
  // a large plane takes no more memory than the file has for it.
  void read(Volume& into);

  // Reads what is left: only after it did every checksum hold.
  void finish() { reader_->finish(); }

 private:
  std::string name_;
  std::unique_ptr<const ByteSource> file_;
  std::unique_ptr<nifti::Reader> reader_;
  Volume plane_;  // without voxels
  std::size_t plane_bytes_ = 0;
  std::uint64_t planes_read_ = 0;
};

}  // namespace slicebank::internal
