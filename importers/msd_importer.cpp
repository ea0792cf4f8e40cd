// The Medical Segmentation Decathlon: a dataset.json that lists 3-D and 4-D NIfTI files
// (docs/importers/msd.md).
#include <fmt/format.h>

#include "importers/importer.h"
#include "importers/internal/dataset_json.h"
#include "importers/internal/folder_list.h"
#include "importers/internal/item_problem.h"
#include "importers/internal/listed_dataset.h"
#include "importers/internal/msd_tasks.h"
#include "schema/error.h"
#include "schema/taxonomy.h"

namespace slicebank {
namespace {

namespace fs = std::filesystem;
using internal::ListedDataset;

constexpr const char* kUrl = "http://medicaldecathlon.com/";
constexpr std::size_t kFoldersPeeked = 50;

ListedDataset read_dataset(const SourceTree& source, const std::string& folder) {
  ListedDataset dataset;
  dataset.folder = folder;
  dataset.json = internal::read_dataset_json(source, internal::joined_path(folder, "dataset.json"));
  dataset.name = internal::dataset_name(source, folder, dataset.json, "Task");
  dataset.task = internal::task_word(dataset.name);
  return dataset;
}

class MsdImporter final : public Importer {
 public:
  std::string_view name() const override { return "msd"; }
  std::string_view summary() const override {
    return "Medical Segmentation Decathlon: Task*/ with a dataset.json that lists NIfTI files";
  }

  Recognition recognise(const fs::path& root) const override {
    Recognition damaged;
    for (const std::string& folder : internal::dataset_folders(root, kFoldersPeeked)) {
      if (damaged.score == 0) damaged = internal::recognise_damaged(root, folder, "Task");
      const auto json = internal::peek_dataset_json(root, folder);
      if (!json || json->has_channel_names || json->has_file_ending || json->labels.empty()) {
        continue;
      }
      if (internal::first_image(*json).empty()) continue;
      if (internal::first_image_is_there(root, folder, *json)) {
        return {95, fmt::format("{} lists its images, and they are there", json->path)};
      }
      return {55, fmt::format("{} lists images, but the first is not there", json->path)};
    }
    return damaged;
  }

  SourceDescription describe(const SourceTree& source) const override {
    SourceDescription description;
    description.items = 0;
    for_each_dataset(source, description.problems, [&](const ListedDataset& dataset) {
      DatasetInfo info = internal::dataset_info(dataset.json, dataset.name, dataset.task);
      if (const std::string region = internal::region_of_task(dataset.task); !region.empty()) {
        info.source_url = kUrl;
        info.region = *Taxonomy::builtin().find_region(region);
      }
      description.datasets.push_back(std::move(info));
      *description.items += internal::count_listed(dataset);
      for (const auto& problems :
           {dataset.json.problems, internal::list_problems(source, dataset)}) {
        description.problems.insert(description.problems.end(), problems.begin(), problems.end());
      }
      return true;
    });
    return description;
  }

  void scan(const SourceTree& source,
            const std::function<bool(SourceItem&&)>& emit) const override {
    std::vector<Problem> told_by_describe;
    for_each_dataset(source, told_by_describe, [&](const ListedDataset& dataset) {
      return internal::for_each_listed(dataset, emit);
    });
  }

  DecodedItem decode(const SourceTree& source, const SourceItem& item, const DecodeOptions& options,
                     const SampleSink& emit) const override {
    return internal::decode_listed(source, item, options, emit);
  }

 private:
  // A json that cannot be read is an error where it is the only one, else a problem.
  static void for_each_dataset(const SourceTree& source, std::vector<Problem>& problems,
                               const std::function<bool(const ListedDataset&)>& visit) {
    const auto folders = internal::dataset_folders(source.root());
    if (folders.empty()) {
      throw Error(ErrorCode::not_found, "dataset.json is not in the folder",
                  "Give a task's own folder, or the folder that holds the Task folders.");
    }
    for (const std::string& folder : folders) {
      ListedDataset dataset;
      try {
        dataset = read_dataset(source, folder);
      } catch (const Error& error) {
        if (folder.empty()) throw;
        problems.push_back(internal::skipped(
            "bad-json", internal::joined_path(folder, "dataset.json"), error.what()));
        continue;
      }
      if (!visit(dataset)) return;
    }
  }
};

}  // namespace

std::unique_ptr<Importer> make_msd_importer() { return std::make_unique<MsdImporter>(); }

}  // namespace slicebank
