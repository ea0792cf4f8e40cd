#include "query/audit_cases.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <tuple>

namespace slicebank {
namespace {

constexpr std::size_t kCasesShown = 3;  // of each side of a finding

using Places = std::vector<std::pair<std::uint64_t, std::uint16_t>>;

class CaseAuditor {
 public:
  CaseAuditor(const std::vector<CaseRow>& rows, const Places& places,
              std::vector<std::string> sides, const SubjectAliases* aliases, CaseAudit* audit)
      : rows_(rows), audit_(*audit), persons_(persons_of(rows, aliases)) {
    audit_.sides = std::move(sides);
    audit_.on_side.assign(audit_.sides.size(), 0);
    side_of_.assign(rows.size(), kNowhere);
    for (const auto& [row, side] : places) {
      if (side_of_[row] != kNowhere) continue;  // listed twice: a finding of its own
      side_of_[row] = side;
      ++audit_.placed;
      ++audit_.on_side[side];
    }
  }

  void run() {
    std::map<std::uint32_t, std::vector<std::size_t>> by_subject, by_file, by_person;
    for (std::size_t row = 0; row < rows_.size(); ++row) {
      if (side_of_[row] == kNowhere) continue;
      const std::uint32_t subject = persons_.subject_of[row];
      by_subject[subject].push_back(row);
      by_file[persons_.file_of[row]].push_back(row);
      by_person[persons_.person_of[subject]].push_back(row);
    }
    for (const auto& [subject, rows] : by_subject) {
      const CaseRow& first = rows_[rows.front()];
      if (crosses("subject", rows, fmt::format("{} / {}", first.dataset, first.subject))) {
        ++audit_.leaking_subjects;
      }
    }
    for (const auto& [file, rows] : by_file) {
      if (crosses("file", rows, rows_[rows.front()].file)) ++audit_.leaking_files;
    }
    for (const auto& [person, rows] : by_person) report_person(rows);
    count_shared_ids();
    std::sort(audit_.crossings.begin(), audit_.crossings.end(), [](const auto& a, const auto& b) {
      return std::tie(b.persons, a.dataset_a, a.side_a, a.dataset_b, a.side_b) <
             std::tie(a.persons, b.dataset_a, b.side_a, b.dataset_b, b.side_b);
    });
  }

 private:
  static constexpr std::uint16_t kNowhere = 0xffff;

  // Adds a finding when the rows stand on several sides.
  bool crosses(const char* kind, const std::vector<std::size_t>& rows, const std::string& what) {
    std::map<std::uint16_t, std::vector<std::size_t>> by_side;
    for (const std::size_t row : rows) by_side[side_of_[row]].push_back(row);
    if (by_side.size() < 2) return false;
    CaseFinding finding;
    finding.kind = kind;
    std::string counts;
    for (const auto& [side, there] : by_side) {
      finding.sides.push_back(audit_.sides[side]);
      counts +=
          fmt::format("{}{} in {}", counts.empty() ? "" : ", ", there.size(), audit_.sides[side]);
      for (std::size_t i = 0; i < std::min(there.size(), kCasesShown); ++i) {
        finding.cases.push_back(rows_[there[i]].dataset + " / " + rows_[there[i]].key);
      }
    }
    finding.message = fmt::format("{}: {}", what, counts);
    audit_.findings.push_back(std::move(finding));
    return true;
  }

  // One person under several names: the leak, and between which datasets it runs.
  void report_person(const std::vector<std::size_t>& rows) {
    std::map<std::uint32_t, std::size_t> subjects;  // its first row
    std::set<std::pair<std::string, std::uint16_t>> stands;
    for (const std::size_t row : rows) {
      subjects.try_emplace(persons_.subject_of[row], row);
      stands.emplace(rows_[row].dataset, side_of_[row]);
    }
    if (subjects.size() < 2) return;
    std::string names;
    for (const auto& [subject, row] : subjects) {
      names += fmt::format("{}{} / {}", names.empty() ? "" : " = ", rows_[row].dataset,
                           rows_[row].subject);
    }
    if (crosses("alias", rows, names)) ++audit_.leaking_aliases;
    for (auto a = stands.begin(); a != stands.end(); ++a) {
      for (auto b = std::next(a); b != stands.end(); ++b) {
        if (a->first == b->first || a->second == b->second) continue;
        count_crossing(a->first, a->second, b->first, b->second);
      }
    }
  }

