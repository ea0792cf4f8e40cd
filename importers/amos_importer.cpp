// AMOS22: CT and MR of the abdomen with 15 organs (docs/importers/amos.md).
#include <fmt/format.h>

#include <array>
#include <optional>

#include "importers/importer.h"
#include "importers/internal/amos_table.h"
#include "importers/internal/dataset_json.h"
#include "importers/internal/folder_list.h"
#include "importers/internal/item_problem.h"
#include "importers/internal/listed_dataset.h"
#include "importers/internal/small_json.h"
#include "importers/internal/volume_file.h"
#include "schema/error.h"
#include "schema/licence.h"
#include "schema/taxonomy.h"

namespace slicebank {
namespace {

namespace fs = std::filesystem;
using internal::DatasetJson;
using internal::ListedDataset;
using internal::note;

constexpr const char* kDataset = "AMOS22";
constexpr const char* kUrl = "https://amos22.grand-challenge.org/";
constexpr const char* kJsonName = "dataset.json";
constexpr std::uint32_t kLastCt = 500;  // scans are numbered: CT up to here, MR behind

// Where the folder came without its json; mirrors disagree.
constexpr const char* kLicence = "CC BY-NC-SA";
constexpr const char* kLicenceSource =
    "AbdomenAtlas table, openmedlab/Awesome-Medical-Dataset; CC BY 4.0 by a mirror";

struct SplitFolder {
  const char* split;
  const char* images;
  const char* labels;
};
constexpr SplitFolder kSplits[] = {{"training", "imagesTr", "labelsTr"},
                                   {"validation", "imagesVa", "labelsVa"},
                                   {"test", "imagesTs", "labelsTs"}};

// As the challenge's own json spells them; for folders that came without it.
constexpr const char* kOrgans[] = {"spleen",
                                   "right kidney",
                                   "left kidney",
                                   "gall bladder",
                                   "esophagus",
                                   "liver",
                                   "stomach",
                                   "arota",
                                   "postcava",
                                   "pancreas",
                                   "right adrenal gland",
                                   "left adrenal gland",
                                   "duodenum",
                                   "bladder",
                                   "prostate/uterus"};

// 507 of "amos_0507.nii.gz"; nothing for another name.
std::optional<std::uint32_t> scan_number(const std::string& file) {
  const std::string stem = internal::volume_stem(file);
  if (internal::volume_ending(file).empty() || !stem.starts_with("amos_")) return std::nullopt;
  return internal::Json{internal::JsonKind::text, stem.substr(5)}.whole();
}

bool has_scans(const fs::path& root, const char* folder) {
  for (const std::string& file : internal::peek_folder(root, folder).files) {
    if (scan_number(file)) return true;
  }
  return false;
}

void add_organs(DatasetJson& json) {
  std::uint32_t value = 0;
  for (const char* organ : kOrgans) {
    ++value;
    json.labels.push_back({organ, std::to_string(value), {value}});
  }
}

// The lists that the json would have, from the folders.
void add_folders(const SourceTree& source, DatasetJson& json) {
  for (const SplitFolder& split : kSplits) {
    DatasetJson::Split list{split.split, {}};
    for (const std::string& file : internal::list_folder(source.root(), split.images).files) {
      if (internal::volume_ending(file).empty()) continue;
      list.entries.push_back({internal::joined_path(split.images, file), {}});
    }
    if (!list.entries.empty()) json.splits.push_back(std::move(list));
  }
}

// An entry may name its image alone, although there are labels for it.
void find_labels(const SourceTree& source, DatasetJson& json) {
  for (DatasetJson::Split& split : json.splits) {
    for (DatasetJson::Entry& entry : split.entries) {
      if (!entry.label.empty()) continue;
      try {
        const std::string path = clean_relative_path(entry.image);
        for (const SplitFolder& folder : kSplits) {
          const std::string images = std::string(folder.images) + "/";
          if (!path.starts_with(images)) continue;
          const std::string label =
              internal::joined_path(folder.labels, path.substr(images.size()));
          if (source.stamp(label)) entry.label = label;
        }
      } catch (const Error&) {
        // The item of this entry says what is wrong with its path.
      }
    }
  }
}

ListedDataset read_dataset(const SourceTree& source) {
  ListedDataset dataset;
  dataset.name = kDataset;
  if (source.stamp(kJsonName)) {
    dataset.json = internal::read_dataset_json(source, kJsonName);
  } else {
    dataset.json.path = kJsonName;
    add_folders(source, dataset.json);
  }
  if (dataset.json.labels.empty()) add_organs(dataset.json);
  dataset.json.channels.clear();  // it says CT of all, and every sixth is MR
  find_labels(source, dataset.json);
  return dataset;
}

// The organs by name: sex and scanner are classes of the dataset, too, and nobody looked
// for them in the image.
void cover_organs(SourceItem& item) {
  if (!item.covers_dataset_classes) return;
  item.covers_dataset_classes = false;
  for (const MaskSource& mask : item.masks) {
    item.covered_classes.push_back({mask.class_name, mask.class_code, mask.meaning});
  }
}

class AmosImporter final : public Importer {
 public:
  std::string_view name() const override { return "amos"; }
  std::string_view summary() const override {
    return "AMOS22: imagesTr/, labelsTr/, imagesVa/, labelsVa/, imagesTs/ with amos_NNNN.nii.gz";
  }

