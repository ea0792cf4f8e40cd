// A gzip or zlib stream from somebody who means harm. The first byte chooses what its
// reader believes it holds.
#include <cstdlib>
#include <span>
#include <vector>

#include "formats/gzip.h"
#include "schema/error.h"
#include "tests/fuzz/fuzz.h"

namespace slicebank {
namespace {

constexpr std::uint64_t kBytesMax = 1 << 20;

void inflate(Bytes stream, std::uint64_t claimed) {
  try {
    if (gzip::inflate(stream, kBytesMax, "fuzz.gz").size() > kBytesMax) std::abort();
  } catch (const Error&) {
    // The only way out that is allowed; as below.
  }
  try {
    if (gzip::inflate_exactly(stream, claimed, "fuzz.gz").size() != claimed) std::abort();
  } catch (const Error&) {
  }
  try {
    if (gzip::inflate_prefix(stream, 352, "fuzz.gz").size() > 352) std::abort();
  } catch (const Error&) {
  }
}

}  // namespace
}  // namespace slicebank

void fuzz_one(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return;
  const auto stream = std::as_bytes(std::span(data, size)).subspan(1);
  slicebank::inflate(stream, std::uint64_t{data[0]} * data[0] * 8);
}
