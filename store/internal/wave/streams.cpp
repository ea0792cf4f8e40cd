#include "store/internal/wave/streams.h"

#include <bit>

#include "store/internal/bytes.h"

namespace slicebank::wave {
namespace {

// 16-bit values that do not fit a symbol: all low bytes, then all high bytes.
struct Escapes {
  std::vector<std::uint8_t> low;
  std::vector<std::uint8_t> high;

  void add(std::uint32_t folded) {
    low.push_back(static_cast<std::uint8_t>(folded));
    high.push_back(static_cast<std::uint8_t>(folded >> 8));
  }
};

template <class Pixel>
class Builder {
 public:
  Builder(const TileTable<Pixel>& table, const std::vector<std::uint8_t>& slots,
          std::uint32_t planes)
      : table_(table), slots_(slots), planes_(planes) {}

  TileStreams run() {
    write_map();
    write_plain_tiles();
    write_flat_runs();
    write_exceptions();
    auto& escapes = streams_.frames[kFrameEscapes];
    escapes = escapes_.low;
    escapes.insert(escapes.end(), escapes_.high.begin(), escapes_.high.end());
    streams_.sizes.escapes = escapes_.low.size();
    return std::move(streams_);
  }

 private:
  static constexpr std::uint32_t kSlots = kSlotsPerTile<Pixel>;

  const Pixel* residuals(std::size_t tile) const { return table_.residuals.data() + tile * kSlots; }
  const std::uint16_t* flat_masks(std::size_t tile) const {
    return table_.flat_masks.data() + tile * kStepsPerTile;
  }

  void write_map() {
    auto& map = streams_.frames[kFrameMap];
    map.resize(slots_.size());
    for (std::size_t tile = 0; tile < slots_.size(); ++tile) {
      const std::uint32_t slot = slots_[tile];
      map[tile] = static_cast<std::uint8_t>(
          (slot & kMapClassMask) | (slot >= kFlatFamily ? kMapFlatBit : 0u) |
          static_cast<std::uint32_t>(table_.facts[tile].predictor) << 4);
      if (slot != 0) ++streams_.sizes.tiles[slot];
    }
  }

  void add_escapes(const Pixel* values, std::size_t count) {
    if constexpr (sizeof(Pixel) == 2) {
      for (std::size_t i = 0; i < count; ++i) {
        const std::uint32_t folded = zigzag(values[i]);
        if (folded >= kEscapeSymbol) escapes_.add(folded);
      }
    }
  }

  // Plain tiles have fixed sizes: each class is filled from front to back.
  void write_plain_tiles() {
    const PixelKernels<Pixel>& kernels = pixel_kernels<Pixel>();
    StreamSizes& sizes = streams_.sizes;
    std::array<std::uint8_t*, kFlatFamily> next{};
    std::uint64_t raw2 = 0;
    std::uint64_t raw4 = 0;
    for (std::uint32_t id = 1; id <= kClassIdMax; ++id) {
      auto& segment = streams_.frames[kFrameClasses + id];
      segment.resize(sizes.coded_bytes(id, kSlots));
      next[id] = segment.data();
      (raw_bits(kind_of_class(id)) == 2 ? raw2 : raw4) += sizes.raw_bytes(id, kSlots);
    }
    streams_.raw2.resize(raw2);
    streams_.raw4.resize(raw4);
    std::uint8_t* next_raw2 = streams_.raw2.data();
    std::uint8_t* next_raw4 = streams_.raw4.data();
    for (std::size_t tile = 0; tile < slots_.size(); ++tile) {
      const std::uint32_t id = slots_[tile];
      if (id == 0 || id >= kFlatFamily) continue;
      const Kind kind = kind_of_class(id);
      std::uint8_t*& raw = kind == Kind::nibble_raw2 ? next_raw2 : next_raw4;
      kernels.pack_tile(kind, residuals(tile), next[id], raw);
      next[id] += kSlots * coded_bits(kind) / 8;
      raw += kSlots * raw_bits(kind) / 8;
      if (kind == Kind::full && table_.facts[tile].top >= kEscapeSymbol / 2) {
        add_escapes(residuals(tile), kSlots);
      }
    }
  }

