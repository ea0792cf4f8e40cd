// The inner loops of the codec, as one table a machine kind. Every table gives the same
// bytes and the same pixels; codec.cpp picks the fastest that runs here.
//
// The structs are plain data without member functions on purpose: the files that fill the
// tables are built for other machines, and nothing inline may leak out of them.
#pragma once

#include <cstddef>
#include <cstdint>

#include "store/internal/wave/tile_kinds.h"

namespace slicebank::wave {

// How finished plane rows become the caller's pixels.
enum class OutputLayout : std::uint8_t {
  single,  // one channel
  equal,   // one plane, repeated in every channel
  triple,  // three planes of one group, three channels in plane order or green first
  planar,  // any count; plane_of_channel says which
};

template <class Pixel>
struct Output {
  std::byte* pixels_hwc;
  OutputLayout layout;
  std::uint32_t channels;
  bool subtract_green;                   // triple: planes are G, R - G, B - G
  const std::uint8_t* plane_of_channel;  // planar only
  const Pixel* bias_of_plane;            // added last, modulo the pixel's range
  const std::uint8_t* value_of_rank;     // 8 bit, single or equal only: 256 values, or null
  std::uint32_t rank_tables;             // of 16 values each: those that are in use
};

// Everything the inverse reads and writes. Streams were counted against the map before, so
// that only flat-coded symbols can run out; each unpacked run is followed by a tile of
// zeros, and the inverse looks at its end once a tile.
template <class Pixel>
struct InverseJob {
  std::uint32_t width;
  std::uint32_t height;
  std::uint32_t planes;
  std::uint32_t planes_per_group;
  std::uint32_t chains_per_plane;
  std::uint64_t rounds;
  std::uint64_t tiles_of_chain[2];
  std::uint64_t bands_of_chain[2];
  std::uint64_t full_steps_of_chain[2];

  const std::uint8_t* map;
  const std::uint8_t* plain[kClassIdMax + 1];  // next coded byte of each plain class
  const std::uint8_t* raw2;
  const std::uint8_t* raw4;
  const std::uint8_t* escapes_low;
  const std::uint8_t* escapes_high;
  // Next symbol and end of each run, by (plane * chains_per_plane + chain) * 16 + class.
  const Pixel** flat;
  const Pixel* const* flat_end;

  const std::uint8_t* gaps;
  const std::uint8_t* gaps_end;
  const std::uint8_t* exception_values;
  const std::uint8_t* exception_escapes_low;
  const std::uint8_t* exception_escapes_high;

  // Two bands a chain of the largest group; see ring_stride() and ring_pixels().
  Pixel* ring;
  std::size_t ring_stride;

  Output<Pixel> out;
};

// Columns of padding on either side of a ring row: what full-width stores may spill.
inline constexpr std::size_t kRingPadding = 32;
// Symbols that may be written past the end of an unpacked run.
inline constexpr std::size_t kUnpackSlack = 320;
// Bytes that may be read past the end of a packed run.
inline constexpr std::size_t kPackedSlack = 64;
// Pixels before and after a plane that an analysis may read.
inline constexpr std::size_t kPlaneSlack = 64;

// What the encoder wants to know about a tile. A pixel is coded when it is not flat.
struct TileFacts {
  std::uint32_t sum;         // of |residual|
  std::uint32_t coded_sum;   // the same over coded pixels
  std::uint16_t top;         // largest of r >= 0 ? r : -r - 1
  std::uint16_t coded_top;   // the same over coded pixels
  std::uint16_t coded;       // number of coded pixels; all of them in a padded tile
  std::uint16_t exceptions;  // flat pixels whose residual is not zero
  std::uint8_t predictor;
  bool padded;
};

// One chain of one plane, and where its results go.
template <class Pixel>
struct AnalysisJob {
  const Pixel* plane;  // width * height, with kPlaneSlack readable pixels on either side
  std::uint32_t width;
  std::uint32_t height;
  std::uint32_t chains_per_plane;
  std::uint32_t chain;
  std::uint64_t tiles;
  std::uint64_t full_steps;
  const std::uint32_t* places;  // of each tile of the chain in the tile order

  // By place. Residuals: step after step, lanes ascending; 0 where there is no pixel.
  TileFacts* facts;
  Pixel* residuals;
  std::uint16_t* flat_masks;  // 16 a tile, bit l: lane l is flat; 0 in padded tiles
};

template <class Pixel>
struct PixelKernels {
  // False when a flat-coded run does not fit the pixels, or a tile may not be flat-coded.
  bool (*inverse)(InverseJob<Pixel>& job);
  // A run of packed symbols as residuals. Escapes come out as symbol 255.
  void (*unpack_run)(Kind kind, const std::uint8_t* coded, const std::uint8_t* raw,
                     std::uint64_t symbols, Pixel* residuals);

  // Predicts a whole chain, and chooses the predictor of each tile.
  void (*analyse)(const AnalysisJob<Pixel>& job);
  // A plain tile; returns nothing, as sizes follow from the kind. `raw` may be null.
  void (*pack_tile)(Kind kind, const Pixel* residuals, std::uint8_t* coded, std::uint8_t* raw);
  // The coded pixels of a tile, in order. Room for a whole tile and 32 bytes. Their number.
  std::uint32_t (*compact)(const Pixel* residuals, const std::uint16_t* flat_masks, Pixel* coded);
  // A run of residuals whose symbols share bytes. Reads up to 64 residuals past the end,
  // writes up to 64 bytes past the end; the last byte is filled with zero bits.
  void (*pack_run)(Kind kind, const Pixel* residuals, std::uint64_t count, std::uint8_t* coded,
                   std::uint8_t* raw);
};

struct Kernels {
  const char* name;
  PixelKernels<std::uint8_t> narrow;
  PixelKernels<std::uint16_t> wide;
  // Pixels of three 8-bit channels into three planes. May write 16 pixels of slack.
  void (*split_triple)(const std::byte* pixels_hwc, std::size_t count, std::uint8_t* planes[3]);
};

extern const Kernels kScalarKernels;
#if defined(__x86_64__) && !defined(SLICEBANK_SCALAR)
extern const Kernels kSse41Kernels;
extern const Kernels kAvx2Kernels;
#endif

// The table in use.
const Kernels& active_kernels();

template <class Pixel>
const PixelKernels<Pixel>& pixel_kernels();

}  // namespace slicebank::wave
