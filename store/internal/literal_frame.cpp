#include "store/internal/literal_frame.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "schema/record_layout.h"

namespace slicebank::zstd {
namespace {

constexpr std::size_t kBlockMost = std::size_t{1} << 17;
constexpr std::size_t kHeadBytes = 2;
constexpr std::size_t kBlockHeadBytes = 3;
constexpr unsigned kWindowBitsLeast = 10;
constexpr unsigned kWindowBitsMost = 17;
constexpr std::size_t kFourStreamsFrom = 256;

enum class BlockType : std::uint32_t { raw, repeated, compressed };
constexpr std::uint64_t kLiteralsCompressed = 2;

void put_number(std::byte* out, std::uint64_t value, std::size_t bytes) {
  for (; bytes > 0; --bytes, value >>= 8) *out++ = static_cast<std::byte>(value & 255);
}

void put_block_head(std::byte* out, bool last, BlockType type, std::size_t size) {
  put_number(out, (last ? 1u : 0u) | static_cast<std::uint32_t>(type) << 1 | size << 3,
             kBlockHeadBytes);
}

// The window is what a block may have at most, so it covers the content up to 128 KB.
std::byte* put_frame_head(std::size_t source_bytes, std::byte* out) {
  const auto bits = static_cast<unsigned>(std::bit_width(source_bytes == 0 ? 0 : source_bytes - 1));
  const unsigned window = std::clamp(bits, kWindowBitsLeast, kWindowBitsMost);
  out[0] = std::byte{0};
  out[1] = static_cast<std::byte>((window - kWindowBitsLeast) << 3);
  return out + kHeadBytes;
}

std::byte* put_streams(Bytes source, const huffman::Code& code, std::byte* out) {
  if (source.size() < kFourStreamsFrom) return huffman::encode(code, source, out);
  const std::size_t part = (source.size() + 3) / 4;
  std::byte* const sizes = out;
  out += 6;
  for (std::size_t i = 0; i < 4; i += 2) {
    // The second of two is written where the first cannot reach it, then moved to its end.
    std::byte* const apart = out + huffman::stream_room(part);
    const Bytes first = source.subspan(i * part, part);
    const Bytes second =
        source.subspan((i + 1) * part).first(i == 0 ? part : source.size() - 3 * part);
    const auto ends = huffman::encode_two(code, first, second, out, apart);
    const auto second_bytes = static_cast<std::size_t>(ends[1] - apart);
    std::memmove(ends[0], apart, second_bytes);
    put_number(sizes + 2 * i, static_cast<std::uint64_t>(ends[0] - out), 2);
    if (i == 0) put_number(sizes + 2, second_bytes, 2);
    out = ends[0] + second_bytes;
  }
  return out;
}

// A block that is compressed, head and all. Returns its end.
std::byte* put_compressed(Bytes source, const huffman::Code& code, bool last, std::byte* out) {
  const bool single = source.size() < kFourStreamsFrom;
  const unsigned form = single ? 0 : source.size() < 1024 ? 1 : source.size() < 16384 ? 2 : 3;
  const unsigned size_bits = form < 2 ? 10 : form == 2 ? 14 : 18;
  const std::size_t head_bytes = form < 2 ? 3 : form + 2;
  std::byte* const literals = out + kBlockHeadBytes;
  std::byte* const content = literals + head_bytes;
  std::memcpy(content, code.description.data(), code.description_bytes);
  std::byte* at = put_streams(source, code, content + code.description_bytes);
  put_number(literals,
             kLiteralsCompressed | form << 2 | std::uint64_t{source.size()} << 4 |
                 static_cast<std::uint64_t>(at - content) << (4 + size_bits),
             head_bytes);
  *at++ = std::byte{0};  // no sequences
  put_block_head(out, last, BlockType::compressed, static_cast<std::size_t>(at - literals));
  return at;
}

std::byte* put_raw(Bytes source, bool last, std::byte* out) {
  put_block_head(out, last, BlockType::raw, source.size());
  std::copy(source.begin(), source.end(), out + kBlockHeadBytes);
  return out + kBlockHeadBytes + source.size();
}

std::byte* put_repeated(Bytes source, bool last, std::byte* out) {
  put_block_head(out, last, BlockType::repeated, source.size());
  out[kBlockHeadBytes] = source[0];
  return out + kBlockHeadBytes + 1;
}

// What a block takes at most, whichever way it is written.
constexpr std::size_t block_room(std::size_t bytes) {
  return kBlockHeadBytes + 5 + 128 + 6 + 4 * huffman::stream_room(bytes / 4 + 1) + 1;
}

// A short block needs no long codes: their tables take time to build, here and in a reader.
unsigned bits_most(std::size_t bytes) {
  return std::clamp(static_cast<unsigned>(std::bit_width(bytes)), 11u, huffman::kBitsMost + 2) - 2;
}

// One block in that code, or plain where that does not save anything.
std::byte* put_smaller(Bytes source, const huffman::Code& code, bool last, std::byte* out) {
  std::byte* const end = put_compressed(source, code, last, out);
  if (static_cast<std::size_t>(end - out) < kBlockHeadBytes + source.size()) return end;
  return put_raw(source, last, out);
}

// One block by its own code.
std::byte* put_block(Bytes source, bool last, std::byte* out) {
  if (source.empty()) return put_raw(source, last, out);
  const huffman::Counts counts = huffman::count_bytes(source);
  if (counts[std::to_integer<std::size_t>(source[0])] == source.size()) {
    return put_repeated(source, last, out);
  }
  huffman::Code code;
  if (!huffman::make_code(huffman::shortest_lengths(counts, bits_most(source.size())), code)) {
    return put_raw(source, last, out);
  }
  return put_smaller(source, code, last, out);
}

template <typename Put>
std::size_t append_blocks(Bytes source, std::vector<std::byte>& out, const Put& put) {
  const std::size_t start = out.size();
  const std::size_t blocks = source.size() / kBlockMost + 1;
  out.resize(start + kHeadBytes + blocks * block_room(std::min(source.size(), kBlockMost)));
  std::byte* at = put_frame_head(source.size(), out.data() + start);
  bool last = false;
  for (std::size_t from = 0; !last; from += kBlockMost) {
    last = source.size() - from <= kBlockMost;
    at = put(source.subspan(from, std::min(kBlockMost, source.size() - from)), last, at);
  }
  const auto size = static_cast<std::size_t>(at - out.data()) - start;
  out.resize(start + size);
  return size;
}

}  // namespace

std::size_t append_literals(Bytes source, std::vector<std::byte>& out) {
  return append_blocks(source, out, put_block);
}

std::size_t append_literals(Bytes source, const huffman::Code& code, std::vector<std::byte>& out) {
  return append_blocks(source, out, [&](Bytes block, bool last, std::byte* at) {
    return block.empty() ? put_raw(block, last, at) : put_smaller(block, code, last, at);
  });
}

}  // namespace slicebank::zstd
