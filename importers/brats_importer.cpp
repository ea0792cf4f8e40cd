// BraTS 2017 to 2024: a folder a case with up to four sequences and one label map
// (docs/importers/brats.md).
#include <fmt/format.h>

#include <functional>
#include <set>

#include "importers/importer.h"
#include "importers/internal/brats_cases.h"
#include "importers/internal/brats_editions.h"
#include "importers/internal/brats_tables.h"
#include "importers/internal/dataset_json.h"
#include "importers/internal/item_problem.h"
#include "importers/internal/volume_item.h"
#include "schema/licence.h"
#include "schema/taxonomy.h"

namespace slicebank {
namespace {

namespace fs = std::filesystem;
using brats::Case;
using brats::CaseFiles;
using brats::CaseTables;
using brats::EditionClass;
using internal::note;
using internal::skipped;

// The files name none; this is what lists of datasets say.
constexpr const char* kLicence = "Research use";
constexpr const char* kLicenceSource = "medical imaging datasets page";

std::vector<std::uint32_t> values_of(const EditionClass& of) {
  std::vector<std::uint32_t> values;
  for (const std::uint32_t value : of.values) {
    if (value != 0) values.push_back(value);
  }
  return values;
}

std::string code_of(const EditionClass& of) {
  return of.region ? std::string() : std::to_string(of.values[0]);
}

bool is_training(const std::string& split) {
  return split.starts_with("train") || split.starts_with("Train") || split.starts_with("TRAIN");
}

SourceItem case_item(const Case& found, const CaseFiles& files, const CaseTables& tables) {
  SourceItem item;
  item.key = found.folder;
  item.dataset = brats::dataset_of(found);
  item.patient_id = found.name.patient;
  item.volume_key = found.name.text;
  item.official_split = found.split;
  item.problems = files.problems;
  tables.add_to(item, found.name.text, found.folder);
  if (files.labels.empty()) {
    if (is_training(found.split)) {
      item.problems.push_back(
          skipped("missing-mask", found.folder, "a training case without labels"));
    }
    return item;
  }
  for (const EditionClass& of : brats::classes_of(found.year, found.name.task)) {
    MaskSource mask;
    mask.path = files.labels;
    mask.class_name = of.name;
    mask.class_code = code_of(of);
    mask.values = values_of(of);
    mask.meaning = of.meaning;
    // By name: what the tables say (grade, age) is of the dataset's classes, too, and
    // nobody looked for it in the image.
    item.covered_classes.push_back({mask.class_name, mask.class_code, mask.meaning});
    item.masks.push_back(std::move(mask));
  }
  return item;
}

void emit_case(const SourceTree& source, const Case& found, const CaseTables& tables,
               const std::function<void(SourceItem&&)>& emit) {
  const CaseFiles files = brats::files_of(source, found);
  SourceItem item = case_item(found, files, tables);
  internal::VolumePlace place;
  std::string missing;
  for (std::size_t i = 0; i < files.sequences.size(); ++i) {
    if (files.sequences[i].empty()) {
      missing += (missing.empty() ? "" : ", ") + std::string(brats::kSequenceNames[i]);
      continue;
    }
    item.image_paths.push_back(files.sequences[i]);
    place.channels.emplace_back(brats::kSequenceNames[i]);
    item.modality = files.words[i];
  }
  if (item.image_paths.empty()) {
    emit(internal::failed_item(found.folder, "missing-image", "no sequence is in the folder"));
    return;
  }
  if (!missing.empty() && found.name.task != "MEN-RT") {
    item.problems.push_back(note("missing-sequence", found.folder, "without " + missing));
  }
  if (brats::on_one_grid(source, files)) {
    if (place.channels.size() > 1) {
      item.modality = "MR";
      item.place = written(place);
    }
    emit(std::move(item));
    return;
  }
  item.problems.push_back(note("image-grid", found.folder,
                               "its sequences are not of one size; each is a volume of its own"));
  for (std::size_t i = 0; i < files.sequences.size(); ++i) {
    if (files.sequences[i].empty()) continue;
    SourceItem one = item;
    one.key += "/" + std::string(brats::kSequenceNames[i]);
    one.volume_key += "/" + std::string(brats::kSequenceNames[i]);
    one.modality = files.words[i];
    one.image_paths = {files.sequences[i]};
    item.problems.clear();
    emit(std::move(one));
  }
}

class BratsImporter final : public Importer {
 public:
  std::string_view name() const override { return "brats"; }
  std::string_view summary() const override {
    return "BraTS 2017 to 2024: a folder a case with _t1, _t1ce, _t2, _flair and _seg files";
  }

  Recognition recognise(const fs::path& root) const override {
    return brats::recognise_cases(root);
  }

  SourceDescription describe(const SourceTree& source) const override {
    SourceDescription description;
    description.items = 0;
    const CaseTables told_here(source, description.problems);
    std::set<std::string> known;
    brats::for_each_case(source, [&](Case&& found) {
      ++*description.items;
      const std::string name = brats::dataset_of(found);
      if (!known.insert(name).second) return true;
      DatasetInfo info;
      info.name = name;
      info.version = std::to_string(found.year);
      info.region = *Taxonomy::builtin().find_region("brain");
      info.image_licence = {kLicence, licence_tag(kLicence), kLicenceSource};
      info.label_licence = info.image_licence;
      for (const EditionClass& of : brats::classes_of(found.year, found.name.task)) {
        info.classes.push_back(
            {std::string(of.name), code_of(of), ClassId{}, std::string(of.meaning)});
      }
      description.datasets.push_back(std::move(info));
      if (found.assumed_year && found.name.task == "PED") {
        description.problems.push_back(
            note("edition", found.folder,
                 "no folder says whether this is 2023 or 2024, whose numbers differ; taken for "
                 "2023 (1 NCR, 2 ED, 3 ET). Put it into a folder with 2024 in its name if not"));
      }
      return true;
    });
    return description;
  }

  void scan(const SourceTree& source,
            const std::function<bool(SourceItem&&)>& emit) const override {
    std::vector<Problem> told_by_describe;
    const CaseTables tables(source, told_by_describe);
    std::set<std::string> seen;
    bool more = true;
    brats::for_each_case(source, [&](Case&& found) {
      if (!seen.insert(brats::dataset_of(found) + "/" + found.name.text).second) {
        return emit(internal::failed_item(found.folder, "duplicate-case",
                                          "a case of this name was there already"));
      }
      emit_case(source, found, tables,
                [&](SourceItem&& item) { more = more && emit(std::move(item)); });
      return more;
    });
  }

  DecodedItem decode(const SourceTree& source, const SourceItem& item, const DecodeOptions& options,
                     const SampleSink& emit) const override {
    internal::VolumeRequest request;
    request.channel_names = internal::read_place(item.place).channels;
    return internal::decode_volume_item(source, item, request, options, emit);
  }
};

}  // namespace

std::unique_ptr<Importer> make_brats_importer() { return std::make_unique<BratsImporter>(); }

}  // namespace slicebank
