// The wave codec without the record around it. The first eight bytes choose the shape.
#include <span>
#include <vector>

#include "schema/error.h"
#include "store/internal/wave/wave.h"
#include "tests/fuzz/fuzz.h"

void fuzz_one(const std::uint8_t* data, std::size_t size) {
  using namespace slicebank;
  constexpr std::size_t kShapeBytes = 8;
  if (size < kShapeBytes) return;
  ImageShape shape;
  shape.pixel_type = static_cast<PixelType>(1 + data[0] % 4);
  shape.channels = 1 + data[1] % 32u;
  shape.height = 8 + data[2] % 64u + (data[3] % 4u) * 64;
  shape.width = 48 + data[4] % 128u + (data[5] % 4u) * 64;
  if (!wave::suits(shape) || shape.bytes() > 1u << 20) return;
  const auto section = std::as_bytes(std::span(data + kShapeBytes, size - kShapeBytes));
  std::vector<std::byte> pixels(static_cast<std::size_t>(shape.bytes()));
  try {
    wave::decode(shape, section, pixels);
  } catch (const Error&) {
    return;  // the only way out that is allowed
  }
  // What was read can be written again and comes back.
  const auto again = wave::encode({shape, pixels}, Effort::fast);
  std::vector<std::byte> same(pixels.size());
  wave::decode(shape, again, same);
  if (same != pixels) __builtin_trap();
}
