// What an IntensitySpec means for one slice: statistics, and the map they lead to.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <vector>

#include "query/internal/batch_pixels.h"
#include "query/internal/pixel_visit.h"

namespace slicebank {
namespace {

struct Range {
  double low = 0;
  double high = 0;
};

template <typename T>
constexpr bool kSmallInteger = std::is_integral_v<T> && sizeof(T) <= 2;

// Calls `take` with every finite value of the channel, as a double.
template <typename T, typename Take>
void each_finite(const T* first, std::size_t pixels, std::size_t step, const Take& take) {
  for (std::size_t i = 0; i < pixels; ++i) {
    const double value = to_real<double>(first[i * step]);
    if (std::isfinite(value)) take(value);
  }
}

template <typename T>
Range smallest_and_largest(const T* first, std::size_t pixels, std::size_t step) {
  if constexpr (kSmallInteger<T>) {
    T low = first[0];
    T high = first[0];
    for (std::size_t i = 0; i < pixels; ++i) {
      low = std::min(low, first[i * step]);
      high = std::max(high, first[i * step]);
    }
    return {static_cast<double>(low), static_cast<double>(high)};
  } else {
    constexpr double kInfinity = std::numeric_limits<double>::infinity();
    Range range{kInfinity, -kInfinity};
    each_finite(first, pixels, step, [&](double value) {
      range.low = std::min(range.low, value);
      range.high = std::max(range.high, value);
    });
    return range.low <= range.high ? range : Range{};
  }
}

struct Moments {
  double mean = 0;
  double deviation = 0;  // of the population: divided by n
};

template <typename T>
Moments moments(const T* first, std::size_t pixels, std::size_t step) {
  if constexpr (kSmallInteger<T>) {
    // Whole sums, exact: 2^16 squared times 2^30 pixels stays below 2^63. Those of a stretch
    // of pixels fit a narrower type, which takes a fraction of the time.
    using Narrow = std::conditional_t<sizeof(T) == 1, std::int32_t, std::int64_t>;
    constexpr std::size_t kStretch = 8192;
    std::int64_t sum = 0;
    std::int64_t squares = 0;
    for (std::size_t begin = 0; begin < pixels; begin += kStretch) {
      const std::size_t end = std::min(pixels, begin + kStretch);
      std::int32_t part = 0;
      Narrow part_squares = 0;
      for (std::size_t i = begin; i < end; ++i) {
        const auto value = static_cast<std::int32_t>(first[i * step]);
        part += value;
        part_squares += static_cast<Narrow>(value) * static_cast<Narrow>(value);
      }
      sum += part;
      squares += part_squares;
    }
    const double count = static_cast<double>(pixels);
    const double mean = static_cast<double>(sum) / count;
    const double variance = static_cast<double>(squares) / count - mean * mean;
    return {mean, std::sqrt(std::max(variance, 0.0))};
  } else {
    double sum = 0;
    double count = 0;
    each_finite(first, pixels, step, [&](double value) {
      sum += value;
      count += 1;
    });
    if (count == 0) return {};
    const double mean = sum / count;
    double squares = 0;
    each_finite(first, pixels, step,
                [&](double value) { squares += (value - mean) * (value - mean); });
    return {mean, std::sqrt(squares / count)};
  }
}

// Between the two nearest ranks, linearly: numpy's default.
template <typename Rank>
Range between_ranks(const Rank& rank, std::uint64_t count, double lower, double upper) {
  const auto at = [&](double percent) {
    const double place = percent / 100 * static_cast<double>(count - 1);
    const auto below = static_cast<std::uint64_t>(place);
    const double share = place - static_cast<double>(below);
    const double low = rank(below);
    return share > 0 ? low + (rank(below + 1) - low) * share : low;
  };
  return {at(lower), at(upper)};
}

template <typename T>
Range percentiles(const T* first, std::size_t pixels, std::size_t step, double lower,
                  double upper) {
  if constexpr (kSmallInteger<T>) {
    constexpr auto kLow = static_cast<std::int32_t>(std::numeric_limits<T>::min());
    std::vector<std::uint32_t> counts(std::size_t{1} << (8 * sizeof(T)));
    for (std::size_t i = 0; i < pixels; ++i) {
      ++counts[static_cast<std::size_t>(static_cast<std::int32_t>(first[i * step]) - kLow)];
    }
    const auto rank = [&](std::uint64_t wanted) {
      std::uint64_t seen = 0;
      std::size_t value = 0;
      while (seen + counts[value] <= wanted) seen += counts[value++];
      return static_cast<double>(static_cast<std::int32_t>(value) + kLow);
    };
    return between_ranks(rank, pixels, lower, upper);
  } else {
    std::vector<double> values;
    values.reserve(pixels);
    each_finite(first, pixels, step, [&](double value) { values.push_back(value); });
    if (values.empty()) return {};
    const auto rank = [&](std::uint64_t wanted) {
      const auto at = values.begin() + static_cast<std::ptrdiff_t>(wanted);
      std::nth_element(values.begin(), at, values.end());
      return *at;
    };
    return between_ranks(rank, values.size(), lower, upper);
  }
}

LinearMap onto(const Range& from, const std::array<double, 2>& to) {
  const double width = from.high - from.low;
  LinearMap map;
  map.shift = from.low;
  map.offset = to[0];
  map.scale = width > 0 ? (to[1] - to[0]) / width : 0;
  map.low = from.low;
  map.high = from.high;
  return map;
}

}  // namespace

LinearMap intensity_map(const IntensitySpec& spec, PixelType output, const ImageView& image,
                        std::uint32_t channel, std::uint32_t entry) {
  using Kind = IntensitySpec::Kind;
  LinearMap map;
  const bool real = output == PixelType::f16 || output == PixelType::f32;
  const std::array<double, 2> range =
      spec.range.value_or(std::array<double, 2>{0, real ? 1.0 : 255.0});
  if (spec.kind == Kind::window) {
    return onto({spec.level - spec.width / 2, spec.level + spec.width / 2}, range);
  }
  if (spec.kind == Kind::mean_std) {
    const std::size_t place = spec.mean.size() == 1 ? 0 : entry;
    map.shift = spec.mean[place];
    map.scale = 1 / spec.std[place];
    return map;
  }
  if (spec.kind == Kind::none) return map;
  visit_pixels(image.shape.pixel_type, [&](auto tag) {
    using T = typename decltype(tag)::Stored;
    const auto* first = reinterpret_cast<const T*>(image.image_hwc.data()) + channel;
    const auto pixels = static_cast<std::size_t>(image.shape.pixels());
    const std::size_t step = image.shape.channels;
    if (spec.kind == Kind::percentile) {
      map = onto(percentiles(first, pixels, step, spec.lower, spec.upper), range);
    } else if (spec.kind == Kind::min_max) {
      map = onto(smallest_and_largest(first, pixels, step), range);
    } else {
      const Moments found = moments(first, pixels, step);
      map.shift = found.mean;
      map.scale = found.deviation > 0 ? 1 / found.deviation : 0;
    }
  });
  return map;
}

}  // namespace slicebank
