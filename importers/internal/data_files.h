// Files that stand behind a volume file: its header names them, or lies beside them. Any
// thread.
#pragma once

#include <string>
#include <vector>

#include "formats/source_tree.h"

namespace slicebank::internal {

// Of x.hdr the .img file beside it, in each of its spellings; of .mhd and .nhdr what the
// header names (the first megabyte of it is read); none for any other ending, and for a
// header that cannot be understood, which decode() says. Relative to the root; none of them
// need be there.
std::vector<std::string> data_files_of(const SourceTree& source, const std::string& path);

}  // namespace slicebank::internal
