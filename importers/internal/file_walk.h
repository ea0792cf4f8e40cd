// The files of a source by their ending, in an order that does not change. Any thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace slicebank::internal {

struct WalkLimits {
  unsigned depth = 0;             // folders below the root; 0 is the root alone
  std::uint64_t entries = ~0ull;  // to look at, of all folders together
};

// Calls `found` with each regular file whose name ends with `ending` (in any case; empty: every
// file) until it returns false: relative to the root, with "/", first those of a folder by name,
// then its folders by name. Names that begin with a dot are no data; links to folders are not
// followed. Holds the names of one folder a level.
void for_each_file(const std::filesystem::path& root, std::string_view ending,
                   const WalkLimits& limits,
                   const std::function<bool(const std::string& relative_path)>& found);

// File name without folders and without its last `ending_bytes` bytes.
std::string stem_of(const std::string& path, std::size_t ending_bytes);

// The name of the folder a file lies in; empty in the root.
std::string parent_name(const std::string& path);

// "a_b__c" at '_': "a", "b", "", "c".
std::vector<std::string> words_of(std::string_view stem);

}  // namespace slicebank::internal
