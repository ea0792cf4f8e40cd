#include "importers/internal/brats_cases.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "formats/nifti.h"
#include "importers/internal/folder_list.h"
#include "importers/internal/item_problem.h"
#include "importers/internal/volume_file.h"
#include "schema/error.h"

namespace slicebank::brats {
namespace {

using internal::joined_path;
using internal::note;

constexpr int kFolderDepthMax = 4;  // Training/HGG/Brats18_...
constexpr std::size_t kHeaderBytes = 16 * 1024;
constexpr int kYearAssumed = 2023;  // of BraTS-...-00000-000 where no folder says more

// False when `visit` ended it.
bool visit_cases(const SourceTree& source, const std::string& folder, int depth,
                 const std::function<bool(Case&&)>& visit) {
  for (const std::string& name : internal::list_folder(source.root(), folder).folders) {
    const std::string path = joined_path(folder, name);
    auto parsed = parse_case_name(name);
    if (!parsed) {
      if (depth < kFolderDepthMax && !visit_cases(source, path, depth + 1, visit)) return false;
      continue;
    }
    Case found;
    found.folder = path;
    found.year = parsed->year;
    const std::string around = source.name() + "/" + folder;
    if (!parsed->task.empty() && parsed->year == 0) found.year = year_of_path(around);
    found.assumed_year = found.year == 0;
    if (found.assumed_year) found.year = kYearAssumed;
    found.split = split_of_path(around + "/" + name);
    found.name = *std::move(parsed);
    if (!visit(std::move(found))) return false;
  }
  return true;
}

void visit_files(const SourceTree& source, const std::string& folder, int depth,
                 const std::function<void(const std::string&)>& found) {
  const internal::FolderList list = internal::list_folder(source.root(), folder);
  for (const std::string& file : list.files) found(joined_path(folder, file));
  if (depth >= kFolderDepthMax) return;
  for (const std::string& name : list.folders) {
    if (!parse_case_name(name)) visit_files(source, joined_path(folder, name), depth + 1, found);
  }
}

// "t1ce" of {case}_t1ce.nii.gz or {case}-t1c.nii.gz; empty for another name.
std::string word_of(const std::string& case_name, const std::string& stem) {
  if (stem.size() <= case_name.size() + 1 || !stem.starts_with(case_name)) return {};
  const char between = stem[case_name.size()];
  return between == '_' || between == '-' ? stem.substr(case_name.size() + 1) : std::string();
}

// Voxels along each axis by the file's header; nothing where it cannot be told, which
// decode() will say.
std::optional<std::array<std::uint32_t, 3>> size_of(const SourceTree& source,
                                                    const std::string& path) {
  try {
    const auto file = source.open(path);
    std::vector<std::byte> bytes(
        static_cast<std::size_t>(std::min<std::uint64_t>(file->size(), kHeaderBytes)));
    file->read_at(0, bytes, path);
    return nifti::scan(bytes, path).volume.size_ijk;
  } catch (const Error&) {
    return std::nullopt;
  }
}

}  // namespace

std::string dataset_of(const Case& found) {
  return found.name.task.empty() ? fmt::format("BraTS{}", found.year)
                                 : fmt::format("BraTS{}-{}", found.year, found.name.task);
}

void for_each_case(const SourceTree& source, const std::function<bool(Case&&)>& visit) {
  visit_cases(source, "", 0, visit);
}

void for_each_file_above_cases(const SourceTree& source,
                               const std::function<void(const std::string&)>& found) {
  visit_files(source, "", 0, found);
}

CaseFiles files_of(const SourceTree& source, const Case& found) {
  CaseFiles files;
  std::vector<std::string> others;
  for (const std::string& file : internal::list_folder(source.root(), found.folder).files) {
    if (internal::volume_ending(file).empty()) continue;
    const std::string path = joined_path(found.folder, file);
    const std::string word = word_of(found.name.text, internal::volume_stem(file));
    const auto role = role_of(word);
    if (!role) {
      others.push_back(path);
      continue;
    }
    const auto place = static_cast<std::size_t>(*role);
    std::string& mine = *role == FileRole::labels ? files.labels : files.sequences[place];
    if (!mine.empty()) {
      files.problems.push_back(note("duplicate-file", path, "left out for " + mine));
      continue;
    }
    mine = path;
    if (*role != FileRole::labels) files.words[place] = word;
  }
  // One case of 2020 has its labels under a name of its own (W39_1998.09.19_Segm.nii).
  for (const std::string& path : others) {
    const std::string stem = internal::volume_stem(path);
    const bool labels = files.labels.empty() && (stem.find("Segm") != std::string::npos ||
                                                 stem.find("seg") != std::string::npos);
    if (labels) files.labels = path;
    files.problems.push_back(
        note(labels ? "odd-name" : "unlisted", path,
             labels ? "taken for the labels by its name" : "no sequence by its name; left out"));
  }
  return files;
}

bool on_one_grid(const SourceTree& source, const CaseFiles& files) {
  std::optional<std::array<std::uint32_t, 3>> first;
  for (const std::string& path : files.sequences) {
    if (path.empty()) continue;
    const auto size = size_of(source, path);
    if (!first) first = size;
    if (size && *size != *first) return false;
  }
  return true;
}

Recognition recognise_cases(const std::filesystem::path& root, const std::string& folder,
                            int depth) {
  const internal::FolderList list = internal::peek_folder(root, folder);
  for (const std::string& name : list.folders) {
    if (!parse_case_name(name)) continue;
    const std::string path = joined_path(folder, name);
    for (const std::string& file : internal::peek_folder(root, path).files) {
      if (!role_of(word_of(name, internal::volume_stem(file)))) continue;
      // Far below the root it is a part of a collection, which is to say so itself.
      return {depth <= 1 ? 100 : 90,
              fmt::format("{} is named as a case of BraTS, and {} as one of its files",
                          printable(name), printable(file))};
    }
  }
  if (depth >= kFolderDepthMax - 1) return {};
  constexpr std::size_t kFoldersEntered = 8;
  for (std::size_t i = 0; i < std::min(kFoldersEntered, list.folders.size()); ++i) {
    Recognition found = recognise_cases(root, joined_path(folder, list.folders[i]), depth + 1);
    if (found.score > 0) return found;
  }
  return {};
}

}  // namespace slicebank::brats
