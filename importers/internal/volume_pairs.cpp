#include "importers/internal/volume_pairs.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>

#include "importers/internal/file_walk.h"
#include "importers/internal/item_problem.h"
#include "importers/internal/picture_words.h"
#include "importers/internal/volume_file.h"
#include "importers/internal/volume_words.h"
#include "schema/taxonomy.h"

namespace slicebank::internal {
namespace {

constexpr unsigned kDepthMax = 24;

// One file, as its path describes it.
struct Named {
  std::string path;
  VolumeName name;
  VolumeFolder folder;
  std::optional<BidsName> bids;

  bool mask() const { return folder.masks || (bids ? bids->mask : name.mask); }
};

std::string key_of(const std::vector<std::string>& scope, std::string_view name) {
  return path_of_parts(scope) + "\n" + std::string(name);
}

std::string first_part(const std::string& path) { return path.substr(0, path.find('/')); }

// Entities of a mask that must not say otherwise than those of its image.
bool may_be_of(const BidsName& mask, const BidsName& image) {
  const auto value = [](const BidsName& name, const char* entity) {
    const auto found = name.entities.find(entity);
    return found == name.entities.end() ? std::string() : found->second;
  };
  if (value(mask, "sub") != value(image, "sub")) return false;
  if (value(mask, "ses") != value(image, "ses")) return false;
  for (const char* entity : {"acq", "run", "echo", "part", "dir", "rec", "task", "ce"}) {
    const std::string wanted = value(mask, entity);
    if (!wanted.empty() && wanted != value(image, entity)) return false;
  }
  const std::string space = value(mask, "space");
  return space != "T1w" && space != "T2w" ? true : space == image.suffix;
}

// What lies beside volumes by right: their data, lists, tables and words about them.
bool is_companion(const std::string& path) {
  constexpr std::array<std::string_view, 14> kEndings = {
      ".json", ".tsv",  ".csv", ".txt",    ".md",  ".bval", ".bvec",
      ".raw",  ".zraw", ".img", ".img.gz", ".xml", ".pdf",  ".cff"};
  const std::string name = ascii_lower(path.substr(path.rfind('/') + 1));
  if (name.find('.') == std::string::npos)
    return name == "readme" || name == "changes" || name == "license";
  return std::any_of(kEndings.begin(), kEndings.end(),
                     [&](std::string_view ending) { return name.ends_with(ending); });
}

class Pairing {
 public:
  Pairing(const SourceTree& source, const std::vector<std::string_view>& endings,
          std::uint64_t entries_max)
      : source_(source), endings_(endings), entries_max_(entries_max) {}

  VolumePairs run() {
    list();
    for (std::size_t i = 0; i < images_.size(); ++i) index(i);
    for (const Named& mask : masks_) {
      if (!give(mask) && is_own(mask.path)) {
        pairs_.problems.push_back(skipped("unpaired-mask", mask.path,
                                          "by its name a mask, but there is no image for it"));
      }
    }
    name_people();
    for (PairedVolume& volume : pairs_.volumes) {
      std::sort(volume.masks.begin(), volume.masks.end(),
                [](const auto& a, const auto& b) { return a.path < b.path; });
    }
    return std::move(pairs_);
  }

 private:
  bool is_own(const std::string& path) const {
    return std::find(endings_.begin(), endings_.end(), ascii_lower(volume_ending(path))) !=
           endings_.end();
  }

