#include "store/verify.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include "schema/error.h"
#include "schema/record_layout.h"
#include "store/catalog.h"
#include "store/internal/bank_state.h"
#include "store/internal/batch_writer.h"
#include "store/internal/hash.h"
#include "store/internal/index_compare.h"
#include "store/internal/migrate.h"
#include "store/internal/projection_source.h"
#include "store/record.h"

namespace slicebank {
namespace {

constexpr std::size_t kFindingsMax = 1000;

class Findings {
 public:
  explicit Findings(VerifyReport& report) : report_(report) {}

  void add(const std::string& kind, const std::string& message, SampleId sample = {}) {
    ++report_.findings_total;
    if (report_.findings.size() < kFindingsMax) report_.findings.push_back({kind, sample, message});
  }
  void note(const std::string& message) { report_.notes.push_back(message); }

  // Runs `check`; what it throws becomes a finding. False when it threw.
  template <typename Check>
  bool run(const std::string& kind, const Check& check, SampleId sample = {}) {
    try {
      check();
      return true;
    } catch (const Error& error) {
      // What is wrong with the machine, or with the question, is not wrong with the bank.
      if (error.code() != ErrorCode::corrupt && error.code() != ErrorCode::needs_reindex &&
          error.code() != ErrorCode::bad_query && error.code() != ErrorCode::bad_format) {
        throw;
      }
      add(kind, error.what(), sample);
      return false;
    }
  }

 private:
  VerifyReport& report_;
};

// --- Level 2: bytes of a record. decode_info() has checked header and meta section.
void check_sections(SampleId id, Bytes record) {
  const RecordHeader header = get_record_header(record);
  const std::size_t masks_at = RecordLayout::kHeaderBytes + std::size_t{header.meta_bytes};
  const Bytes masks = record.subspan(masks_at, header.masks_bytes);
  const Bytes image = record.subspan(record.size() - header.image_bytes);
  for (const auto& [section, bytes, hash] : {std::tuple{"masks", masks, header.masks_hash},
                                             std::tuple{"image", image, header.image_hash}}) {
    if (hash64(bytes) == hash) continue;
    throw Error(ErrorCode::corrupt, "sample " + std::to_string(raw(id)) + ": " + section +
                                        " section: a byte is not as it was written");
  }
}

// --- Level 3: everything decoded, and what was derived from it derived again.
struct Extent {
  std::uint64_t area = 0;
  Box box;
};

Extent extent_of(const Mask& mask, std::uint32_t width) {
  Extent extent;
  for (std::size_t at = 0; at < mask.mask_hw.size(); ++at) {
    if (mask.mask_hw[at] == 0) continue;
    const auto x = static_cast<std::uint32_t>(at % width);
    const auto y = static_cast<std::uint32_t>(at / width);
    if (extent.area++ == 0) extent.box = {x, y, x + 1, y + 1};
    extent.box.x0 = std::min(extent.box.x0, x);
    extent.box.x1 = std::max(extent.box.x1, x + 1);
    extent.box.y1 = y + 1;
  }
  return extent;
}

void check_pixels(const BankState& bank, const lmdb::ReadTransaction& transaction,
                  const SampleInfo& info, Bytes record) {
  const std::string name = "sample " + std::to_string(raw(info.id)) + ": ";
  const StoredDictionaries dictionaries(bank, transaction);
  const Sample sample = decode_sample(bank.file.uuid, info.id, record, &dictionaries);
  if (hash_image(sample.image.view()) != info.image_hash) {
    throw Error(ErrorCode::corrupt, name + "its pixels are not those that were stored");
  }
  if (hash_annotations(sample.masks, sample.labels) !=
      record_annotations_hash(bank.file.uuid, info.id, record)) {
    throw Error(ErrorCode::corrupt, name + "its masks are not those that were stored");
  }
  for (std::size_t i = 0; i < sample.masks.size(); ++i) {
    const Extent extent = extent_of(sample.masks[i], info.shape.width);
    if (extent.area == info.annotations[i].area && extent.box == info.annotations[i].box) continue;
    throw Error(ErrorCode::corrupt,
                name + "area or box of mask " + std::to_string(i) + " is not that of its pixels");
  }
}

class Verification {
 public:
  Verification(const std::filesystem::path& path, VerifyLevel level,
               const std::function<void(std::uint64_t, std::uint64_t)>& progress)
      : path_(path), level_(level), progress_(progress), findings_(report_) {
    report_.level = level;
  }

  VerifyReport run() {
    const bool records = open_bank();
    const bool index = check_index_file();
    if (records) check_records(index);
    return std::move(report_);
  }

 private:
  bool open_bank() {
    const bool opened = findings_.run("corrupt-structure", [&] {
      state_ = open_records(path_, false, true);
      state_->records().check_structure(true);
    });
    return opened && state_;
  }

