// Train/val/test by ratio, or k folds: grouped so that nobody stands on two sides, and
// stratified over many labels at once. Deterministic by seed, stable when data are added.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "query/selection.h"
#include "query/split_aliases.h"
#include "store/split_data.h"

namespace slicebank {

enum class SplitGroup {
  subject,  // a person, aliases joined; samples with equal pixels are joined too
  volume,
  sample,
};

// What of a label is spread over the sides.
enum class SplitWeight {
  samples,   // in how many samples it stands
  masks,     // how many masks it has; a label of the whole image counts as one
  pixels,    // their area; a label of the whole image counts as one pixel
  presence,  // in how many groups it stands
};

// Samples whose groups make up one side, whatever the ratios say: a held-out dataset, site
// or scanner, by any filter.
struct HeldOut {
  std::string side;
  std::vector<SampleId> samples;
};

struct SplitOptions {
  std::string name;
  std::vector<std::pair<std::string, double>> ratios;  // {"train", .8}, ...; any positive sum
  unsigned folds = 0;                                  // instead of ratios: fold0 ... foldK-1
  SplitGroup group = SplitGroup::subject;
  std::vector<std::string> stratify;  // class, modality, sequence, dataset, region
  std::uint64_t seed = 0;
  bool honour_official = false;     // groups with an official split keep it (train/val/test)
  bool join_equal_pixels = true;    // the same image under two names counts as one group
  const SplitData* keep = nullptr;  // groups placed there keep their side

  SplitWeight weight = SplitWeight::samples;
  // Behaviour: instead of ratios and folds, a side for each dataset, modality or sequence
  // (the word is given here), so that each can be left out in turn.
  std::string leave_out;
  // Behaviour: their sides hold their groups and no others; the rest is divided by the
  // other sides' ratios. The side need not be named in `ratios`.
  std::vector<HeldOut> held_out;
  // Behaviour: of `keep`, only these sides are kept, closed as if held out; the others are
  // drawn anew. Empty: all are kept, and grow.
  std::vector<std::string> keep_sides;
  const SubjectAliases* aliases = nullptr;  // joined with the bank's own; lives for the call
};

struct SplitBalance {
  std::string label;           // "class=liver", "modality=CT", or "samples"
  std::uint64_t total = 0;     // on all sides but closed ones
  std::vector<double> wanted;  // a side; what it got where it is closed
  std::vector<std::uint64_t> got;
  double deviation = 0;  // largest |got - wanted| / total over the sides
  double tolerance = 0;  // what the grouping allows: the largest group's share of total. For
                         // one label alone some assignment always stays within it, and where
                         // a single group has the label none does much better
                         // (docs/splits.md). A deviation above it is marked in the report
};

struct SplitReport {
  std::vector<std::string> sides;
  std::vector<bool> closed;            // a side: held out, or kept as it was
  std::vector<std::uint64_t> groups;   // a side
  std::vector<std::uint64_t> samples;  // a side
  std::vector<SplitBalance> balances;  // "samples" first, then by label
  double deviation_mean = 0;
  double deviation_worst = 0;
  std::uint64_t groups_joined_by_pixels = 0;  // joins that equal pixels made
  std::uint64_t groups_kept = 0;              // placed by `keep` or their official split
  std::uint64_t groups_in_conflict = 0;       // of those, called to more than one side

  std::string to_json() const;
  static SplitReport from_json(const std::string& text);  // Error(bad_format)
  std::string to_text() const;                            // a table for people
  // A picture: for each label (the `labels_max` that are off the most, then by name) a bar
  // of what every side got, with a mark where it should end. Self-contained SVG 1.1.
  std::string to_svg(std::size_t labels_max = 80) const;
};

struct Split {
  SplitData data;
  SplitReport report;
};

// Reads the bank (the index; and an image where equal pixels may be blank) and writes
// nothing. The result follows from the names and counts of what is selected, from the
// options and the seed, and not from ids or the order in which data came in.
//
// A group that `keep` or official splits call to several sides (an alias or equal pixels
// joined it) goes whole to the one of them that comes first in the list of sides: name
// train first, and nothing that was trained on is ever tested on. `keep` is stronger than
// an official split.
//
// Throws Error(bad_argument) for ratios or names that make no sense, more folds than groups,
// an unknown word in `stratify`, a side of `keep` that is not in the list, or an empty
// selection; Error(not_found) when a selected sample is gone.
Split make_split(const Selection& selection, const SplitOptions& options);

// Makes it and saves it by name (takes the writer lock for a moment).
Split create_split(const Selection& selection, const SplitOptions& options);

// Repeated k folds, or the same ratios over again: `repeats` splits with seeds drawn from
// options.seed, named NAME-1, NAME-2, ... The first has options.seed itself.
std::vector<Split> make_repeats(const Selection& selection, const SplitOptions& options,
                                unsigned repeats);

// Saves splits in one commit (takes the writer lock for a moment); fills in their ids.
void save_splits(const Bank& bank, std::vector<Split>& splits);

// One side of a saved split, ascending ids. "main:train"; Error(not_found) names the
// nearest split or side.
Selection split_side(const Bank& bank, const std::string& split_and_side);

}  // namespace slicebank
