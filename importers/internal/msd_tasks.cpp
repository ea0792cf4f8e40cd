#include "importers/internal/msd_tasks.h"

#include <algorithm>

namespace slicebank::internal {
namespace {

struct TaskWord {
  std::string_view task;
  std::string_view class_name;  // as dataset.json has it
  std::string_view meaning;     // as the taxonomy has it
};

// Only what is not plain by itself: "liver" of Liver, "PZ" of Prostate are.
constexpr TaskWord kWords[] = {
    {"BrainTumour", "edema", "brain edema"},
    {"BrainTumour", "non-enhancing tumor", "non-enhancing brain tumor core"},
    {"BrainTumour", "enhancing tumour", "enhancing brain tumor"},
    {"Heart", "left atrium", "left heart atrium"},
    {"Liver", "cancer", "liver tumor"},
    {"Liver", "tumour", "liver tumor"},
    {"Liver", "tumor", "liver tumor"},
    {"Hippocampus", "Anterior", "anterior hippocampus"},
    {"Hippocampus", "Posterior", "posterior hippocampus"},
    {"Prostate", "PZ", "peripheral zone of prostate"},
    {"Prostate", "TZ", "transition zone of prostate"},
    {"Lung", "cancer", "lung tumor"},
    {"Lung", "tumour", "lung tumor"},
    {"Lung", "tumor", "lung tumor"},
    {"Pancreas", "cancer", "pancreas tumor"},
    {"Pancreas", "tumour", "pancreas tumor"},
    {"Pancreas", "tumor", "pancreas tumor"},
    {"HepaticVessel", "Vessel", "liver vessel"},
    {"HepaticVessel", "Tumour", "liver tumor"},
    {"Colon", "cancer", "colon cancer"},
    {"Colon", "colon cancer primaries", "colon cancer"},
};

struct TaskRegion {
  std::string_view task;
  std::string_view region;
};

constexpr TaskRegion kRegions[] = {
    {"BrainTumour", "brain"}, {"Heart", "thorax"},          {"Liver", "abdomen"},
    {"Hippocampus", "brain"}, {"Prostate", "pelvis"},       {"Lung", "thorax"},
    {"Pancreas", "abdomen"},  {"HepaticVessel", "abdomen"}, {"Spleen", "abdomen"},
    {"Colon", "abdomen"},
};

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

bool same_word(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

// Where the word behind the number begins, or 0.
std::size_t behind_number(std::string_view folder, std::string_view word) {
  if (folder.size() <= word.size() || !same_word(folder.substr(0, word.size()), word)) return 0;
  std::size_t at = word.size();
  while (at < folder.size() && folder[at] >= '0' && folder[at] <= '9') ++at;
  return at > word.size() && at + 1 < folder.size() && folder[at] == '_' ? at + 1 : 0;
}

}  // namespace

bool is_task_name(std::string_view folder, std::string_view word) {
  return behind_number(folder, word) != 0;
}

std::string task_word(std::string_view folder) {
  for (const std::string_view word : {"Task", "Dataset"}) {
    if (const std::size_t at = behind_number(folder, word)) return std::string(folder.substr(at));
  }
  return std::string(folder);
}

std::string meaning_in_task(std::string_view task, std::string_view class_name) {
  for (const TaskWord& word : kWords) {
    if (same_word(word.task, task) && same_word(word.class_name, class_name)) {
      return std::string(word.meaning);
    }
  }
  return {};
}

std::string region_of_task(std::string_view task) {
  for (const TaskRegion& each : kRegions) {
    if (same_word(each.task, task)) return std::string(each.region);
  }
  return {};
}

}  // namespace slicebank::internal
