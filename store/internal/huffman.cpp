#include "store/internal/huffman.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstring>

#include "schema/record_layout.h"
#include "store/internal/weight_codec.h"

namespace slicebank::huffman {
namespace {

// Sorted by count, the least first, ties by value; only bytes that occur. Returns how many.
std::size_t sort_counts(const Counts& counts, std::array<std::uint64_t, 257>& sorted) {
  // A bucket for every small count, four for every doubling of the others.
  constexpr std::uint32_t kSmall = 128;
  constexpr std::size_t kBuckets = kSmall + 4 * 25;
  const auto bucket_of = [](std::uint64_t count) -> std::size_t {
    if (count < kSmall) return static_cast<std::size_t>(count);
    const auto top = static_cast<unsigned>(std::bit_width(count));
    return kSmall + 4 * (top - 8) + static_cast<std::size_t>(count >> (top - 3) & 3);
  };
  std::array<std::uint64_t, 257> present;
  std::size_t used = 0;
  for (std::size_t value = 0; value < 256; ++value) {
    present[used] = std::uint64_t{counts[value]} << 8 | value;
    used += counts[value] != 0 ? 1u : 0u;
  }
  std::array<std::uint16_t, kBuckets + 1> starts{};
  for (std::size_t i = 0; i < used; ++i) ++starts[bucket_of(present[i] >> 8) + 1];
  for (std::size_t i = 1; i <= kBuckets; ++i) {
    starts[i] = static_cast<std::uint16_t>(starts[i] + starts[i - 1]);
  }
  const std::size_t in_order = starts[kSmall];
  for (std::size_t i = 0; i < used; ++i) {
    sorted[starts[bucket_of(present[i] >> 8)]++] = present[i];
  }
  for (std::size_t i = in_order + 1; i < used; ++i) {
    const std::uint64_t entry = sorted[i];
    std::size_t at = i;
    for (; at > in_order && sorted[at - 1] > entry; --at) sorted[at] = sorted[at - 1];
    sorted[at] = entry;
  }
  return used;
}

// Depths of the leaves of a Huffman tree over ascending weights.
void leaf_depths(std::array<std::uint64_t, 257>& sorted, std::size_t used,
                 std::array<std::uint8_t, 256>& depths) {
  constexpr std::uint64_t kNone = ~std::uint64_t{0};
  std::array<std::uint64_t, 257> joined;  // weights of the inner nodes, ascending too
  std::array<std::uint16_t, 257> parent_of_leaf;
  std::array<std::uint16_t, 257> parent_of_node;
  const std::size_t nodes = used - 1;
  sorted[used] = kNone;
  joined[0] = kNone;
  std::size_t leaf = 0;
  std::size_t inner = 0;
  for (std::size_t made = 0; made < nodes; ++made) {
    std::uint64_t weight = 0;
    for (int child = 0; child < 2; ++child) {
      // Both are written, and the one that was not meant is written again: no branches here.
      const std::uint64_t of_leaf = sorted[leaf] >> 8;
      const bool take_leaf = of_leaf <= joined[inner];
      weight += take_leaf ? of_leaf : joined[inner];
      parent_of_leaf[leaf] = static_cast<std::uint16_t>(made);
      parent_of_node[inner] = static_cast<std::uint16_t>(made);
      leaf += take_leaf ? 1u : 0u;
      inner += take_leaf ? 0u : 1u;
    }
    joined[made] = weight;
    joined[made + 1] = kNone;
  }
  std::array<std::uint8_t, 257> depth_of_node;
  if (nodes > 0) depth_of_node[nodes - 1] = 0;  // the root
  for (std::size_t node = nodes; node-- > 1;) {
    depth_of_node[node - 1] =
        static_cast<std::uint8_t>(depth_of_node[parent_of_node[node - 1]] + 1);
  }
  for (std::size_t i = 0; i < used; ++i) {
    depths[i] = static_cast<std::uint8_t>(depth_of_node[parent_of_leaf[i]] + 1);
  }
}

// Shortens what is too long, and pays for it with the rarest of the others. Depths descend.
void limit_depths(std::array<std::uint8_t, 256>& depths, std::size_t used, unsigned most) {
  if (depths[0] <= most) return;
  std::uint32_t taken = 0;  // of 2^most leaves of that depth
  for (std::size_t i = 0; i < used; ++i) {
    depths[i] = static_cast<std::uint8_t>(std::min<unsigned>(depths[i], most));
    taken += 1u << (most - depths[i]);
  }
  const std::uint32_t room = 1u << most;
  // The rarest byte whose code can be lengthened, again and again; then what is left over is
  // given back to the commonest ones that can use it.
  std::size_t at = 0;
  while (taken > room) {
    while (depths[at] >= most) ++at;
    taken -= 1u << (most - depths[at] - 1);
    ++depths[at];
  }
  for (std::size_t i = used; i-- > 0 && taken < room;) {
    while (depths[i] > 1 && taken + (1u << (most - depths[i])) <= room) {
      taken += 1u << (most - depths[i]);
      --depths[i];
    }
  }
}

// Codes in zstd's order: the longest first, those of one length by value.
void assign_codes(const Lengths& lengths, unsigned longest, Code& code) {
  code.longest = longest;
  code.entries.fill(0);
  std::array<std::uint8_t, 257> present;
  std::size_t used = 0;
  for (std::size_t value = 0; value < 256; ++value) {
    present[used] = static_cast<std::uint8_t>(value);
    used += lengths[value] != 0 ? 1u : 0u;
  }
  std::array<std::uint32_t, kBitsMost + 1> of_length{};
  for (std::size_t i = 0; i < used; ++i) ++of_length[lengths[present[i]]];
  std::array<std::uint64_t, kBitsMost + 1> next{};
  std::uint32_t first = 0;
  for (unsigned bits = longest; bits > 0; --bits) {
    next[bits] = first;
    first = (first + of_length[bits]) >> 1;
  }
  for (std::size_t i = 0; i < used; ++i) {
    const unsigned bits = lengths[present[i]];
    code.entries[present[i]] = next[bits]++ << (64 - bits) | bits;
  }
}

}  // namespace

Counts count_bytes(Bytes bytes) {
  // Four tables, so that equal neighbours do not wait for one another.
  std::array<Counts, 4> parts{};
  const std::byte* at = bytes.data();
  const std::byte* const end = at + bytes.size();
  for (; end - at >= 8; at += 8) {
    const auto eight = get_little<std::uint64_t>(Bytes(at, 8), 0);
    for (int byte = 0; byte < 8; ++byte) {
      ++parts[static_cast<std::size_t>(byte % 4)][eight >> (8 * byte) & 255];
    }
  }
  for (; at != end; ++at) ++parts[0][std::to_integer<std::size_t>(*at)];
  for (std::size_t value = 0; value < 256; ++value) {
    parts[0][value] += parts[1][value] + parts[2][value] + parts[3][value];
  }
  return parts[0];
}

Lengths shortest_lengths(const Counts& counts, unsigned bits_most) {
  std::array<std::uint64_t, 257> sorted;
  const std::size_t used = sort_counts(counts, sorted);
  assert(used >= 2 && used <= std::size_t{1} << bits_most && bits_most <= kBitsMost);
  std::array<std::uint8_t, 256> depths;
  leaf_depths(sorted, used, depths);
  limit_depths(depths, used, bits_most);
  Lengths lengths{};
  for (std::size_t i = 0; i < used; ++i) lengths[sorted[i] & 255] = depths[i];
  return lengths;
}

bool make_code(const Lengths& lengths, Code& code) {
  const unsigned longest = *std::max_element(lengths.begin(), lengths.end());
  std::size_t last = 255;
  while (lengths[last] == 0) --last;
  assign_codes(lengths, longest, code);
  Weights weights;
  for (std::size_t value = 0; value < last; ++value) {
    weights[value] =
        static_cast<std::uint8_t>(lengths[value] == 0 ? 0 : longest + 1 - lengths[value]);
  }
  code.description_bytes = write_weights(weights, last, code.description);
  return code.description_bytes != 0;
}

namespace {

// One stream in the making, its last byte first. The bits not written yet are the highest ones
// of a word; below them lies what is left of the entries' low bytes, which never come up.
class Stream {
 public:
  Stream(const Code& code, std::byte* out) : entries_(code.entries.data()), out_(out) {}

