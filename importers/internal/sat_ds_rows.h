// The lists of a SAT-DS folder: jsonl files with a scan a line, and the split files beside
// them. Any thread.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "formats/source_tree.h"

namespace slicebank::sat_ds {

// Where the lists lie, relative to the root.
struct Lists {
  std::string folder;               // of the jsonl files; empty: the root itself
  std::vector<std::string> jsonl;   // ascending
  std::vector<std::string> splits;  // split_json/*.json, ascending
};

// Looks into data/jsonl, jsonl and the root itself, and takes the first that has a jsonl.
Lists find_lists(const std::filesystem::path& root);

// Half-open, along the axes h, w, d: y1, x1, z1, y2, x2, z2.
using Box = std::array<std::uint32_t, 6>;

// A scan that was taken through step 4: cropped, resampled, one boolean array a label.
struct RenormScan {
  std::string image;        // the npy
  std::string mask_folder;  // of {label}.npy
  std::array<std::uint32_t, 4> size_chwd{};
  std::vector<std::optional<Box>> boxes;  // as Row::labels; none: the label is not there
};

struct Row {
  std::string list;  // the jsonl file
  std::uint64_t line = 0;
  std::string image;  // these two as they are written
  std::string mask;
  std::vector<std::string> labels;
  std::string modality;
  std::string dataset;
  std::string official_split;
  std::string patient_id;
  std::optional<RenormScan> renorm;

  std::string error;  // not empty: the line cannot be used, for this reason
};

// Calls `take` for each line that is not blank, list by list, until it returns false. A line
// that is no row comes with its error. Throws Error when a list cannot be read.
void for_each_row(const SourceTree& source, const Lists& lists,
                  const std::function<bool(Row&&)>& take);

// One file of split_json: which ids are for training and which for testing.
struct SplitList {
  std::string path;
  std::string dataset;                       // by the name of the file
  std::map<std::string, std::string> sides;  // id -> "train", "val", "test"; the first wins
  std::string defects;                       // what is odd about the file, in words
};

// Throws Error as read_json() does.
SplitList read_split(const SourceTree& source, const std::string& path);

// Paths of rows made relative to the root: they are meant from the folder that holds
// "data", which may be the root, or be beside it. One thread.
class PathResolver {
 public:
  explicit PathResolver(std::filesystem::path root) : root_(std::move(root)) {}

  // Throws Error(bad_format) as clean_relative_path() does.
  std::string resolve(const std::string& listed);

 private:
  std::filesystem::path root_;
  std::map<std::string, bool, std::less<>> dropped_;  // first parts of paths
};

}  // namespace slicebank::sat_ds
