#include "query/internal/id_search.h"

namespace slicebank {

SqlPiece IdSearch::joined() const {
  SqlPiece piece;
  for (std::size_t i = 0; i < selects.size(); ++i) {
    if (i > 0) piece << " UNION ALL ";
    piece << selects[i];
  }
  return piece;
}

IdSearch id_search(const SqlPiece& condition, bool labels, bool begins_at_classes,
                   const SearchContext& context) {
  SqlPiece tail = condition;
  const bool narrowed = !context.modality.empty() || !context.dataset.empty();
  if (narrowed && !begins_at_classes) {
    tail << " AND k.class_id IN (SELECT r.class_id FROM _rollup_mask r)";
  }
  for (const SqlPiece& facet : context.modality) tail << " AND k.modality_id " << facet;
  if (context.modality.empty() && !context.dataset.empty()) {
    tail << " AND k.modality_id IN (SELECT r.modality_id FROM _rollup_sample r)";
  }
  for (const SqlPiece& facet : context.dataset) tail << " AND k.dataset_id " << facet;

  IdSearch search;
  SqlPiece masks("SELECT k.sample_id FROM _mask k WHERE ");
  search.selects.push_back(masks << tail);
  if (labels) {
    SqlPiece positive("SELECT k.sample_id FROM _label k WHERE k.value > 0 AND ");
    search.selects.push_back(positive << tail);
  }
  return search;
}

}  // namespace slicebank