  bool check_index_file() {
    return findings_.run("corrupt-index", [&] {
      const auto file = std::filesystem::canonical(path_) / "index.sqlite";
      index_.emplace(sqlite::Connection::open(file, sqlite::Purpose::read));
      check_index_version(*index_);
      auto rows = index_->prepare("PRAGMA integrity_check(100)");
      while (rows.step()) {
        if (rows.text(0) == "ok") return;
        findings_.add("corrupt-index", file.string() + ": " + std::string(rows.text(0)));
      }
    });
  }

  // Rows first, records second, and both of one generation where a writer lets us. True
  // when they can be compared.
  bool take_snapshots() {
    constexpr int kAttempts = 40;
    for (int attempt = 1;; ++attempt) {
      index_->execute("BEGIN");
      const IndexPosition rows = read_index_position(*index_);
      snapshot_.emplace(state_->records());
      position_ = read_position(*snapshot_, state_->file.uuid);
      const bool together = rows.generation == position_.generation;
      if (together && rows.uuid == uuid_text(state_->file.uuid) && rows.token == position_.token) {
        if (index_->integer("SELECT count(*) FROM _pending_delete") == 0) return true;
        if (attempt < kAttempts) {
          look_again();
          continue;
        }
        findings_.note(
            "a delete was cut short: its rows are gone, its records are not; the next writer "
            "finishes it; rows were not compared");
        return false;
      }
      const CommittedBatch last = read_batch(*snapshot_, state_->file.uuid);
      bool recoverable = false;
      std::string reason;
      try {
        check_recoverable(*state_, rows, position_, last.kind);
        recoverable = true;
      } catch (const Error& error) {
        reason = error.what();
      }
      // A writer at work is ahead by one for a moment, or by more between our two looks.
      if (attempt < kAttempts && raw(position_.generation) > raw(rows.generation)) {
        look_again();
        continue;
      }
      if (recoverable) {
        findings_.note(
            "the last batch has records and no rows yet: the next writer makes them; "
            "rows were not compared");
      } else {
        findings_.add("generations", reason);
      }
      return false;
    }
  }

  // Lets go of both snapshots and gives a writer at work a moment to become done.
  void look_again() {
    index_->execute("ROLLBACK");
    snapshot_.reset();
    std::this_thread::sleep_for(std::chrono::milliseconds(25));
  }

  void check_records(bool index) {
    bool comparable = false;
    const bool snapshots = findings_.run("corrupt-index", [&] {
      if (index) comparable = take_snapshots();
    });
    if (!snapshot_) snapshot_.emplace(state_->records());
    if (!index || !snapshots) position_ = read_position(*snapshot_, state_->file.uuid);
    report_.records = snapshot_->entries(lmdb::Database::records);
    if (comparable) {
      report_.rows = static_cast<std::uint64_t>(index_->integer("SELECT count(*) FROM _sample"));
      if (report_.rows != report_.records && level_ == VerifyLevel::structure) {
        findings_.add("counts", std::to_string(report_.rows) + " rows, " +
                                    std::to_string(report_.records) + " records");
      }
    }
    if (level_ == VerifyLevel::structure) return;
    check_catalog();
    check_generations();
    const bool projected = findings_.run("corrupt-catalog", [&] { project(comparable); });
    if (projected) check_missing();
  }

  // Every value opens; that they name each other rightly shows in the projection.
  void check_catalog() {
    snapshot_->scan(lmdb::Database::catalog, "", [&](std::string_view key, Bytes value) {
      findings_.run("corrupt-catalog", [&] {
        const Bytes payload = catalog::open(state_->file.uuid, key, value);
        if (catalog::kind_of(key) == catalog::Kind::generation) {
          log_.push_back(catalog::decode_generation(payload));
          if (raw(log_.back().generation) != catalog::id64_of(key)) {
            throw Error(ErrorCode::corrupt, "a generation under another one's key");
          }
        }
        if (catalog::kind_of(key) != catalog::Kind::removal) return;
        const auto removal = catalog::decode_removal(payload);
        for (const SampleId id : removal.ids) removed_.insert(id);
        if (removal.first < removal.end) skipped_.emplace_back(removal.first, removal.end);
      });
      return true;
    });
  }

