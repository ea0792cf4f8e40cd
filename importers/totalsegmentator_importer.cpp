// TotalSegmentator: a folder a scan, with one binary file a class or one label map with
// names (docs/importers/totalsegmentator.md).
#include <fmt/format.h>

#include <map>
#include <set>

#include "importers/importer.h"
#include "importers/internal/folder_list.h"
#include "importers/internal/item_problem.h"
#include "importers/internal/meta_table.h"
#include "importers/internal/totalsegmentator_cases.h"
#include "importers/internal/volume_item.h"
#include "schema/error.h"
#include "schema/taxonomy.h"

namespace slicebank {
namespace {

namespace fs = std::filesystem;
using internal::joined_path;
using internal::note;
using internal::skipped;
using totalsegmentator::Case;
using totalsegmentator::for_each_case;
using totalsegmentator::kMasksFolder;

constexpr const char* kTableName = "meta.csv";
constexpr std::size_t kNamesTold = 100;

// Splits by case, where there is a table.
class SplitTable {
 public:
  SplitTable(const SourceTree& source, std::vector<Problem>& problems) {
    try {
      if (!source.stamp(kTableName)) return;
      const internal::MetaTable table = internal::read_table(source, kTableName);
      const auto id = table.column("image_id");
      const auto split = table.column("split");
      if (!id) {
        problems.push_back(note("no-column", kTableName, "it has no column image_id"));
        return;
      }
      there_ = true;
      for (const auto& row : table.rows) splits_[row[*id]] = split ? row[*split] : std::string();
    } catch (const Error& error) {
      problems.push_back(skipped("bad-table", kTableName, error.what()));
    }
  }

  bool there() const noexcept { return there_; }
  const std::map<std::string, std::string>& splits() const noexcept { return splits_; }

 private:
  bool there_ = false;
  std::map<std::string, std::string> splits_;
};

SourceItem make_item(const std::string& dataset, const SplitTable& table, Case&& found) {
  if (found.image.empty()) {
    return internal::failed_item(joined_path(found.folder, "ct.nii.gz"), "missing-image",
                                 "neither ct.nii.gz nor mri.nii.gz is in the folder");
  }
  SourceItem item;
  item.key = found.image;
  item.dataset = dataset;
  item.patient_id = found.name;
  item.volume_key = found.name;
  item.modality = found.modality;
  item.image_paths = {found.image};
  item.problems = std::move(found.problems);
  if (found.masks.empty() && item.problems.empty()) {
    item.problems.push_back(
        note("no-masks", joined_path(found.folder, kMasksFolder), "nothing is segmented"));
  }
  const auto split = table.splits().find(found.name);
  if (split != table.splits().end()) {
    item.official_split = split->second;
  } else if (table.there()) {
    item.problems.push_back(note("not-in-table", found.folder, "meta.csv has no line for it"));
  }
  // A file that is empty says that the class was looked for.
  for (const MaskSource& mask : found.masks) {
    item.covered_classes.push_back({mask.class_name, mask.class_code, {}});
  }
  item.masks = std::move(found.masks);
  return item;
}

class TotalSegmentatorImporter final : public Importer {
 public:
  std::string_view name() const override { return "totalsegmentator"; }
  std::string_view summary() const override {
    return "TotalSegmentator: sNNNN/ct.nii.gz with segmentations/*.nii.gz, or one label map";
  }

  Recognition recognise(const fs::path& root) const override {
    return totalsegmentator::recognise_scans(root);
  }

  SourceDescription describe(const SourceTree& source) const override {
    SourceDescription description;
    DatasetInfo info;
    info.name = totalsegmentator::dataset_of(source);
    info.region = *Taxonomy::builtin().find_region("whole body");
    const SplitTable table(source, description.problems);
    std::set<std::string> cases;
    description.items = 0;
    for_each_case(source, [&](Case&& found) {
      ++*description.items;
      cases.insert(found.name);
      if (!info.classes.empty()) return true;
      for (const MaskSource& mask : found.masks) {
        info.classes.push_back({mask.class_name, mask.class_code, ClassId{}});
      }
      return true;
    });
    std::size_t told = 0;
    for (const auto& [name, split] : table.splits()) {
      if (cases.contains(name) || ++told > kNamesTold) continue;
      description.problems.push_back(
          note("missing-case", kTableName, fmt::format("'{}' has no folder", printable(name))));
    }
    description.datasets.push_back(std::move(info));
    return description;
  }

  void scan(const SourceTree& source,
            const std::function<bool(SourceItem&&)>& emit) const override {
    std::vector<Problem> told_by_describe;
    const SplitTable table(source, told_by_describe);
    const std::string dataset = totalsegmentator::dataset_of(source);
    for_each_case(source,
                  [&](Case&& found) { return emit(make_item(dataset, table, std::move(found))); });
  }

  DecodedItem decode(const SourceTree& source, const SourceItem& item, const DecodeOptions& options,
                     const SampleSink& emit) const override {
    return internal::decode_volume_item(source, item, {}, options, emit);
  }
};

}  // namespace

std::unique_ptr<Importer> make_totalsegmentator_importer() {
  return std::make_unique<TotalSegmentatorImporter>();
}

}  // namespace slicebank
