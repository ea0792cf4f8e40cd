#include "importers/internal/picture_words.h"

#include <algorithm>
#include <array>
#include <utility>

namespace slicebank::internal {
namespace {

constexpr std::array<std::string_view, 4> kImageWords = {"images", "image", "imgs", "img"};

// The first of those that stand side by side counts.
constexpr std::array<std::string_view, 11> kMaskWords = {
    "masks", "mask",          "gt",           "groundtruth", "ground_truth", "labels",
    "label", "segmentations", "segmentation", "annotations", "annotation"};
constexpr std::array<std::string_view, 9> kSuffixes = {"_mask",         "-mask",  "_seg",
                                                       "_segmentation", "_gt",    "_groundtruth",
                                                       "_label",        "-label", "_labels"};
constexpr std::array<std::string_view, 9> kSplits = {
    "train", "training", "val", "valid", "validation", "dev", "test", "testing", "holdout"};
// imagesTr and labelsTr.
constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kSplitEndings = {
    {{"tr", "train"}, {"ts", "test"}, {"va", "val"}, {"val", "val"}}};

}  // namespace

std::string ascii_lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
  return out;
}

std::vector<std::string> path_parts(std::string_view path) {
  std::vector<std::string> parts;
  for (std::size_t at = 0; at < path.size();) {
    const std::size_t end = std::min(path.find('/', at), path.size());
    parts.emplace_back(path.substr(at, end - at));
    at = end + 1;
  }
  return parts;
}

std::string path_of_parts(const std::vector<std::string>& parts) {
  std::string path;
  for (const std::string& part : parts) path += (path.empty() ? "" : "/") + part;
  return path;
}

std::optional<FolderRole> folder_role(const std::string& part) {
  const std::string small = ascii_lower(part);
  const auto look = [&](const auto& words, bool masks) -> std::optional<FolderRole> {
    for (std::size_t i = 0; i < words.size(); ++i) {
      if (small == words[i]) return FolderRole{masks, i, {}};
      if (!small.starts_with(words[i])) continue;
      for (const auto& [ending, split] : kSplitEndings) {
        if (small.substr(words[i].size()) == ending) {
          return FolderRole{masks, i, part.substr(words[i].size())};
        }
      }
    }
    return std::nullopt;
  };
  if (auto role = look(kImageWords, false)) return role;
  return look(kMaskWords, true);
}

std::string without_mask_suffix(const std::string& stem, const std::vector<std::string>& more,
                                std::uint32_t* number) {
  const std::string_view rest = stem;
  const auto base = [&](std::string_view text) -> std::string {
    const auto try_one = [&](std::string_view suffix) {
      return text.size() > suffix.size() &&
             ascii_lower(text.substr(text.size() - suffix.size())) == ascii_lower(suffix);
    };
    for (const std::string& suffix : more) {
      if (try_one(suffix)) return std::string(text.substr(0, text.size() - suffix.size()));
    }
    for (const std::string_view suffix : kSuffixes) {
      if (try_one(suffix)) return std::string(text.substr(0, text.size() - suffix.size()));
    }
    return {};
  };
  if (number != nullptr) *number = 0;
  std::string found = base(rest);
  if (!found.empty()) return found;
  const std::size_t digits_from = rest.find_last_not_of("0123456789");
  if (digits_from == std::string_view::npos || digits_from + 1 == rest.size() ||
      rest.size() - digits_from > 7 || (rest[digits_from] != '_' && rest[digits_from] != '-')) {
    return {};
  }
  found = base(rest.substr(0, digits_from));
  if (!found.empty() && number != nullptr) {
    *number = static_cast<std::uint32_t>(std::stoul(std::string(rest.substr(digits_from + 1))));
  }
  return found;
}

std::string split_of(std::string_view path) {
  for (const std::string& part : path_parts(path)) {
    const std::string small = ascii_lower(part);
    if (std::find(kSplits.begin(), kSplits.end(), small) != kSplits.end()) return part;
    for (const auto& [ending, split] : kSplitEndings) {
      if (small == ending) return std::string(split);
    }
  }
  return {};
}

std::string without_split(std::string_view path) {
  std::vector<std::string> parts = path_parts(path);
  std::erase_if(parts, [](const std::string& part) { return !split_of(part).empty(); });
  return path_of_parts(parts);
}

}  // namespace slicebank::internal
