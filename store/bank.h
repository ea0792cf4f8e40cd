// The door: a bank is a directory that holds records.lmdb, index.sqlite and BANK.json.
//
// A Bank is a cheap handle on an open bank: copy it, share it between threads. Opening
// the same directory twice in a process shares one environment. After a fork the child's
// first call reopens by itself; nothing of the parent is closed or reused.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "schema/ids.h"
#include "schema/sample.h"
#include "schema/taxonomy.h"
#include "store/record.h"

namespace slicebank {

class Reader;
struct BankState;  // store/internal

struct CreateOptions {
  std::string created_by;                 // tool and version; the default is this build
  bool allow_network_filesystem = false;  // writing there risks the bank: limitations.md
};

struct OpenOptions {
  // Walk the record file's tree before trusting it. Bounds-checked reading of branch and
  // leaf pages, about 3 % of the file; a writer always does it.
  bool check_structure = false;
};

// The two parts of a format version: readers accept their own major.
struct FormatVersion {
  std::uint32_t major = 1;
  std::uint32_t minor = 1;
};

struct BankInfo {
  std::filesystem::path path;
  BankUuid uuid{};
  std::string uuid_text;
  FormatVersion format;
  std::string created_by;
  Generation generation{};
  std::uint64_t samples = 0;
  std::uint64_t masks = 0;
  std::uint64_t labels = 0;
  std::uint64_t volumes = 0;
  std::uint64_t subjects = 0;
  std::uint64_t datasets = 0;
  std::uint64_t record_file_bytes = 0;
  std::uint64_t index_file_bytes = 0;
  std::uint64_t readers = 0;  // LMDB reader slots in use now
};

class Bank {
 public:
  // Makes an empty bank at `path`, built in a temporary directory beside it and renamed.
  // Error(already_exists) when something is there, Error(io) when it cannot be written.
  static Bank create(const std::filesystem::path& path, const CreateOptions& options = {});

  // Opens for reading. Error(not_found) when there is no bank, Error(wrong_version) for
  // a newer major format or another machine's page size, Error(needs_reindex) when the
  // index does not belong to the records, Error(corrupt) when a file is damaged.
  static Bank open(const std::filesystem::path& path, const OpenOptions& options = {});

  // Whether a directory looks like a bank (BANK.json is there and says so).
  static bool is_bank(const std::filesystem::path& path);

  const std::filesystem::path& path() const;
  const BankUuid& uuid() const;
  BankInfo info() const;

  // The last generation a reader sees now.
  Generation generation() const;

  // Built-in classes and the bank's own, as of the last generation this handle has seen.
  std::shared_ptr<const Taxonomy> taxonomy() const;

  Reader reader() const;

  // Entities of the catalog. Nothing when the id is unknown.
  std::optional<DatasetInfo> dataset(DatasetId id) const;
  std::optional<SubjectInfo> subject(SubjectId id) const;
  std::optional<VolumeInfo> volume(VolumeId id) const;
  // The same as dataset(), decoded once a generation and shared; null when unknown.
  std::shared_ptr<const DatasetInfo> shared_dataset(DatasetId id) const;
  std::optional<DatasetInfo> find_dataset(const std::string& name) const;
  std::vector<DatasetInfo> datasets() const;  // ascending by id

  // A number that depends on what the bank holds and not on ids, order, codecs or
  // batches: equal for two banks made from the same source. 32 hex digits.
  // Reads every record (headers and annotation tables; with `decode` also the pixels).
  std::string logical_digest(bool decode = false) const;

  explicit Bank(std::shared_ptr<BankState> state);
  const std::shared_ptr<BankState>& state() const { return state_; }  // for store/

 private:
  std::shared_ptr<BankState> state_;
};

std::string uuid_text(const BankUuid& uuid);

}  // namespace slicebank
