// Splits of a list of cases: a dataset of which only the lists are here, or a plan made
// before anything is imported. The same rules and the same solver as for a bank.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "query/split.h"

namespace slicebank {

// One case of a list: a scan or an image.
struct CaseRow {
  std::string dataset;
  std::string subject;  // the dataset's id of the person
  std::string key;      // unique in the dataset; a path, a volume's name
  std::string file;     // of the image; equal files are equal pixels. May be empty
  std::string modality;
  std::string official_split;
  std::vector<std::string> classes;
};

// Who is the same person: subjects joined by aliases and by equal files. Numbers count
// from 0 in the order of the rows.
struct CasePersons {
  std::vector<std::uint32_t> subject_of;  // a row
  std::vector<std::uint32_t> person_of;   // a subject
  std::vector<std::uint32_t> file_of;     // a row: equal numbers, equal files
  std::uint64_t joined_by_files = 0;      // joins that aliases had not made
};
CasePersons persons_of(const std::vector<CaseRow>& rows, const SubjectAliases* aliases,
                       bool join_equal_files = true);

struct ListSplit {
  std::vector<std::string> sides;
  std::vector<std::uint16_t> members;  // a row: its side
  SplitReport report;
};

struct ListPlan {
  SplitOptions options;
  // A row: the side it had in an earlier split, or empty; heeded as `keep` is, with
  // options.keep_sides. No rows at all: nothing is kept.
  std::vector<std::string> kept;
  std::vector<std::pair<std::string, std::vector<std::size_t>>> held_out;  // a side, its rows
};

// As make_split(), over rows: a row counts as a sample and is its own volume. Throws
// Error(bad_argument) as it does, and for what a list does not tell: stratify by region or
// sequence, leave_out by sequence, weights by masks or pixels, and options.keep and
// options.held_out, which name samples.
ListSplit make_list_split(const std::vector<CaseRow>& rows, const ListPlan& plan);

// A line of CSV a row, dataset,subject,key,side, below a header: what read_split_lists()
// (query/audit_lists.h) reads back.
std::string list_split_csv(const std::vector<CaseRow>& rows, const ListSplit& split);

}  // namespace slicebank
