#include "formats/png.h"

#include <png.h>

#include <algorithm>
#include <array>
#include <csetjmp>
#include <cstring>
#include <utility>

#include "schema/error.h"
#include "schema/limits.h"

namespace slicebank::png {
namespace {

constexpr std::array<std::uint8_t, 8> kSignature = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
constexpr std::size_t kHeaderBytes = 8 + 4 + 4 + 13 + 4;  // signature, then IHDR whole

// Deflate packs at most 1032 bytes into one: a picture larger than that times its file
// cannot be all there, and nothing is allocated for it.
constexpr std::uint64_t kDeflateRatioMax = 1032;

constexpr int kColourGray = 0;
constexpr int kColourRgb = 2;
constexpr int kColourPalette = 3;
constexpr int kColourGrayAlpha = 4;
constexpr int kColourRgba = 6;

// Text, colour and time chunks are skipped unread: fewer parsers see foreign bytes.
constexpr png_byte kSkippedChunks[] =
    "bKGD\0cHRM\0eXIf\0gAMA\0hIST\0iCCP\0iTXt\0oFFs\0pCAL\0pHYs\0sBIT\0sCAL\0sPLT\0sRGB\0"
    "tEXt\0tIME\0tRNS\0zTXt";
constexpr int kSkippedChunkCount = (sizeof(kSkippedChunks)) / 5;

// What libpng's callbacks need. Plain data: longjmp passes over frames that use it.
struct Session {
  const std::uint8_t* input = nullptr;
  std::size_t input_left = 0;
  std::vector<std::byte>* output = nullptr;
  std::array<char, 160> message{};
};

extern "C" {

[[noreturn]] void on_error(png_structp png, png_const_charp message) {
  auto* session = static_cast<Session*>(png_get_error_ptr(png));
  std::strncpy(session->message.data(), message, session->message.size() - 1);
  png_longjmp(png, 1);
}

void on_warning(png_structp, png_const_charp) {}

void on_read(png_structp png, png_bytep out, png_size_t size) {
  auto* session = static_cast<Session*>(png_get_io_ptr(png));
  if (size > session->input_left) png_error(png, "the file is truncated");
  std::memcpy(out, session->input, size);
  session->input += size;
  session->input_left -= size;
}

void on_write(png_structp png, png_bytep bytes, png_size_t size) {
  auto* session = static_cast<Session*>(png_get_io_ptr(png));
  bool out_of_memory = false;
  try {
    const auto* first = reinterpret_cast<const std::byte*>(bytes);
    session->output->insert(session->output->end(), first, first + size);
  } catch (...) {
    out_of_memory = true;  // no exception may pass through C
  }
  if (out_of_memory) png_error(png, "out of memory");
}

void on_flush(png_structp) {}

}  // extern "C"

class Reading {
 public:
  explicit Reading(Bytes file) {
    session_.input = reinterpret_cast<const std::uint8_t*>(file.data());
    session_.input_left = file.size();
    png_ = png_create_read_struct(PNG_LIBPNG_VER_STRING, &session_, on_error, on_warning);
    if (png_ != nullptr) info_ = png_create_info_struct(png_);
    if (info_ == nullptr) {
      png_destroy_read_struct(&png_, nullptr, nullptr);
      throw std::bad_alloc();
    }
  }
  ~Reading() { png_destroy_read_struct(&png_, &info_, nullptr); }
  Reading(const Reading&) = delete;
  Reading& operator=(const Reading&) = delete;

  png_structp png() const { return png_; }
  png_infop info() const { return info_; }
  Session& session() { return session_; }

 private:
  Session session_;
  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
};

// From here on, functions named try_... call libpng and come back by longjmp when it
// fails. They hold nothing that needs a destructor; false means session.message is set.

bool try_read_info(Session& session, png_structp png, png_infop info) {
  if (setjmp(png_jmpbuf(png)) != 0) return false;
  png_set_user_limits(png, limits::kImageSideMax, limits::kImageSideMax);
  png_set_chunk_cache_max(png, 64);
  png_set_chunk_malloc_max(png, 4u << 20);
  png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, nullptr, 0);
  png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, kSkippedChunks, kSkippedChunkCount);
  png_set_read_fn(png, &session, on_read);
  png_read_info(png, info);
  if (png_get_bit_depth(png, info) < 8) png_set_packing(png);
  if (png_get_bit_depth(png, info) == 16) png_set_swap(png);  // PNG is big-endian, we are not
  return true;
}

