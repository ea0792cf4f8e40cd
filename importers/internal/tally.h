// Counts items, volumes and subjects a dataset, without keeping their names. One thread.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "importers/import.h"
#include "importers/internal/hash_set.h"

namespace slicebank::internal {

class Tally {
 public:
  void add(const SourceItem& item);

  // Ascending by name.
  std::vector<ImportReport::DatasetCount> counts() const;

 private:
  struct Seen {
    std::uint64_t items = 0;
    HashSet volumes;
    HashSet subjects;
  };
  std::map<std::string, Seen> datasets_;
};

}  // namespace slicebank::internal
