// The decoder but for its inner loops: takes the section apart, decompresses, counts every
// stream against the map, unpacks flat-coded runs, and lets the kernels walk.
#include <algorithm>
#include <array>
#include <cstring>
#include <numeric>
#include <vector>

#include "schema/error.h"
#include "store/internal/wave/kernels.h"
#include "store/internal/wave/scratch.h"
#include "store/internal/wave/section.h"
#include "store/internal/wave/wave.h"
#include "store/internal/zstd.h"

namespace slicebank::wave {
namespace {

[[noreturn]] void fail(const char* what) {
  throw Error(ErrorCode::corrupt, std::string("image section: ") + what);
}

// Tiles of each class slot in one plane.
using TileCounts = std::array<std::uint64_t, kClassSlots>;

template <class Pixel>
struct DecoderMemory {
  Scratch streams;
  Scratch flat;
  Scratch raw;
  Scratch ring;
  std::vector<TileCounts> counts;
  std::vector<PlaneCursor<Pixel>> cursors;
};

// All streams of a section, decompressed. Pointers into the thread's scratch memory.
struct Streams {
  std::array<const std::uint8_t*, kFrames> begin{};
};

Streams decompress(const Section& section, Scratch& memory) {
  std::uint64_t total = 0;
  for (const std::uint64_t size : section.frame_sizes) total += size + kPackedSlack;
  // What zstd wants beyond a frame to decode its literals in place.
  constexpr std::size_t kRoomAhead = 264 * 1024;
  total += kRoomAhead;
  auto* next = memory.room<std::uint8_t>(total);
  const std::uint8_t* end = next + total;
  Streams streams;
  for (std::size_t frame = 0; frame < kFrames; ++frame) {
    const std::size_t size = section.frame_sizes[frame];
    streams.begin[frame] = next;
    if (size == 0) continue;
    zstd::decompress_magicless_front(
        section.frames[frame], size,
        {reinterpret_cast<std::byte*>(next), static_cast<std::size_t>(end - next)});
    next += size + kPackedSlack;
  }
  return streams;
}

// The slot that a byte of the map names.
std::uint32_t legal_slot(std::uint32_t byte) {
  const std::uint32_t slot = map_class_slot(byte);
  if (map_predictor(byte) >= kPredictors || slot % kFlatFamily > kClassIdMax ||
      slot == kFlatFamily) {
    fail("illegal tile");
  }
  return slot;
}

// Every byte of the map is legal, and every class has as many tiles as the sizes say.
void count_tiles(const Section& section, const std::uint8_t* map, std::vector<TileCounts>& counts) {
  constexpr std::uint64_t kFewTiles = 128;
  const std::uint64_t tiles = section.geometry.tiles;
  counts.resize(section.header.planes);
  TileCounts all{};
  for (TileCounts& of_plane : counts) {
    of_plane.fill(0);
    if (tiles <= kFewTiles) {
      for (std::uint64_t tile = 0; tile < tiles; ++tile) ++of_plane[legal_slot(*map++)];
    } else {
      std::array<std::uint32_t, 256> histogram{};
      for (std::uint64_t tile = 0; tile < tiles; ++tile) ++histogram[*map++];
      for (std::uint32_t byte = 0; byte < histogram.size(); ++byte) {
        if (histogram[byte] != 0) of_plane[legal_slot(byte)] += histogram[byte];
      }
    }
    for (std::uint32_t slot = 0; slot < kClassSlots; ++slot) all[slot] += of_plane[slot];
  }
  for (std::uint32_t slot = 1; slot < kClassSlots; ++slot) {
    if (all[slot] != section.sizes.tiles[slot]) fail("map and sizes differ");
  }
}

// Finds each plane's first exception, and checks that the gaps end exactly with the last
// one, which lies in a flat-coded tile.
template <class Pixel>
void place_exceptions(const Section& section, const std::vector<TileCounts>& counts,
                      const std::uint8_t* gaps, const std::uint8_t* values,
                      std::vector<PlaneCursor<Pixel>>& cursors) {
  const std::uint8_t* const end = gaps + section.sizes.gap_bytes;
  std::uint64_t left = section.sizes.exceptions;
  if (left > 0 && std::memchr(values, 0, left) != nullptr) fail("exception without a value");
  std::uint64_t position = 0;  // of the next exception; then its gap has been read
  const auto read_gap = [&] {
    std::uint32_t gap = kGapContinues;
    while (gap == kGapContinues) {
      if (gaps == end) fail("gaps of exceptions");
      gap = *gaps++;
      position += gap;
    }
  };
  if (left > 0) read_gap();
  std::uint64_t plane_begin = 0;
  for (std::size_t plane = 0; plane < cursors.size(); ++plane) {
    std::uint64_t flat_tiles = 0;
    for (std::uint32_t slot = kFlatFamily; slot < kClassSlots; ++slot) {
      flat_tiles += counts[plane][slot];
    }
    const std::uint64_t plane_end = plane_begin + flat_tiles * kSlotsPerTile<Pixel>;
    PlaneCursor<Pixel>& cursor = cursors[plane];
    cursor.gaps = gaps;
    cursor.exception_values = values;
    cursor.next_exception = position - plane_begin;
    while (left > 0 && position < plane_end) {
      ++cursor.exceptions;
      ++values;
      ++position;
      if (--left > 0) read_gap();
    }
    plane_begin = plane_end;
  }
  if (left > 0 || gaps != end) fail("gaps of exceptions");
}

// Counts in bytes first, which compilers turn into vectors.
std::uint64_t count_escapes(const std::uint8_t* symbols, std::uint64_t size) {
  constexpr std::uint64_t kBlock = 240;
  std::uint64_t count = 0;
  std::uint64_t i = 0;
  for (; i + kBlock <= size; i += kBlock) {
    std::uint8_t in_block = 0;
    for (std::uint64_t j = 0; j < kBlock; ++j) {
      in_block = static_cast<std::uint8_t>(in_block + (symbols[i + j] == kEscapeSymbol));
    }
    count += in_block;
  }
  for (; i < size; ++i) count += symbols[i] == kEscapeSymbol;
  return count;
}

// Where the three parts of the escapes begin: plain tiles, flat-coded runs, exceptions.
struct EscapeCounts {
  std::uint64_t plain = 0;
  std::array<std::uint64_t, kFlatFamily> flat{};
  std::uint64_t exceptions = 0;
};

EscapeCounts check_escapes(const Section& section, const Streams& streams) {
  EscapeCounts counts;
  std::uint64_t sum = 0;
  const auto class_end = kFirstClass[0] + kClassBudget[0];
  for (std::uint32_t id = kFirstClass[0]; id < class_end; ++id) {
    const std::size_t plain = kFrameClasses + id;
    counts.plain += count_escapes(streams.begin[plain], section.frame_sizes[plain]);
    const std::size_t flat = plain + kFlatFamily;
    counts.flat[id] = count_escapes(streams.begin[flat], section.frame_sizes[flat]);
    sum += counts.flat[id];
  }
  counts.exceptions = count_escapes(streams.begin[kFrameValues], section.sizes.exceptions);
  sum += counts.plain + counts.exceptions;
  if (sum != section.sizes.escapes) fail("number of escapes");
  const std::uint8_t* low = streams.begin[kFrameEscapes];
  const std::uint8_t* high = low + sum;
  for (std::uint64_t i = 0; i < sum; ++i) {
    if (high[i] == 0 && low[i] < kEscapeSymbol) fail("escape of a small value");
  }
  return counts;
}

// The true values of symbols that are escapes. `low` is the first's low byte; its high byte
// lies `distance` behind it.
template <class Pixel>
void put_escapes(const std::uint8_t* coded, std::uint64_t symbols, const std::uint8_t* low,
                 std::uint64_t distance, Pixel* residuals) {
  for (const std::uint8_t* at = coded;; ++at) {
    const std::size_t left = symbols - static_cast<std::size_t>(at - coded);
    at = static_cast<const std::uint8_t*>(std::memchr(at, kEscapeSymbol, left));
    if (at == nullptr) return;
    const std::uint32_t folded = *low | static_cast<std::uint32_t>(low[distance]) << 8;
    residuals[at - coded] = static_cast<Pixel>((folded >> 1) ^ (0u - (folded & 1)));
    ++low;
  }
}

// Unpacks the flat-coded classes, one residual a symbol, each class followed by zeros.
template <class Pixel>
void unpack_flat_classes(const Section& section, const Streams& streams,
                         const EscapeCounts& escapes, DecoderMemory<Pixel>& memory) {
  std::vector<PlaneCursor<Pixel>>& cursors = memory.cursors;
  const StreamSizes& sizes = section.sizes;
  std::uint64_t room = 0;
  std::uint64_t raw_room = 0;
  for (std::uint32_t id = 1; id <= kClassIdMax; ++id) {
    if (!sizes.has(kFlatFamily + id)) continue;
    room += sizes.symbols[kFlatFamily + id] + kUnpackSlack;
    raw_room = std::max<std::uint64_t>(raw_room, section.flat_raw[id].size());
  }
  auto* residuals = memory.flat.template room<Pixel>(room);
  auto* raw = memory.raw.template room<std::uint8_t>(raw_room + kPackedSlack);
  std::uint64_t escapes_before = escapes.plain;
  for (std::uint32_t id = 1; id <= kClassIdMax; ++id) {
    if (!sizes.has(kFlatFamily + id)) continue;
    const std::uint64_t symbols = sizes.symbols[kFlatFamily + id];
    const std::uint8_t* coded = streams.begin[kFrameClasses + kFlatFamily + id];
    if (!section.flat_raw[id].empty()) {  // a copy, as it is read in whole vectors
      std::memcpy(raw, section.flat_raw[id].data(), section.flat_raw[id].size());
    }
    pixel_kernels<Pixel>().unpack_run(kind_of_class(id), coded, raw, symbols, residuals);
    if (escapes.flat[id] > 0) {
      put_escapes(coded, symbols, streams.begin[kFrameEscapes] + escapes_before, sizes.escapes,
                  residuals);
      escapes_before += escapes.flat[id];
    }
    std::fill_n(residuals + symbols, kUnpackSlack, Pixel{0});
    const Pixel* next = residuals;
    for (std::size_t plane = 0; plane < cursors.size(); ++plane) {
      cursors[plane].flat[id] = next;
      next += sizes.plane_symbols(id, plane);
      cursors[plane].flat_end[id] = next;
    }
    residuals += symbols + kUnpackSlack;
  }
}

// Where each plane's part of the plain classes and of the raw bits begins.
template <class Pixel>
void place_plain_tiles(const Section& section, const std::vector<TileCounts>& counts,
                       const Streams& streams, std::vector<PlaneCursor<Pixel>>& cursors) {
  constexpr std::uint32_t kSlots = kSlotsPerTile<Pixel>;
  std::array<const std::uint8_t*, kClassIdMax + 1> plain{};
  for (std::uint32_t id = 1; id <= kClassIdMax; ++id) {
    plain[id] = streams.begin[kFrameClasses + id];
  }
  const auto* map = streams.begin[kFrameMap];
  const auto* raw2 = reinterpret_cast<const std::uint8_t*>(section.raw2.data());
  const auto* raw4 = reinterpret_cast<const std::uint8_t*>(section.raw4.data());
  for (std::size_t plane = 0; plane < cursors.size(); ++plane) {
    PlaneCursor<Pixel>& cursor = cursors[plane];
    cursor.map = map;
    cursor.raw2 = raw2;
    cursor.raw4 = raw4;
    map += section.geometry.tiles;
    for (std::uint32_t id = 1; id <= kClassIdMax; ++id) {
      const Kind kind = kind_of_class(id);
      const std::uint64_t slots = counts[plane][id] * kSlots;
      cursor.plain[id] = plain[id];
      plain[id] += slots * coded_bits(kind) / 8;
      if (kind == Kind::nibble_raw2) raw2 += slots * 2 / 8;
      if (kind == Kind::nibble_raw4) raw4 += slots * 4 / 8;
    }
  }
}

// Values of ranks, in tables of 16, and how each table differs from the one before.
struct RankTables {
  std::array<std::uint8_t, 256> values{};
  std::array<std::uint8_t, 256> changes{};
  std::uint32_t tables = 0;

