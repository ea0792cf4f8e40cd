#include "schema/taxonomy.h"

#include <algorithm>
#include <map>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "schema/error.h"
#include "schema/internal/taxonomy_tables.h"
#include "schema/limits.h"

namespace slicebank {
namespace {

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
  for (const std::string& name : all_names(info)) {
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

// Puts "left lamp", added first, below "lamp", added now. The parents that the older class
// was given stay as they are: only what queries find changes.
void Taxonomy::Tables::adopt_sides(ClassId id) {
  const ClassEntry& base = classes.at(id);
  if (base.info.side != Side::none) return;
  const std::vector<ClassId> above = base.ancestors;
  for (const auto& [other, entry] : classes) {
    if (entry.info.side == Side::none || entry.info.base != base.info.name) continue;
    if (std::binary_search(above.begin(), above.end(), other)) continue;
    const std::vector<ClassId> below = entry.members;
    for (const ClassId member : below) {
      for (const ClassId ancestor : above) {
        insert_sorted(classes.at(member).ancestors, ancestor);
        insert_sorted(classes.at(ancestor).members, member);
      }
    }
  }
}

Taxonomy Taxonomy::parse(std::string_view modalities_json, std::string_view regions_json,
                         std::string_view classes_json) {
  Taxonomy taxonomy;
  taxonomy.tables_ =
      std::make_unique<Tables>(read_taxonomy(modalities_json, regions_json, classes_json));
  return taxonomy;
}

const Taxonomy& Taxonomy::builtin() {
  // Never destroyed, so that threads that outlive main may still look names up.
  static const Taxonomy* const kBuiltin = [] {
    auto taxonomy = std::make_unique<Taxonomy>();
    taxonomy->tables_ = std::make_unique<Tables>(read_builtin_taxonomy());
    return taxonomy.release();
  }();
  return *kBuiltin;
}

std::uint32_t Taxonomy::builtin_version() { return builtin().tables_->version; }

std::optional<ModalityMatch> Taxonomy::find_modality(std::string_view word) const {
  std::vector<std::string> words = split_words(plain_words(word));
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
  for (const std::string& name : all_names(entry.info)) {
    tables.class_keys.emplace(tables.class_key(name), id);
  }
  tables.classes.emplace(id, std::move(entry));
  tables.adopt_sides(id);
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
