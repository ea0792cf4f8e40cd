// Small pieces of JSON for lists that are written while samples pass.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace slicebank::exporting {

// The text in quotes, escaped. Bytes that are no UTF-8 become U+FFFD.
std::string json_string(std::string_view text);

// ["a", "b"] on one line.
std::string json_list(const std::vector<std::string>& texts);

}  // namespace slicebank::exporting
