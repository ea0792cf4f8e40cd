// A table of a query's result, column by column, and its way out as Arrow.
//
// Arrow's types are int64, double and large_utf8 (64-bit offsets); every column may hold
// nulls. The C structs are those of the Arrow C data and stream interfaces
// (https://arrow.apache.org/docs/format/CDataInterface.html), so that no Arrow library is
// needed here: pyarrow, polars, pandas and DuckDB take the capsule.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "store/select.h"

struct ArrowArrayStream;
struct ArrowSchema;

namespace slicebank::python {

// One column. It has the narrowest kind that holds all its values: whole numbers, else
// doubles, else text. A column of nulls alone is text.
class Column {
 public:
  enum class Kind : std::uint8_t { none, integer, real, text };

  explicit Column(std::string name) : name_(std::move(name)) {}

  void add_null();
  void add(std::int64_t value);
  void add(double value);
  void add(std::string_view value);
  void add(const SqlValue& value);
  void finish();  // after the last row

  const std::string& name() const noexcept { return name_; }
  Kind kind() const noexcept { return kind_; }
  std::uint64_t size() const noexcept { return size_; }
  std::uint64_t nulls() const noexcept { return nulls_; }
  bool is_null(std::uint64_t row) const noexcept;
  std::int64_t integer(std::uint64_t row) const { return integers_[row]; }
  double real(std::uint64_t row) const { return reals_[row]; }
  std::string_view text(std::uint64_t row) const;

  // What Arrow's buffers point at; they live and stay as long as the column is not added to.
  const std::vector<std::uint8_t>& valid_bits() const noexcept { return valid_bits_; }
  const std::vector<std::int64_t>& integers() const noexcept { return integers_; }
  const std::vector<double>& reals() const noexcept { return reals_; }
  const std::vector<std::int64_t>& offsets() const noexcept { return offsets_; }
  const std::string& bytes() const noexcept { return bytes_; }

 private:
  void become(Kind kind);
  void push_valid(bool valid);

  std::string name_;
  Kind kind_ = Kind::none;
  std::uint64_t size_ = 0;
  std::uint64_t nulls_ = 0;
  std::vector<std::uint8_t> valid_bits_;  // bit i % 8 of byte i / 8, 1 for a value
  std::vector<std::int64_t> integers_;
  std::vector<double> reals_;
  std::vector<std::int64_t> offsets_{0};
  std::string bytes_;
};

struct Table {
  std::vector<Column> columns;

  std::uint64_t rows() const noexcept { return columns.empty() ? 0 : columns.front().size(); }
};

// A table without rows; and one whose columns have got their last value.
std::shared_ptr<Table> table_with(const std::vector<std::string>& names);
std::shared_ptr<Table> finished(std::shared_ptr<Table> table);

// Fills what the caller has allocated. The consumer calls `release`, as the interface says;
// the stream keeps the table. One batch holds all rows.
void export_schema(const Table& table, ArrowSchema* out);
void export_stream(std::shared_ptr<const Table> table, ArrowArrayStream* out);

}  // namespace slicebank::python
