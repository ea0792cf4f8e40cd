#include "schema/taxonomy.h"

#include <algorithm>
#include <cassert>
#include <initializer_list>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "schema/error.h"
#include "schema/limits.h"

namespace slicebank {
namespace {

using Json = nlohmann::json;

// GCC knows the flag under this name too; the data is longer than the 64 KiB that a C++
// compiler must accept in one literal, and both compilers take it.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Woverlength-strings"
constexpr std::string_view kModalitiesJson =
#include "modalities.json.inc"
    ;
constexpr std::string_view kRegionsJson =
#include "regions.json.inc"
    ;
constexpr std::string_view kClassesJson =
#include "classes.json.inc"
    ;
#pragma GCC diagnostic pop

[[noreturn]] void fail(const std::string& file, const std::string& what) {
  throw Error(ErrorCode::bad_format, file + ": " + what,
              "see docs/taxonomy.md for the rules of this file");
}

// Lower case; everything that merely parts words becomes one blank.
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

// Side and base of a normalised name: "left kidney" -> left, "kidney".
std::pair<Side, std::string> split_side(const std::string& name) {
  if (name.rfind("left ", 0) == 0) return {Side::left, name.substr(5)};
  if (name.rfind("right ", 0) == 0) return {Side::right, name.substr(6)};
  return {Side::none, name};
}

// One file of the built-in data: its version and entries, with nothing in it unread.
class Source {
 public:
  Source(std::string file, std::string_view text) : file_(std::move(file)) {
    json_ = Json::parse(text, nullptr, false);
    if (json_.is_discarded() || !json_.is_object()) fail(file_, "not a JSON object");
    version_ = number(json_, "version");
  }

  std::uint32_t version() const { return version_; }

  const Json& entries(const char* key) const {
    if (!json_.contains(key) || !json_[key].is_array()) {
      fail(file_, std::string("the array '") + key + "' is not there");
    }
    return json_[key];
  }

  std::unordered_map<std::string, std::string> words(const char* key) const {
    std::unordered_map<std::string, std::string> words;
    if (!json_.contains(key)) return words;
    for (const auto& [from, to] : json_[key].items()) {
      if (!to.is_string()) fail(file_, "spelling of '" + from + "' is not a text");
      words.emplace(from, to.get<std::string>());
    }
    return words;
  }

  void allow_keys(const Json& entry, std::initializer_list<std::string_view> keys) const {
    if (!entry.is_object()) fail(file_, "an entry is not an object: " + entry.dump());
    for (const auto& [key, value] : entry.items()) {
      if (std::find(keys.begin(), keys.end(), key) == keys.end()) {
        fail(file_, "unknown key '" + key + "' in " + entry.dump());
      }
    }
  }

  std::uint32_t number(const Json& entry, const char* key) const {
    const auto found = entry.find(key);
    if (found == entry.end() || !found->is_number_unsigned() || *found == 0u ||
        *found >= kFirstBankClass) {
      fail(file_, std::string("'") + key + "' must be a number from 1 to " +
                      std::to_string(kFirstBankClass - 1) + " in " + entry.dump().substr(0, 200));
    }
    return found->get<std::uint32_t>();
  }

  std::uint16_t small_number(const Json& entry, const char* key) const {
    const std::uint32_t value = number(entry, key);
    if (value > 0xffff) fail(file_, std::string("'") + key + "' is too large in " + entry.dump());
    return static_cast<std::uint16_t>(value);
  }

  std::string text(const Json& entry, const char* key) const {
    const auto found = entry.find(key);
    if (found == entry.end() || !found->is_string() ||
        found->get_ref<const std::string&>().empty()) {
      fail(file_, std::string("'") + key + "' must be a text in " + entry.dump());
    }
    return found->get<std::string>();
  }

