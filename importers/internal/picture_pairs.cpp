#include "importers/internal/picture_pairs.h"

#include <algorithm>
#include <optional>
#include <unordered_map>
#include <utility>

#include "importers/internal/composed_name.h"
#include "importers/internal/item_problem.h"
#include "importers/internal/picture_file.h"
#include "importers/internal/picture_words.h"

namespace slicebank::internal {
namespace {

std::string path_in(const std::string& folder, const std::string& name) {
  return folder.empty() ? name : folder + "/" + name;
}

// "case_0001_0000" of imagesTr is "case_0001", as nnU-Net numbers its channels.
std::string without_channel(const std::string& stem) {
  constexpr std::size_t kDigits = 4;
  if (stem.size() <= kDigits + 1 || stem[stem.size() - kDigits - 1] != '_') return {};
  const std::string_view digits = std::string_view(stem).substr(stem.size() - kDigits);
  const bool all = digits.find_first_not_of("0123456789") == std::string_view::npos;
  return all ? stem.substr(0, stem.size() - kDigits - 1) : std::string();
}

class Pairing {
 public:
  Pairing(const std::filesystem::path& root, const PictureLayout& layout, std::size_t images,
          const Sidecar& sidecar)
      : root_(root), layout_(layout), folder_(layout.folders[images]), sidecar_(sidecar) {}

  FolderPairs run() {
    read_pictures();
    for (const std::size_t i : folder_.mask_folders) pair_masks(layout_.folders[i]);
    for (PairedPicture& picture : pairs_.pictures) {
      std::stable_sort(
          picture.masks.begin(), picture.masks.end(),
          [](const PairedMask& a, const PairedMask& b) { return a.class_folder < b.class_folder; });
    }
    return std::move(pairs_);
  }

 private:
  void read_pictures() {
    const std::vector<std::string> names = picture_names(root_, folder_.path);
    std::unordered_map<std::string, bool> stems;
    for (const std::string& name : names) stems[composed_name(picture_stem(name))] = true;
    std::vector<std::string> beside;
    for (const std::string& name : names) {
      const std::string stem = composed_name(picture_stem(name));
      const std::string base = without_mask_suffix(stem, sidecar_.mask_suffixes);
      if (!base.empty() && stems.contains(base)) {
        beside.push_back(name);
        continue;
      }
      places_[stem].push_back(pairs_.pictures.size());
      pairs_.pictures.push_back({path_in(folder_.path, name), {}});
      if (in_numbered_folder()) {
        if (const std::string plain = without_channel(stem); !plain.empty()) {
          channels_[plain].push_back(pairs_.pictures.size() - 1);
        }
      }
    }
    for (const std::string& name : beside) {
      PairedMask mask{path_in(folder_.path, name), {}, 0};
      const std::string base = without_mask_suffix(composed_name(picture_stem(name)),
                                                   sidecar_.mask_suffixes, &mask.instance);
      give(base, std::move(mask));
    }
  }

  // imagesTr, imagesTs, imagesVal.
  bool in_numbered_folder() const {
    const std::string name = ascii_lower(file_name_of(folder_.path));
    return name.starts_with("images") && name.size() > std::string_view("images").size();
  }

  // What a folder below the mask folder is for.
  struct Purpose {
    std::string class_folder;
    std::string picture;  // stem: the folder holds the instances of this one
  };

  Purpose purpose_of(const PictureFolder& masks) const {
    const std::size_t skip = path_parts(folder_.group).size();
    const std::vector<std::string> parts = path_parts(masks.group);
    Purpose purpose;
    for (std::size_t i = skip; i < parts.size(); ++i) {
      const std::string stem = composed_name(parts[i]);
      if (i + 1 == parts.size() && places_.contains(stem)) {
        purpose.picture = stem;
      } else {
        purpose.class_folder += (purpose.class_folder.empty() ? "" : "/") + parts[i];
      }
    }
    return purpose;
  }

  void pair_masks(const PictureFolder& masks) {
    const Purpose purpose = purpose_of(masks);
    const std::vector<std::string> names = picture_names(root_, masks.path);
    if (!purpose.picture.empty()) {
      give_all(masks.path, names, purpose.class_folder, purpose.picture);
      return;
    }
    std::vector<std::string> left;
    for (const std::string& name : names) {
      PairedMask mask{path_in(masks.path, name), purpose.class_folder, 0};
      const std::string stem = composed_name(picture_stem(name));
      if (give(stem, PairedMask(mask))) continue;
      const std::string base = without_mask_suffix(stem, sidecar_.mask_suffixes, &mask.instance);
      if (base.empty() || !give(base, std::move(mask))) left.push_back(name);
    }
    // One picture in a folder of its own, and masks of any names: its instances.
    if (pairs_.pictures.size() == 1 && left.size() == names.size() &&
        masks.group == folder_.group) {
      give_all(masks.path, left, purpose.class_folder, places_.begin()->first);
      return;
    }
    for (const std::string& name : left) {
      pairs_.unpaired.push_back(skipped("unpaired-mask", path_in(masks.path, name),
                                        "there is no picture of this name for the mask"));
    }
  }

  void give_all(const std::string& folder, const std::vector<std::string>& names,
                const std::string& class_folder, const std::string& picture) {
    std::uint32_t instance = 0;
    for (const std::string& name : names) {
      give(picture, {path_in(folder, name), class_folder, instance++});
    }
  }

  bool give(const std::string& stem, PairedMask&& mask) {
    const std::vector<std::size_t>* found = nullptr;
    if (const auto exact = places_.find(stem); exact != places_.end()) {
      found = &exact->second;
    } else if (const auto channel = channels_.find(stem); channel != channels_.end()) {
      found = &channel->second;
    }
    if (found == nullptr) return false;
    for (const std::size_t place : *found) {
      std::vector<PairedMask>& masks = pairs_.pictures[place].masks;
      const auto same = std::find_if(masks.begin(), masks.end(), [&](const PairedMask& other) {
        return other.class_folder == mask.class_folder && other.instance == mask.instance;
      });
      if (same == masks.end()) {
        masks.push_back(mask);
      } else if (place == found->front()) {
        pairs_.unpaired.push_back(
            skipped("duplicate-mask", mask.path,
                    "the picture has a mask already: " + printable(same->path)));
      }
    }
    return true;
  }

  const std::filesystem::path& root_;
  const PictureLayout& layout_;
  const PictureFolder& folder_;
  const Sidecar& sidecar_;
  FolderPairs pairs_;
  std::unordered_map<std::string, std::vector<std::size_t>> places_;    // by stem
  std::unordered_map<std::string, std::vector<std::size_t>> channels_;  // without _0000
};

}  // namespace

FolderPairs pair_folder(const std::filesystem::path& root, const PictureLayout& layout,
                        std::size_t images, const Sidecar& sidecar) {
  return Pairing(root, layout, images, sidecar).run();
}

}  // namespace slicebank::internal
