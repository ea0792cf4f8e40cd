// The names of a bank that filters are resolved against.
#pragma once

#include <memory>

#include "query/filter_sql.h"
#include "schema/taxonomy.h"
#include "store/bank.h"

namespace slicebank {

// FilterNames with what they borrow.
struct BankNames {
  std::shared_ptr<const Taxonomy> taxonomy;
  FilterNames names;  // names.taxonomy == taxonomy.get()
};

BankNames load_names(const Bank& bank);

}  // namespace slicebank
