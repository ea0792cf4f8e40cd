// Answers a filter from the bank's facets: sets of ids that are joined and cut, without
// looking at a row. What facets cannot tell exactly they can often bound.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "query/filter.h"
#include "query/filter_sql.h"
#include "query/internal/filter_names.h"
#include "query/internal/presence.h"
#include "schema/ids.h"
#include "store/bank.h"
#include "store/facets.h"
#include "store/id_set.h"

namespace slicebank {

using IdSetPtr = std::shared_ptr<const IdSet>;

// Every sample that the filter finds is in `ids`; `exact`: and no other is.
struct FacetAnswer {
  IdSetPtr ids;
  bool exact = true;
};

// For one filter, of which all names are known to exist. Methods throw FacetsOutdated.
class FacetPlan {
 public:
  // All must outlive the plan.
  FacetPlan(const Bank& bank, const Facets& facets, const FilterNames& names,
            const std::string& text)
      : bank_(bank), facets_(facets), names_(names, text) {}

  FacetAnswer answer(const Filter& filter);

  // The same for the operands of the outermost AND one by one: `open` gets those that are
  // not settled. What is found are the samples of `ids` that satisfy them all.
  FacetAnswer answer(const Filter& filter, std::vector<FilterPtr>* open);

 private:
  // What is known of a condition on the masks of a cell.
  enum class Holds { no, yes, maybe };

  IdSetPtr everything() const { return facets_.samples(FacetKind::everything, 0); }
  FacetAnswer bound() const { return {everything(), false}; }
  FacetAnswer conjunction(const std::vector<FilterPtr>& operands, std::vector<FilterPtr>* open);
  FacetAnswer disjunction(const Filter& filter);
  FacetAnswer field(const Filter& leaf);
  FacetAnswer region(const Filter& leaf);
  FacetAnswer finding(const Filter& filter);
  FacetAnswer class_finding(const Filter& leaf);
  FacetAnswer cells(const Filter& condition);
  FacetAnswer presence(const Filter& filter);
  FacetAnswer split_side(const Filter& filter);

  Holds holds(const Filter& condition, const MaskCell& cell);
  Holds leaf_holds(const Filter& leaf, const MaskCell& cell);
  const std::vector<ClassId>& classes_of(const Filter& leaf);  // ascending

  std::vector<std::int64_t> codes(const std::string& sql, const SqlPiece& condition) const;
  IdSetPtr united(FacetKind kind, const std::vector<std::int64_t>& values) const;
  IdSetPtr of_subjects(const std::vector<std::int64_t>& subjects) const;
  IdSetPtr of_classes(const std::vector<std::int64_t>& classes) const;  // masks and labels
  IdSetPtr present(ClassId id) const;
  IdSetPtr looked_for(const CoverageNeed& need) const;

  const Bank& bank_;
  const Facets& facets_;
  NameResolver names_;
  std::unordered_map<const Filter*, std::vector<ClassId>> classes_;
};

}  // namespace slicebank
