// Adds to a bank, and takes from it. One writer at a time, across processes.
//
// Everything queued since the last commit() becomes durable together: records and
// catalog first, then rows, then commit() returns. A crash anywhere leaves a bank that
// the next writer rolls forward. Use one Writer from one thread. Without commit() the
// queued batch is dropped.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "schema/ids.h"
#include "schema/sample.h"
#include "schema/taxonomy.h"
#include "store/bank.h"
#include "store/dictionary.h"
#include "store/record.h"
#include "store/split_data.h"

namespace slicebank {

struct WriterOptions {
  std::uint32_t lock_wait_ms = 10'000;  // how long to wait for another writer
  bool allow_network_filesystem = false;
  bool bulk = false;  // a bank nobody reads yet: more memory, fewer moves of the row log
};

// What the ledger knows about a source item (one unit that an importer decodes at once:
// an image with its masks, or a volume file). Key: (importer, source root, item key).
struct LedgerEntry {
  std::string scope;                   // importer name and dataset root name: "sa-med2d:SAMed2Dv1"
  std::string item_key;                // the importer's key, unique inside the scope
  std::uint64_t fingerprint_high = 0;  // over path, size, mtime of every file of the item
  std::uint64_t fingerprint_low = 0;
  std::vector<SampleId> samples;     // what the item became; empty when it was skipped
  std::vector<SampleId> superseded;  // samples of an earlier version, still to be deleted
};

struct CommitReport {
  Generation generation{};
  std::uint64_t samples = 0;
  std::uint64_t bytes = 0;  // of record values
};

class Writer {
 public:
  // Takes the writer lock, checks the record file's structure, and brings records and
  // index to the same generation. Error(locked) after lock_wait_ms, Error(needs_reindex)
  // when only `slicebank reindex` can mend the difference.
  static Writer open(const std::filesystem::path& path, const WriterOptions& options = {});

  const Bank& bank() const;  // a reader's view of the committed state

  // Built-in classes, the bank's own, and those queued.
  const Taxonomy& taxonomy() const;

  // --- Entities. Each returns the id of the one with that key, made now when new.

  // By name. An existing dataset's empty fields are filled in, and raw classes it does
  // not have yet are appended; nothing else changes.
  DatasetId dataset(const DatasetInfo& info);

  // 1-based place of a raw class in its dataset, appended when new. The canonical class
  // is found through the taxonomy, else made as a class of the bank's own; by `meaning`
  // where that is given, else by the name. A class that is there already stays what it is.
  std::uint32_t raw_class(DatasetId dataset, const std::string& name, const std::string& code,
                          const std::string& meaning = {});

  // The queued or committed state of a dataset.
  const DatasetInfo& dataset_info(DatasetId id) const;

  SubjectId subject(DatasetId dataset, const std::string& patient_id);
  void set_alias_group(SubjectId subject, std::uint64_t alias_group);

  // By (dataset, key). `info.id` is ignored. An existing volume is left as it is, but
  // for coverage, which grows to the union.
  VolumeId volume(const VolumeInfo& info);

  ImportId begin_import(const ImportInfo& info);

  // --- Samples.

  // Queues one sample and returns its id; ids ascend. `sample` is moved from.
  SampleId add(EncodedSample&& sample, VolumeId volume);

  // Deletes at once (its own commit): rows first, then records. Unknown ids are ignored.
  // Anything queued is committed before.
  CommitReport delete_samples(std::span<const SampleId> ids);

  // --- Ledger, problems, dictionaries, splits, saved selections: part of the batch.

  std::optional<LedgerEntry> ledger(const std::string& scope, const std::string& item_key) const;
  void put_ledger(const LedgerEntry& entry);

  // Entries that still name superseded samples; an interrupted replacement left them.
  std::vector<LedgerEntry> superseding_entries() const;

  // `item_key` is the ledger's key of the item the problem belongs to; where it is empty,
  // the problem's path stands for it. The scope is the import's "importer:source_root".
  void add_problem(const Problem& problem, const std::string& item_key = {});
  // Removes the problems of an item, because it was read again.
  void clear_problems(const std::string& scope, const std::string& item_key);

  std::shared_ptr<const Dictionary> add_dictionary(DatasetId dataset, const ImageShape& shape,
                                                   const std::vector<Image>& images);
  std::shared_ptr<const Dictionary> find_dictionary(DatasetId dataset,
                                                    const ImageShape& shape) const;

  // Replaces a split or saved selection of the same name.
  SplitId put_split(const SplitData& split);
  void put_saved_selection(const SavedSelection& selection);
  bool delete_split(const std::string& name);            // false when there is none
  bool delete_saved_selection(const std::string& name);  // the same

  // Bytes of record values queued now; commit every 1 to 16 MB of them.
  std::uint64_t queued_bytes() const;

  // Makes the batch durable. An empty batch commits nothing and keeps the generation.
  // On Error(out_of_space) or Error(io) the batch is kept wholly or not at all, and the
  // writer is spent: open another, whose ledger tells which.
  CommitReport commit();

  Writer(Writer&&) noexcept;
  Writer& operator=(Writer&&) noexcept;
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;
  ~Writer();

 private:
  struct Impl;
  explicit Writer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace slicebank
