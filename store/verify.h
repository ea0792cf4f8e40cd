// Compares what is there with what should be. Never changes anything.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "schema/ids.h"

namespace slicebank {

// 1 structure: tree walk, SQLite integrity, generations, counts · 2 and every record
// hash, rows against records in both directions · 3 and every pixel and mask decoded,
// content hashes, boxes and areas computed again.
enum class VerifyLevel : int { structure = 1, hashes = 2, decode = 3 };

struct VerifyFinding {
  std::string kind;   // "corrupt-record", "row-without-record", "record-without-row", ...
  SampleId sample{};  // 0 when it is not about one
  std::string message;
};

struct VerifyReport {
  VerifyLevel level = VerifyLevel::structure;
  std::uint64_t records = 0;
  std::uint64_t rows = 0;
  std::uint64_t bytes = 0;
  std::uint64_t findings_total = 0;
  std::vector<VerifyFinding> findings;  // the first 1000
  std::vector<std::string> notes;       // what was seen and is no damage

  bool sound() const { return findings_total == 0; }
};

// Error(not_found), Error(wrong_version) as Bank::open; damage becomes findings. Level 2
// and 3 make the whole index once more in a temporary file (SQLITE_TMPDIR) to compare
// with. A writer beside it may go on; the record file keeps its old pages meanwhile.
// `progress` must not use the bank.
VerifyReport verify(const std::filesystem::path& bank, VerifyLevel level,
                    const std::function<void(std::uint64_t, std::uint64_t)>& progress = {});

}  // namespace slicebank
