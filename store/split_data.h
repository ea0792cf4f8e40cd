// Splits and saved selections as they are kept in the catalog.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "schema/ids.h"

namespace slicebank {

class Bank;

// Named disjoint sides of a selection. `members[i]` is the side of `samples[i]`.
struct SplitData {
  SplitId id{};
  std::string name;
  std::string params_json;         // how it was made: ratios or folds, group, stratify, seed, query
  std::string report_json;         // its quality report
  Generation generation{};         // of the bank when it was made
  std::vector<std::string> sides;  // "train", "val", "test" or "fold0", ...
  std::vector<SampleId> samples;   // ascending
  std::vector<std::uint16_t> members;  // index into sides

  friend bool operator==(const SplitData&, const SplitData&) = default;
};

// A selection kept under a name: the ids, and the words that found them.
struct SavedSelection {
  std::string name;
  std::string query;
  Generation generation{};
  std::string fingerprint;        // hash of the ids, 32 hex digits
  std::vector<SampleId> samples;  // in the selection's order

  friend bool operator==(const SavedSelection&, const SavedSelection&) = default;
};

std::optional<SplitData> find_split(const Bank& bank, const std::string& name);
std::vector<SplitData> list_splits(const Bank& bank);  // without samples and members
std::optional<SavedSelection> find_saved_selection(const Bank& bank, const std::string& name);
std::vector<SavedSelection> list_saved_selections(const Bank& bank);  // without samples

}  // namespace slicebank
