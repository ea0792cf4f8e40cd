#include "importers/internal/listed_dataset.h"

#include <fmt/format.h>

#include <optional>
#include <set>
#include <utility>

#include "importers/internal/folder_list.h"
#include "importers/internal/item_problem.h"
#include "importers/internal/msd_tasks.h"
#include "importers/internal/volume_file.h"
#include "importers/internal/volume_item.h"
#include "schema/error.h"
#include "schema/limits.h"

namespace slicebank::internal {
namespace {

constexpr std::size_t kUnlistedTold = 100;
constexpr std::string_view kJsonName = "dataset.json";

std::string listed_path(const ListedDataset& dataset, const std::string& listed) {
  return joined_path(dataset.folder, clean_relative_path(listed));
}

std::optional<std::string> path_or_nothing(const ListedDataset& dataset,
                                           const std::string& listed) {
  try {
    return listed_path(dataset, listed);
  } catch (const Error&) {
    return std::nullopt;
  }
}

void add_labels(const ListedDataset& dataset, const std::string& listed, SourceItem& item) {
  if (listed.empty()) return;
  try {
    item.masks = label_masks(dataset.json, dataset.task, listed_path(dataset, listed));
  } catch (const Error& error) {
    item.problems.push_back(skipped("bad-path", shown_path(listed), error.what()));
    return;
  }
  item.covers_dataset_classes = !item.masks.empty() && !dataset.json.ignored_value;
}

// `stems` are the names of the volumes so far.
SourceItem make_item(const ListedDataset& dataset, const std::string& split,
                     const DatasetJson::Entry& entry, std::set<std::string>& stems) {
  SourceItem item;
  try {
    item.key = listed_path(dataset, entry.image);
  } catch (const Error& error) {
    return failed_item(entry.image, "bad-path", error.what());
  }
  const std::string stem = volume_stem(item.key);
  if (stem.empty() || stem.size() > limits::kNameBytesMax) {
    return failed_item(item.key, "bad-name", "a file name without a stem, or too long a one");
  }
  item.dataset = dataset.name;
  item.patient_id = stem;
  item.volume_key = stems.insert(stem).second ? stem : split + "/" + stem;
  item.modality = modality_of_channels(dataset.json.channels);
  item.official_split = split;
  item.image_paths = {item.key};
  VolumePlace place;
  if (dataset.json.channels.size() > 1 || item.modality.empty()) {
    place.channels = dataset.json.channels;
  }
  place.ignored_value = dataset.json.ignored_value;
  item.place = written(place);
  add_labels(dataset, entry.label, item);
  return item;
}

}  // namespace

std::vector<std::string> dataset_folders(const std::filesystem::path& root, std::size_t most) {
  std::error_code ignored;
  if (std::filesystem::is_regular_file(root / kJsonName, ignored)) return {""};
  std::vector<std::string> found;
  for (const std::string& folder : peek_folder(root, "", most).folders) {
    if (std::filesystem::is_regular_file(root / folder / kJsonName, ignored)) {
      found.push_back(folder);
    }
  }
  return found;
}

std::string first_image(const DatasetJson& json) {
  for (const DatasetJson::Split& split : json.splits) {
    if (!split.entries.empty()) return split.entries.front().image;
  }
  return {};
}

bool first_image_is_there(const std::filesystem::path& root, const std::string& folder,
                          const DatasetJson& json) {
  try {
    const SourceTree source(root);
    return source.stamp(joined_path(folder, clean_relative_path(first_image(json)))).has_value();
  } catch (const Error&) {
    return false;
  }
}

Recognition recognise_damaged(const std::filesystem::path& root, const std::string& folder,
                              std::string_view word) {
  std::error_code ignored;
  const std::string own =
      folder.empty() ? std::filesystem::canonical(root, ignored).filename().string() : folder;
  if (!is_task_name(own, word) || peek_dataset_json(root, folder)) return {};
  return {70, fmt::format("{} is named as one, and holds a dataset.json that cannot be read",
                          printable(own))};
}

std::string dataset_name(const SourceTree& source, const std::string& folder,
                         const DatasetJson& json, std::string_view word) {
  const std::string own = folder.empty() ? source.name() : folder;
  if (is_task_name(own, word)) return own;
  const bool fits = !json.name.empty() && json.name.size() <= limits::kNameBytesMax;
  return fits && folder.empty() ? json.name : own;
}

bool for_each_listed(const ListedDataset& dataset, const std::function<bool(SourceItem&&)>& emit) {
  std::set<std::string> seen;
  std::set<std::string> stems;
  for (const DatasetJson::Split& split : dataset.json.splits) {
    for (const DatasetJson::Entry& entry : split.entries) {
      if (!seen.insert(path_or_nothing(dataset, entry.image).value_or(entry.image)).second) {
        continue;
      }
      if (!emit(make_item(dataset, split.name, entry, stems))) return false;
    }
  }
  return true;
}

std::uint64_t count_listed(const ListedDataset& dataset) {
  std::set<std::string> seen;
  for (const DatasetJson::Split& split : dataset.json.splits) {
    for (const DatasetJson::Entry& entry : split.entries) {
      seen.insert(path_or_nothing(dataset, entry.image).value_or(entry.image));
    }
  }
  return seen.size();
}

std::vector<Problem> list_problems(const SourceTree& source, const ListedDataset& dataset) {
  std::vector<Problem> problems;
  std::set<std::string> listed;
  std::set<std::string> folders;
  for (const DatasetJson::Split& split : dataset.json.splits) {
    for (const DatasetJson::Entry& entry : split.entries) {
      const auto path = path_or_nothing(dataset, entry.image);
      if (!path) continue;  // its item says so
      folders.insert(path->substr(0, path->rfind('/') + 1));
      if (!listed.insert(*path).second) {
        problems.push_back(
            note("duplicate-image", *path,
                 fmt::format("listed twice, again in '{}'; the first is taken", split.name)));
      }
    }
    const auto& count = split.name == "training" ? dataset.json.training_count
                        : split.name == "test"   ? dataset.json.test_count
                                                 : std::nullopt;
    if (count && *count != split.entries.size()) {
      problems.push_back(note("count", dataset.json.path,
                              fmt::format("'{}' lists {} images, but the file says {}", split.name,
                                          split.entries.size(), *count)));
    }
  }
  std::size_t unlisted = 0;
  for (const std::string& folder : folders) {
    if (folder.empty()) continue;
    const std::string plain = folder.substr(0, folder.size() - 1);
    for (const std::string& file : list_folder(source.root(), plain).files) {
      if (volume_ending(file).empty() || listed.contains(folder + file)) continue;
      if (++unlisted > kUnlistedTold) return problems;
      problems.push_back(
          note("unlisted", folder + file, dataset.json.path + " does not list it; left out"));
    }
  }
  return problems;
}

DecodedItem decode_listed(const SourceTree& source, const SourceItem& item,
                          const DecodeOptions& options, const SampleSink& emit) {
  VolumePlace place = read_place(item.place);
  VolumeRequest request;
  request.frames = Frames::channels;
  request.channel_names = place.channels;
  if (place.ignored_value) request.other_values = {*place.ignored_value};
  DecodedItem decoded = decode_volume_item(source, item, request, options, emit);
  if (!place.channels.empty() && decoded.channel_names.empty()) {
    decoded.problems.push_back(note(
        "channels", item.image_paths.front(),
        fmt::format("it does not have the {} channels that dataset.json declares; they are kept "
                    "without names",
                    place.channels.size())));
  }
  return decoded;
}

}  // namespace slicebank::internal