bool try_read_rows(png_structp png, png_infop info, std::uint8_t* rows, std::size_t row_bytes,
                   std::uint32_t height) {
  if (setjmp(png_jmpbuf(png)) != 0) return false;
  const int passes = png_set_interlace_handling(png);
  png_read_update_info(png, info);
  if (png_get_rowbytes(png, info) != row_bytes) png_error(png, "rows of an unexpected length");
  for (int pass = 0; pass < passes; ++pass) {
    for (std::uint32_t y = 0; y < height; ++y) {
      png_read_row(png, rows + y * row_bytes, nullptr);
    }
  }
  png_read_end(png, nullptr);
  return true;
}

bool try_get_palette(png_structp png, png_infop info, png_colorp* palette, int* entries) {
  if (setjmp(png_jmpbuf(png)) != 0) return false;
  return png_get_PLTE(png, info, palette, entries) == PNG_INFO_PLTE;
}

bool try_write(Session& session, png_structp png, png_infop info, const ImageView& image,
               int colour_type, int level) {
  if (setjmp(png_jmpbuf(png)) != 0) return false;
  const bool wide = image.shape.pixel_type == PixelType::u16;
  png_set_user_limits(png, limits::kImageSideMax, limits::kImageSideMax);
  png_set_write_fn(png, &session, on_write, on_flush);
  png_set_compression_level(png, level);
  png_set_IHDR(png, info, image.shape.width, image.shape.height, wide ? 16 : 8, colour_type,
               PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  png_write_info(png, info);
  if (wide) png_set_swap(png);
  const auto* rows = reinterpret_cast<const std::uint8_t*>(image.image_hwc.data());
  const std::size_t row_bytes = image.image_hwc.size() / image.shape.height;
  for (std::uint32_t y = 0; y < image.shape.height; ++y) png_write_row(png, rows + y * row_bytes);
  png_write_end(png, info);
  return true;
}

std::uint32_t big_endian_u32(Bytes bytes, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    value = value << 8 | std::to_integer<std::uint32_t>(bytes[at + i]);
  }
  return value;
}

[[noreturn]] void fail(const std::string& name, const std::string& why) {
  throw Error(ErrorCode::bad_format, name + ": not a readable PNG: " + why,
              "Copy or download the file again; `pngcheck` says more.");
}

std::uint32_t channels_of(int colour_type) {
  switch (colour_type) {
    case kColourGray:
    case kColourPalette:
      return 1;
    case kColourGrayAlpha:
      return 2;
    case kColourRgb:
      return 3;
    case kColourRgba:
      return 4;
    default:
      return 0;
  }
}

// Reads IHDR by hand, so that a size is judged by our limits and not by libpng's words.
// (libpng then reads it again, and its checksum.)
Header read_header(Bytes file, const std::string& name) {
  if (!is_png(file)) fail(name, "the signature is missing");
  if (file.size() < kHeaderBytes) fail(name, "the file is truncated");
  if (big_endian_u32(file, 8) != 13 || std::memcmp(file.data() + 12, "IHDR", 4) != 0) {
    fail(name, "it does not begin with a header chunk");
  }
  Header header;
  header.width = big_endian_u32(file, 16);
  header.height = big_endian_u32(file, 20);
  header.bit_depth = std::to_integer<int>(file[24]);
  header.colour_type = std::to_integer<int>(file[25]);
  header.interlaced = std::to_integer<int>(file[28]) != 0;
  if (header.width == 0 || header.height == 0) fail(name, "a side of 0 pixels");
  if (channels_of(header.colour_type) == 0) fail(name, "an unknown colour type");
  return header;
}

