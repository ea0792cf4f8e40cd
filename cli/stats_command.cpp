#include <span>
#include <string>

#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/files.h"
#include "cli/json_output.h"
#include "formats/source_tree.h"
#include "query/stats.h"
#include "store/generations.h"

namespace slicebank::cli {
namespace {

class StatsCommand : public Command {
 public:
  CLI::App* attach(CLI::App& app) override {
    CLI::App* verb =
        app.add_subcommand("stats", "Count samples, masks and subjects by what you name");
    verb->add_option("bank", bank_, "The bank")->required();
    verb->add_option("--by", by_,
                     "Comma-separated: modality, sequence, region, dataset, class, official_split, "
                     "patient, axis, split:NAME")
        ->default_val("modality,class");
    verb->add_option("--where", where_, "A filter (docs/query_language.md)");
    verb->add_option("--as-of", as_of_,
                     "Only what was there then: a generation, or a time (UTC) as 2026-11-29");
    verb->add_option("--plot", plot_, "Write a bar chart to this file, as SVG");
    verb->add_option("--measure", measure_, "What its bars are: samples, masks or subjects")
        ->check(CLI::IsMember({"samples", "masks", "subjects"}));
    verb->add_flag("--log", log_, "With a logarithmic scale");
    verb->add_option("--top", top_, "Of at most so many values (default 40)")
        ->check(CLI::PositiveNumber);
    verb->add_flag("--json", json_, "As JSON");
    verb->add_flag("--csv", csv_, "As CSV");
    return verb;
  }

  int run(Context& context) override {
    const Bank bank = Bank::open(bank_);
    StatsOptions which;
    if (!as_of_.empty()) which.select.as_of = find_generation(bank, as_of_);
    const StatsTable counts = stats(bank, split_commas(by_), where_, which);
    if (!plot_.empty()) {
      StatsChartOptions options;
      options.measure = measure_ == "masks"      ? StatsMeasure::masks
                        : measure_ == "subjects" ? StatsMeasure::subjects
                                                 : StatsMeasure::samples;
      if (log_) options.scale = ValueScale::logarithmic;
      options.categories_max = top_;
      const std::string svg = bar_chart_svg(stats_chart(counts, options));
      write_new_file(plot_, std::as_bytes(std::span(svg)));
      context.terminal.say("wrote " + plot_);
    }
    if (json_) {
      Json rows = Json::array();
      for (const StatsRow& row : counts.rows) {
        Json json;
        for (std::size_t i = 0; i < counts.by.size(); ++i) json[counts.by[i]] = row.keys[i];
        json["samples"] = row.samples;
        json["masks"] = row.masks;
        json["subjects"] = row.subjects;
        rows.push_back(std::move(json));
      }
      context.terminal.out_line(line(rows));
      return exit_done;
    }
    std::vector<std::string> header = counts.by;
    for (const char* name : {"samples", "masks", "subjects"}) header.emplace_back(name);
    Table table(std::move(header));
    for (const StatsRow& row : counts.rows) {
      std::vector<std::string> cells;
      for (const std::string& key : row.keys) cells.push_back(csv_ ? key : printable(key));
      for (const std::uint64_t number : {row.samples, row.masks, row.subjects}) {
        cells.push_back(csv_ ? std::to_string(number) : grouped(number));
      }
      table.add(std::move(cells));
    }
    context.terminal.out(csv_ ? table.csv() : table.text());
    return exit_done;
  }

 private:
  std::string bank_;
  std::string by_;
  std::string where_;
  std::string as_of_;
  std::string plot_;
  std::string measure_ = "samples";
  std::size_t top_ = 40;
  bool log_ = false;
  bool json_ = false;
  bool csv_ = false;
};

}  // namespace

std::unique_ptr<Command> make_stats_command() { return std::make_unique<StatsCommand>(); }

}  // namespace slicebank::cli
