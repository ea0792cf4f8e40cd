// The cases that a folder's lists name, without opening an image: what splits and audits
// of a list work on.
#pragma once

#include <string>
#include <vector>

#include "cli/command.h"
#include "query/split_list.h"

namespace slicebank::cli {

struct CaseList {
  std::vector<CaseRow> rows;
  std::string format;            // the importer that read them
  std::uint64_t unusable = 0;    // rows that cannot be used
  std::vector<std::string> why;  // the first few of them
  std::string lists;             // split files that lie beside them, or empty
};

// Scans `source` with the importer named, or with the one that recognises it best. Throws
// Error(not_found) where none does, and what the importer throws.
CaseList read_case_list(const std::string& source, const std::string& format);

// Options of split and audit alike: a list instead of a bank, and who is the same person.
struct CaseOptions {
  std::string list;
  std::string format;
  std::string aliases;
  std::vector<std::string> same_patients;  // "A,B" each

  void attach(CLI::App* verb);
  // From the file and the flags; empty where neither is given.
  SubjectAliases read_aliases() const;
};

}  // namespace slicebank::cli
