// One split of a MedMNIST file as items: an image or a cube each, with its labels.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "formats/npz_reader.h"
#include "formats/source_tree.h"
#include "importers/importer.h"
#include "importers/internal/medmnist_tasks.h"
#include "importers/internal/npz_row_window.h"
#include "importers/internal/npz_splits.h"

namespace slicebank::medmnist {

// One file of the source: of a task of the table, or of somebody's own with the same keys.
struct TaskFile {
  internal::SplitFile file;
  const Task* task = nullptr;  // null: not of the table

  std::string dataset() const;
  std::string size() const;    // "28" where the name of a task has none
  std::string prefix() const;  // "pathmnist_28": what keys begin with
};

// Reads the labels, and of the images no more than how many there are. One thread.
class SplitScan {
 public:
  // Borrows all of them. `split` is a place in kSplits.
  SplitScan(const SourceTree& source, const TaskFile& file, std::size_t split);

  // Emits an item a row, and before them one that failed when there is something wrong with
  // the split. False when `emit` wants no more.
  bool run(const NpzReader& npz, const std::function<bool(SourceItem&&)>& emit);

 private:
  SourceItem failed(std::vector<Problem> problems) const;
  bool find_labels(const NpzReader& npz, std::uint64_t rows, std::vector<Problem>& problems);
  std::optional<Problem> take_labels(std::uint64_t row, SourceItem& item);
  SourceItem make_item(std::uint64_t row, std::uint64_t rows) const;
  void add_number(double value, SourceItem& item) const;
  void add_columns(const std::vector<double>& values, SourceItem& item) const;
  void add_unnamed(const std::vector<double>& values, SourceItem& item) const;
  void bad_value(double value, SourceItem& item) const;

  const SourceTree& source_;
  const TaskFile& file_;
  const std::size_t split_;
  const std::string name_;
  const std::string images_key_;
  const std::string labels_key_;
  std::optional<internal::NpzRowWindow> labels_;  // none: nothing is known of the labels
  std::uint64_t columns_ = 0;
  bool volumes_ = false;
};

}  // namespace slicebank::medmnist
