#include "query/internal/resample.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace slicebank {
namespace {

void one_tap(AxisTaps& taps) {
  taps.taps = 1;
  taps.first.resize(taps.out);
  taps.weights.assign(taps.out, 1.0f);
  for (std::uint64_t i = 0; i < taps.out; ++i) {
    taps.first[i] = static_cast<std::uint32_t>(((2 * i + 1) * taps.length - 1) / (2ull * taps.out));
  }
}

void bilinear_taps(AxisTaps& taps) {
  if (taps.length == 1 || taps.length == taps.out) return one_tap(taps);
  taps.taps = 2;
  taps.first.resize(taps.out);
  taps.weights.resize(std::size_t{taps.out} * 2);
  const double scale = static_cast<double>(taps.length) / taps.out;
  for (std::uint32_t i = 0; i < taps.out; ++i) {
    const double at = std::clamp((i + 0.5) * scale - 0.5, 0.0, taps.length - 1.0);
    const auto first = std::min(static_cast<std::uint32_t>(at), taps.length - 2);
    const double share = at - first;
    taps.first[i] = first;
    taps.weights[std::size_t{i} * 2] = static_cast<float>(1 - share);
    taps.weights[std::size_t{i} * 2 + 1] = static_cast<float>(share);
  }
}

// In units of 1 / out of a pixel: out pixel i covers [i * length, (i + 1) * length), pixel s
// covers [s * out, (s + 1) * out). All whole numbers.
void area_taps(AxisTaps& taps) {
  const std::uint64_t length = taps.length;
  const std::uint64_t out = taps.out;
  const std::uint64_t most = length % out == 0 ? length / out : (length + out - 1) / out + 1;
  taps.taps = static_cast<std::uint32_t>(std::min(most, length));
  taps.first.resize(taps.out);
  taps.weights.assign(std::size_t{taps.out} * taps.taps, 0.0f);
  for (std::uint64_t i = 0; i < out; ++i) {
    const std::uint64_t from = i * length;
    const std::uint64_t to = from + length;
    const std::uint64_t first = std::min(from / out, length - taps.taps);
    taps.first[i] = static_cast<std::uint32_t>(first);
    for (std::uint64_t k = 0; k < taps.taps; ++k) {
      const std::uint64_t begin = std::max((first + k) * out, from);
      const std::uint64_t end = std::min((first + k + 1) * out, to);
      if (begin >= end) continue;
      taps.weights[i * taps.taps + k] =
          static_cast<float>(static_cast<double>(end - begin) / static_cast<double>(length));
    }
  }
}

// One row of the output's height, as wide as the input: sums of whole rows.
const float* mixed_row(const float* in, std::size_t width, const AxisTaps& rows, std::uint32_t y,
                       float* row) {
  const float* source = in + rows.first[y] * width;
  const float* weights = rows.weights.data() + std::size_t{y} * rows.taps;
  if (rows.taps == 1) return source;
  if (rows.taps == 2) {
    const float* next = source + width;
    const float a = weights[0];
    const float b = weights[1];
    for (std::size_t x = 0; x < width; ++x) row[x] = source[x] * a + next[x] * b;
    return row;
  }
  for (std::size_t x = 0; x < width; ++x) row[x] = source[x] * weights[0];
  for (std::uint32_t k = 1; k < rows.taps; ++k) {
    source += width;
    if (weights[k] == 0) continue;
    const float weight = weights[k];
    for (std::size_t x = 0; x < width; ++x) row[x] += source[x] * weight;
  }
  return row;
}

void mix_columns(const float* row, const AxisTaps& columns, float* out) {
  const std::uint32_t* first = columns.first.data();
  const float* weights = columns.weights.data();
  const std::uint32_t size = columns.out;
  if (columns.taps == 1) {
    for (std::uint32_t x = 0; x < size; ++x) out[x] = row[first[x]];
    return;
  }
  if (columns.taps == 2) {
    for (std::uint32_t x = 0; x < size; ++x) {
      const float* at = row + first[x];
      out[x] = at[0] * weights[2 * x] + at[1] * weights[2 * x + 1];
    }
    return;
  }
  for (std::uint32_t x = 0; x < size; ++x, weights += columns.taps) {
    const float* at = row + first[x];
    float sum = at[0] * weights[0];
    for (std::uint32_t k = 1; k < columns.taps; ++k) sum += at[k] * weights[k];
    out[x] = sum;
  }
}

}  // namespace

void make_taps(std::uint32_t length, std::uint32_t out, ImageFilter filter, AxisTaps& taps) {
  if (taps.length == length && taps.out == out && taps.filter == filter && taps.taps != 0) return;
  taps.length = length;
  taps.out = out;
  taps.filter = filter;
  if (filter == ImageFilter::nearest) {
    one_tap(taps);
  } else if (filter == ImageFilter::area && out < length) {
    area_taps(taps);
  } else {
    bilinear_taps(taps);
  }
}

void Resampler::run(const float* in_hw, Size in, Size out, ImageFilter filter, float* out_hw,
                    std::size_t out_step) {
  if (in == out) {
    for (std::uint32_t y = 0; y < out.height; ++y) {
      std::memcpy(out_hw + y * out_step, in_hw + std::size_t{y} * in.width,
                  out.width * sizeof(float));
    }
    return;
  }
  make_taps(in.height, out.height, filter, rows_);
  make_taps(in.width, out.width, filter, columns_);
  row_.resize(in.width);
  for (std::uint32_t y = 0; y < out.height; ++y) {
    const float* row = mixed_row(in_hw, in.width, rows_, y, row_.data());
    if (in.width == out.width) {
      std::memcpy(out_hw + y * out_step, row, out.width * sizeof(float));
    } else {
      mix_columns(row, columns_, out_hw + y * out_step);
    }
  }
}

}  // namespace slicebank