void expand_palette(Decoded& decoded, png_const_colorp palette, int entries,
                    const std::string& name) {
  const std::vector<std::byte> indices = std::exchange(decoded.image.image_hwc, {});
  decoded.image.shape.channels = 3;
  check_shape(decoded.image.shape, name);
  decoded.image.image_hwc.resize(indices.size() * 3);
  std::byte* out = decoded.image.image_hwc.data();
  for (const std::byte index : indices) {
    const int entry = std::to_integer<int>(index);
    if (entry >= entries) fail(name, "a pixel names a colour that the palette does not have");
    *out++ = std::byte{palette[entry].red};
    *out++ = std::byte{palette[entry].green};
    *out++ = std::byte{palette[entry].blue};
  }
}

Decoded decode_as(Bytes file, const std::string& name, bool colours) {
  Decoded decoded;
  decoded.header = read_header(file, name);
  const Header& header = decoded.header;
  ImageShape& shape = decoded.image.shape;
  shape.pixel_type = header.bit_depth == 16 ? PixelType::u16 : PixelType::u8;
  shape.height = header.height;
  shape.width = header.width;
  shape.channels = channels_of(header.colour_type);
  check_shape(shape, name);
  const std::uint64_t packed_bytes = shape.pixels() * shape.channels *
                                     static_cast<std::uint64_t>(std::max(header.bit_depth, 1)) / 8;
  if (packed_bytes / kDeflateRatioMax > file.size()) {
    fail(name, "too short for " + std::to_string(shape.width) + " x " +
                   std::to_string(shape.height) + " pixels");
  }

  Reading reading(file);
  Session& session = reading.session();
  if (!try_read_info(session, reading.png(), reading.info())) fail(name, session.message.data());
  decoded.image.image_hwc.resize(shape.bytes());
  auto* rows = reinterpret_cast<std::uint8_t*>(decoded.image.image_hwc.data());
  if (!try_read_rows(reading.png(), reading.info(), rows, shape.bytes() / shape.height,
                     shape.height)) {
    fail(name, session.message.data());
  }
  if (colours && header.colour_type == kColourPalette) {
    png_colorp palette = nullptr;
    int entries = 0;
    if (!try_get_palette(reading.png(), reading.info(), &palette, &entries)) {
      fail(name, "the palette is missing");
    }
    expand_palette(decoded, palette, entries, name);
  }
  return decoded;
}

}  // namespace

bool is_png(Bytes file) {
  return file.size() >= kSignature.size() &&
         std::memcmp(file.data(), kSignature.data(), kSignature.size()) == 0;
}

Decoded decode(Bytes file, const std::string& name) { return decode_as(file, name, false); }

Decoded decode_expanding_palette(Bytes file, const std::string& name) {
  return decode_as(file, name, true);
}

std::vector<std::byte> encode(const ImageView& image, int level) {
  check_shape(image.shape, "PNG");
  constexpr std::array<int, 5> kColourTypes = {-1, kColourGray, kColourGrayAlpha, kColourRgb,
                                               kColourRgba};
  const ImageShape& shape = image.shape;
  if (shape.channels >= kColourTypes.size() ||
      (shape.pixel_type != PixelType::u8 && shape.pixel_type != PixelType::u16)) {
    throw Error(ErrorCode::bad_argument,
                std::string("PNG cannot hold ") + std::to_string(shape.channels) +
                    " channels of type " + pixel_type_name(shape.pixel_type),
                "It holds u8 and u16 with 1 to 4 channels; window other types first.");
  }
  if (image.image_hwc.size() != shape.bytes()) {
    throw Error(ErrorCode::bad_argument, "PNG: pixels and shape disagree");
  }
  if (level < 0 || level > 9) {
    throw Error(ErrorCode::bad_argument, "PNG: the level is 0 to 9, not " + std::to_string(level));
  }

  struct Writing {
    ~Writing() { png_destroy_write_struct(&png, &info); }
    png_structp png = nullptr;
    png_infop info = nullptr;
  };
  std::vector<std::byte> file;
  Session session;
  session.output = &file;
  Writing writing;
  writing.png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &session, on_error, on_warning);
  if (writing.png != nullptr) writing.info = png_create_info_struct(writing.png);
  if (writing.info == nullptr) throw std::bad_alloc();
  if (!try_write(session, writing.png, writing.info, image, kColourTypes[shape.channels], level)) {
    throw Error(ErrorCode::io, std::string("PNG: ") + session.message.data());
  }
  return file;
}

}  // namespace slicebank::png
