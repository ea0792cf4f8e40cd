#include <png.h>

#include <csetjmp>
#include <cstring>
#include <stdexcept>

#include "bench/peers/peers.h"

namespace slicebank::bench {
namespace {

struct Source {
  const std::byte* next;
  std::size_t left;
};

void append(png_structp png, png_bytep bytes, png_size_t size) {
  auto& out = *static_cast<std::vector<std::byte>*>(png_get_io_ptr(png));
  const auto* from = reinterpret_cast<const std::byte*>(bytes);
  out.insert(out.end(), from, from + size);
}

void take(png_structp png, png_bytep bytes, png_size_t size) {
  auto& source = *static_cast<Source*>(png_get_io_ptr(png));
  if (size > source.left) png_error(png, "ends too early");
  std::memcpy(bytes, source.next, size);
  source.next += size;
  source.left -= size;
}

int colour_type(const ImageShape& shape) {
  return shape.channels == 3 ? PNG_COLOR_TYPE_RGB : PNG_COLOR_TYPE_GRAY;
}

// The two calls below return through longjmp on errors: they own nothing but the structs.
bool write_png(const Image& image, std::vector<std::byte>& out) {
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
  png_infop info = png_create_info_struct(png);
  if (setjmp(png_jmpbuf(png)) != 0) {
    png_destroy_write_struct(&png, &info);
    return false;
  }
  const std::size_t pixel = pixel_bytes(image.shape.pixel_type);
  const std::size_t row = std::size_t{image.shape.width} * image.shape.channels * pixel;
  png_set_write_fn(png, &out, append, [](png_structp) {});
  png_set_compression_level(png, 6);
  png_set_filter(png, 0, PNG_ALL_FILTERS);
  png_set_IHDR(png, info, image.shape.width, image.shape.height, static_cast<int>(8 * pixel),
               colour_type(image.shape), PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_BASE,
               PNG_FILTER_TYPE_BASE);
  png_write_info(png, info);
  if (pixel == 2) png_set_swap(png);
  const auto* rows = reinterpret_cast<const png_byte*>(image.image_hwc.data());
  for (std::uint32_t y = 0; y < image.shape.height; ++y) png_write_row(png, rows + y * row);
  png_write_end(png, info);
  png_destroy_write_struct(&png, &info);
  return true;
}

bool read_png(const std::vector<std::byte>& bytes, Image& image) {
  png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
  png_infop info = png_create_info_struct(png);
  if (setjmp(png_jmpbuf(png)) != 0) {
    png_destroy_read_struct(&png, &info, nullptr);
    return false;
  }
  Source source{bytes.data(), bytes.size()};
  const std::size_t pixel = pixel_bytes(image.shape.pixel_type);
  const std::size_t row = std::size_t{image.shape.width} * image.shape.channels * pixel;
  png_set_read_fn(png, &source, take);
  png_read_info(png, info);
  if (pixel == 2) png_set_swap(png);
  auto* rows = reinterpret_cast<png_byte*>(image.image_hwc.data());
  for (std::uint32_t y = 0; y < image.shape.height; ++y) {
    png_read_row(png, rows + y * row, nullptr);
  }
  png_destroy_read_struct(&png, &info, nullptr);
  return true;
}

}  // namespace

Codec png_codec() {
  return {"libpng level 6",
          [](const ImageShape& shape) {
            return pixel_bytes(shape.pixel_type) <= 2 &&
                   (shape.channels == 1 || shape.channels == 3);
          },
          [](const Image& image) {
            std::vector<std::byte> out;
            if (!write_png(image, out)) throw std::runtime_error("libpng cannot write");
            return out;
          },
          [](const std::vector<std::byte>& bytes, Image& image) {
            if (!read_png(bytes, image)) throw std::runtime_error("libpng cannot read");
          }};
}

}  // namespace slicebank::bench
