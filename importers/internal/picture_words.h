// What the names of folders and files say in a tree of pictures. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slicebank::internal {

// ASCII only.
std::string ascii_lower(std::string_view text);

std::vector<std::string> path_parts(std::string_view path);
std::string path_of_parts(const std::vector<std::string>& parts);

// What a folder's own name makes of it.
struct FolderRole {
  bool masks = false;    // else images
  std::size_t word = 0;  // place among the known names: where two stand side by side the
                         // smaller counts
  std::string left;      // "Tr" of "imagesTr"
};
std::optional<FolderRole> folder_role(const std::string& name);

// "x" of "x_mask" or "x_mask_2"; empty without a known suffix or one of `more`. `number`
// gets the 2.
std::string without_mask_suffix(const std::string& stem, const std::vector<std::string>& more,
                                std::uint32_t* number = nullptr);

// The first folder of a path that names a split ("train", "val", ...), as written; "Tr" is
// train.
std::string split_of(std::string_view path);

// A path without those folders.
std::string without_split(std::string_view path);

}  // namespace slicebank::internal
