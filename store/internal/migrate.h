// The schema of index.sqlite and its version.
#pragma once

#include "store/internal/sqlite.h"

namespace slicebank {

// "SLBK", as SQLite's application_id: file(1) and we know an index by it.
inline constexpr int kIndexApplicationId = 0x534c424b;

// How many migrations this build knows: the user_version it writes.
int index_version();

// Brings an index, also an empty one, to index_version(), inside one transaction of the
// caller. Error(wrong_version) for a newer one, Error(needs_reindex) when the file is no
// index of ours. True when there were rows before there were facets: the caller fills them.
bool migrate_index(sqlite::Connection& connection);

// What the planner goes by. migrate_index() writes it; so must who drops indices and makes
// them again, with which it goes.
void write_plan_statistics(sqlite::Connection& connection);

// For readers: the same checks, no change. What an older index lacks, readers do without;
// one that is too old for that is Error(needs_reindex).
void check_index_version(const sqlite::Connection& connection);

}  // namespace slicebank
