#include "store/internal/lmdb.h"

#include <lmdb.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <utility>

#include "schema/error.h"
#include "store/internal/file_system.h"
#include "store/internal/tree_walk.h"

namespace slicebank::lmdb {
namespace {

static_assert(sizeof(MDB_dbi) == sizeof(unsigned));

constexpr const char* kDatabaseNames[kDatabases] = {"records", "catalog", "meta"};
constexpr unsigned kReadersMax = 2048;
constexpr std::uint64_t kMapBytesFallback = std::uint64_t{64} << 30;
constexpr std::uint64_t kMapBytesLeast = std::uint64_t{16} << 20;
constexpr mdb_mode_t kFileMode = 0640;

// The map is full; update() grows it and tries again. Never leaves this file.
struct MapFull {};

struct CloseEnvironment {
  void operator()(MDB_env* environment) const noexcept { mdb_env_close(environment); }
};
using EnvironmentHandle = std::unique_ptr<MDB_env, CloseEnvironment>;

struct AbortTransaction {
  void operator()(MDB_txn* transaction) const noexcept { mdb_txn_abort(transaction); }
};
using TransactionHandle = std::unique_ptr<MDB_txn, AbortTransaction>;

struct CloseCursor {
  void operator()(MDB_cursor* cursor) const noexcept { mdb_cursor_close(cursor); }
};
using CursorHandle = std::unique_ptr<MDB_cursor, CloseCursor>;

// LMDB is about to end the process because its own invariant broke: say whose file it
// was. It prints the invariant itself.
void report_assert(MDB_env* environment, const char* /*message*/) {
  const auto* file = static_cast<const char*>(mdb_env_get_userctx(environment));
  for (const char* text : {"slicebank: LMDB found damage in ", file, "\n"}) {
    if (::write(STDERR_FILENO, text, std::strlen(text)) < 0) return;
  }
}

MDB_val value_of(std::string_view text) { return {text.size(), const_cast<char*>(text.data())}; }

MDB_val value_of(Bytes bytes) { return {bytes.size(), const_cast<std::byte*>(bytes.data())}; }

Bytes bytes_of(const MDB_val& value) {
  return {static_cast<const std::byte*>(value.mv_data), value.mv_size};
}

std::string_view text_of(const MDB_val& value) {
  return {static_cast<const char*>(value.mv_data), value.mv_size};
}

std::uint64_t map_bytes_wanted() {
  const char* text = std::getenv("SLICEBANK_MAP_BYTES");
  if (text == nullptr) {
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
    return kMapBytesFallback;  // their shadow memory leaves less room
#else
    return kMapBytesDefault;
#endif
  }
  const unsigned long long bytes = std::strtoull(text, nullptr, 10);
  return std::max<std::uint64_t>(bytes, kMapBytesLeast / 256);
}

std::uint64_t whole_pages(std::uint64_t bytes) {
  const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  return (bytes + page - 1) / page * page;
}

std::uint64_t file_bytes(const std::filesystem::path& file) {
  struct stat status {};
  return ::stat(file.c_str(), &status) == 0 ? static_cast<std::uint64_t>(status.st_size) : 0;
}

// Where LMDB will look when it frees a large value's pages.
bool overflow_head_is_sound(const MDB_val& value, std::size_t page_bytes) {
  constexpr std::uint16_t kOverflowPage = 0x04;
  constexpr std::size_t kPageHeader = 16;
  const auto address = reinterpret_cast<std::uintptr_t>(value.mv_data);
  if ((address & (page_bytes - 1)) != kPageHeader) return value.mv_size < page_bytes;
  const auto* head = static_cast<const std::byte*>(value.mv_data) - kPageHeader;
  std::uint16_t flags = 0;
  std::uint32_t pages = 0;
  std::memcpy(&flags, head + 10, sizeof flags);
  std::memcpy(&pages, head + 12, sizeof pages);
  return flags == kOverflowPage &&
         pages == (value.mv_size + kPageHeader + page_bytes - 1) / page_bytes;
}

}  // namespace

Environment::Environment(const std::filesystem::path& file, const EnvironmentOptions& options)
    : file_(file), file_text_(file.string()) {
  const std::uint64_t bytes = file_bytes(file);
  EnvironmentOptions careful = options;
  if (!options.create && !check_meta_pages(file)) careful.check_structure = true;

  const std::uint64_t least = whole_pages(std::max(kMapBytesLeast, bytes + bytes / 2));
  std::uint64_t wanted = std::max(whole_pages(map_bytes_wanted()), whole_pages(bytes));
  for (;;) {
    try {
      open_handle(careful, wanted);
      return;
    } catch (const std::bad_alloc&) {  // no such address space: ulimit -v, a container
      if (wanted <= least) throw Error(ErrorCode::limit, file_text_ + ": no address space for it");
      wanted = wanted > kMapBytesFallback ? kMapBytesFallback : std::max(least, wanted / 2);
    }
  }
}

Environment::~Environment() {
  for (MDB_txn* transaction : idle_) mdb_txn_abort(transaction);
  close_handle();
}

void Environment::fail(int code, const char* what) const {
  const std::string message = file_text_ + ": " + what + ": " + mdb_strerror(code);
  switch (code) {
    case ENOMEM:
      throw std::bad_alloc();
    case MDB_MAP_FULL:
      throw MapFull{};
    case ENOENT:
      throw Error(ErrorCode::not_found, message);
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_INVALID:
    case MDB_NOTFOUND:
      throw Error(ErrorCode::corrupt, message, "run `slicebank verify`");
    case MDB_VERSION_MISMATCH:
    case MDB_INCOMPATIBLE:
      throw Error(ErrorCode::wrong_version, message);
    case MDB_READERS_FULL:
      throw Error(ErrorCode::limit,
                  message + " (" + std::to_string(kReadersMax) + " at once are possible)",
                  "end some of the processes that read this bank");
    case ENOSPC:
    case EDQUOT:
      break;
    case EIO:  // what LMDB says when a write came out short
      if (no_space_left(file_.parent_path())) break;
      [[fallthrough]];
    default:
      throw Error(ErrorCode::io, message);
  }
  throw Error(ErrorCode::out_of_space,
              message + ": no space left on the disk; what was committed before is safe",
              "free some space and run it again: it goes on where it stopped");
}

void Environment::open_handle(const EnvironmentOptions& options, std::uint64_t map_bytes) {
  MDB_env* raw = nullptr;
  if (const int code = mdb_env_create(&raw); code != 0) fail(code, "create environment");
  EnvironmentHandle handle(raw);
  mdb_env_set_userctx(raw, const_cast<char*>(file_text_.c_str()));
  mdb_env_set_assert(raw, report_assert);
  int code = mdb_env_set_mapsize(raw, static_cast<std::size_t>(map_bytes));
  if (code == 0) code = mdb_env_set_maxreaders(raw, kReadersMax);
  if (code == 0) code = mdb_env_set_maxdbs(raw, kDatabases);
  const bool writable = options.writable || options.create;
  const unsigned flags = MDB_NOSUBDIR | MDB_NOTLS | (writable ? 0u : unsigned{MDB_RDONLY});
  if (code == 0) code = mdb_env_open(raw, file_text_.c_str(), flags, kFileMode);
  if (code != 0) fail(code, "open");

  env_ = raw;
  try {
    open_databases(options);
  } catch (...) {
    env_ = nullptr;
    throw;
  }
  handle.release();
  writable_ = writable;
  int dead = 0;
  mdb_reader_check(env_, &dead);
}

void Environment::open_databases(const EnvironmentOptions& options) {
  constexpr int kAttempts = 16;
  for (int attempt = 1;; ++attempt) {
    MDB_txn* raw = nullptr;
    int code = mdb_txn_begin(env_, nullptr, options.create ? 0u : unsigned{MDB_RDONLY}, &raw);
    if (code != 0) fail(code, "begin");
    TransactionHandle transaction(raw);
    if (options.check_structure) {
      // The open transaction keeps the snapshot; nothing was read through the map yet.
      TreeWalkOptions walk;
      walk.transaction = mdb_txn_id(raw);
      if (!walk_tree(file_, walk)) {
        if (attempt < kAttempts) continue;
        throw Error(ErrorCode::io, file_text_ + ": a writer is too fast for a check");
      }
    }
    for (int database = 0; database < kDatabases; ++database) {
      unsigned flags = options.create ? unsigned{MDB_CREATE} : 0u;
      if (database == static_cast<int>(Database::records)) flags |= MDB_INTEGERKEY;
      code = mdb_dbi_open(raw, kDatabaseNames[database], flags, &databases_[database]);
      if (code != 0) fail(code, kDatabaseNames[database]);
    }
    // Committing, also a read transaction, is what keeps the handles.
    if (code = mdb_txn_commit(transaction.release()); code != 0) fail(code, "commit");
    return;
  }
}

void Environment::close_handle() noexcept {
  if (env_ != nullptr) mdb_env_close(env_);
  env_ = nullptr;
}

void Environment::change_map(const std::function<void()>& change) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return !closed_; });
  closed_ = true;
  changed_.wait(lock, [this] { return inside_ == 0; });
  for (MDB_txn* transaction : idle_) mdb_txn_abort(transaction);
  idle_.clear();
  struct Reopen {
    Environment& self;
    ~Reopen() {
      self.closed_ = false;
      self.changed_.notify_all();
    }
  } reopen{*this};
  change();
}

