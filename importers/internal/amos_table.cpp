#include "importers/internal/amos_table.h"

#include <charconv>
#include <optional>
#include <utility>

#include "importers/internal/folder_list.h"
#include "importers/internal/item_problem.h"
#include "importers/internal/meta_table.h"
#include "importers/internal/picture_words.h"
#include "importers/internal/small_json.h"
#include "schema/error.h"
#include "schema/limits.h"

namespace slicebank::amos {
namespace {

// The scanners of the challenge's paper.
constexpr std::pair<const char*, const char*> kModels[] = {
    {"aquilion", "CT"}, {"brilliance", "CT"}, {"optima ct", "CT"}, {"somatom", "CT"},
    {"ingenia", "MR"},  {"achieva", "MR"},    {"prisma", "MR"},    {"signa", "MR"}};

// 60 of "060Y"; ages in months and days are years all the same.
std::optional<double> years_of(const std::string& age) {
  double number = 0;
  const char* const end = age.data() + age.size();
  const auto [after, error] = std::from_chars(age.data(), end, number);
  if (error != std::errc()) return std::nullopt;
  const std::string unit(after, end);
  if (unit.empty() || unit == "Y") return number;
  if (unit == "M") return number / 12;
  if (unit == "W") return number * 7 / 365.25;
  if (unit == "D") return number / 365.25;
  return std::nullopt;
}

std::string modality_of_model(const std::string& model) {
  const std::string lower = internal::ascii_lower(model);
  for (const auto& [word, modality] : kModels) {
    if (lower.find(word) != std::string::npos) return modality;
  }
  return {};
}

LabelSource label_of(std::string name, std::string meaning, double value = 1) {
  LabelSource label;
  label.class_name = std::move(name);
  label.meaning = std::move(meaning);
  label.value = value;
  return label;
}

}  // namespace

ScanTable::ScanTable(const SourceTree& source, std::vector<Problem>& problems) {
  for (const std::string& file : internal::list_folder(source.root(), "").files) {
    if (file.starts_with("labeled_data_meta") && file.ends_with(".csv")) {
      read(source, file, problems);
    }
  }
}

void ScanTable::read(const SourceTree& source, const std::string& path,
                     std::vector<Problem>& problems) {
  internal::MetaTable table;
  try {
    table = internal::read_table(source, path);
  } catch (const Error& error) {
    problems.push_back(internal::skipped("bad-table", path, error.what()));
    return;
  }
  const auto id = table.column("amos_id");
  if (!id) {
    problems.push_back(internal::note("no-column", path, "it has no column amos_id"));
    return;
  }
  const auto field = [&](const std::vector<std::string>& row, const char* name) {
    const auto column = table.column(name);
    return column ? row[*column] : std::string();
  };
  for (const std::vector<std::string>& row : table.rows) {
    const auto number = internal::Json{internal::JsonKind::text, row[*id]}.whole();
    if (!number) continue;
    Scan scan;
    const std::string sex = field(row, "patient's sex");
    if (sex == "M" || sex == "F") {
      scan.labels.push_back(label_of(sex, sex == "M" ? "male patient" : "female patient"));
    }
    if (const auto years = years_of(field(row, "patient's age"))) {
      scan.labels.push_back(label_of("Patient's Age", "patient age", *years));
    }
    const std::string model = field(row, "manufacturer's model name");
    if (!model.empty() && model.size() <= limits::kNameBytesMax / 2) {
      scan.labels.push_back(label_of(model, "scanner " + model));
      scan.modality = modality_of_model(model);
    }
    scans_.emplace(*number, std::move(scan));
  }
}

void ScanTable::add_to(SourceItem& item, std::uint32_t number) const {
  const auto found = scans_.find(number);
  if (found == scans_.end()) return;
  item.labels.insert(item.labels.end(), found->second.labels.begin(), found->second.labels.end());
}

std::string ScanTable::modality_of(std::uint32_t number) const {
  const auto found = scans_.find(number);
  return found == scans_.end() ? std::string() : found->second.modality;
}

}  // namespace slicebank::amos
