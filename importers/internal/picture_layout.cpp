#include "importers/internal/picture_layout.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <utility>

#include "importers/internal/item_problem.h"
#include "importers/internal/picture_file.h"
#include "importers/internal/picture_words.h"
#include "schema/error.h"

namespace slicebank::internal {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLevelsMax = 16;
constexpr std::size_t kMaskLevelsMax = 2;
// Pictures that nobody here reads.
constexpr std::array<std::string_view, 8> kForeignEndings = {".bmp", ".gif", ".webp", ".jp2",
                                                             ".pgm", ".ppm", ".svs",  ".heic"};

// The rest of `path` below `folder`, where it is that or lies in it.
std::optional<std::string> below(const std::string& path, const std::string& folder) {
  if (folder.empty()) return std::nullopt;
  if (path == folder) return std::string();
  if (path.starts_with(folder + "/")) return path.substr(folder.size() + 1);
  return std::nullopt;
}

PictureFolder described(const std::string& path, const Sidecar& sidecar) {
  PictureFolder folder;
  folder.path = path;
  folder.group = path;
  const auto mask_rest = below(path, sidecar.mask_folder);
  const auto image_rest = below(path, sidecar.image_folder);
  if (mask_rest || image_rest) {
    folder.masks = mask_rest && (!image_rest || mask_rest->size() < image_rest->size());
    folder.group = folder.masks ? *mask_rest : *image_rest;
    folder.named = true;
    return folder;
  }
  std::vector<std::string> parts = path_parts(path);
  for (std::size_t i = parts.size(); i-- > 0;) {
    const auto role = folder_role(parts[i]);
    if (!role || (role->masks ? !sidecar.mask_folder.empty() : !sidecar.image_folder.empty())) {
      continue;
    }
    folder.masks = role->masks;
    folder.named = true;
    if (role->left.empty()) {
      parts.erase(parts.begin() + static_cast<std::ptrdiff_t>(i));
    } else {
      parts[i] = role->left;
    }
    folder.group = path_of_parts(parts);
    break;
  }
  return folder;
}

std::size_t word_of(const PictureFolder& folder) {
  const std::vector<std::string> parts = path_parts(folder.path);
  for (std::size_t i = parts.size(); i-- > 0;) {
    if (const auto role = folder_role(parts[i]); role && role->masks) return role->word;
  }
  return 0;
}

// A mask folder belongs to the image folder of its group, or of the group one or two
// levels up. Where several mask folders are as near, the first of the known names counts.
void give_masks_to_owners(std::vector<PictureFolder>& folders) {
  std::map<std::string, std::size_t> owners;
  for (std::size_t i = 0; i < folders.size(); ++i) {
    if (folders[i].masks) continue;
    const auto [owner, fresh] = owners.emplace(folders[i].group, i);
    if (!fresh && folders[i].named && !folders[owner->second].named) owner->second = i;
  }
  for (std::size_t i = 0; i < folders.size(); ++i) {
    if (folders[i].masks) continue;
    folders[i].shadowed = owners[folders[i].group] != i;
  }
  for (std::size_t i = 0; i < folders.size(); ++i) {
    if (!folders[i].masks) continue;
    std::vector<std::string> parts = path_parts(folders[i].group);
    for (std::size_t up = 0; up <= kMaskLevelsMax; ++up) {
      const auto owner = owners.find(path_of_parts(parts));
      if (owner != owners.end()) {
        folders[owner->second].mask_folders.push_back(i);
        folders[i].owned = true;
        break;
      }
      if (parts.empty()) break;
      parts.pop_back();
    }
  }
  for (PictureFolder& images : folders) {
    std::size_t best = SIZE_MAX;
    for (const std::size_t i : images.mask_folders) best = std::min(best, word_of(folders[i]));
    std::erase_if(images.mask_folders, [&](std::size_t i) {
      const bool other = word_of(folders[i]) != best;
      folders[i].shadowed = other;
      return other;
    });
  }
}

class Walk {
 public:
  Walk(const fs::path& root, const Sidecar& sidecar, std::uint64_t entries_max)
      : root_(root), sidecar_(sidecar), entries_max_(entries_max) {}

