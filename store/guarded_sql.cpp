#include "store/guarded_sql.h"

#include <memory>
#include <string>
#include <utility>

#include "schema/error.h"
#include "schema/limits.h"
#include "store/bank.h"
#include "store/facets.h"
#include "store/internal/bank_state.h"
#include "store/internal/sqlite.h"

namespace slicebank {
namespace {

// A value, or a row, of an answer. With the number of calls below it bounds what can be
// computed between two looks at the clock.
constexpr int kValueBytesMax = 200'000;
constexpr int kFunctionCallsMax = 200;

// What a SELECT may call: nothing that reads files, loads code, or takes time that grows
// faster than its input.
const std::set<std::string>& allowed_functions() {
  static const std::set<std::string> functions = {"abs",
                                                  "acos",
                                                  "asin",
                                                  "atan",
                                                  "atan2",
                                                  "avg",
                                                  "ceil",
                                                  "ceiling",
                                                  "char",
                                                  "coalesce",
                                                  "cos",
                                                  "count",
                                                  "cume_dist",
                                                  "degrees",
                                                  "dense_rank",
                                                  "exp",
                                                  "first_value",
                                                  "floor",
                                                  "format",
                                                  "glob",
                                                  "group_concat",
                                                  "hex",
                                                  "ifnull",
                                                  "iif",
                                                  "json_array",
                                                  "json_array_length",
                                                  "json_extract",
                                                  "json_group_array",
                                                  "json_group_object",
                                                  "json_object",
                                                  "json_type",
                                                  "json_valid",
                                                  "lag",
                                                  "last_value",
                                                  "lead",
                                                  "length",
                                                  "like",
                                                  "ln",
                                                  "log",
                                                  "log10",
                                                  "log2",
                                                  "lower",
                                                  "ltrim",
                                                  "max",
                                                  "min",
                                                  "mod",
                                                  "nth_value",
                                                  "ntile",
                                                  "nullif",
                                                  "percent_rank",
                                                  "pi",
                                                  "pow",
                                                  "power",
                                                  "printf",
                                                  "quote",
                                                  "radians",
                                                  "rank",
                                                  "round",
                                                  "row_number",
                                                  "rtrim",
                                                  "sign",
                                                  "sin",
                                                  "sqrt",
                                                  "substr",
                                                  "substring",
                                                  "sum",
                                                  "tan",
                                                  "total",
                                                  "trim",
                                                  "trunc",
                                                  "typeof",
                                                  "unicode",
                                                  "upper"};
  return functions;
}

// Who each sample belongs to, for matching().
sqlite::SubjectsOfSamples subjects_of_samples(const Bank& bank) {
  if (const auto facets = Facets::of(bank)) {
    try {
      return facets->subjects();
    } catch (const FacetsOutdated&) {
      throw sqlite::SnapshotOutdated{};
    }
  }
  auto subjects = std::make_shared<std::vector<std::uint32_t>>();
  for (Rows rows = select(bank, "SELECT id, subject_id FROM _sample ORDER BY id"); rows.next();) {
    const auto id = static_cast<std::uint64_t>(rows.integer(0));
    if (id >= IdSet::kIdEnd) break;
    subjects->resize(static_cast<std::size_t>(id) + 1);
    subjects->back() = static_cast<std::uint32_t>(rows.integer(1));
  }
  return subjects;
}

// Steps through the statement; how many rows were given away is counted in `rows`.
void give_rows(sqlite::Statement& statement, const GuardOptions& options, std::uint64_t& rows,
               const std::function<bool(const std::vector<SqlValue>&)>& row) {
  std::vector<SqlValue> values(static_cast<std::size_t>(statement.columns()));
  while (statement.step()) {
    if (++rows > options.rows_max) {
      throw Error(ErrorCode::limit, "more than " + std::to_string(options.rows_max) + " rows",
                  "add a LIMIT");
    }
    for (std::size_t column = 0; column < values.size(); ++column) {
      values[column] = statement.value(static_cast<int>(column));
    }
    if (!row(values)) return;
  }
}

}  // namespace

void run_guarded_sql(const Bank& bank, const std::string& sql, const GuardOptions& options,
                     const std::function<void(const std::vector<std::string>&)>& header,
                     const std::function<bool(const std::vector<SqlValue>&)>& row) {
  sqlite::GuardRules rules;
  rules.functions = allowed_functions();
  if (options.find_samples) rules.functions.insert("matches");
  rules.functions_max = kFunctionCallsMax;
  rules.value_bytes_max = kValueBytesMax;
  rules.sql_bytes_max = static_cast<int>(limits::kFilterBytesMax);
  rules.deadline = std::chrono::steady_clock::now() + options.deadline;
  rules.stop = options.stop;
  rules.find_samples = options.find_samples;
  rules.subjects = [&bank] { return subjects_of_samples(bank); };
  if (options.heap_bytes_max != 0) sqlite::set_heap_limit(options.heap_bytes_max);

  const auto connection = sqlite::Connection::open_guarded(bank.state()->index_file(), rules);
  sqlite::Statement statement = connection.prepare_guarded(sql);
  std::vector<std::string> names;
  for (int column = 0; column < statement.columns(); ++column) {
    names.emplace_back(statement.column_name(column));
  }
  header(names);
  constexpr int kTriesMax = 5;
  std::uint64_t rows = 0;
  for (int tries = 1;; ++tries) {
    try {
      return give_rows(statement, options, rows, row);
    } catch (const sqlite::SnapshotOutdated&) {
      // Nobody has seen a row yet: the same question to the newer snapshot.
      if (rows == 0 && tries < kTriesMax) {
        statement.reset();
        connection.forget_matches();
        continue;
      }
      throw Error(ErrorCode::locked, "a commit came in while the statement was at work",
                  "ask again");
    }
  }
}

}  // namespace slicebank
