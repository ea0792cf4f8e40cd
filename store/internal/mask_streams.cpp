#include "store/internal/mask_streams.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <string>

#include "store/internal/bytes.h"

namespace slicebank {
namespace {

[[noreturn]] void fail(const char* what) { throw Error(ErrorCode::corrupt, what); }

std::uint64_t load_u64(const void* at) noexcept {
  std::uint64_t value;
  std::memcpy(&value, at, sizeof value);
  if constexpr (std::endian::native == std::endian::big) value = __builtin_bswap64(value);
  return value;
}

void store_u64(void* at, std::uint64_t value) noexcept {
  if constexpr (std::endian::native == std::endian::big) value = __builtin_bswap64(value);
  std::memcpy(at, &value, sizeof value);
}

// Eight pixels of 0 or 1, the first in the lowest byte -> eight bits, the first lowest.
constexpr std::uint64_t pack_pixels(std::uint64_t pixels) noexcept {
  return pixels * 0x0102'0408'1020'4080u >> 56;
}
constexpr std::uint64_t unpack_pixels(std::uint64_t bits) noexcept {
  const std::uint64_t spread = bits * 0x0101'0101'0101'0101u & 0x8040'2010'0804'0201u;
  return (spread + 0x7f7f'7f7f'7f7f'7f7fu) >> 7 & 0x0101'0101'0101'0101u;
}
static_assert(pack_pixels(0x0100'0000'0001'0001u) == 0x85);
static_assert(unpack_pixels(0x85) == 0x0100'0000'0001'0001u);

// Appends where the runs of one row begin and end.
void append_edges(const std::uint8_t* row, std::uint32_t width, std::vector<std::uint32_t>& edges) {
  const std::size_t first = edges.size();
  std::uint64_t carry = 0;
  for (std::uint32_t x = 0; x < width; x += 64) {
    std::uint64_t bits = 0;
    const std::uint32_t pixels = std::min<std::uint32_t>(64, width - x);
    std::uint32_t i = 0;
    for (; i + 8 <= pixels; i += 8) bits |= pack_pixels(load_u64(row + x + i)) << i;
    for (; i < pixels; ++i) bits |= std::uint64_t{row[x + i]} << i;
    std::uint64_t changes = bits ^ (bits << 1 | carry);
    carry = bits >> 63;
    for (; changes != 0; changes &= changes - 1) {
      edges.push_back(x + static_cast<std::uint32_t>(std::countr_zero(changes)));
    }
  }
  // A run that touches the right side ends where the row does.
  if ((edges.size() - first) % 2 != 0) edges.push_back(width);
}

// The varints of both streams stay below 2^18, so three bytes are the longest.
std::uint32_t read_long(const std::byte*& at, const std::byte* end) {
  std::uint32_t value = 0;
  for (unsigned shift = 0; shift < 21; shift += 7) {
    if (at == end) fail("the runs of a mask end too early");
    const auto byte = std::to_integer<std::uint32_t>(*at++);
    value |= (byte & 0x7f) << shift;
    if (byte >= 0x80) continue;
    if (byte == 0 && shift > 0) fail("a run is not in its shortest form");
    return value;
  }
  fail("a run is longer than any row");
}

inline std::uint32_t read_number(const std::byte*& at, const std::byte* end) {
  if (at != end && std::to_integer<std::uint32_t>(*at) < 0x80) {
    return std::to_integer<std::uint32_t>(*at++);
  }
  return read_long(at, end);
}

// One byte eight times.
constexpr std::uint64_t repeat(std::uint8_t value) noexcept {
  return value * 0x0101'0101'0101'0101u;
}

// Runs are mostly short, and a call for each costs more than the bytes. `eight` is repeat().
inline void fill(std::uint8_t* from, std::size_t size, std::uint64_t eight) {
  constexpr std::size_t kCallFrom = 256;
  if (size >= kCallFrom) {
    std::memset(from, static_cast<int>(eight & 255), size);
  } else if (size >= 16) {
    const std::uint64_t sixteen[2] = {eight, eight};
    for (std::size_t i = 0; i + 16 <= size; i += 16) std::memcpy(from + i, sixteen, 16);
    std::memcpy(from + size - 16, sixteen, 16);
  } else if (size >= 8) {
    std::memcpy(from, &eight, 8);
    std::memcpy(from + size - 8, &eight, 8);
  } else {
    for (std::size_t i = 0; i < size; ++i) from[i] = static_cast<std::uint8_t>(eight);
  }
}

}  // namespace

MaskRuns scan_mask(std::span<const std::uint8_t> mask_hw, std::uint32_t height,
                   std::uint32_t width) {
  if (mask_hw.size() != std::uint64_t{height} * width) {
    throw Error(ErrorCode::bad_format, "a mask has " + std::to_string(mask_hw.size()) +
                                           " pixels, but its image " + std::to_string(width) +
                                           " x " + std::to_string(height));
  }
  MaskRuns runs;
  std::uint32_t empty_rows = 0;  // below the last row that was not
  for (std::uint32_t y = 0; y < height; ++y) {
    const std::uint8_t* row = mask_hw.data() + std::size_t{y} * width;
    std::uint8_t any = 0;
    for (std::uint32_t x = 0; x < width; ++x) any |= row[x];
    if (any > 1) {
      throw Error(ErrorCode::bad_format,
                  "a mask holds other values than 0 and 1 in row " + std::to_string(y));
    }
    if (any == 0) {
      ++empty_rows;
      continue;
    }
    if (runs.row_runs.empty()) {
      runs.box = {width, y, 0, y};
    } else {
      runs.row_runs.insert(runs.row_runs.end(), empty_rows, 0);
    }
    empty_rows = 0;
    const std::size_t first = runs.edges.size();
    append_edges(row, width, runs.edges);
    runs.row_runs.push_back(static_cast<std::uint32_t>((runs.edges.size() - first) / 2));
    for (std::size_t i = first; i < runs.edges.size(); i += 2) {
      runs.area += runs.edges[i + 1] - runs.edges[i];
    }
    runs.box.x0 = std::min(runs.box.x0, runs.edges[first]);
    runs.box.x1 = std::max(runs.box.x1, runs.edges.back());
    runs.box.y1 = y + 1;
  }
  return runs;
}

namespace {

void append_runs(const MaskRuns& mask, MaskStreams& streams) {
  const std::uint32_t* edges = mask.edges.data();
  const std::uint32_t* above = nullptr;
  std::uint32_t runs_above = 0;
  for (const std::uint32_t runs : mask.row_runs) {
    append_varint(streams.counts, runs);
    const std::size_t size = std::size_t{runs} * 2;
    const bool relative = above != nullptr && runs == runs_above;
    for (std::size_t i = 0; i < size; ++i) {
      const std::uint32_t from = relative ? above[i] : (i == 0 ? 0 : edges[i - 1]);
      const std::uint32_t delta = edges[i] - from;
      append_varint(streams.ends, relative ? zigzag(delta) : delta);
    }
    above = edges;
    edges += size;
    runs_above = runs;
  }
}

void append_bits(const MaskRuns& mask, std::uint32_t width, std::vector<std::byte>& out) {
  const std::size_t first = out.size();
  out.resize(first + static_cast<std::size_t>(bits_bytes(mask.box, width)));
  std::size_t edge = 0;
  std::uint64_t row_bit = 0;
  for (const std::uint32_t runs : mask.row_runs) {
    for (const std::size_t last = edge + std::size_t{runs} * 2; edge < last; edge += 2) {
      for (std::uint64_t bit = row_bit + mask.edges[edge]; bit < row_bit + mask.edges[edge + 1];
           ++bit) {
        out[first + static_cast<std::size_t>(bit / 8)] |= std::byte{1} << static_cast<int>(bit % 8);
      }
    }
    row_bit += width;
  }
}

}  // namespace

MaskEncoding append_mask(const MaskRuns& mask, std::uint32_t width, MaskStreams& streams) {
  const std::size_t counts = streams.counts.size();
  const std::size_t ends = streams.ends.size();
  append_runs(mask, streams);
  const std::size_t bytes = streams.counts.size() - counts + streams.ends.size() - ends;
  if (bytes <= bits_bytes(mask.box, width)) return MaskEncoding::runs;
  streams.counts.resize(counts);
  streams.ends.resize(ends);
  append_bits(mask, width, streams.ends);
  return MaskEncoding::bits;
}

MaskStreamReader::MaskStreamReader(Bytes counts, Bytes ends, std::uint32_t width)
    : count_(counts.data()),
      counts_end_(counts.data() + counts.size()),
      end_(ends.data()),
      ends_end_(ends.data() + ends.size()),
      width_(width) {}

void MaskStreamReader::read(const AnnotationInfo& info, MaskEncoding encoding,
                            std::uint8_t foreground, std::span<std::uint8_t> plane_hw) {
  if (encoding == MaskEncoding::bits) return read_bits(info, foreground, plane_hw);
  const std::uint64_t eight = repeat(foreground);
  std::uint8_t* pixels = plane_hw.data();
  const std::size_t width = width_;
  walk_runs(info, [=](std::uint32_t y, std::uint32_t start, std::uint32_t end) {
    fill(pixels + y * width + start, end - start, eight);
  });
}

void MaskStreamReader::read_as_runs(const AnnotationInfo& info, MaskEncoding encoding,
                                    std::vector<MaskRun>& runs) {
  if (encoding == MaskEncoding::runs) {
    walk_runs(info, [&runs](std::uint32_t y, std::uint32_t start, std::uint32_t end) {
      runs.push_back({y, start, end});
    });
    return;
  }
  // Noise, and seldom: painted as it is checked, then read off.
  std::vector<std::uint8_t> mask_hw(std::size_t{info.box.y1} * width_);
  read_bits(info, 1, mask_hw);
  std::vector<std::uint32_t> edges;
  for (std::uint32_t y = info.box.y0; y < info.box.y1; ++y) {
    edges.clear();
    append_edges(mask_hw.data() + std::size_t{y} * width_, width_, edges);
    for (std::size_t i = 0; i < edges.size(); i += 2) runs.push_back({y, edges[i], edges[i + 1]});
  }
}

template <typename Visit>
void MaskStreamReader::walk_runs(const AnnotationInfo& info, const Visit& visit) {
  const std::uint32_t most_runs = (width_ + 1) / 2;
  std::uint32_t runs_above = 0;
  std::uint32_t left = width_;
  std::uint32_t right = 0;
  std::uint64_t area = 0;
  // Local copies: stores of the visitor may alias the members, as far as a compiler knows.
  const std::byte* at = end_;
  const std::byte* count = count_;
  for (std::uint32_t y = info.box.y0; y < info.box.y1; ++y) {
    const std::uint32_t runs = read_number(count, counts_end_);
    if (runs > most_runs) fail("more runs than a row can have");
    const std::size_t size = std::size_t{runs} * 2;
    if (edges_.size() < size) edges_.resize(size);
    std::uint32_t* edges = edges_.data();
    const bool relative = runs == runs_above && y > info.box.y0;
    runs_above = runs;
    std::uint32_t before = 0;
    for (std::size_t i = 0; i < size; i += 2) {
      std::uint32_t start = read_number(at, ends_end_);
      std::uint32_t end = read_number(at, ends_end_);
      // Modulo 2^32: what should have been negative is larger than any width.
      start = relative ? edges[i] + unzigzag(start) : before + start;
      end = relative ? edges[i + 1] + unzigzag(end) : start + end;
      if (start >= end || end > width_ || (i > 0 && start <= before)) fail("runs are out of order");
      edges[i] = start;
      edges[i + 1] = end;
      before = end;
      area += end - start;
      visit(y, start, end);
    }
    if (size == 0) {
      if (y == info.box.y0 || y + 1 == info.box.y1) fail("a box is larger than its mask");
      continue;
    }
    left = std::min(left, edges[0]);
    right = std::max(right, before);
  }
  count_ = count;
  end_ = at;
  if (left != info.box.x0 || right != info.box.x1) fail("a box is not that of its mask");
  if (area != info.area) fail("an area is not that of its mask");
}

Bytes MaskStreamReader::take_bits(const Box& box) {
  const std::uint64_t size = bits_bytes(box, width_);
  if (size > static_cast<std::uint64_t>(ends_end_ - end_)) fail("the bits of a mask end too early");
  const Bytes bits(end_, static_cast<std::size_t>(size));
  end_ += size;
  return bits;
}

void MaskStreamReader::read_bits(const AnnotationInfo& info, std::uint8_t foreground,
                                 std::span<std::uint8_t> plane_hw) {
  const Bytes bits = take_bits(info.box);
  const std::span<std::uint8_t> rows = plane_hw.subspan(
      std::size_t{info.box.y0} * width_, std::size_t{info.box.y1 - info.box.y0} * width_);
  check_bits(bits, info);
  for (std::size_t i = 0; i < bits.size(); ++i) {
    const auto byte = std::to_integer<std::uint64_t>(bits[i]);
    if (i * 8 + 8 <= rows.size()) {
      // What is no foreground stays as it is.
      std::uint8_t* eight = rows.data() + i * 8;
      const std::uint64_t ones = unpack_pixels(byte);
      store_u64(eight, (load_u64(eight) & ~(ones * 255)) | ones * foreground);
      continue;
    }
    for (std::size_t bit = 0; bit < rows.size() - i * 8; ++bit) {
      if ((byte >> bit & 1) != 0) rows[i * 8 + bit] = foreground;
    }
  }
}

void MaskStreamReader::check_bits(Bytes bits, const AnnotationInfo& info) const {
  const std::size_t height = info.box.y1 - info.box.y0;
  const std::size_t left_over = bits.size() * 8 - height * width_;
  if (left_over > 0 && std::to_integer<unsigned>(bits.back()) >> (8 - left_over) != 0) {
    fail("bits behind the last row of a mask");
  }
  std::uint64_t area = 0;
  for (const std::byte byte : bits) {
    area += static_cast<std::uint64_t>(std::popcount(std::to_integer<unsigned>(byte)));
  }
  if (area != info.area) fail("an area is not that of its mask");
  // The rows on top of one another, 56 columns at a time: with what lies before the first bit
  // they are eight bytes, copied where fewer are left.
  constexpr std::uint32_t kColumns = 56;
  const auto columns_of = [&](std::size_t row, std::uint32_t x) {
    const std::size_t bit = row * width_ + x;
    std::array<std::byte, 8> eight{};
    std::memcpy(eight.data(), bits.data() + bit / 8,
                std::min<std::size_t>(8, bits.size() - bit / 8));
    const std::uint32_t columns = std::min(kColumns, width_ - x);
    return load_u64(eight.data()) >> bit % 8 & ((std::uint64_t{1} << columns) - 1);
  };
  std::uint32_t left = width_;
  std::uint32_t right = 0;
  bool first_row = false;
  bool last_row = false;
  for (std::uint32_t x = 0; x < width_; x += kColumns) {
    std::uint64_t any = 0;
    for (std::size_t row = 0; row < height; ++row) {
      const std::uint64_t word = columns_of(row, x);
      any |= word;
      if (row == 0) first_row = first_row || word != 0;
      if (row + 1 == height) last_row = last_row || word != 0;
    }
    if (any == 0) continue;
    left = std::min(left, x + static_cast<std::uint32_t>(std::countr_zero(any)));
    right = x + static_cast<std::uint32_t>(std::bit_width(any));
  }
  if (!first_row || !last_row) fail("a box is larger than its mask");
  if (left != info.box.x0 || right != info.box.x1) fail("a box is not that of its mask");
}

void MaskStreamReader::skip(const AnnotationInfo& info, MaskEncoding encoding) {
  if (encoding == MaskEncoding::bits) {
    take_bits(info.box);
    return;
  }
  std::uint64_t numbers = 0;
  for (std::uint32_t y = info.box.y0; y < info.box.y1; ++y) {
    numbers += std::uint64_t{read_number(count_, counts_end_)} * 2;
  }
  for (; numbers > 0; --numbers) read_number(end_, ends_end_);
}

void MaskStreamReader::expect_end() const {
  if (count_ != counts_end_ || end_ != ends_end_) fail("runs behind the last mask of a frame");
}

}  // namespace slicebank
