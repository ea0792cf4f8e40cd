#include "query/internal/batch_image.h"

#include <algorithm>
#include <string>

#include "query/internal/batch_pixels.h"
#include "query/internal/batch_place.h"
#include "schema/error.h"

namespace slicebank {
namespace {

float* floats(Buffer& buffer, std::uint64_t count) {
  buffer.resize(static_cast<std::size_t>(count) * sizeof(float));
  return buffer.as<float>().data();
}

bool becomes_grey(const BatchSpec& spec, const ImageShape& shape) {
  return spec.channels == ChannelPolicy::gray && shape.channels == 3;
}

// The three channels of a colour slice as one.
ImageView grey_of(const ImageView& image, BatchScratch& scratch) {
  constexpr double kShares[] = {0.299, 0.587, 0.114};
  const std::uint64_t pixels = image.shape.pixels();
  const Box whole{0, 0, image.shape.width, image.shape.height};
  float* grey = floats(scratch.grey, pixels);
  float* part = floats(scratch.crop, pixels);
  for (std::uint32_t channel = 0; channel < 3; ++channel) {
    LinearMap map;
    map.scale = kShares[channel];
    load_plane(image, channel, whole, map, channel == 0 ? grey : part);
    if (channel == 0) continue;
    for (std::uint64_t i = 0; i < pixels; ++i) grey[i] += part[i];
  }
  return {{PixelType::f32, image.shape.height, image.shape.width, 1},
          Bytes(scratch.grey.data(), scratch.grey.size())};
}

void fill_rows(float* canvas, std::uint32_t step, const Box& box, float value) {
  for (std::uint32_t y = box.y0; y < box.y1; ++y) {
    float* row = canvas + std::size_t{y} * step;
    std::fill(row + box.x0, row + box.x1, value);
  }
}

void fill_padding(float* canvas, const Placement& placement, float value) {
  const Size size = placement.canvas;
  const Box inner = placement.inner;
  fill_rows(canvas, size.width, {0, 0, size.width, inner.y0}, value);
  fill_rows(canvas, size.width, {0, inner.y0, inner.x0, inner.y1}, value);
  fill_rows(canvas, size.width, {inner.x1, inner.y0, size.width, inner.y1}, value);
  fill_rows(canvas, size.width, {0, inner.y1, size.width, size.height}, value);
}

// One channel, placed but not yet turned. `entry`: which of several means is its.
void fill_canvas(const BatchSpec& spec, const ImageView& image, std::uint32_t channel,
                 std::uint32_t entry, const Placement& placement, BatchScratch& scratch,
                 float* canvas) {
  const Box crop = placement.crop;
  const Size from{crop.y1 - crop.y0, crop.x1 - crop.x0};
  const Size inner{placement.inner.y1 - placement.inner.y0,
                   placement.inner.x1 - placement.inner.x0};
  const LinearMap map = intensity_map(spec.intensity, spec.pixel_type, image, channel, entry);
  float* at =
      canvas + std::size_t{placement.inner.y0} * placement.canvas.width + placement.inner.x0;
  if (from == inner && inner == placement.canvas) {
    load_plane(image, channel, crop, map, canvas);
    return;
  }
  float* pixels = floats(scratch.crop, std::uint64_t{from.height} * from.width);
  load_plane(image, channel, crop, map, pixels);
  scratch.resampler.run(pixels, from, inner, spec.filter, at, placement.canvas.width);
  if (inner != placement.canvas) {
    fill_padding(canvas, placement, static_cast<float>(spec.pad.value));
  }
}

}  // namespace

std::uint32_t output_channels(const BatchSpec& spec, std::uint32_t channels) {
  if (spec.intensity.kind == IntensitySpec::Kind::mean_std && spec.intensity.mean.size() != 1) {
    const std::uint32_t mapped = spec.channels == ChannelPolicy::gray ? 1 : channels;
    if (spec.intensity.mean.size() != mapped &&
        !(spec.channels == ChannelPolicy::rgb && spec.intensity.mean.size() == 3)) {
      throw Error(ErrorCode::bad_argument, "the slice has " + std::to_string(mapped) +
                                               " channels, but there are means of " +
                                               std::to_string(spec.intensity.mean.size()));
    }
  }
  if (spec.channels == ChannelPolicy::keep) return channels;
  if (channels != 1 && channels != 3) {
    throw Error(ErrorCode::bad_argument,
                "a slice of " + std::to_string(channels) + " channels is neither grey nor colour",
                "Keep the channels as they are.");
  }
  return spec.channels == ChannelPolicy::rgb ? 3 : 1;
}

bool is_plain_copy(const BatchSpec& spec, const ImageShape& shape, const Placement& placement) {
  return shape.pixel_type == spec.pixel_type && spec.intensity.kind == IntensitySpec::Kind::none &&
         (shape.channels == 1 || spec.layout == Layout::nhwc) &&
         output_channels(spec, shape.channels) == shape.channels && is_identity(placement);
}

void transform_image(const BatchSpec& spec, const ImageView& image, const Placement& placement,
                     BatchScratch& scratch, std::byte* out) {
  const ImageView source = becomes_grey(spec, image.shape) ? grey_of(image, scratch) : image;
  const std::uint32_t channels = output_channels(spec, image.shape.channels);
  const std::uint64_t pixels = std::uint64_t{placement.canvas.height} * placement.canvas.width;
  const std::size_t bytes = pixel_bytes(spec.pixel_type);
  const bool planar = spec.layout == Layout::nchw || channels == 1;
  const bool in_place = planar && spec.pixel_type == PixelType::f32;
  const bool turns = placement.transpose || placement.flip_horizontal || placement.flip_vertical;
  const std::size_t step = planar ? 1 : channels;
  // The same grey in each colour, unless each colour is mapped in its own way.
  const bool repeats = source.shape.channels == 1 && channels == 3;
  const bool copies = repeats && (spec.intensity.kind != IntensitySpec::Kind::mean_std ||
                                  spec.intensity.mean.size() == 1);
  const float* done = nullptr;
  for (std::uint32_t channel = 0; channel < channels; ++channel) {
    std::byte* slot = out + (planar ? static_cast<std::size_t>(pixels) * channel : channel) * bytes;
    if (done == nullptr || !copies) {
      float* last = in_place ? reinterpret_cast<float*>(slot) : floats(scratch.turned, pixels);
      float* canvas = turns || !in_place ? floats(scratch.canvas, pixels) : last;
      fill_canvas(spec, source, repeats ? 0 : channel, channel, placement, scratch, canvas);
      if (turns) turn_plane(canvas, placement, last);
      done = turns ? last : canvas;
    }
    store_plane(done, static_cast<std::size_t>(pixels), spec.pixel_type, step, slot);
  }
}

}  // namespace slicebank
