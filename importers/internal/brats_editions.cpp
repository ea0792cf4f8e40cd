#include "importers/internal/brats_editions.h"

#include <algorithm>
#include <array>

namespace slicebank::brats {
namespace {

constexpr std::string_view kNecrotic = "necrotic brain tumor core";
constexpr std::string_view kNonEnhancing = "non-enhancing brain tumor core";
constexpr std::string_view kEdema = "brain edema";
constexpr std::string_view kEnhancing = "enhancing brain tumor";
constexpr std::string_view kWhole = "brain tumor";
constexpr std::string_view kCore = "brain tumor core";

// The enhancing tumour is a value and a region alike, and stands here once.
constexpr EditionClass k2017[] = {{"NCR/NET", kNecrotic, {1}},
                                  {"ED", kEdema, {2}},
                                  {"ET", kEnhancing, {4}},
                                  {"TC", kCore, {1, 4}, true},
                                  {"WT", kWhole, {1, 2, 4}, true}};
constexpr EditionClass k2021[] = {{"NCR", kNecrotic, {1}},
                                  {"ED", kEdema, {2}},
                                  {"ET", kEnhancing, {4}},
                                  {"TC", kCore, {1, 4}, true},
                                  {"WT", kWhole, {1, 2, 4}, true}};
constexpr EditionClass k2023[] = {{"NCR", kNecrotic, {1}},
                                  {"ED", kEdema, {2}},
                                  {"ET", kEnhancing, {3}},
                                  {"TC", kCore, {1, 3}, true},
                                  {"WT", kWhole, {1, 2, 3}, true}};
constexpr EditionClass k2024[] = {{"NETC", kNonEnhancing, {1}},
                                  {"SNFH", kEdema, {2}},
                                  {"ET", kEnhancing, {3}},
                                  {"TC", kCore, {1, 3}, true},
                                  {"WT", kWhole, {1, 2, 3}, true}};
// After treatment: the cavity is no part of the tumour.
constexpr EditionClass k2024Glioma[] = {
    {"NETC", kNonEnhancing, {1}}, {"SNFH", kEdema, {2}},
    {"ET", kEnhancing, {3}},      {"RC", "brain resection cavity", {4}},
    {"TC", kCore, {1, 3}, true},  {"WT", kWhole, {1, 2, 3}, true}};
constexpr EditionClass k2024Children[] = {{"ET", kEnhancing, {1}},
                                          {"NET", kNonEnhancing, {2}},
                                          {"CC", "cystic component of brain tumor", {3}},
                                          {"ED", kEdema, {4}},
                                          {"TC", kCore, {1, 2, 3}, true},
                                          {"WT", kWhole, {1, 2, 3, 4}, true}};
constexpr EditionClass kRadiotherapy[] = {{"GTV", "meningioma", {1}}};

struct RoleWord {
  std::string_view word;
  FileRole role;
};
constexpr RoleWord kRoles[] = {
    {"t1", FileRole::t1},      {"t1n", FileRole::t1},      {"t1ce", FileRole::t1ce},
    {"t1c", FileRole::t1ce},   {"t1gd", FileRole::t1ce},   {"t2", FileRole::t2},
    {"t2w", FileRole::t2},     {"flair", FileRole::flair}, {"t2f", FileRole::flair},
    {"seg", FileRole::labels}, {"gtv", FileRole::labels}};

// Longer words first: "training" is not "train" and a rest.
constexpr std::string_view kSplitWords[] = {"training", "validation", "testing",
                                            "train",    "valid",      "test"};

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

std::string lower_case(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), lower);
  return out;
}

bool digits(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// Brats18_TCIA01_390_1 (site, number, time point), BraTS20_Training_001, BraTS2021_00000.
std::optional<CaseName> parse_old_name(const std::string& folder) {
  const std::size_t bar = folder.find('_');
  if (bar == std::string::npos || bar + 1 == folder.size()) return std::nullopt;
  const std::string_view number = std::string_view(folder).substr(5, bar - 5);
  const std::string_view rest = std::string_view(folder).substr(bar + 1);
  CaseName name{folder, folder, {}, 0};
  if (number == "2021" && digits(rest)) {
    name.year = 2021;
    return name;
  }
  if (number.size() != 2 || number[0] < '1' || !digits(number)) return std::nullopt;
  name.year = 2000 + (number[0] - '0') * 10 + (number[1] - '0');
  if (name.year < 2017 || name.year > 2020) return std::nullopt;
  const std::size_t last = folder.rfind('_');
  if (name.year < 2020 && last > bar && digits(std::string_view(folder).substr(last + 1))) {
    name.patient = folder.substr(0, last);
  }
  return name;
}

// BraTS-GLI-00000-000, BraTS-MEN-RT-0000-1: task, patient, time point.
std::optional<CaseName> parse_new_name(const std::string& folder) {
  const std::size_t time = folder.rfind('-');
  const std::size_t person = folder.rfind('-', time - 1);
  if (person == std::string::npos || person <= 6) return std::nullopt;
  const std::string_view text = folder;
  if (!digits(text.substr(time + 1)) || !digits(text.substr(person + 1, time - person - 1))) {
    return std::nullopt;
  }
  CaseName name{folder, folder.substr(0, time), folder.substr(6, person - 6), 0};
  // Scans after treatment, numbered from 100 on, came in 2024.
  if (name.task == "GLI" && text.size() - time == 4 && text[time + 1] != '0') name.year = 2024;
  if (name.task == "MEN-RT") name.year = 2024;
  return name;
}

}  // namespace

std::optional<CaseName> parse_case_name(const std::string& folder) {
  if (folder.size() < 8 || lower_case(folder.substr(0, 5)) != "brats") return std::nullopt;
  return folder[5] == '-' ? parse_new_name(folder) : parse_old_name(folder);
}

int year_of_path(std::string_view path) {
  const std::size_t older = path.rfind("2023");
  const std::size_t newer = path.rfind("2024");
  if (older == std::string_view::npos && newer == std::string_view::npos) return 0;
  if (newer == std::string_view::npos) return 2023;
  return older != std::string_view::npos && older > newer ? 2023 : 2024;
}

std::string split_of_path(const std::string& path) {
  const std::string low = lower_case(path);
  std::size_t last = 0;
  std::string found;
  for (const std::string_view word : kSplitWords) {
    const std::size_t at = low.rfind(word);
    if (at == std::string::npos || (!found.empty() && at <= last)) continue;
    last = at;
    found = path.substr(at, word.size());
  }
  return found;
}

std::span<const EditionClass> classes_of(int year, const std::string& task) {
  if (task == "MEN-RT") return kRadiotherapy;
  if (year < 2021) return k2017;
  if (year < 2023) return k2021;
  if (year < 2024) return k2023;
  if (task == "GLI") return k2024Glioma;
  if (task == "PED") return k2024Children;
  return k2024;
}

std::optional<FileRole> role_of(std::string_view word) {
  const std::string low = lower_case(word);
  for (const RoleWord& each : kRoles) {
    if (each.word == low) return each.role;
  }
  return std::nullopt;
}

}  // namespace slicebank::brats