  // A flat-coded class: the coded pixels of its tiles, plane after plane.
  void write_flat_runs() {
    const PixelKernels<Pixel>& kernels = pixel_kernels<Pixel>();
    StreamSizes& sizes = streams_.sizes;
    std::vector<Pixel> run;
    for (std::uint32_t id = 1; id <= kClassIdMax; ++id) {
      const std::uint32_t slot = kFlatFamily + id;
      if (!sizes.has(slot)) continue;
      run.resize(sizes.tiles[slot] * kSlots + 64);
      std::size_t count = 0;
      const std::size_t tiles_per_plane = slots_.size() / planes_;
      for (std::size_t begin = 0; begin < slots_.size(); begin += tiles_per_plane) {
        const std::size_t before = count;
        for (std::size_t tile = begin; tile < begin + tiles_per_plane; ++tile) {
          if (slots_[tile] != slot) continue;
          count += kernels.compact(residuals(tile), flat_masks(tile), run.data() + count);
        }
        sizes.plane_symbols(id, begin / tiles_per_plane) = count - before;
      }
      sizes.symbols[slot] = count;
      const Kind kind = kind_of_class(id);
      auto& segment = streams_.frames[kFrameClasses + slot];
      auto& raw = streams_.flat_raw[id];
      segment.resize(sizes.coded_bytes(slot, kSlots) + 64);
      raw.resize(sizes.raw_bytes(slot, kSlots) + 64);
      kernels.pack_run(kind, run.data(), count, segment.data(), raw.data());
      segment.resize(segment.size() - 64);
      raw.resize(raw.size() - 64);
      if (kind == Kind::full) add_escapes(run.data(), count);
    }
  }

  void write_exceptions() {
    auto& gaps = streams_.frames[kFrameGaps];
    auto& values = streams_.frames[kFrameValues];
    std::uint64_t tiles_before = 0;
    std::uint64_t behind_last = 0;
    for (std::size_t tile = 0; tile < slots_.size(); ++tile) {
      if (slots_[tile] < kFlatFamily) continue;
      const std::uint64_t base = tiles_before++ * kSlots;
      if (table_.facts[tile].exceptions == 0) continue;
      const std::uint16_t* masks = table_.exception_masks.data() + tile * kStepsPerTile;
      for (std::uint32_t step = 0; step < kStepsPerTile; ++step) {
        for (std::uint32_t left = masks[step]; left != 0; left &= left - 1) {
          const auto lane = static_cast<std::uint32_t>(std::countr_zero(left));
          const std::uint32_t slot = step * kLanes<Pixel> + lane;
          std::uint64_t gap = base + slot - behind_last;
          for (; gap >= kGapContinues; gap -= kGapContinues) gaps.push_back(kGapContinues);
          gaps.push_back(static_cast<std::uint8_t>(gap));
          behind_last = base + slot + 1;
          values.push_back(exception_symbol(residuals(tile)[slot]));
        }
      }
    }
    streams_.sizes.exceptions = values.size();
    streams_.sizes.gap_bytes = gaps.size();
  }

  std::uint8_t exception_symbol(Pixel residual) {
    if constexpr (sizeof(Pixel) == 1) {
      return residual;
    } else {
      const std::uint32_t folded = zigzag(residual);
      if (folded < kEscapeSymbol) return static_cast<std::uint8_t>(folded);
      escapes_.add(folded);
      return kEscapeSymbol;
    }
  }

  const TileTable<Pixel>& table_;
  const std::vector<std::uint8_t>& slots_;
  std::uint32_t planes_;
  TileStreams streams_;
  Escapes escapes_;
};

}  // namespace

template <class Pixel>
TileStreams build_streams(const TileTable<Pixel>& table, const std::vector<std::uint8_t>& slots,
                          std::uint32_t planes) {
  return Builder<Pixel>(table, slots, planes).run();
}

template TileStreams build_streams(const TileTable<std::uint8_t>&, const std::vector<std::uint8_t>&,
                                   std::uint32_t);
template TileStreams build_streams(const TileTable<std::uint16_t>&,
                                   const std::vector<std::uint8_t>&, std::uint32_t);

}  // namespace slicebank::wave
