// The guard of the user's own SELECT: store/guarded_sql.h.
#include <sqlite3.h>

#include <algorithm>
#include <cassert>
#include <charconv>
#include <utility>

#include "schema/error.h"
#include "store/internal/sqlite.h"
#include "store/internal/sqlite_handle.h"

namespace slicebank::sqlite {
namespace {

constexpr int kProgressSteps = 1000;

int deny(Handle& handle, const std::string& reason) {
  if (handle.refusal.empty()) handle.refusal = reason;
  return SQLITE_DENY;
}

int authorize(void* context, int action, const char* first, const char* second,
              const char* database, const char* /*view*/) {
  auto& handle = *static_cast<Handle*>(context);
  const auto text = [](const char* value) { return std::string(value == nullptr ? "" : value); };
  switch (action) {
    case SQLITE_SELECT:
    case SQLITE_RECURSIVE:
      return SQLITE_OK;
    case SQLITE_READ:
      // A table none of whose columns is used comes without the name of its database. So
      // does a common table expression, under a name of the user's choice.
      if (database != nullptr && text(database) != "main") break;
      if (handle.tables.contains(text(first))) return SQLITE_OK;
      if (database == nullptr && text(second).empty() && !handle.modules.contains(text(first)) &&
          !text(first).starts_with("pragma_")) {
        return SQLITE_OK;
      }
      break;
    case SQLITE_FUNCTION:
      if (!handle.rules->functions.contains(text(second))) {
        return deny(handle, "the function " + text(second) + " is not allowed");
      }
      if (++handle.functions > handle.rules->functions_max) {
        return deny(handle, "more than " + std::to_string(handle.rules->functions_max) +
                                " function calls in one statement");
      }
      return SQLITE_OK;
    default:
      return deny(handle, "only one SELECT that reads is allowed");
  }
  return deny(handle, "reading " + text(first) + " is not allowed");
}

int out_of_time(void* context) {
  return static_cast<const Handle*>(context)->watchdog->late() ? 1 : 0;
}

void set_limits(sqlite3* database, const GuardRules& rules) {
  const std::pair<int, int> limits[] = {
      {SQLITE_LIMIT_LENGTH, rules.value_bytes_max},
      {SQLITE_LIMIT_SQL_LENGTH, rules.sql_bytes_max},
      {SQLITE_LIMIT_COLUMN, 100},
      {SQLITE_LIMIT_EXPR_DEPTH, 50},
      {SQLITE_LIMIT_COMPOUND_SELECT, 10},
      {SQLITE_LIMIT_VDBE_OP, 25'000},
      {SQLITE_LIMIT_FUNCTION_ARG, 32},
      {SQLITE_LIMIT_ATTACHED, 0},
      {SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 50},
      {SQLITE_LIMIT_VARIABLE_NUMBER, 100},
      {SQLITE_LIMIT_TRIGGER_DEPTH, 1},
      {SQLITE_LIMIT_WORKER_THREADS, 0},
  };
  for (const auto& [limit, value] : limits) sqlite3_limit(database, limit, value);
}

// A prepared statement, or null for a text of nothing but blanks and comments.
sqlite3_stmt* prepare_user(Handle& handle, const std::string& sql, std::size_t at,
                           std::size_t* end) {
  handle.functions = 0;
  handle.refusal.clear();
  sqlite3_stmt* statement = nullptr;
  const char* tail = nullptr;
  const int code = sqlite3_prepare_v3(handle.database, sql.c_str() + at,
                                      static_cast<int>(sql.size() - at + 1), 0, &statement, &tail);
  if (code == SQLITE_OK) {
    *end = static_cast<std::size_t>(tail - sql.c_str());
    return statement;
  }
  if ((code & 0xff) == SQLITE_INTERRUPT || (code & 0xff) == SQLITE_NOMEM) handle.fail(code, "SQL");
  const int offset = sqlite3_error_offset(handle.database);
  const std::size_t column = at + (offset < 0 ? 0 : static_cast<std::size_t>(offset));
  const std::string reason =
      handle.refusal.empty() ? sqlite3_errmsg(handle.database) : handle.refusal;
  throw QueryError(reason, sql, std::min(column, sql.size()),
                   "the views to read from: datasets, subjects, volumes, samples, masks, labels, "
                   "classes, coverage, splits, imports, problems, mask_counts, sample_counts");
}

}  // namespace

Connection Connection::open_guarded(const std::filesystem::path& file, const GuardRules& rules) {
  Connection connection = open(file, Purpose::read);
  Handle& handle = *connection.handle_;
  configure(handle.database, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0);
  configure(handle.database, SQLITE_DBCONFIG_ENABLE_FTS3_TOKENIZER, 0);
  configure(handle.database, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0);
  configure(handle.database, SQLITE_DBCONFIG_DQS_DML, 0);
  configure(handle.database, SQLITE_DBCONFIG_DQS_DDL, 0);
  // A sort in memory happens in one step; a small cache keeps that step short.
  connection.execute("PRAGMA cache_size = -2000");
  handle.tables = {"sqlite_schema", "sqlite_master"};
  Statement tables = connection.prepare("SELECT name FROM sqlite_schema WHERE type <> 'index'");
  while (tables.step()) handle.tables.emplace(tables.text(0));
  Statement modules = connection.prepare("PRAGMA module_list");
  while (modules.step()) handle.modules.emplace(modules.text(0));
  handle.rules = rules;
  if (rules.find_samples) {
    add_matching(handle);
    // SQLite makes the table with its first use, by a CREATE TABLE that the guard would refuse.
    (void)connection.prepare("SELECT id FROM matching('')");
    handle.generation = std::make_unique<Statement>(
        connection.prepare("SELECT value FROM _meta WHERE key = 'generation'"));
  }
  set_limits(handle.database, rules);
  sqlite3_set_authorizer(handle.database, authorize, &handle);
  handle.watchdog = std::make_unique<Watchdog>(rules.deadline, rules.stop);
  handle.watchdog->watch(handle.database);
  sqlite3_progress_handler(handle.database, kProgressSteps, out_of_time, &handle);
  return connection;
}

Generation Handle::snapshot_generation() const {
  std::uint64_t number = 0;
  if (generation->step()) {
    const std::string_view text = generation->text(0);
    std::from_chars(text.data(), text.data() + text.size(), number);
  }
  generation->reset();
  return Generation{number};
}

void Connection::forget_matches() const {
  handle_->found.clear();
  handle_->subjects.reset();
}

Statement Connection::prepare_guarded(std::string_view sql) const {
  assert(handle_->rules);
  const std::string text(sql);
  if (text.size() > static_cast<std::size_t>(handle_->rules->sql_bytes_max)) {
    throw QueryError("the statement has " + std::to_string(text.size()) + " bytes; " +
                         std::to_string(handle_->rules->sql_bytes_max) + " are possible",
                     text, 0);
  }
  if (const auto zero = text.find('\0'); zero != std::string::npos) {
    throw QueryError("a zero byte in the statement", text, zero);
  }
  std::size_t end = 0;
  Statement result;
  result.owner_ = handle_.get();
  result.handle_.reset(prepare_user(*handle_, text, 0, &end));
  if (!result.handle_) throw QueryError("there is no statement", text, 0);
  if (sqlite3_stmt_readonly(result.handle_.get()) == 0) {
    throw QueryError("only one SELECT that reads is allowed", text, 0);
  }
  while (end < text.size()) {
    const std::size_t begin = end;
    const auto more = prepare_user(*handle_, text, begin, &end);
    if (more != nullptr) {
      sqlite3_finalize(more);
      throw QueryError("more than one statement", text, begin);
    }
    if (end == begin) break;
  }
  return result;
}

}  // namespace slicebank::sqlite
