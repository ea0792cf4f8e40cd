// DICOM's character sets to UTF-8. Any thread.
//
// Single-byte sets (ISO 646, 8859-1 to -9, TIS 620, JIS X 0201), the multi-byte sets
// without escapes (UTF-8, GB 18030, GBK) and ISO 2022 with the escapes that DICOM defines
// (JIS X 0208 and 0212, KS X 1001, GB 2312). The C library's iconv does the tables; where
// it lacks one, and for bytes that mean nothing, U+FFFD stands.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace slicebank::dicom::internal {

// `character_sets` is Specific Character Set, value by value; none is ASCII, which is
// read as UTF-8 where it is valid UTF-8 and as Latin-1 otherwise. Control characters
// become spaces; what is longer than limits::kNameBytesMax is cut at a character.
std::string to_utf8(std::string_view text, const std::vector<std::string>& character_sets);

}  // namespace slicebank::dicom::internal
