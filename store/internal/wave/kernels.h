// The inner loops of the codec, as one table a machine kind. Every table gives the same
// bytes and the same pixels; wave.cpp picks the fastest that runs here.
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
  triple,  // 8 bit: three planes, three channels
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
  // 8 bit, single or equal only; null without a rank map. Sixteen values a table, and
  // each table exclusive-or the one before.
  const std::uint8_t* value_of_rank;
  const std::uint8_t* rank_table_changes;
  std::uint32_t rank_tables;
};

// Where the streams of one plane stand.
template <class Pixel>
struct PlaneCursor {
  const std::uint8_t* map;
  const std::uint8_t* plain[kClassIdMax + 1];  // next coded byte of each plain class
  const std::uint8_t* raw2;
  const std::uint8_t* raw4;
  const Pixel* flat[kClassIdMax + 1];      // next residual of each flat-coded class
  const Pixel* flat_end[kClassIdMax + 1];  // behind the plane's last one
  const std::uint8_t* gaps;                // behind those of the next exception
  const std::uint8_t* exception_values;    // of the next exception
  std::uint64_t exceptions;                // left in this plane
  std::uint64_t next_exception;            // slots from the next flat-coded tile's start
};

// Everything the inverse reads and writes. Streams were counted against the map before, so
// that only flat-coded symbols can run out; each unpacked class is followed by a tile of
// zeros, and the inverse looks at its plane's end once a tile.
template <class Pixel>
struct InverseJob {
  std::uint32_t width;
  std::uint32_t height;
  std::uint32_t planes;
  std::uint64_t tiles;  // of a plane
  std::uint64_t bands;
  std::uint64_t full_steps;
  // Bands whose rows are wanted: those before are not handed out, those behind not restored.
  std::uint64_t first_band;
  std::uint64_t end_band;

  PlaneCursor<Pixel>* cursors;  // one a plane
  // 16 bit, where planes come one after another.
  const std::uint8_t* escapes_low;
  const std::uint8_t* escapes_high;
  const std::uint8_t* exception_escapes_low;
  const std::uint8_t* exception_escapes_high;

  // Two bands for each plane that is under way; rows are ring_stride apart.
  Pixel* ring;
  std::size_t ring_stride;

  Output<Pixel> out;
};

// Planes that the inverse works on at the same time: three give it three independent
// chains of steps.
static constexpr std::uint32_t planes_at_once(OutputLayout layout) {
  return layout == OutputLayout::triple ? 3 : 1;
}

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

// One plane, and where its results go.
template <class Pixel>
struct AnalysisJob {
  const Pixel* plane;  // width * height, with kPlaneSlack readable pixels on either side
  std::uint32_t width;
  std::uint32_t height;
  std::uint64_t tiles;
  std::uint64_t full_steps;

  // By tile; residuals and masks only where facts.sum is not 0. Residuals: step after step,
  // lanes ascending; 0 where there is no pixel.
  TileFacts* facts;
  Pixel* residuals;
  std::uint16_t* flat_masks;  // 16 a tile, bit l: lane l is flat; 0 in padded tiles
  // 16 a tile, bit l: lane l is an exception. Only where facts.exceptions is not 0.
  std::uint16_t* exception_masks;
};

template <class Pixel>
struct PixelKernels {
  // False when a flat-coded run does not fit the pixels, or a tile may not be flat-coded.
  bool (*inverse)(InverseJob<Pixel>& job);
  // A run of packed symbols as residuals. Escapes come out as symbol 255.
  void (*unpack_run)(Kind kind, const std::uint8_t* coded, const std::uint8_t* raw,
                     std::uint64_t symbols, Pixel* residuals);

  // Predicts a whole plane, and chooses the predictor of each tile.
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
