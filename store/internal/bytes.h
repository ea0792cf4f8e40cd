// Writing and reading bytes one value after another: little-endian integers, varints,
// zigzag. The reader checks every step and never trusts a length.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "schema/error.h"
#include "schema/record_layout.h"
#include "schema/sample.h"

namespace slicebank {

// Small numbers of either sign become small unsigned ones: 0, -1, 1, -2 -> 0, 1, 2, 3.
// Works modulo the width of the type, so that every bit pattern comes back.
template <typename Unsigned>
constexpr Unsigned zigzag(Unsigned value) noexcept {
  static_assert(std::is_unsigned_v<Unsigned>);
  constexpr int kTop = static_cast<int>(sizeof(Unsigned)) * 8 - 1;
  const auto sign = static_cast<Unsigned>(value >> kTop);
  return static_cast<Unsigned>(static_cast<Unsigned>(value << 1) ^ static_cast<Unsigned>(0 - sign));
}

template <typename Unsigned>
constexpr Unsigned unzigzag(Unsigned value) noexcept {
  static_assert(std::is_unsigned_v<Unsigned>);
  const auto sign = static_cast<Unsigned>(value & 1);
  return static_cast<Unsigned>(static_cast<Unsigned>(value >> 1) ^ static_cast<Unsigned>(0 - sign));
}

template <typename Integer>
void append_little(std::vector<std::byte>& out, Integer value) {
  const std::size_t at = out.size();
  out.resize(at + sizeof(Integer));
  put_little(MutableBytes(out), at, value);
}

// Seven bits a byte, low bits first, top bit: more follows. The shortest form only.
inline void append_varint(std::vector<std::byte>& out, std::uint64_t value) {
  while (value >= 0x80) {
    out.push_back(static_cast<std::byte>((value & 0x7f) | 0x80));
    value >>= 7;
  }
  out.push_back(static_cast<std::byte>(value));
}

inline void append_bytes(std::vector<std::byte>& out, Bytes bytes) {
  out.insert(out.end(), bytes.begin(), bytes.end());
}

// Reads from front to back. Every method throws Error(corrupt), naming `what` is being
// read, when the bytes end too early or the value is out of its bounds.
class ByteReader {
 public:
  explicit ByteReader(Bytes bytes) noexcept : rest_(bytes) {}

  Bytes rest() const noexcept { return rest_; }
  bool at_end() const noexcept { return rest_.empty(); }

  Bytes take(std::uint64_t size, std::string_view what) {
    if (size > rest_.size()) fail(what, "ends too early");
    const Bytes taken = rest_.first(static_cast<std::size_t>(size));
    rest_ = rest_.subspan(static_cast<std::size_t>(size));
    return taken;
  }

  template <typename Integer>
  Integer little(std::string_view what) {
    return get_little<Integer>(take(sizeof(Integer), what), 0);
  }

  std::uint8_t u8(std::string_view what) { return little<std::uint8_t>(what); }

  // A varint in its shortest form that lies in [least, most].
  std::uint64_t varint(std::uint64_t least, std::uint64_t most, std::string_view what) {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const std::uint8_t byte = u8(what);
      if (shift == 63 && byte > 1) fail(what, "is longer than 64 bits");
      value |= std::uint64_t{byte & 0x7fu} << shift;
      if (byte >= 0x80) continue;
      if (byte == 0 && shift > 0) fail(what, "is not in its shortest form");
      if (value < least || value > most) fail(what, "is " + std::to_string(value));
      return value;
    }
    fail(what, "is longer than 64 bits");
  }

  void expect_end(std::string_view what) const {
    if (!rest_.empty()) fail(what, "is followed by " + std::to_string(rest_.size()) + " bytes");
  }

 private:
  [[noreturn]] static void fail(std::string_view what, const std::string& why) {
    throw Error(ErrorCode::corrupt, std::string(what) + " " + why);
  }

  Bytes rest_;
};

}  // namespace slicebank
