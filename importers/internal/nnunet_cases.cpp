#include "importers/internal/nnunet_cases.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "importers/internal/folder_list.h"
#include "importers/internal/item_problem.h"
#include "importers/internal/volume_file.h"
#include "schema/error.h"

namespace slicebank::internal {
namespace {

constexpr std::size_t kFilesTold = 100;
constexpr std::size_t kChannelDigits = 4;

bool ends_with(const std::string& text, const std::string& ending) {
  return text.size() > ending.size() && text.ends_with(ending);
}

// nnU-Net leaves out what begins with a dot or an underscore.
std::vector<std::string> files_of(const SourceTree& source, const std::string& folder,
                                  const std::string& ending) {
  std::vector<std::string> files;
  for (std::string& name : list_folder(source.root(), folder).files) {
    if (!name.starts_with('_') && ends_with(name, ending)) files.push_back(std::move(name));
  }
  return files;
}

// {case}_{CCCC}: the case and the channel's number; an empty case for another name.
std::pair<std::string, std::uint32_t> split_name(const std::string& stem) {
  if (stem.size() < kChannelDigits + 2) return {};
  const std::size_t at = stem.size() - kChannelDigits;
  std::uint32_t number = 0;
  for (std::size_t i = at; i < stem.size(); ++i) {
    if (stem[i] < '0' || stem[i] > '9') return {};
    number = number * 10 + static_cast<std::uint32_t>(stem[i] - '0');
  }
  if (stem[at - 1] != '_') return {};
  return {stem.substr(0, at - 1), number};
}

class Lister {
 public:
  Lister(const SourceTree& source, const NnunetDataset& dataset)
      : source_(source), dataset_(dataset), ending_(dataset.json.file_ending) {}

  NnunetCases list() {
    if (dataset_.json.cases) {
      for (const DatasetJson::Case& mapped : *dataset_.json.cases) map_case(mapped);
    } else {
      list_split("training", "imagesTr", "labelsTr", true);
    }
    list_split("test", "imagesTs", "labelsTs", false);
    if (!dataset_.json.cases) add_lost_entries();
    return std::move(out_);
  }

 private:
  void tell(std::size_t& told, Problem problem) {
    if (++told <= kFilesTold) out_.problems.push_back(std::move(problem));
  }

  void list_split(const char* split, const std::string& images, const std::string& labels,
                  bool labelled) {
    const std::string image_folder = joined_path(dataset_.folder, images);
    const std::string label_folder = joined_path(dataset_.folder, labels);
    std::map<std::string, NnunetCase> cases;
    std::size_t told = 0;
    for (const std::string& file : files_of(source_, image_folder, ending_)) {
      const std::string path = joined_path(image_folder, file);
      const auto [name, number] = split_name(file.substr(0, file.size() - ending_.size()));
      if (name.empty()) {
        tell(told, skipped("bad-name", path, "not named {case}_{channel, 4 digits}" + ending_));
        continue;
      }
      cases[name].channels.push_back({number, path});
    }
    std::set<std::string> labels_there;
    for (const std::string& file : files_of(source_, label_folder, ending_)) {
      const std::string name = file.substr(0, file.size() - ending_.size());
      labels_there.insert(name);
      if (!cases.contains(name)) {
        tell(told, skipped("missing-image", joined_path(label_folder, file),
                           "labels without an image in " + image_folder));
      }
    }
    for (auto& [name, found] : cases) {
      found.name = name;
      found.split = split;
      if (labelled || labels_there.contains(name)) {
        found.label_path = joined_path(label_folder, name + ending_);
      }
      add_spacing(joined_path(image_folder, name), found);
      known_.insert(name);
      out_.cases.push_back(std::move(found));
    }
  }

  // Only TIFFs have their spacing in a file of its own.
  void add_spacing(const std::string& stem, NnunetCase& found) const {
    if (ending_ != ".tif" && ending_ != ".tiff") return;
    try {
      if (source_.stamp(stem + ".json")) found.spacing_path = stem + ".json";
    } catch (const Error&) {
      // What is not allowed to be read is not there; the image itself says more.
    }
  }

