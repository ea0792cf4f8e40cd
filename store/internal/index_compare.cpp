#include "store/internal/index_compare.h"

#include <algorithm>
#include <compare>
#include <span>
#include <vector>

#include "store/id_set.h"
#include "store/internal/hash.h"
#include "store/select.h"

namespace slicebank {
namespace {

using Row = std::vector<SqlValue>;

struct TableShape {
  std::string name;
  std::size_t columns = 0;
  std::vector<std::size_t> key;   // columns of the primary key, in its order
  std::string order;              // the same as SQL
  std::size_t sample_column = 0;  // 1-based; 0: none
};

std::vector<std::string> table_names(const sqlite::Connection& connection) {
  std::vector<std::string> names;
  auto rows = connection.prepare(
      "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' "
      "ORDER BY name");
  while (rows.step()) names.emplace_back(rows.text(0));
  return names;
}

TableShape shape_of(const sqlite::Connection& connection, const std::string& name) {
  TableShape shape;
  shape.name = name;
  std::vector<std::pair<std::int64_t, std::string>> keys;  // place in the key, column
  auto rows = connection.prepare("PRAGMA table_info(" + name + ")");
  while (rows.step()) {
    const std::string column(rows.text(1));
    if (column == "sample_id" || (name == "_sample" && column == "id")) {
      shape.sample_column = shape.columns + 1;
    }
    if (const std::int64_t place = rows.integer(5); place != 0) {
      const auto at = static_cast<std::size_t>(place - 1);
      if (shape.key.size() <= at) {
        shape.key.resize(at + 1);
        keys.resize(at + 1);
      }
      shape.key[at] = shape.columns;
      keys[at] = {place, column};
    }
    ++shape.columns;
  }
  for (const auto& [place, column] : keys) shape.order += (place == 1 ? "" : ", ") + column;
  return shape;
}

// One table's rows, the current one at hand.
class Cursor {
 public:
  Cursor(const sqlite::Connection& connection, const TableShape& shape)
      : shape_(shape),
        rows_(connection.prepare("SELECT * FROM " + shape.name + " ORDER BY " + shape.order)) {
    advance();
  }

  bool at_end() const { return at_end_; }
  const Row& row() const { return row_; }

  void advance() {
    at_end_ = !rows_.step();
    if (at_end_) return;
    row_.clear();
    for (std::size_t column = 0; column < shape_.columns; ++column) {
      row_.push_back(rows_.value(static_cast<int>(column)));
    }
  }

