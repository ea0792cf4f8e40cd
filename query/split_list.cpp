#include "query/split_list.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <map>
#include <numeric>
#include <set>
#include <unordered_map>

#include "query/internal/official_side.h"
#include "query/internal/split_groups.h"
#include "query/internal/split_plan.h"
#include "query/internal/union_find.h"
#include "schema/error.h"
#include "schema/taxonomy.h"

namespace slicebank {
namespace {

constexpr std::int32_t kFree = -1;
constexpr const char* kNone = "(none)";

[[noreturn]] void refuse(const std::string& message, std::string hint = {}) {
  throw Error(ErrorCode::bad_argument, message, std::move(hint));
}

using Key = std::array<std::uint64_t, 2>;

Key hash_names(std::initializer_list<std::string_view> parts) {
  std::string text;
  for (const std::string_view part : parts) {
    text += part;
    text += '\0';
  }
  const XXH128_hash_t hash = XXH3_128bits(text.data(), text.size());
  return {hash.high64, hash.low64};
}

const std::string& or_none(const std::string& text) {
  static const std::string none = kNone;
  return text.empty() ? none : text;
}

std::vector<std::string> values_of(const std::vector<CaseRow>& rows, const std::string& word) {
  if (word.empty()) return {};
  if (word != "dataset" && word != "modality") {
    refuse(fmt::format("'{}' is nothing to leave out in turn of a list", word),
           "there are dataset and modality");
  }
  std::set<std::string> values;
  for (const CaseRow& row : rows) {
    values.insert(or_none(word == "dataset" ? row.dataset : row.modality));
  }
  return {values.begin(), values.end()};
}

void check_plan(const std::vector<CaseRow>& rows, const ListPlan& plan) {
  const SplitOptions& options = plan.options;
  if (rows.empty()) refuse("the list to be split is empty");
  if (options.keep != nullptr || !options.held_out.empty()) {
    refuse("a list has no samples to keep or to hold out", "name its rows instead");
  }
  if (options.weight == SplitWeight::masks || options.weight == SplitWeight::pixels) {
    refuse(fmt::format("a list does not tell {}", split_weight_name(options.weight)),
           "weigh by samples or presence");
  }
  for (const std::string& word : options.stratify) {
    if (word != "region" && word != "sequence") continue;
    refuse(fmt::format("a list does not tell the {}", word),
           "stratify by class, modality, dataset");
  }
  if (!plan.kept.empty() && plan.kept.size() != rows.size()) {
    refuse(fmt::format("{} kept sides for {} rows", plan.kept.size(), rows.size()));
  }
}

// Which unit (a subject's person, or a row) has which key, joined; in seeded order.
class ListGroups {
 public:
  ListGroups(const std::vector<CaseRow>& rows, const ListPlan& plan,
             const std::vector<std::string>& values)
      : rows_(rows), plan_(plan), values_(values) {}

  SplitGroups run(const std::vector<std::string>& sides) {
    group_rows();
    collect_labels();
    std::vector<std::int32_t> fixed = call_groups(sides);
    result_.problem.seed = plan_.options.seed;
    fill_labels(label_names_, std::move(amounts_), plan_.options.weight == SplitWeight::presence,
                fixed, &result_);
    return std::move(result_);
  }

 private:
  void group_rows() {
    const SplitOptions& options = plan_.options;
    const bool by_subject = options.group == SplitGroup::subject;
    const CasePersons persons =
        persons_of(rows_, by_subject ? options.aliases : nullptr, options.join_equal_pixels);
    result_.joined_by_pixels = persons.joined_by_files;
    std::vector<std::uint64_t> unit_of(rows_.size());
    for (std::size_t row = 0; row < rows_.size(); ++row) {
      unit_of[row] = by_subject ? persons.person_of[persons.subject_of[row]] : persons.file_of[row];
    }
    std::unordered_map<std::uint64_t, Key> keys;
    for (std::size_t row = 0; row < rows_.size(); ++row) {
      const CaseRow& own = rows_[row];
      const Key key = by_subject ? hash_names({"subject", own.dataset, own.subject})
                                 : hash_names({"volume", own.dataset, own.key});
      const auto [place, is_new] = keys.try_emplace(unit_of[row], key);
      if (!is_new) place->second = std::min(place->second, key);
    }
    std::vector<std::pair<std::array<std::uint64_t, 3>, std::uint64_t>> order;
    for (const auto& [unit, key] : keys) {
      const std::uint64_t seeded = XXH3_64bits_withSeed(key.data(), sizeof(key), options.seed);
      order.push_back({{seeded, key[0], key[1]}, unit});
    }
    std::sort(order.begin(), order.end());
    std::unordered_map<std::uint64_t, std::uint32_t> group_of_unit;
    for (std::size_t group = 0; group < order.size(); ++group) {
      group_of_unit.emplace(order[group].second, static_cast<std::uint32_t>(group));
    }
    groups_ = order.size();
    for (const std::uint64_t unit : unit_of) result_.group_of.push_back(group_of_unit.at(unit));
  }