  PictureLayout run() {
    visit({}, 0);
    for (const auto& [ending, count] : foreign_) {
      layout_.problems.push_back(skipped("foreign-picture",
                                         ending.first.empty() ? "." : ending.first,
                                         fmt::format("{} file{} of the kind {}, which is not read",
                                                     count, count == 1 ? "" : "s", ending.second)));
    }
    std::sort(layout_.folders.begin(), layout_.folders.end(),
              [](const auto& a, const auto& b) { return a.path < b.path; });
    return std::move(layout_);
  }

 private:
  void visit(const std::string& path, std::size_t level) {
    if (level > kLevelsMax) {
      throw Error(ErrorCode::limit, printable(path) + ": more than " + std::to_string(kLevelsMax) +
                                        " levels of folders");
    }
    std::vector<std::string> below_here;
    std::vector<std::string> stems;
    std::uint64_t pictures = 0;
    std::error_code error;
    for (fs::directory_iterator entry(path.empty() ? root_ : root_ / path, error), end;
         !error && entry != end; entry.increment(error)) {
      if (entries_max_ != 0 && ++entries_ > entries_max_) break;
      const std::string name = entry->path().filename().string();
      if (name.front() == '.' || name == "__MACOSX") continue;
      std::error_code ignored;
      if (entry->is_directory(ignored)) {
        visit_later(path, name, entry->is_symlink(ignored), below_here);
      } else if (!picture_ending(name).empty()) {
        ++pictures;
        stems.push_back(picture_stem(name));
      } else {
        count_foreign(path, name);
      }
    }
    if (error) {
      layout_.problems.push_back(skipped("unreadable", path.empty() ? "." : path,
                                         "the folder cannot be listed: " + error.message()));
    }
    if (pictures > 0) add(path, pictures, std::move(stems));
    std::sort(below_here.begin(), below_here.end());
    for (const std::string& folder : below_here) visit(folder, level + 1);
  }

  void visit_later(const std::string& path, const std::string& name, bool link,
                   std::vector<std::string>& below_here) {
    const std::string whole = path.empty() ? name : path + "/" + name;
    if (link) {
      layout_.problems.push_back(
          skipped("linked-folder", whole, "a link to a folder is not followed"));
    } else {
      below_here.push_back(whole);
    }
  }

  void count_foreign(const std::string& path, const std::string& name) {
    const std::size_t dot = name.rfind('.');
    if (dot == std::string::npos) return;
    const std::string ending = ascii_lower(name.substr(dot));
    if (std::find(kForeignEndings.begin(), kForeignEndings.end(), ending) !=
        kForeignEndings.end()) {
      ++foreign_[{path, ending}];
    }
  }

  void add(const std::string& path, std::uint64_t pictures, std::vector<std::string>&& stems) {
    PictureFolder folder = described(path, sidecar_);
    folder.pictures = pictures;
    if (!folder.masks) {
      std::sort(stems.begin(), stems.end());
      folder.suffixed = std::any_of(stems.begin(), stems.end(), [&](const std::string& stem) {
        const std::string base = without_mask_suffix(stem, sidecar_.mask_suffixes);
        return !base.empty() && std::binary_search(stems.begin(), stems.end(), base);
      });
    }
    layout_.folders.push_back(std::move(folder));
  }

  const fs::path& root_;
  const Sidecar& sidecar_;
  const std::uint64_t entries_max_;
  std::uint64_t entries_ = 0;
  std::map<std::pair<std::string, std::string>, std::uint64_t> foreign_;
  PictureLayout layout_;
};

}  // namespace

PictureLayout PictureLayout::of(const fs::path& root, const Sidecar& sidecar,
                                std::uint64_t entries_max) {
  PictureLayout layout = Walk(root, sidecar, entries_max).run();
  give_masks_to_owners(layout.folders);
  return layout;
}

bool PictureLayout::any_masks() const {
  return std::any_of(folders.begin(), folders.end(),
                     [](const PictureFolder& folder) { return folder.masks || folder.suffixed; });
}

std::vector<std::string> picture_names(const fs::path& root, const std::string& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator entry(folder.empty() ? root : root / folder, error), end;
       !error && entry != end; entry.increment(error)) {
    std::string name = entry->path().filename().string();
    std::error_code ignored;
    if (picture_ending(name).empty() || entry->is_directory(ignored)) continue;
    names.push_back(std::move(name));
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace slicebank::internal
