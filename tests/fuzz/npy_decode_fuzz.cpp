// An npy from somebody who means harm. What is read must survive being written.
#include <cstdlib>
#include <span>

#include "formats/npy.h"
#include "schema/error.h"
#include "tests/fuzz/fuzz.h"

void fuzz_one(const std::uint8_t* data, std::size_t size) {
  using namespace slicebank;
  try {
    const Array array = npy::decode(std::as_bytes(std::span(data, size)), "fuzz.npy");
    if (array.data.size() != array.elements() * element_bytes(array.type)) std::abort();
    if (npy::decode(npy::encode(array), "again.npy") != array) std::abort();
  } catch (const Error&) {
    // The only way out that is allowed.
  }
}
