#include <fmt/format.h>

#include <string>

#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/json_output.h"
#include "store/verify.h"

namespace slicebank::cli {
namespace {

class VerifyCommand : public Command {
 public:
  CLI::App* attach(CLI::App& app) override {
    CLI::App* verb = app.add_subcommand("verify", "Is the bank sound? Changes nothing");
    verb->add_option("bank", bank_, "The bank")->required();
    verb->add_option(
            "--level", level_,
            "1 structure and counts, 2 every record's hash and row (default), 3 every pixel")
        ->check(CLI::Range(1, 3));
    verb->add_flag("--json", json_, "As JSON");
    verb->footer("Exit code 4 when something is damaged.");
    return verb;
  }

  int run(Context& context) override {
    VerifyReport report;
    {
      ProgressLine line(context.terminal, "records");
      report = verify(bank_, static_cast<VerifyLevel>(level_),
                      [&](std::uint64_t done, std::uint64_t total) { line.update(done, total); });
    }
    if (json_) {
      Json findings = Json::array();
      for (const VerifyFinding& finding : report.findings) {
        findings.push_back({{"kind", finding.kind},
                            {"sample", raw(finding.sample)},
                            {"message", finding.message}});
      }
      context.terminal.out_line(line({{"sound", report.sound()},
                                      {"level", level_},
                                      {"records", report.records},
                                      {"rows", report.rows},
                                      {"bytes", report.bytes},
                                      {"findings_total", report.findings_total},
                                      {"findings", std::move(findings)}}));
    } else {
      for (const std::string& note : report.notes) context.terminal.say(note);
      for (const VerifyFinding& finding : report.findings) {
        context.terminal.out_line(fmt::format("{}: {}", finding.kind, finding.message));
      }
      context.terminal.out_line(fmt::format("{}: {} records ({}), {} rows, {} findings",
                                            report.sound() ? "sound" : "damaged",
                                            grouped(report.records), bytes_text(report.bytes),
                                            grouped(report.rows), grouped(report.findings_total)));
    }
    return report.sound() ? exit_done : exit_damaged;
  }

 private:
  std::string bank_;
  int level_ = 2;
  bool json_ = false;
};

}  // namespace

std::unique_ptr<Command> make_verify_command() { return std::make_unique<VerifyCommand>(); }

}  // namespace slicebank::cli
