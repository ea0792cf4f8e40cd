// The writing end of an import: ledger, classes, volumes, records, problems, batches.
// Everything that knows the Writer. One thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "importers/import.h"
#include "importers/importer.h"
#include "importers/internal/pipeline.h"
#include "importers/internal/tiny_images.h"
#include "store/writer.h"

namespace slicebank::internal {

class Committer {
 public:
  // `describe` is what the importer said, with the user's words about the dataset in it.
  Committer(Writer writer, std::string scope, ImportInfo import, const ImportOptions& options,
            ImportReport& report);

  // Ends replacements that an earlier run began: their old samples are deleted.
  void finish_interrupted();

  // Makes datasets and their classes known, and keeps what there was to say of the source.
  void begin(const SourceDescription& description);

  // Whether the item is to be read: it is new, changed, or failed before. Fills in its
  // class ids when it is.
  bool wants(Scanned& scanned);

  // Writes one item, whole; commits when a batch is full. In the order of wants().
  void put(Outcome&& outcome);

  // Makes everything durable and deletes what was replaced.
  void finish();

  // The first thing that was left out, for those who want to stop there.
  const std::optional<Problem>& first_skipped() const { return first_skipped_; }

 private:
  struct KnownVolume {
    VolumeId id{};
    bool wholly_covered = false;  // its coverage holds every class of the dataset already
  };

  ImportId import_id();
  DatasetId dataset_id(const std::string& name);
  VolumeId volume_id(const Outcome& outcome, DatasetId dataset, const LedgerEntry& entry);
  // Raw class and class of a dataset's own name, made known where it is new.
  std::pair<std::uint32_t, ClassId> class_of(DatasetId dataset, const ClassName& words);
  std::vector<ClassId> coverage_of(DatasetId dataset, const SourceItem& item);
  void put_samples(Outcome& outcome, LedgerEntry& entry);
  void put_failure(const Outcome& outcome, const std::vector<Problem>& problems);
  void put_problems(const std::string& item_key, const std::vector<Problem>& problems,
                    bool existed);
  // The bank keeps what it knows of a volume since its first slice: says so where the
  // source, or who imports it, says otherwise by now.
  void tell_kept_modality(const LedgerEntry& entry, const SourceItem& item);
  void tell_kept_facts(VolumeId id, const VolumeInfo& now, const LedgerEntry& entry);
  bool holds_others(VolumeId id, const LedgerEntry& entry) const;
  void note_unknown_modality(const SourceItem& item, std::vector<Problem>& problems);
  void tell(const std::vector<Problem>& problems);
  void commit_full_batch();
  void commit();
  void delete_superseded(std::vector<LedgerEntry> entries);

  Writer writer_;
  std::string scope_;
  ImportInfo import_;
  const ImportOptions& options_;
  ImportReport& report_;
  TinyImages tiny_;

  std::optional<ImportId> import_id_;
  std::map<std::string, DatasetId> datasets_;
  std::map<std::pair<DatasetId, std::string>, std::pair<std::uint32_t, ClassId>> classes_;
  std::map<DatasetId, std::pair<std::size_t, std::vector<ClassId>>> coverage_;
  std::unordered_map<std::string, KnownVolume> volumes_;  // of late; "dataset:key"
  std::set<std::string> unknown_modalities_;
  bool told_kept_modality_ = false;
  std::vector<LedgerEntry> superseding_;  // of the batch that is queued
  std::uint64_t queued_items_ = 0;
  std::optional<Problem> first_skipped_;
};

}  // namespace slicebank::internal
