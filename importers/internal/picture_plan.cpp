#include "importers/internal/picture_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>
#include <utility>

#include "importers/internal/item_problem.h"
#include "importers/internal/mask_survey.h"
#include "importers/internal/picture_words.h"
#include "schema/error.h"
#include "schema/limits.h"

namespace slicebank::internal {
namespace {

constexpr const char* kForeground = "foreground";

std::string without_ending(const std::string& path) {
  return path.substr(0, path.size() - picture_ending(path).size());
}

std::optional<std::uint32_t> number_of(const std::string& text) {
  std::uint32_t number = 0;
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, number);
  if (parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
  return number;
}

std::string shown_folder(const std::string& path) { return path.empty() ? "." : path; }

}  // namespace

PicturePlan PicturePlan::of_listed(const SourceTree& source) {
  PicturePlan plan;
  plan.sidecar = read_sidecar(source);
  const std::string table = plan.sidecar.metadata.empty() ? kTableFile : plan.sidecar.metadata;
  if (!plan.sidecar.metadata.empty() || source.stamp(table)) {
    plan.table = PictureTable(source, table);
    plan.problems = plan.table.problems();
  }
  plan.dataset = plan.sidecar.dataset;
  if (plan.dataset.name.empty()) plan.dataset.name = source.name();
  if (plan.dataset.name.empty()) plan.dataset.name = "images";
  plan.tell_modality();
  return plan;
}

PicturePlan PicturePlan::of(const SourceTree& source) {
  PicturePlan plan = of_listed(source);
  plan.layout = PictureLayout::of(source.root(), plan.sidecar);
  plan.problems.insert(plan.problems.end(), plan.layout.problems.begin(),
                       plan.layout.problems.end());
  plan.tell_folders();
  plan.settle_masks(source);
  plan.collect_classes();
  return plan;
}

void PicturePlan::tell_modality() {
  bool modality = !sidecar.modality.empty();
  for (const PictureRow& row : table.rows()) modality = modality || !row.modality.empty();
  if (!modality) {
    problems.push_back(note("no-modality", dataset.name,
                            "nothing says what kind of pictures these are; give --set "
                            "modality=... or \"modality\" in slicebank.json"));
  }
}

void PicturePlan::tell_folders() {
  const bool any_masks = layout.any_masks();
  for (const PictureFolder& folder : layout.folders) {
    const std::string shown = shown_folder(folder.path);
    if (folder.masks && folder.shadowed) {
      problems.push_back(skipped("other-masks", shown,
                                 fmt::format("{} pictures beside another folder of masks, which "
                                             "counts; masks.folder in slicebank.json chooses",
                                             folder.pictures)));
    } else if (!folder.masks && folder.shadowed) {
      problems.push_back(skipped(
          "other-pictures", shown,
          fmt::format("{} pictures beside a folder of images, which counts", folder.pictures)));
    } else if (!folder.masks && any_masks && folder.mask_folders.empty() && !folder.suffixed) {
      problems.push_back(note("no-masks", shown,
                              fmt::format("{} pictures without masks; kept, and nobody knows what "
                                          "is on them",
                                          folder.pictures)));
    }
  }
}

void PicturePlan::settle_masks(const SourceTree& source) {
  meaning = sidecar.meaning;
  std::vector<std::string> plain;  // classes without number and folder
  for (const SidecarClass& one : sidecar.classes) {
    if (!one.values.empty()) value_classes.push_back(one);
    if (one.values.empty() && one.folder.empty()) plain.push_back(one.name);
  }
  plain_class = !sidecar.mask_class.empty() ? sidecar.mask_class
                : plain.size() == 1         ? plain.front()
                                            : std::string();
  if (meaning == MaskMeaning::unstated && !value_classes.empty()) meaning = MaskMeaning::labels;
  if (meaning == MaskMeaning::unstated) {
    meaning = MaskMeaning::binary;
    const MaskSurvey survey = survey_masks(source, layout, sidecar);
    if (survey.labels() && plain_class.empty()) {
      meaning = MaskMeaning::labels;
      for (const std::uint32_t value : survey.values) {
        value_classes.push_back(
            {fmt::format("class {}", value), std::to_string(value), {value}, {}});
      }
      problems.push_back(note(
          "no-classes", dataset.name,
          fmt::format("nothing says what the {} numbers in the masks mean; they become class {} "
                      "and so on. Give \"classes\" in slicebank.json",
                      survey.values.size(), *survey.values.begin())));
    } else if (survey.masks > 0 && plain_class.empty()) {
      bool told_by_rows = false;
      for (const PictureRow& row : table.rows()) told_by_rows |= !row.class_name.empty();
      if (!told_by_rows) {
        problems.push_back(note("no-classes", dataset.name,
                                "nothing says what the masks show; the class is called "
                                "foreground. Give \"classes\" in slicebank.json"));
      }
    }
  }
  if (plain_class.empty()) plain_class = kForeground;
}

void PicturePlan::add_class(const std::string& name, const std::string& code) {
  const auto same = [&](const RawClass& one) { return one.name == name; };
  if (std::none_of(dataset.classes.begin(), dataset.classes.end(), same)) {
    RawClass raw;
    raw.name = name;
    raw.code = code;
    dataset.classes.push_back(std::move(raw));
  }
}

std::string PicturePlan::class_of_folder(const std::string& folder) const {
  for (const SidecarClass& one : sidecar.classes) {
    if (one.folder == folder) return one.name;
  }
  return folder;
}

void PicturePlan::collect_classes() {
  for (const SidecarClass& one : sidecar.classes) add_class(one.name, one.code);
  for (const SidecarClass& one : value_classes) add_class(one.name, one.code);
  for (const PictureRow& row : table.rows()) {
    if (!row.class_name.empty()) add_class(row.class_name, {});
    for (const std::string& label : row.labels) add_class(label, {});
  }
  if (layout.any_masks()) return;
  const bool rows_have_labels =
      std::any_of(table.rows().begin(), table.rows().end(),
                  [](const PictureRow& row) { return !row.labels.empty(); });
  std::set<std::string> names;
  bool flat = true;
  for (const PictureFolder& folder : layout.folders) {
    const std::string name = without_split(folder.group);
    flat = flat && !name.empty() && name.find('/') == std::string::npos &&
           name.size() <= limits::kNameBytesMax;
    names.insert(name);
  }
  folders_are_labels = flat && names.size() >= 2 && !rows_have_labels;
  if (!folders_are_labels) return;
  for (const std::string& name : names) add_class(class_of_folder(name), {});
}

void PicturePlan::describe_picture(const std::string& path, const std::string& folder_split,
                                   SourceItem& item) const {
  const PictureRow* row = table.find(path);
  const std::string plain = without_ending(path);
  const auto first_of = [](const std::string& a, std::optional<std::string> b) {
    return !a.empty() ? a : b.value_or(std::string());
  };
  item.key = path;
  item.dataset = dataset.name;
  item.image_paths = {path};
  item.modality = first_of(row == nullptr ? "" : row->modality, sidecar.modality);
  item.official_split = first_of(row == nullptr ? "" : row->split, sidecar.split.find(plain));
  if (item.official_split.empty()) item.official_split = folder_split;
  const std::string volume =
      first_of(row == nullptr ? "" : row->volume, sidecar.volume.find(plain));
  item.volume_key = volume.empty()                ? path
                    : item.official_split.empty() ? volume
                                                  : volume + "." + item.official_split;
  item.patient_id = first_of(row == nullptr ? "" : row->patient, sidecar.patient.find(plain));
  if (item.patient_id.empty() && sidecar.patient) {
    item.problems.push_back(note("no-patient", path,
                                 "the pattern for patients does not fit the name; taken as a "
                                 "person of its own"));
  }
  if (item.patient_id.empty()) item.patient_id = volume.empty() ? plain : volume;

  PicturePlace place;
  place.orientation = sidecar.orientation;
  place.instances = meaning == MaskMeaning::instances;
  place.rule.colours = meaning == MaskMeaning::colours;
  place.rule.threshold = sidecar.threshold;
  place.ignored = sidecar.ignored;
  place.name = picture_stem(path);
  std::optional<std::uint32_t> slice = row == nullptr ? std::nullopt : row->slice;
  if (!slice) slice = number_of(sidecar.slice.find(plain).value_or(std::string()));
  if (slice) {
    place.axis = Axis::z;
    place.slice_index = *slice;
  }
  item.place = place.text();
}

void PicturePlan::add_masks(const PairedPicture& picture, const PictureRow* row,
                            SourceItem& item) const {
  std::set<std::string> covered;
  const auto add = [&](const PairedMask& from, const std::string& name, const std::string& code,
                       const std::vector<std::uint32_t>& values) {
    MaskSource mask;
    mask.path = from.path;
    mask.class_name = name;
    mask.class_code = code;
    mask.instance = from.instance;
    mask.values = values;
    item.masks.push_back(std::move(mask));
    if (covered.insert(name).second) {
      ClassName looked_for;
      looked_for.name = name;
      looked_for.code = code;
      item.covered_classes.push_back(std::move(looked_for));
    }
  };
  for (const PairedMask& mask : picture.masks) {
    if (!mask.class_folder.empty()) {
      add(mask, class_of_folder(mask.class_folder), {}, {});
    } else if (!value_classes.empty() &&
               (meaning == MaskMeaning::labels || meaning == MaskMeaning::colours)) {
      for (const SidecarClass& one : value_classes) add(mask, one.name, one.code, one.values);
    } else {
      const bool named = row != nullptr && !row->class_name.empty();
      add(mask, named ? row->class_name : plain_class, {}, {});
    }
  }
}

void PicturePlan::add_labels(std::size_t folder, const PictureRow* row, SourceItem& item) const {
  std::vector<std::string> names;
  if (row != nullptr) names = row->labels;
  if (folders_are_labels) {
    names = {class_of_folder(without_split(layout.folders[folder].group))};
    item.covers_dataset_classes = true;
  }
  for (const std::string& name : names) {
    LabelSource label;
    label.class_name = name;
    item.labels.push_back(std::move(label));
  }
}

SourceItem PicturePlan::item_of(std::size_t folder, const PairedPicture& picture) const {
  try {
    if (clean_relative_path(picture.path) != picture.path) {
      return failed_item(picture.path, "bad-path", "a name with a backslash cannot be read");
    }
  } catch (const Error& error) {
    return failed_item(picture.path, "bad-path", error.what());
  }
  SourceItem item;
  const PictureRow* row = table.find(picture.path);
  describe_picture(picture.path, split_of(layout.folders[folder].group), item);
  add_masks(picture, row, item);
  add_labels(folder, row, item);
  item.covers_dataset_classes = item.covers_dataset_classes || sidecar.classes_complete;
  const PictureFolder& from = layout.folders[folder];
  if (picture.masks.empty() && (from.suffixed || !from.mask_folders.empty())) {
    item.problems.push_back(
        note("no-mask", picture.path, "there is no mask of this name; kept without one"));
  }
  return item;
}

}  // namespace slicebank::internal
