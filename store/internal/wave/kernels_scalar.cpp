// The portable kernels: what every other table must agree with.
#include <cstring>

#include "store/internal/wave/geometry.h"
#include "store/internal/wave/kernels.h"
#include "store/internal/wave/predict.h"

namespace slicebank::wave {
namespace scalar {
namespace {

using std::uint16_t;
using std::uint32_t;
using std::uint64_t;
using std::uint8_t;

template <class Pixel>
using Signed = std::conditional_t<sizeof(Pixel) == 1, std::int8_t, std::int16_t>;

template <class Pixel>
uint32_t magnitude(Pixel residual) {
  const int value = static_cast<Signed<Pixel>>(residual);
  return static_cast<uint32_t>(value < 0 ? -value : value);
}

uint32_t zigzag_of(uint16_t residual) {
  return static_cast<uint16_t>((residual << 1) ^ (residual & 0x8000 ? 0xffff : 0));
}

// The entropy-coded part of a residual, and its raw bits.
template <class Pixel>
struct Symbol {
  uint32_t coded;
  uint32_t raw;
};

template <class Pixel>
Symbol<Pixel> symbol_of(Kind kind, Pixel residual) {
  const int value = static_cast<Signed<Pixel>>(residual);
  switch (kind) {
    case Kind::nibble_raw2:
      return {static_cast<uint32_t>((value >> 2) + 8) & 15, static_cast<uint32_t>(value) & 3};
    case Kind::nibble_raw4:
      return {static_cast<uint32_t>((value >> 4) + 8) & 15, static_cast<uint32_t>(value) & 15};
    case Kind::full:
    case Kind::nibble:
    case Kind::crumb:
      break;
  }
  if constexpr (sizeof(Pixel) == 2) {
    const uint32_t folded = zigzag_of(residual);
    return {folded < kEscapeSymbol ? folded : kEscapeSymbol, 0};
  } else {
    const uint32_t bias = kind == Kind::full ? 0u : kind == Kind::nibble ? 8u : 2u;
    return {static_cast<uint8_t>(residual + bias), 0};
  }
}

template <class Pixel>
Pixel residual_of(Kind kind, uint32_t coded, uint32_t raw) {
  switch (kind) {
    case Kind::nibble_raw2:
      return static_cast<Pixel>((coded << 2 | raw) - 32);
    case Kind::nibble_raw4:
      return static_cast<Pixel>((coded << 4 | raw) - 128);
    case Kind::full:
    case Kind::nibble:
    case Kind::crumb:
      break;
  }
  if constexpr (sizeof(Pixel) == 2) {
    return static_cast<Pixel>((coded >> 1) ^ (0u - (coded & 1)));
  } else {
    return static_cast<Pixel>(coded - (kind == Kind::full ? 0u : kind == Kind::nibble ? 8u : 2u));
  }
}

// In a plain tile one lane keeps one byte position: byte (group, lane) holds the symbols of
// 8 / bits consecutive steps, low bits first.
uint32_t symbol_at(const uint8_t* packed, uint32_t bits, uint32_t lanes, uint32_t step,
                   uint32_t lane) {
  const uint32_t per_byte = 8 / bits;
  const uint32_t byte = packed[step / per_byte * lanes + lane];
  return byte >> (step % per_byte * bits) & ((1u << bits) - 1);
}

template <class PixelType>
struct Ops {
  using Pixel = PixelType;
  static constexpr uint32_t kLaneCount = kLanes<Pixel>;

  struct State {
    Pixel above_before;  // the pixel above lane 0 at the step before
  };