  std::vector<std::string> texts(const Json& entry, const char* key) const {
    std::vector<std::string> texts;
    const auto found = entry.find(key);
    if (found == entry.end()) return texts;
    if (!found->is_array()) fail(file_, std::string("'") + key + "' must be a list");
    for (const Json& item : *found) {
      if (!item.is_string()) fail(file_, std::string("'") + key + "' must hold texts only");
      texts.push_back(item.get<std::string>());
    }
    return texts;
  }

  bool flag(const Json& entry, const char* key) const {
    const auto found = entry.find(key);
    if (found == entry.end()) return false;
    if (!found->is_boolean()) fail(file_, std::string("'") + key + "' must be true or false");
    return found->get<bool>();
  }

  const std::string& file() const { return file_; }

 private:
  std::string file_;
  Json json_;
  std::uint32_t version_ = 0;
};

struct ClassEntry {
  ClassInfo info;
  std::vector<ClassId> members;    // with itself, ascending
  std::vector<ClassId> ancestors;  // with itself, ascending
};

template <typename Id>
void insert_sorted(std::vector<Id>& ids, Id id) {
  const auto place = std::lower_bound(ids.begin(), ids.end(), id);
  if (place == ids.end() || *place != id) ids.insert(place, id);
}

template <typename Info, typename Id>
const Info* find_by_id(const std::map<Id, Info>& entries, Id id) {
  const auto found = entries.find(id);
  return found == entries.end() ? nullptr : &found->second;
}

template <typename Info, typename Id>
std::vector<Info> values(const std::map<Id, Info>& entries) {
  std::vector<Info> list;
  list.reserve(entries.size());
  for (const auto& [id, info] : entries) list.push_back(info);
  return list;
}

}  // namespace

struct Taxonomy::Tables {
  std::uint32_t version = 0;
  std::map<ModalityId, ModalityInfo> modalities;
  std::map<SequenceId, SequenceInfo> sequences;
  std::map<RegionId, RegionInfo> regions;
  std::map<ClassId, ClassEntry> classes;
  std::unordered_map<std::string, ModalityId> modality_words;
  std::map<std::pair<ModalityId, std::string>, SequenceId> sequence_words;
  std::unordered_map<std::string, SequenceId> lone_words;  // sequences that name the modality
  std::unordered_map<std::string, RegionId> region_words;
  std::unordered_map<std::string, std::string> spellings;
  std::unordered_map<std::string, ClassId> class_keys;

