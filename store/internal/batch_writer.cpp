#include "store/internal/batch_writer.h"

#include <sys/statvfs.h>

#include <algorithm>
#include <cassert>
#include <functional>
#include <set>
#include <utility>

#include "schema/error.h"
#include "store/internal/generation_log.h"
#include "store/internal/migrate.h"
#include "store/record.h"

namespace slicebank {
namespace {

constexpr std::size_t kFactsMax = 1u << 16;

sqlite::Connection open_index(const BankState& bank, bool bulk) {
  sqlite::Connection index = sqlite::Connection::open(bank.index_file(), sqlite::Purpose::write);
  // A commit is synced either way; a bulk load moves the log into the file less often.
  if (bulk) index.execute("PRAGMA wal_autocheckpoint = 16384; PRAGMA cache_size = -262144");
  sqlite::Transaction transaction(index);
  if (migrate_index(index)) Projection(index).fill_facets();
  transaction.commit();
  return index;
}

std::vector<SampleId> pending_deletes(const sqlite::Connection& index) {
  std::vector<SampleId> ids;
  auto rows = index.prepare("SELECT sample_id FROM _pending_delete ORDER BY sample_id");
  while (rows.step()) ids.push_back(SampleId{static_cast<std::uint64_t>(rows.integer(0))});
  return ids;
}

}  // namespace

void check_recoverable(const BankState& bank, const IndexPosition& index,
                       const BankPosition& records, BatchKind last_batch) {
  const auto refuse = [&](const std::string& why) {
    return Error(ErrorCode::needs_reindex, bank.index_file().string() + " " + why,
                 "run `slicebank reindex " + bank.path.string() + "`");
  };
  if (index.uuid != uuid_text(bank.file.uuid)) throw refuse("belongs to another bank");
  const std::uint64_t rows = raw(index.generation);
  const std::uint64_t kept = raw(records.generation);
  if (rows > kept || kept - rows > 1) {
    throw refuse("is at generation " + std::to_string(rows) + ", the records at " +
                 std::to_string(kept));
  }
  const bool same = rows == kept;
  if (index.token != (same ? records.token : records.previous_token)) {
    throw refuse("and the records come from two histories of this bank");
  }
  if (!same && last_batch == BatchKind::repair) throw refuse("has not been rebuilt to the end");
}

BatchWriter::BatchWriter(std::shared_ptr<BankState> state, bool bulk)
    : state_(std::move(state)),
      index_(open_index(*state_, bulk)),
      projection_(std::make_unique<Projection>(index_)),
      position_(position_of(*state_)),
      next_(position_.next) {
  recover();
  next_ = position_.next;
}

BatchWriter::~BatchWriter() = default;

// Whatever goes wrong in `body` may have left LMDB or SQLite half way, so the writer is
// spent; the files are not: the next one recovers.
template <typename Body>
auto BatchWriter::guarded(const Body& body) {
  check_usable();
  spent_ = true;
  try {
    if constexpr (std::is_void_v<decltype(body())>) {
      body();
      spent_ = false;
    } else {
      auto result = body();
      spent_ = false;
      return result;
    }
  } catch (...) {
    try {
      state_->records().reopen();
    } catch (const std::exception&) {
      // The first error says more; readers will meet this one themselves.
    }
    throw;
  }
}

void BatchWriter::check_usable() const {
  if (!spent_) return;
  throw Error(ErrorCode::bad_argument, state_->path.string() + ": this writer has failed before",
              "open another one");
}

// Room for the batch twice: pages are copied on write, and rows come on top.
void BatchWriter::check_free_space() const {
  struct statvfs status {};
  if (::statvfs(state_->path.c_str(), &status) != 0) return;
  const std::uint64_t free = std::uint64_t{status.f_bavail} * status.f_frsize;
  const std::uint64_t needed = 2 * queued_bytes_ + (std::uint64_t{1} << 20);
  if (free >= needed) return;
  throw Error(ErrorCode::out_of_space,
              state_->path.string() + ": the disk has " + std::to_string(free >> 20) +
                  " MiB free and the next batch may need " + std::to_string(needed >> 20) +
                  "; what was committed before is safe",
              "free some space and run it again: it goes on where it stopped");
}

BankPosition BatchWriter::next_position() const {
  BankPosition target;
  target.generation = Generation{raw(position_.generation) + 1};
  target.previous_token = position_.token;
  target.token = random_token();
  target.next = next_;
  return target;
}

// --- The queue

std::optional<catalog::Payload> BatchWriter::entry(std::string_view key) const {
  if (const auto queued = entries_.find(key); queued != entries_.end()) return queued->second;
  const lmdb::ReadTransaction transaction(state_->records());
  const auto payload = read_catalog(transaction, state_->file.uuid, key);
  if (!payload) return std::nullopt;
  return catalog::Payload(payload->begin(), payload->end());
}

void BatchWriter::put(std::string key, catalog::Payload payload) {
  check_usable();
  if (catalog::kind_of(key) == catalog::Kind::volume) facts_.erase(VolumeId{catalog::id64_of(key)});
  entries_.insert_or_assign(std::move(key), std::move(payload));
}

void BatchWriter::erase(std::string key) {
  check_usable();
  entries_.insert_or_assign(std::move(key), std::nullopt);
}

std::vector<std::string> BatchWriter::keys(std::string_view prefix) const {
  std::set<std::string> found;
  {
    const lmdb::ReadTransaction transaction(state_->records());
    transaction.scan(lmdb::Database::catalog, prefix, [&](std::string_view key, Bytes) {
      found.emplace(key);
      return true;
    });
  }
  for (auto each = entries_.lower_bound(prefix);
       each != entries_.end() && each->first.compare(0, prefix.size(), prefix) == 0; ++each) {
    if (each->second) {
      found.insert(each->first);
    } else {
      found.erase(each->first);
    }
  }
  return {found.begin(), found.end()};
}

void BatchWriter::add(QueuedSample&& sample) {
  check_usable();
  queued_bytes_ += sample.record.size();
  samples_.push_back(std::move(sample));
}

VolumeFacts BatchWriter::facts_of(VolumeId volume) {
  if (const auto known = facts_.find(volume); known != facts_.end()) return known->second;
  const auto payload = entry(catalog::id_key(catalog::Kind::volume, raw(volume)));
  if (facts_.size() >= kFactsMax) facts_.clear();
  return facts_[volume] =
             volume_facts(payload ? std::optional<Bytes>(*payload) : std::nullopt, volume);
}

// --- Insert

CommitReport BatchWriter::commit(const Taxonomy& taxonomy) {
  check_usable();
  CommitReport report{position_.generation, samples_.size(), queued_bytes_};
  if (entries_.empty() && samples_.empty()) return report;
  return guarded([&] {
    check_free_space();
    state_->records().clear_stale_readers();
    const BankPosition target = next_position();
    for (auto& [key, payload] :
         next_log_entries(*state_, position_, target, {.added = samples_.size()})) {
      entries_.insert_or_assign(std::move(key), std::move(payload));
    }
    write_records(target);
    write_rows(target, taxonomy);
    position_ = target;
    entries_.clear();
    samples_.clear();
    queued_bytes_ = 0;
    report.generation = target.generation;
    return report;
  });
}

void BatchWriter::write_records(const BankPosition& target) {
  const BankUuid& uuid = state_->file.uuid;
  CommittedBatch batch;
  batch.first =
      position_.next.sample == target.next.sample ? SampleId{} : SampleId{position_.next.sample};
  batch.end = raw(batch.first) == 0 ? SampleId{} : SampleId{target.next.sample};
  for (const auto& [key, payload] : entries_) {
    if (catalog::is_projected(catalog::kind_of(key))) batch.touched.push_back(key);
  }
  lmdb::update(state_->records(), [&](lmdb::WriteTransaction& transaction) {
    for (const auto& [key, payload] : entries_) {
      if (payload) {
        transaction.put(lmdb::Database::catalog, key, catalog::seal(uuid, key, *payload));
      } else {
        transaction.erase(lmdb::Database::catalog, key);
      }
    }
    for (const QueuedSample& sample : samples_) {
      transaction.append_record(sample.info.id, sample.record);
    }
    write_batch(transaction, uuid, batch);
    write_position(transaction, uuid, target);
  });
}

void BatchWriter::write_rows(const BankPosition& target, const Taxonomy& taxonomy) {
  sqlite::Transaction transaction(index_);
  for (const auto& [key, payload] : entries_) {
    if (!catalog::is_projected(catalog::kind_of(key))) continue;
    projection_->entity(key, payload ? std::optional<Bytes>(*payload) : std::nullopt);
  }
  for (const QueuedSample& sample : samples_) {
    projection_->insert_sample(sample.info, sample.record.size(), facts_of(sample.info.volume_id));
  }
  projection_->finish(taxonomy);
  projection_->set_position(state_->file.uuid, target);
  transaction.commit();
}

// --- Delete

CommitReport BatchWriter::delete_samples(std::span<const SampleId> ids, const Taxonomy& taxonomy) {
  commit(taxonomy);
  std::vector<SampleId> gone(ids.begin(), ids.end());
  std::sort(gone.begin(), gone.end());
  gone.erase(std::unique(gone.begin(), gone.end()), gone.end());
  {
    const lmdb::ReadTransaction transaction(state_->records());
    std::erase_if(gone, [&](SampleId id) { return !transaction.record(id); });
  }
  CommitReport report{position_.generation, gone.size(), 0};
  if (gone.empty()) return report;
  return guarded([&] {
    {
      // The index forgets them first, so that no row ever names a record that is gone.
      sqlite::Transaction transaction(index_);
      for (const SampleId id : gone) {
        projection_->remove_sample(id);
        projection_->add_pending_delete(id);
      }
      projection_->finish(taxonomy);
      transaction.commit();
    }
    finish_delete(gone, taxonomy);
    report.generation = position_.generation;
    return report;
  });
}

void BatchWriter::finish_delete(const std::vector<SampleId>& ids, const Taxonomy& taxonomy) {
  const BankUuid& uuid = state_->file.uuid;
  state_->records().clear_stale_readers();
  const BankPosition target = next_position();
  catalog::Removal removal;
  removal.generation = target.generation;
  removal.ids = ids;
  const std::string key = catalog::id_key(catalog::Kind::removal, raw(target.generation));
  const std::vector<CatalogEntry> log = next_log_entries(
      *state_, position_, target, {.kind = GenerationKind::erase, .erased = ids.size()});
  CommittedBatch batch;
  batch.kind = BatchKind::erase;
  for (const auto& [log_key, payload] : log) batch.touched.push_back(log_key);
  lmdb::update(state_->records(), [&](lmdb::WriteTransaction& transaction) {
    for (const SampleId id : ids) transaction.erase_record(id);
    transaction.put(lmdb::Database::catalog, key,
                    catalog::seal(uuid, key, catalog::encode(removal)));
    for (const auto& [log_key, payload] : log) {
      transaction.put(lmdb::Database::catalog, log_key, catalog::seal(uuid, log_key, payload));
    }
    write_batch(transaction, uuid, batch);
    write_position(transaction, uuid, target);
  });
  sqlite::Transaction transaction(index_);
  projection_->clear_pending_deletes();
  for (const auto& [log_key, payload] : log) projection_->entity(log_key, payload);
  projection_->finish(taxonomy);
  projection_->set_position(uuid, target);
  transaction.commit();
  position_ = target;
}

// --- Recovery

void BatchWriter::recover() {
  CommittedBatch last;
  std::vector<ClassInfo> own;
  {
    const lmdb::ReadTransaction transaction(state_->records());
    last = read_batch(transaction, state_->file.uuid);
    own = own_classes(transaction, state_->file.uuid);
  }
  const IndexPosition index = read_index_position(index_);
  check_recoverable(*state_, index, position_, last.kind);
  const Taxonomy taxonomy = taxonomy_with(own);
  if (index.generation != position_.generation) roll_forward(taxonomy);
  if (index.taxonomy != Taxonomy::builtin_version()) {
    // A build with other names: rows of classes and regions follow, nothing else.
    sqlite::Transaction transaction(index_);
    projection_->rewrite_taxonomy();
    projection_->finish(taxonomy);
    projection_->set_position(state_->file.uuid, position_);
    transaction.commit();
  }
  if (const auto pending = pending_deletes(index_); !pending.empty()) {
    finish_delete(pending, taxonomy);
  }
}

// The rows of the last batch, from its records and catalog entries.
void BatchWriter::roll_forward(const Taxonomy& taxonomy) {
  const BankUuid& uuid = state_->file.uuid;
  sqlite::Transaction rows(index_);
  {
    const lmdb::ReadTransaction transaction(state_->records());
    const CommittedBatch batch = read_batch(transaction, uuid);
    if (batch.kind == BatchKind::erase) {
      const std::string key = catalog::id_key(catalog::Kind::removal, raw(position_.generation));
      const auto payload = read_catalog(transaction, uuid, key);
      if (payload) {
        for (const SampleId id : catalog::decode_removal(*payload).ids) {
          projection_->remove_sample(id);
        }
      }
      projection_->clear_pending_deletes();
    }
    for (const std::string& key : batch.touched) {
      projection_->entity(key, read_catalog(transaction, uuid, key));
    }
    std::map<VolumeId, VolumeFacts> facts;
    if (batch.first < batch.end) {
      transaction.scan_records(batch.first, [&](SampleId id, Bytes record) {
        if (id >= batch.end) return false;
        const SampleInfo info = decode_info(uuid, id, record);
        auto known = facts.find(info.volume_id);
        if (known == facts.end()) {
          known =
              facts.emplace(info.volume_id, volume_facts(transaction, uuid, info.volume_id)).first;
        }
        projection_->insert_sample(info, record.size(), known->second);
        return true;
      });
    }
  }
  projection_->finish(taxonomy);
  projection_->set_position(uuid, position_);
  rows.commit();
}

}  // namespace slicebank
