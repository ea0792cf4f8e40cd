// What the writer program of the crash campaigns stores, and what it tells the outside.
#pragma once

#include <cstdint>
#include <vector>

#include "tests/store/bank_fixture.h"

namespace slicebank::crash {

// Large and small records take turns, so that values lie both in leaves and on pages of
// their own.
inline std::uint32_t side_of(std::uint64_t seed) { return seed % 3 == 0 ? 96 : 20; }

inline Sample sample_of(std::uint64_t seed, const std::vector<ClassId>& classes) {
  std::vector<ClassId> chosen;
  for (std::size_t i = 0; i < classes.size(); ++i) {
    if ((seed >> i & 1) != 0) chosen.push_back(classes[i]);
  }
  Sample sample = testing::make_sample(seed, chosen, side_of(seed));
  if (seed % 5 == 0) sample.labels.push_back({classes[2], 3, 1});
  return sample;
}

// Lines of the acknowledgement file, each written in one go, outside the bank's folder:
//   created               the bank is there
//   queued ID SEED        about to be committed
//   committed FIRST END   durable from here on
//   deleting ID           about to be deleted
//   deleted ID            gone for good from here on

}  // namespace slicebank::crash
