#include "importers/internal/folder_list.h"

#include <algorithm>

#include "schema/error.h"

namespace slicebank::internal {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kNamesMax = 1'000'000;

FolderList list(const fs::path& root, const std::string& folder, std::size_t most, bool refuse) {
  FolderList found;
  std::error_code failed;
  fs::directory_iterator entries(folder.empty() ? root : root / folder, failed);
  if (failed) {
    if (failed == std::errc::no_such_file_or_directory || failed == std::errc::not_a_directory ||
        failed == std::errc::too_many_symbolic_link_levels) {
      return found;
    }
    throw Error(ErrorCode::io, printable(folder) + ": cannot be listed: " + failed.message());
  }
  const fs::directory_iterator end;
  while (entries != end) {
    std::error_code ignored;  // a link that leads nowhere is no file
    std::string name = entries->path().filename().string();
    if (!name.starts_with('.')) {
      if (entries->is_directory(ignored)) {
        found.folders.push_back(std::move(name));
      } else if (entries->is_regular_file(ignored)) {
        found.files.push_back(std::move(name));
      }
    }
    if (found.files.size() + found.folders.size() >= most) {
      if (!refuse) break;
      throw Error(ErrorCode::limit,
                  printable(folder) + ": more than " + std::to_string(most) + " names");
    }
    entries.increment(failed);
    if (failed) {
      throw Error(ErrorCode::io, printable(folder) + ": cannot be listed: " + failed.message());
    }
  }
  std::sort(found.files.begin(), found.files.end());
  std::sort(found.folders.begin(), found.folders.end());
  return found;
}

}  // namespace

FolderList list_folder(const fs::path& root, const std::string& folder) {
  return list(root, folder, kNamesMax, true);
}

FolderList peek_folder(const fs::path& root, const std::string& folder, std::size_t most) {
  try {
    return list(root, folder, most, false);
  } catch (const Error&) {
    return {};  // a folder that cannot be looked at is of no layout
  }
}

std::string joined_path(std::string_view folder, std::string_view name) {
  if (folder.empty()) return std::string(name);
  return std::string(folder) + "/" + std::string(name);
}

}  // namespace slicebank::internal
