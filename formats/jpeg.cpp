#include "formats/jpeg.h"

#include <fmt/format.h>
#include <turbojpeg.h>

#include <memory>
#include <new>
#include <string_view>

#include "formats/internal/cmyk.h"
#include "formats/internal/jpeg_markers.h"
#include "formats/internal/orientation.h"
#include "schema/error.h"

namespace slicebank::jpeg {
namespace {

// A block of 8 x 8 numbers takes a bit at least, so no honest file has more of them a byte.
constexpr std::uint64_t kBlocksAByteMax = 8;

struct HandleFree {
  void operator()(void* handle) const noexcept { tjDestroy(handle); }
};
using Handle = std::unique_ptr<void, HandleFree>;

[[noreturn]] void fail(const std::string& name, const std::string& why) {
  throw Error(ErrorCode::bad_format, name + ": not a readable JPEG: " + why,
              "Copy or download the file again.");
}

// The library must see the same picture in the file as we do: its buffer is of our size.
void check_agreement(tjhandle handle, Bytes file, const Header& header, const std::string& name) {
  int width = 0;
  int height = 0;
  int subsampling = 0;
  int colour_space = 0;
  const int result =
      tjDecompressHeader3(handle, reinterpret_cast<const unsigned char*>(file.data()), file.size(),
                          &width, &height, &subsampling, &colour_space);
  if (result != 0) {
    // Chroma of an unusual size has no name there, yet decodes.
    const std::string_view why = tjGetErrorStr2(handle);
    if (why.find("subsampling") == std::string_view::npos) fail(name, std::string(why));
  }
  if (width != static_cast<int>(header.width) || height != static_cast<int>(header.height)) {
    if (result == 0) fail(name, "its header can be read in two ways");
  }
}

std::vector<std::byte> decompress(Bytes file, const Header& header, const ImageShape& shape,
                                  const std::string& name) {
  const Handle handle(tjInitDecompress());
  if (handle == nullptr) throw std::bad_alloc();
  check_agreement(handle.get(), file, header, name);
  const int format = header.components == 1   ? TJPF_GRAY
                     : header.components == 3 ? TJPF_RGB
                                              : TJPF_CMYK;
  std::vector<std::byte> pixels(shape.pixels() * static_cast<std::uint64_t>(header.components));
  const int result =
      tjDecompress2(handle.get(), reinterpret_cast<const unsigned char*>(file.data()), file.size(),
                    reinterpret_cast<unsigned char*>(pixels.data()), static_cast<int>(header.width),
                    0, static_cast<int>(header.height), format,
                    TJFLAG_ACCURATEDCT | TJFLAG_STOPONWARNING | TJFLAG_LIMITSCANS);
  if (result != 0) fail(name, tjGetErrorStr2(handle.get()));
  return pixels;
}

Image decode_turned(Bytes file, const std::string& name, bool apply_orientation) {
  const Header header = read_header(file, name);
  Image image;
  image.shape = {PixelType::u8, header.height, header.width, header.components == 1 ? 1u : 3u};
  image.image_hwc = decompress(file, header, image.shape, name);
  if (header.components == 4) {
    internal::invert(image.image_hwc);
    image.image_hwc = internal::cmyk_to_rgb(image.image_hwc);
  }
  if (apply_orientation) {
    image.image_hwc =
        internal::upright(std::move(image.image_hwc), image.shape.height, image.shape.width,
                          image.shape.channels, header.orientation);
  }
  return image;
}

}  // namespace

bool is_jpeg(Bytes file) {
  return file.size() >= 3 && file[0] == std::byte{0xff} && file[1] == std::byte{0xd8} &&
         file[2] == std::byte{0xff};
}

Header read_header(Bytes file, const std::string& name) {
  const internal::JpegMarkers markers = internal::read_jpeg_markers(file, name);
  Header header;
  header.width = markers.width;
  header.height = markers.height;
  header.components = markers.components;
  header.progressive = markers.progressive;
  header.adobe = markers.adobe;
  header.orientation = markers.orientation;
  const auto components = static_cast<std::uint32_t>(header.components);
  const ImageShape shape{PixelType::u8, header.height, header.width, components};
  check_shape(shape, name);
  if (markers.blocks / kBlocksAByteMax > file.size()) {
    fail(name, fmt::format("too short for {} x {} pixels", header.width, header.height));
  }
  return header;
}

Image decode(Bytes file, const std::string& name) { return decode_turned(file, name, true); }

Image decode_as_stored(Bytes file, const std::string& name) {
  return decode_turned(file, name, false);
}

std::vector<std::byte> encode(const ImageView& image, int quality) {
  check_shape(image.shape, "JPEG");
  const ImageShape& shape = image.shape;
  if (shape.pixel_type != PixelType::u8 || (shape.channels != 1 && shape.channels != 3)) {
    throw Error(ErrorCode::bad_argument,
                fmt::format("JPEG cannot hold {} channels of type {}", shape.channels,
                            pixel_type_name(shape.pixel_type)),
                "It holds u8 with 1 or 3 channels; window other types first.");
  }
  if (image.image_hwc.size() != shape.bytes()) {
    throw Error(ErrorCode::bad_argument, "JPEG: pixels and shape disagree");
  }
  if (quality < 1 || quality > 100) {
    throw Error(ErrorCode::bad_argument,
                fmt::format("JPEG: the quality is 1 to 100, not {}", quality));
  }
  struct BufferFree {
    void operator()(unsigned char* buffer) const noexcept { tjFree(buffer); }
  };
  const Handle handle(tjInitCompress());
  if (handle == nullptr) throw std::bad_alloc();
  const bool gray = shape.channels == 1;
  unsigned char* raw = nullptr;
  unsigned long size = 0;
  const int result = tjCompress2(
      handle.get(), reinterpret_cast<const unsigned char*>(image.image_hwc.data()),
      static_cast<int>(shape.width), 0, static_cast<int>(shape.height), gray ? TJPF_GRAY : TJPF_RGB,
      &raw, &size, gray ? TJSAMP_GRAY : TJSAMP_444, quality, TJFLAG_ACCURATEDCT);
  const std::unique_ptr<unsigned char, BufferFree> buffer(raw);
  if (result != 0) {
    throw Error(ErrorCode::bad_argument, std::string("JPEG: ") + tjGetErrorStr2(handle.get()));
  }
  const auto* first = reinterpret_cast<const std::byte*>(buffer.get());
  return {first, first + size};
}

}  // namespace slicebank::jpeg
