#include "importers/internal/coco_paths.h"

#include <algorithm>

#include "importers/internal/picture_file.h"
#include "importers/internal/picture_words.h"

namespace slicebank::internal {
namespace {

std::string in(const std::string& folder, const std::string& name) {
  return folder.empty() || name.empty() ? folder + name : folder + "/" + name;
}

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? std::string() : path.substr(0, slash);
}

// The first run of letters that is the name of a split.
std::string split_in_name(const std::string& name) {
  std::string word;
  for (const char c : name + "_") {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (letter) {
      word += c;
      continue;
    }
    if (word.size() > 2 && !split_of(word).empty()) return word;
    word.clear();
  }
  return {};
}

}  // namespace

CocoPaths::CocoPaths(const SourceTree& source, const std::string& file) : source_(source) {
  const std::string own = folder_of(file);
  std::string stem(file_name_of(file));
  stem.erase(stem.rfind('.'));
  split_ = split_in_name(stem);
  if (split_.empty()) split_ = split_of(own);
  std::vector<std::string> names = {"", "images", "image", "imgs", "img"};
  const std::size_t dash = stem.find('_');
  for (const std::string& set :
       {stem, dash == std::string::npos ? std::string() : stem.substr(dash + 1), split_}) {
    if (set.empty()) continue;
    names.push_back(set);
    names.push_back("images/" + set);
    names.push_back(set + "/images");
  }
  for (const std::string& base : {own, folder_of(own)}) {
    for (const std::string& name : names) {
      const std::string folder = in(base, name);
      if (std::find(folders_.begin(), folders_.end(), folder) == folders_.end()) {
        folders_.push_back(folder);
      }
    }
  }
}

std::optional<std::string> CocoPaths::find(const std::string& file_name) {
  std::string written = clean_relative_path(file_name);
  while (true) {
    for (std::size_t i = 0; i < folders_.size(); ++i) {
      std::string path = in(folders_[i], written);
      if (!source_.stamp(path)) continue;
      std::rotate(folders_.begin(), folders_.begin() + static_cast<std::ptrdiff_t>(i),
                  folders_.begin() + static_cast<std::ptrdiff_t>(i) + 1);
      return path;
    }
    const std::size_t slash = written.find('/');
    if (slash == std::string::npos) return std::nullopt;
    written.erase(0, slash + 1);
  }
}

}  // namespace slicebank::internal
