// Which values of a word samples have, for splits that leave each out in turn.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "query/internal/columns.h"
#include "store/bank.h"

namespace slicebank {

// The values that the samples have of dataset, modality or sequence, ascending; none for "".
// Throws Error(bad_argument) for another word.
std::vector<std::string> leave_out_values(const Bank& bank, const SampleColumns& columns,
                                          const std::string& word);

// What one sample has of the word; "(none)" where it has nothing. The columns outlive it.
class LeftOutValue {
 public:
  LeftOutValue(const Bank& bank, const SampleColumns& columns, const VolumeColumns& volumes,
               const std::string& word);

  std::string operator()(std::size_t place) const;

 private:
  const SampleColumns& columns_;
  const VolumeColumns& volumes_;
  bool by_dataset_;
  bool by_modality_;
  std::unordered_map<std::uint64_t, std::string> names_;
};

}  // namespace slicebank
