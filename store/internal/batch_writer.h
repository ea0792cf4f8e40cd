// The write protocol: records and catalog first, then rows, then the acknowledgement.
// docs/format-bank.md, "Write order". writer.cpp says what is written, this file how.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "store/catalog.h"
#include "store/internal/bank_state.h"
#include "store/internal/projection.h"
#include "store/internal/sqlite.h"
#include "store/internal/state.h"
#include "store/writer.h"

namespace slicebank {

struct QueuedSample {
  SampleInfo info;
  std::vector<std::byte> record;
};

// The caller holds the writer lock, for longer than this lives.
class BatchWriter {
 public:
  // Opens the index for writing and brings it to the records' generation.
  BatchWriter(std::shared_ptr<BankState> state, bool bulk);
  ~BatchWriter();
  BatchWriter(const BatchWriter&) = delete;
  BatchWriter& operator=(const BatchWriter&) = delete;

  // Ids that the next entities get. What is taken here becomes durable with the batch.
  NextIds& next() { return next_; }
  const BankPosition& position() const { return position_; }

  // The payload of a catalog entry, queued or committed.
  std::optional<catalog::Payload> entry(std::string_view key) const;
  void put(std::string key, catalog::Payload payload);
  void erase(std::string key);
  // Keys that begin with `prefix`, queued or committed, ascending.
  std::vector<std::string> keys(std::string_view prefix) const;

  // Error(corrupt) when there is no such volume.
  VolumeFacts facts_of(VolumeId volume);

  void add(QueuedSample&& sample);
  std::uint64_t queued_bytes() const { return queued_bytes_; }

  // What is queued becomes durable, wholly or not at all.
  CommitReport commit(const Taxonomy& taxonomy);
  CommitReport delete_samples(std::span<const SampleId> ids, const Taxonomy& taxonomy);

  // Moves the write-ahead log into the index, as far as readers allow.
  void checkpoint() const { index_.checkpoint(); }

 private:
  template <typename Body>
  auto guarded(const Body& body);
  void check_usable() const;
  void check_free_space() const;
  BankPosition next_position() const;
  void recover();
  void roll_forward(const Taxonomy& taxonomy);
  void finish_delete(const std::vector<SampleId>& ids, const Taxonomy& taxonomy);
  void write_records(const BankPosition& target);
  void write_rows(const BankPosition& target, const Taxonomy& taxonomy);

  std::shared_ptr<BankState> state_;
  sqlite::Connection index_;
  std::unique_ptr<Projection> projection_;
  BankPosition position_;
  NextIds next_;
  bool spent_ = false;

  std::map<std::string, std::optional<catalog::Payload>, std::less<>> entries_;
  std::vector<QueuedSample> samples_;
  std::uint64_t queued_bytes_ = 0;
  std::map<VolumeId, VolumeFacts> facts_;
};

// Compares index and records under the writer lock. Throws Error(needs_reindex) unless
// they agree or the records are one batch ahead.
void check_recoverable(const BankState& bank, const IndexPosition& index,
                       const BankPosition& records, BatchKind last_batch);

}  // namespace slicebank