  void count_crossing(const std::string& dataset_a, std::uint16_t side_a,
                      const std::string& dataset_b, std::uint16_t side_b) {
    const auto key = std::make_tuple(dataset_a, side_a, dataset_b, side_b);
    const auto [place, is_new] = crossing_numbers_.try_emplace(key, audit_.crossings.size());
    if (is_new) {
      audit_.crossings.push_back(
          {dataset_a, audit_.sides[side_a], dataset_b, audit_.sides[side_b], 0});
    }
    ++audit_.crossings[place->second].persons;
  }

  void count_shared_ids() {
    struct Stand {
      std::uint32_t person = 0;
      std::set<std::uint16_t> sides;
    };
    std::map<std::string, std::map<std::string, Stand>> by_id;  // patient id -> dataset
    for (std::size_t row = 0; row < rows_.size(); ++row) {
      Stand& stand = by_id[rows_[row].subject][rows_[row].dataset];
      stand.person = persons_.person_of[persons_.subject_of[row]];
      if (side_of_[row] != kNowhere) stand.sides.insert(side_of_[row]);
    }
    std::map<std::pair<std::string, std::string>, SharedIds> shared;
    for (const auto& [id, datasets] : by_id) {
      for (auto a = datasets.begin(); a != datasets.end(); ++a) {
        for (auto b = std::next(a); b != datasets.end(); ++b) {
          if (a->second.person == b->second.person) continue;
          SharedIds& both = shared[{a->first, b->first}];
          both.dataset_a = a->first;
          both.dataset_b = b->first;
          ++both.ids;
          std::set<std::uint16_t> sides = a->second.sides;
          sides.insert(b->second.sides.begin(), b->second.sides.end());
          if (sides.size() > 1) ++both.apart;
        }
      }
    }
    for (auto& [pair, both] : shared) audit_.shared.push_back(std::move(both));
    std::stable_sort(audit_.shared.begin(), audit_.shared.end(),
                     [](const auto& a, const auto& b) { return a.ids > b.ids; });
  }

