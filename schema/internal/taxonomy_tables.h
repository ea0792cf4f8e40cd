// What a Taxonomy holds: its entries, and the maps that lead words to them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "schema/internal/taxonomy_source.h"
#include "schema/taxonomy.h"

namespace slicebank {

struct ClassEntry {
  ClassInfo info;
  std::vector<ClassId> members;    // with itself, ascending
  std::vector<ClassId> ancestors;  // with itself, ascending
};

struct Taxonomy::Tables {
  std::uint32_t version = 0;
  std::map<ModalityId, ModalityInfo> modalities;
  std::map<SequenceId, SequenceInfo> sequences;
  std::map<RegionId, RegionInfo> regions;
  std::map<ClassId, ClassEntry> classes;

  // Keys are plain_words; of classes, class_key.
  std::unordered_map<std::string, ModalityId> modality_words;
  std::map<std::pair<ModalityId, std::string>, SequenceId> sequence_words;
  std::unordered_map<std::string, SequenceId> lone_words;  // sequences that name the modality
  std::unordered_map<std::string, RegionId> region_words;
  std::unordered_map<std::string, ClassId> class_keys;
  std::unordered_map<std::string, std::string> spellings;

  explicit Tables(const TaxonomySource& source);
  Tables() = default;

  void load_modalities(const TaxonomySource& source);
  void load_sequences(const TaxonomySource& source);
  void load_regions(const TaxonomySource& source);
  void load_classes(const TaxonomySource& source);
  void name_parents(const TaxonomySource& source);
  void close_parents();
  void name_parts(const TaxonomySource& source);
  std::string class_key(std::string_view name) const;
  std::optional<ClassId> find_key(const std::string& key) const;
  std::optional<ModalityMatch> match_modality(const std::vector<std::string>& words) const;
  void check_new_class(const ClassInfo& info) const;
  void adopt_sides(ClassId id);
};

// Lower case; everything that merely parts words is one blank, `&` is "and".
std::string plain_words(std::string_view text);

std::vector<std::string> split_words(const std::string& plain);

// Side and base of a normalised name: "left kidney" -> left, "kidney".
std::pair<Side, std::string> split_side(const std::string& name);

// Aliases and, last, the name.
template <typename Info>
std::vector<std::string> all_names(const Info& info) {
  std::vector<std::string> names = info.aliases;
  names.push_back(info.name);
  return names;
}

template <typename Id>
void insert_sorted(std::vector<Id>& ids, Id id) {
  const auto place = std::lower_bound(ids.begin(), ids.end(), id);
  if (place == ids.end() || *place != id) ids.insert(place, id);
}

}  // namespace slicebank