void Environment::make_writable(bool check_structure) {
  if (writable_) {
    if (check_structure) this->check_structure();
    return;
  }
  change_map([&] {
    MDB_envinfo info{};
    if (env_ != nullptr) mdb_env_info(env_, &info);
    const std::uint64_t bytes = std::max<std::uint64_t>(info.me_mapsize, kMapBytesLeast);
    close_handle();
    try {
      open_handle({.writable = true, .create = false, .check_structure = check_structure}, bytes);
    } catch (...) {
      open_handle({}, bytes);
      throw;
    }
  });
}

void Environment::reopen() {
  change_map([&] {
    MDB_envinfo info{};
    if (env_ != nullptr) mdb_env_info(env_, &info);
    close_handle();
    open_handle({}, std::max<std::uint64_t>(info.me_mapsize, kMapBytesLeast));
  });
}

void Environment::check_structure(bool check_overflow_heads) {
  constexpr int kAttempts = 16;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    struct Inside {
      Environment& self;
      MDB_txn* transaction;
      ~Inside() { self.leave(transaction); }
    } inside{*this, enter()};
    TreeWalkOptions walk;
    walk.transaction = mdb_txn_id(inside.transaction);
    walk.check_overflow_heads = check_overflow_heads;
    if (walk_tree(file_, walk)) return;
  }
  throw Error(ErrorCode::io, file_text_ + ": a writer is too fast for a check");
}

