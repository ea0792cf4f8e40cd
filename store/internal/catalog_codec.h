// The fields of a catalog value in bytes: what catalog*.cpp write and read with.
// docs/format-bank.md, "Catalog".
#pragma once

#include <bit>
#include <cassert>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "schema/error.h"
#include "schema/ids.h"
#include "store/catalog.h"
#include "store/internal/bytes.h"

namespace slicebank::catalog {

inline constexpr std::uint8_t kLayout = 1;  // first byte of every payload
inline constexpr std::uint64_t kAny32 = std::numeric_limits<std::uint32_t>::max();
inline constexpr std::uint64_t kAny64 = std::numeric_limits<std::uint64_t>::max();
inline constexpr std::uint64_t kTextMax = std::uint64_t{1} << 30;

class Encoder {
 public:
  Encoder() { out_.push_back(std::byte{kLayout}); }

  Encoder& number(std::uint64_t value) {
    append_varint(out_, value);
    return *this;
  }
  template <typename Id>
  requires std::is_enum_v<Id> Encoder& id(Id value) {
    return number(static_cast<std::uint64_t>(raw(value)));
  }
  Encoder& text(std::string_view value) {
    number(value.size());
    append_bytes(out_, std::as_bytes(std::span<const char>(value.data(), value.size())));
    return *this;
  }
  Encoder& fixed(std::uint64_t value) {
    append_little(out_, value);
    return *this;
  }
  Encoder& real(double value) { return fixed(std::bit_cast<std::uint64_t>(value)); }
  Encoder& bytes(Bytes value) {
    number(value.size());
    append_bytes(out_, value);
    return *this;
  }
  template <typename Id>
  Encoder& ascending(const std::vector<Id>& ids) {
    number(ids.size());
    std::uint64_t previous = 0;
    for (const Id each : ids) {
      const auto value = static_cast<std::uint64_t>(raw(each));
      assert(value >= previous);
      number(value - previous);
      previous = value;
    }
    return *this;
  }
  Payload finish() { return std::move(out_); }

 private:
  Payload out_;
};

class Decoder {
 public:
  Decoder(Bytes payload, std::string_view what) : reader_(payload), what_(what) {
    const std::uint8_t layout = reader_.u8(what_);
    if (layout > kLayout) {
      throw Error(ErrorCode::wrong_version, "a " + std::string(what) + " of layout " +
                                                std::to_string(layout) + ", newer than this build");
    }
    if (layout == 0) throw Error(ErrorCode::corrupt, "a " + std::string(what) + " without layout");
  }

  std::uint64_t number(std::uint64_t most = kAny64) { return number(0, most); }
  std::uint64_t number(std::uint64_t least, std::uint64_t most) {
    return reader_.varint(least, most, what_);
  }
  template <typename Id>
  Id id() {
    using Raw = std::underlying_type_t<Id>;
    return Id{static_cast<Raw>(number(std::numeric_limits<Raw>::max()))};
  }
  std::string text() {
    const Bytes taken = reader_.take(number(kTextMax), what_);
    return {reinterpret_cast<const char*>(taken.data()), taken.size()};
  }
  std::uint64_t fixed() { return reader_.little<std::uint64_t>(what_); }
  double real() { return std::bit_cast<double>(fixed()); }
  std::vector<std::byte> bytes(std::uint64_t most) {
    const Bytes taken = reader_.take(number(most), what_);
    return {taken.begin(), taken.end()};
  }
  // How many elements follow, each of at least one byte.
  std::size_t count() { return static_cast<std::size_t>(number(reader_.rest().size())); }
  template <typename Id>
  std::vector<Id> ascending() {
    using Raw = std::underlying_type_t<Id>;
    std::vector<Id> ids(count());
    std::uint64_t value = 0;
    for (Id& each : ids) {
      value += number(std::numeric_limits<Raw>::max() - value);
      each = Id{static_cast<Raw>(value)};
    }
    return ids;
  }
  void finish() const { reader_.expect_end(what_); }

 private:
  ByteReader reader_;
  std::string_view what_;
};

}  // namespace slicebank::catalog
