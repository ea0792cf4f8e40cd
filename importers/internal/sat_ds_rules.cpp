#include "importers/internal/sat_ds_rules.h"

#include <algorithm>
#include <cstring>
#include <set>
#include <span>

#include "importers/internal/small_json.h"
#include "importers/internal/volume_file.h"
#include "schema/error.h"
#include "schema/licence.h"

namespace slicebank::sat_ds {
namespace {

using internal::Json;
using internal::json_word;

const char kRules[] =
#include "sat_ds.json.inc"
    ;

struct Rules {
  std::map<std::string, DatasetRule, std::less<>> datasets;
  std::vector<std::set<std::string>> same_people;
  std::string source;
  std::string citation;
};

// The file is ours: what it does not hold is our mistake.
[[noreturn]] void refuse(const std::string& dataset, const std::string& why) {
  throw Error(ErrorCode::bad_format, "sat_ds.json: " + dataset + ": " + why);
}

std::uint32_t whole(const Json& value, const std::string& dataset) {
  const auto number = value.whole();
  if (!number) refuse(dataset, "'" + value.text + "' is no whole number");
  return *number;
}

std::vector<std::uint32_t> value_list(const Json& value, const std::string& dataset) {
  if (!value.is_list()) return {whole(value, dataset)};
  std::vector<std::uint32_t> values;
  for (const Json& each : value.items) values.push_back(whole(each, dataset));
  return values;
}

// A value, a list of values of one label, or "11-143" for as many labels in a row.
void add_values(const Json& value, const std::string& dataset, DatasetRule& rule) {
  const auto dash = value.text.find('-');
  if (!value.is_text() || dash == std::string::npos) {
    rule.values.push_back(value_list(value, dataset));
    return;
  }
  Json first;
  Json last;
  first.kind = last.kind = internal::JsonKind::text;
  first.text = value.text.substr(0, dash);
  last.text = value.text.substr(dash + 1);
  for (std::uint32_t each = whole(first, dataset); each <= whole(last, dataset); ++each) {
    rule.values.push_back({each});
  }
}

PatientRule patient_rule(const Json& json) {
  PatientRule rule;
  if (const Json* endings = json.find("without")) {
    for (const Json& ending : endings->items) rule.without.push_back(ending.text);
  }
  rule.before = json_word(json, "before");
  rule.before_last = json_word(json, "before_last");
  rule.path_part = json_word(json, "path_part");
  return rule;
}

DatasetRule dataset_rule(const Json& json, const std::string& name) {
  DatasetRule rule;
  rule.known = true;
  rule.region = json_word(json, "region");
  const Json* labels = json.find("labels");
  if (labels == nullptr) refuse(name, "no number of labels");
  rule.labels = whole(*labels, name);
  rule.stack = json.find("stack") != nullptr;
  if (const Json* values = json.find("values")) {
    for (const Json& value : values->items) add_values(value, name, rule);
    if (rule.values.size() != rule.labels) refuse(name, "as many values as labels are needed");
  }
  if (const Json* named = json.find("named")) {
    for (const auto& [label, values] : named->members) {
      rule.named[label] = value_list(values, name);
    }
    if (rule.named.size() != rule.labels) refuse(name, "as many named as labels are needed");
  }
  if (const Json* merges = json.find("merges")) {
    for (const auto& [merged, range] : merges->members) {
      const std::vector<std::uint32_t> places = value_list(range, name);
      if (places.size() != 2 || places[0] == 0 || places[1] > rule.labels) {
        refuse(name, "a merge is of a first and a last label");
      }
      rule.merges[merged] = {places[0] - 1, places[1] - 1};
    }
  }
  if (const Json* left_out = json.find("left_out")) {
    for (const auto& [value, what] : left_out->members) {
      Json number;
      number.kind = internal::JsonKind::text;
      number.text = value;
      rule.left_out[whole(number, name)] = what.text;
    }
  }
  if (const Json* channels = json.find("channels")) {
    for (const Json& channel : channels->items) rule.channels.push_back(channel.text);
  }
  if (const Json* patient = json.find("patient")) rule.patient = patient_rule(*patient);
  return rule;
}

Rules parse_rules() {
  const std::span<const char> text(kRules, std::strlen(kRules));
  const Json json = internal::parse_json(std::as_bytes(text), "sat_ds.json");
  Rules rules;
  rules.source = json_word(json, "source");
  rules.citation = json_word(json, "citation");
  for (const auto& [name, rule] : json.find("datasets")->members) {
    rules.datasets.emplace(name, dataset_rule(rule, name));
  }
  for (const Json& group : json.find("same_people")->items) {
    std::set<std::string>& names = rules.same_people.emplace_back();
    for (const Json& name : group.items) names.insert(name.text);
  }
  for (const Json& licence : json.find("licences")->items) {
    const std::string words = json_word(licence, "text");
    for (const Json& name : licence.find("datasets")->items) {
      const auto found = rules.datasets.find(name.text);
      if (found == rules.datasets.end()) refuse(name.text, "a licence, but no rule");
      found->second.licence = {words, licence_tag(words), json_word(licence, "source")};
    }
  }
  return rules;
}

const Rules& rules() {
  static const Rules parsed = parse_rules();
  return parsed;
}

std::string without_file_ending(const std::string& id) {
  const std::size_t ending = internal::volume_ending(id).size();
  if (ending != 0) return id.substr(0, id.size() - ending);
  return id.ends_with(".npy") && id.size() > 4 ? id.substr(0, id.size() - 4) : id;
}

std::string part_of_path(const std::string& path, const std::string& beginning) {
  std::size_t at = 0;
  while (at < path.size()) {
    const std::size_t end = path.find('/', at);
    if (end == std::string::npos) break;  // the last part is the file
    if (path.compare(at, beginning.size(), beginning) == 0) return path.substr(at, end - at);
    at = end + 1;
  }
  return internal::volume_stem(path);
}

std::vector<std::uint32_t> values_at(const DatasetRule& rule, std::size_t place,
                                     std::size_t labels) {
  if (place < rule.values.size()) return rule.values[place];
  if (labels == 1) return {};  // sets of one class: everything above 0.5 is inside
  return {static_cast<std::uint32_t>(place) + 1};
}

PlannedMask merged(const DatasetRule& rule, const std::string& name,
                   const std::vector<PlannedMask>& base) {
  const auto [first, last] = rule.merges.at(name);
  PlannedMask mask{name, {}, 0};
  for (std::size_t place = first; place <= last && place < base.size(); ++place) {
    if (rule.stack) {
      mask.parts.push_back(place);
    } else {
      mask.values.insert(mask.values.end(), base[place].values.begin(), base[place].values.end());
    }
  }
  return mask;
}

}  // namespace

const DatasetRule& rule_of(std::string_view dataset) {
  static const DatasetRule unknown;
  const auto found = rules().datasets.find(dataset);
  return found == rules().datasets.end() ? unknown : found->second;
}

std::vector<std::string> known_datasets() {
  std::vector<std::string> names;
  for (const auto& [name, rule] : rules().datasets) names.push_back(name);
  return names;
}

bool same_people(const std::string& dataset, const std::string& other) {
  return std::any_of(
      rules().same_people.begin(), rules().same_people.end(),
      [&](const auto& group) { return group.contains(dataset) && group.contains(other); });
}

std::string source_url() { return rules().source; }
std::string citation() { return rules().citation; }

std::vector<PlannedMask> plan_masks(const DatasetRule& rule,
                                    const std::vector<std::string>& labels) {
  std::vector<PlannedMask> masks;
  std::set<std::string> seen;
  const std::size_t listed = rule.labels == 0 || !rule.named.empty()
                                 ? labels.size()
                                 : std::min(rule.labels, labels.size());
  const std::size_t all = rule.labels == 0 ? labels.size() : rule.labels;
  for (std::size_t place = 0; place < listed; ++place) {
    PlannedMask mask{labels[place], {}, static_cast<std::uint32_t>(rule.stack ? place : 0)};
    if (!rule.named.empty()) {
      const auto named = rule.named.find(labels[place]);
      if (named == rule.named.end()) continue;
      mask.values = named->second;
    } else if (!rule.stack) {
      mask.values = values_at(rule, place, all);
    }
    if (seen.insert(labels[place]).second) masks.push_back(std::move(mask));
  }
  const std::vector<PlannedMask> base = masks;
  for (std::size_t place = listed; place < labels.size(); ++place) {
    if (!rule.merges.contains(labels[place]) || !seen.insert(labels[place]).second) continue;
    masks.push_back(merged(rule, labels[place], base));
  }
  return masks;
}

std::string person_of(const DatasetRule& rule, const std::string& patient_id,
                      const std::string& image_path) {
  if (!rule.patient.path_part.empty()) return part_of_path(image_path, rule.patient.path_part);
  std::string id = without_file_ending(patient_id);
  for (const std::string& ending : rule.patient.without) {
    if (id.size() <= ending.size() || !id.ends_with(ending)) continue;
    id.resize(id.size() - ending.size());
    break;
  }
  const auto cut = [&id](std::size_t at) {
    if (at != std::string::npos && at != 0) id.resize(at);
  };
  if (!rule.patient.before.empty()) cut(id.find(rule.patient.before));
  if (!rule.patient.before_last.empty()) cut(id.rfind(rule.patient.before_last));
  return id;
}

bool is_file_name(std::string_view patient_id) {
  return !internal::volume_ending(patient_id).empty() ||
         (patient_id.ends_with(".npy") && patient_id.size() > 4);
}

}  // namespace slicebank::sat_ds
