#include "formats/internal/tiff_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "formats/internal/orientation.h"

namespace slicebank::internal {
namespace {

// TIFF's own numbers, as far as they are read.
constexpr int kUnsigned = 1;
constexpr int kSigned = 2;
constexpr int kFloat = 3;
constexpr int kUntyped = 4;

constexpr int kMinIsWhite = 0;
constexpr int kMinIsBlack = 1;
constexpr int kRgb = 2;
constexpr int kPalette = 3;
constexpr int kMaskOfPage = 4;
constexpr int kInks = 5;
constexpr int kYcbcr = 6;

constexpr int kNoCompression = 1;
constexpr int kGroup4 = 4;
constexpr int kLzw = 5;
constexpr int kJpeg = 7;
constexpr int kDeflate = 8;
constexpr int kOldDeflate = 32946;
constexpr int kPackBits = 32773;
constexpr int kZstd = 50000;

// The most bytes of packed pixels that a byte of the file can become; 0 for a compression
// that is not read. G4 has another bound: a row takes a bit.
std::uint64_t ratio_max(int compression) {
  switch (compression) {
    case kNoCompression:
      return 1;
    case kPackBits:
      return 64;
    case kLzw:
      return 4096;
    case kDeflate:
    case kOldDeflate:
      return 1100;
    case kJpeg:
      return 8 * 64 * 4;
    case kGroup4:
    case kZstd:
      return 65'536;
    default:
      return 0;
  }
}

const char* compression_name(int compression) {
  switch (compression) {
    case 2:
    case 3:
      return "CCITT fax other than G4";
    case 6:
      return "old-style JPEG";
    case 9:
    case 10:
    case 34661:
      return "JBIG";
    case 33003:
    case 33005:
    case 34712:
      return "JPEG 2000";
    case 34887:
      return "LERC";
    case 34925:
      return "LZMA";
    case 50001:
      return "WebP";
    default:
      return "an unknown one";
  }
}

std::optional<ElementType> element_type(int format, int bits) {
  if (format == kUnsigned || format == kUntyped) {
    if (bits >= 1 && bits <= 8) return ElementType::u8;
    if (bits > 8 && bits <= 16) return ElementType::u16;
    if (bits == 24 || bits == 32) return ElementType::u32;
    if (bits == 64) return ElementType::u64;
  }
  if (format == kSigned) {
    if (bits == 8) return ElementType::i8;
    if (bits == 16) return ElementType::i16;
    if (bits == 32) return ElementType::i32;
    if (bits == 64) return ElementType::i64;
  }
  if (format == kFloat) {
    if (bits == 16) return ElementType::f16;
    if (bits == 32) return ElementType::f32;
    if (bits == 64) return ElementType::f64;
  }
  return std::nullopt;
}

std::string refusal(const TiffDirectory& directory, std::optional<ElementType> type) {
  if (ratio_max(directory.compression) == 0) {
    return fmt::format("compression {} ({})", directory.compression,
                       compression_name(directory.compression));
  }
  if (!type) {
    return fmt::format("samples of {} bits in format {}", directory.bits, directory.sample_format);
  }
  const bool bytes = directory.bits == 8 && *type == ElementType::u8;
  switch (directory.photometric) {
    case -1:  // not said: gray, or RGB by the count of its samples
    case kMinIsWhite:
    case kMinIsBlack:
    case kRgb:
    case kMaskOfPage:
      return {};
    case kPalette:
      if (directory.samples == 1 && directory.bits <= 16 && directory.sample_format != kSigned &&
          *type != ElementType::f16) {
        return {};
      }
      return "a palette of an unusual kind";
    case kInks:
      if (bytes && directory.samples == 4 && directory.compression != kJpeg) return {};
      return "inks (CMYK) other than four of 8 bits";
    case kYcbcr:
      if (bytes && directory.samples == 3 && directory.compression == kJpeg) return {};
      return "YCbCr that is not packed as JPEG";
    default:
      return fmt::format("colours of kind {} (CIELab, LogLuv, CFA or another)",
                         directory.photometric);
  }
}

}  // namespace

tiff::Page describe_page(const TiffDirectory& directory) {
  tiff::Page page;
  page.width = directory.width;
  page.height = directory.height;
  page.channels = static_cast<std::uint32_t>(directory.samples);
  page.bits = directory.bits;
  page.compression = directory.compression;
  page.orientation =
      directory.orientation >= 1 && directory.orientation <= 8 ? directory.orientation : 1;
  page.tiled = directory.tiled;
  page.planar = directory.planar;
  page.palette = directory.photometric == kPalette;
  page.min_is_white = directory.photometric == kMinIsWhite;
  if (orientation_swaps_sides(page.orientation)) std::swap(page.width, page.height);
  page.inks = directory.photometric == kInks;
  if (page.inks) page.channels = 3;
  const std::optional<ElementType> type = element_type(directory.sample_format, directory.bits);
  if (type) page.type = *type;
  page.refused = refusal(directory, type);
  return page;
}

std::uint64_t least_stored_bytes(const TiffDirectory& directory, std::uint64_t packed_bytes) {
  const std::uint64_t by_ratio = packed_bytes / ratio_max(directory.compression);
  const std::uint64_t by_rows = directory.compression == kGroup4 ? directory.height / 8 : 0;
  return std::max(by_ratio, by_rows);
}

}  // namespace slicebank::internal