  static const Pixel* unpack_plain(Kind kind, const uint8_t* coded, InverseJob<Pixel>& job,
                                   PlaneCursor<Pixel>& cursor, Pixel* scratch) {
    const uint32_t raw_width = raw_bits(kind);
    const uint8_t* raw = raw_width == 2 ? cursor.raw2 : cursor.raw4;
    for (uint32_t step = 0; step < kStepsPerTile; ++step) {
      for (uint32_t lane = 0; lane < kLaneCount; ++lane) {
        const uint32_t symbol = symbol_at(coded, coded_bits(kind), kLaneCount, step, lane);
        uint32_t extra = 0;
        if (raw_width != 0) extra = symbol_at(raw, raw_width, kLaneCount, step, lane);
        Pixel residual = residual_of<Pixel>(kind, symbol, extra);
        if (sizeof(Pixel) == 2 && kind == Kind::full && symbol == kEscapeSymbol) {
          const uint32_t folded = *job.escapes_low++ | static_cast<uint32_t>(*job.escapes_high++)
                                                           << 8;
          residual = static_cast<Pixel>((folded >> 1) ^ (0u - (folded & 1)));
        }
        scratch[step * kLaneCount + lane] = residual;
      }
    }
    const uint32_t raw_bytes = kStepsPerTile * kLaneCount * raw_width / 8;
    if (raw_width == 2) cursor.raw2 += raw_bytes;
    if (raw_width == 4) cursor.raw4 += raw_bytes;
    return scratch;
  }

  // Calls residual(west, north, north_west, first_column, slot) for every slot of a tile.
  template <class Site, class Residual>
  static void walk_tile(State& state, uint32_t predictor, const Site& site, Residual residual) {
    for (uint32_t step = 0; step < kStepsPerTile; ++step) {
      const Pixel above = site.above[step];
      for (uint32_t lane = 0; lane < kLaneCount; ++lane) {
        long x = site.x0 + step - lane;
        const bool here = x >= 0 && x < site.width;
        if (!here) x += x < 0 ? site.width : -site.width;
        Pixel* row = (here ? site.current : site.other) + lane * site.stride + x;
        Pixel north = above;
        Pixel north_west = state.above_before;
        if (lane > 0) {
          north = row[-site.stride];
          north_west = row[-site.stride - 1];
        }
        Pixel west = row[-1];
        if (x == 0) west = north_west = north;
        const auto predicted = predict(static_cast<Predictor>(predictor), west, north, north_west);
        const bool flat = x > 0 && west == north && north == north_west;
        *row = static_cast<Pixel>(predicted + residual(flat, step * kLaneCount + lane));
      }
      state.above_before = above;
    }
  }

  template <class Site>
  static void plain_tile(State& state, uint32_t predictor, const Pixel* residuals,
                         const Site& site) {
    walk_tile(state, predictor, site, [&](bool, uint32_t slot) { return residuals[slot]; });
  }

  template <class Site>
  static bool zero_tile(State&, const Site&) {
    return false;
  }

  template <class Site>
  static void flat_tile(State& state, uint32_t predictor, const Pixel*& symbols,
                        const Pixel* exceptions, const Site& site) {
    walk_tile(state, predictor, site, [&](bool flat, uint32_t slot) {
      const Pixel coded = flat ? Pixel{0} : *symbols++;
      return static_cast<Pixel>(coded + exceptions[slot]);
    });
  }

  static Pixel finished(const Output<Pixel>& out, Pixel value) {
    if constexpr (sizeof(Pixel) == 1) {
      if (out.value_of_rank != nullptr) return out.value_of_rank[value];
    }
    return static_cast<Pixel>(value + out.bias_of_plane[0]);
  }

  static void row_single(const Output<Pixel>& out, const Pixel* row, uint32_t width,
                         std::byte* target) {
    for (uint32_t x = 0; x < width; ++x) {
      const Pixel value = finished(out, row[x]);
      std::memcpy(target + x * sizeof(Pixel), &value, sizeof(Pixel));
    }
  }

  static void row_equal(const Output<Pixel>& out, const Pixel* row, uint32_t width,
                        std::byte* target) {
    for (uint32_t x = 0; x < width; ++x) {
      const Pixel value = finished(out, row[x]);
      for (uint32_t channel = 0; channel < out.channels; ++channel) {
        std::memcpy(target, &value, sizeof(Pixel));
        target += sizeof(Pixel);
      }
    }
  }

