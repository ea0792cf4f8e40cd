// RAII over LMDB. The only file pair that includes <lmdb.h>.
//
// An Environment is the record file of one bank in this process; see process.h for who
// opens it. Threads share it. Reads and map changes meet at a gate: a change of the map
// waits until no transaction of this process is open, so a thread must not begin a read
// while it holds one.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "schema/ids.h"
#include "schema/sample.h"

struct MDB_env;
struct MDB_txn;

namespace slicebank::lmdb {

enum class Database : int { records = 0, catalog, meta };
inline constexpr int kDatabases = 3;

// How much address space to map: the environment variable SLICEBANK_MAP_BYTES, else
// 1 TiB. What cannot be had is halved down to 64 GiB, then to the file's own need.
inline constexpr std::uint64_t kMapBytesDefault = std::uint64_t{1} << 40;

struct EnvironmentOptions {
  bool writable = false;
  bool create = false;           // makes file and databases; implies writable
  bool check_structure = false;  // walk the tree before anything of it is used
};

class Environment {
 public:
  // Error(corrupt) when the file is damaged or too short, Error(not_found) when it is
  // not there, Error(io) otherwise.
  Environment(const std::filesystem::path& file, const EnvironmentOptions& options);
  ~Environment();
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

  const std::filesystem::path& file() const { return file_; }

  // Opens the file again for writing when it was opened for reading. Walks the tree
  // first when `check_structure`.
  void make_writable(bool check_structure);

  // Walks the tree of the newest snapshot, with one more read for each large value when
  // asked. Throws Error(corrupt).
  void check_structure(bool check_overflow_heads = false);

  // A writer's failed commit leaves LMDB refusing everything; this starts afresh.
  void reopen();

  // Clears reader slots of processes that died; how many there were.
  int clear_stale_readers();
  // Slots in use now, of all processes.
  std::uint64_t readers();
  std::uint64_t map_bytes();

 private:
  friend class ReadTransaction;
  friend class WriteTransaction;
  friend void update(Environment&, const std::function<void(class WriteTransaction&)>&);

  MDB_txn* enter();
  void leave(MDB_txn* transaction) noexcept;
  void pass_out() noexcept;
  int begin_read(MDB_txn** transaction);
  void change_map(const std::function<void()>& change);
  void open_handle(const EnvironmentOptions& options, std::uint64_t map_bytes);
  void open_databases(const EnvironmentOptions& options);
  void close_handle() noexcept;
  void grow();
  [[noreturn]] void fail(int code, const char* what) const;

  const std::filesystem::path file_;
  const std::string file_text_;  // for LMDB's assert, which wants a char*
  bool writable_ = false;
  MDB_env* env_ = nullptr;
  unsigned databases_[kDatabases] = {};

  std::mutex mutex_;  // guards what follows, not the handle
  std::condition_variable changed_;
  std::vector<MDB_txn*> idle_;  // reset read transactions, each with its reader slot
  std::size_t inside_ = 0;
  bool closed_ = false;
};

// A snapshot. Bytes live as long as it does, and never leave store/.
class ReadTransaction {
 public:
  explicit ReadTransaction(Environment& environment);
  ~ReadTransaction();
  ReadTransaction(const ReadTransaction&) = delete;
  ReadTransaction& operator=(const ReadTransaction&) = delete;

  std::optional<Bytes> get(Database database, std::string_view key) const;
  std::optional<Bytes> record(SampleId id) const;

  // Entries whose key begins with `prefix`, ascending by key, until `visit` returns false.
  using Visit = std::function<bool(std::string_view key, Bytes value)>;
  void scan(Database database, std::string_view prefix, const Visit& visit) const;

  // Records from `first` on, ascending.
  using VisitRecord = std::function<bool(SampleId id, Bytes record)>;
  void scan_records(SampleId first, const VisitRecord& visit) const;

  std::uint64_t entries(Database database) const;

 private:
  Environment& environment_;
  MDB_txn* transaction_;
};

// Asks the kernel to bring these bytes of the map into memory.
void will_need(Bytes bytes);

// The one write transaction. Undone unless update() commits it.
class WriteTransaction {
 public:
  std::optional<Bytes> get(Database database, std::string_view key) const;
  std::optional<Bytes> record(SampleId id) const;
  void put(Database database, std::string_view key, Bytes value);
  bool erase(Database database, std::string_view key);  // false when it was not there

  // `id` must be larger than that of every record there is.
  void append_record(SampleId id, Bytes record);
  // Also checks the page header that tells LMDB what to set free: Error(corrupt).
  bool erase_record(SampleId id);

  WriteTransaction(const WriteTransaction&) = delete;
  WriteTransaction& operator=(const WriteTransaction&) = delete;

 private:
  friend void update(Environment&, const std::function<void(WriteTransaction&)>&);
  explicit WriteTransaction(Environment& environment);
  ~WriteTransaction();
  void commit();
  void check(int code, const char* what) const;

  Environment& environment_;
  MDB_txn* transaction_ = nullptr;
  std::optional<ReadTransaction> committed_;  // what was there before; begun when needed
};

// Runs `body` in a write transaction and commits it, durably. Grows the map and runs
// `body` again when the map is full. Throws what `body` throws, with nothing changed;
// Error(out_of_space) and Error(io) from the commit itself (then reopen() is due).
void update(Environment& environment, const std::function<void(WriteTransaction&)>& body);

std::string library_version();

}  // namespace slicebank::lmdb