int Environment::begin_read(MDB_txn** transaction) {
  if (env_ == nullptr) return MDB_PANIC;
  if (*transaction != nullptr) return mdb_txn_renew(*transaction);
  return mdb_txn_begin(env_, nullptr, MDB_RDONLY, transaction);
}

MDB_txn* Environment::enter() {
  constexpr int kAttempts = 8;
  for (int attempt = 0;; ++attempt) {
    MDB_txn* transaction = nullptr;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return !closed_; });
      ++inside_;
      if (!idle_.empty()) {
        transaction = idle_.back();
        idle_.pop_back();
      }
    }
    const int code = begin_read(&transaction);
    if (code == 0) return transaction;
    if (transaction != nullptr) mdb_txn_abort(transaction);
    if (code == MDB_READERS_FULL) {
      int dead = 0;
      mdb_reader_check(env_, &dead);
    }
    pass_out();
    if (attempt == kAttempts) fail(code, "begin reading");
    if (code == MDB_MAP_RESIZED) {
      // Another process grew the file beyond our map: take over its size.
      change_map([this] { mdb_env_set_mapsize(env_, 0); });
    } else if (code != MDB_BAD_RSLOT && (code != MDB_READERS_FULL || attempt > 0)) {
      fail(code, "begin reading");
    }
  }
}

void Environment::pass_out() noexcept {
  const std::lock_guard lock(mutex_);
  --inside_;
  if (closed_ && inside_ == 0) changed_.notify_all();
}

void Environment::leave(MDB_txn* transaction) noexcept {
  mdb_txn_reset(transaction);
  const std::lock_guard lock(mutex_);
  idle_.push_back(transaction);
  --inside_;
  if (closed_ && inside_ == 0) changed_.notify_all();
}

void Environment::grow() {
  change_map([this] {
    MDB_envinfo info{};
    mdb_env_info(env_, &info);
    const int code = mdb_env_set_mapsize(env_, info.me_mapsize * 2);
    if (code != 0) {
      throw Error(ErrorCode::limit, file_text_ + ": no address space for " +
                                        std::to_string(info.me_mapsize * 2) + " bytes");
    }
  });
}

int Environment::clear_stale_readers() {
  const ReadTransaction inside(*this);  // keeps the handle
  int dead = 0;
  mdb_reader_check(env_, &dead);
  return dead;
}

std::uint64_t Environment::readers() {
  const ReadTransaction inside(*this);
  std::uint64_t count = 0;
  // Line by line: a header or "(no active readers)", then one line a slot.
  mdb_reader_list(
      env_,
      [](const char* line, void* context) {
        while (*line == ' ') ++line;
        if (*line >= '0' && *line <= '9') ++*static_cast<std::uint64_t*>(context);
        return 0;
      },
      &count);
  return count;
}

std::uint64_t Environment::map_bytes() {
  const ReadTransaction inside(*this);
  MDB_envinfo info{};
  mdb_env_info(env_, &info);
  return info.me_mapsize;
}

