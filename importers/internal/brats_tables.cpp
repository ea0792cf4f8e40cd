#include "importers/internal/brats_tables.h"

#include <charconv>
#include <cmath>
#include <optional>
#include <string_view>

#include "importers/internal/brats_cases.h"
#include "importers/internal/item_problem.h"
#include "importers/internal/meta_table.h"
#include "importers/internal/picture_words.h"
#include "schema/error.h"
#include "schema/limits.h"

namespace slicebank::brats {
namespace {

constexpr const char* kHighGrade = "HGG";
constexpr const char* kLowGrade = "LGG";

// What the taxonomy is asked for.
const std::map<std::string, std::string>& meanings() {
  static const std::map<std::string, std::string> known = {{kHighGrade, "high grade glioma"},
                                                           {kLowGrade, "low grade glioma"},
                                                           {"Age", "patient age"},
                                                           {"Survival_days", "survival days"},
                                                           {"GTR", "gross total resection"},
                                                           {"STR", "subtotal resection"}};
  return known;
}

bool is_table(const std::string& file) {
  const std::string name = internal::ascii_lower(file);
  return name.ends_with(".csv") &&
         (name.starts_with("name_mapping") || name.starts_with("survival"));
}

// "BraTS_2020_subject_ID", "Brats18ID", "TCGA_TCIA_subject_ID": a name of the person.
bool is_id(const std::string& column) {
  return column.ends_with("id") &&
         (column.find("brats") != std::string::npos || column.find("tcia") != std::string::npos);
}

bool says_nothing(const std::string& field) {
  const std::string word = internal::ascii_lower(field);
  return word.empty() || word == "na" || word == "nan" || word == "n/a" || word == "-";
}

std::optional<double> number_in(const std::string& field) {
  double number = 0;
  const char* const end = field.data() + field.size();
  const auto [after, error] = std::from_chars(field.data(), end, number);
  if (error != std::errc() || after != end || !std::isfinite(number)) return std::nullopt;
  return number;
}

void add_field(const std::string& column, const std::string& field,
               std::map<std::string, double>& labels) {
  if (says_nothing(field)) return;
  if (column == "grade") {
    if (field == kHighGrade || field == kLowGrade) {
      labels[kHighGrade] = field == kHighGrade ? 1 : 0;
      labels[kLowGrade] = field == kLowGrade ? 1 : 0;
    }
  } else if (column == "age") {
    if (const auto years = number_in(field)) labels["Age"] = *years;
  } else if (column == "survival" || column == "survival_days") {
    // Of one who lived there is a sentence, which is no number of days.
    if (const auto days = number_in(field)) labels["Survival_days"] = *days;
  } else if (column == "resectionstatus" || column == "extent_of_resection") {
    if (field == "GTR" || field == "STR") labels[field] = 1;
  }
}

std::string grade_of_folder(const std::string& folder) {
  const std::string path = "/" + folder + "/";
  for (const char* grade : {kHighGrade, kLowGrade}) {
    if (path.find("/" + std::string(grade) + "/") != std::string::npos) return grade;
  }
  return {};
}

}  // namespace

CaseTables::CaseTables(const SourceTree& source, std::vector<Problem>& problems) {
  for_each_file_above_cases(source, [&](const std::string& path) {
    if (is_table(path.substr(path.rfind('/') + 1))) read(source, path, problems);
  });
}

void CaseTables::read(const SourceTree& source, const std::string& path,
                      std::vector<Problem>& problems) {
  internal::MetaTable table;
  try {
    table = internal::read_table(source, path);
  } catch (const Error& error) {
    problems.push_back(internal::skipped("bad-table", path, error.what()));
    return;
  }
  std::vector<std::size_t> ids;
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    if (is_id(table.columns[i])) ids.push_back(i);
  }
  if (ids.empty()) {
    problems.push_back(internal::note("no-column", path, "it has no column of BraTS ids"));
    return;
  }
  for (const std::vector<std::string>& row : table.rows) {
    std::vector<std::string> names;
    for (const std::size_t id : ids) {
      if (!says_nothing(row[id]) && row[id].size() <= limits::kNameBytesMax) {
        names.push_back(row[id]);
      }
    }
    for (const std::string& name : names) {
      Facts& facts = of_case_[name];
      if (names.size() > 1 && facts.person.empty()) facts.person = "BraTS " + names.front();
      for (std::size_t i = 0; i < table.columns.size(); ++i) {
        add_field(table.columns[i], row[i], facts.labels);
      }
    }
  }
}

void CaseTables::add_to(SourceItem& item, const std::string& case_name,
                        const std::string& folder) const {
  std::map<std::string, double> labels;
  const auto found = of_case_.find(case_name);
  if (found != of_case_.end()) {
    labels = found->second.labels;
    item.person = found->second.person;
  }
  const std::string grade = grade_of_folder(folder);
  if (!grade.empty() && !labels.contains(kHighGrade)) add_field("grade", grade, labels);
  for (const auto& [name, value] : labels) {
    LabelSource label;
    label.class_name = name;
    label.value = value;
    label.meaning = meanings().at(name);
    item.labels.push_back(std::move(label));
  }
}

}  // namespace slicebank::brats