  void load_modalities(const Source& source);
  void load_regions(const Source& source);
  void load_classes(const Source& source);
  void link_classes(const Source& source, const std::map<ClassId, std::vector<std::string>>& names);
  std::string class_key(std::string_view name) const;
  std::optional<ClassId> find_key(const std::string& key) const;
  std::optional<ModalityMatch> match_modality(const std::vector<std::string>& words) const;
  void check_new_class(const ClassInfo& info) const;
};

void Taxonomy::Tables::load_modalities(const Source& source) {
  const auto add_word = [&](const std::string& word, ModalityId id) {
    const auto [place, added] = modality_words.emplace(plain_words(word), id);
    if (!added && place->second != id) fail(source.file(), "'" + word + "' is two modalities");
  };
  for (const Json& entry : source.entries("modalities")) {
    source.allow_keys(entry, {"id", "name", "aliases"});
    const ModalityInfo info{ModalityId{source.small_number(entry, "id")},
                            source.text(entry, "name"), source.texts(entry, "aliases")};
    if (!modalities.emplace(info.id, info).second) {
      fail(source.file(), "modality id " + std::to_string(raw(info.id)) + " is used twice");
    }
    add_word(info.name, info.id);
    for (const std::string& alias : info.aliases) add_word(alias, info.id);
  }
  for (const Json& entry : source.entries("sequences")) {
    source.allow_keys(entry, {"id", "modality", "name", "aliases", "alone"});
    const std::string modality = source.text(entry, "modality");
    const auto found = modality_words.find(plain_words(modality));
    if (found == modality_words.end()) fail(source.file(), "no modality '" + modality + "'");
    SequenceInfo info{SequenceId{source.small_number(entry, "id")}, found->second,
                      source.text(entry, "name"), source.texts(entry, "aliases")};
    // Words that say the modality as well: "T1ce" can only be MR, "CBF" may be CT too.
    for (const std::string& word : source.texts(entry, "alone")) {
      const auto [place, added] = lone_words.emplace(plain_words(word), info.id);
      if (!added) fail(source.file(), "'" + word + "' stands alone for two sequences");
      if (word != info.name) info.aliases.push_back(word);
    }
    std::vector<std::string> words = info.aliases;
    words.push_back(info.name);
    for (const std::string& word : words) {
      const auto [place, added] =
          sequence_words.emplace(std::pair(info.modality, plain_words(word)), info.id);
      if (!added && place->second != info.id) {
        fail(source.file(), "'" + word + "' is two sequences of " + modality);
      }
    }
    const SequenceId id = info.id;
    if (!sequences.emplace(id, std::move(info)).second) {
      fail(source.file(), "sequence id " + std::to_string(raw(id)) + " is used twice");
    }
  }
  for (const auto& [word, id] : lone_words) {
    if (modality_words.count(word) != 0) {
      fail(source.file(), "'" + word + "' is a modality and a sequence");
    }
  }
}

void Taxonomy::Tables::load_regions(const Source& source) {
  for (const Json& entry : source.entries("regions")) {
    source.allow_keys(entry, {"id", "name", "aliases"});
    const RegionInfo info{RegionId{source.small_number(entry, "id")}, source.text(entry, "name"),
                          source.texts(entry, "aliases")};
    if (!regions.emplace(info.id, info).second) {
      fail(source.file(), "region id " + std::to_string(raw(info.id)) + " is used twice");
    }
    std::vector<std::string> words = info.aliases;
    words.push_back(info.name);
    for (const std::string& word : words) {
      const auto [place, added] = region_words.emplace(plain_words(word), info.id);
      if (!added && place->second != info.id) fail(source.file(), "'" + word + "' is two regions");
    }
  }
}

void Taxonomy::Tables::load_classes(const Source& source) {
  spellings = source.words("spellings");
  std::map<ClassId, std::vector<std::string>> parent_names;
  for (const Json& entry : source.entries("classes")) {
    source.allow_keys(entry, {"id", "name", "region", "lesion", "parents", "aliases"});
    ClassInfo info;
    info.id = ClassId{source.number(entry, "id")};
    info.name = source.text(entry, "name");
    if (normalise_class_name(info.name) != info.name) {
      fail(source.file(), "'" + info.name + "' is not in its normal form '" +
                              normalise_class_name(info.name) + "'");
    }
    std::tie(info.side, info.base) = split_side(info.name);
    if (entry.contains("region")) {
      const std::string region = source.text(entry, "region");
      const auto found = region_words.find(plain_words(region));
      if (found == region_words.end()) fail(source.file(), "no region '" + region + "'");
      info.region = found->second;
    }
    info.lesion = source.flag(entry, "lesion");
    info.aliases = source.texts(entry, "aliases");
    parent_names[info.id] = source.texts(entry, "parents");

    std::vector<std::string> names = info.aliases;
    names.push_back(info.name);
    for (const std::string& name : names) {
      const std::string key = class_key(name);
      if (key.empty()) fail(source.file(), "an empty name of '" + info.name + "'");
      const auto [place, added] = class_keys.emplace(key, info.id);
      if (!added && place->second != info.id) {
        fail(source.file(), "'" + name + "' names both class " +
                                std::to_string(raw(place->second)) + " and class " +
                                std::to_string(raw(info.id)));
      }
    }
    const ClassId id = info.id;
    if (!classes.emplace(id, ClassEntry{std::move(info), {}, {}}).second) {
      fail(source.file(), "class id " + std::to_string(raw(id)) + " is used twice");
    }
  }
  link_classes(source, parent_names);
}

void Taxonomy::Tables::link_classes(const Source& source,
                                    const std::map<ClassId, std::vector<std::string>>& names) {
  std::unordered_map<std::string, ClassId> ids;
  for (const auto& [id, entry] : classes) ids.emplace(entry.info.name, id);

  for (auto& [id, entry] : classes) {
    std::vector<std::string> parents = names.at(id);
    const std::string& base = entry.info.base;
    if (entry.info.side != Side::none && ids.count(base) != 0)
      parents.insert(parents.begin(), base);
    for (const std::string& parent : parents) {
      const auto found = ids.find(parent);
      if (found == ids.end()) {
        fail(source.file(), "'" + entry.info.name + "' has an unknown parent '" + parent + "'");
      }
      std::vector<ClassId>& known = entry.info.parents;
      if (std::find(known.begin(), known.end(), found->second) == known.end()) {
        known.push_back(found->second);
      }
    }
  }

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
          fail(source.file(), "'" + entry.info.name + "' is its own ancestor");
        }
        open.push_back(parent);
      }
    }
    for (const ClassId ancestor : entry.ancestors) insert_sorted(classes.at(ancestor).members, id);
  }
}

