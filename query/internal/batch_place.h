// Where a slice comes to lie in the output: crop, resize, pad, turn. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "query/batch.h"
#include "query/loader.h"

namespace slicebank {

struct PixelAt {
  std::uint32_t x = 0;
  std::uint32_t y = 0;
};

// The output of a slice of this size. Throws Error(bad_argument) where the slice does not
// fit. `aim`: the pixel a foreground crop goes for.
Size output_size(const BatchSpec& spec, Size source);
Placement place_slice(const BatchSpec& spec, Size source, const std::optional<PixelAt>& aim,
                      const RandomKey& key, std::uint64_t position);

// Whether the output is the slice, pixel by pixel.
bool is_identity(const Placement& placement) noexcept;

// Writes canvas coordinates as output coordinates: index = base + x * step_x + y * step_y.
struct Turn {
  std::int64_t base = 0;
  std::int64_t step_x = 0;
  std::int64_t step_y = 0;
};
Turn turn_of(const Placement& placement) noexcept;

// A box of the canvas in the output.
Box turned(const Placement& placement, const Box& box) noexcept;

// The source pixel under each canvas pixel of the inner box, along one axis: ascending.
// `nearest[i]` belongs to canvas pixel inner0 + i.
void nearest_pixels(std::uint32_t crop0, std::uint32_t crop1, std::uint32_t inner,
                    std::vector<std::uint32_t>& nearest);

}  // namespace slicebank
