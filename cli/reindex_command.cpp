#include <fmt/format.h>

#include <string>

#include "cli/commands.h"
#include "cli/exit_code.h"
#include "store/reindex.h"

namespace slicebank::cli {
namespace {

class ReindexCommand : public Command {
 public:
  CLI::App* attach(CLI::App& app) override {
    CLI::App* verb = app.add_subcommand("reindex", "Make the index anew from the records");
    verb->add_option("bank", bank_, "The bank")->required();
    return verb;
  }

  int run(Context& context) override {
    ReindexReport report;
    {
      ProgressLine line(context.terminal, "records");
      report = reindex(bank_,
                       [&](std::uint64_t done, std::uint64_t total) { line.update(done, total); });
    }
    for (const SampleId id : report.dropped_rows) {
      context.terminal.warn(
          fmt::format("sample {} had a row and no record; its row is gone", raw(id)));
    }
    for (const SampleId id : report.damaged) {
      context.terminal.warn(
          fmt::format("sample {} is damaged and has no row; `slicebank verify` says how", raw(id)));
    }
    context.terminal.say(fmt::format("indexed {} samples", grouped(report.samples)));
    return report.dropped_rows.empty() && report.damaged.empty() ? exit_done : exit_skipped;
  }

 private:
  std::string bank_;
};

}  // namespace

std::unique_ptr<Command> make_reindex_command() { return std::make_unique<ReindexCommand>(); }

}  // namespace slicebank::cli