  // The log goes from its beginning to where the bank stands, and its numbers agree. An
  // older build's bank may have none yet.
  void check_generations() {
    const auto wrong = [&](Generation generation, const std::string& what) {
      findings_.add("generations",
                    "the log of generations: " + std::to_string(raw(generation)) + " " + what);
    };
    if (log_.empty()) {
      if (state_->file.format.minor >= 1) wrong(position_.generation, "is not in it: it is empty");
      return;
    }
    if (log_.front().kind != GenerationKind::begin) {
      wrong(log_.front().generation, "is its first, and no beginning");
    }
    for (std::size_t i = 1; i < log_.size(); ++i) {
      const GenerationEntry& before = log_[i - 1];
      const GenerationEntry& entry = log_[i];
      const bool repaired = entry.kind == GenerationKind::repair;
      if (entry.kind == GenerationKind::begin) wrong(entry.generation, "is a second beginning");
      if (raw(entry.generation) != raw(before.generation) + 1 && !repaired) {
        wrong(entry.generation, "follows " + std::to_string(raw(before.generation)));
      }
      if (entry.next_sample < before.next_sample || entry.committed_at < before.committed_at) {
        wrong(entry.generation, "goes back in ids or time");
      }
      const std::uint64_t added = entry.kind == GenerationKind::insert
                                      ? raw(entry.next_sample) - raw(before.next_sample)
                                      : 0;
      if (!repaired && entry.samples + entry.removed != before.samples + added) {
        wrong(entry.generation, "does not add up to its samples");
      }
    }
    const GenerationEntry& last = log_.back();
    if (last.generation != position_.generation) {
      wrong(position_.generation, "is where the bank stands, and not in it");
    } else if (raw(last.next_sample) != position_.next.sample) {
      wrong(last.generation, "has another next id than the bank");
    } else if (last.samples != report_.records) {
      wrong(last.generation, "has " + std::to_string(last.samples) + " samples, the bank " +
                                 std::to_string(report_.records));
    }
  }

  void check_record(SampleId id, Bytes record, const SampleInfo& info) {
    report_.bytes += record.size();
    check_sections(id, record);
    if (level_ == VerifyLevel::decode) check_pixels(*state_, *snapshot_, info, record);
    const std::uint32_t dictionary = record_dictionary(state_->file.uuid, id, record);
    if (dictionary != 0 && !StoredDictionaries(*state_, *snapshot_).find(dictionary)) {
      throw Error(ErrorCode::corrupt,
                  "sample " + std::to_string(raw(id)) + ": its dictionary is not in the catalog");
    }
    if (raw(id) >= position_.next.sample || removed_.contains(id)) {
      throw Error(ErrorCode::corrupt, "sample " + std::to_string(raw(id)) + " should not be there");
    }
  }

  // Makes the index anew in a temporary file, on the way looks at every record, and
  // compares it with the one there is.
  void project(bool compare) {
    auto expected = sqlite::Connection::open({}, sqlite::Purpose::create);
    sqlite::Transaction transaction(expected);
    migrate_index(expected);
    Projection projection(expected);
    ProjectionSource source;
    source.progress = progress_;
    source.damaged_record = [&](SampleId id, const Error& error) {
      damaged_.insert(id);
      findings_.add("corrupt-record", error.what(), id);
    };
    source.record = [&](SampleId id, Bytes record, const SampleInfo& info) {
      present_.push_back(id);
      // A bad section spoils the sample, not its row.
      findings_.run(
          "corrupt-record", [&] { check_record(id, record, info); }, id);
    };
    project_all(expected, projection, *snapshot_, state_->file.uuid, source);
    projection.set_position(state_->file.uuid, position_);
    if (!compare) return;
    write_plan_statistics(expected);  // once more: its indexes were made last, without theirs
    findings_.run("corrupt-index", [&] {
      compare_indices(expected, *index_, [&](const IndexDifference& difference) {
        if (damaged_.contains(difference.sample)) return;  // said already
        findings_.add(difference.kind, difference.message, difference.sample);
      });
    });
  }

  // Every id that was given out has a record, or an entry that says why not.
  void check_missing() {
    std::size_t at = 0;
    for (std::uint64_t id = 1; id < position_.next.sample; ++id) {
      const SampleId sample{id};
      while (at < present_.size() && present_[at] < sample) ++at;
      if (at < present_.size() && present_[at] == sample) continue;
      if (damaged_.contains(sample) || removed_.contains(sample)) continue;
      const auto skipped = std::find_if(skipped_.begin(), skipped_.end(), [&](const auto& range) {
        return range.first <= sample && sample < range.second;
      });
      if (skipped != skipped_.end()) {
        id = raw(skipped->second) - 1;
        continue;
      }
      findings_.add("missing-record",
                    "sample " + std::to_string(id) + " was stored, not deleted, and is gone",
                    sample);
    }
  }

  const std::filesystem::path path_;
  const VerifyLevel level_;
  const std::function<void(std::uint64_t, std::uint64_t)>& progress_;
  VerifyReport report_;
  Findings findings_;
  std::shared_ptr<BankState> state_;
  std::optional<sqlite::Connection> index_;
  std::optional<lmdb::ReadTransaction> snapshot_;
  BankPosition position_;
  std::set<SampleId> removed_;
  std::set<SampleId> damaged_;
  std::vector<SampleId> present_;
  std::vector<std::pair<SampleId, SampleId>> skipped_;
  std::vector<GenerationEntry> log_;
};

}  // namespace

VerifyReport verify(const std::filesystem::path& bank, VerifyLevel level,
                    const std::function<void(std::uint64_t, std::uint64_t)>& progress) {
  std::error_code failed;
  if (!std::filesystem::is_directory(bank, failed)) {
    throw Error(ErrorCode::not_found, "there is no bank at " + bank.string());
  }
  return Verification(bank, level, progress).run();
}

}  // namespace slicebank
