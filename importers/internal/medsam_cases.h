// cases.json and classes.json, which slicebank's own exporter puts beside npz cases: what
// the format itself cannot hold (docs/exporters/medsam-npz.md). Any thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "formats/source_tree.h"
#include "schema/sample.h"

namespace slicebank::medsam {

struct ListedCase {
  std::string dataset;
  std::string volume;
  std::string patient;
  Axis axis = Axis::none;
  std::vector<std::uint32_t> slices;  // numbers of the slices, one each
};

struct CaseLists {
  std::map<std::string, ListedCase> cases;       // by file name
  std::map<std::uint32_t, std::string> classes;  // by label
  std::vector<Problem> problems;                 // a list that cannot be used is told, not taken
};

// Read once a tree. Empty where there are no such files.
std::shared_ptr<const CaseLists> case_lists(const SourceTree& source);

}  // namespace slicebank::medsam
