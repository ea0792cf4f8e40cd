#include "query/sql.h"

#include "query/selection.h"

namespace slicebank {

void run_sql(const Bank& bank, const std::string& sql, GuardOptions options,
             const std::function<void(const std::vector<std::string>&)>& header,
             const std::function<bool(const std::vector<SqlValue>&)>& row) {
  options.find_samples = [&bank](const std::string& filter) {
    const Selection found = select_samples(bank, filter);
    return SampleMatches{IdSet(found.ids()), found.generation()};
  };
  run_guarded_sql(bank, sql, options, header, row);
}

}  // namespace slicebank
