// Which importer reads a folder, and from where in it.
#pragma once

#include <filesystem>
#include <string>

#include "importers/importer.h"

namespace slicebank {

struct ChosenImporter {
  const Importer* importer = nullptr;
  std::filesystem::path root;  // `source`, or the folder in it that is the dataset
  std::string reason;          // in words for the user
};

// The importer named `format`, or the one that recognises `source` best when that is empty.
// A folder that holds nothing but one dataset's folder (and papers about it) is taken for that
// one, as an unpacked archive leaves it. Error(bad_argument) for a format that is none;
// Error(bad_format) when nothing fits or several do equally: the hint says what to try.
// Error(not_found) when there is no such folder.
ChosenImporter choose_importer(const std::filesystem::path& source, const std::string& format);

}  // namespace slicebank
