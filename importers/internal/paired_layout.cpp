#include "importers/internal/paired_layout.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <memory>
#include <set>
#include <utility>

#include "importers/internal/item_problem.h"
#include "importers/internal/small_json.h"
#include "importers/internal/volume_item.h"
#include "importers/internal/volume_labels.h"
#include "importers/internal/volume_pairs.h"
#include "schema/error.h"
#include "schema/licence.h"
#include "schema/limits.h"

namespace slicebank::internal {
namespace {

constexpr std::uint64_t kEntriesPeeked = 400;
constexpr int kMinority = 10;
constexpr const char* kBidsFile = "dataset_description.json";
constexpr std::string_view kFrame = "frame ";

std::string dataset_name(const SourceTree& source) {
  return source.name().empty() ? "volumes" : source.name();
}

// One SourceItem a volume, or a frame of it.
class Items {
 public:
  Items(const SourceTree& source, const LabelList& list)
      : source_(source), dataset_(dataset_name(source)), list_(list) {}

  bool give(const PairedVolume& volume, const std::function<bool(SourceItem&&)>& emit) const {
    std::uint32_t frames = 1;
    try {
      frames = volume_header(source_, volume.path).frames;
    } catch (const Error&) {
      // decode() will say what is wrong with it.
    }
    SourceItem item;
    item.key = volume.path;
    item.dataset = dataset_;
    item.patient_id = volume.patient;
    item.volume_key = volume.key;
    item.modality = volume.modality;
    item.official_split = volume.split;
    item.image_paths = {volume.path};
    for (const VolumeMaskFile& mask : volume.masks) add_masks(mask, frames, item);
    number_instances(item);
    if (frames == 1) return emit(std::move(item));
    const std::set<std::string> moving = moving_maps(frames, item);
    for (std::uint32_t frame = 0; frame < frames; ++frame) {
      SourceItem one = item;
      one.place = std::string(kFrame) + std::to_string(frame);
      one.key += fmt::format(" {}{}", kFrame, frame);
      one.volume_key += fmt::format(" {}{}", kFrame, frame);
      for (MaskSource& mask : one.masks) {
        if (moving.contains(mask.path)) mask.component = frame;
      }
      if (!emit(std::move(one))) return false;
    }
    return true;
  }

 private:
  void add_masks(const VolumeMaskFile& file, std::uint32_t frames, SourceItem& item) const {
    if (!file.class_name.empty()) {
      MaskSource mask;
      mask.path = file.path;
      mask.class_name = file.class_name;
      item.covered_classes.push_back({mask.class_name, {}});
      item.masks.push_back(std::move(mask));
      return;
    }
    if (!list_.labels.empty()) {
      for (const DeclaredLabel& label : list_.labels) {
        item.covered_classes.push_back({label.name, label.code});
      }
      add_labels(file.path, {list_.labels, {}, true}, item);
      return;
    }
    try {
      const MapLabels labels = labels_of_map(source_, file.path, frames);
      add_labels(file.path, labels, item);
      if (!labels.declared) return;
      for (const DeclaredLabel& label : labels.labels) {
        item.covered_classes.push_back({label.name, label.code});
      }
    } catch (const Error& error) {
      item.problems.push_back(skipped("bad-mask", file.path, error.what()));
    }
  }

  static void add_labels(const std::string& path, const MapLabels& labels, SourceItem& item) {
    for (std::size_t i = 0; i < labels.labels.size(); ++i) {
      MaskSource mask;
      mask.path = path;
      mask.class_name = labels.labels[i].name;
      mask.class_code = labels.labels[i].code;
      mask.values = labels.labels[i].values;
      if (i < labels.component.size()) mask.component = labels.component[i];
      item.masks.push_back(std::move(mask));
    }
  }

  // Two files of one class on one image (two raters) are told apart by their instance.
  static void number_instances(SourceItem& item) {
    std::map<std::pair<std::string, std::string>, std::uint32_t> first;
    std::map<std::string, std::uint32_t> files;
    for (MaskSource& mask : item.masks) {
      const auto [place, fresh] = first.emplace(std::pair(mask.class_name, mask.path), 0);
      if (fresh) place->second = files[mask.class_name]++;
      mask.instance = place->second;
    }
  }

  // The maps of as many frames as their image: they have one for each of them.
  std::set<std::string> moving_maps(std::uint32_t frames, const SourceItem& item) const {
    std::set<std::string> looked_at;
    std::set<std::string> moving;
    for (const MaskSource& mask : item.masks) {
      if (!looked_at.insert(mask.path).second) continue;
      try {
        if (volume_header(source_, mask.path).frames == frames) moving.insert(mask.path);
      } catch (const Error&) {
        // decode() will say what is wrong with it.
      }
    }
    return moving;
  }

