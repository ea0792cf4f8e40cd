// MedMNIST v2 and MedMNIST+: one npz a task and size (docs/importers/medmnist.md).
#include <fmt/format.h>

#include <set>
#include <string>
#include <utility>

#include "importers/importer.h"
#include "importers/internal/array_volume.h"
#include "importers/internal/item_problem.h"
#include "importers/internal/medmnist_split.h"
#include "importers/internal/medmnist_tasks.h"
#include "importers/internal/npz_splits.h"
#include "importers/internal/volume_item.h"
#include "schema/error.h"
#include "schema/licence.h"
#include "schema/taxonomy.h"

namespace slicebank {
namespace {

namespace fs = std::filesystem;
using internal::note;
using internal::shown_path;
using internal::SplitFile;
using medmnist::Kind;
using medmnist::SplitScan;
using medmnist::Task;
using medmnist::TaskFile;

constexpr std::uint64_t kEntriesLooked = 300;

constexpr const char* kCitation =
    "Yang J, Shi R, Wei D, et al. MedMNIST v2 - A large-scale lightweight benchmark for 2D and "
    "3D biomedical image classification. Scientific Data 10, 41 (2023). "
    "doi:10.1038/s41597-022-01721-8";

std::vector<TaskFile> task_files(const SourceTree& source) {
  std::vector<TaskFile> files;
  const auto known = [](const std::string& flag) { return medmnist::find_task(flag) != nullptr; };
  for (SplitFile& file : internal::split_files_of(source, "_labels", known)) {
    const Task* task = medmnist::find_task(file.flag);
    files.push_back({std::move(file), task});
  }
  return files;
}

DatasetInfo dataset_of(const TaskFile& file) {
  DatasetInfo info;
  info.name = file.dataset();
  if (file.task == nullptr) return info;
  info.source_url = "https://medmnist.com";
  info.citation = kCitation;
  info.image_licence.text = std::string(file.task->licence);
  info.image_licence.tag = licence_tag(info.image_licence.text);
  info.image_licence.source = "medmnist/info.py, version 3.0.2";
  info.label_licence = info.image_licence;
  if (const auto region = Taxonomy::builtin().find_region(file.task->region)) {
    info.region = *region;
  }
  for (std::size_t i = 0; i < file.task->classes.size(); ++i) {
    const auto& word = file.task->classes[i];
    const std::string code = file.task->kind == Kind::grade ? "" : std::to_string(i);
    info.classes.push_back({std::string(word.name), code, ClassId{}, std::string(word.meaning)});
  }
  return info;
}

class MedmnistImporter final : public Importer {
 public:
  std::string_view name() const override { return "medmnist"; }
  std::string_view summary() const override {
    return "MedMNIST and MedMNIST+: pathmnist.npz, organmnist3d_64.npz, ... with labels, no masks";
  }

  Recognition recognise(const fs::path& root) const override {
    const auto files = internal::split_files(root, kEntriesLooked);
    for (const SplitFile& file : files) {
      if (const Task* task = medmnist::find_task(file.flag)) {
        return {95, fmt::format("{} is the name of {}", shown_path(file.path), task->name)};
      }
    }
    if (files.empty()) return {};
    const std::string& first = files.front().path;
    try {
      if (!internal::has_split_member(SourceTree(root), first, "_labels")) return {};
    } catch (const Error&) {
      return {};
    }
    return {70, fmt::format("{} holds images and labels by split", shown_path(first))};
  }

  SourceDescription describe(const SourceTree& source) const override {
    SourceDescription description;
    std::set<std::string> known;
    std::uint64_t items = 0;
    for (const TaskFile& file : task_files(source)) {
      if (known.insert(file.dataset()).second) description.datasets.push_back(dataset_of(file));
      try {
        const NpzReader npz(source.open(file.file.path), file.file.path);
        for (std::size_t split = 0; split < internal::kSplits.size(); ++split) {
          items += describe_split(npz, file, split, description.problems);
        }
      } catch (const Error&) {
        ++items;  // scan() emits an item that says why
      }
    }
    description.items = items;
    return description;
  }

  void scan(const SourceTree& source,
            const std::function<bool(SourceItem&&)>& emit) const override {
    std::set<std::string> prefixes;
    for (const TaskFile& file : task_files(source)) {
      const std::string& path = file.file.path;
      if (!prefixes.insert(file.prefix()).second) {
        if (!emit(internal::failed_item(path, "duplicate-file",
                                        path + ": the same task and size as another file"))) {
          return;
        }
        continue;
      }
      std::optional<NpzReader> npz;
      try {
        npz.emplace(source.open(path), path);
      } catch (const Error& error) {
        if (!emit(internal::failed_item(path, "bad-npz", error.what()))) return;
        continue;
      }
      for (std::size_t split = 0; split < internal::kSplits.size(); ++split) {
        if (!SplitScan(source, file, split).run(*npz, emit)) return;
      }
    }
  }

  DecodedItem decode(const SourceTree& source, const SourceItem& item, const DecodeOptions& options,
                     const SampleSink& emit) const override {
    const internal::RowPlace place = internal::row_place(item);
    Array row = internal::row_of(source, item, place.members.front(), place.row);
    internal::ImageParts image;
    image.volumes.push_back(place.members.back() == "3d"
                                ? internal::scan_of(std::move(row), item.key)
                                : internal::picture_of(std::move(row), item.key));
    DecodedItem decoded;
    internal::emit_slices(item, options, image, {}, emit, decoded);
    return decoded;
  }

 private:
  // How many items a split gives.
  static std::uint64_t describe_split(const NpzReader& npz, const TaskFile& file, std::size_t split,
                                      std::vector<Problem>& problems) {
    const std::string name(internal::kSplits[split]);
    const std::string& path = file.file.path;
    const NpzMember* images = npz.find(name + "_images");
    if (images == nullptr && npz.find(name + "_labels") == nullptr) {
      problems.push_back(note("no-split", path, fmt::format("{} has no '{}'", path, name)));
      return 0;
    }
    std::vector<Problem> told_by_scan;
    const auto found = internal::rows_of(npz, name + "_images", path, told_by_scan);
    if (!found) return 1;
    const std::uint64_t rows = *found;
    if (file.task == nullptr) return rows;
    if (rows != file.task->rows[split]) {
      problems.push_back(
          note("row-count", path,
               fmt::format("'{}' has {} images, the published {} has {}: its rows are taken for "
                           "other images than the published ones",
                           name, rows, file.task->name, file.task->rows[split])));
    }
    const std::string side = images->shape.size() > 1 ? std::to_string(images->shape[1]) : "?";
    if (side != file.size()) {
      problems.push_back(note("image-size", path,
                              fmt::format("images of '{}' have {} pixels a side, where the name "
                                          "says {}",
                                          name, side, file.size())));
    }
    return rows;
  }
};

}  // namespace

std::unique_ptr<Importer> make_medmnist_importer() { return std::make_unique<MedmnistImporter>(); }

}  // namespace slicebank