  void add_label(std::size_t row, const std::string& name) {
    const auto [place, is_new] =
        label_numbers_.try_emplace(name, static_cast<std::uint32_t>(label_numbers_.size()));
    if (is_new) label_names_.push_back(name);
    amounts_.push_back({std::uint64_t{result_.group_of[row]} << 32 | place->second, 1});
  }

  void collect_labels() {
    for (const std::string& word : plan_.options.stratify) {
      for (std::size_t row = 0; row < rows_.size(); ++row) {
        const CaseRow& own = rows_[row];
        if (word == "modality") add_label(row, "modality=" + or_none(own.modality));
        if (word == "dataset") add_label(row, "dataset=" + or_none(own.dataset));
        if (word != "class") continue;
        std::set<std::string> met;
        for (const std::string& name : own.classes) {
          if (met.insert(name).second) add_label(row, "class=" + name);
        }
        if (met.empty()) add_label(row, std::string("class=") + kNone);
      }
    }
  }

  // The side each group must have, or -1.
  std::vector<std::int32_t> call_groups(const std::vector<std::string>& sides) {
    const SplitOptions& options = plan_.options;
    const auto place_of = [&](const std::string& name, bool official) {
      for (std::size_t side = 0; side < sides.size(); ++side) {
        if ((official ? official_side(sides[side]) : sides[side]) == name) {
          return static_cast<std::int32_t>(side);
        }
      }
      return kFree;
    };
    // Held, kept, official: the strongest first.
    std::vector<std::array<std::int32_t, 3>> calls(groups_, {kFree, kFree, kFree});
    std::vector<bool> conflict(groups_, false);
    const auto call = [&](std::size_t row, std::size_t strength, std::int32_t side) {
      if (side == kFree) return;
      const std::uint32_t group = result_.group_of[row];
      std::int32_t& now = calls[group][strength];
      if (now != kFree && now != side) conflict[group] = true;
      if (now == kFree || side < now) now = side;
    };
    for (const auto& [side, held_rows] : plan_.held_out) {
      for (const std::size_t row : held_rows) call(row, 0, place_of(side, false));
    }
    for (std::size_t row = 0; row < rows_.size(); ++row) {
      if (!values_.empty()) {
        const std::string& value =
            or_none(options.leave_out == "dataset" ? rows_[row].dataset : rows_[row].modality);
        const auto found = std::lower_bound(values_.begin(), values_.end(), value);
        call(row, 0, static_cast<std::int32_t>(found - values_.begin()));
      }
      if (!plan_.kept.empty() && !plan_.kept[row].empty()) {
        const auto& kept = options.keep_sides;
        const bool keeps =
            kept.empty() || std::find(kept.begin(), kept.end(), plan_.kept[row]) != kept.end();
        if (keeps) call(row, 1, place_of(plan_.kept[row], false));
      }
      if (options.honour_official) {
        const std::string side = official_side(rows_[row].official_split);
        if (!side.empty()) call(row, 2, place_of(side, true));
      }
    }
    std::vector<std::int32_t> fixed;
    for (std::size_t group = 0; group < groups_; ++group) {
      const auto& [held, kept, official] = calls[group];
      fixed.push_back(held != kFree ? held : kept != kFree ? kept : official);
      if (fixed.back() != kFree) ++result_.kept;
      if (conflict[group]) ++result_.in_conflict;
    }
    return fixed;
  }

