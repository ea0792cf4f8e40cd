// Whether a split leaks: the same person or the same pixels on two sides.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "query/audit_lists.h"
#include "query/split_aliases.h"
#include "schema/ids.h"
#include "store/bank.h"
#include "store/split_data.h"

namespace slicebank {

struct AuditFinding {
  std::string kind;  // "subject", "alias", "pixels", "near"
  std::string message;
  std::vector<std::string> sides;  // on which it stands
  std::vector<SampleId> samples;   // a few of each side
};

struct AuditReport {
  std::string split;
  std::uint64_t samples = 0;
  std::uint64_t leaking_subjects = 0;
  std::uint64_t leaking_aliases = 0;   // persons of several names, taken together
  std::uint64_t leaking_images = 0;    // sets of equal pixels that cross sides; a blank image,
                                       // of one value alone, says nothing and is left out
  std::uint64_t leaking_near = 0;      // pairs of persons with near duplicates on two sides
  std::uint64_t unassigned = 0;        // samples of the bank the split does not hold
  std::vector<AuditFinding> findings;  // the first 1000

  bool clean() const {
    return leaking_subjects + leaking_aliases + leaking_images + leaking_near == 0;
  }
};

struct AuditOptions {
  const SubjectAliases* aliases = nullptr;  // joined with the bank's own
  // Behaviour: near duplicates too (audit_near.h), at this distance. Decodes every image.
  std::optional<unsigned> near_distance;
};

AuditReport audit_split(const Bank& bank, const SplitData& split, const AuditOptions& options = {});

// A split file's sides in this bank. A sample on two of them stands on the one that the file
// names first; `listed_twice` has the names.
struct PlacedSplit {
  SplitData split;
  std::vector<ListPlaces::Twice> listed_twice;
  std::uint64_t unmatched = 0;  // names that no sample answers to
  std::vector<std::string> unmatched_names;
};
PlacedSplit place_split(const Bank& bank, const ListedSplit& listed);

// The split that came with the data (volumes' official_split), as a SplitData: train, val
// and test under any of their spellings, other words as they are.
SplitData official_split(const Bank& bank);

struct DuplicateImages {
  std::vector<SampleId> samples;  // two or more with equal pixels
};
// Sets of equal images anywhere in the bank, at most `limit`, largest first; blank ones
// are left out.
std::vector<DuplicateImages> duplicate_images(const Bank& bank, std::size_t limit = 1000);

}  // namespace slicebank
