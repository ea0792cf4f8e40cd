// File names of the SA-Med2D layout (docs/exporters/sa-med2d.md):
//   {modality_sub}--{dataset}--{case}--{axis_slice}[--{class}_{instance}].png
// Pure; any thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "exporters/internal/origin.h"
#include "schema/sample.h"
#include "schema/taxonomy.h"

namespace slicebank::exporting::sa_med2d {

// "mr_t1ce": the source's own word where the layout knows it, else from modality and
// sequence; "unknown_00" where the bank does not know either.
std::string modality_sub(const VolumeInfo& volume, const Taxonomy& taxonomy);

// A dataset's name as a field: no "--", which separates fields.
std::string dataset_field(std::string_view dataset_name);

// Stem of a sample's image; `dataset` is its dataset's field. A sample whose own name follows the
// grammar and says the same keeps it to the letter. With attempt > 0, other stems for
// samples that would have the same.
std::string image_stem(const Origin& origin, const std::string& dataset, const SampleInfo& sample,
                       const Taxonomy& taxonomy, unsigned attempt);

// Four-digit codes of one dataset's classes, as SAMed2D_v1_class_mapping_id.json lists
// them. Codes the dataset brought are kept where they are four digits and its own alone;
// others become the class's place, counted from 0, or the next free number.
class ClassCodes {
 public:
  explicit ClassCodes(const DatasetInfo& dataset);

  // Code of an annotation; a class the dataset does not list is added under its
  // canonical name. Nothing when all 10,000 codes are taken.
  std::optional<std::string> code(std::uint32_t raw_class, const ClassWords& words);

  // Class names and codes, ascending by code. Names are unique.
  std::vector<std::pair<std::string, std::string>> entries() const;

  // Classes whose name had to be changed because two of them share it.
  const std::vector<std::string>& renamed() const { return renamed_; }

 private:
  std::optional<std::string> free_code(std::uint32_t wanted) const;

  std::vector<std::string> by_number_;          // code of raw class i + 1; empty: none free
  std::map<std::string, std::string> by_name_;  // class name -> code
  std::set<std::string> taken_;
  std::vector<std::string> renamed_;
};

}  // namespace slicebank::exporting::sa_med2d
