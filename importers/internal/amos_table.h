// labeled_data_meta_0000_0599.csv of AMOS22: who was scanned, and with what. Any thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "formats/source_tree.h"
#include "importers/importer.h"

namespace slicebank::amos {

class ScanTable {
 public:
  // Reads each labeled_data_meta_*.csv in the root. One that cannot be read, or has no
  // column amos_id, is told in `problems`.
  ScanTable(const SourceTree& source, std::vector<Problem>& problems);

  // Adds what is known of the scan with this number: labels "M" or "F", "Patient's Age" in
  // years, and the scanner under its model's name.
  void add_to(SourceItem& item, std::uint32_t number) const;

  // "CT" or "MR" by the scanner's model, where that is one of the challenge's; else empty.
  std::string modality_of(std::uint32_t number) const;

 private:
  struct Scan {
    std::vector<LabelSource> labels;
    std::string modality;
  };

  void read(const SourceTree& source, const std::string& path, std::vector<Problem>& problems);

  std::map<std::uint32_t, Scan> scans_;
};

}  // namespace slicebank::amos
