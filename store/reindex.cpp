#include "store/reindex.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string>

#include "schema/error.h"
#include "store/catalog.h"
#include "store/internal/bank_state.h"
#include "store/internal/file_system.h"
#include "store/internal/generation_log.h"
#include "store/internal/index_file.h"
#include "store/internal/process.h"
#include "store/internal/projection_source.h"

namespace slicebank {
namespace {

constexpr const char* kBuiltName = "index.sqlite.new-";
constexpr std::uint32_t kLockWaitMs = 10'000;

// What the index that is to be replaced knew and the records may not.
struct OldIndex {
  Generation generation{};
  NextIds next;                // above every id it knew
  std::vector<SampleId> lost;  // rows with neither record nor deletion
};

// A damaged index may name any number; an id that far off was never given out.
constexpr std::uint64_t kIdsAheadMax = std::uint64_t{1} << 32;

void raise_to(std::uint64_t& mine, std::uint64_t theirs) {
  if (theirs > mine && theirs - mine <= kIdsAheadMax) mine = theirs;
}

// Ids the catalog knows to be gone.
std::vector<SampleId> removed_ids(const BankState& bank) {
  std::vector<SampleId> ids;
  const lmdb::ReadTransaction transaction(bank.records());
  transaction.scan(lmdb::Database::catalog, catalog::kind_prefix(catalog::Kind::removal),
                   [&](std::string_view key, Bytes value) {
                     const auto removal =
                         catalog::decode_removal(catalog::open(bank.file.uuid, key, value));
                     ids.insert(ids.end(), removal.ids.begin(), removal.ids.end());
                     return true;
                   });
  std::sort(ids.begin(), ids.end());
  return ids;
}

// Fills in what can be learned; an index that is damaged half way tells the other half.
void look_at(const BankState& bank, OldIndex& old) {
  const auto index = sqlite::Connection::open(bank.index_file(), sqlite::Purpose::read);
  const IndexPosition position = read_index_position(index);
  if (position.uuid != uuid_text(bank.file.uuid)) return;  // another bank's: says nothing
  old.generation = position.generation;
  const std::array<std::pair<std::uint64_t*, const char*>, 9> tables = {{
      {&old.next.sample, "_sample"},
      {&old.next.volume, "_volume"},
      {&old.next.subject, "_subject"},
      {&old.next.dataset, "_dataset"},
      {&old.next.bank_class, "_class"},
      {&old.next.import, "_import"},
      {&old.next.problem, "_problem"},
      {&old.next.split, "_split"},
      {&old.next.coverage_set, "_coverage_set"},
  }};
  for (const auto& [next, table] : tables) {
    const auto most = index.integer(std::string("SELECT max(id) FROM ") + table);
    *next = static_cast<std::uint64_t>(most) + 1;
  }
  const std::vector<SampleId> removed = removed_ids(bank);
  const lmdb::ReadTransaction transaction(bank.records());
  auto rows = index.prepare("SELECT id FROM _sample ORDER BY id");
  while (rows.step()) {
    const SampleId id{static_cast<std::uint64_t>(rows.integer(0))};
    if (transaction.record(id) || std::binary_search(removed.begin(), removed.end(), id)) continue;
    old.lost.push_back(id);
  }
}

OldIndex look_at_old_index(const BankState& bank) {
  OldIndex old;
  try {
    look_at(bank, old);
  } catch (const Error&) {
    // It is being replaced because something is wrong with it.
  }
  return old;
}

// Writes down what the records must not forget with the old index: ids that were given
// out, generations that were counted, samples that are lost. True when ids were raised.
bool repair_records(const BankState& bank, const OldIndex& old) {
  const BankPosition before = position_of(bank);
  BankPosition after = before;
  raise_to(after.next.sample, old.next.sample);
  raise_to(after.next.volume, old.next.volume);
  raise_to(after.next.subject, old.next.subject);
  raise_to(after.next.dataset, old.next.dataset);
  raise_to(after.next.bank_class, old.next.bank_class);
  raise_to(after.next.import, old.next.import);
  raise_to(after.next.problem, old.next.problem);
  raise_to(after.next.split, old.next.split);
  raise_to(after.next.coverage_set, old.next.coverage_set);
  const bool raised = !(after.next == before.next);

  catalog::Removal lost;
  lost.reason = catalog::RemovalReason::lost;
  lost.ids = old.lost;
  std::erase_if(lost.ids, [&](SampleId id) { return raw(id) >= before.next.sample; });
  if (!raised && lost.ids.empty() && old.generation <= before.generation) return false;

  const std::uint64_t newest = std::max(raw(before.generation), raw(old.generation));
  after.previous_token = before.token;
  after.token = random_token();
  catalog::Removal skipped;
  skipped.reason = catalog::RemovalReason::skipped;
  skipped.first = SampleId{before.next.sample};
  skipped.end = SampleId{after.next.sample};
  // Two entries need two generations, so that each has a key of its own.
  lost.generation = Generation{newest + 1};
  skipped.generation = Generation{newest + 2};
  after.generation = skipped.generation;
  const BankUuid& uuid = bank.file.uuid;
  const std::vector<CatalogEntry> log = next_log_entries(
      bank, before, after, {.kind = GenerationKind::repair, .missing = lost.ids.size()});
  lmdb::update(bank.records(), [&](lmdb::WriteTransaction& transaction) {
    for (const auto& [key, payload] : log) {
      transaction.put(lmdb::Database::catalog, key, catalog::seal(uuid, key, payload));
    }
    for (const catalog::Removal* each : {&lost, &skipped}) {
      if (each->ids.empty() && each->first == each->end) continue;
      const auto key = catalog::id_key(catalog::Kind::removal, raw(each->generation));
      transaction.put(lmdb::Database::catalog, key,
                      catalog::seal(uuid, key, catalog::encode(*each)));
    }
    CommittedBatch batch;
    batch.kind = BatchKind::repair;
    write_batch(transaction, uuid, batch);
    write_position(transaction, uuid, after);
  });
  return raised;
}

// Unfinished indices of a reindex that was cut short.
void remove_leftovers(const std::filesystem::path& bank) {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(bank, ignored)) {
    if (entry.path().filename().string().starts_with(kBuiltName)) {
      std::filesystem::remove(entry.path(), ignored);
    }
  }
}

}  // namespace

ReindexReport reindex(const std::filesystem::path& bank,
                      const std::function<void(std::uint64_t, std::uint64_t)>& progress) {
  std::error_code failed;
  const auto path = std::filesystem::canonical(bank, failed);
  if (failed) throw Error(ErrorCode::not_found, "there is no bank at " + bank.string());
  read_bank_file(path);
  const WriterLock lock(path, kLockWaitMs);
  const auto state = open_records(path, true, true);
  remove_leftovers(path);

  ReindexReport report;
  const OldIndex old = look_at_old_index(*state);
  report.dropped_rows = old.lost;
  report.raised_next_id = repair_records(*state, old);

  const auto built = path / (kBuiltName + std::to_string(::getpid()));
  build_index(built, [&](sqlite::Connection& connection, Projection& projection) {
    const lmdb::ReadTransaction transaction(state->records());
    ProjectionSource source;
    source.progress = progress;
    source.damaged_record = [&](SampleId id, const Error&) { report.damaged.push_back(id); };
    report.samples = project_all(connection, projection, transaction, state->file.uuid, source);
    projection.set_position(state->file.uuid, read_position(transaction, state->file.uuid));
  });
  replace_index(built, state->index_file());
  return report;
}

}  // namespace slicebank
