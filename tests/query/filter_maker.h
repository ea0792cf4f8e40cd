// Random samples that have everything a filter can ask about, and random filters to ask it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "query/filter.h"
#include "query/internal/mix.h"
#include "tests/query/bank_builder.h"
#include "tests/query/filter_oracle.h"

namespace slicebank::testing {

// Words for classes: overlapping ones, unions, aliases, one that no taxonomy has.
extern const std::vector<std::string> kClasses;

// Everything that a filter can ask, in few values, so that conditions often meet.
SampleFacts random_facts(SplitMix& random, std::uint64_t number);

// Two splits, "main" and "other", on some of the samples: "left" and "right".
FilterOracle::Splits add_splits(BankBuilder& builder, SplitMix& random);

// Random trees over every field, operator and shape.
class FilterMaker {
 public:
  explicit FilterMaker(SplitMix& random) : random_(random) {}

  FilterPtr make(int depth, bool in_mask = false);

 private:
  FilterPtr special(int depth);
  FilterPtr leaf(bool in_mask);
  FilterPtr field_leaf(bool in_mask);
  FilterPtr formula_leaf(bool in_mask);
  FormulaPtr formula(int depth, bool with_masks);
  FilterValue value(const std::string& field);

  SplitMix& random_;
};

}  // namespace slicebank::testing
