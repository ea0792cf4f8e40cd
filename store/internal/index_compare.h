// Two indices, table by table.
#pragma once

#include <functional>
#include <string>

#include "schema/ids.h"
#include "store/internal/sqlite.h"

namespace slicebank {

struct IndexDifference {
  std::string kind;   // "row-without-record", "record-without-row", "row-differs", "index-differs"
  SampleId sample{};  // 0 when the row is not about one
  std::string message;
};

// Calls `visit` for each row that only one of them has, or that differs. Both are walked
// in the order of their primary keys, so that memory does not grow with them.
void compare_indices(const sqlite::Connection& expected, const sqlite::Connection& kept,
                     const std::function<void(const IndexDifference&)>& visit);

}  // namespace slicebank
