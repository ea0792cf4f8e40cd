#include "query/split_aliases.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <unordered_map>
#include <utility>

#include "query/internal/union_find.h"
#include "schema/error.h"
#include "store/select.h"
#include "store/writer.h"

namespace slicebank {
namespace {

constexpr std::uintmax_t kFileBytesMax = 1'000'000'000;

// Fields of one line of CSV (RFC 4180, without line breaks inside quotes).
std::vector<std::string> fields_of(std::string_view line) {
  std::vector<std::string> fields(1);
  bool quoted = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (c == '"') {
      if (quoted && i + 1 < line.size() && line[i + 1] == '"')
        fields.back() += line[i++];
      else
        quoted = !quoted;
    } else if (c == ',' && !quoted) {
      fields.emplace_back();
    } else {
      fields.back() += c;
    }
  }
  return fields;
}

// `*` stands for any characters, also none.
bool matches(std::string_view pattern, std::string_view text) {
  std::size_t at = 0, i = 0;
  std::size_t star = std::string_view::npos, after_star = 0;
  while (i < text.size()) {
    if (at < pattern.size() && pattern[at] == '*') {
      star = at++;
      after_star = i;
    } else if (at < pattern.size() && pattern[at] == text[i]) {
      ++at;
      ++i;
    } else if (star != std::string_view::npos) {
      at = star + 1;
      i = ++after_star;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', at) == std::string_view::npos;
}

std::string pair_key(const std::string& dataset, const std::string& patient) {
  return dataset + '\0' + patient;
}

}  // namespace

SubjectAliases SubjectAliases::parse(std::string_view csv, const std::string& source) {
  SubjectAliases aliases;
  std::vector<std::size_t> columns;
  const std::vector<std::string> names = {"dataset", "patient", "group"};
  if (csv.starts_with("\xef\xbb\xbf")) csv.remove_prefix(3);
  for (std::size_t number = 1; !csv.empty(); ++number) {
    std::string_view line = csv.substr(0, csv.find('\n'));
    csv.remove_prefix(std::min(csv.size(), line.size() + 1));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty() || line.front() == '#') continue;
    const std::vector<std::string> fields = fields_of(line);
    if (columns.empty()) {
      for (const std::string& name : names) {
        const auto found = std::find(fields.begin(), fields.end(), name);
        if (found == fields.end()) {
          throw Error(ErrorCode::bad_format,
                      fmt::format("{}:{}: the header has no column '{}'", source, number, name),
                      "the first line is dataset,patient,group");
        }
        columns.push_back(static_cast<std::size_t>(found - fields.begin()));
      }
      continue;
    }
    if (fields.size() <= *std::max_element(columns.begin(), columns.end())) {
      throw Error(ErrorCode::bad_format,
                  fmt::format("{}:{}: {} fields are too few", source, number, fields.size()),
                  "a line is DATASET,PATIENT,GROUP");
    }
    for (const std::size_t column : columns) {
      if (!fields[column].empty()) continue;
      throw Error(ErrorCode::bad_format, fmt::format("{}:{}: an empty field", source, number),
                  "a line is DATASET,PATIENT,GROUP");
    }
    aliases.add(fields[columns[0]], fields[columns[1]], fields[columns[2]]);
  }
  return aliases;
}

SubjectAliases SubjectAliases::read(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  std::error_code failed;
  const auto size = std::filesystem::file_size(file, failed);
  if (!stream || failed) {
    throw Error(ErrorCode::io, fmt::format("cannot read {}", file.string()),
                "a CSV file with the header dataset,patient,group");
  }
  if (size > kFileBytesMax) {
    throw Error(ErrorCode::limit, fmt::format("{} has {} bytes", file.string(), size));
  }
  std::string text(static_cast<std::size_t>(size), '\0');
  stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  return parse(text, file.filename().string());
}

void SubjectAliases::add(const std::string& dataset, const std::string& patient,
                         const std::string& group) {
  const std::size_t rule = rules_.size();
  rules_.push_back({dataset, patient, group});
  if (patient == "*" || dataset.find('*') != std::string::npos) {
    patterns_.push_back(rule);
    return;
  }
  exact_[pair_key(dataset, patient)].push_back(rule);
}

void SubjectAliases::same_patients(const std::vector<std::string>& datasets) {
  std::string group;
  for (const std::string& dataset : datasets) group += (group.empty() ? "" : ",") + dataset;
  for (const std::string& dataset : datasets) add(dataset, "*", group);
}

std::vector<std::string> SubjectAliases::groups_of(const std::string& dataset,
                                                   const std::string& patient) const {
  std::vector<std::string> groups;
  if (const auto found = exact_.find(pair_key(dataset, patient)); found != exact_.end()) {
    for (const std::size_t rule : found->second) groups.push_back(rules_[rule].group);
  }
  for (const std::size_t number : patterns_) {
    const Rule& rule = rules_[number];
    if (!matches(rule.dataset, dataset)) continue;
    if (rule.patient == "*") {
      groups.push_back(pair_key(rule.group, patient));
    } else if (rule.patient == patient) {
      groups.push_back(rule.group);
    }
  }
  return groups;
}

std::string SubjectAliases::fingerprint() const {
  std::string text;
  for (const Rule& rule : rules_) {
    for (const std::string* part : {&rule.dataset, &rule.patient, &rule.group}) {
      text += *part;
      text += '\0';
    }
  }
  return fmt::format("{:016x}", XXH3_64bits(text.data(), text.size()));
}

RecordedAliases record_aliases(const Bank& bank, const SubjectAliases& aliases) {
  struct Known {
    std::uint64_t id = 0;
    std::uint64_t alias = 0;
  };
  std::vector<Known> subjects;
  std::vector<std::pair<std::string, std::string>> names;
  Rows rows = select(bank,
                     "SELECT u.id, u.alias_group, d.name, u.patient_id FROM _subject u "
                     "JOIN _dataset d ON d.id = u.dataset_id ORDER BY u.id");
  std::uint64_t free_group = 1;
  while (rows.next()) {
    subjects.push_back(
        {static_cast<std::uint64_t>(rows.integer(0)), static_cast<std::uint64_t>(rows.integer(1))});
    names.emplace_back(rows.text(2), rows.text(3));
    free_group = std::max(free_group, subjects.back().alias + 1);
  }
  UnionFind joined(subjects.size());
  std::unordered_map<std::string, std::size_t> first_of_group;
  std::unordered_map<std::uint64_t, std::size_t> first_of_alias;
  for (std::size_t i = 0; i < subjects.size(); ++i) {
    if (subjects[i].alias != 0) {
      joined.join(first_of_alias.try_emplace(subjects[i].alias, i).first->second, i);
    }
    for (const std::string& group : aliases.groups_of(names[i].first, names[i].second)) {
      joined.join(first_of_group.try_emplace(group, i).first->second, i);
    }
  }
  std::map<std::size_t, std::vector<std::size_t>> persons;
  for (std::size_t i = 0; i < subjects.size(); ++i) persons[joined.find(i)].push_back(i);

  RecordedAliases recorded;
  std::vector<std::pair<SubjectId, std::uint64_t>> changes;
  // In the order of the first subject, so that group numbers follow from the bank.
  std::map<std::size_t, const std::vector<std::size_t>*> by_first;
  for (const auto& [root, members] : persons) by_first[members.front()] = &members;
  for (const auto& [first, members] : by_first) {
    if (members->size() < 2) continue;
    std::uint64_t group = 0;
    for (const std::size_t member : *members) {
      const std::uint64_t own = subjects[member].alias;
      if (own != 0 && (group == 0 || own < group)) group = own;
    }
    if (group == 0) group = free_group++;
    ++recorded.groups;
    recorded.subjects += members->size();
    for (const std::size_t member : *members) {
      if (subjects[member].alias == group) continue;
      changes.emplace_back(SubjectId{subjects[member].id}, group);
    }
  }
  recorded.changed = changes.size();
  if (changes.empty()) return recorded;
  Writer writer = Writer::open(bank.path());
  for (const auto& [subject, group] : changes) writer.set_alias_group(subject, group);
  writer.commit();
  return recorded;
}

}  // namespace slicebank
