#include "importers/internal/dataset_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <set>
#include <utility>

#include "importers/internal/item_problem.h"
#include "importers/internal/msd_tasks.h"
#include "importers/internal/small_json.h"
#include "schema/error.h"
#include "schema/licence.h"
#include "schema/limits.h"
#include "schema/taxonomy.h"

namespace slicebank::internal {
namespace {

constexpr std::size_t kLabelsMax = 4096;
constexpr std::size_t kProblemsMax = 1000;
constexpr std::uint64_t kPeekBytesMax = 8u << 20;

bool same_ignoring_case(const std::string& text, std::string_view lower_case) {
  return std::equal(text.begin(), text.end(), lower_case.begin(), lower_case.end(),
                    [](char a, char b) {
                      return (a >= 'A' && a <= 'Z' ? static_cast<char>(a + ('a' - 'A')) : a) == b;
                    });
}

class Reader {
 public:
  Reader(const Json& root, DatasetJson& out) : root_(root), out_(out) {}

  void read() {
    out_.name = text("name");
    out_.description = text("description");
    out_.reference = text("reference");
    out_.licence = text("licence");
    if (out_.licence.empty()) out_.licence = text("license");
    out_.release = text("release");
    out_.file_ending = text("file_ending");
    out_.has_file_ending = !out_.file_ending.empty();
    if (!out_.has_file_ending) out_.file_ending = ".nii.gz";
    if (const Json* count = root_.find("numTraining")) out_.training_count = count->whole();
    if (const Json* count = root_.find("numTest")) out_.test_count = count->whole();
    if (const Json* order = root_.find("regions_class_order")) {
      out_.regions_order = order->items.size();
    }
    read_channels();
    read_labels();
    for (const char* split : {"training", "validation", "test"}) read_split(split);
    read_cases();
  }

 private:
  std::string text(const char* name) {
    std::string word = json_word(root_, name);
    if (word.size() <= limits::kTextBytesMax) return word;
    tell(note("long-text", out_.path, fmt::format("its {} is too long to be kept", name)));
    return {};
  }

  void tell(Problem problem) {
    if (out_.problems.size() < kProblemsMax) out_.problems.push_back(std::move(problem));
  }

  // An object from numbers to names; a list is taken for numbers from 0.
  void read_channels() {
    const Json* channels = root_.find("channel_names");
    out_.has_channel_names = channels != nullptr;
    if (channels == nullptr) channels = root_.find("modality");
    if (channels == nullptr) return;
    std::map<std::uint32_t, std::string> numbered;
    std::uint32_t next = 0;
    for (const Json& item : channels->items) numbered[next++] = item.word().value_or("");
    for (const auto& [key, value] : channels->members) {
      const auto number = Json{JsonKind::text, key}.whole();
      if (number) numbered[*number] = value.word().value_or("");
    }
    if (channels->is_text()) numbered[0] = channels->text;
    for (auto& [number, name] : numbered) {
      if (number != out_.channels.size() || name.size() > limits::kNameBytesMax) {
        tell(note("channels", out_.path, "its channels are not numbered from 0 on"));
        out_.channels.clear();
        return;
      }
      out_.channels.push_back(std::move(name));
    }
  }

  // {"1": "liver"} of the Decathlon and nnU-Net 1, {"liver": 1, "tumor": [2, 3]} of nnU-Net 2.
  void read_labels() {
    const Json* labels = root_.find("labels");
    if (labels == nullptr || !labels->is_object()) {
      tell(note("no-classes", out_.path, "it declares no labels"));
      return;
    }
    std::set<std::uint32_t> used;
    for (const auto& [key, value] : labels->members) {
      const auto number = Json{JsonKind::text, key}.whole();
      const bool number_first = number && value.is_text() && !value.whole();
      DeclaredLabel label;
      label.name = number_first ? value.text : key;
      if (number_first) {
        label.values = {*number};
      } else {
        read_values(value, label.values);
      }
      add_label(std::move(label), used);
    }
  }

  static void read_values(const Json& value, std::vector<std::uint32_t>& values) {
    if (const auto one = value.whole()) values.push_back(*one);
    for (const Json& item : value.items) {
      const auto one = item.whole();
      if (!one) {
        values.clear();
        return;
      }
      values.push_back(*one);
    }
  }

  void add_label(DeclaredLabel&& label, std::set<std::uint32_t>& used) {
    const bool background = same_ignoring_case(label.name, "background");
    if (background && label.values == std::vector<std::uint32_t>{0}) {
      out_.has_background = true;
      return;
    }
    if (label.name.empty() || label.name.size() > limits::kNameBytesMax || label.values.empty() ||
        label.values.size() > kLabelsMax || out_.labels.size() >= kLabelsMax) {
      tell(skipped("bad-class", out_.path,
                   fmt::format("the label '{}' cannot be understood", shown_path(label.name))));
      return;
    }
    if (label.name == "ignore" && label.values.size() == 1 && label.values[0] != 0) {
      out_.ignored_value = label.values[0];
      return;
    }
    const auto zero = std::remove(label.values.begin(), label.values.end(), 0u);
    if (zero != label.values.end()) {
      label.values.erase(zero, label.values.end());
      tell(note(
          "label-value", out_.path,
          fmt::format("'{}' has the value 0, which is the background's", printable(label.name))));
      if (label.values.empty()) return;
    }
    if (label.values.size() == 1 && !used.insert(label.values[0]).second) {
      tell(note("label-value", out_.path,
                fmt::format("the value {} is declared twice", label.values[0])));
    }
    label.code = fmt::format("{}", fmt::join(label.values, ","));
    out_.labels.push_back(std::move(label));
  }

