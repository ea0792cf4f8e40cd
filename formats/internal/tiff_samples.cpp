#include "formats/internal/tiff_samples.h"

#include <cstring>

namespace slicebank::internal {
namespace {

template <typename T>
void invert_as(std::vector<std::byte>& values, T highest) {
  T value = 0;
  for (std::size_t at = 0; at + sizeof value <= values.size(); at += sizeof value) {
    std::memcpy(&value, values.data() + at, sizeof value);
    value = static_cast<T>(highest - value);
    std::memcpy(values.data() + at, &value, sizeof value);
  }
}

}  // namespace

void unpack_samples(Bytes row, std::size_t count, int bits, std::byte* out, std::size_t out_step) {
  const std::byte* in = row.data();
  if (bits % 8 == 0) {
    const auto size = static_cast<std::size_t>(bits / 8);
    const std::size_t out_size = size == 3 ? 4 : size;
    if (size == out_step) {
      std::memcpy(out, in, count * size);
      return;
    }
    for (std::size_t i = 0; i < count; ++i, in += size, out += out_step) {
      if (size == 3) out[3] = std::byte{0};
      std::memcpy(out, in, out_size == 4 && size == 3 ? 3 : size);
    }
    return;
  }
  std::uint32_t pending = 0;
  int pending_bits = 0;
  for (std::size_t i = 0; i < count; ++i, out += out_step) {
    while (pending_bits < bits) {
      pending = (pending << 8 | std::to_integer<std::uint32_t>(*in++)) & 0xffffffu;
      pending_bits += 8;
    }
    pending_bits -= bits;
    const std::uint32_t value = (pending >> pending_bits) & ((1u << bits) - 1);
    out[0] = static_cast<std::byte>(value & 0xff);
    if (bits > 8) out[1] = static_cast<std::byte>(value >> 8);
  }
}

void invert_samples(std::vector<std::byte>& values, ElementType type, int bits) {
  const std::uint64_t highest = bits >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << bits) - 1;
  switch (type) {
    case ElementType::u8:
      return invert_as<std::uint8_t>(values, static_cast<std::uint8_t>(highest));
    case ElementType::u16:
      return invert_as<std::uint16_t>(values, static_cast<std::uint16_t>(highest));
    case ElementType::u32:
      return invert_as<std::uint32_t>(values, static_cast<std::uint32_t>(highest));
    case ElementType::u64:
      return invert_as<std::uint64_t>(values, highest);
    default:
      return;
  }
}

}  // namespace slicebank::internal
