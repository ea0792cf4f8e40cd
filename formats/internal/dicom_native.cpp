// Uncompressed and RLE frames, and how fragments make frames.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "formats/internal/dicom_frame.h"
#include "schema/error.h"

namespace slicebank::dicom::internal {
namespace {

std::uint64_t u32_at(Bytes bytes, std::size_t at) {
  std::uint64_t value = 0;
  for (std::size_t i = 4; i-- > 0;)
    value = value << 8 | std::to_integer<std::uint64_t>(bytes[at + i]);
  return value;
}

std::uint64_t u64_at(Bytes bytes, std::size_t at) {
  return u32_at(bytes, at) | u32_at(bytes, at + 4) << 32;
}

bool is_packed_422(const FrameLayout& layout) {
  return layout.photometric == "YBR_FULL_422" && layout.samples == 3 && layout.bits_allocated == 8;
}

RawFrame empty_frame(const FrameLayout& layout) {
  RawFrame raw;
  raw.sample_bytes = static_cast<std::size_t>((layout.bits_allocated + 7) / 8);
  raw.precision = layout.bits_stored;
  raw.lowest_bit = layout.high_bit + 1 - layout.bits_stored;
  return raw;
}

// Bits from `first_bit` on, the lowest bit of a byte first, as bytes of 0 and 1.
// `swapped`: the bytes lie as big-endian words, and their number is even.
std::vector<std::byte> unpacked_bits(Bytes packed, std::uint64_t first_bit, std::uint64_t count,
                                     bool swapped) {
  std::vector<std::byte> bits(count);
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t at = first_bit + i;
    bits[i] = packed[at / 8 ^ (swapped ? 1 : 0)] >> static_cast<int>(at % 8) & std::byte{1};
  }
  return bits;
}

// Pairs of pixels as Y1 Y2 Cb Cr.
std::vector<std::byte> unpacked_422(Bytes bytes, std::uint64_t pixels) {
  std::vector<std::byte> data(pixels * 3);
  for (std::uint64_t pixel = 0; pixel < pixels; ++pixel) {
    const std::uint64_t pair = pixel / 2 * 4;
    data[pixel * 3] = bytes[pair + pixel % 2];
    data[pixel * 3 + 1] = bytes[pair + 2];
    data[pixel * 3 + 2] = bytes[pair + 3];
  }
  return data;
}

std::vector<std::byte> interleaved(const std::vector<std::byte>& planes, std::uint64_t pixels,
                                   std::size_t samples, std::size_t sample_bytes) {
  std::vector<std::byte> data(planes.size());
  for (std::size_t sample = 0; sample < samples; ++sample) {
    for (std::uint64_t pixel = 0; pixel < pixels; ++pixel) {
      std::memcpy(data.data() + (pixel * samples + sample) * sample_bytes,
                  planes.data() + (sample * pixels + pixel) * sample_bytes, sample_bytes);
    }
  }
  return data;
}

void swap_groups(std::vector<std::byte>& data, std::size_t group) {
  for (std::size_t at = 0; at + group <= data.size(); at += group) {
    std::reverse(data.begin() + static_cast<std::ptrdiff_t>(at),
                 data.begin() + static_cast<std::ptrdiff_t>(at + group));
  }
}

bool begins_codestream(Bytes fragment) {
  if (fragment.size() < 2) return false;
  const auto first = std::to_integer<unsigned>(fragment[0]);
  const auto second = std::to_integer<unsigned>(fragment[1]);
  return first == 0xff && (second == 0xd8 || second == 0x4f);
}

}  // namespace

void check_plausible(std::uint64_t raw_bytes, std::uint64_t stream_bytes, const std::string& name) {
  constexpr std::uint64_t kAlwaysAllowed = 64u << 20;
  constexpr std::uint64_t kRatioMax = 5000;
  if (raw_bytes <= kAlwaysAllowed || raw_bytes / kRatioMax <= stream_bytes) return;
  throw Error(ErrorCode::limit, fmt::format("{}: {} bytes of compressed pixels claim to be {}",
                                            name, stream_bytes, raw_bytes));
}

