// What stands behind a Bank: its files as this process holds them.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "schema/taxonomy.h"
#include "store/bank.h"
#include "store/dictionary.h"
#include "store/facets.h"
#include "store/internal/lmdb.h"
#include "store/internal/process.h"
#include "store/internal/sqlite.h"
#include "store/internal/state.h"

namespace slicebank {

// Connections to the index that are not in use. Any thread.
class IndexPool {
 public:
  explicit IndexPool(std::filesystem::path file) : file_(std::move(file)) {}

  // An open connection to the index as it now is: one to an index that `reindex` has
  // replaced is closed here.
  std::unique_ptr<sqlite::Connection> take();
  void give_back(std::unique_ptr<sqlite::Connection> connection) noexcept;

 private:
  using FileId = std::pair<dev_t, ino_t>;

  const std::filesystem::path file_;
  std::mutex mutex_;
  FileId file_id_{};
  std::vector<std::pair<FileId, std::unique_ptr<sqlite::Connection>>> idle_;
  std::map<const sqlite::Connection*, FileId> lent_;
};

// A connection out of the pool, given back when it is no longer needed, and held to the time
// limit of the thread that took it. In a forked child it is left alone.
class IndexLease {
 public:
  explicit IndexLease(const BankState& bank);
  ~IndexLease();
  IndexLease(const IndexLease&) = delete;
  IndexLease& operator=(const IndexLease&) = delete;

  sqlite::Connection& operator*() const { return *connection_; }
  sqlite::Connection* operator->() const { return connection_.get(); }
  bool foreign() const;  // another process's, after a fork

 private:
  IndexPool* pool_;
  ProcessKey owner_;
  std::unique_ptr<sqlite::Connection> connection_;
  std::optional<sqlite::Watched> watched_;
};

// The bank's handles of one process. Left alone, never closed, in a forked child.
struct BankHandles {
  ProcessKey owner;
  std::shared_ptr<lmdb::Environment> records;
  IndexPool index;

  std::mutex mutex;  // guards what follows
  std::shared_ptr<const Taxonomy> taxonomy;
  std::uint64_t next_class = 0;  // that the taxonomy was made with
  std::map<std::uint32_t, std::shared_ptr<const Dictionary>> dictionaries;
  std::shared_ptr<const Facets> facets;  // of the last generation somebody asked about
  std::map<DatasetId, std::shared_ptr<const DatasetInfo>> datasets;  // of that of datasets_token
  std::uint64_t datasets_token = 0;

  BankHandles(ProcessKey key, std::shared_ptr<lmdb::Environment> environment,
              std::filesystem::path index_file)
      : owner(key), records(std::move(environment)), index(std::move(index_file)) {}
};

// What BANK.json says.
struct BankFile {
  BankUuid uuid{};
  FormatVersion format;
  std::string created_by;
};

struct BankState {
  std::filesystem::path path;  // canonical
  BankFile file;

  BankState(std::filesystem::path bank_path, BankFile bank_file,
            std::unique_ptr<BankHandles> handles);
  ~BankState();
  BankState(const BankState&) = delete;
  BankState& operator=(const BankState&) = delete;

  // The handles of this process; in a forked child they are opened by the first call.
  BankHandles& here() const;

  lmdb::Environment& records() const { return *here().records; }
  std::filesystem::path records_file() const { return path / "records.lmdb"; }
  std::filesystem::path index_file() const { return path / "index.sqlite"; }

  // Built-in classes and those of the bank, as of the newest snapshot.
  std::shared_ptr<const Taxonomy> taxonomy() const;

  // A dataset as of the newest snapshot, decoded once a generation; null when there is none.
  std::shared_ptr<const DatasetInfo> dataset(DatasetId id) const;

 private:
  mutable std::atomic<BankHandles*> handles_;
};

// Reads BANK.json and checks that this build, on this machine, can read the bank.
BankFile read_bank_file(const std::filesystem::path& bank);
std::string bank_file_text(const BankFile& file);

// Opens the record file and compares it with BANK.json; not the index.
std::shared_ptr<BankState> open_records(const std::filesystem::path& bank, bool writable,
                                        bool check_structure);

// Whether index and records belong together, seen by a reader that may have a writer
// beside it. Throws Error(needs_reindex) saying why not.
void check_pair(const BankState& bank);

BankPosition position_of(const BankState& bank);

// Classes of the bank's own, as the catalog has them.
std::vector<ClassInfo> own_classes(const lmdb::ReadTransaction& transaction, const BankUuid& bank);

// Built-in names and these. A name that the built-in taxonomy has come to know since
// stays a class of its own below the built-in one.
Taxonomy taxonomy_with(const std::vector<ClassInfo>& own);

// Dictionaries, found under the transaction that is open already.
class StoredDictionaries : public DictionarySource {
 public:
  StoredDictionaries(const BankState& bank, const lmdb::ReadTransaction& transaction)
      : bank_(bank), transaction_(transaction) {}
  std::shared_ptr<const Dictionary> find(std::uint32_t dictionary_id) const override;

 private:
  const BankState& bank_;
  const lmdb::ReadTransaction& transaction_;
};

// What happened to an id that has no record.
[[noreturn]] void throw_no_record(const BankState& bank, const lmdb::ReadTransaction& transaction,
                                  SampleId id);

}  // namespace slicebank
