// RAII over SQLite. Only sqlite.cpp, sqlite_guard.cpp and sqlite_matching.cpp include
// <sqlite3.h>.
//
// A Connection and its Statements belong to one thread at a time (NOMUTEX).
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <set>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "store/guarded_sql.h"
#include "store/select.h"

struct sqlite3;
struct sqlite3_stmt;

namespace slicebank::sqlite {

struct Handle;  // an open connection; Statements keep a pointer to it

class Statement {
 public:
  Statement() = default;
  Statement(Statement&&) noexcept = default;
  Statement& operator=(Statement&&) noexcept = default;

  // Parameters count from 1.
  Statement& bind(int parameter, std::int64_t value);
  Statement& bind(int parameter, double value);
  Statement& bind(int parameter, std::string_view value);  // copied
  Statement& bind_null(int parameter);
  Statement& bind_blob(int parameter, std::span<const std::byte> value);  // copied
  Statement& bind(int parameter, const SqlValue& value);

  // Binds all parameters, from the first on.
  template <typename... Values>
  Statement& bind_all(const Values&... values) {
    int parameter = 0;
    (bind_one(++parameter, values), ...);
    return *this;
  }

  bool step();  // false at the end
  void reset() noexcept;
  void run();  // steps to the end and resets

  // Columns count from 0; text and blobs live until the next step.
  int columns() const;
  std::string_view column_name(int column) const;
  bool is_null(int column) const;
  std::int64_t integer(int column) const;
  double real(int column) const;
  std::string_view text(int column) const;
  std::span<const std::byte> blob(int column) const;
  SqlValue value(int column) const;  // a blob as the text of its bytes

 private:
  friend class Connection;
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const noexcept;
  };

  template <typename Value>
  void bind_one(int parameter, const Value& value) {
    if constexpr (std::is_enum_v<Value>) {
      bind(parameter, static_cast<std::int64_t>(value));
    } else if constexpr (std::is_integral_v<Value>) {
      bind(parameter, static_cast<std::int64_t>(value));
    } else if constexpr (std::is_floating_point_v<Value>) {
      bind(parameter, static_cast<double>(value));
    } else {
      bind(parameter, std::string_view(value));
    }
  }

  const Handle* owner_ = nullptr;
  std::unique_ptr<sqlite3_stmt, Finalize> handle_;
};

enum class Purpose {
  create,  // a new file, nobody else knows it: no journal, no syncs
  write,   // the writer: WAL, every commit synced
  read,    // query_only
};

// The subject of each sample, at the place of its id; 0 where there is no such sample.
using SubjectsOfSamples = std::shared_ptr<const std::vector<std::uint32_t>>;

// What matches() and matching() saw belongs to another generation than the statement's
// snapshot. Begin the statement again.
struct SnapshotOutdated {};

// What a guarded connection lets through. See store/guarded_sql.cpp for the values.
struct GuardRules {
  std::set<std::string> functions;  // lower case
  int functions_max = 0;            // calls in one statement
  int value_bytes_max = 0;
  int sql_bytes_max = 0;
  std::chrono::steady_clock::time_point deadline;
  std::stop_token stop;
  // Without the first there are no matches() and matching().
  std::function<SampleMatches(const std::string& filter)> find_samples;
  std::function<SubjectsOfSamples()> subjects;
};

void interrupt(sqlite3* database);

class Connection {
 public:
  // Error(needs_reindex) when the file is no SQLite database or not there.
  static Connection open(const std::filesystem::path& file, Purpose purpose);

  // READONLY with everything of reliability.md E15 switched on; one statement at a time.
  // A statement that breaks the rules throws QueryError from prepare_guarded().
  static Connection open_guarded(const std::filesystem::path& file, const GuardRules& rules);

  Connection(Connection&&) noexcept;
  Connection& operator=(Connection&&) noexcept;
  ~Connection();

  // Runs statements without results; ours, never the user's.
  void execute(const std::string& sql);
  Statement prepare(std::string_view sql) const;

  // The same out of those that were kept: preparing takes longer than many a question.
  Statement take_prepared(const std::string& sql) const;
  void keep_prepared(const std::string& sql, Statement&& statement) const noexcept;
  Statement prepare_guarded(std::string_view sql) const;
  // Of a guarded one: what its statement's filters found, before it begins again.
  void forget_matches() const;

  // The one value of a statement with one row, or `otherwise`.
  std::int64_t integer(std::string_view sql, std::int64_t otherwise = 0) const;
  std::string text(std::string_view sql) const;

  // Moves the write-ahead log into the file, as far as readers allow.
  void checkpoint() const;

  // Moves the log into the file and does away with it. False when others have the file
  // open, or when it is damaged or not there.
  static bool leave_write_ahead_log(const std::filesystem::path& file);

  const std::filesystem::path& file() const;

 private:
  friend class Watched;
  explicit Connection(std::unique_ptr<Handle> handle);
  std::unique_ptr<Handle> handle_;
};

class Watchdog;

// Holds a connection to the time limit of this thread, if it has one. Error(interrupted)
// when that is over.
class Watched {
 public:
  explicit Watched(const Connection& connection);
  ~Watched();
  Watched(const Watched&) = delete;
  Watched& operator=(const Watched&) = delete;

 private:
  Watchdog* watchdog_;
  sqlite3* database_;
};

// A transaction: undone unless commit() was called.
class Transaction {
 public:
  explicit Transaction(Connection& connection);  // BEGIN IMMEDIATE
  ~Transaction();
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  void commit();

 private:
  Connection& connection_;
  bool open_ = true;
};

// Process-wide ceiling on SQLite's memory, in bytes; 0 lifts it.
void set_heap_limit(std::uint64_t bytes);

std::string library_version();

}  // namespace slicebank::sqlite
