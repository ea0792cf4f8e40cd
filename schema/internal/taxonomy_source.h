// The three JSON files of the taxonomy as plain lists, checked entry by entry.
//
// What one entry cannot know is left to taxonomy.cpp: whether names clash, and whether
// the modality, region or parent that an entry names is there.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "schema/taxonomy.h"

namespace slicebank {

struct SequenceSource {
  SequenceInfo info;               // without its modality
  std::string modality;            // by name
  std::vector<std::string> alone;  // words that say the modality as well: "T1ce", not "CBF"
};

struct ClassSource {
  ClassInfo info;                    // id, name, lesion and aliases
  std::string region;                // by name; empty when the entry gives none
  std::vector<std::string> parents;  // by name
  std::vector<std::vector<std::string>> made_of;
};

struct TaxonomySource {
  std::uint32_t version = 0;  // the largest of the three files
  std::vector<ModalityInfo> modalities;
  std::vector<SequenceSource> sequences;
  std::vector<RegionInfo> regions;
  std::vector<ClassSource> classes;
  std::unordered_map<std::string, std::string> spellings;  // word -> word that stands for it
};

// Throws Error(bad_format) when a text is not JSON of the expected kind.
TaxonomySource read_taxonomy(std::string_view modalities_json, std::string_view regions_json,
                             std::string_view classes_json);

// The files as this build carries them.
TaxonomySource read_builtin_taxonomy();

// Throws Error(bad_format) that says what is wrong in which file.
[[noreturn]] void fail_taxonomy(const std::string& file, const std::string& what);

}  // namespace slicebank
