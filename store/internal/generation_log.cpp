#include "store/internal/generation_log.h"

#include <algorithm>
#include <chrono>

namespace slicebank {
namespace {

std::int64_t now_seconds() {
  using namespace std::chrono;
  return duration_cast<seconds>(system_clock::now().time_since_epoch()).count();
}

CatalogEntry stored(const GenerationEntry& entry) {
  return {catalog::id_key(catalog::Kind::generation, raw(entry.generation)),
          catalog::encode(entry)};
}

}  // namespace

CatalogEntry first_log_entry(const BankPosition& position) {
  return stored({position.generation, GenerationKind::begin, SampleId{position.next.sample}, 0, 0,
                 std::max<std::int64_t>(now_seconds(), 0)});
}

std::vector<CatalogEntry> next_log_entries(const BankState& bank, const BankPosition& before,
                                           const BankPosition& target, const SampleChange& change) {
  std::vector<CatalogEntry> entries;
  const lmdb::ReadTransaction transaction(bank.records());
  const std::uint64_t samples = transaction.entries(lmdb::Database::records);
  const auto last =
      read_catalog(transaction, bank.file.uuid,
                   catalog::id_key(catalog::Kind::generation, raw(before.generation)));
  std::int64_t last_seconds = 0;
  if (last) {
    last_seconds = catalog::decode_generation(*last).committed_at;
  } else {
    entries.push_back(stored(
        {before.generation, GenerationKind::begin, SampleId{before.next.sample}, samples, 0, 0}));
  }
  entries.push_back(stored({target.generation, change.kind, SampleId{target.next.sample},
                            samples + change.added - change.erased, change.erased + change.missing,
                            std::max(now_seconds(), last_seconds)}));
  return entries;
}

}  // namespace slicebank
