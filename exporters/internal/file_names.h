// Which names from outside may be used as file names as they are, and what stands in for
// those that may not. Pure; any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace slicebank::exporting {

// Longest stem that is used verbatim: what is added to it (a class, an instance, ".png")
// must still fit in the 255 bytes of a file name.
inline constexpr std::size_t kPlainNameBytesMax = 180;

// Longest single file name that is written.
inline constexpr std::size_t kFileNameBytesMax = 250;

// Whether a name can be used as it is, also with blanks and letters of any language:
// valid UTF-8, no control character, none of / \ : * ? " < > |, no leading dot, dash or
// blank, no trailing dot or blank, no device name (CON), at most kPlainNameBytesMax.
bool is_plain_name(std::string_view name);

// The name itself where it is plain, otherwise safe_file_name(name).
std::string plain_or_safe(std::string_view name);

bool is_valid_utf8(std::string_view text);

}  // namespace slicebank::exporting
