// Small words for importers that list files: problems, and items that failed to scan.
#pragma once

#include <string>
#include <utility>

#include "formats/source_tree.h"
#include "importers/importer.h"

namespace slicebank::internal {

// The path is made printable: a list may name a file with anything in its name.
inline Problem skipped(std::string kind, const std::string& path, std::string message) {
  return {ImportId{}, Severity::skipped, std::move(kind), printable(path), std::move(message)};
}

inline Problem note(std::string kind, const std::string& path, std::string message) {
  return {ImportId{}, Severity::note, std::move(kind), printable(path), std::move(message)};
}

// A foreign path as a key or in a problem: no control characters, and of bounded length
// (a long one keeps its beginning and a hash).
std::string shown_path(const std::string& path);

// An item that could not be made from the list entry `path`.
SourceItem failed_item(const std::string& path, std::string kind, std::string message);

}  // namespace slicebank::internal
