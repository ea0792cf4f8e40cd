// Files that the user names as results.
#pragma once

#include <filesystem>

#include "schema/sample.h"

namespace slicebank::cli {

// Writes a whole file, replacing one that is there, by a temporary file and a rename.
// Throws Error(io) naming the path.
void write_new_file(const std::filesystem::path& path, Bytes content);

}  // namespace slicebank::cli
