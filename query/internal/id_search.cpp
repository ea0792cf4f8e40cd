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
  SqlPiece tail;
  const bool narrowed = !context.modality.empty() || !context.dataset.empty();
  for (const SqlPiece& facet : context.modality) tail << " AND k.modality_id " << facet;
  if (context.modality.empty() && !context.dataset.empty()) {
    tail << " AND k.modality_id IN (SELECT r.modality_id FROM _rollup_sample r)";
  }
  for (const SqlPiece& facet : context.dataset) tail << " AND k.dataset_id " << facet;

  IdSearch search;
  // To begin with the classes there are, so that the facets behind them narrow the search;
  // a class that has labels only is in no count of masks.
  const auto select = [&](const char* from, const char* classes) {
    SqlPiece piece(from);
    piece << condition;
    if (narrowed && !begins_at_classes) piece << " AND k.class_id IN " << classes;
    search.selects.push_back(piece << tail);
  };
  select("SELECT k.sample_id FROM _mask k WHERE ", "(SELECT r.class_id FROM _rollup_mask r)");
  if (labels) {
    select("SELECT k.sample_id FROM _label k WHERE k.value > 0 AND ",
           "(SELECT w.class_id FROM _raw_class w)");
  }
  return search;
}

}  // namespace slicebank
