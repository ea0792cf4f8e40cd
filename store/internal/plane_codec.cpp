#include "store/internal/plane_codec.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <cmath>
#include <cstring>
#include <limits>

#include "store/internal/bytes.h"
#include "store/internal/zstd.h"

namespace slicebank {
namespace {

// Calls `visit` with a value of the unsigned type that holds one pixel of `type`.
template <typename Visit>
void with_word(PixelType type, const Visit& visit) {
  if (pixel_bytes(type) == 8) {
    visit(std::uint64_t{0});
  } else {
    assert(pixel_bytes(type) == 4);
    visit(std::uint32_t{0});
  }
}

bool is_float(PixelType type) noexcept {
  return type == PixelType::f16 || type == PixelType::f32 || type == PixelType::f64;
}

// Bit patterns of floats in the order of their values, NaN at the ends.
template <typename Word>
Word to_ordered(Word bits) noexcept {
  constexpr Word kSign = static_cast<Word>(Word{1} << (sizeof(Word) * 8 - 1));
  const Word flip = (bits & kSign) != 0 ? static_cast<Word>(~Word{0}) : kSign;
  return static_cast<Word>(bits ^ flip);
}

template <typename Word>
Word from_ordered(Word ordered) noexcept {
  constexpr Word kSign = static_cast<Word>(Word{1} << (sizeof(Word) * 8 - 1));
  const Word flip = (ordered & kSign) != 0 ? kSign : static_cast<Word>(~Word{0});
  return static_cast<Word>(ordered ^ flip);
}

template <typename Word>
std::vector<std::byte> split_into_bytes(const ImageView& image) {
  const bool ordered = is_float(image.shape.pixel_type);
  const std::size_t channels = image.shape.channels;
  const auto pixels = static_cast<std::size_t>(image.shape.pixels());
  const std::size_t width = image.shape.width;
  const std::size_t samples = pixels * channels;
  std::vector<std::byte> planes(image.image_hwc.size());
  std::vector<Word> row(width);
  std::size_t at = 0;
  for (std::size_t channel = 0; channel < channels; ++channel) {
    std::fill(row.begin(), row.end(), Word{0});
    for (std::size_t i = 0; i < pixels; ++i, ++at) {
      Word value = get_little<Word>(image.image_hwc, (i * channels + channel) * sizeof(Word));
      if (ordered) value = to_ordered(value);
      Word& above = row[i % width];
      const Word coded = zigzag(static_cast<Word>(value - above));
      above = value;
      for (std::size_t byte = 0; byte < sizeof(Word); ++byte) {
        planes[byte * samples + at] = static_cast<std::byte>(coded >> (8 * byte) & 0xff);
      }
    }
  }
  return planes;
}

template <typename Word>
void join_bytes(const ImageShape& shape, Bytes planes, MutableBytes out) {
  const bool ordered = is_float(shape.pixel_type);
  const std::size_t channels = shape.channels;
  const auto pixels = static_cast<std::size_t>(shape.pixels());
  const std::size_t width = shape.width;
  const std::size_t samples = pixels * channels;
  std::vector<Word> row(width);
  std::size_t at = 0;
  for (std::size_t channel = 0; channel < channels; ++channel) {
    std::fill(row.begin(), row.end(), Word{0});
    for (std::size_t first = 0; first < pixels; first += width) {
      for (std::size_t x = 0; x < width; ++x, ++at) {
        Word coded = 0;
        for (std::size_t byte = 0; byte < sizeof(Word); ++byte) {
          coded |= std::to_integer<Word>(planes[byte * samples + at]) << (8 * byte);
        }
        row[x] = static_cast<Word>(row[x] + unzigzag(coded));
        const Word value = ordered ? from_ordered(row[x]) : row[x];
        put_little(out, ((first + x) * channels + channel) * sizeof(Word), value);
      }
    }
  }
}

// --- Mappings.

// The float as an integer; nothing when it is none, or when the integer would not give
// the same bits back: -0, and on a machine that flushes them, subnormal numbers.
template <typename Float, typename Word>
std::optional<std::int64_t> float_as_integer(Word bits) {
  const auto value = std::bit_cast<Float>(bits);
  constexpr Float kLeast = -2147483648.0;
  constexpr Float kMost = 4294967040.0;  // the largest f32 below 2^32
  // A NaN fails both comparisons.
  if (!(value >= kLeast && value <= kMost)) return std::nullopt;
  const auto integer = static_cast<std::int64_t>(value);
  if (std::bit_cast<Word>(static_cast<Float>(integer)) != bits) return std::nullopt;
  return integer;
}

std::optional<std::int64_t> as_integer(Bytes pixels, std::size_t index, PixelType type) {
  switch (type) {
    case PixelType::u32:
      return get_little<std::uint32_t>(pixels, index * 4);
    case PixelType::i32:
      return std::bit_cast<std::int32_t>(get_little<std::uint32_t>(pixels, index * 4));
    case PixelType::f32:
      return float_as_integer<float>(get_little<std::uint32_t>(pixels, index * 4));
    case PixelType::f64:
      return float_as_integer<double>(get_little<std::uint64_t>(pixels, index * 8));
    default:
      return std::nullopt;
  }
}

std::optional<MappedImage> map_integers(const ImageView& image) {
  const std::size_t samples = image.image_hwc.size() / pixel_bytes(image.shape.pixel_type);
  std::int64_t least = std::numeric_limits<std::int64_t>::max();
  std::int64_t most = std::numeric_limits<std::int64_t>::min();
  for (std::size_t i = 0; i < samples; ++i) {
    const auto value = as_integer(image.image_hwc, i, image.shape.pixel_type);
    if (!value) return std::nullopt;
    least = std::min(least, *value);
    most = std::max(most, *value);
    if (most - least > 65'535) return std::nullopt;
  }
  MappedImage mapped{Mapping::integers, least, {image.shape, {}}};
  mapped.image.shape.pixel_type = PixelType::u16;
  mapped.image.image_hwc.resize(samples * 2);
  for (std::size_t i = 0; i < samples; ++i) {
    const std::int64_t value = *as_integer(image.image_hwc, i, image.shape.pixel_type);
    put_little(MutableBytes(mapped.image.image_hwc), i * 2,
               static_cast<std::uint16_t>(value - least));
  }
  return mapped;
}

MappedImage map_half(const ImageView& image) {
  MappedImage mapped{Mapping::ordered_half, 0, {image.shape, {}}};
  mapped.image.shape.pixel_type = PixelType::u16;
  mapped.image.image_hwc.resize(image.image_hwc.size());
  for (std::size_t at = 0; at < image.image_hwc.size(); at += 2) {
    put_little(MutableBytes(mapped.image.image_hwc), at,
               to_ordered(get_little<std::uint16_t>(image.image_hwc, at)));
  }
  return mapped;
}

std::optional<MappedImage> map_doubles(const ImageView& image) {
  MappedImage mapped{Mapping::single_double, 0, {image.shape, {}}};
  mapped.image.shape.pixel_type = PixelType::f32;
  mapped.image.image_hwc.resize(image.image_hwc.size() / 2);
  for (std::size_t i = 0; i < image.image_hwc.size() / 8; ++i) {
    const auto bits = get_little<std::uint64_t>(image.image_hwc, i * 8);
    const auto value = std::bit_cast<double>(bits);
    // What a conversion does to a NaN, an infinity or a subnormal number is the machine's
    // business (a trainer may have told it to flush them); such images stay as they are.
    constexpr double kMost = std::numeric_limits<float>::max();
    constexpr double kLeast = std::numeric_limits<float>::min();
    const double size = std::fabs(value);
    if (!(size <= kMost) || (size < kLeast && bits << 1 != 0)) return std::nullopt;
    const auto narrow = static_cast<float>(value);
    if (std::bit_cast<std::uint64_t>(double{narrow}) != bits) return std::nullopt;
    put_little(MutableBytes(mapped.image.image_hwc), i * 4, std::bit_cast<std::uint32_t>(narrow));
  }
  return mapped;
}

void put_integer(MutableBytes out, std::size_t index, PixelType type, std::int64_t value) {
  switch (type) {
    case PixelType::f32:
      return put_little(out, index * 4, std::bit_cast<std::uint32_t>(static_cast<float>(value)));
    case PixelType::f64:
      return put_little(out, index * 8, std::bit_cast<std::uint64_t>(static_cast<double>(value)));
    default:
      return put_little(out, index * 4, static_cast<std::uint32_t>(value & 0xffff'ffff));
  }
}

}  // namespace

std::vector<std::byte> encode_planes(const ImageView& image, Effort effort) {
  std::vector<std::byte> planes;
  with_word(image.shape.pixel_type,
            [&](auto word) { planes = split_into_bytes<decltype(word)>(image); });
  const std::size_t count = pixel_bytes(image.shape.pixel_type) == 8 ? 8 : 4;
  const std::size_t samples = planes.size() / count;
  std::vector<std::byte> head;
  std::vector<std::byte> body;
  for (std::size_t plane = 0; plane < count; ++plane) {
    const Bytes content = Bytes(planes).subspan(plane * samples, samples);
    std::vector<std::byte> frame;
    const auto attempt = [&](const zstd::FrameOptions& options) {
      std::vector<std::byte> other;
      zstd::append_frame(content, options, other);
      if (frame.empty() || other.size() < frame.size()) frame = std::move(other);
    };
    const auto saves = [&] { return frame.size() * 100 < samples * 97; };
    if (effort == Effort::fast) {
      attempt({.level = 1, .magicless = true});
    } else {
      // Where the bytes are as good as evenly spread, looking for repeats is mostly lost time.
      attempt({.huffman_only = true, .magicless = true});
      if (saves() || effort == Effort::small) attempt({.level = 3, .magicless = true});
      if (effort == Effort::small) attempt({.level = 19, .magicless = true});
    }
    // Decoding a frame that saves next to nothing only costs time.
    const bool plain = !saves();
    append_varint(head, plain ? 0 : frame.size());
    append_bytes(body, plain ? content : Bytes(frame));
  }
  append_bytes(head, body);
  return head;
}

void decode_planes(const ImageShape& shape, Bytes section, MutableBytes out_hwc) {
  const std::size_t count = pixel_bytes(shape.pixel_type) == 8 ? 8 : 4;
  const std::size_t samples = out_hwc.size() / count;
  ByteReader reader(section);
  std::array<std::size_t, 8> frame_bytes{};
  for (std::size_t plane = 0; plane < count; ++plane) {
    frame_bytes[plane] =
        static_cast<std::size_t>(reader.varint(0, samples, "length of a byte plane"));
  }
  thread_local std::vector<std::byte> planes;
  planes.resize(out_hwc.size());
  for (std::size_t plane = 0; plane < count; ++plane) {
    const MutableBytes content = MutableBytes(planes).subspan(plane * samples, samples);
    if (frame_bytes[plane] == 0) {
      const Bytes plain = reader.take(samples, "byte plane");
      std::memcpy(content.data(), plain.data(), samples);
    } else {
      zstd::decompress_magicless(reader.take(frame_bytes[plane], "byte plane"), nullptr, content);
    }
  }
  reader.expect_end("last byte plane");
  with_word(shape.pixel_type,
            [&](auto word) { join_bytes<decltype(word)>(shape, planes, out_hwc); });
}

std::optional<MappedImage> map_image(const ImageView& image) {
  switch (image.shape.pixel_type) {
    case PixelType::f16:
      return map_half(image);
    case PixelType::u32:
    case PixelType::i32:
    case PixelType::f32:
      return map_integers(image);
    case PixelType::f64: {
      auto mapped = map_integers(image);
      return mapped ? std::move(mapped) : map_doubles(image);
    }
    default:
      return std::nullopt;
  }
}

std::optional<PixelType> mapped_type(Mapping mapping, PixelType type) noexcept {
  switch (mapping) {
    case Mapping::integers:
      if (pixel_bytes(type) >= 4) return PixelType::u16;
      break;
    case Mapping::ordered_half:
      if (type == PixelType::f16) return PixelType::u16;
      break;
    case Mapping::single_double:
      if (type == PixelType::f64) return PixelType::f32;
      break;
  }
  return std::nullopt;
}

void unmap_image(PixelType type, Mapping mapping, std::int64_t bias, Bytes mapped,
                 MutableBytes out_hwc) {
  const std::size_t samples = out_hwc.size() / pixel_bytes(type);
  switch (mapping) {
    case Mapping::integers:
      for (std::size_t i = 0; i < samples; ++i) {
        put_integer(out_hwc, i, type, bias + get_little<std::uint16_t>(mapped, i * 2));
      }
      return;
    case Mapping::ordered_half:
      for (std::size_t i = 0; i < samples; ++i) {
        put_little(out_hwc, i * 2, from_ordered(get_little<std::uint16_t>(mapped, i * 2)));
      }
      return;
    case Mapping::single_double:
      for (std::size_t i = 0; i < samples; ++i) {
        const auto narrow = std::bit_cast<float>(get_little<std::uint32_t>(mapped, i * 4));
        put_little(out_hwc, i * 8, std::bit_cast<std::uint64_t>(double{narrow}));
      }
      return;
  }
}

}  // namespace slicebank
