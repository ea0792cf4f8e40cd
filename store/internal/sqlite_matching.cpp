// matches() and matching(): filters inside of the user's own SELECT. store/guarded_sql.h says
// what they are for.
#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <exception>
#include <new>
#include <utility>

#include "store/internal/sqlite.h"
#include "store/internal/sqlite_handle.h"

namespace slicebank::sqlite {
namespace {

// Filters whose samples are held at once; a statement with more of them, such as one that
// makes a filter out of every row, answers them again.
constexpr std::size_t kFoundMax = 16;

// --- What a filter finds, once a statement

std::shared_ptr<FoundRows> find(Handle& handle, const std::string& filter) {
  if (const auto known = handle.found.find(filter); known != handle.found.end()) {
    return known->second;
  }
  handle.watchdog->check();
  const Watchdog::Scope scope(*handle.watchdog);
  auto found = std::make_shared<FoundRows>();
  found->matches = handle.rules->find_samples(filter);
  if (found->matches.generation != handle.snapshot_generation()) throw SnapshotOutdated{};
  if (handle.found.size() >= kFoundMax) handle.found.clear();
  return handle.found.emplace(filter, std::move(found)).first->second;
}

void load_subjects(Handle& handle) {
  if (handle.subjects) return;
  const Watchdog::Scope scope(*handle.watchdog);
  handle.subjects = handle.rules->subjects();
}

std::uint32_t subject_of(const Handle& handle, std::uint32_t id) {
  return id < handle.subjects->size() ? (*handle.subjects)[id] : 0;
}

// Ids ordered by subject, equal ones as they are: a pass for every 11 bits of a subject's
// number, and a look at the clock before each.
std::vector<std::uint32_t> ordered_by_subject(const Handle& handle,
                                              std::vector<std::uint32_t> ids) {
  constexpr unsigned kBits = 11;
  constexpr std::uint32_t kMask = (1u << kBits) - 1;
  std::uint32_t most = 0;
  for (const std::uint32_t id : ids) most = std::max(most, subject_of(handle, id));
  std::vector<std::uint32_t> sorted(ids.size());
  for (unsigned shift = 0; shift < 32 && most >> shift != 0; shift += kBits) {
    handle.watchdog->check();
    std::array<std::size_t, kMask + 2> starts{};
    for (const std::uint32_t id : ids) ++starts[(subject_of(handle, id) >> shift & kMask) + 1];
    for (std::size_t i = 1; i < starts.size(); ++i) starts[i] += starts[i - 1];
    for (const std::uint32_t id : ids) {
      sorted[starts[subject_of(handle, id) >> shift & kMask]++] = id;
    }
    ids.swap(sorted);
  }
  return ids;
}

std::string text_of(sqlite3_value* value) {
  const unsigned char* text = sqlite3_value_text(value);
  if (text == nullptr) return {};
  return {reinterpret_cast<const char*>(text),
          static_cast<std::size_t>(sqlite3_value_bytes(value))};
}

// Runs `body`; what it throws is kept for Handle::fail(), because nothing may be thrown
// through SQLite. The code to return.
template <typename Body>
int kept_inside(const Handle& handle, const Body& body) noexcept {
  try {
    body();
    return SQLITE_OK;
  } catch (const std::bad_alloc&) {
    return SQLITE_NOMEM;
  } catch (...) {
    handle.failure = std::current_exception();
    return SQLITE_ERROR;
  }
}

// --- matches(sample_id, filter)

void matches(sqlite3_context* context, int /*count*/, sqlite3_value** values) {
  auto& handle = *static_cast<Handle*>(sqlite3_user_data(context));
  // The filter stays the same from row to row, nearly always: its samples are kept beside it.
  auto* found = static_cast<std::shared_ptr<FoundRows>*>(sqlite3_get_auxdata(context, 1));
  std::shared_ptr<FoundRows> fresh;
  if (found == nullptr) {
    const int code = kept_inside(handle, [&] { fresh = find(handle, text_of(values[1])); });
    if (code != SQLITE_OK) {
      sqlite3_result_error(context, "the filter of matches() has no answer", -1);
      sqlite3_result_error_code(context, code);
      return;
    }
  }
  const FoundRows& rows = found != nullptr ? **found : *fresh;
  const sqlite3_int64 id = sqlite3_value_int64(values[0]);
  const bool is_id = sqlite3_value_type(values[0]) == SQLITE_INTEGER && id >= 0 &&
                     id < static_cast<sqlite3_int64>(IdSet::kIdEnd);
  sqlite3_result_int(context,
                     is_id && rows.matches.ids.contains(SampleId{static_cast<std::uint64_t>(id)}));
  if (!fresh) return;
  auto* kept = new (std::nothrow) std::shared_ptr<FoundRows>(std::move(fresh));
  if (kept == nullptr) return;
  sqlite3_set_auxdata(context, 1, kept, [](void* pointer) {
    delete static_cast<std::shared_ptr<FoundRows>*>(pointer);
  });
}

// --- matching(filter): a table of id and subject_id

enum Column : int { column_id, column_subject, column_filter };
enum Plan : int { plan_one_id = 1, plan_by_subject = 2 };

struct Table : sqlite3_vtab {
  Handle* handle = nullptr;
};

struct Cursor : sqlite3_vtab_cursor {
  std::shared_ptr<FoundRows> found;
  const std::vector<std::uint32_t>* ids = nullptr;  // what is gone through; or else one_id
  std::size_t at = 0;
  std::size_t end = 0;
  std::uint32_t one_id = 0;

