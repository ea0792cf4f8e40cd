// Train/val/test by ratio, or k folds: grouped so that nobody stands on two sides, and
// stratified over many labels at once. Deterministic by seed, stable when data are added.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "query/selection.h"
#include "store/split_data.h"

namespace slicebank {

enum class SplitGroup {
  subject,  // a person, aliases joined; samples with equal pixels are joined too
  volume,
  sample,
};

struct SplitOptions {
  std::string name;
  std::vector<std::pair<std::string, double>> ratios;  // {"train", .8}, ...; any positive sum
  unsigned folds = 0;                                  // instead of ratios: fold0 ... foldK-1
  SplitGroup group = SplitGroup::subject;
  std::vector<std::string> stratify;  // class, modality, sequence, dataset, region
  std::uint64_t seed = 0;
  bool honour_official = false;     // samples with an official split keep it (train/val/test)
  bool join_equal_pixels = true;    // the same image under two names counts as one group
  const SplitData* keep = nullptr;  // groups placed there keep their side
};

struct SplitBalance {
  std::string label;  // "class=liver", "modality=CT", or "samples"
  std::uint64_t total = 0;
  std::vector<double> wanted;  // a side
  std::vector<std::uint64_t> got;
  double deviation = 0;  // largest |got - wanted| / total over the sides
  double tolerance = 0;  // what the grouping allows: half the largest group / total, at least
                         // one sample; a deviation above it is marked in the report
};

struct SplitReport {
  std::vector<std::string> sides;
  std::vector<std::uint64_t> groups;   // a side
  std::vector<std::uint64_t> samples;  // a side
  std::vector<SplitBalance> balances;  // "samples" first, then by label
  double deviation_mean = 0;
  double deviation_worst = 0;
  std::uint64_t groups_joined_by_pixels = 0;

  std::string to_json() const;
  std::string to_text() const;  // a table for people
};

struct Split {
  SplitData data;
  SplitReport report;
};

// Pure but for reading the index. Throws Error(bad_argument) for ratios that make no
// sense, more folds than groups, or an unknown word in `stratify`.
Split make_split(const Selection& selection, const SplitOptions& options);

// Makes it and saves it by name (takes the writer lock for a moment).
Split create_split(const Selection& selection, const SplitOptions& options);

// One side of a saved split, ascending ids. "main:train"; Error(not_found) names the
// nearest split or side.
Selection split_side(const Bank& bank, const std::string& split_and_side);

}  // namespace slicebank
