// A new index, built under a temporary name and put in its place when it is whole.
#pragma once

#include <filesystem>
#include <functional>

#include "store/internal/projection.h"
#include "store/internal/sqlite.h"

namespace slicebank {

// Makes `file`, which must not exist, and fills it by `body` inside one transaction.
// Durable when this returns; removed again when `body` throws.
void build_index(const std::filesystem::path& file,
                 const std::function<void(sqlite::Connection&, Projection&)>& body);

// Puts a built index in the place of another one. Its write-ahead log goes first: SQLite
// would replay it into the new file. Readers that have the old files open keep them.
void replace_index(const std::filesystem::path& built, const std::filesystem::path& file);

}  // namespace slicebank
