#include "store/internal/weight_codec.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "schema/record_layout.h"

namespace slicebank::huffman {
namespace {

constexpr std::size_t kWeightValues = 12;
constexpr unsigned kStateBitsLeast = 5;
constexpr unsigned kStateBitsMost = 6;
constexpr std::size_t kStatesMost = std::size_t{1} << kStateBitsMost;
constexpr std::uint8_t kPlainDescription = 127;  // below: bytes of the compressed weights

// How many of the 2^bits states each weight has.
struct Shares {
  unsigned bits = 0;
  std::array<int, kWeightValues> states{};
};

// Which weight every state stands for.
void spread(const Shares& shares, std::array<std::uint8_t, kStatesMost>& weight_of_state) {
  const std::size_t size = std::size_t{1} << shares.bits;
  const std::size_t step = size / 2 + size / 8 + 3;
  std::size_t at = 0;
  for (std::size_t weight = 0; weight < kWeightValues; ++weight) {
    for (int i = 0; i < shares.states[weight]; ++i) {
      weight_of_state[at] = static_cast<std::uint8_t>(weight);
      at = (at + step) % size;
    }
  }
}

// Adds numbers of a few bits, the first lowest.
class BitWriter {
 public:
  // Writes up to eight bytes further than what it holds.
  explicit BitWriter(std::byte* out) : begin_(out), at_(out) {}

  // At most 56 bits between two flushes.
  void add(std::uint32_t value, unsigned bits) {
    held_ |= std::uint64_t{value} << count_;
    count_ += bits;
  }
  void flush() {
    put_little(MutableBytes(at_, 8), 0, held_);
    at_ += count_ / 8;
    held_ >>= count_ & ~7u;
    count_ %= 8;
  }
  // Bytes written, the last one filled up.
  std::size_t close() {
    flush();
    return static_cast<std::size_t>(at_ - begin_) + (count_ > 0 ? 1 : 0);
  }

 private:
  std::byte* begin_;
  std::byte* at_;
  std::uint64_t held_ = 0;
  unsigned count_ = 0;
};

// Shares in proportion, one at the least for a weight that occurs. False when there is but one.
bool share_states(const Weights& weights, std::size_t count, Shares& shares) {
  // Two tables, since neighbours are often equal and would wait for one another.
  std::array<std::array<int, kWeightValues>, 2> parts{};
  for (std::size_t i = 0; i < count; ++i) ++parts[i % 2][weights[i]];
  std::array<int, kWeightValues> counts{};
  for (std::size_t i = 0; i < kWeightValues; ++i) counts[i] = parts[0][i] + parts[1][i];
  if (std::count_if(counts.begin(), counts.end(), [](int n) { return n > 0; }) < 2) return false;
  shares.bits = count < 64 ? kStateBitsLeast : kStateBitsMost;
  const int size = 1 << shares.bits;
  int given = 0;
  for (std::size_t weight = 0; weight < kWeightValues; ++weight) {
    if (counts[weight] == 0) continue;
    const int total = static_cast<int>(count);
    shares.states[weight] = std::max(1, (2 * counts[weight] * size + total) / (2 * total));
    given += shares.states[weight];
  }
  auto& largest = *std::max_element(shares.states.begin(), shares.states.end());
  if (largest + size - given < 1) return false;
  largest += size - given;
  return true;
}

// The shares as the format writes them: each in as few bits as what is left allows.
void write_shares(const Shares& shares, BitWriter& out) {
  out.add(shares.bits - kStateBitsLeast, 4);
  int left = (1 << shares.bits) + 1;
  int threshold = 1 << shares.bits;
  unsigned bits = shares.bits + 1;
  bool after_zero = false;
  for (std::size_t weight = 0; weight < kWeightValues && left > 1;) {
    if (after_zero) {
      std::size_t zeros = 0;
      while (shares.states[weight + zeros] == 0) ++zeros;
      weight += zeros;
      for (; zeros >= 3; zeros -= 3) out.add(3, 2);
      out.add(static_cast<std::uint32_t>(zeros), 2);
    }
    const int share = shares.states[weight++];
    const int spare = 2 * threshold - 1 - left;
    left -= share;
    const int coded = share + 1;
    const unsigned used = coded < spare ? bits - 1 : bits;
    out.add(static_cast<std::uint32_t>(coded >= threshold ? coded + spare : coded), used);
    after_zero = share == 0;
    out.flush();
    while (left < threshold) {
      --bits;
      threshold >>= 1;
    }
  }
}

// The states of a weight, ascending, for the encoder.
class StateEncoder {
 public:
  explicit StateEncoder(const Shares& shares) {
    std::array<std::uint8_t, kStatesMost> weight_of_state;
    spread(shares, weight_of_state);
    const std::uint32_t size = 1u << shares.bits;
    std::array<std::size_t, kWeightValues> next{};
    std::uint32_t first = 0;
    for (std::size_t weight = 0; weight < kWeightValues; ++weight) {
      const auto share = static_cast<std::uint32_t>(shares.states[weight]);
      const unsigned bits = shares.bits + 1 - static_cast<unsigned>(std::bit_width(share));
      // What lies below this much needs a bit less to come into the weight's own range.
      ways_[weight] = {bits, share << bits, first, share};
      next[weight] = first;
      first += share;
    }
    for (std::uint32_t state = 0; state < size; ++state) {
      states_[next[weight_of_state[state]]++] = static_cast<std::uint8_t>(size + state);
    }
  }

