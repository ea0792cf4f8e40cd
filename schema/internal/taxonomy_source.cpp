#include "schema/internal/taxonomy_source.h"

#include <algorithm>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <utility>

#include "schema/error.h"

namespace slicebank {
namespace {

using Json = nlohmann::json;

// The data is longer than the 64 KiB that a C++ compiler must take in one literal; the
// compilers we build with take it. GCC knows the flag under this name too.
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

// One file, and what may be asked of its entries; every answer is checked.
class JsonFile {
 public:
  JsonFile(std::string file, std::string_view text) : file_(std::move(file)) {
    json_ = Json::parse(text, nullptr, false);
    if (json_.is_discarded() || !json_.is_object()) fail("not a JSON object");
  }

  std::uint32_t version() const { return number(json_, "version"); }

  const Json& entries(const char* key) const {
    if (!json_.contains(key) || !json_[key].is_array()) {
      fail(std::string("the list '") + key + "' is not there");
    }
    return json_[key];
  }

  std::unordered_map<std::string, std::string> words(const char* key) const {
    std::unordered_map<std::string, std::string> words;
    if (!json_.contains(key)) return words;
    if (!json_[key].is_object()) fail(std::string("'") + key + "' must be an object");
    for (const auto& [from, to] : json_[key].items()) {
      if (!to.is_string()) fail("the spelling of '" + from + "' is not a text");
      words.emplace(from, to.get<std::string>());
    }
    return words;
  }

  // A key that is not known would be a slip that changes nothing, in silence.
  void allow_keys(const Json& entry, std::initializer_list<std::string_view> keys) const {
    if (!entry.is_object()) fail("an entry is not an object: " + entry.dump());
    for (const auto& [key, value] : entry.items()) {
      if (std::find(keys.begin(), keys.end(), key) == keys.end()) {
        fail("unknown key '" + key + "' in " + entry.dump());
      }
    }
  }

  std::uint32_t number(const Json& entry, const char* key) const {
    const auto found = entry.find(key);
    if (found == entry.end() || !found->is_number_unsigned() || *found == 0u ||
        *found >= kFirstBankClass) {
      fail(std::string("'") + key + "' must be a number from 1 to " +
           std::to_string(kFirstBankClass - 1) + " in " + entry.dump().substr(0, 200));
    }
    return found->get<std::uint32_t>();
  }

  std::uint16_t small_number(const Json& entry, const char* key) const {
    const std::uint32_t value = number(entry, key);
    if (value > 0xffff) fail(std::string("'") + key + "' is above 65535 in " + entry.dump());
    return static_cast<std::uint16_t>(value);
  }

  std::string text(const Json& entry, const char* key) const {
    const auto found = entry.find(key);
    if (found == entry.end() || !found->is_string() || *found == "") {
      fail(std::string("'") + key + "' must be a text in " + entry.dump());
    }
    return found->get<std::string>();
  }

  std::vector<std::string> texts(const Json& entry, const char* key) const {
    std::vector<std::string> texts;
    const auto found = entry.find(key);
    if (found == entry.end()) return texts;
    if (!found->is_array()) fail(std::string("'") + key + "' must be a list in " + entry.dump());
    for (const Json& item : *found) {
      if (!item.is_string()) fail(std::string("'") + key + "' holds no text in " + entry.dump());
      texts.push_back(item.get<std::string>());
    }
    return texts;
  }

  std::vector<std::vector<std::string>> lists_of_texts(const Json& entry, const char* key) const {
    std::vector<std::vector<std::string>> lists;
    const auto found = entry.find(key);
    if (found == entry.end()) return lists;
    if (!found->is_array()) fail(std::string("'") + key + "' must be a list in " + entry.dump());
    for (const Json& list : *found) lists.push_back(texts(Json{{key, list}}, key));
    return lists;
  }

  bool flag(const Json& entry, const char* key) const {
    const auto found = entry.find(key);
    if (found == entry.end()) return false;
    if (!found->is_boolean()) fail(std::string("'") + key + "' is no flag in " + entry.dump());
    return found->get<bool>();
  }

 private:
  [[noreturn]] void fail(const std::string& what) const { fail_taxonomy(file_, what); }

  std::string file_;
  Json json_;
};

SequenceSource read_sequence(const JsonFile& file, const Json& entry) {
  file.allow_keys(entry, {"id", "modality", "name", "aliases", "alone"});
  SequenceSource sequence;
  sequence.info.id = SequenceId{file.small_number(entry, "id")};
  sequence.info.name = file.text(entry, "name");
  sequence.info.aliases = file.texts(entry, "aliases");
  sequence.modality = file.text(entry, "modality");
  sequence.alone = file.texts(entry, "alone");
  for (const std::string& word : sequence.alone) {
    if (word != sequence.info.name) sequence.info.aliases.push_back(word);
  }
  return sequence;
}

ClassSource read_class(const JsonFile& file, const Json& entry) {
  file.allow_keys(entry, {"id", "name", "region", "lesion", "parents", "made_of", "aliases"});
  ClassSource source;
  source.info.id = ClassId{file.number(entry, "id")};
  source.info.name = file.text(entry, "name");
  source.info.lesion = file.flag(entry, "lesion");
  source.info.aliases = file.texts(entry, "aliases");
  if (entry.contains("region")) source.region = file.text(entry, "region");
  source.parents = file.texts(entry, "parents");
  source.made_of = file.lists_of_texts(entry, "made_of");
  return source;
}

}  // namespace

void fail_taxonomy(const std::string& file, const std::string& what) {
  throw Error(ErrorCode::bad_format, file + ": " + what,
              "see docs/taxonomy.md for the rules of this file");
}

TaxonomySource read_taxonomy(std::string_view modalities_json, std::string_view regions_json,
                             std::string_view classes_json) {
  const JsonFile modalities("modalities.json", modalities_json);
  const JsonFile regions("regions.json", regions_json);
  const JsonFile classes("classes.json", classes_json);
  TaxonomySource source;
  source.version = std::max({modalities.version(), regions.version(), classes.version()});
  for (const Json& entry : modalities.entries("modalities")) {
    modalities.allow_keys(entry, {"id", "name", "aliases"});
    source.modalities.push_back({ModalityId{modalities.small_number(entry, "id")},
                                 modalities.text(entry, "name"),
                                 modalities.texts(entry, "aliases")});
  }
  for (const Json& entry : modalities.entries("sequences")) {
    source.sequences.push_back(read_sequence(modalities, entry));
  }
  for (const Json& entry : regions.entries("regions")) {
    regions.allow_keys(entry, {"id", "name", "aliases"});
    source.regions.push_back({RegionId{regions.small_number(entry, "id")},
                              regions.text(entry, "name"), regions.texts(entry, "aliases")});
  }
  source.spellings = classes.words("spellings");
  for (const Json& entry : classes.entries("classes")) {
    source.classes.push_back(read_class(classes, entry));
  }
  return source;
}

TaxonomySource read_builtin_taxonomy() {
  return read_taxonomy(kModalitiesJson, kRegionsJson, kClassesJson);
}

}  // namespace slicebank
