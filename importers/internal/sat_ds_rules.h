// What SAT-DS knows of each of its datasets and writes down nowhere in its lists: which
// value of a mask is which label, which masks are stacks, what of a patient id is a person.
//
// The rules are data: importers/rules/sat_ds.json, compiled in. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "schema/sample.h"

namespace slicebank::sat_ds {

// How a person is read from a patient id, after a file's ending is taken off it.
struct PatientRule {
  std::vector<std::string> without;  // taken off its end, the first one that is there
  std::string before;                // what stands before the first of it
  std::string before_last;           // what stands before the last of it
  std::string path_part;             // the folder of the image that begins so, instead
};

struct DatasetRule {
  bool known = false;      // one of the rules; else the defaults of formats in general
  std::string region;      // of the dataset, as the taxonomy calls it
  std::size_t labels = 0;  // how many of a row's labels are in its mask; 0: all
  bool stack = false;      // the mask is 4-D and its first dimension is the label
  std::vector<std::vector<std::uint32_t>> values;  // by place; none: place + 1

  // By name, for lists that do not stand in the order of the values. Labels that are not
  // here are made by the loader.
  std::map<std::string, std::vector<std::uint32_t>> named;

  // Classes the loader makes of the first to the last label (places from 0) that no
  // parent of the taxonomy is equal to.
  std::map<std::string, std::pair<std::size_t, std::size_t>> merges;

  std::map<std::uint32_t, std::string> left_out;  // values that no list names, and what they are
  std::vector<std::string> channels;              // selectors behind an image, by their frame
  PatientRule patient;
  Licence licence{{}, "unknown", {}};  // SAT-DS itself names none
};

// Never fails: a dataset that nobody knows has the defaults.
const DatasetRule& rule_of(std::string_view dataset);

// Names of all datasets with a rule, ascending.
std::vector<std::string> known_datasets();

// Whether the two are known to show the same people.
bool same_people(const std::string& dataset, const std::string& other);

std::string source_url();
std::string citation();

// One class of a row, and where it is in the mask.
struct PlannedMask {
  std::string class_name;             // as the row writes it
  std::vector<std::uint32_t> values;  // of a label map; none: all but 0
  std::uint32_t component = 0;        // of a stack
  std::vector<std::size_t> parts{};   // of a class that is the union of others in a stack
};

// The masks of a row with these labels, base labels first. A label that stands there twice
// counts once.
std::vector<PlannedMask> plan_masks(const DatasetRule& rule,
                                    const std::vector<std::string>& labels);

// The person behind a row's patient id ("patient138_frame01.nii.gz" of ACDC is
// "patient138"). Never empty for an id that is not.
std::string person_of(const DatasetRule& rule, const std::string& patient_id,
                      const std::string& image_path);

// Whether an id ends as a file does.
bool is_file_name(std::string_view patient_id);

}  // namespace slicebank::sat_ds
