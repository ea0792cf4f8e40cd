// The log of a bank: what each generation was, so that a selection can be had again as of
// one of them.
//
// Ids only grow and are never used again, so what was in the bank at a generation is the
// ids below its `next_sample` without those that a later one took out. Any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "schema/ids.h"

namespace slicebank {

class Bank;

// Values are stored on disk; only ever append.
enum class GenerationKind : std::uint8_t {
  insert = 1,  // samples, or anything else that a batch adds or changes
  erase,
  repair,  // `reindex` wrote down what was lost; numbers before it may be left out
  begin,   // where the log begins: all before it is one step
};

struct GenerationEntry {
  Generation generation{};
  GenerationKind kind = GenerationKind::insert;
  SampleId next_sample{};         // the first id not given out yet
  std::uint64_t samples = 0;      // in the bank once it was committed
  std::uint64_t removed = 0;      // samples that it took out
  std::int64_t committed_at = 0;  // seconds since 1970, UTC; never below the one before.
                                  // 0: not known (before the log of an older bank)

  friend bool operator==(const GenerationEntry&, const GenerationEntry&) = default;
};

// All entries, ascending. Empty for a bank that an older build wrote and no writer of
// this one has committed to.
std::vector<GenerationEntry> list_generations(const Bank& bank);

// A generation as it was, and how much of it is left.
struct PastGeneration {
  GenerationEntry entry;
  std::uint64_t removed_since = 0;  // of its `samples`, by later generations
};

// Error(not_found) for a generation that is still to come, lies before the log, or was lost;
// the message says which ones can be asked for.
PastGeneration past_generation(const Bank& bank, Generation generation);

// The last generation that was committed at that time or before. Error(not_found) when
// there is none, saying since when times are known.
Generation generation_at(const Bank& bank, std::int64_t utc_seconds);

// "7" is that generation; "2026-11-29" the last one of that day (UTC); "2026-11-29T14:30",
// with or without seconds and Z, the last one until then, that second or minute included.
// Error(bad_argument) for other words, Error(not_found) as above.
Generation find_generation(const Bank& bank, std::string_view text);

// "2026-11-29T14:30:00Z"
std::string utc_text(std::int64_t utc_seconds);

}  // namespace slicebank
