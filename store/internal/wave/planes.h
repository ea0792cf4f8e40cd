// From an image to the planes that are coded (docs/format-wave.md, "Planes").
#pragma once

#include <cstdint>

#include "schema/sample.h"
#include "store/internal/wave/scratch.h"
#include "store/internal/wave/section.h"

namespace slicebank::wave {

// The planes of one image, each followed and preceded by slack that kernels may read.
template <class Pixel>
class Planes {
 public:
  // The pixels are not set. `memory` holds them, and outlives this.
  Planes(std::uint32_t width, std::uint32_t height, std::uint32_t count, Scratch& memory);

  std::uint32_t count() const { return count_; }
  std::size_t pixels() const { return pixels_; }
  Pixel* plane(std::uint32_t index) { return storage_ + offset(index); }
  const Pixel* plane(std::uint32_t index) const { return storage_ + offset(index); }

  // Takes plane `from` as plane `to`; both may be the same.
  void move_plane(std::uint32_t from, std::uint32_t to);
  void truncate(std::uint32_t count) { count_ = count; }

 private:
  std::size_t offset(std::uint32_t index) const;

  std::size_t pixels_ = 0;
  std::uint32_t count_ = 0;
  Pixel* storage_;
};

// Splits the image and fills transform, flags, plane references, biases and rank map.
// `use_ranks` allows the rank map where few of the values in the range are used. `memory` holds
// the planes.
template <class Pixel>
Planes<Pixel> split_image(const ImageView& image, bool use_ranks, Scratch& memory,
                          SectionHeader& header);

}  // namespace slicebank::wave
