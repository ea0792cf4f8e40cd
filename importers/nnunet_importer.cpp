// nnU-Net, versions 1 and 2: one file a channel, one label map a case
// (docs/importers/nnunet.md).
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

#include "importers/importer.h"
#include "importers/internal/dataset_json.h"
#include "importers/internal/folder_list.h"
#include "importers/internal/item_problem.h"
#include "importers/internal/listed_dataset.h"
#include "importers/internal/msd_tasks.h"
#include "importers/internal/nnunet_cases.h"
#include "importers/internal/small_json.h"
#include "importers/internal/volume_item.h"
#include "schema/error.h"
#include "schema/limits.h"
#include "schema/taxonomy.h"

namespace slicebank {
namespace {

namespace fs = std::filesystem;
using internal::DatasetJson;
using internal::joined_path;
using internal::NnunetCase;
using internal::NnunetCases;
using internal::NnunetDataset;
using internal::note;
using internal::skipped;

constexpr std::size_t kFoldersPeeked = 50;

// Of nnU-Net's readers; .bmp and .gipl are those that it has and we have not.
constexpr std::array<std::string_view, 9> kEndings = {".nii.gz", ".nii", ".nrrd", ".nhdr", ".mha",
                                                      ".mhd",    ".png", ".tif",  ".tiff"};

bool is_picture(std::string_view ending) { return ending == ".png" || ending == ".tif"; }

NnunetDataset read_dataset(const SourceTree& source, const std::string& folder) {
  NnunetDataset dataset;
  dataset.folder = folder;
  dataset.json = internal::read_dataset_json(source, joined_path(folder, "dataset.json"));
  dataset.name = internal::dataset_name(source, folder, dataset.json,
                                        dataset.json.has_channel_names ? "Dataset" : "Task");
  dataset.task = internal::task_word(dataset.name);
  return dataset;
}

// Names of the channels that are there, by their numbers.
std::vector<std::string> channel_names(const NnunetDataset& dataset, const NnunetCase& from,
                                       SourceItem& item) {
  const std::vector<std::string>& declared = dataset.json.channels;
  if (from.channels.size() == 1 && is_picture(dataset.json.file_ending)) return declared;
  std::vector<std::string> names;
  std::set<std::uint32_t> there;
  for (const NnunetCase::Channel& channel : from.channels) {
    there.insert(channel.number);
    if (channel.number < declared.size()) {
      names.push_back(declared[channel.number]);
      continue;
    }
    names.push_back(fmt::format("{:04}", channel.number));
    if (!declared.empty()) {
      item.problems.push_back(
          note("extra-channel", channel.path,
               fmt::format("{} declares {} channels", dataset.json.path, declared.size())));
    }
  }
  for (std::uint32_t number = 0; number < declared.size(); ++number) {
    if (there.contains(number)) continue;
    item.problems.push_back(skipped(
        "missing-channel", item.key,
        fmt::format("its channel {:04} ({}) is not there", number, printable(declared[number]))));
  }
  return names;
}

// nnU-Net writes {"spacing": [z, y, x]}, in the order of the array.
std::string spacing_xyz(const SourceTree& source, const std::string& path, SourceItem& item) {
  if (path.empty()) return {};
  try {
    const internal::Json json = internal::read_json(source, path);
    const internal::Json* list = json.find("spacing");
    std::string text;
    if (list != nullptr && list->items.size() == 3) {
      for (std::size_t axis = 3; axis-- > 0;) {
        const double millimetres = list->items[axis].number;
        if (!(millimetres > 0 && millimetres < 1e6)) {
          throw Error(ErrorCode::bad_format, printable(path) + ": a spacing that cannot be");
        }
        text += fmt::format("{}{}", text.empty() ? "" : " ", millimetres);
      }
      return text;
    }
    throw Error(ErrorCode::bad_format, printable(path) + ": no spacing of three numbers");
  } catch (const Error& error) {
    item.problems.push_back(skipped("bad-spacing", path, error.what()));
    return {};
  }
}

SourceItem make_item(const SourceTree& source, const NnunetDataset& dataset, const NnunetCase& from,
                     std::set<std::string>& volumes) {
  const std::string key =
      joined_path(dataset.folder, (from.split == "test" ? "imagesTs/" : "imagesTr/") + from.name);
  if (from.channels.empty() || from.name.size() > limits::kNameBytesMax) {
    SourceItem lost = internal::failed_item(key, "bad-name", "the name of the case is too long");
    if (!from.problems.empty()) lost.problems = from.problems;
    return lost;
  }
  SourceItem item;
  item.key = key;
  item.dataset = dataset.name;
  item.patient_id = from.name;
  item.volume_key = volumes.insert(from.name).second ? from.name : from.split + "/" + from.name;
  item.official_split = from.split;
  item.problems = from.problems;
  for (const NnunetCase::Channel& channel : from.channels) item.image_paths.push_back(channel.path);
  internal::VolumePlace place;
  place.channels = channel_names(dataset, from, item);
  place.ignored_value = dataset.json.ignored_value;
  place.spacing = spacing_xyz(source, from.spacing_path, item);
  item.modality = internal::modality_of_channels(place.channels);
  if (place.channels.size() == 1 && !item.modality.empty()) place.channels.clear();
  item.place = written(place);
  if (!from.label_path.empty()) {
    item.masks = internal::label_masks(dataset.json, dataset.task, from.label_path);
    // Where parts were left to be ignored nobody can say that a class is not there.
    item.covers_dataset_classes = !item.masks.empty() && !dataset.json.ignored_value;
  }
  return item;
}

bool can_be_read(const NnunetDataset& dataset) {
  return std::find(kEndings.begin(), kEndings.end(), dataset.json.file_ending) != kEndings.end();
}

class NnunetImporter final : public Importer {
 public:
  std::string_view name() const override { return "nnunet"; }
  std::string_view summary() const override {
    return "nnU-Net 1 and 2: imagesTr/{case}_0000.*, labelsTr/{case}.*, dataset.json";
  }

