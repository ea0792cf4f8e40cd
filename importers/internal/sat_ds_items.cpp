#include "importers/internal/sat_ds_items.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include "importers/internal/item_problem.h"
#include "importers/internal/sat_ds_npy.h"
#include "importers/internal/sat_ds_rules.h"
#include "importers/internal/volume_file.h"
#include "schema/error.h"
#include "schema/limits.h"

namespace slicebank::sat_ds {
namespace {

using internal::skipped;

constexpr std::string_view kFramePlace = "frame ";

// ".../prostate_35.nii.gz/ADC" is the frame "ADC" of a file.
struct Selected {
  std::string path;
  std::string channel;  // empty: the path is the file
};

Selected selected(const std::string& path) {
  const auto slash = path.rfind('/');
  if (slash == std::string::npos || !internal::volume_ending(path).empty()) return {path, {}};
  const std::string file = path.substr(0, slash);
  if (internal::volume_ending(file).empty()) return {path, {}};
  return {file, path.substr(slash + 1)};
}

}  // namespace

SourceItem RowReader::item_of(const Row& row) {
  const std::string at = fmt::format("{}:{}", row.list, row.line);
  if (!row.error.empty()) return internal::failed_item(at, "bad-row", row.error);
  SourceItem item;
  try {
    item = row.renorm ? item_of_arrays(row) : item_of_files(row);
  } catch (const ItemError& error) {
    return internal::failed_item(at, error.kind(), error.what());
  } catch (const Error& error) {
    return internal::failed_item(at, "bad-path", error.what());
  }
  if (!seen_.insert(item.key)) {
    return internal::failed_item(at, "duplicate-row",
                                 "its image is in another row of the same dataset already");
  }
  return item;
}

SourceItem RowReader::common(const Row& row, const std::string& listed_image) {
  SourceItem item;
  item.dataset = row.dataset;
  item.volume_key = clean_relative_path(listed_image);
  if (item.volume_key.size() > limits::kNameBytesMax) {
    throw Error(ErrorCode::limit, fmt::format("the path of its image has {} bytes; at most {} make "
                                              "a name",
                                              item.volume_key.size(), limits::kNameBytesMax));
  }
  item.key = row.dataset + "/" + item.volume_key;
  item.patient_id = row.patient_id.empty()
                        ? internal::volume_stem(item.volume_key)
                        : person_of(rule_of(row.dataset), row.patient_id, row.image);
  item.modality = row.modality;
  item.official_split = row.official_split;
  return item;
}

SourceItem RowReader::item_of_files(const Row& row) {
  const DatasetRule& rule = rule_of(row.dataset);
  SourceItem item = common(row, row.image);
  const Selected image = selected(item.volume_key);
  item.image_paths = {paths_.resolve(image.path)};
  if (!image.channel.empty()) {
    const auto found = std::find(rule.channels.begin(), rule.channels.end(), image.channel);
    if (found == rule.channels.end()) {
      throw ItemError(ErrorCode::bad_format, "bad-channel", item.key,
                      fmt::format("{}: '{}' is no channel of {}", printable(image.path),
                                  printable(image.channel), printable(row.dataset)));
    }
    item.place = fmt::format("{}{}", kFramePlace, found - rule.channels.begin());
  }
  if (row.mask.empty()) {
    item.problems.push_back(skipped("missing-mask", item.key, "the row names no mask"));
    return item;
  }
  std::string mask_path;
  try {
    mask_path = paths_.resolve(row.mask);
  } catch (const Error& error) {
    item.problems.push_back(skipped("bad-path", internal::shown_path(row.mask), error.what()));
    return item;
  }
  for (PlannedMask& planned : plan_masks(rule, row.labels)) {
    const std::string code =
        planned.values.size() == 1 ? std::to_string(planned.values[0]) : std::string();
    item.covered_classes.push_back({planned.class_name, code});
    MaskSource mask{mask_path, planned.class_name, code};
    mask.values = std::move(planned.values);
    mask.component = planned.component;
    item.masks.push_back(std::move(mask));
  }
  return item;
}

SourceItem RowReader::item_of_arrays(const Row& row) {
  const RenormScan& scan = *row.renorm;
  SourceItem item = common(row, scan.image);
  item.image_paths = {paths_.resolve(scan.image)};
  std::vector<Box> boxes;
  for (std::size_t i = 0; i < row.labels.size(); ++i) {
    item.covered_classes.push_back({row.labels[i], {}});
    if (!scan.boxes[i]) continue;
    try {
      const std::string path = paths_.resolve(scan.mask_folder + "/" + row.labels[i] + ".npy");
      item.masks.push_back({path, row.labels[i], {}});
      boxes.push_back(*scan.boxes[i]);
    } catch (const Error& error) {
      item.covered_classes.pop_back();  // drawn, but it cannot be read: unknown
      item.problems.push_back(
          skipped("bad-path", internal::shown_path(row.labels[i]), error.what()));
    }
  }
  item.place = place_of_boxes(scan.size_chwd, boxes);
  return item;
}

std::optional<std::uint32_t> frame_of(const SourceItem& item) {
  if (!item.place.starts_with(kFramePlace)) return std::nullopt;
  return static_cast<std::uint32_t>(std::stoul(item.place.substr(kFramePlace.size())));
}

}  // namespace slicebank::sat_ds
