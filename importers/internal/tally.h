// Counts items, volumes, subjects and classes a dataset, without keeping their names. One
// thread.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "importers/import.h"
#include "importers/internal/hash_set.h"

namespace slicebank::internal {

class Tally {
 public:
  // Before the items: the classes that the source declares.
  void add(const SourceDescription& description);

  void add(const SourceItem& item);

  // Of the datasets with items, ascending by name.
  std::vector<ImportReport::DatasetCount> counts() const;

 private:
  struct Seen {
    std::uint64_t items = 0;
    HashSet volumes;
    HashSet subjects;
    HashSet classes;  // by name
  };
  std::map<std::string, Seen> datasets_;
};

}  // namespace slicebank::internal