  // Sixty bits at most, seven of them from before, between two flushes.
  void add(std::byte value) {
    const std::uint64_t entry = entries_[std::to_integer<std::size_t>(value)];
    held_ = held_ >> (entry & 63) | entry;
    count_ += entry;
  }
  void flush() {
    put_little(MutableBytes(out_, 8), 0, held_ >> (-count_ & 63));
    out_ += count_ / 8 & 31;
    count_ &= 7;
  }
  // A few bytes before `end`, any number. Returns where they begin.
  const std::byte* add_rest(const std::byte* end, std::size_t size) {
    for (; size > 0; --size) {
      add(*--end);
      flush();
    }
    return end;
  }
  std::byte* close() {
    held_ = held_ >> 1 | std::uint64_t{1} << 63;
    ++count_;
    flush();
    return count_ > 0 ? out_ + 1 : out_;
  }

 private:
  const std::uint64_t* entries_;
  std::byte* out_;
  std::uint64_t held_ = 0;
  std::uint64_t count_ = 0;  // in the low byte; above it the entries' sum
};

// Two streams of equal length side by side, since in one every byte waits for the one before.
// Flushed in groups of as many entries as surely fit.
template <std::ptrdiff_t kGroup>
void add_both(Stream& a, Stream& b, const std::byte* end_a, const std::byte* end_b,
              std::size_t size) {
  assert(size % kGroup == 0);
  for (const std::byte* const begin = end_a - size; end_a != begin;) {
    for (std::ptrdiff_t i = 1; i <= kGroup; ++i) {
      a.add(end_a[-i]);
      b.add(end_b[-i]);
    }
    a.flush();
    b.flush();
    end_a -= kGroup;
    end_b -= kGroup;
  }
}

template <std::ptrdiff_t kGroup>
std::array<std::byte*, 2> encode_groups(const Code& code, Bytes first, Bytes second,
                                        std::byte* first_out, std::byte* second_out) {
  Stream a(code, first_out);
  Stream b(code, second_out);
  const std::size_t both = std::min(first.size(), second.size()) / kGroup * kGroup;
  const std::byte* end_a = a.add_rest(first.data() + first.size(), first.size() - both);
  const std::byte* end_b = b.add_rest(second.data() + second.size(), second.size() - both);
  // Copies, so that neither has to live in memory.
  Stream fast_a = a;
  Stream fast_b = b;
  add_both<kGroup>(fast_a, fast_b, end_a, end_b, both);
  return {fast_a.close(), fast_b.close()};
}

}  // namespace

std::byte* encode(const Code& code, Bytes bytes, std::byte* out) {
  Stream stream(code, out);
  stream.add_rest(bytes.data() + bytes.size(), bytes.size());
  return stream.close();
}

std::array<std::byte*, 2> encode_two(const Code& code, Bytes first, Bytes second,
                                     std::byte* first_out, std::byte* second_out) {
  if (code.longest <= 8) return encode_groups<6>(code, first, second, first_out, second_out);
  if (code.longest <= 10) return encode_groups<5>(code, first, second, first_out, second_out);
  return encode_groups<4>(code, first, second, first_out, second_out);
}

}  // namespace slicebank::huffman
