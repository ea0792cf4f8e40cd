#include "cli/case_list.h"

#include <fmt/format.h>

#include <filesystem>

#include "importers/choice.h"
#include "schema/error.h"

namespace slicebank::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kReasonsMax = 20;

CaseRow row_of(SourceItem&& item) {
  CaseRow row;
  row.dataset = std::move(item.dataset);
  row.subject = std::move(item.patient_id);
  row.key = std::move(item.volume_key);
  row.file = item.image_paths.front();
  // Two rows of an archive are two images, and so are two frames.
  if (!item.place.empty()) row.file += "#" + item.place;
  row.modality = std::move(item.modality);
  row.official_split = std::move(item.official_split);
  // The classes that are drawn; of what was looked for and is not there, nothing.
  for (MaskSource& mask : item.masks) row.classes.push_back(std::move(mask.class_name));
  for (LabelSource& label : item.labels) {
    if (label.value > 0) row.classes.push_back(std::move(label.class_name));
  }
  return row;
}

}  // namespace

CaseList read_case_list(const std::string& source, const std::string& format) {
  CaseList list;
  const ChosenImporter chosen = choose_importer(source, format);
  const Importer& importer = *chosen.importer;
  list.format = importer.name();
  const SourceTree tree(chosen.root);
  importer.scan(tree, [&](SourceItem&& item) {
    if (item.image_paths.empty()) {
      ++list.unusable;
      if (list.why.size() < kReasonsMax && !item.problems.empty()) {
        list.why.push_back(
            fmt::format("{}: {}", item.problems.front().path, item.problems.front().message));
      }
      return true;
    }
    list.rows.push_back(row_of(std::move(item)));
    return true;
  });
  for (const char* folder : {"data/split_json", "split_json", "splits_final.json", "train.txt"}) {
    const fs::path path = chosen.root / folder;
    if (!fs::exists(path)) continue;
    // MedBank's text lists lie in the root, among other things.
    list.lists = path.extension() == ".txt" ? path.parent_path().string() : path.string();
    break;
  }
  return list;
}

void CaseOptions::attach(CLI::App* verb) {
  verb->add_option("--list", list, "A folder's lists instead of a bank: no image is opened");
  verb->add_option("--format", format, "Layout of the folder (default: recognised)");
  verb->add_option("--aliases", aliases,
                   "CSV dataset,patient,group: names in one group are one person (docs/splits.md)");
  verb->add_option("--same-patients", same_patients,
                   "A,B: equal patient ids in these datasets (* allowed) are one person")
      ->allow_extra_args(false);
}

SubjectAliases CaseOptions::read_aliases() const {
  SubjectAliases read = aliases.empty() ? SubjectAliases() : SubjectAliases::read(aliases);
  for (const std::string& datasets : same_patients) read.same_patients(split_commas(datasets));
  return read;
}

}  // namespace slicebank::cli
