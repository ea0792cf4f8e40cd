#include "importers/internal/mask_picture.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "formats/array.h"
#include "formats/jpeg.h"
#include "formats/png.h"
#include "formats/source_tree.h"
#include "formats/tiff.h"
#include "importers/importer.h"
#include "importers/internal/error_kind.h"

namespace slicebank::internal {
namespace {

// Floats this near a whole number are that number.
constexpr double kWholeWithin = 1e-3;

[[noreturn]] void fail(const char* kind, const std::string& path, const std::string& why) {
  throw ItemError(ErrorCode::bad_format, kind, path, printable(path) + ": " + why);
}

Image decode_any(Bytes file, const std::string& path, const MaskRule& rule) {
  const std::string name = printable(path);
  switch (picture_kind(file)) {
    case PictureKind::png:
      return rule.colours ? png::decode_expanding_palette(file, name).image
                          : png::decode(file, name).image;
    case PictureKind::jpeg:
      if (!rule.threshold) {
        fail("jpeg-mask", path,
             "a JPEG, which blurs the numbers of a mask; give masks.threshold in slicebank.json "
             "if it is black and white");
      }
      return jpeg::decode_as_stored(file, name);
    case PictureKind::tiff: {
      tiff::Reader reader(file, name);
      if (reader.pages().size() > 1) {
        fail("mask-pages", path,
             std::to_string(reader.pages().size()) + " pages, but its image has one");
      }
      return rule.colours ? reader.decode_expanding_palette() : reader.decode();
    }
    case PictureKind::unknown:
      break;
  }
  fail("bad-mask", path, "neither PNG nor TIFF nor JPEG");
}

Image one_plane(PixelType type, const ImageShape& shape) {
  Image plane{{type, shape.height, shape.width, 1}, {}};
  plane.image_hwc.resize(plane.shape.bytes());
  return plane;
}

Image first_channel(const Image& image) {
  const std::size_t size = pixel_bytes(image.shape.pixel_type);
  const std::size_t step = size * image.shape.channels;
  Image plane = one_plane(image.shape.pixel_type, image.shape);
  const std::byte* from = image.image_hwc.data();
  std::byte* to = plane.image_hwc.data();
  for (std::uint64_t i = 0; i < image.shape.pixels(); ++i, from += step, to += size) {
    std::memcpy(to, from, size);
  }
  return plane;
}

// Gray and alpha, or red, green, blue and perhaps alpha.
std::size_t colour_channels(const Image& image) { return image.shape.channels < 3 ? 1 : 3; }

Image packed_colours(const Image& image, const std::string& path) {
  if (image.shape.pixel_type != PixelType::u8 || image.shape.channels > 4) {
    fail("bad-mask", path, "classes by colour need 8 bits of red, green and blue");
  }
  const std::size_t channels = image.shape.channels;
  const std::size_t green = channels < 3 ? 0 : 1;
  const std::size_t blue = channels < 3 ? 0 : 2;
  Image plane = one_plane(PixelType::u32, image.shape);
  const auto* from = reinterpret_cast<const std::uint8_t*>(image.image_hwc.data());
  std::byte* to = plane.image_hwc.data();
  for (std::uint64_t i = 0; i < image.shape.pixels(); ++i, from += channels, to += 4) {
    const std::uint32_t colour =
        std::uint32_t{from[0]} << 16 | std::uint32_t{from[green]} << 8 | from[blue];
    std::memcpy(to, &colour, 4);
  }
  return plane;
}

// The mean of red, green and blue against the threshold.
Image above(const Image& image, double threshold) {
  const std::vector<double> values =
      values_of(image.image_hwc, element_type_of(image.shape.pixel_type));
  const std::size_t colours = colour_channels(image);
  Image plane = one_plane(PixelType::u8, image.shape);
  for (std::size_t i = 0; i < plane.image_hwc.size(); ++i) {
    double sum = 0;
    for (std::size_t c = 0; c < colours; ++c) sum += values[i * image.shape.channels + c];
    plane.image_hwc[i] = std::byte{sum / static_cast<double>(colours) >= threshold};
  }
  return plane;
}

Image whole_numbers(Image&& plane, const std::string& path) {
  const PixelType type = plane.shape.pixel_type;
  if (type == PixelType::u8 || type == PixelType::u16 || type == PixelType::u32) {
    return std::move(plane);
  }
  check_whole_numbers(plane.image_hwc, type, path);
  const ElementType element = element_type_of(type);
  const std::vector<std::uint32_t> labels = label_values(plane.image_hwc, element, printable(path));
  Image whole = one_plane(PixelType::u32, plane.shape);
  std::memcpy(whole.image_hwc.data(), labels.data(), whole.image_hwc.size());
  return whole;
}

Image mask_plane(Bytes file, const std::string& path, const MaskRule& rule) {
  Image image = decode_any(file, path, rule);
  if (rule.threshold) return above(image, *rule.threshold);
  if (rule.colours) return packed_colours(image, path);
  if (image.shape.channels > 4) {
    fail("mask-colours", path, std::to_string(image.shape.channels) + " channels");
  }
  if (!colours_equal(image)) {
    fail("mask-colours", path,
         "the mask has colours; only gray, palette and equal channels can be read where no list "
         "says which class has which colour");
  }
  return whole_numbers(image.shape.channels == 1 ? std::move(image) : first_channel(image), path);
}

template <typename Value>
Foreground foreground_in(const Value* plane, std::size_t pixels, std::size_t stride) {
  Foreground found;
  found.mask_hw.resize(pixels);
  Value largest = 0;
  for (std::size_t i = 0; i < pixels; ++i) {
    const Value value = plane[i * stride];
    largest = std::max(largest, value);
    found.mask_hw[i] = value != 0 ? 1 : 0;
  }
  bool several = false;
  for (std::size_t i = 0; i < pixels; ++i) {
    const Value value = plane[i * stride];
    several |= value != 0 && value != largest;
  }
  found.largest = largest;
  found.several = several;
  return found;
}

template <typename Value>
Foreground foreground_in_copy(const Image& image) {
  std::vector<Value> values(image.image_hwc.size() / sizeof(Value));
  std::memcpy(values.data(), image.image_hwc.data(), values.size() * sizeof(Value));
  return foreground_in(values.data(), image.shape.pixels(), image.shape.channels);
}

}  // namespace

PictureKind picture_kind(Bytes file) {
  if (png::is_png(file)) return PictureKind::png;
  if (jpeg::is_jpeg(file)) return PictureKind::jpeg;
  return tiff::is_tiff(file) ? PictureKind::tiff : PictureKind::unknown;
}

void check_whole_numbers(Bytes data, PixelType type, const std::string& path) {
  if (type != PixelType::f16 && type != PixelType::f32 && type != PixelType::f64) return;
  for (const double value : values_of(data, element_type_of(type))) {
    if (!(std::abs(value - std::round(value)) <= kWholeWithin)) {
      fail("bad-mask", path,
           "holds numbers that are not whole; give masks.threshold in slicebank.json if they are "
           "probabilities");
    }
  }
}

Image decode_mask_picture(Bytes file, const std::string& path, const MaskRule& rule) {
  try {
    return mask_plane(file, path, rule);
  } catch (const ItemError&) {
    throw;
  } catch (const Error& error) {
    throw ItemError(error.code(), problem_kind(error, "missing-mask", "bad-mask"), path,
                    error.what());
  }
}

Foreground foreground_of(const Image& image) {
  if (image.shape.pixel_type == PixelType::u8) {
    return foreground_in(reinterpret_cast<const std::uint8_t*>(image.image_hwc.data()),
                         image.shape.pixels(), image.shape.channels);
  }
  return image.shape.pixel_type == PixelType::u16 ? foreground_in_copy<std::uint16_t>(image)
                                                  : foreground_in_copy<std::uint32_t>(image);
}

bool colours_equal(const Image& image) {
  if (image.shape.channels < 3) return true;
  const std::size_t size = pixel_bytes(image.shape.pixel_type);
  const std::size_t step = size * image.shape.channels;
  const std::byte* pixel = image.image_hwc.data();
  const std::byte* const end = pixel + image.image_hwc.size();
  for (; pixel != end; pixel += step) {
    // Red against green and green against blue at once: each byte with the one a value on.
    if (std::memcmp(pixel, pixel + size, 2 * size) != 0) return false;
  }
  return true;
}

}  // namespace slicebank::internal