  const SourceTree& source_;
  std::string dataset_;
  const LabelList& list_;
};

std::string text_of(const Json& json, const char* key, std::size_t most) {
  std::string text = json_word(json, key);
  if (const Json* list = json.find(key); list != nullptr && list->is_list()) {
    for (const Json& item : list->items) {
      text += (text.empty() ? "" : "; ") + item.word().value_or("");
    }
  }
  return text.size() <= most ? text : std::string();
}

// What a BIDS dataset says of itself.
void read_bids(const SourceTree& source, DatasetInfo& info, std::vector<Problem>& problems) {
  try {
    if (!source.stamp(kBidsFile)) return;
    const Json json = read_json(source, kBidsFile);
    const std::string licence = text_of(json, "License", limits::kTextBytesMax);
    if (!licence.empty()) {
      info.image_licence = {licence, licence_tag(licence), kBidsFile};
      info.label_licence = info.image_licence;
    }
    info.citation = text_of(json, "HowToAcknowledge", limits::kTextBytesMax);
    if (info.citation.empty()) {
      info.citation = text_of(json, "ReferencesAndLinks", limits::kTextBytesMax);
    }
    info.source_url = text_of(json, "DatasetDOI", limits::kTextBytesMax);
  } catch (const Error& error) {
    problems.push_back(note("bad-json", kBidsFile, error.what()));
  }
}

// The same for every call on one tree.
std::shared_ptr<const LabelList> label_list(const SourceTree& source) {
  return std::static_pointer_cast<const LabelList>(source.shared("paired-layout labels", [&] {
    return std::static_pointer_cast<void>(std::make_shared<LabelList>(find_label_list(source)));
  }));
}

}  // namespace

Recognition PairedImporter::recognise(const std::filesystem::path& root) const {
  try {
    const SourceTree source(root);
    const VolumePairs pairs = pair_volumes(source, layout_.endings, kEntriesPeeked);
    if (pairs.volumes.empty()) return {};
    const auto with_masks =
        std::count_if(pairs.volumes.begin(), pairs.volumes.end(),
                      [](const PairedVolume& volume) { return !volume.masks.empty(); });
    if (pairs.others > pairs.volumes.size()) {
      return {layout_.score - kMinority,
              fmt::format("{} volumes, though there are more of other formats", layout_.word)};
    }
    if (with_masks > 0) {
      return {layout_.score,
              fmt::format("{} volumes, with masks paired by their names", layout_.word)};
    }
    return {layout_.score - 1, fmt::format("{} volumes without masks", layout_.word)};
  } catch (const Error&) {
    return {};
  }
}

SourceDescription PairedImporter::describe(const SourceTree& source) const {
  SourceDescription description;
  VolumePairs pairs = pair_volumes(source, layout_.endings);
  if (pairs.volumes.empty()) {
    throw Error(ErrorCode::not_found,
                fmt::format("there is no {} volume in {}", layout_.word, printable(source.name())));
  }
  const auto list = label_list(source);
  description.problems = std::move(pairs.problems);
  description.problems.insert(description.problems.end(), list->problems.begin(),
                              list->problems.end());
  DatasetInfo info;
  info.name = dataset_name(source);
  for (const DeclaredLabel& label : list->labels) {
    info.classes.push_back({label.name, label.code, ClassId{}});
  }
  if (list->path == "dataset.json") {
    const DatasetJson json = read_dataset_json(source, list->path);
    DatasetInfo said = dataset_info(json, info.name, {});
    said.classes = std::move(info.classes);
    info = std::move(said);
  }
  read_bids(source, info, description.problems);
  description.datasets.push_back(std::move(info));
  return description;
}

void PairedImporter::scan(const SourceTree& source,
                          const std::function<bool(SourceItem&&)>& emit) const {
  const auto list = label_list(source);
  const Items items(source, *list);
  for (const PairedVolume& volume : pair_volumes(source, layout_.endings).volumes) {
    if (!items.give(volume, emit)) return;
  }
}

DecodedItem PairedImporter::decode(const SourceTree& source, const SourceItem& item,
                                   const DecodeOptions& options, const SampleSink& emit) const {
  VolumeRequest request;
  if (item.place.starts_with(kFrame)) {
    request.frames = Frames::one;
    const char* const begin = item.place.data() + kFrame.size();
    std::from_chars(begin, item.place.data() + item.place.size(), request.frame);
  }
  return decode_volume_item(source, item, request, options, emit);
}

}  // namespace slicebank::internal
