// A PNG from somebody who means harm: chunk checksums are computed again, so that they
// stop nothing.
#include <algorithm>
#include <span>
#include <vector>

#include "formats/png.h"
#include "schema/error.h"
#include "tests/fuzz/fuzz.h"

namespace slicebank {
namespace {

std::uint32_t get_u32(std::span<const std::byte> bytes, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    value = value << 8 | std::to_integer<std::uint32_t>(bytes[at + i]);
  }
  return value;
}

std::uint32_t crc_of(std::span<const std::byte> bytes) {
  std::uint32_t crc = ~0u;
  for (const std::byte byte : bytes) {
    crc ^= std::to_integer<std::uint32_t>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ ((crc & 1) != 0 ? 0xedb88320u : 0u);
  }
  return ~crc;
}

void mend_checksums(std::vector<std::byte>& file) {
  constexpr std::size_t kAround = 12;  // length, type and checksum of a chunk
  for (std::size_t at = 8; at + kAround <= file.size();) {
    const std::uint32_t length = get_u32(file, at);
    if (length > file.size() - at - kAround) return;
    const std::uint32_t crc = crc_of(std::span(file).subspan(at + 4, std::size_t{length} + 4));
    for (std::size_t i = 0; i < 4; ++i) {
      file[at + 8 + length + i] = static_cast<std::byte>(crc >> (24 - 8 * i));
    }
    at += kAround + length;
  }
}

// What a picture may ask of memory is schema/limits.h's decision, not a finding.
bool affordable(std::span<const std::byte> file) {
  return file.size() < 24 ||
         std::uint64_t{get_u32(file, 16)} * get_u32(file, 20) <= std::uint64_t{1} << 22;
}

void decode(const std::vector<std::byte>& file) {
  try {
    const png::Decoded decoded = png::decode(file, "fuzz.png");
    if (decoded.image.image_hwc.size() != decoded.image.shape.bytes()) std::abort();
  } catch (const Error&) {
    // The only way out that is allowed.
  }
  try {
    png::decode_expanding_palette(file, "fuzz.png");
  } catch (const Error&) {
    // As above.
  }
}

}  // namespace
}  // namespace slicebank

void fuzz_one(const std::uint8_t* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  std::vector<std::byte> file(bytes.begin(), bytes.end());
  if (!slicebank::affordable(file)) return;
  slicebank::mend_checksums(file);
  slicebank::decode(file);
}