// What a name is looked up by: normalised, "-" as a blank, each word in its one spelling.
std::string Taxonomy::Tables::class_key(std::string_view name) const {
  const std::string plain = plain_words(normalise_class_name(name));
  std::string key;
  std::size_t at = 0;
  while (at < plain.size()) {
    const std::size_t end = std::min(plain.find(' ', at), plain.size());
    const std::string word = plain.substr(at, end - at);
    const auto spelling = spellings.find(word);
    if (!key.empty()) key += ' ';
    key += spelling == spellings.end() ? word : spelling->second;
    at = end + 1;
  }
  return key;
}

std::optional<ClassId> Taxonomy::Tables::find_key(const std::string& key) const {
  const auto found = class_keys.find(key);
  if (found == class_keys.end()) return std::nullopt;
  return found->second;
}

std::optional<ModalityMatch> Taxonomy::Tables::match_modality(
    const std::vector<std::string>& words) const {
  const auto join = [&](std::size_t begin, std::size_t end) {
    std::string text;
    for (std::size_t at = begin; at < end; ++at) text += (at == begin ? "" : " ") + words[at];
    return text;
  };
  const auto pair_of = [&](const std::string& modality,
                           const std::string& sequence) -> std::optional<ModalityMatch> {
    const auto found = modality_words.find(modality);
    if (found == modality_words.end()) return std::nullopt;
    if (sequence == "00") return ModalityMatch{found->second, {}};  // SA-Med2D: none known
    const auto part = sequence_words.find(std::pair(found->second, sequence));
    if (part == sequence_words.end()) return std::nullopt;
    return ModalityMatch{found->second, part->second};
  };

  const std::string whole = join(0, words.size());
  const auto modality = modality_words.find(whole);
  if (modality != modality_words.end()) return ModalityMatch{modality->second, {}};
  const auto sequence = lone_words.find(whole);
  if (sequence != lone_words.end()) {
    return ModalityMatch{sequences.at(sequence->second).modality, sequence->second};
  }
  for (std::size_t cut = words.size(); cut-- > 1;) {
    if (const auto match = pair_of(join(0, cut), join(cut, words.size()))) return match;
    if (const auto match = pair_of(join(cut, words.size()), join(0, cut))) return match;
  }
  return std::nullopt;
}

