#include "importers/internal/medsam_names.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include "importers/internal/file_walk.h"
#include "schema/taxonomy.h"

namespace slicebank::medsam {
namespace {

// What the challenge and its scorer put before the modality.
constexpr std::array<std::string_view, 4> kDimensions = {"2D", "3D", "2DBox", "3DBox"};

constexpr std::array<std::string_view, 5> kSplitWords = {"train", "val", "valid", "validation",
                                                         "test"};

bool is_dimension(const std::string& word) {
  return std::find(kDimensions.begin(), kDimensions.end(), word) != kDimensions.end();
}

bool is_modality(const std::string& word) {
  return !word.empty() && Taxonomy::builtin().find_modality(word).has_value();
}

std::string lower_case(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  }
  return text;
}

// The split of the innermost folder that names one: "MedSAM_train", "validation".
std::string split_of(std::string path) {
  for (std::string folder = internal::parent_name(path); !folder.empty();
       folder = internal::parent_name(path)) {
    const std::string word = internal::words_of(folder).back();
    if (std::find(kSplitWords.begin(), kSplitWords.end(), lower_case(word)) != kSplitWords.end()) {
      return word;
    }
    path.resize(path.rfind('/'));
  }
  return {};
}

}  // namespace

bool names_a_modality(const std::string& stem) {
  const std::vector<std::string> words = internal::words_of(stem);
  const std::size_t first = is_dimension(words[0]) ? 1 : 0;
  return words.size() > first && is_modality(words[first]);
}

CaseName parse_case(const std::string& path, const std::string& stem, const std::string& root) {
  const std::vector<std::string> words = internal::words_of(stem);
  const std::string folder = internal::parent_name(path);
  CaseName name;
  name.split = split_of(path);
  name.volume = stem.starts_with("3D");
  const bool challenge = is_dimension(words[0]) && words.size() > 1 && is_modality(words[1]);
  if (challenge) {
    name.modality = words[1];
    if (name.split.empty()) name.split = "test";
    // "3DBox_CT_0566", but "3D_CT_AMOS22_amos_0001" as our exporter writes it.
    name.dataset = words[0] + "_" + words[1];
    if (words.size() > 3) name.dataset = words[1] + "_" + words[2];
    return name;
  }
  if (words.size() > 2 && is_modality(words[0])) {
    name.modality = words[0];
    name.dataset = words[0] + "_" + words[1];
    return name;
  }
  const std::string first = internal::words_of(folder).front();
  if (is_modality(words[0])) {
    name.modality = words[0];
  } else if (is_modality(first)) {
    name.modality = first;
  }
  name.dataset = folder.empty() ? root : folder;
  return name;
}

}  // namespace slicebank::medsam
