// The folder names and split lists of MedBank (docs/importers/medbank.md). Any thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "formats/source_tree.h"
#include "importers/importer.h"

namespace slicebank::medbank {

// {ObjectOfInterest}_{ModalityCode}_{ID}: BreastTumor_UT_0.
struct TaskName {
  std::string object;    // "BreastTumor"
  std::string modality;  // "UT"
  std::string id;        // "0"
};
std::optional<TaskName> parse_task_name(const std::string& folder);

// "BreastTumor" as "Breast Tumor", "LVMyocardium" as "LV Myocardium".
std::string spaced_words(const std::string& object);

// {case}_slice_{number}.
struct SliceName {
  std::string case_name;
  std::uint32_t slice = 0;
};
std::optional<SliceName> parse_slice_name(const std::string& stem);

// A folder of the collection.
struct Task {
  std::string folder;  // relative to the root; empty where the root is the task
  TaskName name;
  std::string images;  // relative to the root: ".../image" or ".../images"
  std::string masks;   // empty: it has none
};

// Ascending by folder; the root alone where it is itself a task. Looks at `entries_max`
// directory entries at most, all of them when 0.
std::vector<Task> find_tasks(const std::filesystem::path& root, std::uint64_t entries_max = 0);

// Which lists name which image: train.txt, val.txt, test.txt in the root and in the tasks.
class Splits {
 public:
  // Lines may be bare names, with or without an ending, or paths, with ./, backslashes, CRLF
  // and a byte order mark. Throws Error(limit) for a list above 1 GB.
  Splits(const SourceTree& source, const std::vector<Task>& tasks);

  bool any_lists() const noexcept { return lists_ > 0; }

  // The names of the lists, as "train"; several where an image stands in several.
  std::vector<std::string> of(const Task& task, const std::string& stem) const;

  // Lines that name no image: bad-path, missing-image, ambiguous-name.
  const std::vector<Problem>& problems() const noexcept { return problems_; }

 private:
  void read(const SourceTree& source, const std::vector<Task>& tasks, const std::string& folder,
            const std::string& split);
  void place(const SourceTree& source, const std::vector<Task>& tasks, const std::string& folder,
             const std::string& line, const std::string& list, unsigned split);

  std::vector<std::string> names_;                    // of the splits
  std::unordered_map<std::string, unsigned> splits_;  // bits, by task folder and stem
  std::vector<Problem> problems_;
  std::size_t lists_ = 0;
};

}  // namespace slicebank::medbank
