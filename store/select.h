// A bound SELECT on the index and its rows, without sqlite3.h: what query/ speaks to.
//
// The SQL is ours, never the user's (that is store/guarded_sql.h); values are always
// bound. Rows hold a read transaction while they live: keep them short. One Rows object
// belongs to one thread; many threads may each have their own.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace slicebank {

class Bank;

using SqlValue = std::variant<std::monostate, std::int64_t, double, std::string>;

class Rows {
 public:
  // Steps to the next row; false at the end.
  bool next();

  int columns() const;
  std::string_view column_name(int column) const;

  // Values of the current row. Text lives until next().
  bool is_null(int column) const;
  std::int64_t integer(int column) const;
  double real(int column) const;
  std::string_view text(int column) const;
  SqlValue value(int column) const;

  Rows(Rows&&) noexcept;
  Rows& operator=(Rows&&) noexcept;
  Rows(const Rows&) = delete;
  Rows& operator=(const Rows&) = delete;
  ~Rows();

  struct Impl;
  explicit Rows(std::unique_ptr<Impl> impl);

 private:
  std::unique_ptr<Impl> impl_;
};

// Throws Error(bad_query) when SQLite refuses the statement (a bug of ours, then).
Rows select(const Bank& bank, const std::string& sql, const std::vector<SqlValue>& values = {});

// The text of SQLite's plan for the statement, a line a step.
std::string explain(const Bank& bank, const std::string& sql,
                    const std::vector<SqlValue>& values = {});

}  // namespace slicebank
