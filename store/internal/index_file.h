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

// Puts a built index in the place of another one, whose write-ahead log must be gone by
// then: SQLite would replay it into the new file. With nobody else at the old index the
// change is atomic. Where readers have it open they keep their files, and for a moment
// there is no index; a crash in that moment is mended by building it again.
void replace_index(const std::filesystem::path& built, const std::filesystem::path& file);

}  // namespace slicebank