std::uint64_t native_bytes(const FrameLayout& layout, std::uint64_t frames) noexcept {
  const auto bits = static_cast<std::uint64_t>(layout.bits_allocated);
  if (is_packed_422(layout)) return (layout.pixels() + 1) / 2 * 4 * frames;
  // At most 2^32 pixels, 4 samples, 64 bits: dividing first keeps the product below 2^64.
  if (bits == 1) {
    const std::uint64_t in_frame = layout.pixels() * layout.samples;
    return in_frame / 8 * frames + (in_frame % 8 * frames + 7) / 8;
  }
  return layout.pixels() * layout.samples * (bits / 8) * frames;
}

RawFrame native_frame(const FrameLayout& layout, const PixelElement& pixels, bool big_endian,
                      std::uint32_t frame) {
  RawFrame raw = empty_frame(layout);
  const std::uint64_t count = layout.pixels() * layout.samples;
  const bool swap_words = big_endian && pixels.vr == vr_of('O', 'W') && layout.bits_allocated <= 8;
  if (layout.bits_allocated == 1) {
    raw.data = unpacked_bits(pixels.value, count * frame, count, swap_words);
    return raw;
  }
  const std::uint64_t frame_bytes = native_bytes(layout, 1);
  const std::uint64_t begin = frame_bytes * frame;
  if (swap_words) {
    // Whole words around the frame, which may begin inside one.
    const std::uint64_t from = begin / 2 * 2;
    const std::uint64_t to =
        std::min<std::uint64_t>((begin + frame_bytes + 1) / 2 * 2, pixels.value.size());
    raw.data.assign(pixels.value.begin() + static_cast<std::ptrdiff_t>(from),
                    pixels.value.begin() + static_cast<std::ptrdiff_t>(to));
    swap_groups(raw.data, 2);
    raw.data.erase(raw.data.begin(), raw.data.begin() + static_cast<std::ptrdiff_t>(begin - from));
    raw.data.resize(frame_bytes);
  } else {
    const Bytes bytes = pixels.value.subspan(begin, frame_bytes);
    raw.data.assign(bytes.begin(), bytes.end());
    if (big_endian) swap_groups(raw.data, raw.sample_bytes);
  }
  if (is_packed_422(layout)) {
    raw.data = unpacked_422(raw.data, layout.pixels());
  } else if (layout.planar && layout.samples > 1) {
    raw.data = interleaved(raw.data, layout.pixels(), layout.samples, raw.sample_bytes);
  }
  return raw;
}

RawFrame unpacked_bytes(const FrameLayout& layout, Bytes bytes, const std::string& name) {
  const std::uint64_t needed = native_bytes(layout, 1);
  if (bytes.size() < needed) {
    throw Error(ErrorCode::bad_format,
                fmt::format("{}: a frame has {} bytes instead of {}", name, bytes.size(), needed));
  }
  PixelElement whole;
  whole.value = bytes;
  return native_frame(layout, whole, false, 0);
}

