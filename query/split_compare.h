// What is different between two splits: who moved, and what that does to each class.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "store/bank.h"
#include "store/split_data.h"

namespace slicebank {

struct SplitMove {
  std::string from, to;  // sides; "(none)" where the split does not hold the subject
  std::uint64_t subjects = 0;
  std::uint64_t samples = 0;
  std::vector<std::string> some;  // "dataset / patient", at most 100
};

struct SplitShift {
  std::string label;                 // "samples", "class=liver"
  std::vector<double> share_before;  // of the label's samples in the split, a side
  std::vector<double> share_after;
  double largest = 0;  // difference over the sides
};

struct SplitComparison {
  std::string before, after;       // names
  std::vector<std::string> sides;  // of both, the first's first
  std::uint64_t subjects = 0;      // in either
  std::uint64_t stayed = 0;        // all of whose samples stand as they stood
  std::uint64_t moved = 0;
  std::vector<SplitMove> moves;    // most subjects first. One on several sides moves several ways
  std::vector<SplitShift> shifts;  // "samples", then by largest difference

  std::string to_json() const;
  std::string to_text() const;
};

// Both are splits of this bank; samples that are gone stand nowhere.
SplitComparison compare_splits(const Bank& bank, const SplitData& before, const SplitData& after);

}  // namespace slicebank
