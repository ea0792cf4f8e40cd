#include "store/internal/delta_codec.h"

#include <algorithm>
#include <cassert>
#include <cstring>

#include "store/internal/bytes.h"
#include "store/internal/literal_frame.h"
#include "store/internal/ready_codes.h"

namespace slicebank {
namespace {

// How the planes come from the channels. Values are stored on disk; only ever append.
enum class Transform : std::uint8_t {
  none = 1,        // a plane a channel
  subtract_green,  // u8, three channels: G, R - G, B - G
  equal_channels,  // all channels are the same: one plane
};

bool all_channels_equal(const ImageView& image) {
  const std::size_t size = pixel_bytes(image.shape.pixel_type);
  const std::size_t stride = size * image.shape.channels;
  if (image.shape.channels == 1) return false;
  for (std::size_t at = 0; at < image.image_hwc.size(); at += stride) {
    for (std::size_t i = size; i < stride; ++i) {
      if (image.image_hwc[at + i] != image.image_hwc[at + i - size]) return false;
    }
  }
  return true;
}

Transform choose_transform(const ImageView& image) {
  if (all_channels_equal(image)) return Transform::equal_channels;
  const bool colour = image.shape.pixel_type == PixelType::u8 && image.shape.channels == 3;
  return colour ? Transform::subtract_green : Transform::none;
}

std::size_t plane_count(Transform transform, const ImageShape& shape) {
  return transform == Transform::equal_channels ? 1 : shape.channels;
}

// --- 8 bit.

std::uint8_t sign_flip(const ImageShape& shape) {
  return shape.pixel_type == PixelType::i8 ? 0x80 : 0;
}

void split_planes_8(const ImageView& image, Transform transform, std::span<std::uint8_t> planes) {
  const std::size_t channels = image.shape.channels;
  const auto pixels = static_cast<std::size_t>(image.shape.pixels());
  const std::uint8_t flip = sign_flip(image.shape);
  const auto value = [&](std::size_t at) {
    return static_cast<std::uint8_t>(std::to_integer<std::uint8_t>(image.image_hwc[at]) ^ flip);
  };
  if (transform == Transform::subtract_green) {
    for (std::size_t i = 0; i < pixels; ++i) {
      const std::uint8_t green = value(3 * i + 1);
      planes[i] = green;
      planes[pixels + i] = static_cast<std::uint8_t>(value(3 * i) - green);
      planes[2 * pixels + i] = static_cast<std::uint8_t>(value(3 * i + 2) - green);
    }
    return;
  }
  for (std::size_t plane = 0; plane < plane_count(transform, image.shape); ++plane) {
    for (std::size_t i = 0; i < pixels; ++i) {
      planes[plane * pixels + i] = value(i * channels + plane);
    }
  }
}

void merge_planes_8(const ImageShape& shape, Transform transform,
                    std::span<const std::uint8_t> planes, MutableBytes out) {
  const std::size_t channels = shape.channels;
  const auto pixels = static_cast<std::size_t>(shape.pixels());
  if (transform == Transform::subtract_green) {
    for (std::size_t i = 0; i < pixels; ++i) {
      const std::uint8_t green = planes[i];
      out[3 * i] = std::byte{static_cast<std::uint8_t>(planes[pixels + i] + green)};
      out[3 * i + 1] = std::byte{green};
      out[3 * i + 2] = std::byte{static_cast<std::uint8_t>(planes[2 * pixels + i] + green)};
    }
    return;
  }
  const std::uint8_t flip = sign_flip(shape);
  const std::size_t step = transform == Transform::equal_channels ? 0 : pixels;
  for (std::size_t channel = 0; channel < channels; ++channel) {
    const std::uint8_t* plane = planes.data() + channel * step;
    for (std::size_t i = 0; i < pixels; ++i) {
      out[i * channels + channel] = std::byte{static_cast<std::uint8_t>(plane[i] ^ flip)};
    }
  }
}

// --- 16 bit.

std::uint16_t least_of_channel(const ImageView& image, std::size_t channel) {
  // Flipping the top bit makes the order of i16 that of u16.
  const std::uint16_t flip = image.shape.pixel_type == PixelType::i16 ? 0x8000 : 0;
  const std::size_t stride = std::size_t{2} * image.shape.channels;
  std::uint16_t least = 0xffff;
  for (std::size_t at = channel * 2; at < image.image_hwc.size(); at += stride) {
    const auto value = get_little<std::uint16_t>(image.image_hwc, at);
    least = std::min(least, static_cast<std::uint16_t>(value ^ flip));
  }
  return static_cast<std::uint16_t>(least ^ flip);
}

DeltaPlanes transform_16(const ImageView& image, Transform transform) {
  const std::size_t channels = image.shape.channels;
  const auto pixels = static_cast<std::size_t>(image.shape.pixels());
  const std::size_t width = image.shape.width;
  const std::size_t planes = plane_count(transform, image.shape);
  DeltaPlanes result;
  result.wide = true;
  result.head.push_back(static_cast<std::byte>(transform));
  result.content.resize(planes * pixels * 2);
  std::byte* low = result.content.data();
  std::byte* high = low + planes * pixels;
  for (std::size_t plane = 0; plane < planes; ++plane) {
    const std::uint16_t bias = least_of_channel(image, plane);
    append_little(result.head, bias);
    for (std::size_t i = 0; i < pixels; ++i) {
      const auto value = [&](std::size_t pixel) {
        return get_little<std::uint16_t>(image.image_hwc, 2 * (pixel * channels + plane));
      };
      const auto above = i < width ? bias : value(i - width);
      const std::uint16_t coded = zigzag(static_cast<std::uint16_t>(value(i) - above));
      *low++ = static_cast<std::byte>(coded & 0xff);
      *high++ = static_cast<std::byte>(coded >> 8);
    }
  }
  return result;
}

void restore_16(const ImageShape& shape, Transform transform, Bytes biases, Bytes content,
                MutableBytes out) {
  const std::size_t channels = shape.channels;
  const auto pixels = static_cast<std::size_t>(shape.pixels());
  const std::size_t planes = plane_count(transform, shape);
  for (std::size_t channel = 0; channel < channels; ++channel) {
    const std::size_t plane = transform == Transform::equal_channels ? 0 : channel;
    const std::byte* low = content.data() + plane * pixels;
    const std::byte* high = low + planes * pixels;
    std::vector<std::uint16_t> row(shape.width, get_little<std::uint16_t>(biases, plane * 2));
    for (std::size_t first = 0; first < pixels; first += shape.width) {
      for (std::size_t x = 0; x < shape.width; ++x) {
        const auto coded =
            static_cast<std::uint16_t>(std::to_integer<unsigned>(low[first + x]) |
                                       std::to_integer<unsigned>(high[first + x]) << 8);
        row[x] = static_cast<std::uint16_t>(row[x] + unzigzag(coded));
        put_little(out, 2 * ((first + x) * channels + channel), row[x]);
      }
    }
  }
}

// Up to here a code of one's own takes longer to build than it is worth at fast effort.
constexpr std::size_t kReadyCodesMost = 32768;

std::span<std::uint8_t> as_u8(MutableBytes bytes) {
  return {reinterpret_cast<std::uint8_t*>(bytes.data()), bytes.size()};
}

}  // namespace

DeltaPlanes delta_transform(const ImageView& image) {
  assert(pixel_bytes(image.shape.pixel_type) <= 2 && image.image_hwc.size() == image.shape.bytes());
  const Transform transform = choose_transform(image);
  if (pixel_bytes(image.shape.pixel_type) == 2) return transform_16(image, transform);
  const auto pixels = static_cast<std::size_t>(image.shape.pixels());
  const std::size_t width = image.shape.width;
  const std::size_t planes = plane_count(transform, image.shape);
  DeltaPlanes result;
  result.head.push_back(static_cast<std::byte>(transform));
  result.content.resize(planes * pixels);
  // One channel is taken as it is: differences do not change when all values are flipped.
  const bool as_it_is = image.shape.channels == 1;
  std::vector<std::uint8_t> split(as_it_is ? 0 : planes * pixels);
  if (!as_it_is) split_planes_8(image, transform, split);
  const std::uint8_t* values =
      as_it_is ? reinterpret_cast<const std::uint8_t*>(image.image_hwc.data()) : split.data();
  const std::uint8_t flip = as_it_is ? sign_flip(image.shape) : 0;
  for (std::size_t first = 0; first < planes * pixels; first += pixels) {
    const std::uint8_t* plane = values + first;
    std::uint8_t* deltas = as_u8(result.content).data() + first;
    for (std::size_t i = 0; i < width; ++i) deltas[i] = plane[i] ^ flip;
    for (std::size_t i = width; i < pixels; ++i) {
      deltas[i] = static_cast<std::uint8_t>(plane[i] - plane[i - width]);
    }
  }
  return result;
}

std::vector<std::byte> encode_delta(const DeltaPlanes& planes, Effort effort,
                                    const zstd::DigestedDictionary* dictionary) {
  std::vector<std::byte> best;
  const auto attempt = [&](const zstd::FrameOptions& options) {
    std::vector<std::byte> section = planes.head;
    zstd::append_frame(planes.content, options, section);
    if (best.empty() || section.size() < best.size()) best = std::move(section);
  };
  if (dictionary != nullptr) {
    const int level = effort == Effort::small ? 19 : 1;
    attempt({.level = level, .magicless = true, .dictionary = dictionary});
    return best;
  }
  const bool few = !planes.wide && planes.content.size() <= kReadyCodesMost;
  if (effort == Effort::fast && few) {
    best = planes.head;
    if (const huffman::Code* code = huffman::ready_code(planes.content)) {
      zstd::append_literals(planes.content, *code, best);
    } else {
      zstd::append_literals(planes.content, best);
    }
    return best;
  }
  // Matches take four times as long to look for, and are seldom worth it where Huffman codes
  // alone save little.
  if (few) {
    best = planes.head;
    zstd::append_literals(planes.content, best);
  } else {
    attempt({.huffman_only = true, .magicless = true});
  }
  const bool saves_little = best.size() * 8 > planes.content.size() * 5;
  if (effort == Effort::fast || (effort == Effort::balanced && saves_little)) return best;
  attempt({.level = 3, .magicless = true});
  if (effort == Effort::small) attempt({.level = 19, .magicless = true});
  return best;
}

void decode_delta(const ImageShape& shape, Bytes section,
                  const zstd::DigestedDictionary* dictionary, MutableBytes out_hwc) {
  assert(pixel_bytes(shape.pixel_type) <= 2 && out_hwc.size() == shape.bytes());
  ByteReader reader(section);
  const auto code = reader.u8("transform");
  const auto transform = static_cast<Transform>(code);
  const bool wide = pixel_bytes(shape.pixel_type) == 2;
  if (code < 1 || code > 3 ||
      (transform == Transform::subtract_green &&
       (shape.pixel_type != PixelType::u8 || shape.channels != 3))) {
    throw Error(ErrorCode::corrupt, "a transform that does not suit the image");
  }
  const std::size_t planes = plane_count(transform, shape);
  const auto pixels = static_cast<std::size_t>(shape.pixels());
  const Bytes biases = reader.take(wide ? planes * 2 : 0, "bias of the planes");
  // One plain 8-bit plane is restored where it is wanted; the others in scratch memory.
  const bool in_place = !wide && shape.channels == 1;
  thread_local std::vector<std::byte> scratch;
  MutableBytes content = out_hwc;
  if (!in_place) {
    scratch.resize(planes * pixels * (wide ? 2 : 1));
    content = scratch;
  }
  zstd::decompress_magicless(reader.rest(), dictionary, content);
  if (wide) return restore_16(shape, transform, biases, content, out_hwc);
  const std::span<std::uint8_t> values = as_u8(content);
  for (std::size_t first = 0; first < values.size(); first += pixels) {
    for (std::size_t i = first + shape.width; i < first + pixels; ++i) {
      values[i] = static_cast<std::uint8_t>(values[i] + values[i - shape.width]);
    }
  }
  if (!in_place || sign_flip(shape) != 0) merge_planes_8(shape, transform, values, out_hwc);
}

}  // namespace slicebank
