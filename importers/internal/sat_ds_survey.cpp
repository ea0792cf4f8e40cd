#include "importers/internal/sat_ds_survey.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "importers/internal/item_problem.h"
#include "importers/internal/sat_ds_rules.h"
#include "schema/error.h"
#include "schema/taxonomy.h"

namespace slicebank::sat_ds {
namespace {

using internal::note;
using internal::skipped;

// Beyond them people are not compared between datasets any more.
constexpr std::size_t kIdsMax = 2'000'000;
constexpr std::size_t kDatasetsMax = 10'000;
constexpr std::size_t kOthersTold = 12;  // datasets named in one note

// What was met of one patient id, as it is written.
struct Id {
  std::string person;                                // of its first row
  std::map<std::string, std::size_t> rows_of_split;  // official_split -> rows
};

struct Dataset {
  std::string list;  // the first that names it
  std::uint64_t rows = 0;
  DatasetInfo info;
  std::set<std::string> classes;
  std::set<std::string> labels_twice;
  std::map<std::string, Id> ids;
  std::set<std::string> persons;
};

// "val" and "valid" are one side; empty for a word that is none.
std::string side_of(const std::string& official) {
  if (official == "valid" || official == "validation") return "val";
  return official == "train" || official == "val" || official == "test" ? official : std::string();
}

std::string code_of(const PlannedMask& mask) {
  return mask.values.size() == 1 ? std::to_string(mask.values[0]) : std::string();
}

class Survey {
 public:
  void add(const Row& row) {
    ++rows_;
    if (!row.error.empty()) return;  // scan() tells it
    Dataset& dataset = dataset_of(row);
    ++dataset.rows;
    add_classes(row, dataset);
    if (ids_ >= kIdsMax || row.patient_id.empty()) return;
    const std::string person = person_of(rule_of(row.dataset), row.patient_id, row.image);
    const auto [known, fresh] = dataset.ids.try_emplace(row.patient_id);
    if (fresh) known->second.person = person;
    ++known->second.rows_of_split[row.official_split];
    ids_ += dataset.persons.insert(person).second || fresh ? 1u : 0u;
    people_[person].insert(row.dataset);
  }

  void add(SplitList&& split) {
    const std::string dataset = split.dataset;
    splits_.emplace(dataset, std::move(split));
  }

  SourceDescription describe() {
    SourceDescription description;
    description.items = rows_;
    for (const std::string& name : order_) {
      Dataset& dataset = datasets_.at(name);
      tell_of_labels(name, dataset, description.problems);
      tell_of_ids(name, dataset, description.problems);
      tell_of_split(name, dataset, description.problems);
      description.datasets.push_back(std::move(dataset.info));
    }
    for (const auto& [name, split] : splits_) {
      if (datasets_.contains(name)) continue;
      description.problems.push_back(
          note("split-list", split.path,
               fmt::format("{} ids of a dataset without rows{}", split.sides.size(),
                           split.defects.empty() ? "" : "; " + split.defects)));
    }
    return description;
  }

 private:
  Dataset& dataset_of(const Row& row) {
    const auto [known, fresh] = datasets_.try_emplace(row.dataset);
    Dataset& dataset = known->second;
    if (!fresh) return dataset;
    if (datasets_.size() > kDatasetsMax) {
      throw Error(ErrorCode::limit,
                  fmt::format("{}: more than {} datasets", printable(row.list), kDatasetsMax));
    }
    order_.push_back(row.dataset);
    const DatasetRule& rule = rule_of(row.dataset);
    dataset.list = row.list;
    dataset.info.name = row.dataset;
    dataset.info.source_url = source_url();
    dataset.info.citation = citation();
    dataset.info.image_licence = rule.licence;
    dataset.info.label_licence = rule.licence;
    if (const auto region = Taxonomy::builtin().find_region(rule.region)) {
      dataset.info.region = *region;
    }
    return dataset;
  }

  static void add_classes(const Row& row, Dataset& dataset) {
    // Step 4 wrote an array for each label, also for those its loader made.
    const DatasetRule none;
    const DatasetRule& rule = row.renorm ? none : rule_of(row.dataset);
    for (const PlannedMask& mask : plan_masks(rule, row.labels)) {
      if (!dataset.classes.insert(mask.class_name).second) continue;
      const std::string code = row.renorm ? std::string() : code_of(mask);
      dataset.info.classes.push_back({mask.class_name, code, ClassId{}});
    }
    std::set<std::string> seen;
    for (const std::string& label : row.labels) {
      if (!seen.insert(label).second) dataset.labels_twice.insert(label);
    }
  }

  static void tell_of_labels(const std::string& name, const Dataset& dataset,
                             std::vector<Problem>& problems) {
    const DatasetRule& rule = rule_of(name);
    if (!rule.known) {
      problems.push_back(note("unknown-dataset", dataset.list,
                              fmt::format("'{}' is no dataset of SAT-DS: value 1 is taken as its "
                                          "first label, 2 as the second, and so on",
                                          printable(name))));
    }
    for (const std::string& label : dataset.labels_twice) {
      problems.push_back(note("label-twice", dataset.list,
                              fmt::format("{}: '{}' is listed twice in one row; taken once",
                                          printable(name), printable(label))));
    }
    for (const auto& [value, what] : rule.left_out) {
      problems.push_back(note("left-out-values", dataset.list,
                              fmt::format("{}: where a mask has the value {} ({}), it is left out; "
                                          "SAT-DS has no label for it",
                                          printable(name), value, what)));
    }
  }

