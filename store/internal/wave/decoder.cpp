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

struct DecoderMemory {
  Scratch streams;
  Scratch runs;
  Scratch raw;
  Scratch ring;
};

// All streams of a section, decompressed. Pointers into the thread's scratch memory.
struct Streams {
  std::array<const std::uint8_t*, kFrames> begin{};
};

Streams decompress(const Section& section, DecoderMemory& memory) {
  std::uint64_t total = 0;
  for (const std::uint64_t size : section.frame_sizes) total += size + kPackedSlack;
  auto* next = memory.streams.room<std::uint8_t>(total);
  Streams streams;
  for (std::size_t frame = 0; frame < kFrames; ++frame) {
    const std::size_t size = section.frame_sizes[frame];
    streams.begin[frame] = next;
    if (size == 0) continue;
    zstd::decompress_magicless(section.frames[frame], nullptr,
                               {reinterpret_cast<std::byte*>(next), size});
    next += size + kPackedSlack;
  }
  return streams;
}

// Every class has as many tiles as the sizes say, and every byte of the map is legal.
void check_map(const Section& section, const std::uint8_t* map) {
  std::array<std::uint32_t, 256> histogram{};
  for (std::uint64_t tile = 0; tile < section.tiles; ++tile) ++histogram[map[tile]];
  std::array<std::uint64_t, kClassSlots> tiles{};
  for (std::uint32_t byte = 0; byte < histogram.size(); ++byte) {
    if (histogram[byte] == 0) continue;
    const std::uint32_t slot = map_class_slot(byte);
    if (map_predictor(byte) >= kPredictors || slot % kFlatFamily > kClassIdMax ||
        slot == kFlatFamily) {
      fail("illegal tile");
    }
    tiles[slot] += histogram[byte];
  }
  for (std::uint32_t slot = 1; slot < kClassSlots; ++slot) {
    if (tiles[slot] != section.sizes.tiles[slot]) fail("map and sizes differ");
  }
}

