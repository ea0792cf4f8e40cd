// Whether a split of a list of cases leaks: one person, or one file, on two sides; also
// across datasets and tasks. Needs no bank and no image.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "query/audit_lists.h"
#include "query/split_list.h"

namespace slicebank {

struct CaseFinding {
  std::string kind;  // "listed", "subject", "file", "alias"
  std::string message;
  std::vector<std::string> sides;
  std::vector<std::string> cases;  // "dataset / key", a few of each side
};

// Persons that two datasets share and that stand on different sides.
struct CaseCrossing {
  std::string dataset_a, side_a, dataset_b, side_b;
  std::uint64_t persons = 0;
};

// Patient ids that two datasets share without being known as the same people: chance, or
// aliases that nobody has written down.
struct SharedIds {
  std::string dataset_a, dataset_b;
  std::uint64_t ids = 0;
  std::uint64_t apart = 0;  // of them on different sides
};

struct CaseAudit {
  std::string split;
  std::uint64_t rows = 0;    // of the list, and names of unknown files
  std::uint64_t placed = 0;  // that the split places
  std::vector<std::string> sides;
  std::vector<std::uint64_t> on_side;  // rows, a side
  std::uint64_t listed_twice = 0;      // names on two sides of one file
  std::uint64_t leaking_subjects = 0;
  std::uint64_t leaking_files = 0;    // image files on two sides
  std::uint64_t leaking_aliases = 0;  // persons of several names, on two sides taken together
  std::uint64_t unmatched = 0;        // names of the split that no row answers to
  std::vector<std::string> unmatched_names;  // the first 1000
  std::vector<std::string> unknown_files;    // files whose names no row answers to at all: their
                                             // names are taken for cases of their own
  std::vector<CaseCrossing> crossings;       // most first
  std::vector<SharedIds> shared;             // most first
  std::vector<CaseFinding> findings;         // all

  bool clean() const {
    return listed_twice + leaking_subjects + leaking_files + leaking_aliases == 0;
  }
  std::string to_json() const;
  std::string to_text() const;
};

CaseAudit audit_cases(const std::vector<CaseRow>& rows, const ListedSplit& split,
                      const SubjectAliases* aliases = nullptr);

// A split that was made of the same rows.
CaseAudit audit_cases(const std::vector<CaseRow>& rows, const ListSplit& split,
                      const SubjectAliases* aliases = nullptr);

}  // namespace slicebank
