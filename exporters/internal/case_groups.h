// A selection as cases: the slices of one volume along one axis, together. Pure but for
// reading the bank.
#pragma once

#include <cstdint>
#include <map>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "exporters/exporter.h"
#include "exporters/internal/export_source.h"

namespace slicebank::exporting {

// What becomes one case: several slices of one (volume, axis) that are equal in shape,
// ascending and no slice twice, or one sample alone.
struct CaseGroup {
  VolumeId volume_id{};
  Axis axis = Axis::none;
  std::vector<SampleId> samples;
  bool one_of_many = false;  // a sample alone whose volume has others without a place in it
};

// Numbers of classes over a whole export, 1 to K: ascending by class id, so by name only
// among classes that the taxonomy does not know.
class ClassNumbers {
 public:
  void add(ClassId id, const std::string& name) { numbers_.emplace(std::pair(id, name), 0u); }
  // Gives the numbers. Throws Error(limit) above 255 classes.
  void settle();
  std::uint8_t number(ClassId id, const std::string& name) const;
  std::map<std::uint32_t, std::string> names() const;  // by number

 private:
  std::map<std::pair<ClassId, std::string>, std::uint32_t> numbers_;
};

// The canonical name of an annotation's class.
std::string canonical_class_name(const ExportSource& source, const Origin& origin,
                                 std::uint32_t raw_class, ClassId class_id);

struct Cases {
  std::vector<CaseGroup> groups;  // in the selection's order of their volumes' first samples
  ClassNumbers numbers;
  std::uint64_t samples = 0;
};

// Reads the headers of all samples, no pixels. Samples without a mask of at least one
// pixel are left out, and said, unless `keep_all`.
Cases group_cases(const Selection& selection, const ExportSource& source, bool keep_all,
                  const std::stop_token& stop, ExportSink& sink);

}  // namespace slicebank::exporting