// The gaps end exactly with the last exception, which lies in a flat-coded tile.
void check_exceptions(const Section& section, const std::uint8_t* gaps,
                      const std::uint8_t* values, std::uint32_t slots) {
  const StreamSizes& sizes = section.sizes;
  if (sizes.exceptions == 0) return;
  std::uint64_t sum = 0;
  std::uint64_t ends = 0;
  for (std::uint64_t i = 0; i < sizes.gap_bytes; ++i) {
    sum += gaps[i];
    ends += gaps[i] != kGapContinues;
  }
  std::uint64_t flat_tiles = 0;
  for (std::uint32_t slot = kFlatFamily; slot < kClassSlots; ++slot) {
    flat_tiles += sizes.tiles[slot];
  }
  if (ends != sizes.exceptions || gaps[sizes.gap_bytes - 1] == kGapContinues ||
      sum + sizes.exceptions > flat_tiles * slots) {
    fail("gaps of exceptions");
  }
  if (std::memchr(values, 0, sizes.exceptions) != nullptr) fail("exception without a value");
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

// Flat-coded classes as one residual a symbol, each class followed by zeros.
template <class Pixel>
class FlatRuns {
 public:
  FlatRuns(const Section& section, const Streams& streams, const EscapeCounts& escapes,
           DecoderMemory& memory) {
    const StreamSizes& sizes = section.sizes;
    std::uint64_t room = 0;
    std::uint64_t raw_room = 0;
    for (std::uint32_t id = 1; id <= kClassIdMax; ++id) {
      if (!sizes.has(kFlatFamily + id)) continue;
      room += sizes.symbols[kFlatFamily + id] + kUnpackSlack;
      raw_room = std::max<std::uint64_t>(raw_room, section.flat_raw[id].size());
    }
    const std::size_t chains =
        std::size_t{section.header.planes} * section.header.chains_per_plane;
    next_.assign(chains * kFlatFamily, nullptr);
    end_.assign(chains * kFlatFamily, nullptr);
    auto* run = memory.runs.room<Pixel>(room);
    auto* raw = memory.raw.room<std::uint8_t>(raw_room + kPackedSlack);
    std::uint64_t escapes_before = escapes.plain;
    for (std::uint32_t id = 1; id <= kClassIdMax; ++id) {
      if (!sizes.has(kFlatFamily + id)) continue;
      const std::uint64_t symbols = sizes.symbols[kFlatFamily + id];
      const std::uint8_t* coded = streams.begin[kFrameClasses + kFlatFamily + id];
      if (!section.flat_raw[id].empty()) {  // a copy, as it is read in whole vectors
        std::memcpy(raw, section.flat_raw[id].data(), section.flat_raw[id].size());
      }
      pixel_kernels<Pixel>().unpack_run(kind_of_class(id), coded, raw, symbols, run);
      if (sizeof(Pixel) == 2 && escapes.flat[id] > 0) {
        put_escapes(coded, symbols, streams.begin[kFrameEscapes] + escapes_before,
                    section.sizes.escapes, run);
        escapes_before += escapes.flat[id];
      }
      std::fill_n(run + symbols, kUnpackSlack, Pixel{0});
      const auto& of_chain = sizes.symbols_of_chain[id];
      const Pixel* begin = run;
      for (std::size_t chain = 0; chain < chains; ++chain) {
        next_[chain * kFlatFamily + id] = begin;
        begin += of_chain[chain];
        end_[chain * kFlatFamily + id] = begin;
      }
      run += symbols + kUnpackSlack;
    }
  }

  const Pixel** next() { return next_.data(); }
  const Pixel* const* end() const { return end_.data(); }

 private:
  // The true values of symbols that are escapes; `low` is the first's low byte, and its
  // high byte lies `distance` behind it.
  static void put_escapes(const std::uint8_t* coded, std::uint64_t symbols,
                          const std::uint8_t* low, std::uint64_t distance, Pixel* run) {
    for (std::uint64_t i = 0; i < symbols; ++i) {
      if (coded[i] != kEscapeSymbol) continue;
      const std::uint32_t folded = *low | static_cast<std::uint32_t>(low[distance]) << 8;
      run[i] = static_cast<Pixel>((folded >> 1) ^ (0u - (folded & 1)));
      ++low;
    }
  }

  std::vector<const Pixel*> next_;
  std::vector<const Pixel*> end_;
};

template <class Pixel>
OutputLayout output_layout(const ImageShape& shape, const SectionHeader& header) {
  if (shape.channels == 1) return OutputLayout::single;
  if ((header.flags & kFlagEqual) != 0) return OutputLayout::equal;
  if (sizeof(Pixel) == 1 && header.planes == 3 && header.planes_per_group == 3 &&
      (header.flags & kFlagReferences) == 0) {
    return OutputLayout::triple;
  }
  return OutputLayout::planar;
}

template <class Pixel>
void decode_pixels(const ImageShape& shape, const Section& section, MutableBytes out_hwc) {
  thread_local DecoderMemory memory;
  constexpr std::uint32_t kSlots = kSlotsPerTile<Pixel>;
  const SectionHeader& header = section.header;
  const Geometry& geometry = section.geometry;
  const Streams streams = decompress(section, memory);
  check_map(section, streams.begin[kFrameMap]);
  check_exceptions(section, streams.begin[kFrameGaps], streams.begin[kFrameValues], kSlots);
  EscapeCounts escapes;
  if constexpr (sizeof(Pixel) == 2) escapes = check_escapes(section, streams);
  FlatRuns<Pixel> runs(section, streams, escapes, memory);

  std::array<Pixel, 32> bias;
  for (std::size_t plane = 0; plane < bias.size(); ++plane) {
    bias[plane] = static_cast<Pixel>(header.bias_of_plane[plane]);
  }
  std::array<std::uint8_t, 256> value_of_rank{};
  std::uint32_t rank = 0;
  if ((header.flags & kFlagRanks) != 0) {
    for (std::uint32_t value = 0; value < 256; ++value) {
      if ((header.used_values[value / 8] >> value % 8 & 1) == 0) continue;
      value_of_rank[rank++] = static_cast<std::uint8_t>(value + header.bias_of_plane[0]);
    }
  }

  InverseJob<Pixel> job{};
  job.width = shape.width;
  job.height = shape.height;
  job.planes = header.planes;
  job.planes_per_group = header.planes_per_group;
  job.chains_per_plane = header.chains_per_plane;
  job.rounds = geometry.rounds();
  for (std::size_t chain = 0; chain < kChainsPerPlaneMax; ++chain) {
    job.tiles_of_chain[chain] = geometry.chains[chain].tiles;
    job.bands_of_chain[chain] = geometry.chains[chain].bands;
    job.full_steps_of_chain[chain] = geometry.chains[chain].full_steps;
  }
  job.map = streams.begin[kFrameMap];
  for (std::uint32_t id = 1; id <= kClassIdMax; ++id) {
    job.plain[id] = streams.begin[kFrameClasses + id];
  }
  job.raw2 = reinterpret_cast<const std::uint8_t*>(section.raw2.data());
  job.raw4 = reinterpret_cast<const std::uint8_t*>(section.raw4.data());
  job.escapes_low = streams.begin[kFrameEscapes];
  job.escapes_high = job.escapes_low + section.sizes.escapes;
  job.flat = runs.next();
  job.flat_end = runs.end();
  job.gaps = streams.begin[kFrameGaps];
  job.gaps_end = job.gaps + section.sizes.gap_bytes;
  job.exception_values = streams.begin[kFrameValues];
  job.exception_escapes_low = job.escapes_high - escapes.exceptions;
  job.exception_escapes_high = job.exception_escapes_low + section.sizes.escapes;
  // An odd number of cache lines, so that rows do not fall on each other in the cache.
  constexpr std::size_t kLinePixels = 64 / sizeof(Pixel);
  job.ring_stride = ((shape.width + 2 * kRingPadding + kLinePixels - 1) / kLinePixels | 1) *
                    kLinePixels;
  job.ring = memory.ring.room<Pixel>(job.ring_stride * kLanes<Pixel> * 2 *
                                     header.chains_per_plane * header.planes_per_group);
  job.out = {out_hwc.data(),
             output_layout<Pixel>(shape, header),
             shape.channels,
             header.transform == Transform::subtract_green,
             header.plane_of_channel.data(),
             bias.data(),
             (header.flags & kFlagRanks) != 0 ? value_of_rank.data() : nullptr,
             (rank + 15) / 16};
  if (!pixel_kernels<Pixel>().inverse(job)) fail("flat-coded tiles and pixels differ");
}

}  // namespace

void decode(const ImageShape& shape, Bytes bytes, MutableBytes out_hwc) {
  if (!suits(shape) || out_hwc.size() != shape.bytes()) {
    throw Error(ErrorCode::corrupt, "image section: a shape that this codec does not take");
  }
  const Section section = parse_section(shape, bytes);
  if (pixel_bytes(shape.pixel_type) == 2) {
    decode_pixels<std::uint16_t>(shape, section, out_hwc);
  } else {
    decode_pixels<std::uint8_t>(shape, section, out_hwc);
  }
}

}  // namespace slicebank::wave
