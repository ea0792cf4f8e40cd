#include "query/internal/batch_place.h"

#include <algorithm>
#include <string>
#include <utility>

#include "query/internal/batch_random.h"
#include "schema/error.h"

namespace slicebank {
namespace {

std::string text_of(Size size) {
  return std::to_string(size.height) + " x " + std::to_string(size.width);
}

Size crop_size(const BatchSpec& spec, Size source) {
  const Size wanted = spec.crop.size ? *spec.crop.size : spec.size.value_or(source);
  return {std::min(wanted.height, source.height), std::min(wanted.width, source.width)};
}

// Where a crop of `length` begins whose middle is at `middle`, inside 0 .. side.
std::uint32_t around(std::uint32_t middle, std::uint32_t length, std::uint32_t side) {
  const std::uint32_t before = length / 2;
  return std::min(middle > before ? middle - before : 0, side - length);
}

Box crop_box(const BatchSpec& spec, Size source, const std::optional<PixelAt>& aim,
             const RandomKey& key, std::uint64_t position) {
  if (spec.crop.where == CropSpec::Where::none) return {0, 0, source.width, source.height};
  const Size size = crop_size(spec, source);
  std::uint32_t x0 = (source.width - size.width) / 2;
  std::uint32_t y0 = (source.height - size.height) / 2;
  if (aim) {
    x0 = around(aim->x, size.width, source.width);
    y0 = around(aim->y, size.height, source.height);
  } else if (spec.crop.where != CropSpec::Where::centre) {
    SplitMix random = random_stream(key, position, RandomUse::crop);
    y0 = static_cast<std::uint32_t>(random.below(std::uint64_t{source.height - size.height} + 1));
    x0 = static_cast<std::uint32_t>(random.below(std::uint64_t{source.width - size.width} + 1));
  }
  return {x0, y0, x0 + size.width, y0 + size.height};
}

// a * b / c, rounded half up, at least 1.
std::uint32_t scaled(std::uint32_t a, std::uint32_t b, std::uint32_t c) {
  const std::uint64_t rounded = (std::uint64_t{a} * b * 2 + c) / (std::uint64_t{c} * 2);
  return static_cast<std::uint32_t>(std::max<std::uint64_t>(rounded, 1));
}

Size inner_size(const BatchSpec& spec, Size crop, Size canvas) {
  switch (spec.resize) {
    case ResizeKind::stretch:
      return canvas;
    case ResizeKind::fit:
      if (std::uint64_t{crop.height} * canvas.width <= std::uint64_t{crop.width} * canvas.height) {
        return {std::min(scaled(crop.height, canvas.width, crop.width), canvas.height),
                canvas.width};
      }
      return {canvas.height,
              std::min(scaled(crop.width, canvas.height, crop.height), canvas.width)};
    case ResizeKind::none:
      break;
  }
  if (crop.height > canvas.height || crop.width > canvas.width) {
    throw Error(
        ErrorCode::bad_argument,
        "a slice of " + text_of(crop) + " pixels does not fit an output of " + text_of(canvas),
        "Ask for a crop, or for a resize.");
  }
  return crop;
}

void draw_turn(const AugmentSpec& augment, const RandomKey& key, std::uint64_t position,
               Placement& placement) {
  SplitMix random = random_stream(key, position, RandomUse::turn);
  // Always the same number of draws, so that one of them does not depend on another.
  const bool horizontal = happens(random, augment.flip_horizontal);
  const bool vertical = happens(random, augment.flip_vertical);
  std::uint64_t quarters = random.next() >> 62;
  placement.flip_horizontal = horizontal;
  placement.flip_vertical = vertical;
  if (!augment.rot90) return;
  if (placement.canvas.height != placement.canvas.width) quarters &= 2;
  // A quarter against the clock is: transpose, then mirror top-bottom. A half: mirror both.
  if (quarters == 2 || quarters == 3) {
    placement.flip_horizontal = !placement.flip_horizontal;
    placement.flip_vertical = !placement.flip_vertical;
  }
  if (quarters == 1 || quarters == 3) {
    // Mirrors come first and the quarter after: moved behind the transposition, each mirror
    // becomes the other.
    placement.transpose = true;
    std::swap(placement.flip_horizontal, placement.flip_vertical);
    placement.flip_vertical = !placement.flip_vertical;
  }
}

}  // namespace

Size output_size(const BatchSpec& spec, Size source) {
  if (spec.size) return *spec.size;
  if (spec.crop.where != CropSpec::Where::none && spec.crop.size) return *spec.crop.size;
  return source;
}

Placement place_slice(const BatchSpec& spec, Size source, const std::optional<PixelAt>& aim,
                      const RandomKey& key, std::uint64_t position) {
  Placement placement;
  placement.source = source;
  placement.crop = crop_box(spec, source, aim, key, position);
  placement.canvas = output_size(spec, source);
  const Size crop{placement.crop.y1 - placement.crop.y0, placement.crop.x1 - placement.crop.x0};
  const Size inner = inner_size(spec, crop, placement.canvas);
  const bool centre = spec.pad.align == PadSpec::Align::centre;
  const std::uint32_t x0 = centre ? (placement.canvas.width - inner.width) / 2 : 0;
  const std::uint32_t y0 = centre ? (placement.canvas.height - inner.height) / 2 : 0;
  placement.inner = {x0, y0, x0 + inner.width, y0 + inner.height};
  draw_turn(spec.augment, key, position, placement);
  return placement;
}

bool is_identity(const Placement& placement) noexcept {
  const Box whole{0, 0, placement.source.width, placement.source.height};
  return placement.crop == whole && placement.inner == whole &&
         placement.canvas == placement.source && !placement.transpose &&
         !placement.flip_horizontal && !placement.flip_vertical;
}

Turn turn_of(const Placement& placement) noexcept {
  std::int64_t height = placement.canvas.height;
  std::int64_t width = placement.canvas.width;
  if (placement.transpose) std::swap(height, width);
  // Of the output: one to the right, one down, and where its canvas origin is.
  std::int64_t right = 1;
  std::int64_t down = width;
  std::int64_t base = 0;
  if (placement.flip_horizontal) {
    base += width - 1;
    right = -1;
  }
  if (placement.flip_vertical) {
    base += (height - 1) * width;
    down = -width;
  }
  if (placement.transpose) return {base, down, right};
  return {base, right, down};
}

Box turned(const Placement& placement, const Box& box) noexcept {
  Box out = box;
  Size size = placement.canvas;
  if (placement.transpose) {
    out = {box.y0, box.x0, box.y1, box.x1};
    std::swap(size.height, size.width);
  }
  if (placement.flip_horizontal) {
    const std::uint32_t x0 = out.x0;
    out.x0 = size.width - out.x1;
    out.x1 = size.width - x0;
  }
  if (placement.flip_vertical) {
    const std::uint32_t y0 = out.y0;
    out.y0 = size.height - out.y1;
    out.y1 = size.height - y0;
  }
  return out;
}

void nearest_pixels(std::uint32_t crop0, std::uint32_t crop1, std::uint32_t inner,
                    std::vector<std::uint32_t>& nearest) {
  const std::uint64_t length = crop1 - crop0;
  nearest.resize(inner);
  for (std::uint64_t i = 0; i < inner; ++i) {
    nearest[i] = crop0 + static_cast<std::uint32_t>(((2 * i + 1) * length - 1) / (2 * inner));
  }
}

}  // namespace slicebank
