// The facts of every sample, read back from the public views and from nothing else.
#pragma once

#include <vector>

#include "store/bank.h"
#include "tests/query/bank_builder.h"
#include "tests/query/filter_oracle.h"

namespace slicebank::testing {

std::vector<SampleFacts> facts_from_views(const Bank& bank);  // ascending by id
FilterOracle::Splits splits_from_views(const Bank& bank);

}  // namespace slicebank::testing
