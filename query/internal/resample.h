// Planes of floats to another size. Pure; any thread with its own Resampler.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "query/batch.h"

namespace slicebank {

// How one axis of `length` pixels becomes `out` pixels: out pixel i is the weighted sum of
// `taps` pixels from first[i] on. Weights of taps behind the last pixel are 0, and first is
// low enough that none is read out of bounds.
struct AxisTaps {
  std::uint32_t length = 0;
  std::uint32_t out = 0;
  ImageFilter filter = ImageFilter::bilinear;
  std::uint32_t taps = 0;
  std::vector<std::uint32_t> first;  // [out]
  std::vector<float> weights;        // [out, taps]
};

void make_taps(std::uint32_t length, std::uint32_t out, ImageFilter filter, AxisTaps& taps);

class Resampler {
 public:
  // `in_hw` has rows one after another; rows of `out` are `out_step` floats apart.
  void run(const float* in_hw, Size in, Size out, ImageFilter filter, float* out_hw,
           std::size_t out_step);

 private:
  AxisTaps rows_;
  AxisTaps columns_;
  std::vector<float> row_;
};

}  // namespace slicebank
