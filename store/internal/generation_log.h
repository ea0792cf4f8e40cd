// What a writer adds to the log of generations with each batch. store/generations.h reads it.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "store/catalog.h"
#include "store/internal/bank_state.h"
#include "store/internal/state.h"

namespace slicebank {

// What a batch does to the samples.
struct SampleChange {
  GenerationKind kind = GenerationKind::insert;
  std::uint64_t added = 0;
  std::uint64_t erased = 0;   // records it erases
  std::uint64_t missing = 0;  // records found to be gone already
};

using CatalogEntry = std::pair<std::string, catalog::Payload>;  // key, payload

// The catalog entry of a bank's first state, and of a batch that makes `target` out of
// `before`: one, or two where the log of an older bank begins with it. Reads the record
// file; the caller holds the writer lock and no transaction.
CatalogEntry first_log_entry(const BankPosition& position);
std::vector<CatalogEntry> next_log_entries(const BankState& bank, const BankPosition& before,
                                           const BankPosition& target, const SampleChange& change);

}  // namespace slicebank
