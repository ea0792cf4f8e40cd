// The five predictors, one pixel at a time (docs/format-wave.md, "Prediction").
#pragma once

#include <cstdint>

namespace slicebank::wave {

enum class Predictor : std::uint8_t { median, median_average, average, north, west };

// Prediction from the west, north and north-west neighbour; exact in every kernel.
// Static on purpose: each translation unit keeps its own copy, built for its own machine.
[[maybe_unused]] static inline std::uint32_t predict(Predictor predictor, std::uint32_t west,
                                                     std::uint32_t north,
                                                     std::uint32_t north_west) {
  if (predictor == Predictor::north) return north;
  if (predictor == Predictor::west) return west;
  const std::uint32_t average = (west + north + 1) >> 1;
  if (predictor == Predictor::average) return average;
  const std::uint32_t low = west < north ? west : north;
  const std::uint32_t high = west < north ? north : west;
  const std::uint32_t excess = north_west > low ? north_west - low : 0;
  const std::uint32_t capped = high > excess ? high - excess : 0;
  const std::uint32_t median = capped > low ? capped : low;
  return predictor == Predictor::median ? median : (average + median + 1) >> 1;
}

}  // namespace slicebank::wave
