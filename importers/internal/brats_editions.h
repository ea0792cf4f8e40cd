// What the names and numbers of BraTS mean, by edition. Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace slicebank::brats {

// One value of a label map, or a region that is made of several.
struct EditionClass {
  std::string_view name;     // the challenge's own word: "NCR", "WT"
  std::string_view meaning;  // as the taxonomy has it
  std::uint32_t values[4];   // 0 ends them
  bool region = false;       // no value of its own
};

struct CaseName {
  std::string text;     // verbatim
  std::string patient;  // without the time point
  std::string task;     // "GLI", "MEN-RT", ...; empty up to 2021
  int year = 0;         // 0: the name does not say
};

// A case folder's name: Brats18_..., BraTS20_..., BraTS2021_00000, BraTS-GLI-00000-000.
// Nothing for another name.
std::optional<CaseName> parse_case_name(const std::string& folder);

// 2023 or 2024 where a part of the path says so ("BraTS2024-BraTS-GLI-TrainingData"), the
// last one that does; else 0.
int year_of_path(std::string_view path);

// "Training", "validation", ...: as the path spells it, the last one that is there; empty
// where it says nothing.
std::string split_of_path(const std::string& path);

// The classes of a year (2017 to 2024) and task, single values first.
std::span<const EditionClass> classes_of(int year, const std::string& task);

// What is between a case's name and the ending of a file.
enum class FileRole { t1, t1ce, t2, flair, labels };

// Of "t1n", "T1CE", "seg", "gtv", ...; nothing for another word.
std::optional<FileRole> role_of(std::string_view word);

inline constexpr const char* kSequenceNames[] = {"T1", "T1ce", "T2", "FLAIR"};

}  // namespace slicebank::brats
