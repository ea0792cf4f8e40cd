// The case folders of BraTS and their files. Any thread.
#pragma once

#include <array>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "importers/importer.h"
#include "importers/internal/brats_editions.h"

namespace slicebank::brats {

struct Case {
  CaseName name;
  std::string folder;
  int year = 0;
  bool assumed_year = false;
  std::string split;
};

// "BraTS2021", "BraTS2024-GLI".
std::string dataset_of(const Case& found);

// Calls `visit` for each case folder of the source, ascending, some folders deep; false
// ends it.
void for_each_case(const SourceTree& source, const std::function<bool(Case&&)>& visit);

// Calls `found` with each file that lies in a folder between the root and the cases, or in
// the root: tables, for the most part. Relative to the root, folder by folder.
void for_each_file_above_cases(const SourceTree& source,
                               const std::function<void(const std::string& path)>& found);

// The files of a case, by what they are.
struct CaseFiles {
  std::array<std::string, 4> sequences;  // T1, T1ce, T2, FLAIR; empty where there is none
  std::array<std::string, 4> words;      // as the files are named
  std::string labels;
  std::vector<Problem> problems;
};

CaseFiles files_of(const SourceTree& source, const Case& found);

// By their headers: whether the sequences have as many voxels along each axis. One that
// cannot be read does not count; decode() says what is wrong with it.
bool on_one_grid(const SourceTree& source, const CaseFiles& files);

// Looks for a case in root / `folder` and a few folders below it.
Recognition recognise_cases(const std::filesystem::path& root, const std::string& folder = {},
                            int depth = 0);

}  // namespace slicebank::brats
