// Pixels of any type to planes of floats and back. Pure.
#pragma once

#include <cstdint>
#include <vector>

#include "query/batch.h"
#include "query/internal/batch_place.h"

namespace slicebank {

// x -> (clamp(x, low, high) - shift) * scale + offset. The default changes nothing.
struct LinearMap {
  double low = 0;
  double high = 0;  // no clamping where high <= low
  double shift = 0;
  double scale = 1;
  double offset = 0;

  bool is_identity() const noexcept {
    return high <= low && shift == 0 && scale == 1 && offset == 0;
  }
};

// One channel of a box of an image, mapped. Types of at most 16 bits and f32 in float
// arithmetic, the others in double.
void load_plane(const ImageView& image, std::uint32_t channel, const Box& box, const LinearMap& map,
                float* out_hw);

// In place.
void map_plane(const LinearMap& map, float* values, std::size_t size);

// The canvas in the order of the output.
void turn_plane(const float* canvas_hw, const Placement& placement, float* out_hw);

// Converts to u8, i16, u16, f16 or f32; `out` has `step` elements from one value to the
// next. Integers: half to even, saturated, NaN is 0.
void store_plane(const float* values, std::size_t size, PixelType type, std::size_t step,
                 std::byte* out);

std::uint16_t float_to_half(float value) noexcept;  // nearest, ties to even
float half_to_float(std::uint16_t half) noexcept;

// The map that IntensitySpec means for one channel of a slice. `entry` is its place in the
// means and deviations, where there are several.
LinearMap intensity_map(const IntensitySpec& spec, PixelType output, const ImageView& image,
                        std::uint32_t channel, std::uint32_t entry);

}  // namespace slicebank
