#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>

#include "cli/case_list.h"
#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/json_output.h"
#include "formats/source_tree.h"
#include "query/audit.h"
#include "query/audit_cases.h"
#include "query/audit_near.h"
#include "schema/error.h"

namespace slicebank::cli {
namespace {

class AuditCommand : public Command {
 public:
  CLI::App* attach(CLI::App& app) override {
    CLI::App* verb =
        app.add_subcommand("audit", "Does a split leak? The same person or pixels on two sides");
    verb->add_option("bank", bank_, "The bank (or --list)");
    verb->add_option("split", split_, "Name of a split of ours");
    verb->add_flag("--official", official_, "The split that came with the data");
    verb->add_flag("--duplicates", duplicates_, "Groups of equal images anywhere in the bank");
    verb->add_option("--files", files_,
                     "Split files that came with data: a file or a folder of json, jsonl, txt, csv "
                     "(docs/splits.md)");
    verb->add_option("--near", near_,
                     "Near duplicates as well: images are decoded, and at most so many bits of "
                     "their perceptual hashes differ (4 is sensible)")
        ->check(CLI::Range(0U, kNearDistanceMax));
    cases_.attach(verb);
    verb->add_flag("--record", record_, "Keep the aliases in the bank, for all splits and audits");
    verb->add_flag("--json", json_, "As JSON");
    verb->footer(
        "Exit code 1 when it leaks, so that a script stops.\n"
        "Without a bank, over the lists of a folder and the split files in it (or --files):\n"
        "  audit --list ~/SAT-DS --same-patients 'TotalSegmentator*' --same-patients "
        "'LAScarQS22_*'");
    return verb;
  }

  int run(Context& context) override {
    if (!cases_.list.empty()) return audit_list(context);
    if (bank_.empty()) {
      throw Error(ErrorCode::bad_argument, "audit needs a bank, or --list FOLDER",
                  "slicebank audit demo.bank main");
    }
    const Bank bank = Bank::open(bank_);
    const SubjectAliases aliases = cases_.read_aliases();
    if (record_) return record(context, bank, aliases);
    if (duplicates_) return list_duplicates(context, bank);
    if (!files_.empty()) return audit_files(context, bank, aliases);
    if (split_.empty() == !official_) {
      throw Error(ErrorCode::bad_argument,
                  "audit needs the name of a split, --official, --files or --duplicates",
                  fmt::format("slicebank split {} list", bank_));
    }
    return audit(context, bank, official_ ? official_split(bank) : named_split(bank), aliases);
  }

 private:
  AuditOptions options(const SubjectAliases& aliases) const {
    AuditOptions made;
    made.aliases = &aliases;
    if (near_) made.near_distance = *near_;
    return made;
  }

  int audit(Context& context, const Bank& bank, const SplitData& split,
            const SubjectAliases& aliases) const {
    const AuditReport report = audit_split(bank, split, options(aliases));
    print(context, report);
    return report.clean() ? exit_done : exit_failed;
  }

  void print(Context& context, const AuditReport& report) const {
    if (json_) {
      context.terminal.out_line(line(to_json(report)));
      return;
    }
    for (const AuditFinding& finding : report.findings) {
      context.terminal.out_line(fmt::format("{}: {}", finding.kind, printable(finding.message)));
    }
    context.terminal.out_line(fmt::format(
        "{}: {} samples, {} subjects, {} aliases and {} images on two sides{}; {} samples in no "
        "side",
        report.split, grouped(report.samples), grouped(report.leaking_subjects),
        grouped(report.leaking_aliases), grouped(report.leaking_images),
        near_ ? fmt::format(", {} pairs of subjects with near duplicates",
                            grouped(report.leaking_near))
              : "",
        grouped(report.unassigned)));
  }

