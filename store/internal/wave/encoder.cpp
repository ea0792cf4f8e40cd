#include "store/internal/wave/encoder.h"

#include <algorithm>
#include <cassert>

#include "store/internal/wave/classes.h"
#include "store/internal/wave/planes.h"
#include "store/internal/wave/scratch.h"
#include "store/internal/wave/section.h"
#include "store/internal/wave/streams.h"
#include "store/internal/wave/wave.h"
#include "store/internal/zstd.h"

namespace slicebank::wave {
namespace {

// What a thread keeps from image to image: fresh memory of this size costs page faults.
struct EncoderMemory {
  Scratch planes;
  Scratch facts;
  Scratch residuals;
  Scratch masks;

  void trim() {
    for (Scratch* scratch : {&planes, &facts, &residuals, &masks}) scratch->trim();
  }
};

template <class Pixel>
TileTable<Pixel> analyse_planes(const Planes<Pixel>& planes, const Geometry& geometry,
                                EncoderMemory& memory) {
  TileTable<Pixel> table;
  const std::size_t tiles = geometry.tiles * planes.count();
  const std::size_t slots = tiles * kSlotsPerTile<Pixel>;
  const std::size_t steps = tiles * kStepsPerTile;
  table.facts = {memory.facts.room<TileFacts>(tiles), tiles};
  // Tiles are read in whole vectors.
  table.residuals = {memory.residuals.room<Pixel>(slots + kPlaneSlack), slots};
  auto* masks = memory.masks.room<std::uint16_t>(2 * steps);
  table.flat_masks = {masks, steps};
  table.exception_masks = {masks + steps, steps};
  for (std::uint32_t plane = 0; plane < planes.count(); ++plane) {
    AnalysisJob<Pixel> job{};
    job.plane = planes.plane(plane);
    job.width = geometry.width;
    job.height = geometry.height;
    job.tiles = geometry.tiles;
    job.full_steps = geometry.full_steps;
    const std::size_t first = plane * geometry.tiles;
    job.facts = table.facts.data() + first;
    job.residuals = table.residuals.data() + first * kSlotsPerTile<Pixel>;
    job.flat_masks = table.flat_masks.data() + first * kStepsPerTile;
    job.exception_masks = table.exception_masks.data() + first * kStepsPerTile;
    pixel_kernels<Pixel>().analyse(job);
  }
  return table;
}

zstd::FrameOptions frame_options(std::size_t frame) {
  zstd::FrameOptions options;
  options.magicless = true;
  options.huffman_only = frame != kFrameEscapes;
  return options;
}

// Screens and near-empty images repeat themselves: there, a frame that is 5 % smaller with
// matches is taken so. Elsewhere matches only cost decoding time.
void try_matches(const TileStreams& streams, int level,
                 std::array<std::vector<std::byte>, kFrames>& frames) {
  for (std::size_t frame = 0; frame < kFrames; ++frame) {
    if (frames[frame].empty() || !frame_options(frame).huffman_only) continue;
    zstd::FrameOptions options = frame_options(frame);
    options.huffman_only = false;
    options.level = level;
    std::vector<std::byte> shorter;
    zstd::append_frame(std::as_bytes(std::span(streams.frames[frame])), options, shorter);
    if (shorter.size() * 20 < frames[frame].size() * 19) frames[frame] = std::move(shorter);
  }
}

// Every stream as a frame; `samples` is what they stand for.
std::array<std::vector<std::byte>, kFrames> compress(const TileStreams& streams,
                                                     const EncoderOptions& options,
                                                     std::uint64_t samples) {
  std::array<std::vector<std::byte>, kFrames> frames;
  std::uint64_t total = streams.raw2.size() + streams.raw4.size();
  for (std::size_t frame = 0; frame < kFrames; ++frame) {
    const auto& stream = streams.frames[frame];
    if (stream.empty()) continue;
    zstd::append_frame(std::as_bytes(std::span(stream)), frame_options(frame), frames[frame]);
    total += frames[frame].size();
  }
  if (total * 8 < samples * options.matches_below_eighths / 8) {
    try_matches(streams, options.match_level, frames);
  }
  return frames;
}

template <class Pixel>
std::vector<std::byte> encode_pixels(const ImageView& image, const EncoderOptions& options) {
  Section section;
  thread_local EncoderMemory memory;
  const Planes<Pixel> planes =
      split_image<Pixel>(image, options.use_ranks, memory.planes, section.header);
  section.geometry = make_geometry(image.shape.width, image.shape.height, kLanes<Pixel>);
  const TileTable<Pixel> table = analyse_planes(planes, section.geometry, memory);
  ClassOptions classes = options.classes;
  if (section.header.transform == Transform::subtract_green) {
    classes.flat_tile_price = options.colour_flat_tile_price;
    classes.exception_price = options.colour_exception_price;
  }
  const std::vector<std::uint8_t> slots = assign_classes(table, classes);
  const TileStreams streams = build_streams(table, slots, section.header.planes);
  section.sizes = streams.sizes;
  section.raw2 = std::as_bytes(std::span(streams.raw2));
  section.raw4 = std::as_bytes(std::span(streams.raw4));
  for (std::size_t id = 0; id < kFlatFamily; ++id) {
    section.flat_raw[id] = std::as_bytes(std::span(streams.flat_raw[id]));
  }
  memory.trim();
  const auto frames = compress(streams, options, image.shape.pixels() * section.header.planes);
  for (std::size_t frame = 0; frame < kFrames; ++frame) section.frames[frame] = frames[frame];
  return write_section(image.shape, section);
}

}  // namespace

std::vector<std::byte> encode_with(const ImageView& image, const EncoderOptions& options) {
  assert(suits(image.shape) && image.image_hwc.size() == image.shape.bytes());
  if (pixel_bytes(image.shape.pixel_type) == 2) {
    return encode_pixels<std::uint16_t>(image, options);
  }
  return encode_pixels<std::uint8_t>(image, options);
}

namespace {

// The smallest of several ways, the first of equals.
std::vector<std::byte> encode_small(const ImageView& image) {
  EncoderOptions once;
  once.matches_below_eighths = 8;
  once.match_level = 9;
  EncoderOptions fine = once;
  fine.classes.passes = 3;
  fine.classes.bytes_a_class = 8192;
  EncoderOptions without_ranks = fine;
  without_ranks.use_ranks = false;
  std::vector<std::byte> best = encode_with(image, once);
  for (const EncoderOptions& options : {fine, without_ranks}) {
    std::vector<std::byte> other = encode_with(image, options);
    if (other.size() < best.size()) best = std::move(other);
  }
  return best;
}

}  // namespace

std::vector<std::byte> encode(const ImageView& image, Effort effort) {
  EncoderOptions options;
  switch (effort) {
    case Effort::fast:
      options.classes.passes = 0;
      options.matches_below_eighths = 1;
      break;
    case Effort::balanced:
      break;
    case Effort::small:
      return encode_small(image);
  }
  return encode_with(image, options);
}

}  // namespace slicebank::wave