void Taxonomy::Tables::check_new_class(const ClassInfo& info) const {
  const std::string what = "class '" + info.name + "'";
  if (raw(info.id) < kFirstBankClass) {
    throw Error(ErrorCode::bad_argument,
                what + ": id " + std::to_string(raw(info.id)) + " belongs to the taxonomy; a " +
                    "bank's own classes begin at " + std::to_string(kFirstBankClass));
  }
  if (info.name.empty()) throw Error(ErrorCode::bad_argument, "a class needs a name");
  if (classes.count(info.id) != 0) {
    throw Error(ErrorCode::already_exists, what + ": id " + std::to_string(raw(info.id)) +
                                               " is taken by '" + classes.at(info.id).info.name +
                                               "'");
  }
  std::vector<std::string> names = info.aliases;
  names.push_back(info.name);
  for (const std::string& name : names) {
    if (name.size() > limits::kNameBytesMax) {
      throw Error(ErrorCode::bad_argument, "a class name of " + std::to_string(name.size()) +
                                               " bytes; the limit is " +
                                               std::to_string(limits::kNameBytesMax));
    }
    const std::string key = class_key(name);
    if (key.empty()) {
      throw Error(ErrorCode::bad_argument, "'" + name + "' holds no word and cannot name a class");
    }
    if (const auto taken = find_key(key)) {
      throw Error(ErrorCode::already_exists,
                  "'" + name + "' is class '" + classes.at(*taken).info.name + "' already");
    }
  }
  if (raw(info.region) != 0 && regions.count(info.region) == 0) {
    throw Error(ErrorCode::bad_argument,
                what + ": no region has the id " + std::to_string(raw(info.region)));
  }
  for (const ClassId parent : info.parents) {
    if (classes.count(parent) == 0) {
      throw Error(ErrorCode::bad_argument,
                  what + ": no class has the id " + std::to_string(raw(parent)) + " of its parent",
                  "add the parent first");
    }
  }
}

Taxonomy Taxonomy::parse(std::string_view modalities_json, std::string_view regions_json,
                         std::string_view classes_json) {
  const Source modalities("modalities.json", modalities_json);
  const Source regions("regions.json", regions_json);
  const Source classes("classes.json", classes_json);
  Taxonomy taxonomy;
  Tables& tables = *taxonomy.tables_;
  tables.version = std::max({modalities.version(), regions.version(), classes.version()});
  tables.load_modalities(modalities);
  tables.load_regions(regions);
  tables.load_classes(classes);
  return taxonomy;
}

const Taxonomy& Taxonomy::builtin() {
  // Never destroyed, so that threads that outlive main may still look names up.
  static const Taxonomy* const taxonomy =
      new Taxonomy(parse(kModalitiesJson, kRegionsJson, kClassesJson));
  return *taxonomy;
}

std::uint32_t Taxonomy::builtin_version() { return builtin().tables_->version; }

std::optional<ModalityMatch> Taxonomy::find_modality(std::string_view word) const {
  std::vector<std::string> words;
  const std::string plain = plain_words(word);
  for (std::size_t at = 0; at < plain.size();) {
    const std::size_t end = std::min(plain.find(' ', at), plain.size());
    words.push_back(plain.substr(at, end - at));
    at = end + 1;
  }
  // No modality takes more words; more would only cost time.
  constexpr std::size_t kWordsMax = 8;
  if (words.empty() || words.size() > kWordsMax) return std::nullopt;
  if (const auto match = tables_->match_modality(words)) return match;
  const std::string& first = words.front();
  if (words.size() > 1 &&
      (first == "2d" || first == "3d" || first == "2dbox" || first == "3dbox")) {
    words.erase(words.begin());
    return tables_->match_modality(words);
  }
  return std::nullopt;
}

std::optional<RegionId> Taxonomy::find_region(std::string_view word) const {
  const auto found = tables_->region_words.find(plain_words(word));
  if (found == tables_->region_words.end()) return std::nullopt;
  return found->second;
}

