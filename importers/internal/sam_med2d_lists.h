// The JSON lists of the SAM-Med2D training layout, both directions, and the paths in them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

#include "formats/source_tree.h"

namespace slicebank::sam_med2d {

// image2label_{mode}.json or label2image_{mode}.json.
struct List {
  std::string file;
  std::string mode;  // "train", "test": the official split
  bool image_to_masks = true;
};

// The lists in the root, ascending by name. Looks at `entries_max` directory entries.
std::vector<List> find_lists(const std::filesystem::path& root, std::uint64_t entries_max);

// Calls `pair` for each entry in file order until it returns false: an image with all its
// masks, or (label2image) with one of them. Paths are as they are written.
void for_each_pair(const SourceTree& source, const List& list,
                   const std::function<bool(const std::string& image,
                                            const std::vector<std::string>& masks)>& pair);

// Paths in the lists are relative to wherever the training was started, mostly the root's
// parent. The first of these folders that exists is it: as written, then without its first
// part, without its first two, and so on. One thread.
class PathResolver {
 public:
  explicit PathResolver(const SourceTree& source) : source_(source) {}

  // Relative to the root. Throws as clean_relative_path(). A path whose folder is nowhere
  // comes back as it is written, and is found to be missing later.
  std::string resolve(const std::string& listed);

 private:
  std::string find_folder(const std::string& listed_folder) const;

  const SourceTree& source_;
  std::unordered_map<std::string, std::string> folders_;
};

}  // namespace slicebank::sam_med2d