// --- Reading

namespace {

std::optional<Bytes> get_value(MDB_txn* transaction, MDB_dbi database, MDB_val key, int* code) {
  MDB_val value{};
  *code = mdb_get(transaction, database, &key, &value);
  if (*code == MDB_NOTFOUND) {
    *code = 0;
    return std::nullopt;
  }
  return *code == 0 ? std::optional<Bytes>(bytes_of(value)) : std::nullopt;
}

MDB_val record_key(const std::uint64_t& number) {
  return {sizeof number, const_cast<std::uint64_t*>(&number)};
}

}  // namespace

ReadTransaction::ReadTransaction(Environment& environment)
    : environment_(environment), transaction_(environment.enter()) {}

ReadTransaction::~ReadTransaction() { environment_.leave(transaction_); }

std::optional<Bytes> ReadTransaction::get(Database database, std::string_view key) const {
  int code = 0;
  const auto value = get_value(transaction_, environment_.databases_[static_cast<int>(database)],
                               value_of(key), &code);
  if (code != 0) environment_.fail(code, "read");
  return value;
}

std::optional<Bytes> ReadTransaction::record(SampleId id) const {
  int code = 0;
  const std::uint64_t number = raw(id);
  const auto value =
      get_value(transaction_, environment_.databases_[static_cast<int>(Database::records)],
                record_key(number), &code);
  if (code != 0) environment_.fail(code, "read record");
  return value;
}

void ReadTransaction::scan(Database database, std::string_view prefix, const Visit& visit) const {
  MDB_cursor* cursor = nullptr;
  int code =
      mdb_cursor_open(transaction_, environment_.databases_[static_cast<int>(database)], &cursor);
  if (code != 0) environment_.fail(code, "scan");
  const CursorHandle handle(cursor);
  MDB_val key = value_of(prefix);
  MDB_val value{};
  code = mdb_cursor_get(cursor, &key, &value, prefix.empty() ? MDB_FIRST : MDB_SET_RANGE);
  while (code == 0) {
    const std::string_view found = text_of(key);
    if (found.substr(0, prefix.size()) != prefix) return;
    if (!visit(found, bytes_of(value))) return;
    code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
  }
  if (code != MDB_NOTFOUND) environment_.fail(code, "scan");
}

void ReadTransaction::scan_records(SampleId first, const VisitRecord& visit) const {
  MDB_cursor* cursor = nullptr;
  int code = mdb_cursor_open(transaction_,
                             environment_.databases_[static_cast<int>(Database::records)], &cursor);
  if (code != 0) environment_.fail(code, "scan records");
  const CursorHandle handle(cursor);
  const std::uint64_t number = raw(first);
  MDB_val key = record_key(number);
  MDB_val value{};
  code = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
  while (code == 0) {
    std::uint64_t id = 0;
    if (key.mv_size != sizeof id) environment_.fail(MDB_CORRUPTED, "scan records");
    std::memcpy(&id, key.mv_data, sizeof id);
    if (!visit(SampleId{id}, bytes_of(value))) return;
    code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
  }
  if (code != MDB_NOTFOUND) environment_.fail(code, "scan records");
}

std::uint64_t ReadTransaction::entries(Database database) const {
  MDB_stat status{};
  const int code =
      mdb_stat(transaction_, environment_.databases_[static_cast<int>(database)], &status);
  if (code != 0) environment_.fail(code, "count");
  return status.ms_entries;
}

void will_need(Bytes bytes) {
  if (bytes.empty()) return;
  const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto first = reinterpret_cast<std::uintptr_t>(bytes.data()) / page * page;
  const auto end = reinterpret_cast<std::uintptr_t>(bytes.data()) + bytes.size();
  // Advice only; a failure costs nothing but time.
  (void)::madvise(reinterpret_cast<void*>(first), end - first, MADV_WILLNEED);
}

// --- Writing

WriteTransaction::WriteTransaction(Environment& environment) : environment_(environment) {
  assert(environment.writable_);
  constexpr int kAttempts = 8;
  for (int attempt = 0;; ++attempt) {
    {
      std::unique_lock lock(environment.mutex_);
      environment.changed_.wait(lock, [&] { return !environment.closed_; });
      ++environment.inside_;
    }
    const int code = environment.env_ == nullptr
                         ? MDB_PANIC
                         : mdb_txn_begin(environment.env_, nullptr, 0, &transaction_);
    if (code == 0) return;
    environment.pass_out();
    if (code != MDB_MAP_RESIZED || attempt == kAttempts) environment.fail(code, "begin writing");
    environment.change_map([&] { mdb_env_set_mapsize(environment.env_, 0); });
  }
}