  // Split files over a bank: what they say twice, and then as any split.
  int audit_files(Context& context, const Bank& bank, const SubjectAliases& aliases) const {
    bool clean = true;
    for (const ListedSplit& listed : read_split_lists(files_)) {
      const PlacedSplit placed = place_split(bank, listed);
      for (const ListPlaces::Twice& twice : placed.listed_twice) {
        clean = false;
        if (!json_) context.terminal.out_line("listed: " + printable(twice.text()));
      }
      for (std::size_t i = 0; i < std::min<std::size_t>(placed.unmatched_names.size(), 10); ++i) {
        context.terminal.say("no sample answers to " + printable(placed.unmatched_names[i]));
      }
      if (placed.unmatched > 0) {
        context.terminal.say(
            fmt::format("{}: {} names find no sample", listed.name, grouped(placed.unmatched)));
      }
      const AuditReport report = audit_split(bank, placed.split, options(aliases));
      clean = clean && report.clean();
      if (json_) {
        context.terminal.out_line(line(to_json(report, placed)));
      } else {
        print(context, report);
      }
    }
    return clean ? exit_done : exit_failed;
  }

  int audit_list(Context& context) const {
    const CaseList cases = read_case_list(cases_.list, cases_.format);
    for (const std::string& why : cases.why) context.terminal.warn(printable(why));
    const std::string lists = files_.empty() ? cases.lists : files_;
    if (lists.empty()) {
      throw Error(ErrorCode::not_found,
                  fmt::format("there are no split files beside the lists of {}", cases_.list),
                  "name them with --files");
    }
    const SubjectAliases aliases = cases_.read_aliases();
    bool clean = true;
    for (const ListedSplit& listed : read_split_lists(lists)) {
      const CaseAudit report = audit_cases(cases.rows, listed, &aliases);
      context.terminal.out(json_ ? report.to_json() + "\n" : report.to_text());
      clean = clean && report.clean();
    }
    return clean ? exit_done : exit_failed;
  }

  int record(Context& context, const Bank& bank, const SubjectAliases& aliases) const {
    if (aliases.empty()) {
      throw Error(ErrorCode::bad_argument, "there are no aliases to record",
                  "--aliases FILE, or --same-patients A,B");
    }
    const RecordedAliases recorded = record_aliases(bank, aliases);
    context.terminal.out_line(
        json_ ? line({{"persons", recorded.groups},
                      {"subjects", recorded.subjects},
                      {"changed", recorded.changed}})
              : fmt::format("{} persons of several names ({} subjects); {} subjects changed",
                            grouped(recorded.groups), grouped(recorded.subjects),
                            grouped(recorded.changed)));
    return exit_done;
  }

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
            {"leaking_near", report.leaking_near},
            {"unassigned", report.unassigned},
            {"findings", std::move(findings)}};
  }

  static Json to_json(const AuditReport& report, const PlacedSplit& placed) {
    Json json = to_json(report);
    json["clean"] = report.clean() && placed.listed_twice.empty();
    for (const ListPlaces::Twice& twice : placed.listed_twice) {
      json["findings"].push_back({{"kind", "listed"},
                                  {"message", twice.text()},
                                  {"sides", twice.sides},
                                  {"samples", Json::array()}});
    }
    json["listed_twice"] = placed.listed_twice.size();
    json["unmatched"] = placed.unmatched;
    return json;
  }

  int list_duplicates(Context& context, const Bank& bank) const {
    if (near_) return list_near(context, bank);
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

  int list_near(Context& context, const Bank& bank) const {
    NearOptions near_options;
    near_options.distance = *near_;
    const auto pairs = near_duplicates(bank, near_options);
    for (const NearPair& pair : pairs) {
      context.terminal.out_line(
          json_ ? line({{"samples", {raw(pair.first), raw(pair.second)}},
                        {"distance", pair.distance},
                        {"subject_pair_total", pair.images}})
                : fmt::format("near: {} {} ({} bits; {} such images of these two subjects)",
                              raw(pair.first), raw(pair.second), pair.distance, pair.images));
    }
    context.terminal.say(fmt::format("{} pairs of subjects", grouped(pairs.size())));
    return exit_done;
  }

  std::string bank_;
  std::string split_;
  std::string files_;
  std::optional<unsigned> near_;
  CaseOptions cases_;
  bool record_ = false;
  bool official_ = false;
  bool duplicates_ = false;
  bool json_ = false;
};

}  // namespace

std::unique_ptr<Command> make_audit_command() { return std::make_unique<AuditCommand>(); }

}  // namespace slicebank::cli
