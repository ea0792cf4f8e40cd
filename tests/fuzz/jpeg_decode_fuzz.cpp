// A JPEG from somebody who means harm.
#include <cstdlib>
#include <span>

#include "formats/jpeg.h"
#include "schema/error.h"
#include "tests/fuzz/fuzz.h"

void fuzz_one(const std::uint8_t* data, std::size_t size) {
  using namespace slicebank;
  const auto file = std::as_bytes(std::span(data, size));
  try {
    const jpeg::Header header = jpeg::read_header(file, "fuzz.jpg");
    // What a picture may ask of memory is schema/limits.h's decision, not a finding.
    if (std::uint64_t{header.width} * header.height > std::uint64_t{1} << 20) return;
    const Image image = jpeg::decode(file, "fuzz.jpg");
    if (image.image_hwc.size() != image.shape.bytes()) std::abort();
    const Image stored = jpeg::decode_as_stored(file, "fuzz.jpg");
    if (stored.shape.pixels() != image.shape.pixels()) std::abort();
  } catch (const Error&) {
    // The only way out that is allowed.
  }
}