 private:
  const TableShape& shape_;
  sqlite::Statement rows_;
  Row row_;
  bool at_end_ = false;
};

int compare_keys(const TableShape& shape, const Row& left, const Row& right) {
  for (const std::size_t column : shape.key) {
    if (left[column] < right[column]) return -1;
    if (right[column] < left[column]) return 1;
  }
  return 0;
}

std::string text_of(const SqlValue& value) {
  if (const auto* integer = std::get_if<std::int64_t>(&value)) return std::to_string(*integer);
  if (const auto* real = std::get_if<double>(&value)) return std::to_string(*real);
  if (const auto* text = std::get_if<std::string>(&value)) return "'" + *text + "'";
  return "NULL";
}

std::string key_text(const TableShape& shape, const Row& row) {
  std::string text = shape.name + " (";
  for (const std::size_t column : shape.key) {
    if (column != shape.key.front()) text += ", ";
    text += text_of(row[column]);
  }
  return text + ")";
}

SampleId sample_of(const TableShape& shape, const Row& row) {
  if (shape.sample_column == 0) return SampleId{};
  const auto* id = std::get_if<std::int64_t>(&row[shape.sample_column - 1]);
  return id == nullptr ? SampleId{} : SampleId{static_cast<std::uint64_t>(*id)};
}

// A bitmap may be written in several ways, each release of the library choosing its own:
// there it is the ids that count, and that hash and bytes belong together.
bool same_facet(const Row& expected, const Row& kept) {
  constexpr std::size_t kHashColumn = 4;
  constexpr std::size_t kIdsColumn = 5;
  const auto* wanted = std::get_if<std::string>(&expected[kIdsColumn]);
  const auto* got = std::get_if<std::string>(&kept[kIdsColumn]);
  const auto* hash = std::get_if<std::int64_t>(&kept[kHashColumn]);
  if (wanted == nullptr || got == nullptr || hash == nullptr) return false;
  if (expected[kHashColumn - 1] != kept[kHashColumn - 1]) return false;
  const auto bytes_of = [](const std::string& text) {
    return std::as_bytes(std::span(text.data(), text.size()));
  };
  return static_cast<std::int64_t>(hash64(bytes_of(*got))) == *hash &&
         IdSet::from_bytes(bytes_of(*got)) == IdSet::from_bytes(bytes_of(*wanted));
}

bool same_rows(const TableShape& shape, const Row& expected, const Row& kept) {
  return expected == kept || (shape.name == "_facet" && same_facet(expected, kept));
}

void compare_table(const TableShape& shape, const sqlite::Connection& expected_connection,
                   const sqlite::Connection& kept_connection,
                   const std::function<void(const IndexDifference&)>& visit) {
  const bool samples = shape.name == "_sample";
  Cursor expected(expected_connection, shape);
  Cursor kept(kept_connection, shape);
  while (!expected.at_end() || !kept.at_end()) {
    const int order = expected.at_end() ? 1
                      : kept.at_end()   ? -1
                                        : compare_keys(shape, expected.row(), kept.row());
    if (order < 0) {
      visit({samples ? "record-without-row" : "index-differs", sample_of(shape, expected.row()),
             "the index lacks " + key_text(shape, expected.row())});
      expected.advance();
    } else if (order > 0) {
      visit({samples ? "row-without-record" : "index-differs", sample_of(shape, kept.row()),
             "only the index has " + key_text(shape, kept.row())});
      kept.advance();
    } else {
      if (!same_rows(shape, expected.row(), kept.row())) {
        visit({samples ? "row-differs" : "index-differs", sample_of(shape, kept.row()),
               "the index has other values for " + key_text(shape, kept.row())});
      }
      expected.advance();
      kept.advance();
    }
  }
}

// The fixed numbers that SQLite's planner goes by. A table of SQLite's own, without a key.
void compare_planner_numbers(const sqlite::Connection& expected, const sqlite::Connection& kept,
                             const std::function<void(const IndexDifference&)>& visit) {
  if (kept.integer("SELECT count(*) FROM sqlite_schema WHERE name = 'sqlite_stat1'") == 0) {
    visit({"index-differs", SampleId{}, "the index lacks sqlite_stat1"});
    return;
  }
  TableShape shape;
  shape.name = "sqlite_stat1";
  shape.columns = 3;  // tbl, idx, stat
  shape.key = {0, 1};
  shape.order = "tbl, idx";
  compare_table(shape, expected, kept, visit);
}

}  // namespace

void compare_indices(const sqlite::Connection& expected, const sqlite::Connection& kept,
                     const std::function<void(const IndexDifference&)>& visit) {
  auto names = table_names(expected);
  const auto kept_names = table_names(kept);
  constexpr const char* kVersion = "PRAGMA user_version";
  const bool older = kept.integer(kVersion) < expected.integer(kVersion);
  if (older) {
    // An index of an older build lacks what came after it, and nothing else.
    std::erase_if(names, [&](const std::string& name) {
      return std::find(kept_names.begin(), kept_names.end(), name) == kept_names.end();
    });
  }
  if (names != kept_names) {
    visit({"index-differs", SampleId{}, "the index has other tables"});
    return;
  }
  for (const std::string& name : names) {
    if (name == "_pending_delete") continue;  // work in progress, of no record
    compare_table(shape_of(expected, name), expected, kept, visit);
  }
  if (!older) compare_planner_numbers(expected, kept, visit);
}

}  // namespace slicebank