  std::uint32_t id() const { return ids != nullptr ? (*ids)[at] : one_id; }
};

Handle& handle_of(sqlite3_vtab_cursor* cursor) {
  return *static_cast<Table*>(cursor->pVtab)->handle;
}

int connect(sqlite3* database, void* context, int /*count*/, const char* const* /*arguments*/,
            sqlite3_vtab** table, char** /*message*/) {
  const int code = sqlite3_declare_vtab(
      database, "CREATE TABLE x(id INTEGER, subject_id INTEGER, filter HIDDEN)");
  if (code != SQLITE_OK) return code;
  sqlite3_vtab_config(database, SQLITE_VTAB_DIRECTONLY);
  auto* made = new (std::nothrow) Table();
  if (made == nullptr) return SQLITE_NOMEM;
  made->handle = static_cast<Handle*>(context);
  *table = made;
  return SQLITE_OK;
}

int disconnect(sqlite3_vtab* table) {
  delete static_cast<Table*>(table);
  return SQLITE_OK;
}

// Whether the rows can come in the order that is asked for; `by_subject` says which it is.
bool can_order(const sqlite3_index_info& info, bool* by_subject) {
  *by_subject = false;
  if (info.nOrderBy == 0) return false;
  for (int i = 0; i < info.nOrderBy; ++i) {
    if (info.aOrderBy[i].desc != 0) return false;
  }
  const int first = info.aOrderBy[0].iColumn;
  if (first == column_id) return true;  // no two rows have the same
  *by_subject = first == column_subject;
  return *by_subject && (info.nOrderBy == 1 || info.aOrderBy[1].iColumn == column_id);
}

int best_index(sqlite3_vtab* table, sqlite3_index_info* info) {
  constexpr double kRows = 100'000;  // of a filter; nobody knows
  int filter = -1;
  int one_id = -1;
  bool filter_named = false;
  for (int i = 0; i < info->nConstraint; ++i) {
    const auto& constraint = info->aConstraint[i];
    if (constraint.op != SQLITE_INDEX_CONSTRAINT_EQ) continue;
    filter_named = filter_named || constraint.iColumn == column_filter;
    if (constraint.usable == 0) continue;
    if (constraint.iColumn == column_filter) filter = i;
    if (constraint.iColumn == column_id || constraint.iColumn == -1) one_id = i;
  }
  if (filter < 0) {
    if (filter_named) return SQLITE_CONSTRAINT;  // in this order of tables only
    table->zErrMsg = sqlite3_mprintf("matching needs a filter, as matching('lesion')");
    return SQLITE_ERROR;
  }
  info->aConstraintUsage[filter].argvIndex = 1;
  info->aConstraintUsage[filter].omit = 1;
  bool by_subject = false;
  if (one_id >= 0) {
    info->aConstraintUsage[one_id].argvIndex = 2;
    info->idxNum = plan_one_id;
    info->idxFlags = SQLITE_INDEX_SCAN_UNIQUE;
    info->estimatedCost = 1;
    info->estimatedRows = 1;
  } else {
    info->estimatedCost = kRows;
    info->estimatedRows = static_cast<sqlite3_int64>(kRows);
  }
  if (can_order(*info, &by_subject)) {
    info->orderByConsumed = 1;
    if (by_subject) info->idxNum |= plan_by_subject;
  }
  return SQLITE_OK;
}

int open_cursor(sqlite3_vtab* /*table*/, sqlite3_vtab_cursor** cursor) {
  *cursor = new (std::nothrow) Cursor();
  return *cursor == nullptr ? SQLITE_NOMEM : SQLITE_OK;
}

int close_cursor(sqlite3_vtab_cursor* cursor) {
  delete static_cast<Cursor*>(cursor);
  return SQLITE_OK;
}

void begin_one(Cursor& cursor, sqlite3_value* value) {
  cursor.ids = nullptr;
  cursor.end = 0;
  // What is no whole number is no id; 7.0 is one to SQLite, which compares for itself.
  if (sqlite3_value_numeric_type(value) == SQLITE_NULL) return;
  const sqlite3_int64 id = sqlite3_value_int64(value);
  if (id < 0 || id >= static_cast<sqlite3_int64>(IdSet::kIdEnd)) return;
  cursor.one_id = static_cast<std::uint32_t>(id);
  cursor.end = cursor.found->matches.ids.contains(SampleId{cursor.one_id}) ? 1 : 0;
}

int begin(sqlite3_vtab_cursor* base, int plan, const char* /*text*/, int /*count*/,
          sqlite3_value** values) {
  auto& cursor = *static_cast<Cursor*>(base);
  Handle& handle = handle_of(base);
  return kept_inside(handle, [&] {
    cursor.at = 0;
    cursor.found = find(handle, text_of(values[0]));
    FoundRows& found = *cursor.found;
    if ((plan & plan_one_id) != 0) return begin_one(cursor, values[1]);
    if (found.ids.empty()) found.ids = found.matches.ids.raw_ids();
    cursor.ids = &found.ids;
    cursor.end = found.ids.size();
    if ((plan & plan_by_subject) == 0) return;
    load_subjects(handle);
    if (found.by_subject.empty()) found.by_subject = ordered_by_subject(handle, found.ids);
    cursor.ids = &found.by_subject;
  });
}

int next(sqlite3_vtab_cursor* cursor) {
  ++static_cast<Cursor*>(cursor)->at;
  return SQLITE_OK;
}

int at_end(sqlite3_vtab_cursor* base) {
  const auto& cursor = *static_cast<Cursor*>(base);
  return cursor.at >= cursor.end ? 1 : 0;
}

int column(sqlite3_vtab_cursor* base, sqlite3_context* context, int number) {
  const auto& cursor = *static_cast<Cursor*>(base);
  Handle& handle = handle_of(base);
  if (number == column_id) {
    sqlite3_result_int64(context, cursor.id());
  } else if (number == column_subject) {
    const int code = kept_inside(handle, [&] { load_subjects(handle); });
    if (code != SQLITE_OK) return code;
    sqlite3_result_int64(context, subject_of(handle, cursor.id()));
  }
  return SQLITE_OK;
}

int row_id(sqlite3_vtab_cursor* cursor, sqlite3_int64* id) {
  *id = static_cast<Cursor*>(cursor)->id();
  return SQLITE_OK;
}

const sqlite3_module& matching_module() {
  static const sqlite3_module module = [] {
    sqlite3_module made{};
    made.xConnect = connect;  // without xCreate: there is one, and nobody makes another
    made.xBestIndex = best_index;
    made.xDisconnect = disconnect;
    made.xOpen = open_cursor;
    made.xClose = close_cursor;
    made.xFilter = begin;
    made.xNext = next;
    made.xEof = at_end;
    made.xColumn = column;
    made.xRowid = row_id;
    return made;
  }();
  return module;
}

}  // namespace

void add_matching(Handle& handle) {
  constexpr int kFlags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY;
  int code = sqlite3_create_function_v2(handle.database, "matches", 2, kFlags, &handle, matches,
                                        nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) handle.fail(code, "matches");
  code =
      sqlite3_create_module_v2(handle.database, "matching", &matching_module(), &handle, nullptr);
  if (code != SQLITE_OK) handle.fail(code, "matching");
  handle.tables.insert("matching");
}

}  // namespace slicebank::sqlite
