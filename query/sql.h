// The user's own SELECT with filters in it: run_guarded_sql() and the functions matches()
// and matching(). docs/query_language.md, "In SQL".
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "store/bank.h"
#include "store/guarded_sql.h"

namespace slicebank {

// As run_guarded_sql(); `options.find_samples` is set here. A filter that is not understood
// is a QueryError whose text() is the filter's.
void run_sql(const Bank& bank, const std::string& sql, GuardOptions options,
             const std::function<void(const std::vector<std::string>&)>& header,
             const std::function<bool(const std::vector<SqlValue>&)>& row);

}  // namespace slicebank