  // A path of the map: relative to the dataset's folder, which it may leave for another one
  // of the source, or absolute and in the source.
  std::string mapped_path(const std::string& written) const {
    namespace fs = std::filesystem;
    if (written.find('$') != std::string::npos) {
      throw Error(ErrorCode::bad_format,
                  printable(written) + ": environment variables in paths are not read");
    }
    std::string path = written;
    const std::string root = source_.root().string() + "/";
    if (path.starts_with(root)) {
      path = path.substr(root.size());
    } else if (!path.starts_with('/')) {
      path = (fs::path(dataset_.folder) / path).lexically_normal().string();
    }
    return clean_relative_path(path);
  }

  void map_case(const DatasetJson::Case& mapped) {
    NnunetCase found;
    found.name = mapped.name;
    found.split = "training";
    known_.insert(mapped.name);
    try {
      std::uint32_t number = 0;
      for (const std::string& image : mapped.images) {
        found.channels.push_back({number++, mapped_path(image)});
      }
      if (found.channels.empty()) {
        found.problems.push_back(
            skipped("missing-image", dataset_.json.path,
                    "the case '" + shown_path(mapped.name) + "' has no images"));
      }
    } catch (const Error& error) {
      found.channels.clear();
      found.problems.push_back(skipped("bad-path", dataset_.json.path, error.what()));
    }
    try {
      if (!mapped.label.empty()) found.label_path = mapped_path(mapped.label);
    } catch (const Error& error) {
      found.problems.push_back(skipped("bad-path", dataset_.json.path, error.what()));
    }
    if (!found.channels.empty()) {
      const std::string& first = found.channels.front().path;
      const std::string stem =
          first.substr(0, first.size() - std::min(first.size(), ending_.size()));
      const auto [name, number] = split_name(stem);
      add_spacing(name.empty() ? stem : name, found);
    }
    out_.cases.push_back(std::move(found));
  }

  // nnU-Net 1 lists its cases, without the channel's number: some may have no file.
  void add_lost_entries() {
    for (const DatasetJson::Split& split : dataset_.json.splits) {
      for (const DatasetJson::Entry& entry : split.entries) {
        const std::string stem = volume_stem(entry.image);
        if (stem.empty() || !known_.insert(stem).second) continue;
        NnunetCase lost;
        lost.name = stem;
        lost.split = split.name;
        lost.problems.push_back(skipped("missing-image", shown_path(entry.image),
                                        dataset_.json.path + " lists it, but no channel is there"));
        out_.cases.push_back(std::move(lost));
      }
    }
  }

  const SourceTree& source_;
  const NnunetDataset& dataset_;
  const std::string& ending_;
  std::set<std::string> known_;
  NnunetCases out_;
};

}  // namespace

NnunetCases find_cases(const SourceTree& source, const NnunetDataset& dataset) {
  return Lister(source, dataset).list();
}

std::vector<Problem> json_faults(const NnunetDataset& dataset, std::size_t training_cases) {
  const DatasetJson& json = dataset.json;
  std::vector<Problem> faults;
  const auto tell = [&](const char* kind, std::string message) {
    faults.push_back(note(kind, json.path, std::move(message)));
  };
  if (json.training_count && *json.training_count != training_cases) {
    tell("count", fmt::format("it says {} training cases; there are {}", *json.training_count,
                              training_cases));
  }
  if (!json.has_channel_names) return faults;  // the rest is asked for since version 2
  if (!json.has_background) tell("label-values", "no label 'background' of the value 0");
  std::set<std::uint32_t> values;
  bool regions = false;
  for (const DeclaredLabel& label : json.labels) {
    values.insert(label.values.begin(), label.values.end());
    regions = regions || label.values.size() > 1;
  }
  if (!values.empty() && *values.rbegin() != values.size()) {
    tell("label-values", "its label values are not consecutive");
  }
  if (json.ignored_value && *json.ignored_value != values.size() + 1) {
    tell("label-values", "the value of 'ignore' is not the largest one and one more");
  }
  if (regions && json.regions_order.value_or(0) != json.labels.size()) {
    tell("regions", "regions_class_order does not have a value for each region");
  }
  return faults;
}

}  // namespace slicebank::internal