  const std::vector<CaseRow>& rows_;
  CaseAudit& audit_;
  CasePersons persons_;
  std::vector<std::uint16_t> side_of_;  // a row
  std::map<std::tuple<std::string, std::uint16_t, std::string, std::uint16_t>, std::size_t>
      crossing_numbers_;
};

}  // namespace

CaseAudit audit_cases(const std::vector<CaseRow>& rows, const ListedSplit& split,
                      const SubjectAliases* aliases) {
  std::set<std::string> datasets;
  for (const CaseRow& row : rows) datasets.insert(row.dataset);
  ListPlaces places = place_lists(split, datasets, [&](const auto& visit) {
    for (std::size_t row = 0; row < rows.size(); ++row) {
      const CaseRow& own = rows[row];
      visit(row, RowNames{own.dataset, own.subject, own.key, own.file, {}});
    }
  });
  CaseAudit audit;
  audit.split = split.name;
  audit.rows = rows.size();
  audit.unmatched = places.unmatched;
  audit.unmatched_names = std::move(places.unmatched_names);
  audit.listed_twice = places.listed_twice.size();
  for (const ListPlaces::Twice& twice : places.listed_twice) {
    audit.findings.push_back({"listed", twice.text(), twice.sides, {}});
  }
  // Names without any row are cases that are known by their names alone.
  std::vector<CaseRow> all = rows;
  std::set<std::string> unknown;
  std::map<std::pair<std::string, std::string>, std::size_t> row_of_name;
  for (const std::size_t number : places.unknown_lists) {
    const ListedSide& list = split.lists[number];
    unknown.insert(list.file);
    const auto side = static_cast<std::uint16_t>(
        std::find(places.sides.begin(), places.sides.end(), list.side) - places.sides.begin());
    const std::string dataset = list.dataset.empty() ? list.file : list.dataset;
    for (const std::string& id : list.ids) {
      const auto [place, is_new] = row_of_name.try_emplace({dataset, id}, all.size());
      if (is_new) {
        all.push_back({});
        all.back().dataset = dataset;
        all.back().subject = all.back().key = id;
      }
      places.places.emplace_back(place->second, side);
    }
  }
  audit.rows = all.size();
  audit.unknown_files.assign(unknown.begin(), unknown.end());
  CaseAuditor(all, places.places, places.sides, aliases, &audit).run();
  return audit;
}

CaseAudit audit_cases(const std::vector<CaseRow>& rows, const ListSplit& split,
                      const SubjectAliases* aliases) {
  CaseAudit audit;
  audit.split = "the new split";
  audit.rows = rows.size();
  Places places;
  for (std::size_t row = 0; row < rows.size(); ++row) places.emplace_back(row, split.members[row]);
  CaseAuditor(rows, places, split.sides, aliases, &audit).run();
  return audit;
}

std::string CaseAudit::to_json() const {
  using Json = nlohmann::ordered_json;
  Json json = {{"split", split},
               {"clean", clean()},
               {"rows", rows},
               {"placed", placed},
               {"sides", sides},
               {"on_side", on_side},
               {"listed_twice", listed_twice},
               {"leaking_subjects", leaking_subjects},
               {"leaking_files", leaking_files},
               {"leaking_aliases", leaking_aliases},
               {"unmatched", unmatched},
               {"unmatched_names", unmatched_names},
               {"unknown_files", unknown_files}};
  Json& all_crossings = json["crossings"] = Json::array();
  for (const CaseCrossing& each : crossings) {
    all_crossings.push_back({{"dataset_a", each.dataset_a},
                             {"side_a", each.side_a},
                             {"dataset_b", each.dataset_b},
                             {"side_b", each.side_b},
                             {"persons", each.persons}});
  }
  Json& all_shared = json["shared_ids"] = Json::array();
  for (const SharedIds& each : shared) {
    all_shared.push_back({{"dataset_a", each.dataset_a},
                          {"dataset_b", each.dataset_b},
                          {"ids", each.ids},
                          {"apart", each.apart}});
  }
  Json& all_findings = json["findings"] = Json::array();
  for (const CaseFinding& each : findings) {
    all_findings.push_back({{"kind", each.kind},
                            {"message", each.message},
                            {"sides", each.sides},
                            {"cases", each.cases}});
  }
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string CaseAudit::to_text() const {
  std::string text;
  for (const CaseFinding& each : findings) {
    text += fmt::format("{}: {}\n", each.kind, each.message);
  }
  for (const CaseCrossing& each : crossings) {
    text += fmt::format("crossing: {} of {} in {} and of {} in {}\n",
                        each.persons == 1 ? "1 person" : fmt::format("{} persons", each.persons),
                        each.dataset_a, each.side_a, each.dataset_b, each.side_b);
  }
  for (const SharedIds& each : shared) {
    text += fmt::format(
        "note: {} and {} share {} patient id{} ({} on different sides), and are "
        "taken for different people\n",
        each.dataset_a, each.dataset_b, each.ids, each.ids == 1 ? "" : "s", each.apart);
  }
  for (const std::string& file : unknown_files) {
    text +=
        fmt::format("note: no case of the list is in {}: its names alone were looked at\n", file);
  }
  for (std::size_t i = 0; i < std::min<std::size_t>(unmatched_names.size(), 10); ++i) {
    text += fmt::format("note: no case answers to {}\n", unmatched_names[i]);
  }
  if (unmatched > 10) text += fmt::format("note: nor to {} other names\n", unmatched - 10);
  std::string counts;
  for (std::size_t side = 0; side < sides.size(); ++side) {
    counts += fmt::format("{}{} {}", side == 0 ? "" : ", ", on_side[side], sides[side]);
  }
  text += fmt::format(
      "{}: {} of {} cases placed ({}); {} names listed twice, {} subjects, {} files and {} persons "
      "of several names on two sides\n",
      split, placed, rows, counts, listed_twice, leaking_subjects, leaking_files, leaking_aliases);
  return text;
}

}  // namespace slicebank
