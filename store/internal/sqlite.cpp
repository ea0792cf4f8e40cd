#include "store/internal/sqlite.h"

#include <sqlite3.h>

#include <cassert>
#include <new>
#include <utility>

#include "schema/error.h"
#include "store/internal/file_system.h"
#include "store/internal/sqlite_handle.h"

namespace slicebank::sqlite {

namespace {

constexpr int kBusyTimeoutMs = 10'000;
constexpr std::size_t kKeptMax = 64;           // statements
constexpr std::size_t kKeptBytesMax = 16'384;  // of a statement's text

std::string reindex_hint(const std::filesystem::path& file) {
  return "run `slicebank reindex " + file.parent_path().string() + "`";
}

sqlite3* open_database(const std::filesystem::path& file, int flags) {
  sqlite3* database = nullptr;
  const int code = sqlite3_open_v2(file.c_str(), &database,
                                   flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
  if (code == SQLITE_OK) return database;
  const std::string message =
      file.string() + ": " + (database != nullptr ? sqlite3_errmsg(database) : "out of memory");
  sqlite3_close_v2(database);
  if ((flags & SQLITE_OPEN_READWRITE) != 0 && no_space_left(file.parent_path())) {
    throw Error(ErrorCode::out_of_space, message + ": no space left on the disk");
  }
  std::error_code ignored;
  if (!std::filesystem::exists(file, ignored)) {
    throw Error(ErrorCode::needs_reindex, file.string() + " is not there", reindex_hint(file));
  }
  throw Error(ErrorCode::io, message);
}

std::unique_ptr<Handle> open_handle(const std::filesystem::path& file, int flags) {
  auto handle = std::make_unique<Handle>();
  handle->file = file;
  handle->database = open_database(file, flags);
  sqlite3_busy_timeout(handle->database, kBusyTimeoutMs);
  return handle;
}

void execute_on(const Handle& handle, const std::string& sql) {
  const int code = sqlite3_exec(handle.database, sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) handle.fail(code, sql.substr(0, 60));
}

}  // namespace

void configure(sqlite3* database, int option, int value) {
  const int code = sqlite3_db_config(database, option, value, nullptr);
  assert(code == SQLITE_OK);
  (void)code;
}

void interrupt(sqlite3* database) { sqlite3_interrupt(database); }

// --- Handle

Handle::~Handle() {
  watchdog.reset();
  generation.reset();
  kept.clear();
  sqlite3_close_v2(database);
}

void Handle::fail(int code, const std::string& what) const {
  if (failure) std::rethrow_exception(std::exchange(failure, nullptr));
  const std::string message = file.string() + ": " + what + ": " +
                              (code == SQLITE_OK ? "unknown" : sqlite3_errmsg(database));
  switch (code & 0xff) {
    case SQLITE_NOMEM:
      throw std::bad_alloc();
    case SQLITE_FULL:
      break;
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
      if (no_space_left(file.parent_path())) break;
      throw Error(ErrorCode::io, message);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      throw Error(ErrorCode::needs_reindex, message, reindex_hint(file));
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      throw Error(ErrorCode::locked, message);
    case SQLITE_INTERRUPT:
      Watchdog::throw_interrupted(
          (rules && rules->stop.stop_requested()) ||
          (Watchdog::of_this_thread() != nullptr && Watchdog::of_this_thread()->stopped()));
    case SQLITE_TOOBIG:
      throw Error(ErrorCode::limit, message);
    case SQLITE_ERROR:
    case SQLITE_MISMATCH:
    case SQLITE_RANGE:
    case SQLITE_MISUSE:
    case SQLITE_AUTH:
    case SQLITE_CONSTRAINT:
      throw Error(ErrorCode::bad_query, message);
    default:
      throw Error(ErrorCode::io, message);
  }
  throw Error(ErrorCode::out_of_space,
              message + ": no space left on the disk; what was committed before is safe",
              "free some space and run it again: it goes on where it stopped");
}

// --- Statement

void Statement::Finalize::operator()(sqlite3_stmt* statement) const noexcept {
  sqlite3_finalize(statement);
}

Statement& Statement::bind(int parameter, std::int64_t value) {
  const int code = sqlite3_bind_int64(handle_.get(), parameter, value);
  if (code != SQLITE_OK) owner_->fail(code, "bind");
  return *this;
}

Statement& Statement::bind(int parameter, double value) {
  const int code = sqlite3_bind_double(handle_.get(), parameter, value);
  if (code != SQLITE_OK) owner_->fail(code, "bind");
  return *this;
}

Statement& Statement::bind(int parameter, std::string_view value) {
  const char* data = value.data() == nullptr ? "" : value.data();
  const int code = sqlite3_bind_text64(handle_.get(), parameter, data, value.size(),
                                       SQLITE_TRANSIENT, SQLITE_UTF8);
  if (code != SQLITE_OK) owner_->fail(code, "bind");
  return *this;
}

Statement& Statement::bind_null(int parameter) {
  const int code = sqlite3_bind_null(handle_.get(), parameter);
  if (code != SQLITE_OK) owner_->fail(code, "bind");
  return *this;
}

Statement& Statement::bind_blob(int parameter, std::span<const std::byte> value) {
  const int code = sqlite3_bind_blob64(handle_.get(), parameter,
                                       value.empty() ? static_cast<const void*>("") : value.data(),
                                       value.size(), SQLITE_TRANSIENT);
  if (code != SQLITE_OK) owner_->fail(code, "bind");
  return *this;
}

Statement& Statement::bind(int parameter, const SqlValue& value) {
  if (const auto* integer = std::get_if<std::int64_t>(&value)) return bind(parameter, *integer);
  if (const auto* real = std::get_if<double>(&value)) return bind(parameter, *real);
  if (const auto* text = std::get_if<std::string>(&value)) {
    return bind(parameter, std::string_view(*text));
  }
  return bind_null(parameter);
}

bool Statement::step() {
  const int code = sqlite3_step(handle_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  owner_->fail(code, "step");
}

void Statement::reset() noexcept { sqlite3_reset(handle_.get()); }

void Statement::run() {
  try {
    while (step()) {
    }
  } catch (...) {
    reset();
    throw;
  }
  reset();
}

int Statement::columns() const { return sqlite3_column_count(handle_.get()); }

std::string_view Statement::column_name(int column) const {
  const char* name = sqlite3_column_name(handle_.get(), column);
  return name == nullptr ? std::string_view() : std::string_view(name);
}

bool Statement::is_null(int column) const {
  return sqlite3_column_type(handle_.get(), column) == SQLITE_NULL;
}

std::int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(handle_.get(), column);
}

double Statement::real(int column) const { return sqlite3_column_double(handle_.get(), column); }

std::string_view Statement::text(int column) const {
  const unsigned char* text = sqlite3_column_text(handle_.get(), column);
  if (text == nullptr) return {};
  return {reinterpret_cast<const char*>(text),
          static_cast<std::size_t>(sqlite3_column_bytes(handle_.get(), column))};
}

std::span<const std::byte> Statement::blob(int column) const {
  const void* data = sqlite3_column_blob(handle_.get(), column);
  const int bytes = sqlite3_column_bytes(handle_.get(), column);
  return {static_cast<const std::byte*>(data), static_cast<std::size_t>(bytes)};
}

SqlValue Statement::value(int column) const {
  switch (sqlite3_column_type(handle_.get(), column)) {
    case SQLITE_INTEGER:
      return integer(column);
    case SQLITE_FLOAT:
      return real(column);
    case SQLITE_NULL:
      return std::monostate{};
    default:
      return std::string(text(column));
  }
}

// --- Connection

Connection::Connection(std::unique_ptr<Handle> handle) : handle_(std::move(handle)) {}
Connection::Connection(Connection&&) noexcept = default;
Connection& Connection::operator=(Connection&&) noexcept = default;
Connection::~Connection() = default;

namespace {

// Who is killed while an index leaves its write-ahead log leaves a rollback journal, which
// a read-only connection may not undo and so refuses to read past. Any connection that may
// write undoes it as it first reads; where the journal belongs to somebody alive, SQLite
// leaves it alone.
void undo_journal_of_the_dead(const std::filesystem::path& file) noexcept {
  std::error_code ignored;
  if (!std::filesystem::exists(file.string() + "-journal", ignored)) return;
  sqlite3* database = nullptr;
  if (sqlite3_open_v2(file.c_str(), &database, SQLITE_OPEN_READWRITE, nullptr) == SQLITE_OK) {
    sqlite3_busy_timeout(database, 2000);
    // Where this fails, the read-only connection says why.
    sqlite3_exec(database, "SELECT count(*) FROM sqlite_schema", nullptr, nullptr, nullptr);
  }
  sqlite3_close(database);
}

}  // namespace

Connection Connection::open(const std::filesystem::path& file, Purpose purpose) {
  if (purpose == Purpose::read) undo_journal_of_the_dead(file);
  const int flags = purpose == Purpose::read     ? SQLITE_OPEN_READONLY
                    : purpose == Purpose::create ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
                                                 : SQLITE_OPEN_READWRITE;
  Connection connection(open_handle(file, flags));
  sqlite3* database = connection.handle_->database;
  configure(database, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0);
  switch (purpose) {
    case Purpose::create:
      connection.execute(
          "PRAGMA cell_size_check = ON;"
          "PRAGMA page_size = 8192; PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = OFF;"
          "PRAGMA synchronous = OFF; PRAGMA secure_delete = ON; PRAGMA cache_size = -262144");
      break;
    case Purpose::write:
      connection.execute(
          "PRAGMA cell_size_check = ON;"
          "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON;"
          "PRAGMA cache_size = -65536");
      break;
    case Purpose::read:
      // The last reader must not be the one to unlink a log that lies under a name by now
      // another index has.
      configure(database, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1);
      configure(database, SQLITE_DBCONFIG_DEFENSIVE, 1);
      // No cell_size_check: it would look through a whole page of the map each time one is
      // come by, two thirds of a look-up's time. integrity_check, in `verify`, finds the same.
      connection.execute(
          "PRAGMA query_only = ON; PRAGMA mmap_size = 2147418112; PRAGMA cache_size = -16384");
      break;
  }
  return connection;
}

void Connection::execute(const std::string& sql) { execute_on(*handle_, sql); }

Statement Connection::prepare(std::string_view sql) const {
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v3(handle_->database, sql.data(), static_cast<int>(sql.size()),
                                      0, &statement, nullptr);
  if (code != SQLITE_OK) handle_->fail(code, std::string(sql.substr(0, 200)));
  Statement result;
  result.owner_ = handle_.get();
  result.handle_.reset(statement);
  return result;
}

Statement Connection::take_prepared(const std::string& sql) const {
  const auto known = handle_->kept.find(sql);
  if (known == handle_->kept.end()) return prepare(sql);
  Statement statement = std::move(known->second);
  handle_->kept.erase(known);
  return statement;
}

void Connection::keep_prepared(const std::string& sql, Statement&& statement) const noexcept {
  if (!statement.handle_ || sql.size() > kKeptBytesMax) return;
  statement.reset();
  sqlite3_clear_bindings(statement.handle_.get());
  try {
    if (handle_->kept.size() >= kKeptMax) handle_->kept.clear();
    handle_->kept.insert_or_assign(sql, std::move(statement));
  } catch (const std::bad_alloc&) {
    // It is only made again next time.
  }
}

std::int64_t Connection::integer(std::string_view sql, std::int64_t otherwise) const {
  Statement statement = prepare(sql);
  return statement.step() && !statement.is_null(0) ? statement.integer(0) : otherwise;
}

std::string Connection::text(std::string_view sql) const {
  Statement statement = prepare(sql);
  return statement.step() ? std::string(statement.text(0)) : std::string();
}

void Connection::checkpoint() const {
  // Readers may hold parts of the log back; the next checkpoint takes them.
  sqlite3_busy_timeout(handle_->database, 0);
  sqlite3_wal_checkpoint_v2(handle_->database, nullptr, SQLITE_CHECKPOINT_TRUNCATE, nullptr,
                            nullptr);
  sqlite3_busy_timeout(handle_->database, kBusyTimeoutMs);
}

bool Connection::leave_write_ahead_log(const std::filesystem::path& file) {
  try {
    const Connection connection(open_handle(file, SQLITE_OPEN_READWRITE));
    sqlite3_busy_timeout(connection.handle_->database, 0);
    return connection.text("PRAGMA journal_mode = DELETE") == "delete";
  } catch (const Error&) {
    return false;
  }
}

const std::filesystem::path& Connection::file() const { return handle_->file; }

// --- Watched

Watched::Watched(const Connection& connection)
    : watchdog_(Watchdog::of_this_thread()), database_(connection.handle_->database) {
  if (watchdog_ == nullptr) return;
  watchdog_->check();
  watchdog_->watch(database_);
}

Watched::~Watched() {
  if (watchdog_ != nullptr) watchdog_->leave(database_);
}

// --- Transaction

Transaction::Transaction(Connection& connection) : connection_(connection) {
  connection_.execute("BEGIN IMMEDIATE");
}

Transaction::~Transaction() {
  if (!open_) return;
  try {
    connection_.execute("ROLLBACK");
  } catch (const std::exception&) {
    // SQLite has already rolled back by itself, as it does after a full disk.
  }
}

void Transaction::commit() {
  connection_.execute("COMMIT");
  open_ = false;
}

void set_heap_limit(std::uint64_t bytes) {
  sqlite3_hard_heap_limit64(static_cast<sqlite3_int64>(bytes));
}

std::string library_version() { return sqlite3_libversion(); }

}  // namespace slicebank::sqlite
