#include "importers/internal/committer.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <set>
#include <tuple>

#include "importers/internal/hash_set.h"
#include "importers/internal/item_problem.h"
#include "schema/error.h"
#include "schema/limits.h"
#include "store/bank.h"
#include "store/reader.h"
#include "store/select.h"

namespace slicebank::internal {
namespace {

constexpr std::uint64_t kBatchItemsMax = 8192;  // items without samples weigh nothing
constexpr std::size_t kVolumesRemembered = 4096;
constexpr std::size_t kModalitiesTold = 1000;

// What was said of the source as a whole is kept like an item of this key.
constexpr const char* kSourceKey = "(source)";

std::vector<Problem> all_problems(const Outcome& outcome) {
  std::vector<Problem> problems = outcome.scanned.item.problems;
  problems.insert(problems.end(), outcome.decoded.problems.begin(), outcome.decoded.problems.end());
  return problems;
}

// Classes of which a mask of this item could not be read, and none was, ascending: they
// are neither present nor absent.
std::vector<ClassId> lost_classes(const Outcome& outcome) {
  std::set<ClassId> lost(outcome.decoded.unread_classes.begin(),
                         outcome.decoded.unread_classes.end());
  if (lost.empty()) return {};
  for (const EncodedSlice& slice : outcome.slices) {
    for (const AnnotationInfo& kept : slice.encoded.info.annotations) lost.erase(kept.class_id);
    if (!slice.tiny) continue;
    for (const Mask& kept : slice.tiny->masks) lost.erase(kept.class_id);
  }
  return {lost.begin(), lost.end()};
}

}  // namespace

Committer::Committer(Writer writer, std::string scope, ImportInfo import,
                     const ImportOptions& options, ImportReport& report)
    : writer_(std::move(writer)),
      scope_(std::move(scope)),
      import_(std::move(import)),
      options_(options),
      report_(report) {}

void Committer::finish_interrupted() { delete_superseded(writer_.superseding_entries()); }

void Committer::begin(const SourceDescription& description) {
  for (const DatasetInfo& info : description.datasets) {
    datasets_.emplace(info.name, writer_.dataset(info));
  }
  tell(description.problems);
  const Fingerprint said = failed_fingerprint({}, description.problems);
  const auto before = writer_.ledger(scope_, kSourceKey);
  const bool changed = before ? before->fingerprint_low != said.low : !description.problems.empty();
  if (!changed) return;
  LedgerEntry entry{scope_, kSourceKey, said.high, said.low, {}, {}};
  writer_.put_ledger(entry);
  put_problems(kSourceKey, description.problems, before.has_value());
}

bool Committer::wants(Scanned& scanned) {
  const auto entry = writer_.ledger(scope_, scanned.item.key);
  if (entry) {
    const Fingerprint kept{entry->fingerprint_high, entry->fingerprint_low};
    const bool failed_before = failed_with(kept, scanned.fingerprint);
    if (kept == scanned.fingerprint || (failed_before && !options_.retry_failed)) {
      ++report_.items_unchanged;
      tell_kept_modality(*entry, scanned.item);
      return false;
    }
  }
  if (scanned.item.image_paths.empty()) return true;
  const DatasetId dataset = dataset_id(scanned.item.dataset);
  for (MaskSource& mask : scanned.item.masks) {
    std::tie(mask.raw_class, mask.class_id) =
        class_of(dataset, {mask.class_name, mask.class_code, mask.meaning});
  }
  for (LabelSource& label : scanned.item.labels) {
    std::tie(label.raw_class, label.class_id) =
        class_of(dataset, {label.class_name, label.class_code, label.meaning});
  }
  return true;
}

std::pair<std::uint32_t, ClassId> Committer::class_of(DatasetId dataset, const ClassName& words) {
  const auto key = std::make_pair(dataset, words.code + ":" + words.name);
  const auto known = classes_.find(key);
  if (known != classes_.end()) return known->second;
  const std::uint32_t raw = writer_.raw_class(dataset, words.name, words.code, words.meaning);
  const ClassId class_id = writer_.dataset_info(dataset).classes.at(raw - 1).class_id;
  return classes_.emplace(key, std::make_pair(raw, class_id)).first->second;
}

void Committer::put(Outcome&& outcome) {
  std::vector<Problem> problems = all_problems(outcome);
  if (!outcome.failed) note_unknown_modality(outcome.scanned.item, problems);
  tell(problems);
  if (outcome.failed) {
    put_failure(outcome, problems);
  } else {
    const SourceItem& item = outcome.scanned.item;
    const auto before = writer_.ledger(scope_, item.key);
    LedgerEntry entry{
        scope_, item.key, outcome.scanned.fingerprint.high, outcome.scanned.fingerprint.low,
        {},     {}};
    if (before) {
      entry.superseded = before->superseded;
      entry.superseded.insert(entry.superseded.end(), before->samples.begin(),
                              before->samples.end());
    }
    put_problems(item.key, problems, before.has_value());
    put_samples(outcome, entry);  // which may find one more to tell
    writer_.put_ledger(entry);
    ++(entry.superseded.empty() ? report_.items_new : report_.items_replaced);
    if (!entry.superseded.empty()) superseding_.push_back(std::move(entry));
  }
  commit_full_batch();
}

void Committer::put_samples(Outcome& outcome, LedgerEntry& entry) {
  const DatasetId dataset = dataset_id(outcome.scanned.item.dataset);
  const VolumeId volume = volume_id(outcome, dataset, entry);
  for (EncodedSlice& slice : outcome.slices) {
    if (slice.tiny) {
      slice.encoded = tiny_.encode(writer_, dataset, *std::move(slice.tiny), options_.effort);
    }
    report_.record_bytes += slice.encoded.record.size();
    for (const AnnotationInfo& annotation : slice.encoded.info.annotations) {
      report_.masks += annotation.kind == AnnotationKind::mask ? 1 : 0;
    }
    entry.samples.push_back(writer_.add(std::move(slice.encoded), volume));
    ++report_.samples;
  }
  report_.pixel_bytes += outcome.pixel_bytes;
}

// A failed item leaves the ledger as it is when it failed before for the same reason, and
// keeps an earlier good version of itself: a file that became unreadable takes nothing out
// of the bank.
void Committer::put_failure(const Outcome& outcome, const std::vector<Problem>& problems) {
  ++report_.items_failed;
  const std::string& key = outcome.scanned.item.key;
  const Fingerprint failed = failed_fingerprint(outcome.scanned.fingerprint, problems);
  const auto before = writer_.ledger(scope_, key);
  if (before && Fingerprint{before->fingerprint_high, before->fingerprint_low} == failed) return;
  LedgerEntry entry{scope_, key, failed.high, failed.low, {}, {}};
  if (before) {
    entry.samples = before->samples;
    entry.superseded = before->superseded;
  }
  writer_.put_ledger(entry);
  put_problems(key, problems, before.has_value());
}

void Committer::finish() { commit(); }

ImportId Committer::import_id() {
  if (!import_id_) import_id_ = writer_.begin_import(import_);
  return *import_id_;
}

DatasetId Committer::dataset_id(const std::string& name) {
  auto known = datasets_.find(name);
  if (known == datasets_.end()) {
    DatasetInfo info;
    info.name = name;
    known = datasets_.emplace(name, writer_.dataset(info)).first;
  }
  return known->second;
}

std::vector<ClassId> Committer::coverage_of(DatasetId dataset, const SourceItem& item) {
  if (!item.covers_dataset_classes) {
    std::set<ClassId> covered;
    for (const ClassName& name : item.covered_classes) {
      covered.insert(class_of(dataset, name).second);
    }
    if (covered.size() > limits::kCoverageMax) return {};
    return {covered.begin(), covered.end()};
  }
  const std::vector<RawClass>& classes = writer_.dataset_info(dataset).classes;
  auto& [counted, coverage] = coverage_[dataset];
  if (counted == classes.size()) return coverage;
  counted = classes.size();
  coverage.clear();
  for (const RawClass& raw : classes) coverage.push_back(raw.class_id);
  std::sort(coverage.begin(), coverage.end());
  coverage.erase(std::unique(coverage.begin(), coverage.end()), coverage.end());
  if (coverage.size() > limits::kCoverageMax) coverage.clear();  // nobody can say any more
  return coverage;
}

VolumeId Committer::volume_id(const Outcome& outcome, DatasetId dataset, const LedgerEntry& entry) {
  const SourceItem& item = outcome.scanned.item;
  const std::string key = std::to_string(raw(dataset)) + ":" + item.volume_key;
  const bool covers = item.covers_dataset_classes || !item.covered_classes.empty();
  std::vector<ClassId> lost;
  if (covers) lost = lost_classes(outcome);
  const auto known = volumes_.find(key);
  if (known != volumes_.end() && (known->second.wholly_covered || !covers)) {
    return known->second.id;
  }

  VolumeInfo volume;
  volume.dataset_id = dataset;
  volume.subject_id = writer_.subject(dataset, item.patient_id);
  if (!item.person.empty()) {
    // Of 63 bits, which every reader of the index can hold, and never 0.
    writer_.set_alias_group(volume.subject_id, hash_of(item.person) >> 1 | 1);
  }
  volume.import_id = import_id();
  volume.key = item.volume_key;
  volume.source_modality = item.modality;
  volume.official_split = item.official_split;
  volume.channel_names = outcome.decoded.channel_names;
  volume.spacing_xyz_mm = outcome.decoded.spacing_xyz_mm;
  volume.affine_4x4 = outcome.decoded.affine_4x4;
  volume.source_path = item.image_paths.front();
  if (covers) {
    const std::vector<ClassId> all = coverage_of(dataset, item);
    std::set_difference(all.begin(), all.end(), lost.begin(), lost.end(),
                        std::back_inserter(volume.coverage));
  }
  if (const auto match = writer_.taxonomy().find_modality(item.modality)) {
    volume.modality = match->modality;
    volume.sequence = match->sequence;
  }
  const VolumeId id = writer_.volume(volume);
  tell_kept_facts(id, volume, entry);
  if (volumes_.size() >= kVolumesRemembered) volumes_.clear();
  volumes_[key] = {id, lost.empty() && item.covers_dataset_classes};
  return id;
}

// Once an import, and only where a modality was given: it is part of no fingerprint.
void Committer::tell_kept_modality(const LedgerEntry& entry, const SourceItem& item) {
  const auto given = options_.dataset_overrides.find("modality");
  if (given == options_.dataset_overrides.end() || item.modality != given->second) return;
  if (told_kept_modality_ || entry.samples.empty()) return;
  const SampleInfo sample = writer_.bank().reader().info(entry.samples.front());
  const auto volume = writer_.bank().volume(sample.volume_id);
  if (!volume || volume->source_modality == item.modality) return;
  told_kept_modality_ = true;
  tell({skipped("volume-kept", item.key,
                fmt::format("it and perhaps others are in the bank with the modality '{}', and "
                            "keep it; to have '{}', import them into a new bank",
                            printable(volume->source_modality), printable(item.modality)))});
}

// Whether slices of other items lie in the volume, too. False where the item is new.
bool Committer::holds_others(VolumeId id, const LedgerEntry& entry) const {
  Rows rows = select(writer_.bank(), "SELECT COUNT(*) FROM samples WHERE volume_id = ?",
                     {static_cast<std::int64_t>(raw(id))});
  return rows.next() && static_cast<std::uint64_t>(rows.integer(0)) > entry.superseded.size();
}

void Committer::tell_kept_facts(VolumeId id, const VolumeInfo& now, const LedgerEntry& entry) {
  const auto kept = writer_.bank().volume(id);
  if (!kept || kept->import_id == now.import_id) return;
  std::string what;
  const auto add = [&](bool same, const char* word) {
    if (!same) what += (what.empty() ? "" : ", ") + std::string(word);
  };
  add(kept->source_modality == now.source_modality, "modality");
  add(kept->official_split == now.official_split, "official split");
  add(kept->subject_id == now.subject_id, "patient");
  add(kept->channel_names == now.channel_names, "channel names");
  add(kept->spacing_xyz_mm == now.spacing_xyz_mm && kept->affine_4x4 == now.affine_4x4,
      "place in space");
  // What was looked for is a volume's: where others added to it, nobody can take it away.
  const bool less = !std::includes(now.coverage.begin(), now.coverage.end(), kept->coverage.begin(),
                                   kept->coverage.end());
  add(!less || entry.superseded.empty() || holds_others(id, entry), "list of what was looked for");
  if (what.empty()) return;
  const Problem told =
      skipped("volume-kept", entry.item_key,
              fmt::format("its {} changed since the volume came into the bank, which keeps what it "
                          "had; to have the new, import it into a new bank",
                          what));
  tell({told});
  Problem stored = told;
  stored.import_id = import_id();
  writer_.add_problem(stored, entry.item_key);
}

// Once a word, at the first item that has it.
void Committer::note_unknown_modality(const SourceItem& item, std::vector<Problem>& problems) {
  if (item.modality.empty() || unknown_modalities_.size() >= kModalitiesTold) return;
  if (writer_.taxonomy().find_modality(item.modality)) return;
  if (!unknown_modalities_.insert(item.modality).second) return;
  problems.push_back(note("unknown-modality", item.image_paths.front(),
                          fmt::format("'{}' is no modality that is known; the word is kept",
                                      printable(item.modality))));
}

void Committer::put_problems(const std::string& item_key, const std::vector<Problem>& problems,
                             bool existed) {
  if (existed) writer_.clear_problems(scope_, item_key);
  for (Problem problem : problems) {
    problem.import_id = import_id();
    writer_.add_problem(problem, item_key);
  }
}

void Committer::tell(const std::vector<Problem>& problems) {
  for (const Problem& problem : problems) {
    ++(problem.severity == Severity::note ? report_.notes : report_.skipped);
    if (problem.severity == Severity::skipped && !first_skipped_) first_skipped_ = problem;
    if (options_.problem) options_.problem(problem);
  }
}

void Committer::commit_full_batch() {
  ++queued_items_;
  if (writer_.queued_bytes() >= options_.batch_bytes || queued_items_ >= kBatchItemsMax) commit();
}

void Committer::commit() {
  writer_.commit();
  queued_items_ = 0;
  if (superseding_.empty()) return;
  delete_superseded(std::exchange(superseding_, {}));
}

void Committer::delete_superseded(std::vector<LedgerEntry> entries) {
  if (entries.empty()) return;
  std::vector<SampleId> old;
  for (const LedgerEntry& entry : entries) {
    old.insert(old.end(), entry.superseded.begin(), entry.superseded.end());
  }
  std::sort(old.begin(), old.end());
  writer_.delete_samples(old);
  for (LedgerEntry& entry : entries) {
    entry.superseded.clear();
    writer_.put_ledger(entry);
  }
  writer_.commit();
}

}  // namespace slicebank::internal
