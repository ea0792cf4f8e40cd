// An npz from somebody who means harm: its directory, its members whole, and row by row.
#include <algorithm>
#include <cstdlib>
#include <span>
#include <vector>

#include "formats/npz_reader.h"
#include "schema/error.h"
#include "tests/fuzz/fuzz.h"

namespace slicebank {
namespace {

constexpr std::uint64_t kBytesMax = 1u << 24;

void read_whole(const NpzReader& reader, const std::string& key) {
  try {
    const Array array = reader.read(key);
    if (array.data.size() != array.elements() * element_bytes(array.type)) std::abort();
  } catch (const Error&) {
    // The only way out that is allowed.
  }
}

void read_rows(const NpzReader& reader, const std::string& key) {
  try {
    NpzRows rows = reader.rows(key);
    for (int row = 0; row < 100 && rows.row() < rows.rows(); ++row) {
      if (rows.next().data.size() != rows.row_bytes()) std::abort();
    }
  } catch (const Error&) {
    // As above.
  }
}

}  // namespace
}  // namespace slicebank

void fuzz_one(const std::uint8_t* data, std::size_t size) {
  using namespace slicebank;
  try {
    const NpzReader reader(std::as_bytes(std::span(data, size)), "fuzz.npz");
    for (const NpzMember& member : reader.members()) {
      std::uint64_t bytes = 1;
      for (const std::uint64_t side : member.shape) {
        if (side != 0 && bytes <= kBytesMax) bytes *= std::min(side, kBytesMax + 1);
      }
      if (bytes > kBytesMax) continue;
      read_whole(reader, member.key);
      read_rows(reader, member.key);
    }
  } catch (const Error&) {
    // As above.
  }
}
