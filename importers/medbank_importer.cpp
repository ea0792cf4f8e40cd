// MedBank, which SAMed2 trains on: a folder a task, split lists beside them
// (docs/importers/medbank.md).
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "importers/importer.h"
#include "importers/internal/composed_name.h"
#include "importers/internal/item_problem.h"
#include "importers/internal/medbank_lists.h"
#include "importers/internal/picture_item.h"
#include "importers/internal/picture_layout.h"
#include "importers/internal/picture_words.h"
#include "schema/error.h"

namespace slicebank {
namespace {

namespace fs = std::filesystem;
using internal::failed_item;
using internal::note;
using internal::skipped;
using medbank::Splits;
using medbank::Task;

constexpr std::uint64_t kRecogniseEntriesMax = 500;

std::string dataset_of(const Task& task) {
  return fmt::format("{}_{}_{}", task.name.object, task.name.modality, task.name.id);
}

std::vector<Task> tasks_of(const SourceTree& source) {
  std::vector<Task> tasks = medbank::find_tasks(source.root());
  if (tasks.empty()) {
    throw Error(ErrorCode::not_found,
                "there is no folder like BreastTumor_UT_0 in " + printable(source.name()),
                "Give the folder that holds them, each with image/ and mask/.");
  }
  return tasks;
}

// The parts of the collection that are volumes have no documented layout.
void tell_volumes(const SourceTree& source, const Task& task, SourceDescription& description) {
  std::uint64_t volumes = 0;
  std::error_code error;
  for (fs::directory_iterator entry(source.root() / task.images, error), end;
       !error && entry != end; entry.increment(error)) {
    const std::string name = internal::ascii_lower(entry->path().filename().string());
    if (name.ends_with(".nii") || name.ends_with(".nii.gz")) ++volumes;
  }
  if (volumes > 0) {
    description.problems.push_back(
        skipped("volume-files", task.images,
                fmt::format("{} NIfTI files, which this layout does not explain; import the "
                            "folder with --format nifti",
                            volumes)));
  }
}

class TaskScan {
 public:
  TaskScan(const SourceTree& source, const Task& task, const Splits& splits)
      : source_(source), task_(task), splits_(splits) {}

  bool run(const std::function<bool(SourceItem&&)>& emit) {
    if (!task_.masks.empty()) {
      for (std::string& name : internal::picture_names(source_.root(), task_.masks)) {
        masks_[internal::composed_name(internal::picture_stem(name))].push_back(std::move(name));
      }
    }
    for (const std::string& name : internal::picture_names(source_.root(), task_.images)) {
      if (!emit(item_of(name))) return false;
    }
    for (const auto& [stem, names] : masks_) {
      for (const std::string& name : names) {
        if (!emit(failed_item(task_.masks + "/" + name, "unpaired-mask",
                              "there is no picture of this name for the mask"))) {
          return false;
        }
      }
    }
    return true;
  }

 private:
  SourceItem item_of(const std::string& name) {
    SourceItem item;
    item.key = task_.images + "/" + name;
    try {
      if (clean_relative_path(item.key) != item.key) {
        return failed_item(item.key, "bad-path", "a name with a backslash cannot be read");
      }
    } catch (const Error& error) {
      return failed_item(item.key, "bad-path", error.what());
    }
    const std::string stem = internal::picture_stem(name);
    item.dataset = dataset_of(task_);
    item.image_paths = {item.key};
    item.modality = task_.name.modality;
    add_split(stem, item);
    const auto slice = medbank::parse_slice_name(stem);
    item.patient_id = slice ? slice->case_name : stem;
    item.volume_key = slice ? slice->case_name : name;
    if (slice && !item.official_split.empty()) item.volume_key += "." + item.official_split;
    internal::PicturePlace place;
    place.name = stem;
    if (slice) {
      place.axis = Axis::z;
      place.slice_index = slice->slice;
    }
    item.place = place.text();
    add_mask(stem, item);
    return item;
  }

  void add_split(const std::string& stem, SourceItem& item) const {
    const std::vector<std::string> sides = splits_.of(task_, stem);
    if (sides.size() == 1) {
      item.official_split = sides.front();
    } else if (sides.size() > 1) {
      item.problems.push_back(note("on-two-sides", item.key,
                                   fmt::format("listed in {}.txt and in {}.txt; taken as of no "
                                               "split",
                                               sides[0], sides[1])));
    } else if (splits_.any_lists()) {
      item.problems.push_back(
          note("unlisted-image", item.key, "no list names it; imported without a split"));
    }
  }

  void add_mask(const std::string& stem, SourceItem& item) {
    const auto found = masks_.find(internal::composed_name(stem));
    if (found == masks_.end() || found->second.empty()) {
      item.problems.push_back(
          skipped("missing-mask", item.key, "there is no mask of this name; kept without one"));
      return;
    }
    MaskSource mask;
    mask.path = task_.masks + "/" + found->second.front();
    mask.class_name = task_.name.object;
    mask.meaning = medbank::spaced_words(task_.name.object);
    ClassName covered;
    covered.name = mask.class_name;
    covered.meaning = mask.meaning;
    item.covered_classes.push_back(std::move(covered));
    item.masks.push_back(std::move(mask));
    found->second.erase(found->second.begin());
    if (found->second.empty()) masks_.erase(found);
  }

  const SourceTree& source_;
  const Task& task_;
  const Splits& splits_;
  std::map<std::string, std::vector<std::string>> masks_;  // by stem, not taken yet
};

class MedbankImporter final : public Importer {
 public:
  std::string_view name() const override { return "medbank"; }
  std::string_view summary() const override {
    return "MedBank (SAMed2): folders {Object}_{Modality}_{ID} with image/ and mask/";
  }

  Recognition recognise(const fs::path& root) const override {
    const std::vector<Task> tasks = medbank::find_tasks(root, kRecogniseEntriesMax);
    for (const Task& task : tasks) {
      if (task.masks.empty()) continue;
      return {80, fmt::format("{} is named {{Object}}_{{Modality}}_{{ID}} and holds {} and {}",
                              task.folder.empty() ? "the folder" : printable(task.folder),
                              internal::path_parts(task.images).back(),
                              internal::path_parts(task.masks).back())};
    }
    return {};
  }

  SourceDescription describe(const SourceTree& source) const override {
    SourceDescription description;
    const std::vector<Task> tasks = tasks_of(source);
    for (const Task& task : tasks) {
      DatasetInfo info;
      info.name = dataset_of(task);
      RawClass raw;
      raw.name = task.name.object;
      raw.meaning = medbank::spaced_words(task.name.object);
      info.classes.push_back(std::move(raw));
      description.datasets.push_back(std::move(info));
      tell_volumes(source, task, description);
    }
    const Splits splits(source, tasks);
    description.problems.insert(description.problems.end(), splits.problems().begin(),
                                splits.problems().end());
    return description;
  }

  void scan(const SourceTree& source,
            const std::function<bool(SourceItem&&)>& emit) const override {
    const std::vector<Task> tasks = tasks_of(source);
    const Splits splits(source, tasks);
    for (const Task& task : tasks) {
      if (!TaskScan(source, task, splits).run(emit)) return;
    }
  }

  DecodedItem decode(const SourceTree& source, const SourceItem& item, const DecodeOptions& options,
                     const SampleSink& emit) const override {
    return internal::decode_picture_item(source, item, internal::PicturePlace::parse(item.place),
                                         options, emit);
  }
};

}  // namespace

std::unique_ptr<Importer> make_medbank_importer() { return std::make_unique<MedbankImporter>(); }

}  // namespace slicebank
