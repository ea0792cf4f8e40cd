// Feeds a Projection with everything a bank has: what reindex keeps and verify compares.
#pragma once

#include <cstdint>
#include <functional>

#include "schema/error.h"
#include "store/internal/bank_state.h"
#include "store/internal/projection.h"

namespace slicebank {

struct ProjectionSource {
  // Called for each record that cannot be read; it gets no row. Throws to stop.
  std::function<void(SampleId, const Error&)> damaged_record;
  // Called for each record before its row is made. May be empty.
  std::function<void(SampleId, Bytes, const SampleInfo&)> record;
  std::function<void(std::uint64_t done, std::uint64_t total)> progress;
};

// All rows, as of the snapshot. `connection` is empty but for its tables. Returns how
// many samples got rows.
std::uint64_t project_all(sqlite::Connection& connection, Projection& projection,
                          const lmdb::ReadTransaction& transaction, const BankUuid& bank,
                          const ProjectionSource& source);

}  // namespace slicebank