  void fill(const std::array<std::uint8_t, 32>& used_values, std::uint16_t bias) {
    std::uint32_t rank = 0;
    for (std::uint32_t value = 0; value < 256; ++value) {
      if ((used_values[value / 8] >> value % 8 & 1) == 0) continue;
      values[rank++] = static_cast<std::uint8_t>(value + bias);
    }
    tables = (rank + 15) / 16;
    for (std::uint32_t i = 0; i < 16 * tables; ++i) {
      changes[i] = i < 16 ? values[i] : values[i] ^ values[i - 16];
    }
  }
};

template <class Pixel>
OutputLayout output_layout(const ImageShape& shape, const SectionHeader& header) {
  if (shape.channels == 1) return OutputLayout::single;
  if ((header.flags & kFlagEqual) != 0) return OutputLayout::equal;
  if (sizeof(Pixel) == 1 && header.planes == 3 && (header.flags & kFlagReferences) == 0) {
    return OutputLayout::triple;
  }
  return OutputLayout::planar;
}

template <class Pixel>
void decode_pixels(const ImageShape& shape, const Section& section, MutableBytes out_hwc,
                   RowRange rows) {
  thread_local DecoderMemory<Pixel> memory;
  const SectionHeader& header = section.header;
  const Streams streams = decompress(section, memory.streams);
  count_tiles(section, streams.begin[kFrameMap], memory.counts);
  EscapeCounts escapes;
  if constexpr (sizeof(Pixel) == 2) escapes = check_escapes(section, streams);
  std::vector<PlaneCursor<Pixel>>& cursors = memory.cursors;
  cursors.assign(header.planes, {});
  place_plain_tiles(section, memory.counts, streams, cursors);
  place_exceptions(section, memory.counts, streams.begin[kFrameGaps], streams.begin[kFrameValues],
                   cursors);
  unpack_flat_classes(section, streams, escapes, memory);

  std::array<Pixel, 32> bias;
  for (std::size_t plane = 0; plane < bias.size(); ++plane) {
    bias[plane] = static_cast<Pixel>(header.bias_of_plane[plane]);
  }
  const bool has_ranks = (header.flags & kFlagRanks) != 0;
  RankTables ranks;
  if (has_ranks) ranks.fill(header.used_values, header.bias_of_plane[0]);

  InverseJob<Pixel> job{};
  job.width = shape.width;
  job.height = shape.height;
  job.planes = header.planes;
  job.tiles = section.geometry.tiles;
  job.bands = section.geometry.bands;
  job.full_steps = section.geometry.full_steps;
  job.first_band = rows.begin / kLanes<Pixel>;
  job.end_band =
      (std::uint64_t{std::min(rows.end, shape.height)} + kLanes<Pixel> - 1) / kLanes<Pixel>;
  const OutputLayout layout = output_layout<Pixel>(shape, header);
  // The escapes of a plane follow on all those of the plane before.
  if (layout == OutputLayout::planar && section.sizes.escapes > 0) job.end_band = job.bands;
  job.cursors = cursors.data();
  job.escapes_low = streams.begin[kFrameEscapes];
  job.escapes_high = job.escapes_low + section.sizes.escapes;
  job.exception_escapes_low = job.escapes_high - escapes.exceptions;
  job.exception_escapes_high = job.exception_escapes_low + section.sizes.escapes;
  job.out = {out_hwc.data(),
             layout,
             shape.channels,
             header.transform == Transform::subtract_green,
             header.plane_of_channel.data(),
             bias.data(),
             has_ranks ? ranks.values.data() : nullptr,
             ranks.changes.data(),
             ranks.tables};
  // An odd number of cache lines, so that rows do not fall on each other in the cache.
  constexpr std::size_t kLinePixels = 64 / sizeof(Pixel);
  const std::size_t lines = (shape.width + 2 * kRingPadding + kLinePixels - 1) / kLinePixels;
  job.ring_stride = (lines | 1) * kLinePixels;
  job.ring = memory.ring.template room<Pixel>(job.ring_stride * kLanes<Pixel> * 2 *
                                              planes_at_once(job.out.layout));
  if (!pixel_kernels<Pixel>().inverse(job)) fail("flat-coded tiles and pixels differ");
}

}  // namespace

void decode(const ImageShape& shape, Bytes bytes, MutableBytes out_hwc, RowRange rows) {
  if (!suits(shape) || out_hwc.size() != shape.bytes()) {
    throw Error(ErrorCode::corrupt, "image section: a shape that this codec does not take");
  }
  const Section section = parse_section(shape, bytes);
  if (pixel_bytes(shape.pixel_type) == 2) {
    decode_pixels<std::uint16_t>(shape, section, out_hwc, rows);
  } else {
    decode_pixels<std::uint8_t>(shape, section, out_hwc, rows);
  }
}

}  // namespace slicebank::wave
