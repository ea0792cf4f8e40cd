// Counts items, volumes, subjects and classes a dataset, without keeping their names but for
// the first classes that the taxonomy does not have. One thread.
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
    std::uint64_t own_classes = 0;
    std::vector<std::string> own_class_names;
  };

  static void add_class(const std::string& name, const std::string& meaning, Seen& seen);

  std::map<std::string, Seen> datasets_;
};

}  // namespace slicebank::internal
