#include "importers/internal/totalsegmentator_cases.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "importers/internal/folder_list.h"
#include "importers/internal/item_problem.h"
#include "importers/internal/volume_file.h"
#include "schema/error.h"
#include "schema/limits.h"

namespace slicebank::totalsegmentator {
namespace {

using internal::joined_path;
using internal::note;
using internal::skipped;

struct ScanName {
  const char* file;
  const char* modality;
};
constexpr ScanName kScanNames[] = {{"ct.nii.gz", "CT"}, {"ct.nii", "CT"},    {"mri.nii.gz", "MR"},
                                   {"mri.nii", "MR"},   {"mr.nii.gz", "MR"}, {"mr.nii", "MR"}};

// Classes that only one edition has.
constexpr const char* kFirstEdition[] = {"face", "heart_atrium_left", "heart_ventricle_left",
                                         "pulmonary_artery"};
constexpr const char* kSecondEdition[] = {
    "atrial_appendage_left", "costal_cartilages", "skull",
    "spinal_cord",           "sternum",           "thyroid_gland"};

bool is_case_name(const std::string& name) {
  return name.size() >= 4 && name[0] == 's' &&
         std::all_of(name.begin() + 1, name.end(), [](char c) { return c >= '0' && c <= '9'; });
}

const ScanName* scan_in(const internal::FolderList& list) {
  for (const ScanName& each : kScanNames) {
    if (std::binary_search(list.files.begin(), list.files.end(), each.file)) return &each;
  }
  return nullptr;
}

bool has_masks_folder(const internal::FolderList& list) {
  return std::binary_search(list.folders.begin(), list.folders.end(), kMasksFolder);
}

// One file a class: the file's name is the class.
void add_binary_masks(const SourceTree& source, Case& found) {
  const std::string folder = joined_path(found.folder, kMasksFolder);
  for (const std::string& file : internal::list_folder(source.root(), folder).files) {
    if (internal::volume_ending(file).empty()) continue;
    MaskSource mask;
    mask.path = joined_path(folder, file);
    mask.class_name = internal::volume_stem(file);
    found.masks.push_back(std::move(mask));
  }
}

// One label map whose header extension names its values.
void add_label_map(const SourceTree& source, const internal::FolderList& list, Case& found) {
  for (const std::string& file : list.files) {
    const std::string path = joined_path(found.folder, file);
    if (internal::volume_ending(file).empty() || path == found.image) continue;
    std::map<std::uint32_t, std::string> names;
    try {
      names = internal::scan_volume(source, path).label_names;
    } catch (const Error& error) {
      found.problems.push_back(skipped("bad-mask", path, error.what()));
      continue;
    }
    if (names.empty()) {
      found.problems.push_back(
          skipped("no-classes", path, "its header has no names of its values; left out"));
      continue;
    }
    if (!found.masks.empty()) {
      found.problems.push_back(note("unlisted", path, "a second label map; left out"));
      continue;
    }
    for (const auto& [value, name] : names) {
      if (value == 0 || name.empty() || name.size() > limits::kNameBytesMax) continue;
      MaskSource mask;
      mask.path = path;
      mask.class_name = name;
      mask.class_code = std::to_string(value);
      mask.values = {value};
      found.masks.push_back(std::move(mask));
    }
  }
}

// Nothing for a folder that is no case.
std::optional<Case> read_case(const SourceTree& source, const std::string& folder,
                              const std::string& name) {
  const internal::FolderList list = internal::list_folder(source.root(), folder);
  const ScanName* scan = scan_in(list);
  const bool masks_folder = has_masks_folder(list);
  if (scan == nullptr && !masks_folder && !is_case_name(name)) return std::nullopt;
  Case found;
  found.folder = folder;
  found.name = name;
  if (scan == nullptr) return found;
  found.image = joined_path(folder, scan->file);
  found.modality = scan->modality;
  if (masks_folder) {
    add_binary_masks(source, found);
  } else {
    add_label_map(source, list, found);
  }
  return found;
}

bool is_one_case(const internal::FolderList& list) { return scan_in(list) != nullptr; }

// Empty where it cannot be told.
std::string edition_of(const Case& found) {
  const auto has = [&](const char* name) {
    return std::any_of(found.masks.begin(), found.masks.end(),
                       [&](const MaskSource& mask) { return mask.class_name == name; });
  };
  if (found.modality == "MR") return "TotalSegmentator_MRI";
  if (std::any_of(std::begin(kFirstEdition), std::end(kFirstEdition), has)) {
    return "TotalSegmentator_v1";
  }
  if (std::any_of(std::begin(kSecondEdition), std::end(kSecondEdition), has)) {
    return "TotalSegmentator_v2";
  }
  return {};
}

}  // namespace

void for_each_case(const SourceTree& source, const std::function<bool(Case&&)>& visit) {
  const internal::FolderList list = internal::list_folder(source.root(), "");
  if (is_one_case(list)) {
    if (auto found = read_case(source, "", source.name())) visit(*std::move(found));
    return;
  }
  for (const std::string& folder : list.folders) {
    auto found = read_case(source, folder, folder);
    if (found && !visit(*std::move(found))) return;
  }
}

std::string dataset_of(const SourceTree& source) {
  constexpr int kCasesTried = 20;
  std::string name;
  int tried = 0;
  for_each_case(source, [&](Case&& found) {
    name = edition_of(found);
    return name.empty() && ++tried < kCasesTried;
  });
  return name.empty() ? "TotalSegmentator" : name;
}

Recognition recognise_scans(const std::filesystem::path& root) {
  const internal::FolderList list = internal::peek_folder(root, "");
  if (is_one_case(list)) {
    if (!has_masks_folder(list)) return {};
    return {90, fmt::format("a scan with a folder {} beside it", kMasksFolder)};
  }
  constexpr std::size_t kFoldersTried = 20;
  for (std::size_t i = 0; i < std::min(kFoldersTried, list.folders.size()); ++i) {
    const std::string& folder = list.folders[i];
    const internal::FolderList inside = internal::peek_folder(root, folder);
    const ScanName* scan = scan_in(inside);
    if (scan == nullptr || (!is_case_name(folder) && !has_masks_folder(inside))) continue;
    return {is_case_name(folder) ? 100 : 90,
            fmt::format("{} holds {}{}", printable(folder), scan->file,
                        has_masks_folder(inside) ? " and a folder segmentations" : "")};
  }
  return {};
}

}  // namespace slicebank::totalsegmentator
