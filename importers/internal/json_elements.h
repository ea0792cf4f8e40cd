// The elements of the arrays in one large JSON object, each as text, one at a time. Any
// thread.
//
// For files like COCO's, {"images": [...], "annotations": [...]}, that may be larger than
// memory: what is held is one element.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "formats/byte_source.h"

namespace slicebank::internal {

struct JsonElement {
  std::string_view member;  // "annotations"; of the array, or of the value itself
  bool in_array = false;
  std::string_view text;     // lives for the call
  std::uint64_t offset = 0;  // of the text in the file
};

// Calls `element` for each element of the arrays that are members of the file's object, and
// for each member that is no array, in the order of the file, until it returns false. What
// `wanted` turns down is passed over and may be of any size. Elements are not checked to be
// JSON. Throws Error(bad_format), beginning with `name`, for what is no object, for a member
// that is there twice, and at the end of a file that ends early; Error(limit) for an element
// above 64 MB or a depth beyond limits.h.
void for_each_json_element(const ByteSource& file, const std::string& name,
                           const std::function<bool(std::string_view member)>& wanted,
                           const std::function<bool(const JsonElement&)>& element);

}  // namespace slicebank::internal
