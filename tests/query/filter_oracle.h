// What a filter means, said once more without SQL: a plain look at the facts of one sample.
// Slow, and independent of everything below query/filter.h.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "query/filter.h"
#include "schema/taxonomy.h"
#include "tests/query/bank_builder.h"

namespace slicebank::testing {

class FilterOracle {
 public:
  // `sides_of_split[name][id]` is the side of a sample that the split holds.
  using Splits = std::map<std::string, std::map<std::uint64_t, std::string>>;

  FilterOracle(const Taxonomy& taxonomy, Splits splits)
      : taxonomy_(taxonomy), splits_(std::move(splits)) {}

  bool matches(const Filter& filter, const SampleFacts& sample) const;

 private:
  // Known values of a field: none, one, or several where masks or classes give them.
  using Values = std::vector<FilterValue>;

  struct Finding {
    ClassId class_id{};
    std::string raw_class;
    bool is_mask = true;
    MaskFacts mask;
  };

  std::vector<Finding> findings(const SampleFacts& sample, bool with_labels) const;
  Values sample_values(const std::string& field, const SampleFacts& sample) const;
  Values finding_values(const std::string& field, const Finding& finding,
                        const SampleFacts& sample) const;
  bool holds(const Filter& leaf, const FilterValue& value) const;
  bool equals(const Filter& leaf, const FilterValue& value, const FilterValue& wanted) const;
  std::optional<double> calculated(const Formula& formula, const Finding* finding,
                                   const SampleFacts& sample) const;
  bool calculated_holds(const Filter& leaf, const Finding* finding,
                        const SampleFacts& sample) const;
  bool calculation_matches(const Filter& leaf, const SampleFacts& sample) const;
  bool leaf_holds(const Filter& leaf, const Values& values) const;
  bool mask_matches(const Filter& filter, const Finding& finding, const SampleFacts& sample) const;
  bool present(ClassId id, const SampleFacts& sample) const;
  bool looked_for_itself(ClassId id, const SampleFacts& sample) const;
  bool looked_for(ClassId id, const SampleFacts& sample, int levels) const;
  bool absent(ClassId id, const SampleFacts& sample) const;

  const Taxonomy& taxonomy_;
  Splits splits_;
};

}  // namespace slicebank::testing
