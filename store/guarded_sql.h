// The user's own SELECT on the documented views: read-only, bounded, interruptible.
//
// Own connection with SQLITE_OPEN_READONLY, DEFENSIVE, no trusted schema, no extensions;
// an authorizer that allows SELECT, READ, RECURSIVE and a list of functions; one
// statement, and it must be read-only; lowered limits; a deadline.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "store/select.h"

namespace slicebank {

class Bank;

struct GuardOptions {
  std::chrono::milliseconds deadline{60'000};
  std::uint64_t rows_max = 1'000'000'000;
  std::uint64_t heap_bytes_max = 0;  // process-wide; 0 leaves it. The command sets it
  std::stop_token stop;
};

// Calls `header` once with the column names, then `row` for every row until it returns
// false. Throws QueryError for a statement that cannot be understood or is not allowed,
// Error(interrupted) at the deadline or a stop, Error(limit) past rows_max.
void run_guarded_sql(const Bank& bank, const std::string& sql, const GuardOptions& options,
                     const std::function<void(const std::vector<std::string>&)>& header,
                     const std::function<bool(const std::vector<SqlValue>&)>& row);

}  // namespace slicebank