  Recognition recognise(const fs::path& root) const override {
    Recognition damaged;
    for (const std::string& folder : internal::dataset_folders(root, kFoldersPeeked)) {
      if (damaged.score == 0) damaged = internal::recognise_damaged(root, folder, "Dataset");
      const auto json = internal::peek_dataset_json(root, folder);
      if (!json || json->labels.empty()) continue;
      if (json->has_channel_names) {
        return {100, fmt::format("{} declares channel_names, as nnU-Net does", json->path)};
      }
      if (internal::first_image_is_there(root, folder, *json)) continue;
      for (const std::string& file :
           internal::peek_folder(root, joined_path(folder, "imagesTr")).files) {
        if (file.size() > 12 && file.ends_with("_0000.nii.gz")) {
          return {96, fmt::format("{} and images that end in _0000.nii.gz", json->path)};
        }
      }
    }
    return damaged;
  }

  SourceDescription describe(const SourceTree& source) const override {
    SourceDescription description;
    description.items = 0;
    auto& problems = description.problems;
    for_each_dataset(source, problems, [&](const NnunetDataset& dataset) {
      DatasetInfo info = internal::dataset_info(dataset.json, dataset.name, dataset.task);
      if (const std::string region = internal::region_of_task(dataset.task); !region.empty()) {
        info.region = *Taxonomy::builtin().find_region(region);
      }
      description.datasets.push_back(std::move(info));
      problems.insert(problems.end(), dataset.json.problems.begin(), dataset.json.problems.end());
      if (!can_be_read(dataset)) {
        problems.push_back(skipped("file-ending", dataset.json.path,
                                   fmt::format("files that end in {} cannot be read",
                                               printable(dataset.json.file_ending))));
        return true;
      }
      const NnunetCases found = find_cases(source, dataset);
      const auto training =
          std::count_if(found.cases.begin(), found.cases.end(), [](const NnunetCase& each) {
            return each.split == "training" && !each.channels.empty();
          });
      const auto faults = json_faults(dataset, static_cast<std::size_t>(training));
      problems.insert(problems.end(), found.problems.begin(), found.problems.end());
      problems.insert(problems.end(), faults.begin(), faults.end());
      *description.items += found.cases.size();
      return true;
    });
    return description;
  }

  void scan(const SourceTree& source,
            const std::function<bool(SourceItem&&)>& emit) const override {
    std::vector<Problem> told_by_describe;
    for_each_dataset(source, told_by_describe, [&](const NnunetDataset& dataset) {
      if (!can_be_read(dataset)) return true;
      std::set<std::string> volumes;
      for (const NnunetCase& from : find_cases(source, dataset).cases) {
        if (!emit(make_item(source, dataset, from, volumes))) return false;
      }
      return true;
    });
  }

  DecodedItem decode(const SourceTree& source, const SourceItem& item, const DecodeOptions& options,
                     const SampleSink& emit) const override {
    const internal::VolumePlace place = internal::read_place(item.place);
    internal::VolumeRequest request;
    request.channel_names = place.channels;
    if (place.ignored_value) request.other_values = {*place.ignored_value};
    DecodedItem decoded = internal::decode_volume_item(source, item, request, options, emit);
    if (const auto spacing = internal::parse_spacing(place.spacing)) {
      decoded.spacing_xyz_mm = spacing;
    }
    // Only a picture may hold other channels than its one file stands for.
    if (!place.channels.empty() && decoded.channel_names.empty()) {
      decoded.problems.push_back(
          note("channels", item.image_paths.front(),
               fmt::format("it does not have the {} channels that dataset.json declares; they are "
                           "kept without names",
                           place.channels.size())));
    }
    return decoded;
  }

 private:
  // A json that cannot be read is an error where it is the only one, else a problem.
  static void for_each_dataset(const SourceTree& source, std::vector<Problem>& problems,
                               const std::function<bool(const NnunetDataset&)>& visit) {
    const auto folders = internal::dataset_folders(source.root());
    if (folders.empty()) {
      throw Error(ErrorCode::not_found, "dataset.json is not in the folder",
                  "Give a dataset's own folder, or nnUNet_raw, which holds the Dataset folders.");
    }
    for (const std::string& folder : folders) {
      NnunetDataset dataset;
      try {
        dataset = read_dataset(source, folder);
      } catch (const Error& error) {
        if (folder.empty()) throw;
        problems.push_back(skipped("bad-json", joined_path(folder, "dataset.json"), error.what()));
        continue;
      }
      if (!visit(dataset)) return;
    }
  }
};

}  // namespace

std::unique_ptr<Importer> make_nnunet_importer() { return std::make_unique<NnunetImporter>(); }

}  // namespace slicebank
