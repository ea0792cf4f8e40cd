#include <fmt/format.h>

#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/json_output.h"
#include "cli/selecting.h"
#include "exporters/export.h"
#include "schema/error.h"

namespace slicebank::cli {
namespace {

constexpr std::size_t kLossesTold = 20;

class ExportCommand : public Command {
 public:
  CLI::App* attach(CLI::App& app) override {
    CLI::App* verb = app.add_subcommand("export", "Write a selection in another layout");
    verb->add_option("bank", bank_, "The bank");
    verb->add_option("destination", destination_, "Folder to make");
    verb->add_option("--format", options_.format, "Layout (see --list)");
    verb->add_flag("--list", list_, "List the layouts and end");
    which_.attach(verb);
    verb->add_option("--set", settings_, "A setting of the layout, NAME=VALUE (docs/exporters/)");
    verb->add_flag("--json", json_, "Report as JSON on stdout");
    verb->footer("Exit code 3: finished, but the layout could not hold everything.");
    return verb;
  }

  int run(Context& context) override {
    if (list_) return print_list(context);
    if (bank_.empty() || destination_.empty() || options_.format.empty()) {
      throw Error(ErrorCode::bad_argument, "export needs a bank, a folder to make and --format",
                  "slicebank export demo.bank out --format sa-med2d --where \"class = 'liver'\"");
    }
    for (const std::string& word : settings_) {
      const auto equals = word.find('=');
      if (equals == std::string::npos) {
        throw Error(ErrorCode::bad_argument, fmt::format("--set {}: there is no '='", word));
      }
      options_.settings[word.substr(0, equals)] = word.substr(equals + 1);
    }
    const Bank bank = Bank::open(bank_);
    options_.tool_version = SLICEBANK_VERSION;
    options_.stop = context.stop;
    ExportReport report;
    {
      ProgressLine line(context.terminal, "samples");
      options_.progress = [&](std::uint64_t done, std::uint64_t total) {
        line.update(done, total);
      };
      report = export_selection(which_.resolve(context, bank), destination_, options_);
    }
    for (std::size_t i = 0; i < report.losses.size() && i < kLossesTold; ++i) {
      const ExportLoss& loss = report.losses[i];
      const bool whole = raw(loss.sample) == 0;  // about the selection, not one sample
      context.terminal.warn(whole ? loss.message
                                  : fmt::format("sample {}: {}", raw(loss.sample), loss.message));
    }
    if (json_) {
      context.terminal.out_line(line({{"format", report.format},
                                      {"destination", report.destination.string()},
                                      {"samples", report.samples},
                                      {"masks", report.masks},
                                      {"files", report.files},
                                      {"bytes", report.bytes},
                                      {"losses", report.losses_total}}));
    } else {
      context.terminal.say(fmt::format("wrote {}: {} samples, {} masks, {} files, {}",
                                       report.destination.string(), grouped(report.samples),
                                       grouped(report.masks), grouped(report.files),
                                       bytes_text(report.bytes)));
      if (report.losses_total > 0) {
        context.terminal.say(fmt::format("{} things could not be held; LOSSES.jsonl lists them",
                                         grouped(report.losses_total)));
      }
    }
    return report.losses_total > 0 ? exit_skipped : exit_done;
  }

 private:
  static int print_list(Context& context) {
    Table table({"format", "writes"});
    for (const auto& exporter : exporters()) {
      table.add({std::string(exporter->name()), std::string(exporter->summary())});
    }
    context.terminal.out(table.text());
    return exit_done;
  }

  std::string bank_;
  std::string destination_;
  SelectionOptions which_;
  std::vector<std::string> settings_;
  ExportOptions options_;
  bool list_ = false;
  bool json_ = false;
};

}  // namespace

std::unique_ptr<Command> make_export_command() { return std::make_unique<ExportCommand>(); }

}  // namespace slicebank::cli