  const std::vector<CaseRow>& rows_;
  const ListPlan& plan_;
  const std::vector<std::string>& values_;
  std::size_t groups_ = 0;
  std::unordered_map<std::string, std::uint32_t> label_numbers_;
  std::vector<std::string> label_names_;
  std::vector<LabelAmount> amounts_;
  SplitGroups result_;
};

std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"') quoted += '"';
    quoted += c == '\r' || c == '\n' ? ' ' : c;
  }
  return quoted + "\"";
}

}  // namespace

CasePersons persons_of(const std::vector<CaseRow>& rows, const SubjectAliases* aliases,
                       bool join_equal_files) {
  CasePersons persons;
  std::unordered_map<std::string, std::uint32_t> subjects;
  std::unordered_map<std::string, std::uint32_t> files;
  std::vector<std::size_t> first_row;  // a subject
  for (std::size_t row = 0; row < rows.size(); ++row) {
    const CaseRow& own = rows[row];
    const auto [place, is_new] = subjects.try_emplace(own.dataset + '\0' + own.subject,
                                                      static_cast<std::uint32_t>(subjects.size()));
    if (is_new) first_row.push_back(row);
    persons.subject_of.push_back(place->second);
    // A row without a file, or that nobody wants joined, has one of its own.
    const std::string file = join_equal_files && !own.file.empty()
                                 ? own.file
                                 : std::string(1, '\0') + std::to_string(row);
    persons.file_of.push_back(
        files.try_emplace(file, static_cast<std::uint32_t>(files.size())).first->second);
  }
  UnionFind joined(subjects.size());
  if (aliases != nullptr && !aliases->empty()) {
    std::unordered_map<std::string, std::size_t> first;
    for (std::size_t subject = 0; subject < first_row.size(); ++subject) {
      const CaseRow& own = rows[first_row[subject]];
      for (const std::string& group : aliases->groups_of(own.dataset, own.subject)) {
        joined.join(first.try_emplace(group, subject).first->second, subject);
      }
    }
  }
  std::unordered_map<std::uint32_t, std::size_t> first;
  for (std::size_t row = 0; row < rows.size(); ++row) {
    const std::uint32_t subject = persons.subject_of[row];
    const auto place = first.try_emplace(persons.file_of[row], subject).first;
    if (joined.join(place->second, subject)) ++persons.joined_by_files;
  }
  for (std::size_t subject = 0; subject < first_row.size(); ++subject) {
    persons.person_of.push_back(static_cast<std::uint32_t>(joined.find(subject)));
  }
  return persons;
}

ListSplit make_list_split(const std::vector<CaseRow>& rows, const ListPlan& plan) {
  check_plan(rows, plan);
  SplitOptions options = plan.options;
  for (const auto& [side, held_rows] : plan.held_out) {
    for (const std::size_t row : held_rows) {
      if (row >= rows.size()) refuse(fmt::format("row {} of {} is held out", row, rows.size()));
    }
    options.held_out.push_back({side, {}});
  }
  SplitData kept;  // the sides alone, for plan_sides
  kept.name = "the earlier one";
  for (const std::string& side : plan.kept) {
    if (side.empty() || std::find(kept.sides.begin(), kept.sides.end(), side) != kept.sides.end()) {
      continue;
    }
    kept.sides.push_back(side);
  }
  if (!plan.kept.empty()) options.keep = &kept;
  const std::vector<std::string> values = values_of(rows, options.leave_out);
  const SplitSides sides = plan_sides(options, values);
  SplitGroups groups = ListGroups(rows, plan, values).run(sides.names);
  SolvedSplit solved = solve_split(groups, sides, options);
  ListSplit split;
  split.sides = sides.names;
  split.report = std::move(solved.report);
  split.members.reserve(rows.size());
  for (const std::uint32_t group : groups.group_of) {
    split.members.push_back(solved.side_of_group[group]);
  }
  return split;
}

std::string list_split_csv(const std::vector<CaseRow>& rows, const ListSplit& split) {
  std::string text = "dataset,subject,key,side\n";
  for (std::size_t row = 0; row < rows.size(); ++row) {
    text += fmt::format("{},{},{},{}\n", csv_field(rows[row].dataset), csv_field(rows[row].subject),
                        csv_field(rows[row].key), csv_field(split.sides[split.members[row]]));
  }
  return text;
}

}  // namespace slicebank