  std::uint32_t first(std::uint8_t weight) const { return states_[ways_[weight].first]; }

  // Writes what the decoder will need to come back to `state`; returns the state it comes from.
  std::uint32_t step(std::uint32_t state, std::uint8_t weight, BitWriter& out) const {
    const Way& way = ways_[weight];
    const unsigned bits = way.bits - (state < way.full ? 1 : 0);
    out.add(state & ((1u << bits) - 1), bits);
    return states_[way.first + (state >> bits) - way.share];
  }

 private:
  struct Way {
    unsigned bits;
    std::uint32_t full;
    std::uint32_t first;
    std::uint32_t share;
  };
  std::array<Way, kWeightValues> ways_;
  std::array<std::uint8_t, kStatesMost> states_;  // with the number of states added
};

// Returns the bytes written, 0 when there is no such way. Room for kCompressedRoom bytes.
constexpr std::size_t kCompressedRoom = 256;

std::size_t write_compressed(const Weights& weights, std::size_t count, std::byte* out) {
  Shares shares;
  if (count < 3 || !share_states(weights, count, shares)) return 0;
  BitWriter head(out);
  write_shares(shares, head);
  const std::size_t head_bytes = head.close();
  // Two states in turns, the last weight first: even places belong to the first one.
  const StateEncoder encoder(shares);
  BitWriter body(out + head_bytes);
  std::array<std::uint32_t, 2> states{};
  std::size_t at = count;
  for (int i = 0; i < 2; ++i) {
    --at;
    states[at % 2] = encoder.first(weights[at]);
  }
  if (at % 2 != 0) {
    --at;
    states[0] = encoder.step(states[0], weights[at], body);
  }
  for (; at >= 2; at -= 2) {
    states[1] = encoder.step(states[1], weights[at - 1], body);
    states[0] = encoder.step(states[0], weights[at - 2], body);
    if (at % 8 == 0) body.flush();
  }
  body.flush();
  const std::uint32_t mask = (1u << shares.bits) - 1;
  body.add(states[1] & mask, shares.bits);
  body.add(states[0] & mask, shares.bits);
  body.add(1, 1);
  return head_bytes + body.close();
}

}  // namespace

std::size_t write_weights(const Weights& weights, std::size_t count,
                          std::span<std::byte, kDescriptionBytesMost> out) {
  const std::size_t plain = (count + 1) / 2;
  std::array<std::byte, kCompressedRoom> frame;
  const std::size_t compressed = write_compressed(weights, count, frame.data());
  if (compressed != 0 && compressed <= kPlainDescription && (compressed < plain || count > 128)) {
    out[0] = static_cast<std::byte>(compressed);
    std::memcpy(out.data() + 1, frame.data(), compressed);
    return 1 + compressed;
  }
  if (count > 128) return 0;
  out[0] = static_cast<std::byte>(kPlainDescription + count);
  for (std::size_t i = 0; i < count; i += 2) {
    const std::uint8_t low = i + 1 < count ? weights[i + 1] : std::uint8_t{0};
    out[1 + i / 2] = static_cast<std::byte>(weights[i] << 4 | low);
  }
  return 1 + plain;
}

}  // namespace slicebank::huffman
