#include "importers/internal/sam_med2d_lists.h"

#include <algorithm>
#include <string_view>

#include "formats/json_stream.h"
#include "schema/error.h"

namespace slicebank::sam_med2d {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kImageToMasks = "image2label_";
constexpr std::string_view kMaskToImage = "label2image_";
constexpr std::string_view kEnding = ".json";
constexpr std::size_t kFoldersKept = 4096;

}  // namespace

std::vector<List> find_lists(const fs::path& root, std::uint64_t entries_max) {
  std::vector<List> lists;
  std::error_code ignored;
  for (fs::directory_iterator entry(root, ignored), end; entry != end && entries_max > 0;
       entry.increment(ignored), --entries_max) {
    const std::string file = entry->path().filename().string();
    const bool image_to_masks = file.starts_with(kImageToMasks);
    if ((!image_to_masks && !file.starts_with(kMaskToImage)) || !file.ends_with(kEnding)) continue;
    if (file.size() < kImageToMasks.size() + kEnding.size()) continue;
    const std::size_t mode_bytes = file.size() - kImageToMasks.size() - kEnding.size();
    lists.push_back({file, file.substr(kImageToMasks.size(), mode_bytes), image_to_masks});
  }
  std::sort(lists.begin(), lists.end(),
            [](const List& a, const List& b) { return a.file < b.file; });
  return lists;
}

void for_each_pair(const SourceTree& source, const List& list,
                   const std::function<bool(const std::string& image,
                                            const std::vector<std::string>& masks)>& pair) {
  // Beneath the root first: a list that is a link to elsewhere is refused.
  if (!source.stamp(list.file)) {
    throw Error(ErrorCode::not_found, printable(list.file) + ": no such file");
  }
  json::for_each_string_list(source.root() / list.file,
                             [&](const std::string& key, const std::vector<std::string>& values) {
                               if (list.image_to_masks) return pair(key, values);
                               if (values.size() != 1) {
                                 throw Error(ErrorCode::bad_format,
                                             printable(list.file) +
                                                 ": a mask belongs to one image, not to " +
                                                 std::to_string(values.size()));
                               }
                               return pair(values.front(), {key});
                             });
}

std::string PathResolver::resolve(const std::string& listed) {
  const std::string path = clean_relative_path(listed);
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return path;
  const std::string folder = path.substr(0, slash);
  auto known = folders_.find(folder);
  if (known == folders_.end()) {
    if (folders_.size() >= kFoldersKept) folders_.clear();
    known = folders_.emplace(folder, find_folder(folder)).first;
  }
  return known->second + path.substr(slash);
}

std::string PathResolver::find_folder(const std::string& listed_folder) const {
  std::string folder = listed_folder;
  while (true) {
    std::error_code ignored;
    if (fs::is_directory(source_.root() / folder, ignored)) return folder;
    const std::size_t slash = folder.find('/');
    if (slash == std::string::npos) return listed_folder;
    folder.erase(0, slash + 1);
  }
}

}  // namespace slicebank::sam_med2d