RawFrame decode_rle(const FrameLayout& layout, Bytes stream, const std::string& name) {
  constexpr std::size_t kHeaderBytes = 64;
  constexpr std::uint64_t kRatioMax = 64;  // two bytes stand for 128 at most
  const auto fail = [&](const char* what) {
    return Error(ErrorCode::bad_format, fmt::format("{}: RLE {}", name, what));
  };
  if (stream.size() < kHeaderBytes) throw fail("header is truncated");
  RawFrame raw = empty_frame(layout);
  const bool bits = layout.bits_allocated == 1;
  const std::uint64_t plane = bits ? (layout.pixels() + 7) / 8 : layout.pixels();
  const std::uint64_t segments = layout.samples * raw.sample_bytes;
  if (u32_at(stream, 0) != segments) throw fail("segments do not fit the header");
  if (plane * segments / kRatioMax > stream.size()) throw fail("segments are too short");
  std::vector<std::byte> data(plane * segments);
  std::vector<std::byte> bytes(plane);
  for (std::uint64_t segment = 0; segment < segments; ++segment) {
    std::uint64_t at = u32_at(stream, 4 + 4 * segment);
    const std::uint64_t end =
        segment + 1 < segments ? u32_at(stream, 8 + 4 * segment) : stream.size();
    if (at < kHeaderBytes || end > stream.size() || at > end) throw fail("offsets are damaged");
    std::uint64_t written = 0;
    while (written < plane) {
      if (at >= end) throw fail("segment is truncated");
      const auto code = std::to_integer<unsigned>(stream[at++]);
      if (code == 128) continue;
      const std::uint64_t length = code < 128 ? code + 1 : 257 - code;
      const std::uint64_t taken = std::min(length, plane - written);
      if (code < 128) {
        if (end - at < taken) throw fail("segment is truncated");
        std::copy_n(stream.begin() + static_cast<std::ptrdiff_t>(at), taken,
                    bytes.begin() + static_cast<std::ptrdiff_t>(written));
        at += std::min(length, end - at);
      } else {
        if (at >= end) throw fail("segment is truncated");
        std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(written), taken, stream[at++]);
      }
      written += taken;
    }
    // The highest byte of a sample comes first.
    const std::uint64_t sample = segment / raw.sample_bytes;
    const std::uint64_t byte = raw.sample_bytes - 1 - segment % raw.sample_bytes;
    const std::uint64_t step = raw.sample_bytes * layout.samples;
    std::byte* out = data.data() + sample * raw.sample_bytes + byte;
    for (std::uint64_t pixel = 0; pixel < plane; ++pixel) out[pixel * step] = bytes[pixel];
  }
  raw.data = bits ? unpacked_bits(data, 0, layout.pixels(), false) : std::move(data);
  return raw;
}

std::vector<FragmentRange> frame_fragments(const PixelElement& pixels, const DataSet& data,
                                           std::uint32_t frames, const std::string& name) {
  const std::size_t count = pixels.fragments.size();
  if (count < frames) {
    throw Error(ErrorCode::bad_format,
                fmt::format("{}: {} fragments for {} frames", name, count, frames));
  }
  std::vector<FragmentRange> ranges;
  if (frames == 1) return {{0, count}};
  if (count == frames) {
    for (std::size_t i = 0; i < count; ++i) ranges.push_back({i, i + 1});
    return ranges;
  }
  // By an offset table: where each frame's first fragment lies, its item's head included.
  std::vector<std::uint64_t> offsets;
  const Element* extended = data.root.find(tag::kExtendedOffsetTable);
  if (pixels.offset_table.size() == std::uint64_t{frames} * 4) {
    for (std::size_t i = 0; i < frames; ++i) offsets.push_back(u32_at(pixels.offset_table, 4 * i));
  } else if (extended != nullptr && extended->value.size() == std::uint64_t{frames} * 8) {
    for (std::size_t i = 0; i < frames; ++i) offsets.push_back(u64_at(extended->value, 8 * i));
  }
  const std::byte* origin = pixels.fragments.front().data() - 8;
  for (std::size_t i = 0; i < count; ++i) {
    const auto offset = static_cast<std::uint64_t>(pixels.fragments[i].data() - 8 - origin);
    const bool begins = offsets.empty()
                            ? begins_codestream(pixels.fragments[i])
                            : ranges.size() < offsets.size() && offsets[ranges.size()] == offset;
    if (begins) {
      ranges.push_back({i, i + 1});
    } else if (!ranges.empty()) {
      ranges.back().last = i + 1;
    }
  }
  if (ranges.size() != frames) {
    throw Error(ErrorCode::bad_format,
                fmt::format("{}: cannot tell which of {} fragments belong to which of {} frames",
                            name, count, frames));
  }
  return ranges;
}

}  // namespace slicebank::dicom::internal