  Recognition recognise(const fs::path& root) const override {
    for (const SplitFolder& split : kSplits) {
      if (!has_scans(root, split.images)) continue;
      std::error_code ignored;
      const bool json = fs::is_regular_file(root / kJsonName, ignored);
      return {json ? 100 : 98, fmt::format("{} holds scans that are called amos_NNNN{}",
                                           split.images, json ? ", beside a dataset.json" : "")};
    }
    return {};
  }

  SourceDescription describe(const SourceTree& source) const override {
    const ListedDataset dataset = read_dataset(source);
    SourceDescription description;
    DatasetInfo info = internal::dataset_info(dataset.json, dataset.name, dataset.task);
    info.source_url = kUrl;
    if (info.image_licence.text.empty()) {
      info.image_licence = {kLicence, licence_tag(kLicence), kLicenceSource};
      info.label_licence = info.image_licence;
    }
    info.region = *Taxonomy::builtin().find_region("abdomen");
    description.datasets.push_back(std::move(info));
    description.items = internal::count_listed(dataset);
    description.problems = dataset.json.problems;
    for (Problem& problem : internal::list_problems(source, dataset)) {
      description.problems.push_back(std::move(problem));
    }
    const amos::ScanTable read_here(source, description.problems);
    return description;
  }

  void scan(const SourceTree& source,
            const std::function<bool(SourceItem&&)>& emit) const override {
    std::vector<Problem> told_by_describe;
    const amos::ScanTable table(source, told_by_describe);
    internal::for_each_listed(read_dataset(source), [&](SourceItem&& item) {
      if (item.image_paths.empty()) return emit(std::move(item));
      cover_organs(item);
      if (const auto number = scan_number(item.image_paths.front())) {
        item.modality = *number <= kLastCt ? "CT" : "MR";
        table.add_to(item, *number);
        const std::string scanner = table.modality_of(*number);
        if (!scanner.empty() && scanner != item.modality) {
          item.problems.push_back(
              note("scanner", item.key,
                   fmt::format("{} by its number, but by the table from a scanner for {}; the "
                               "number is believed",
                               item.modality, scanner)));
        }
      } else {
        item.problems.push_back(
            note("bad-name", item.key, "not called amos_NNNN, so CT or MR cannot be told"));
      }
      return emit(std::move(item));
    });
  }

  DecodedItem decode(const SourceTree& source, const SourceItem& item, const DecodeOptions& options,
                     const SampleSink& emit) const override {
    return internal::decode_listed(source, item, options, emit);
  }
};

}  // namespace

std::unique_ptr<Importer> make_amos_importer() { return std::make_unique<AmosImporter>(); }

}  // namespace slicebank
