// A piece of SQL with the values it binds, and how pieces join.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "store/select.h"

namespace slicebank {

// SQL text whose `?` stand for `values` in order.
struct SqlPiece {
  std::string sql;
  std::vector<SqlValue> values;
  unsigned levels = 0;  // nested AND, OR and NOT; SQLite's parser has a short stack

  SqlPiece() = default;
  explicit SqlPiece(std::string_view text) : sql(text) {}

  SqlPiece& operator<<(std::string_view text) {
    sql += text;
    return *this;
  }
  SqlPiece& operator<<(const SqlPiece& other) {
    sql += other.sql;
    values.insert(values.end(), other.values.begin(), other.values.end());
    if (other.levels > levels) levels = other.levels;
    return *this;
  }
  SqlPiece& bind(SqlValue value) {
    sql += '?';
    values.push_back(std::move(value));
    return *this;
  }
  // (?, ?, ...)
  SqlPiece& bind_list(const std::vector<SqlValue>& list);
};

// A condition that is never or always true.
SqlPiece sql_constant(bool value);

SqlPiece sql_not(const SqlPiece& part);

// The parts joined by " AND " or " OR ", in chunks, so that ten thousand of them make no
// chain that is deeper than SQLite allows. No parts: true for AND, false for OR.
SqlPiece sql_join(const std::vector<SqlPiece>& parts, bool conjunction);

}  // namespace slicebank
