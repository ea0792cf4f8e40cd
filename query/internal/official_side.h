// What datasets call the sides of their own split.
#pragma once

#include <string>
#include <string_view>

namespace slicebank {

// "train", "val" or "test" for the spellings in use ("Training", "valid", "imagesTs"); any
// other word in lower case as it is. Empty for empty.
std::string official_side(std::string_view word);

}  // namespace slicebank
