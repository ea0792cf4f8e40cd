#include "formats/byte_source.h"

#include <cstring>

#include "schema/error.h"

namespace slicebank {

void MemorySource::read_at(std::uint64_t offset, MutableBytes out, const std::string& what) const {
  if (out.empty()) return;
  if (offset > bytes_.size() || out.size() > bytes_.size() - offset) {
    throw Error(ErrorCode::bad_format, what + ": the file is truncated");
  }
  std::memcpy(out.data(), bytes_.data() + offset, out.size());
}

}  // namespace slicebank
