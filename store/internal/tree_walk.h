// A bounds-checked look at an LMDB file, by pread, before LMDB itself follows its
// pointers: LMDB trusts its file and has no checksums.
//
// LMDB format 1 as 0.9.x writes it on a 64-bit little-endian machine, no duplicates.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

namespace slicebank {

struct TreeWalkOptions {
  std::uint64_t transaction = 0;      // the snapshot to walk; 0: the newest
  bool check_overflow_heads = false;  // one more read for each large value
};

struct TreeWalkReport {
  std::uint64_t transaction = 0;
  std::uint64_t records = 0;  // entries of the database "records"
  std::uint64_t pages_reached = 0;
  std::uint64_t pages_free = 0;
};

// Reads every meta, branch and leaf page of one snapshot. Throws Error(corrupt) naming
// file, page and reason for anything that is not as LMDB writes it. The caller must keep
// the snapshot from being overwritten: by a read transaction, or by the writer lock.
// Nothing when later commits have already replaced the meta page of the one asked for.
std::optional<TreeWalkReport> walk_tree(const std::filesystem::path& file,
                                        const TreeWalkOptions& options = {});

// Looks at the two meta pages and the length of the file only. True when the file holds
// every page up to the last one in use; false when it is shorter, which a walk must
// judge. Throws Error(corrupt), Error(wrong_version) for another page size or format.
bool check_meta_pages(const std::filesystem::path& file);

}  // namespace slicebank
