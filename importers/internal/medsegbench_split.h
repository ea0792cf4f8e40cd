// One split of a MedSegBench file as items: an image each, with the members its masks lie
// in. One thread a scan.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "formats/npz_reader.h"
#include "formats/source_tree.h"
#include "importers/importer.h"
#include "importers/internal/medsegbench_sets.h"
#include "importers/internal/npz_row_window.h"
#include "importers/internal/npz_splits.h"

namespace slicebank::medsegbench {

// One file of the source: of a set of the table, or of somebody's own with the same keys.
struct SetFile {
  internal::SplitFile file;
  const Set* set = nullptr;  // null: not of the table

  std::string dataset() const;
  std::string sized(const std::string& place) const;  // "256/train/000001"
};

// Members are "{split}_images" and "{split}_label" with "_C2" for the second category, or
// with nothing.
std::string images_key(const std::string& split, std::size_t category = 0);
std::string label_key(const std::string& split, std::size_t category = 0);

// A mask's code is the number in the label member, or "C2" where it is that of a layer.
std::string category_code(std::size_t category);

class SplitScan {
 public:
  // Borrows all of them. `split` is a place in kSplits.
  SplitScan(const SourceTree& source, const SetFile& file, std::size_t split);

  // Emits an item a row, and before them one that failed when there is something wrong with
  // the split. False when `emit` wants no more.
  bool run(const NpzReader& npz, const std::function<bool(SourceItem&&)>& emit);

 private:
  // What one walk over the rows of an images member needs.
  struct Part {
    std::size_t category = 0;  // 0: the images of the whole split
    std::uint64_t rows = 0;
    bool labels = false;               // the label member goes with the images
    std::vector<std::size_t> layers;   // categories whose label member does
    std::vector<std::size_t> subsets;  // categories whose images may be among these
  };

  bool fits(const NpzReader& npz, const std::string& images, const std::string& label,
            std::vector<Problem>& problems) const;
  bool run_part(const NpzReader& npz, std::size_t category,
                const std::function<bool(SourceItem&&)>& emit);
  Part find_part(const NpzReader& npz, std::size_t category, std::vector<Problem>& problems) const;
  SourceItem make_item(const Part& part, std::uint64_t row);
  void add_masks(const Part& part, SourceItem& item) const;
  void add_found_masks(const Part& part, std::uint64_t row, SourceItem& item);

  const SourceTree& source_;
  const SetFile& file_;
  const std::size_t split_;
  const std::string name_;
  std::optional<internal::NpzRowWindow> label_rows_;  // where labels have to be looked for
};

}  // namespace slicebank::medsegbench
