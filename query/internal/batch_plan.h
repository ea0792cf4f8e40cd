// A BatchSpec checked and made ready: classes looked up, tables built. Immutable.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "query/batch.h"
#include "query/internal/presence.h"
#include "schema/sample.h"
#include "schema/taxonomy.h"

namespace slicebank {

// Which entries of a list of classes an annotation of some class belongs to.
class ClassTable {
 public:
  ClassTable() = default;
  ClassTable(const Taxonomy& taxonomy, std::span<const ClassId> classes);

  // Places in the list, ascending; empty for a class of none of them.
  std::span<const std::uint32_t> entries(ClassId id) const;

 private:
  struct Row {
    ClassId id;
    std::uint32_t begin;
    std::uint32_t end;
  };
  std::vector<Row> rows_;  // ascending by id
  std::vector<std::uint32_t> entries_;
};

// What decides between absent and unknown (docs/query_language.md, "Three states").
class ThreeStates {
 public:
  ThreeStates() = default;
  ThreeStates(const Taxonomy& taxonomy, std::span<const ClassId> classes);

  std::size_t size() const noexcept { return classes_.size(); }

  // Whether the sample's class is present or absent; `coverage` is its volume's, ascending.
  bool known(std::size_t entry, const SampleInfo& info, std::span<const ClassId> coverage) const;

  // A mask, or a label above 0, of the class or of one below it.
  bool present(std::size_t entry, const SampleInfo& info) const;

  // See Batch::labels.
  float label(std::size_t entry, const SampleInfo& info, std::span<const ClassId> coverage) const;

 private:
  struct Whole {
    ClassId id;
    std::vector<ClassId> members;
  };
  struct Entry {
    CoverageNeed need;
    std::vector<ClassId> members;
    std::vector<Whole> above;
  };
  std::vector<Entry> classes_;
};

struct BatchPlan {
  BatchSpec spec;
  ClassTable targets;
  ThreeStates states;
  std::vector<std::vector<ClassId>> aims;  // of a foreground crop: members of each class

  // Throws Error(bad_argument).
  BatchPlan(const Taxonomy& taxonomy, BatchSpec batch_spec);

  bool paints() const noexcept { return spec.targets.mask_channels || spec.targets.label_map; }
  bool states_wanted() const noexcept { return states.size() != 0; }
};

PixelType label_map_type(std::size_t classes) noexcept;

// Error(bad_argument) for a class the taxonomy has not.
void check_classes(const Taxonomy& taxonomy, std::span<const ClassId> classes);

}  // namespace slicebank