  void tell_of_ids(const std::string& name, const Dataset& dataset,
                   std::vector<Problem>& problems) const {
    std::size_t files = 0;
    const std::pair<const std::string, Id>* example = nullptr;
    for (const auto& each : dataset.ids) {
      if (!is_file_name(each.first)) continue;
      ++files;
      if (example == nullptr) example = &each;
    }
    if (example != nullptr) {
      problems.push_back(note(
          "file-name-ids", dataset.list,
          fmt::format("{}: {} of {} patient ids are file names; '{}' is taken as the subject '{}'",
                      printable(name), files, dataset.ids.size(), printable(example->first),
                      printable(example->second.person))));
    }
    std::map<std::string, std::size_t> shared_with;
    std::size_t shared = 0;
    for (const std::string& person : dataset.persons) {
      const auto found = people_.find(person);
      if (found == people_.end() || found->second.size() < 2) continue;
      ++shared;
      for (const std::string& other : found->second) shared_with[other] += other != name ? 1u : 0u;
    }
    if (shared == 0) return;
    problems.push_back(note(
        "shared-subject-ids", dataset.list,
        fmt::format("{}: {} of {} subject ids are also those of {}; they stay different subjects",
                    printable(name), shared, dataset.persons.size(),
                    others_text(name, shared_with))));
  }

  static std::string others_text(const std::string& name,
                                 const std::map<std::string, std::size_t>& shared_with) {
    std::vector<std::pair<std::string, std::size_t>> others;
    for (const auto& [other, count] : shared_with) {
      if (count > 0) others.emplace_back(other, count);
    }
    std::stable_sort(others.begin(), others.end(),
                     [](const auto& a, const auto& b) { return a.second > b.second; });
    std::string text;
    for (std::size_t i = 0; i < others.size() && i < kOthersTold; ++i) {
      text += fmt::format(
          "{}{} ({}{})", text.empty() ? "" : ", ", printable(others[i].first), others[i].second,
          same_people(name, others[i].first) ? ", known to be the same people" : "");
    }
    if (others.size() > kOthersTold) {
      text += fmt::format(" and {} more datasets", others.size() - kOthersTold);
    }
    return text;
  }

  void tell_of_split(const std::string& name, const Dataset& dataset,
                     std::vector<Problem>& problems) const {
    if (splits_.empty()) return;
    const auto found = splits_.find(name);
    if (found == splits_.end()) {
      problems.push_back(note("split-list", dataset.list,
                              printable(name) + ": there is no split file of this dataset"));
      return;
    }
    const SplitList& split = found->second;
    tell_of_split_list(dataset, split, problems);
    std::map<std::pair<std::string, std::string>, std::size_t> differ;
    for (const auto& [id, known] : dataset.ids) {
      const auto side = split.sides.find(id);
      if (side == split.sides.end()) continue;
      for (const auto& [official, rows] : known.rows_of_split) {
        if (side_of(official) != side->second) differ[{official, side->second}] += rows;
      }
    }
    if (differ.empty()) return;
    std::string text;
    for (const auto& [sides, rows] : differ) {
      text += fmt::format("{}{} rows of '{}' are '{}'", text.empty() ? "" : ", ", rows,
                          printable(sides.first), printable(sides.second));
    }
    problems.push_back(
        note("split-differs", split.path,
             fmt::format("{}: {} by this file; the official split of the rows is kept",
                         printable(name), text)));
  }

  static void tell_of_split_list(const Dataset& dataset, const SplitList& split,
                                 std::vector<Problem>& problems) {
    std::size_t without_rows = 0;
    for (const auto& [id, side] : split.sides) without_rows += dataset.ids.contains(id) ? 0u : 1u;
    std::size_t without_side = 0;
    for (const auto& [id, known] : dataset.ids) {
      without_side += split.sides.contains(id) ? 0u : 1u;
    }
    std::string text = split.defects;
    const auto add = [&](std::size_t count, const char* what) {
      if (count > 0) text += fmt::format("{}{} {}", text.empty() ? "" : "; ", count, what);
    };
    add(without_rows, "ids that no row has");
    add(without_side, "ids of rows that it does not have");
    if (!text.empty()) problems.push_back(note("split-list", split.path, text));
  }

  std::uint64_t rows_ = 0;
  std::size_t ids_ = 0;
  std::vector<std::string> order_;
  std::map<std::string, Dataset> datasets_;
  std::map<std::string, std::set<std::string>> people_;  // person -> datasets
  std::map<std::string, SplitList> splits_;
};

}  // namespace

SourceDescription survey(const SourceTree& source, const Lists& lists) {
  Survey all;
  for_each_row(source, lists, [&](Row&& row) {
    all.add(row);
    return true;
  });
  std::vector<Problem> bad;
  for (const std::string& path : lists.splits) {
    try {
      all.add(read_split(source, path));
    } catch (const Error& error) {
      bad.push_back(skipped("bad-split", path, error.what()));
    }
  }
  SourceDescription description = all.describe();
  description.problems.insert(description.problems.end(), bad.begin(), bad.end());
  return description;
}

}  // namespace slicebank::sat_ds
