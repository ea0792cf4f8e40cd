// The user's own SELECT on the documented views: read-only, bounded, interruptible.
//
// Own connection with SQLITE_OPEN_READONLY, DEFENSIVE, no trusted schema, no extensions;
// an authorizer that allows SELECT, READ, RECURSIVE and a list of functions; one
// statement, and it must be read-only; lowered limits; a deadline.
//
// Where the caller can answer filters, two functions do so inside of SQL, as fast as a query:
//   matches(sample_id, 'modality = ''CT''')    1 where the sample satisfies the filter
//   matching('class = ''liver''')              a table of id and subject_id of those that do
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "schema/ids.h"
#include "store/id_set.h"
#include "store/select.h"

namespace slicebank {

class Bank;

// The samples that a filter finds, and the generation in which it does.
struct SampleMatches {
  IdSet ids;
  Generation generation{};
};

struct GuardOptions {
  std::chrono::milliseconds deadline{60'000};
  std::uint64_t rows_max = 1'000'000'000;
  std::uint64_t heap_bytes_max = 0;  // process-wide; 0 leaves it. The command sets it
  std::stop_token stop;
  // Answers a filter for the functions matches() and matching(), which are there when this
  // is: run_sql() of query/sql.h gives it. Called by the thread of run_guarded_sql(); what
  // it asks of the bank is held to the same deadline.
  std::function<SampleMatches(const std::string& filter)> find_samples;
};

// Calls `header` once with the column names, then `row` for every row until it returns
// false. Throws QueryError for a statement that cannot be understood or is not allowed,
// Error(interrupted) at the deadline or a stop, Error(limit) past rows_max. Error(locked)
// when commits come in between a filter and the rows again and again.
void run_guarded_sql(const Bank& bank, const std::string& sql, const GuardOptions& options,
                     const std::function<void(const std::vector<std::string>&)>& header,
                     const std::function<bool(const std::vector<SqlValue>&)>& row);

}  // namespace slicebank