  void read_split(const char* name) {
    const Json* list = root_.find(name);
    if (list == nullptr || !list->is_list()) return;
    DatasetJson::Split split{name, {}};
    for (const Json& item : list->items) {
      DatasetJson::Entry entry;
      if (item.is_text()) {
        entry.image = item.text;
      } else {
        entry = {json_word(item, "image"), json_word(item, "label")};
      }
      if (entry.image.empty()) {
        tell(skipped("bad-list", out_.path, fmt::format("an entry of '{}' names no image", name)));
        continue;
      }
      split.entries.push_back(std::move(entry));
    }
    out_.splits.push_back(std::move(split));
  }

  void read_cases() {
    const Json* cases = root_.find("dataset");
    if (cases == nullptr || !cases->is_object()) return;
    out_.cases.emplace();
    for (const auto& [name, value] : cases->members) {
      DatasetJson::Case one{name, {}, json_word(value, "label")};
      if (const Json* images = value.find("images")) {
        for (const Json& image : images->items) one.images.push_back(image.word().value_or(""));
        if (images->is_text()) one.images.push_back(images->text);
      }
      out_.cases->push_back(std::move(one));
    }
  }

  const Json& root_;
  DatasetJson& out_;
};

DatasetJson understood(const Json& root, const std::string& path) {
  if (!root.is_object()) {
    throw Error(ErrorCode::bad_format, printable(path) + ": no JSON object");
  }
  DatasetJson out;
  out.path = path;
  Reader(root, out).read();
  return out;
}

}  // namespace

DatasetJson read_dataset_json(const SourceTree& source, const std::string& path) {
  return understood(read_json(source, path), path);
}

std::optional<DatasetJson> peek_dataset_json(const std::filesystem::path& root,
                                             const std::string& folder) {
  const std::string path = folder.empty() ? "dataset.json" : folder + "/dataset.json";
  try {
    const SourceTree source(root);
    const auto stamp = source.stamp(path);
    if (!stamp || stamp->size > kPeekBytesMax) return std::nullopt;
    return read_dataset_json(source, path);
  } catch (const Error&) {
    return std::nullopt;
  }
}

DatasetInfo dataset_info(const DatasetJson& json, const std::string& name,
                         const std::string& task) {
  DatasetInfo info;
  info.name = name;
  info.version = json.release;
  info.citation = json.reference;
  if (json.reference.starts_with("http")) info.source_url = json.reference;
  if (!json.licence.empty()) {
    info.image_licence = {json.licence, licence_tag(json.licence), json.path};
    info.label_licence = info.image_licence;
  }
  for (const DeclaredLabel& label : json.labels) {
    info.classes.push_back({label.name, label.code, ClassId{}, meaning_in_task(task, label.name)});
  }
  return info;
}

std::vector<MaskSource> label_masks(const DatasetJson& json, const std::string& task,
                                    const std::string& path) {
  std::vector<MaskSource> masks;
  for (const DeclaredLabel& label : json.labels) {
    MaskSource mask;
    mask.path = path;
    mask.class_name = label.name;
    mask.class_code = label.code;
    mask.values = label.values;
    mask.meaning = meaning_in_task(task, label.name);
    masks.push_back(std::move(mask));
  }
  return masks;
}

std::string modality_of_channels(const std::vector<std::string>& channels) {
  const Taxonomy& taxonomy = Taxonomy::builtin();
  std::set<ModalityId> modalities;
  for (const std::string& channel : channels) {
    const auto match = taxonomy.find_modality(channel);
    if (!match) return {};
    modalities.insert(match->modality);
  }
  if (modalities.size() != 1) return {};
  if (channels.size() == 1) return channels.front();
  return taxonomy.modality(*modalities.begin())->name;
}

std::string written(const VolumePlace& place) {
  std::string text;
  const auto add = [&](const char* key, const std::string& value) {
    text += (text.empty() ? "" : "\n") + std::string(key) + value;
  };
  for (std::string channel : place.channels) {
    std::replace(channel.begin(), channel.end(), '\n', ' ');
    add("channel ", channel);
  }
  if (place.ignored_value) add("ignore ", std::to_string(*place.ignored_value));
  if (!place.spacing.empty()) add("spacing ", place.spacing);
  return text;
}

VolumePlace read_place(const std::string& text) {
  VolumePlace place;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string line = text.substr(at, end - at);
    if (line.starts_with("channel ")) place.channels.push_back(line.substr(8));
    if (line.starts_with("ignore "))
      place.ignored_value = Json{JsonKind::text, line.substr(7)}.whole();
    if (line.starts_with("spacing ")) place.spacing = line.substr(8);
    at = end + 1;
  }
  return place;
}

std::optional<std::array<double, 3>> parse_spacing(const std::string& text) {
  std::array<double, 3> spacing{};
  const char* at = text.data();
  const char* const end = at + text.size();
  for (double& millimetres : spacing) {
    while (at != end && *at == ' ') ++at;
    const auto [next, failed] = std::from_chars(at, end, millimetres);
    if (failed != std::errc{} || !(millimetres > 0)) return std::nullopt;
    at = next;
  }
  return spacing;
}

}  // namespace slicebank::internal
