#include "store/internal/wave/encoder.h"

#include <algorithm>
#include <cassert>

#include "store/internal/wave/classes.h"
#include "store/internal/wave/planes.h"
#include "store/internal/wave/section.h"
#include "store/internal/wave/streams.h"
#include "store/internal/wave/wave.h"
#include "store/internal/zstd.h"

namespace slicebank::wave {
namespace {

template <class Pixel>
TileTable<Pixel> analyse_planes(const Planes<Pixel>& planes, const Geometry& geometry) {
  TileTable<Pixel> table;
  const std::size_t tiles = geometry.tiles * planes.count();
  table.facts.resize(tiles);
  table.residuals.resize(tiles * kSlotsPerTile<Pixel>);
  table.flat_masks.resize(tiles * kStepsPerTile);
  table.exception_masks.resize(tiles * kStepsPerTile);
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

// Compresses each stream; the frames of `section` then point into the result.
std::vector<std::byte> compress(const TileStreams& streams, Section& section) {
  std::size_t room = 0;  // what each frame may take while it is made
  for (const auto& stream : streams.frames) room += stream.size() + stream.size() / 128 + 256;
  std::vector<std::byte> bytes;
  bytes.reserve(room);
  std::array<std::size_t, kFrames> sizes{};
  for (std::size_t frame = 0; frame < kFrames; ++frame) {
    const auto& stream = streams.frames[frame];
    if (stream.empty()) continue;
    zstd::FrameOptions options;
    options.magicless = true;
    options.huffman_only = frame != kFrameEscapes;
    sizes[frame] = zstd::append_frame(std::as_bytes(std::span(stream)), options, bytes);
  }
  Bytes rest = bytes;
  for (std::size_t frame = 0; frame < kFrames; ++frame) {
    section.frames[frame] = rest.first(sizes[frame]);
    rest = rest.subspan(sizes[frame]);
  }
  return bytes;
}

template <class Pixel>
std::vector<std::byte> encode_pixels(const ImageView& image, const EncoderOptions& options) {
  Section section;
  const Planes<Pixel> planes = split_image<Pixel>(image, options.use_ranks, section.header);
  section.geometry = make_geometry(image.shape.width, image.shape.height, kLanes<Pixel>);
  const TileTable<Pixel> table = analyse_planes(planes, section.geometry);
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
  const std::vector<std::byte> frames = compress(streams, section);
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

std::vector<std::byte> encode(const ImageView& image, Effort effort) {
  EncoderOptions options;
  options.classes.passes = effort == Effort::fast ? 0 : effort == Effort::balanced ? 1 : 2;
  return encode_with(image, options);
}

}  // namespace slicebank::wave