  static void row_triple(const Output<Pixel>& out, const Pixel* first, const Pixel* second,
                         const Pixel* third, uint32_t width, std::byte* target) {
    for (uint32_t x = 0; x < width; ++x) {
      Pixel values[3] = {first[x], second[x], third[x]};
      if (out.subtract_green) {
        values[0] = static_cast<Pixel>(second[x] + first[x]);
        values[1] = first[x];
        values[2] = static_cast<Pixel>(third[x] + first[x]);
      }
      for (uint32_t channel = 0; channel < 3; ++channel) {
        const auto value = static_cast<Pixel>(values[channel] + out.bias_of_plane[channel]);
        std::memcpy(target, &value, sizeof(Pixel));
        target += sizeof(Pixel);
      }
    }
  }
};

#include "store/internal/wave/inverse_driver.h"

template <class Pixel>
bool inverse(InverseJob<Pixel>& job) {
  return run_inverse<Ops<Pixel>>(job);
}

uint32_t symbol_in_run(const uint8_t* packed, uint32_t bits, uint64_t index) {
  const uint32_t byte = packed[index * bits / 8];
  return byte >> (index * bits % 8) & ((1u << bits) - 1);
}

template <class Pixel>
void unpack_run(Kind kind, const uint8_t* coded, const uint8_t* raw, uint64_t symbols,
                Pixel* residuals) {
  const uint32_t bits = coded_bits(kind);
  const uint32_t extra = raw_bits(kind);
  for (uint64_t i = 0; i < symbols; ++i) {
    const uint32_t symbol = symbol_in_run(coded, bits, i);
    const uint32_t low = extra == 0 ? 0 : symbol_in_run(raw, extra, i);
    residuals[i] = residual_of<Pixel>(kind, symbol, low);
  }
}

// Fills `facts` from the chosen residuals of a tile and its flat pixels.
template <class Pixel>
void count_tile(const Pixel* residuals, const uint16_t* flat_masks, uint16_t* exception_masks,
                TileFacts& facts) {
  constexpr uint32_t kLaneCount = kLanes<Pixel>;
  std::memset(exception_masks, 0, kStepsPerTile * sizeof *exception_masks);
  for (uint32_t slot = 0; slot < kSlotsPerTile<Pixel>; ++slot) {
    const int value = static_cast<Signed<Pixel>>(residuals[slot]);
    const auto top = static_cast<uint16_t>(value < 0 ? -value - 1 : value);
    if (top > facts.top) facts.top = top;
    if ((flat_masks[slot / kLaneCount] >> slot % kLaneCount & 1) != 0) {
      if (value == 0) continue;
      ++facts.exceptions;
      uint16_t& mask = exception_masks[slot / kLaneCount];
      mask = static_cast<uint16_t>(mask | 1u << slot % kLaneCount);
    } else {
      ++facts.coded;
      facts.coded_sum += magnitude(residuals[slot]);
      if (top > facts.coded_top) facts.coded_top = top;
    }
  }
}

template <class Pixel>
void analyse(const AnalysisJob<Pixel>& job) {
  constexpr uint32_t kLaneCount = kLanes<Pixel>;
  constexpr uint32_t kSlots = kSlotsPerTile<Pixel>;
  for (uint64_t tile = 0; tile < job.tiles; ++tile) {
    Pixel residuals[kPredictors][kSlots];
    uint32_t sums[kPredictors] = {};
    uint16_t* flat_masks = job.flat_masks + tile * kStepsPerTile;
    TileFacts& facts = job.facts[tile];
    facts = {};
    facts.padded = tile == 0 || (tile + 1) * kStepsPerTile > job.full_steps;
    for (uint32_t step = 0; step < kStepsPerTile; ++step) {
      flat_masks[step] = 0;
      for (uint32_t lane = 0; lane < kLaneCount; ++lane) {
        const uint32_t slot = step * kLaneCount + lane;
        const uint64_t at = tile * kStepsPerTile + step;
        const uint64_t band = at >= lane ? (at - lane) / job.width : 0;
        const uint64_t x = at >= lane ? (at - lane) % job.width : 0;
        const uint64_t y = band * kLaneCount + lane;
        if (at < lane || y >= job.height) {
          for (auto& candidate : residuals) candidate[slot] = 0;
          continue;
        }
        const Pixel* pixel = job.plane + y * job.width + x;
        const Pixel north = y > 0 ? pixel[-static_cast<long>(job.width)] : Pixel{0};
        const Pixel west = x > 0 ? pixel[-1] : north;
        const Pixel north_west = x == 0  ? north
                                 : y > 0 ? pixel[-static_cast<long>(job.width) - 1]
                                         : Pixel{0};
        for (uint32_t id = 0; id < kPredictors; ++id) {
          const auto residual = static_cast<Pixel>(
              *pixel - predict(static_cast<Predictor>(id), west, north, north_west));
          residuals[id][slot] = residual;
          sums[id] += magnitude(residual);
        }
        if (!facts.padded && x > 0 && west == north && north == north_west) {
          flat_masks[step] = static_cast<uint16_t>(flat_masks[step] | 1u << lane);
        }
      }
    }
    for (uint32_t id = 1; id < kPredictors; ++id) {
      if (sums[id] < sums[facts.predictor]) facts.predictor = static_cast<uint8_t>(id);
    }
    facts.sum = sums[facts.predictor];
    Pixel* chosen = job.residuals + tile * kSlots;
    std::memcpy(chosen, residuals[facts.predictor], sizeof residuals[0]);
    count_tile(chosen, flat_masks, job.exception_masks + tile * kStepsPerTile, facts);
  }
}

template <class Pixel>
void pack_tile(Kind kind, const Pixel* residuals, uint8_t* coded, uint8_t* raw) {
  constexpr uint32_t kLaneCount = kLanes<Pixel>;
  const uint32_t bits = coded_bits(kind);
  const uint32_t extra = raw_bits(kind);
  std::memset(coded, 0, kSlotsPerTile<Pixel> * bits / 8);
  if (raw != nullptr) std::memset(raw, 0, kSlotsPerTile<Pixel> * extra / 8);
  for (uint32_t slot = 0; slot < kSlotsPerTile<Pixel>; ++slot) {
    const uint32_t step = slot / kLaneCount;
    const uint32_t lane = slot % kLaneCount;
    const auto symbol = symbol_of(kind, residuals[slot]);
    uint8_t& byte = coded[step * bits / 8 * kLaneCount + lane];
    byte = static_cast<uint8_t>(byte | symbol.coded << (step * bits % 8));
    if (raw == nullptr || extra == 0) continue;
    uint8_t& low = raw[step * extra / 8 * kLaneCount + lane];
    low = static_cast<uint8_t>(low | symbol.raw << (step * extra % 8));
  }
}

template <class Pixel>
uint32_t compact(const Pixel* residuals, const uint16_t* flat_masks, Pixel* coded) {
  constexpr uint32_t kLaneCount = kLanes<Pixel>;
  uint32_t count = 0;
  for (uint32_t slot = 0; slot < kSlotsPerTile<Pixel>; ++slot) {
    if ((flat_masks[slot / kLaneCount] >> slot % kLaneCount & 1) == 0) {
      coded[count++] = residuals[slot];
    }
  }
  return count;
}

template <class Pixel>
void pack_run(Kind kind, const Pixel* residuals, uint64_t count, uint8_t* coded, uint8_t* raw) {
  const uint32_t bits = coded_bits(kind);
  const uint32_t extra = raw_bits(kind);
  std::memset(coded, 0, packed_bytes(count, bits));
  if (raw != nullptr) std::memset(raw, 0, packed_bytes(count, extra));
  for (uint64_t i = 0; i < count; ++i) {
    const auto symbol = symbol_of(kind, residuals[i]);
    coded[i * bits / 8] =
        static_cast<uint8_t>(coded[i * bits / 8] | symbol.coded << (i * bits % 8));
    if (raw == nullptr || extra == 0) continue;
    raw[i * extra / 8] = static_cast<uint8_t>(raw[i * extra / 8] | symbol.raw << (i * extra % 8));
  }
}

void split_triple(const std::byte* pixels_hwc, std::size_t count, uint8_t* planes[3]) {
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t channel = 0; channel < 3; ++channel) {
      planes[channel][i] = static_cast<uint8_t>(pixels_hwc[3 * i + channel]);
    }
  }
}

template <class Pixel>
constexpr PixelKernels<Pixel> kTable = {inverse<Pixel>,   unpack_run<Pixel>, analyse<Pixel>,
                                        pack_tile<Pixel>, compact<Pixel>,    pack_run<Pixel>};

}  // namespace
}  // namespace scalar

const Kernels kScalarKernels = {"scalar", scalar::kTable<std::uint8_t>,
                                scalar::kTable<std::uint16_t>, scalar::split_triple};

}  // namespace slicebank::wave
