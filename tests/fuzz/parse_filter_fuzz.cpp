// A filter that somebody typed, or made: whatever is read is written again the same, and
// what becomes SQL is SQL that SQLite takes.
#include <cstdlib>
#include <string>

#include "query/filter.h"
#include "query/filter_explain.h"
#include "query/filter_sql.h"
#include "query/internal/normal_form.h"
#include "query/selection.h"
#include "schema/error.h"
#include "schema/limits.h"
#include "store/bank.h"
#include "store/select.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/temp_dir.h"

namespace slicebank {
namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

// An empty bank: statements are compiled and run against its tables.
class EmptyBank {
 public:
  EmptyBank() : bank_(Bank::create(directory_ / "fuzz.bank")) {}
  const Bank& bank() const { return bank_; }

 private:
  testing::TempDir directory_;
  Bank bank_;
};

void run(const FilterSql& sql) {
  static const EmptyBank empty;
  require(!select(empty.bank(), sql.ids, sql.ids_values).next());
  require(!select(empty.bank(), "SELECT 1 FROM _sample s WHERE " + sql.where, sql.values).next());
  if (sql.count.empty()) return;
  Rows count = select(empty.bank(), sql.count, sql.count_values);
  require(count.next() && count.integer(0) == 0);
}

void fuzz_sort_keys(const std::string& text) {
  try {
    require(!parse_sort_keys(text).empty());
  } catch (const QueryError& error) {
    require(error.column() <= text.size());
  }
}

void fuzz_text(const std::string& text) {
  fuzz_sort_keys(text);
  FilterPtr filter;
  try {
    filter = parse_filter(text);
  } catch (const QueryError& error) {
    require(error.column() <= text.size());
    return;
  }
  const std::string again = to_text(*filter);
  if (again.size() <= limits::kFilterBytesMax) {
    require(same_filter(*filter, *parse_filter(again)));
  }

  // The form that is compiled is a filter like any other.
  const FilterPtr normal = normal_form(*filter);
  require(same_filter(*normal, *normal_form(*normal)));
  require(!tree_text(*normal).empty());

  FilterNames names;
  names.taxonomy = &Taxonomy::builtin();
  names.datasets = {"AMOS22", "LiTS"};
  names.splits = {"main"};
  names.split_sides = {{"train", "val"}};
  try {
    run(to_sql(*filter, names, text));
  } catch (const QueryError& error) {
    require(error.column() <= text.size());
  }
}

}  // namespace
}  // namespace slicebank

void fuzz_one(const std::uint8_t* data, std::size_t size) {
  slicebank::fuzz_text(std::string(data, data + size));
}
