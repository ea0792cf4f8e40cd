#include <fmt/format.h>

#include <string>

#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/json_output.h"
#include "formats/source_tree.h"
#include "query/audit.h"
#include "schema/error.h"

namespace slicebank::cli {
namespace {

class AuditCommand : public Command {
 public:
  CLI::App* attach(CLI::App& app) override {
    CLI::App* verb =
        app.add_subcommand("audit", "Does a split leak? The same person or pixels on two sides");
    verb->add_option("bank", bank_, "The bank")->required();
    verb->add_option("split", split_, "Name of a split of ours");
    verb->add_flag("--official", official_, "The split that came with the data");
    verb->add_flag("--duplicates", duplicates_, "Groups of equal images anywhere in the bank");
    verb->add_flag("--json", json_, "As JSON");
    verb->footer("Exit code 1 when it leaks, so that a script stops.");
    return verb;
  }

  int run(Context& context) override {
    const Bank bank = Bank::open(bank_);
    if (duplicates_) return list_duplicates(context, bank);
    if (split_.empty() == !official_) {
      throw Error(ErrorCode::bad_argument,
                  "audit needs the name of a split, --official or --duplicates",
                  fmt::format("slicebank split {} list", bank_));
    }
    const AuditReport report =
        audit_split(bank, official_ ? official_split(bank) : named_split(bank));
    if (json_) {
      context.terminal.out_line(line(to_json(report)));
    } else {
      for (const AuditFinding& finding : report.findings) {
        context.terminal.out_line(fmt::format("{}: {}", finding.kind, printable(finding.message)));
      }
      context.terminal.out_line(
          fmt::format("{}: {} samples, {} subjects, {} aliases and {} images on two sides; {} "
                      "samples in no side",
                      report.split, grouped(report.samples), grouped(report.leaking_subjects),
                      grouped(report.leaking_aliases), grouped(report.leaking_images),
                      grouped(report.unassigned)));
    }
    return report.clean() ? exit_done : exit_failed;
  }

 private:
  SplitData named_split(const Bank& bank) const {
    auto split = find_split(bank, split_);
    if (split) return *std::move(split);
    std::vector<std::string> names;
    for (const SplitData& known : list_splits(bank)) names.push_back(known.name);
    const auto near = nearest_name(split_, names);
    throw Error(ErrorCode::bad_query, fmt::format("there is no split '{}' in {}", split_, bank_),
                near ? fmt::format("slicebank audit {} {}", bank_, *near)
                     : fmt::format("slicebank split {} list", bank_));
  }

  static Json numbers(const std::vector<SampleId>& ids) {
    Json json = Json::array();
    for (const SampleId id : ids) json.push_back(raw(id));
    return json;
  }

  static Json to_json(const AuditReport& report) {
    Json findings = Json::array();
    for (const AuditFinding& finding : report.findings) {
      findings.push_back({{"kind", finding.kind},
                          {"message", finding.message},
                          {"sides", finding.sides},
                          {"samples", numbers(finding.samples)}});
    }
    return {{"split", report.split},
            {"clean", report.clean()},
            {"samples", report.samples},
            {"leaking_subjects", report.leaking_subjects},
            {"leaking_aliases", report.leaking_aliases},
            {"leaking_images", report.leaking_images},
            {"unassigned", report.unassigned},
            {"findings", std::move(findings)}};
  }

  int list_duplicates(Context& context, const Bank& bank) const {
    const auto groups = duplicate_images(bank);
    for (const DuplicateImages& group : groups) {
      if (json_) {
        context.terminal.out_line(line({{"samples", numbers(group.samples)}}));
        continue;
      }
      std::string ids;
      for (const SampleId id : group.samples) ids += fmt::format(" {}", raw(id));
      context.terminal.out_line("equal pixels:" + ids);
    }
    context.terminal.say(fmt::format("{} groups of equal images", grouped(groups.size())));
    return exit_done;
  }

  std::string bank_;
  std::string split_;
  bool official_ = false;
  bool duplicates_ = false;
  bool json_ = false;
};

}  // namespace

std::unique_ptr<Command> make_audit_command() { return std::make_unique<AuditCommand>(); }

}  // namespace slicebank::cli
