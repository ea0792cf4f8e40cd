// Where the pictures of a COCO file lie: their names are relative to nobody knows what.
// One thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "formats/source_tree.h"

namespace slicebank::internal {

class CocoPaths {
 public:
  // `file` is the COCO file, relative to the root.
  CocoPaths(const SourceTree& source, const std::string& file);

  // Relative to the root; nothing where no such file is there. Looked for as written beside
  // the file and one folder up, in images/ and in folders called like the file ("train2017"
  // of instances_train2017.json), then without its first folder, without two, and so on.
  // Throws Error(bad_format) for a path that leads out.
  std::optional<std::string> find(const std::string& file_name);

  // "train" of instances_train2017.json, of train/_annotations.coco.json; or empty.
  const std::string& split() const noexcept { return split_; }

 private:
  const SourceTree& source_;
  std::vector<std::string> folders_;  // the last that was right comes first
  std::string split_;
};

}  // namespace slicebank::internal
