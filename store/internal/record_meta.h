// The meta section: name and annotation table. docs/format-record.md, "Meta section".
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "schema/record_layout.h"
#include "schema/sample.h"

namespace slicebank {

// How the masks section holds one mask. Values are stored on disk; only ever append.
enum class MaskEncoding : std::uint8_t {
  empty = 1,  // nothing is stored
  runs,       // run ends, relative to the row above
  bits,       // the rows of the box, a bit a pixel: for noise
};

struct RecordMeta {
  std::string name;
  std::vector<AnnotationInfo> annotations;  // masks first
  std::vector<MaskEncoding> encodings;      // one a mask

  std::size_t masks() const noexcept { return encodings.size(); }
};

std::vector<std::byte> encode_meta(const RecordMeta& meta);

// Checks everything against schema/limits.h and the header. Throws Error(corrupt).
RecordMeta decode_meta(const RecordHeader& header, Bytes section);

}  // namespace slicebank