WriteTransaction::~WriteTransaction() {
  if (transaction_ != nullptr) mdb_txn_abort(transaction_);
  environment_.pass_out();
}

void WriteTransaction::check(int code, const char* what) const {
  if (code != 0) environment_.fail(code, what);
}

std::optional<Bytes> WriteTransaction::get(Database database, std::string_view key) const {
  int code = 0;
  const auto value = get_value(transaction_, environment_.databases_[static_cast<int>(database)],
                               value_of(key), &code);
  check(code, "read");
  return value;
}

std::optional<Bytes> WriteTransaction::record(SampleId id) const {
  int code = 0;
  const std::uint64_t number = raw(id);
  const auto value =
      get_value(transaction_, environment_.databases_[static_cast<int>(Database::records)],
                record_key(number), &code);
  check(code, "read record");
  return value;
}

void WriteTransaction::put(Database database, std::string_view key, Bytes value) {
  MDB_val key_value = value_of(key);
  MDB_val data = value_of(value);
  check(mdb_put(transaction_, environment_.databases_[static_cast<int>(database)], &key_value,
                &data, 0),
        "write");
}

bool WriteTransaction::erase(Database database, std::string_view key) {
  MDB_val key_value = value_of(key);
  const int code = mdb_del(transaction_, environment_.databases_[static_cast<int>(database)],
                           &key_value, nullptr);
  if (code == MDB_NOTFOUND) return false;
  check(code, "delete");
  return true;
}

void WriteTransaction::append_record(SampleId id, Bytes record) {
  const std::uint64_t number = raw(id);
  MDB_val key = record_key(number);
  MDB_val data = value_of(record);
  const int code =
      mdb_put(transaction_, environment_.databases_[static_cast<int>(Database::records)], &key,
              &data, MDB_APPEND);
  if (code == MDB_KEYEXIST) {
    throw Error(
        ErrorCode::corrupt,
        environment_.file_text_ + ": sample " + std::to_string(number) + " is not the next one",
        "run `slicebank verify`");
  }
  check(code, "write record");
}

bool WriteTransaction::erase_record(SampleId id) {
  const std::uint64_t number = raw(id);
  const auto database = environment_.databases_[static_cast<int>(Database::records)];
  MDB_val key = record_key(number);
  MDB_val value{};
  const int code = mdb_get(transaction_, database, &key, &value);
  if (code == MDB_NOTFOUND) return false;
  check(code, "read record");
  MDB_stat status{};
  check(mdb_env_stat(environment_.env_, &status), "page size");
  // Looked at where it was committed, in the map: pages that this transaction has touched lie
  // anywhere in memory, where an address says nothing.
  if (!committed_) committed_.emplace(environment_);
  const auto stored = committed_->record(id);
  if (stored && !overflow_head_is_sound(value_of(*stored), status.ms_psize)) {
    throw Error(ErrorCode::corrupt,
                environment_.file_text_ + ": the pages of sample " + std::to_string(number) +
                    " are damaged",
                "put back a copy of the bank, or import its sources into a new one");
  }
  check(mdb_del(transaction_, database, &key, nullptr), "delete record");
  return true;
}

void WriteTransaction::commit() {
  check(mdb_txn_commit(std::exchange(transaction_, nullptr)), "commit");
  // Pages that were taken and given back inside the transaction are not written; then
  // the file may end before the last page, which looks like damage at the next open.
  MDB_envinfo info{};
  MDB_stat status{};
  mdb_filehandle_t descriptor = -1;
  if (mdb_env_info(environment_.env_, &info) != 0 ||
      mdb_env_stat(environment_.env_, &status) != 0 ||
      mdb_env_get_fd(environment_.env_, &descriptor) != 0) {
    return;
  }
  const auto due = static_cast<off_t>((info.me_last_pgno + 1) * status.ms_psize);
  struct stat file {};
  if (::fstat(descriptor, &file) == 0 && file.st_size < due) {
    // A failure is mended by the walk at the next open.
    if (::ftruncate(descriptor, due) != 0) return;
  }
}

void update(Environment& environment, const std::function<void(WriteTransaction&)>& body) {
  for (;;) {
    try {
      WriteTransaction transaction(environment);
      body(transaction);
      transaction.commit();
      return;
    } catch (const MapFull&) {
      environment.grow();
    }
  }
}

std::string library_version() {
  int major = 0;
  int minor = 0;
  int patch = 0;
  mdb_version(&major, &minor, &patch);
  return std::to_string(major) + "." + std::to_string(minor) + "." + std::to_string(patch);
}

}  // namespace slicebank::lmdb
