// What this build is made of: for `slicebank version` and bug reports.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace slicebank {

// Name and version of this library, of SQLite, LMDB and zstd as linked, of the record
// format and the taxonomy, and the codec's kernels on this machine.
std::vector<std::pair<std::string, std::string>> build_versions();

}  // namespace slicebank
