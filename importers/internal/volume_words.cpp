#include "importers/internal/volume_words.h"

#include <algorithm>
#include <array>

#include "importers/internal/picture_words.h"
#include "schema/taxonomy.h"

namespace slicebank::internal {
namespace {

constexpr std::array<std::string_view, 14> kMaskMarks = {
    "seg",    "segs",     "segmentation", "segmentations", "mask",  "masks", "label",
    "labels", "labelmap", "gt",           "groundtruth",   "truth", "dseg",  "annotation"};
constexpr std::array<std::string_view, 9> kImageMarks = {
    "image", "images", "img", "imaging", "volume", "vol", "scan", "orig", "raw"};
constexpr std::array<std::string_view, 4> kMaskFolders = {"seg", "segs", "labelmaps", "dseg"};
constexpr std::array<std::string_view, 4> kImageFolders = {"volumes", "volume", "scans", "imaging"};
constexpr std::array<std::string_view, 4> kBidsMasks = {"dseg", "mask", "probseg", "roi"};
constexpr std::string_view kSeparators = "_-.";
constexpr std::size_t kChannelDigits = 4;

template <typename Words>
bool is_one_of(const Words& words, std::string_view word) {
  const std::string small = ascii_lower(word);
  return std::find(words.begin(), words.end(), small) != words.end();
}

bool is_channel(std::string_view token) {
  return token.size() == kChannelDigits &&
         token.find_first_not_of("0123456789") == std::string_view::npos;
}

}  // namespace

bool is_volume_modality(std::string_view word) {
  const auto match = Taxonomy::builtin().find_modality(word);
  if (!match) return false;
  // Two letters are often something else: "de", "us", "pt".
  constexpr std::array<std::string_view, 5> kShort = {"ct", "mr", "t1", "t2", "pd"};
  if (word.size() <= 2) return is_one_of(kShort, word);
  const std::string& name = Taxonomy::builtin().modality(match->modality)->name;
  return name == "CT" || name == "MR" || name == "PET";
}

VolumeName volume_name(std::string_view stem) {
  VolumeName name;
  name.stem = stem;
  std::string_view rest = stem;
  const auto last = [&] {
    const std::size_t at = rest.find_last_of(kSeparators);
    return at == std::string_view::npos ? rest : rest.substr(at + 1);
  };
  const auto drop_last = [&](std::size_t bytes) {
    rest.remove_suffix(bytes);
    while (!rest.empty() && kSeparators.find(rest.back()) != std::string_view::npos) {
      rest.remove_suffix(1);
    }
  };
  const auto first = [&] { return rest.substr(0, rest.find_first_of(kSeparators)); };
  const auto drop_first = [&](std::size_t bytes) {
    rest.remove_prefix(std::min(rest.size(), bytes + 1));
  };
  if (is_one_of(kMaskMarks, last())) {
    name.mask = true;
    drop_last(last().size());
  } else if (is_one_of(kMaskMarks, first())) {
    name.mask = true;
    drop_first(first().size());
  } else if (is_one_of(kImageMarks, last())) {
    drop_last(last().size());
  } else if (is_one_of(kImageMarks, first())) {
    drop_first(first().size());
  } else if (is_channel(last()) && last().size() != rest.size()) {
    drop_last(last().size());
  }
  if (!name.mask && !rest.empty() && is_volume_modality(last())) {
    name.modality = last();
    drop_last(last().size());
  }
  name.base = rest;
  return name;
}

std::optional<BidsName> bids_name(std::string_view stem) {
  if (!stem.starts_with("sub-")) return std::nullopt;
  BidsName name;
  for (std::size_t at = 0; at <= stem.size();) {
    const std::size_t end = std::min(stem.find('_', at), stem.size());
    const std::string_view part = stem.substr(at, end - at);
    at = end + 1;
    const std::size_t dash = part.find('-');
    if (dash != std::string_view::npos && dash > 0 && name.suffix.empty()) {
      name.entities[std::string(part.substr(0, dash))] = part.substr(dash + 1);
    } else if (at > stem.size()) {
      name.suffix = part;
    } else {
      return std::nullopt;
    }
  }
  if (name.suffix.empty() || name.entities["sub"].empty()) return std::nullopt;
  name.mask = is_one_of(kBidsMasks, name.suffix) || is_one_of(kMaskMarks, name.suffix);
  return name;
}

VolumeFolder volume_folder(std::string_view folder) {
  VolumeFolder out;
  out.split = split_of(folder);
  bool role_known = false;
  std::vector<std::string> parts = path_parts(folder);
  // The last folder with such a name counts.
  for (std::size_t i = parts.size(); i-- > 0;) {
    std::string left;
    bool role = false;
    bool masks = false;
    if (!role_known) {
      if (const auto found = folder_role(parts[i])) {
        role = true;
        masks = found->masks;
        left = found->left;
      } else if (is_one_of(kMaskFolders, parts[i]) || is_one_of(kImageFolders, parts[i])) {
        role = true;
        masks = is_one_of(kMaskFolders, parts[i]);
      }
    }
    if (role) {
      role_known = true;
      out.masks = masks;
      out.below = out.scope.size();
      if (!left.empty()) {
        out.scope.insert(out.scope.begin(), left);
        if (out.split.empty()) out.split = split_of(left);
      }
    } else {
      out.scope.insert(out.scope.begin(), parts[i]);
    }
  }
  for (const std::string& part : out.scope) {
    if (!split_of(part).empty()) continue;
    if (is_volume_modality(part)) {
      if (out.modality.empty()) out.modality = part;
      continue;
    }
    out.person += (out.person.empty() ? "" : "/") + part;
  }
  return out;
}

}  // namespace slicebank::internal
