// Names in one folder of a source, in a repeatable order. Any thread.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "formats/source_tree.h"

namespace slicebank::internal {

struct FolderList {
  std::vector<std::string> files;    // names, ascending by bytes
  std::vector<std::string> folders;  // the same
};

// What lies in root / `folder` ("" is the root itself): regular files and folders, links
// followed. Names that begin with a dot are left out (macOS's ._ twins, .DS_Store), and so
// is what is neither. Empty where there is no such folder. Throws Error(limit) beyond a
// million names and Error(io) when the disk says no.
FolderList list_folder(const std::filesystem::path& root, const std::string& folder);

// The same of no more than about `most` names, for a look: whichever the disk gives first.
FolderList peek_folder(const std::filesystem::path& root, const std::string& folder,
                       std::size_t most = 200);

// "a/b" of "a" and "b"; "b" where the folder is empty.
std::string joined_path(std::string_view folder, std::string_view name);

}  // namespace slicebank::internal
