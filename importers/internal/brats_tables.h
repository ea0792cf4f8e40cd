// What the tables beside BraTS's cases say of them: grade, age, survival, and under which
// names a person stands in other years. Any thread.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "formats/source_tree.h"
#include "importers/importer.h"

namespace slicebank::brats {

class CaseTables {
 public:
  // Reads each csv file called name_mapping* or survival* in the folders that hold cases.
  // One that cannot be read, or names no cases, is told in `problems`.
  CaseTables(const SourceTree& source, std::vector<Problem>& problems);

  // Adds to `item` what is known of the case in this folder: labels "HGG" and "LGG" (by the
  // tables, else by a folder of that name above it), "Age", "Survival_days", and the extent
  // of the resection; and the person, where a table gives it several names.
  void add_to(SourceItem& item, const std::string& case_name, const std::string& folder) const;

 private:
  struct Facts {
    std::map<std::string, double> labels;  // by the table's own word
    std::string person;
  };

  void read(const SourceTree& source, const std::string& path, std::vector<Problem>& problems);

  std::map<std::string, Facts> of_case_;
};

}  // namespace slicebank::brats