  void list() {
    std::set<std::string> keys;
    std::string other;
    std::vector<std::string> paths;
    std::size_t foreign = 0;
    std::string first_foreign;
    for_each_file(source_.root(), "", {kDepthMax, entries_max_}, [&](const std::string& path) {
      if (!volume_ending(path).empty()) {
        paths.push_back(path);
      } else if (path.ends_with("/dataset.json")) {
        pairs_.problems.push_back(
            note("other-list", path, "lists of folders below are not read in this layout"));
      } else if (!is_companion(path) && foreign++ == 0) {
        first_foreign = path;
      }
      return true;
    });
    if (foreign > 0) {
      pairs_.problems.push_back(
          note("other-files", first_foreign,
               fmt::format("{} that no volume is made of; this is the first",
                           foreign == 1 ? "a file" : fmt::format("{} files", foreign))));
    }
    std::sort(paths.begin(), paths.end());
    for (const std::string& path : paths) {
      const std::string ending = volume_ending(path);
      Named named;
      named.path = path;
      const std::size_t name_at = path.rfind('/') + 1;
      named.name = volume_name(volume_stem(path));
      named.folder = volume_folder(name_at == 0 ? "" : path.substr(0, name_at - 1));
      named.bids = bids_name(named.name.stem);
      if (named.mask()) {
        masks_.push_back(std::move(named));
        continue;
      }
      if (!is_own(path)) {
        if (pairs_.others++ == 0) other = path;
        continue;
      }
      PairedVolume volume;
      volume.path = path;
      volume.key = path.substr(0, path.size() - ending.size());
      if (!keys.insert(volume.key).second) volume.key = path;
      volume.split = named.folder.split;
      volume.modality = modality_of(named);
      pairs_.volumes.push_back(std::move(volume));
      images_.push_back(std::move(named));
    }
    if (pairs_.others > 0) {
      pairs_.problems.push_back(note(
          "other-volumes", other,
          fmt::format("{} of another format {} left out; this is the first",
                      pairs_.others == 1 ? "a volume" : fmt::format("{} volumes", pairs_.others),
                      pairs_.others == 1 ? "is" : "are")));
    }
  }

  static std::string modality_of(const Named& named) {
    if (named.bids) {
      if (Taxonomy::builtin().find_modality(named.bids->suffix)) return named.bids->suffix;
      return named.folder.modality;
    }
    return named.name.modality.empty() ? named.folder.modality : named.name.modality;
  }

  void index(std::size_t i) {
    const Named& image = images_[i];
    exact_[key_of(image.folder.scope, image.name.stem)].push_back(i);
    if (image.name.base != image.name.stem) {
      bare_[key_of(image.folder.scope, image.name.base)].push_back(i);
    }
    in_scope_[path_of_parts(image.folder.scope)].push_back(i);
    anywhere_[image.name.stem].push_back(i);
    if (image.bids) people_[image.bids->entities.at("sub")].push_back(i);
  }

  const std::vector<std::size_t>* look(const std::vector<std::string>& scope,
                                       std::string_view name) const {
    for (const auto* map : {&exact_, &bare_}) {
      const auto found = map->find(key_of(scope, name));
      if (found != map->end()) return &found->second;
    }
    return nullptr;
  }

  // x_seg of x, by either name.
  const std::vector<std::size_t>* look(const std::vector<std::string>& scope,
                                       const VolumeName& name) const {
    if (const auto* found = look(scope, name.stem)) return found;
    return name.base == name.stem ? nullptr : look(scope, name.base);
  }

  bool give(const Named& mask) {
    const std::vector<std::string>& scope = mask.folder.scope;
    std::string own_class;
    if (mask.bids && mask.bids->entities.contains("label")) {
      own_class = mask.bids->entities.at("label");
    }
    if (const auto* found = look(scope, mask.name)) return add(*found, mask, own_class);
    if (mask.bids && give_bids(mask, own_class)) return true;
    if (give_class_folder(mask) || give_longer_name(mask)) return true;
    // The only image there is, or those that are called after what they are: ct, t1, flair.
    const auto alone = in_scope_.find(path_of_parts(scope));
    if (alone != in_scope_.end() && !scope.empty()) {
      const bool about_all = mask.name.base.empty();
      if (alone->second.size() == 1 || about_all) {
        return add(alone->second, mask, about_all ? "" : mask.name.base);
      }
    }
    for (const std::string& name : {mask.name.stem, mask.name.base}) {
      const auto found = anywhere_.find(name);
      if (found != anywhere_.end() && found->second.size() == 1)
        return add(found->second, mask, "");
    }
    return false;
  }

