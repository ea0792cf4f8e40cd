#include <fmt/format.h>

#include <chrono>
#include <string>

#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/json_output.h"
#include "formats/source_tree.h"
#include "query/sql.h"
#include "schema/error.h"

namespace slicebank::cli {
namespace {

constexpr std::uint64_t kHeapBytesMax = 2'000'000'000;  // of SQLite in this process
constexpr std::size_t kRowsMeasured = 200;              // of a table, to choose its widths

class SqlCommand : public Command {
 public:
  CLI::App* attach(CLI::App& app) override {
    CLI::App* verb = app.add_subcommand("sql", "One read-only SELECT on the index");
    verb->add_option("bank", bank_, "The bank")->required();
    verb->add_option("statement", statement_, "As SELECT class, count(*) FROM masks GROUP BY class")
        ->required();
    verb->add_option("--timeout", seconds_, "Seconds it may take (default 60)")
        ->check(CLI::PositiveNumber);
    auto* json = verb->add_flag("--json", json_, "One JSON object a line");
    auto* csv = verb->add_flag("--csv", csv_, "As CSV");
    verb->add_flag("--table", table_, "As a table (default)")->excludes(json)->excludes(csv);
    csv->excludes(json);
    verb->footer(
        "Views: datasets, subjects, volumes, samples, masks, labels, classes, coverage, splits,\n"
        "imports, problems, mask_counts, sample_counts, generations. Anything but a SELECT is\n"
        "refused. Filters as in `query`: matches(sample_id, 'FILTER') in a WHERE, or the table\n"
        "matching('FILTER') of id and subject_id.");
    return verb;
  }

  int run(Context& context) override {
    const Bank bank = Bank::open(bank_);
    GuardOptions guard;
    guard.deadline = std::chrono::milliseconds(static_cast<std::int64_t>(seconds_ * 1000));
    guard.heap_bytes_max = kHeapBytesMax;
    guard.stop = context.stop;
    std::vector<std::string> names;
    std::unique_ptr<Table> table;  // of the rows not printed yet
    std::size_t held = 0;
    bool first = true;
    // A long table is printed in pieces, so that memory does not grow with it; CSV and JSON
    // row by row.
    const auto flush = [&] {
      if (table) context.terminal.out(csv_ ? table->csv(first) : table->text(first));
      table = std::make_unique<Table>(names);
      first = false;
      held = 0;
    };
    const auto run = [&] {
      run_sql(
          bank, statement_, guard,
          [&](const std::vector<std::string>& header) {
            names = header;
            if (!json_) table = std::make_unique<Table>(names);
          },
          [&](const std::vector<SqlValue>& row) {
            if (json_) {
              print_object(context, names, row);
              return true;
            }
            std::vector<std::string> cells;
            cells.reserve(row.size());
            for (const SqlValue& value : row) cells.push_back(cell(value));
            table->add(std::move(cells));
            if (++held == (csv_ ? 1 : kRowsMeasured)) flush();
            return true;
          });
    };
    // What was answered before the deadline or Ctrl-C is printed, then the error.
    try {
      run();
    } catch (const Error& error) {
      if (error.code() == ErrorCode::interrupted && held > 0) flush();
      throw;
    }
    flush();
    return exit_done;
  }

 private:
  static void print_object(Context& context, const std::vector<std::string>& names,
                           const std::vector<SqlValue>& row) {
    Json json = Json::object();
    for (std::size_t i = 0; i < row.size(); ++i) json[names[i]] = to_json(row[i]);
    context.terminal.out_line(line(json));
  }

  std::string cell(const SqlValue& value) const {
    if (std::holds_alternative<std::monostate>(value)) return {};
    if (const auto* number = std::get_if<std::int64_t>(&value)) return std::to_string(*number);
    if (const auto* number = std::get_if<double>(&value)) return fmt::format("{}", *number);
    return csv_ ? std::get<std::string>(value) : printable(std::get<std::string>(value));
  }

  std::string bank_;
  std::string statement_;
  double seconds_ = 60;
  bool json_ = false;
  bool csv_ = false;
  bool table_ = false;
};

}  // namespace

std::unique_ptr<Command> make_sql_command() { return std::make_unique<SqlCommand>(); }

}  // namespace slicebank::cli
