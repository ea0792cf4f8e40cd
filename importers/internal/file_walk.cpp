#include "importers/internal/file_walk.h"

#include <algorithm>

namespace slicebank::internal {
namespace {

namespace fs = std::filesystem;

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

bool has_ending(std::string_view name, std::string_view ending) {
  return name.size() > ending.size() &&
         std::equal(ending.begin(), ending.end(),
                    name.end() - static_cast<std::ptrdiff_t>(ending.size()),
                    [](char a, char b) { return lower(a) == lower(b); });
}

class Walk {
 public:
  Walk(const fs::path& root, std::string_view ending, const WalkLimits& limits,
       const std::function<bool(const std::string&)>& found)
      : root_(root), ending_(ending), found_(found), entries_left_(limits.entries) {}

  // False to stop.
  bool folder(const std::string& relative, unsigned depth) {
    std::vector<std::string> files;
    std::vector<std::string> folders;
    std::error_code error;
    for (fs::directory_iterator entry(root_ / relative, error), end; !error && entry != end;
         entry.increment(error)) {
      if (entries_left_ == 0) break;
      --entries_left_;
      std::string name = entry->path().filename().string();
      if (name.starts_with('.')) continue;
      std::error_code ignored;
      const bool folder = entry->symlink_status(ignored).type() == fs::file_type::directory;
      if (has_ending(name, ending_) && !(ending_.empty() && folder)) {
        if (entry->is_regular_file(ignored)) files.push_back(std::move(name));
      } else if (depth > 0 && folder) {
        folders.push_back(std::move(name));
      }
    }
    std::sort(files.begin(), files.end());
    for (const std::string& name : files) {
      if (!found_(relative + name)) return false;
    }
    std::vector<std::string>().swap(files);
    std::sort(folders.begin(), folders.end());
    for (const std::string& name : folders) {
      if (!folder(relative + name + "/", depth - 1)) return false;
    }
    return true;
  }

 private:
  const fs::path& root_;
  const std::string_view ending_;
  const std::function<bool(const std::string&)>& found_;
  std::uint64_t entries_left_;
};

}  // namespace

void for_each_file(const fs::path& root, std::string_view ending, const WalkLimits& limits,
                   const std::function<bool(const std::string& relative_path)>& found) {
  Walk(root, ending, limits, found).folder("", limits.depth);
}

std::string stem_of(const std::string& path, std::size_t ending_bytes) {
  const std::size_t name = path.rfind('/') + 1;  // npos + 1 is 0
  return path.substr(name, path.size() - name - ending_bytes);
}

std::string parent_name(const std::string& path) {
  const std::size_t end = path.rfind('/');
  if (end == std::string::npos) return {};
  const std::size_t begin = path.rfind('/', end - 1) + 1;
  return path.substr(end == 0 ? 0 : begin, end - begin);
}

std::vector<std::string> words_of(std::string_view stem) {
  std::vector<std::string> words;
  for (std::size_t begin = 0; begin <= stem.size();) {
    const std::size_t end = std::min(stem.find('_', begin), stem.size());
    words.emplace_back(stem.substr(begin, end - begin));
    begin = end + 1;
  }
  return words;
}

}  // namespace slicebank::internal
