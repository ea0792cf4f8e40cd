#include "schema/internal/taxonomy_tables.h"

#include <tuple>

namespace slicebank {
namespace {

constexpr const char* kModalitiesFile = "modalities.json";
constexpr const char* kRegionsFile = "regions.json";
constexpr const char* kClassesFile = "classes.json";

}  // namespace

std::string plain_words(std::string_view text) {
  std::string plain;
  for (const char letter : text) {
    const bool parts = letter == ' ' || letter == '_' || letter == '-' || letter == '/' ||
                       (letter >= '\t' && letter <= '\r');
    if (parts) {
      if (!plain.empty() && plain.back() != ' ') plain += ' ';
    } else if (letter == '&') {
      plain += "and";
    } else {
      plain += letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
    }
  }
  if (!plain.empty() && plain.back() == ' ') plain.pop_back();
  return plain;
}

std::vector<std::string> split_words(const std::string& plain) {
  std::vector<std::string> words;
  for (std::size_t at = 0; at < plain.size();) {
    const std::size_t end = std::min(plain.find(' ', at), plain.size());
    words.push_back(plain.substr(at, end - at));
    at = end + 1;
  }
  return words;
}

std::pair<Side, std::string> split_side(const std::string& name) {
  if (name.rfind("left ", 0) == 0) return {Side::left, name.substr(5)};
  if (name.rfind("right ", 0) == 0) return {Side::right, name.substr(6)};
  return {Side::none, name};
}

Taxonomy::Tables::Tables(const TaxonomySource& source) : version(source.version) {
  load_modalities(source);
  load_sequences(source);
  load_regions(source);
  load_classes(source);
}

void Taxonomy::Tables::load_modalities(const TaxonomySource& source) {
  for (const ModalityInfo& info : source.modalities) {
    if (!modalities.emplace(info.id, info).second) {
      fail_taxonomy(kModalitiesFile, "two modalities with the id " + std::to_string(raw(info.id)));
    }
    for (const std::string& word : all_names(info)) {
      const auto [place, added] = modality_words.emplace(plain_words(word), info.id);
      if (!added && place->second != info.id) {
        fail_taxonomy(kModalitiesFile, "'" + word + "' is two modalities");
      }
    }
  }
}

void Taxonomy::Tables::load_sequences(const TaxonomySource& source) {
  for (const SequenceSource& entry : source.sequences) {
    SequenceInfo info = entry.info;
    const auto modality = modality_words.find(plain_words(entry.modality));
    if (modality == modality_words.end()) {
      fail_taxonomy(kModalitiesFile, "no modality '" + entry.modality + "' for " + info.name);
    }
    info.modality = modality->second;
    for (const std::string& word : entry.alone) {
      const std::string plain = plain_words(word);
      if (modality_words.count(plain) != 0 || !lone_words.emplace(plain, info.id).second) {
        fail_taxonomy(kModalitiesFile, "'" + word + "' cannot stand alone for two things");
      }
    }
    for (const std::string& word : all_names(info)) {
      const auto [place, added] =
          sequence_words.emplace(std::pair(info.modality, plain_words(word)), info.id);
      if (!added && place->second != info.id) {
        fail_taxonomy(kModalitiesFile, "'" + word + "' is two sequences of " + entry.modality);
      }
    }
    if (!sequences.emplace(info.id, info).second) {
      fail_taxonomy(kModalitiesFile, "two sequences with the id " + std::to_string(raw(info.id)));
    }
  }
}

void Taxonomy::Tables::load_regions(const TaxonomySource& source) {
  for (const RegionInfo& info : source.regions) {
    if (!regions.emplace(info.id, info).second) {
      fail_taxonomy(kRegionsFile, "two regions with the id " + std::to_string(raw(info.id)));
    }
    for (const std::string& word : all_names(info)) {
      const auto [place, added] = region_words.emplace(plain_words(word), info.id);
      if (!added && place->second != info.id) {
        fail_taxonomy(kRegionsFile, "'" + word + "' is two regions");
      }
    }
  }
}

void Taxonomy::Tables::load_classes(const TaxonomySource& source) {
  spellings = source.spellings;
  for (const ClassSource& entry : source.classes) {
    ClassInfo info = entry.info;
    if (normalise_class_name(info.name) != info.name) {
      fail_taxonomy(kClassesFile, "'" + info.name + "' is not in its normal form '" +
                                      normalise_class_name(info.name) + "'");
    }
    std::tie(info.side, info.base) = split_side(info.name);
    if (!entry.region.empty()) {
      const auto region = region_words.find(plain_words(entry.region));
      if (region == region_words.end()) {
        fail_taxonomy(kClassesFile, "no region '" + entry.region + "' for '" + info.name + "'");
      }
      info.region = region->second;
    }
    for (const std::string& name : all_names(info)) {
      const std::string key = class_key(name);
      if (key.empty()) fail_taxonomy(kClassesFile, "an empty alias of '" + info.name + "'");
      const auto [place, added] = class_keys.emplace(key, info.id);
      if (!added && place->second != info.id) {
        fail_taxonomy(kClassesFile, "'" + name + "' names both class " +
                                        std::to_string(raw(place->second)) + " and class " +
                                        std::to_string(raw(info.id)));
      }
    }
    const ClassId id = info.id;
    if (!classes.emplace(id, ClassEntry{std::move(info), {}, {}}).second) {
      fail_taxonomy(kClassesFile, "two classes with the id " + std::to_string(raw(id)));
    }
  }
  name_parents(source);
  close_parents();
  name_parts(source);
}

// Fills ClassInfo::parents: the base of a side first, then what the file names.
void Taxonomy::Tables::name_parents(const TaxonomySource& source) {
  std::unordered_map<std::string, ClassId> ids;
  for (const auto& [id, entry] : classes) ids.emplace(entry.info.name, id);

  for (const ClassSource& entry : source.classes) {
    ClassInfo& info = classes.at(entry.info.id).info;
    std::vector<std::string> names = entry.parents;
    if (info.side != Side::none && ids.count(info.base) != 0) {
      names.insert(names.begin(), info.base);
    }
    for (const std::string& name : names) {
      const auto parent = ids.find(name);
      if (parent == ids.end()) {
        fail_taxonomy(kClassesFile, "'" + info.name + "' has an unknown parent '" + name + "'");
      }
      if (std::find(info.parents.begin(), info.parents.end(), parent->second) ==
          info.parents.end()) {
        info.parents.push_back(parent->second);
      }
    }
  }
}

// Fills members and ancestors of every class from the parents.
void Taxonomy::Tables::close_parents() {
  for (auto& [id, entry] : classes) {
    // Upward from each class in turn: one on a cycle meets itself.
    std::vector<ClassId> open = {id};
    while (!open.empty()) {
      const ClassId at = open.back();
      open.pop_back();
      const auto& ancestors = entry.ancestors;
      if (std::binary_search(ancestors.begin(), ancestors.end(), at)) continue;
      insert_sorted(entry.ancestors, at);
      for (const ClassId parent : classes.at(at).info.parents) {
        if (parent == id) {
          fail_taxonomy(kClassesFile, "'" + entry.info.name + "' is its own ancestor");
        }
        open.push_back(parent);
      }
    }
    for (const ClassId ancestor : entry.ancestors) insert_sorted(classes.at(ancestor).members, id);
  }
}

// Fills ClassInfo::made_of. A set that is not below its class, or of one part, would make it
// covered where nobody looked.
void Taxonomy::Tables::name_parts(const TaxonomySource& source) {
  std::unordered_map<std::string, ClassId> ids;
  for (const auto& [id, entry] : classes) ids.emplace(entry.info.name, id);

  for (const ClassSource& from : source.classes) {
    ClassEntry& entry = classes.at(from.info.id);
    for (const std::vector<std::string>& names : from.made_of) {
      std::vector<ClassId> parts;
      for (const std::string& name : names) {
        const auto part = ids.find(name);
        const auto& below = entry.members;
        if (part == ids.end() || part->second == from.info.id ||
            !std::binary_search(below.begin(), below.end(), part->second)) {
          fail_taxonomy(kClassesFile, "'" + from.info.name + "' is made of '" + name +
                                          "', which is not below it");
        }
        insert_sorted(parts, part->second);
      }
      if (parts.size() < 2) {
        fail_taxonomy(kClassesFile, "'" + from.info.name + "' is made of fewer than two parts");
      }
      entry.info.made_of.push_back(std::move(parts));
    }
  }
}

// What a name is looked up by: normalised, "-" as a blank, each word in its one spelling.
std::string Taxonomy::Tables::class_key(std::string_view name) const {
  std::string key;
  for (const std::string& word : split_words(plain_words(normalise_class_name(name)))) {
    const auto spelling = spellings.find(word);
    if (!key.empty()) key += ' ';
    key += spelling == spellings.end() ? word : spelling->second;
  }
  return key;
}

std::optional<ClassId> Taxonomy::Tables::find_key(const std::string& key) const {
  const auto found = class_keys.find(key);
  if (found == class_keys.end()) return std::nullopt;
  return found->second;
}

}  // namespace slicebank