  // labels/liver/x.nii.gz, and labels/x/liver.nii.gz.
  bool give_class_folder(const Named& mask) {
    std::vector<std::string> scope = mask.folder.scope;
    std::string class_name;
    for (std::size_t dropped = 0; dropped < mask.folder.below; ++dropped) {
      const std::string last = scope.back();
      scope.pop_back();
      if (const auto* found = look(scope, last)) {
        return add(*found, mask, mask.name.mask ? mask.name.base : mask.name.stem);
      }
      class_name = class_name.empty() ? last : last + "/" + class_name;
      if (const auto* found = look(scope, mask.name)) return add(*found, mask, class_name);
    }
    return false;
  }

  // x_liver_mask of x: the longest name that the mask's begins with.
  bool give_longer_name(const Named& mask) {
    const std::string& name = mask.name.mask ? mask.name.base : mask.name.stem;
    for (std::size_t end = name.size(); end > 0; --end) {
      if (end == name.size() || std::string_view("_-.").find(name[end]) == std::string_view::npos) {
        continue;
      }
      if (const auto* found = look(mask.folder.scope, std::string_view(name).substr(0, end))) {
        return add(*found, mask, name.substr(end + 1));
      }
    }
    return false;
  }

  bool give_bids(const Named& mask, const std::string& class_name) {
    const auto person = people_.find(mask.bids->entities.at("sub"));
    if (person == people_.end()) return false;
    std::vector<std::size_t> found;
    for (const std::size_t i : person->second) {
      if (may_be_of(*mask.bids, *images_[i].bids)) found.push_back(i);
    }
    if (found.size() > 1) keep_same_size(mask.path, found);
    return !found.empty() && add(found, mask, class_name);
  }

  // Of several images only those with as many voxels as the mask; all where none has.
  void keep_same_size(const std::string& mask, std::vector<std::size_t>& found) const {
    const auto size_of = [&](const std::string& path) -> std::array<std::uint32_t, 3> {
      try {
        return scan_volume(source_, path).volume.size_ijk;
      } catch (const Error&) {
        return {0, 0, 0};
      }
    };
    const auto size = size_of(mask);
    std::vector<std::size_t> same;
    for (const std::size_t i : found) {
      if (size_of(images_[i].path) == size) same.push_back(i);
    }
    if (!same.empty()) found = std::move(same);
  }

  bool add(const std::vector<std::size_t>& images, const Named& mask,
           const std::string& class_name) {
    for (const std::size_t i : images) {
      pairs_.volumes[i].masks.push_back({mask.path, class_name});
    }
    return true;
  }

  // What is left of a name; the folder where nothing is left, or where the same names come
  // again in other folders (patient1/scan, patient2/scan).
  void name_people() {
    std::map<std::string, std::string> folder_of;
    bool repeated = false;
    for (const Named& image : images_) {
      const std::string& folder = image.folder.person;
      const auto [place, fresh] = folder_of.emplace(image.name.base, folder);
      repeated = repeated || (!image.name.base.empty() && !fresh && place->second != folder);
    }
    for (std::size_t i = 0; i < images_.size(); ++i) {
      const Named& image = images_[i];
      std::string& patient = pairs_.volumes[i].patient;
      if (image.bids) {
        patient = "sub-" + image.bids->entities.at("sub");
      } else if (!image.folder.person.empty() && (repeated || image.name.base.empty())) {
        patient = first_part(image.folder.person);
      } else {
        patient = image.name.base.empty() ? image.name.stem : image.name.base;
      }
    }
  }

  using Places = std::unordered_map<std::string, std::vector<std::size_t>>;

  const SourceTree& source_;
  const std::vector<std::string_view>& endings_;
  const std::uint64_t entries_max_;
  VolumePairs pairs_;
  std::vector<Named> images_;  // as pairs_.volumes
  std::vector<Named> masks_;
  Places exact_;     // by scope and stem
  Places bare_;      // by scope and base
  Places in_scope_;  // by scope
  Places anywhere_;  // by stem
  Places people_;    // by BIDS subject
};

}  // namespace

VolumePairs pair_volumes(const SourceTree& source, const std::vector<std::string_view>& endings,
                         std::uint64_t entries_max) {
  return Pairing(source, endings, entries_max).run();
}

}  // namespace slicebank::internal
