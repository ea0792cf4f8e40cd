// JSON from outside, read as a stream: depth, string and list limits, duplicate keys
// refused. Memory is bounded by the largest single value and 16 to 32 bytes a key (its
// hash, to tell duplicates). Any thread; one parser a stream.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace slicebank::json {

// Reads one object of string -> list of strings (or string -> string, given as a list of
// one) and calls `entry` for each pair, in file order, without holding the file. What
// `entry` is given lives for the call. `entry` returns false to stop early.
// Throws Error(bad_format) naming file, line and column.
void for_each_string_list(const std::filesystem::path& file,
                          const std::function<bool(const std::string& key,
                                                   const std::vector<std::string>& values)>& entry);

// Reads one object of string -> object of string -> string (numbers are given as their
// text): {"LiTS": {"liver": "0001"}}.
void for_each_string_map(
    const std::filesystem::path& file,
    const std::function<bool(const std::string& outer, const std::string& inner,
                             const std::string& value)>& entry);

}  // namespace slicebank::json
