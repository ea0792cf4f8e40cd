// Searches in the clustered tables: sample ids by class, modality and dataset.
#pragma once

#include <vector>

#include "query/internal/sql_piece.h"

namespace slicebank {

// What holds of every sample an expression is asked about, because it stands beside it
// under the same AND. Mask and label rows carry both columns, so a search in them may be
// narrowed by it; what stands beside it leaves out the samples for which it matters.
struct SearchContext {
  std::vector<SqlPiece> modality;  // "= ?", "IN (?, ?)"
  std::vector<SqlPiece> dataset;
  bool few = false;       // a search for classes beside it leaves few samples
  bool very_few = false;  // a person, a volume or an id beside it does
};

// A search: a SELECT of sample ids for each table. Ids may repeat.
struct IdSearch {
  std::vector<SqlPiece> selects;

  SqlPiece joined() const;  // by UNION ALL
};

// Samples with a mask (or, with `labels`, a label above 0) for which `condition` over
// `_mask k` holds, narrowed by what else is known. Prefixes of the primary key (class,
// modality, dataset, sample) are searched: where `condition` does not begin at classes, or
// the modality is free, the few values in use are named.
IdSearch id_search(const SqlPiece& condition, bool labels, bool begins_at_classes,
                   const SearchContext& context);

}  // namespace slicebank
