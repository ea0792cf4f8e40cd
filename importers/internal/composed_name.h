// File names in Unicode's composed form (NFC). Any thread.
#pragma once

#include <string>
#include <string_view>

namespace slicebank::internal {

// An accent that stands behind its letter (as macOS writes names, NFD) joined with it, so
// that both spellings of one name compare equal: Latin, Greek, Cyrillic, kana and Hangul.
// Text that is not UTF-8 comes back as it is.
std::string composed_name(std::string_view name);

}  // namespace slicebank::internal