std::optional<ClassId> Taxonomy::find_class(std::string_view name) const {
  const std::string key = tables_->class_key(name);
  if (const auto found = tables_->find_key(key)) return found;
  const auto [side, base] = split_side(key);
  if (side == Side::none) return std::nullopt;
  const auto base_id = tables_->find_key(base);
  if (!base_id) return std::nullopt;
  const ClassInfo& base_info = tables_->classes.at(*base_id).info;
  if (base_info.side != Side::none) return std::nullopt;
  const std::string sided = (side == Side::left ? "left " : "right ") + base_info.name;
  return tables_->find_key(tables_->class_key(sided));
}

const ModalityInfo* Taxonomy::modality(ModalityId id) const {
  return find_by_id(tables_->modalities, id);
}

const SequenceInfo* Taxonomy::sequence(SequenceId id) const {
  return find_by_id(tables_->sequences, id);
}

const RegionInfo* Taxonomy::region(RegionId id) const { return find_by_id(tables_->regions, id); }

const ClassInfo* Taxonomy::class_info(ClassId id) const {
  const ClassEntry* entry = find_by_id(tables_->classes, id);
  return entry == nullptr ? nullptr : &entry->info;
}

std::vector<ClassId> Taxonomy::members(ClassId id) const {
  const ClassEntry* entry = find_by_id(tables_->classes, id);
  return entry == nullptr ? std::vector<ClassId>{} : entry->members;
}

std::vector<ClassId> Taxonomy::ancestors(ClassId id) const {
  const ClassEntry* entry = find_by_id(tables_->classes, id);
  return entry == nullptr ? std::vector<ClassId>{} : entry->ancestors;
}

std::vector<ModalityInfo> Taxonomy::modalities() const { return values(tables_->modalities); }
std::vector<SequenceInfo> Taxonomy::sequences() const { return values(tables_->sequences); }
std::vector<RegionInfo> Taxonomy::regions() const { return values(tables_->regions); }

std::vector<ClassInfo> Taxonomy::classes() const {
  std::vector<ClassInfo> list;
  list.reserve(tables_->classes.size());
  for (const auto& [id, entry] : tables_->classes) list.push_back(entry.info);
  return list;
}

void Taxonomy::add_class(ClassInfo info) {
  Tables& tables = *tables_;
  info.name = normalise_class_name(info.name);
  tables.check_new_class(info);
  if (info.base.empty()) {
    std::tie(info.side, info.base) = split_side(info.name);
    const auto base = tables.find_key(tables.class_key(info.base));
    if (info.side != Side::none && base && tables.classes.at(*base).info.side == Side::none &&
        std::find(info.parents.begin(), info.parents.end(), *base) == info.parents.end()) {
      info.parents.insert(info.parents.begin(), *base);
    }
  }

  // Parents are older than their children, so a new class has no members but itself and
  // can close no cycle.
  const ClassId id = info.id;
  ClassEntry entry{std::move(info), {id}, {id}};
  for (const ClassId parent : entry.info.parents) {
    for (const ClassId ancestor : tables.classes.at(parent).ancestors) {
      insert_sorted(entry.ancestors, ancestor);
    }
  }
  for (const ClassId ancestor : entry.ancestors) {
    if (ancestor != id) insert_sorted(tables.classes.at(ancestor).members, id);
  }
  tables.class_keys.emplace(tables.class_key(entry.info.name), id);
  for (const std::string& alias : entry.info.aliases) {
    tables.class_keys.emplace(tables.class_key(alias), id);
  }
  tables.classes.emplace(id, std::move(entry));
}

Taxonomy::Taxonomy() : tables_(std::make_unique<Tables>()) {}
Taxonomy::~Taxonomy() = default;
Taxonomy::Taxonomy(const Taxonomy& other) : tables_(std::make_unique<Tables>(*other.tables_)) {}
Taxonomy& Taxonomy::operator=(const Taxonomy& other) {
  if (this != &other) tables_ = std::make_unique<Tables>(*other.tables_);
  return *this;
}
Taxonomy::Taxonomy(Taxonomy&&) noexcept = default;
Taxonomy& Taxonomy::operator=(Taxonomy&&) noexcept = default;

}  // namespace slicebank
