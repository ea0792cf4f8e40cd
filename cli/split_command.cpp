#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <set>
#include <span>
#include <string>

#include "cli/case_list.h"
#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/files.h"
#include "cli/json_output.h"
#include "cli/selecting.h"
#include "query/audit_cases.h"
#include "query/split.h"
#include "query/split_compare.h"
#include "query/split_list.h"
#include "schema/error.h"
#include "store/split_data.h"
#include "store/writer.h"

namespace slicebank::cli {
namespace {

class SplitCommand : public Command {
 public:
  CLI::App* attach(CLI::App& app) override {
    const std::vector<std::string> actions = {"create", "extend",  "redraw", "list",
                                              "show",   "compare", "ids",    "delete"};
    CLI::App* verb = app.add_subcommand("split", "Make, list, show, compare and delete splits");
    verb->add_option("bank", bank_, "The bank (or --list)");
    verb->add_option("action", action_, "create, extend, redraw, list, show, compare, ids, delete")
        ->check(CLI::IsMember(actions));
    verb->add_option("name", name_, "The split's name; for ids also the side: main:train");
    verb->add_option("other", other_, "compare: the split to compare with");
    which_.attach(verb);
    verb->add_option("--ratio", ratio_, "As train=0.8,val=0.1,test=0.1 (the default)");
    verb->add_option("--folds", options_.folds, "k folds instead: fold0, fold1, ...");
    verb->add_option("--repeats", repeats_, "So many splits, NAME-1, NAME-2, ..., each anew")
        ->check(CLI::Range(1U, 1000U));
    verb->add_option("--leave-out", options_.leave_out,
                     "A side for each dataset, modality or sequence instead, to leave out in turn");
    verb->add_option("--hold-out", hold_out_,
                     "SIDE=FILTER: the subjects it finds are this side, the rest is divided; with "
                     "--list SIDE=DATASET,...")
        ->allow_extra_args(false);
    verb->add_option("--group", group_, "subject (default), volume or sample: what stays together")
        ->check(CLI::IsMember({"subject", "volume", "sample"}));
    verb->add_option(
        "--stratify", stratify_,
        "Keep the balance of class, modality, sequence, dataset, region (default class)");
    verb->add_option("--weight", weight_,
                     "Of a class count samples (default), masks, pixels or presence")
        ->check(CLI::IsMember({"samples", "masks", "pixels", "presence"}));
    verb->add_option("--seed", options_.seed, "Same seed, same split (default 0)");
    verb->add_flag("--official", options_.honour_official,
                   "Samples that come with a split keep it; the rest is divided");
    verb->add_flag("--ignore-equal-pixels{false}", options_.join_equal_pixels,
                   "Do not keep samples with the same pixels together");
    verb->add_option("--fix", fix_, "redraw: the sides that stay as they are (default test)");
    cases_.attach(verb);
    verb->add_option("--keep", keep_, "With --list: a split file whose cases keep their side");
    verb->add_option("-o,--out", out_, "With --list: the split as CSV, to a file");
    verb->add_option("--plot", plot_, "Picture of the balance to write, SVG");
    verb->add_flag("--json", json_, "As JSON");
    verb->footer(
        "extend gives new samples a side; everyone who has one keeps it. redraw keeps the sides "
        "of\n"
        "--fix and draws the others anew, with --seed. create --aliases joins names for this "
        "split;\n"
        "`audit BANK --aliases FILE --record` joins them for good.\n"
        "Without a bank: split --list ~/SAT-DS --ratio train=0.8,test=0.2 \\\n"
        "  --same-patients 'TotalSegmentator*' --same-patients 'LAScarQS22_*' -o split.csv");
    return verb;
  }

  int run(Context& context) override {
    options_.group = group_ == "volume"   ? SplitGroup::volume
                     : group_ == "sample" ? SplitGroup::sample
                                          : SplitGroup::subject;
    options_.weight = weight_ == "masks"      ? SplitWeight::masks
                      : weight_ == "pixels"   ? SplitWeight::pixels
                      : weight_ == "presence" ? SplitWeight::presence
                                              : SplitWeight::samples;
    if (!cases_.list.empty()) return split_cases(context);
    if (bank_.empty() || action_.empty()) {
      throw Error(ErrorCode::bad_argument, "split needs a bank and what to do, or --list FOLDER",
                  "slicebank split demo.bank create main");
    }
    const Bank bank = Bank::open(bank_);
    if (action_ == "list") return list(context, bank);
    if (name_.empty()) {
      throw Error(ErrorCode::bad_argument, fmt::format("split {} needs a name", action_),
                  fmt::format("slicebank split {} {} main", bank_, action_));
    }
    if (action_ == "create") return create(context, bank, nullptr);
    if (action_ == "extend") return extend(context, bank, {});
    if (action_ == "redraw") return extend(context, bank, split_commas(fix_));
    if (action_ == "show") return show(context, bank);
    if (action_ == "compare") return compare(context, bank);
    if (action_ == "ids") return ids(context, bank);
    return remove(context);
  }

 private:
  void set_shares() {
    options_.stratify = split_commas(stratify_);
    if (options_.folds == 0 && options_.leave_out.empty() && options_.ratios.empty()) {
      options_.ratios = parse_ratios(ratio_);
    }
  }

  // "SIDE=rest", at the first sign of equality.
  static std::pair<std::string, std::string> side_and_rest(const std::string& text) {
    const auto equals = text.find('=');
    if (equals == std::string::npos || equals == 0 || equals + 1 == text.size()) {
      throw Error(ErrorCode::bad_argument, fmt::format("--hold-out: '{}' is not SIDE=FILTER", text),
                  "--hold-out \"test=dataset = 'AMOS22'\"");
    }
    return {text.substr(0, equals), text.substr(equals + 1)};
  }

  int create(Context& context, const Bank& bank, const SplitData* keep) {
    options_.name = name_;
    options_.keep = keep;
    set_shares();
    const SubjectAliases aliases = cases_.read_aliases();
    if (!aliases.empty()) options_.aliases = &aliases;
    for (const std::string& text : hold_out_) {
      const auto [side, filter] = side_and_rest(text);
      options_.held_out.push_back(
          {side, select_samples(bank, filter, which_.select_options(bank)).ids()});
      if (!options_.held_out.back().samples.empty()) continue;
      throw Error(ErrorCode::not_found, fmt::format("--hold-out: no sample for {}", filter));
    }
    std::vector<Split> made;
    if (repeats_ == 1) {
      made.push_back(make_split(which_.resolve(context, bank), options_));
    } else {
      made = make_repeats(which_.resolve(context, bank), options_, repeats_);
    }
    save_splits(bank, made);
    for (const Split& split : made) {
      if (repeats_ > 1) context.terminal.say(fmt::format("{}:", split.data.name));
      print(context, split.report);
      context.terminal.say(fmt::format("saved as '{}' in {}", split.data.name, bank_));
    }
    return exit_done;
  }

  void print(Context& context, const SplitReport& report) const {
    context.terminal.out(json_ ? report.to_json() + "\n" : report.to_text());
    if (!plot_.empty()) {
      const std::string svg = report.to_svg();
      write_new_file(plot_, std::as_bytes(std::span(svg)));
      context.terminal.say(fmt::format("wrote {}", plot_));
    }
    for (std::size_t side = 0; side < report.sides.size(); ++side) {
      if (report.samples[side] != 0) continue;
      context.terminal.warn(
          fmt::format("nothing is in '{}': there are too few {}s for these shares",
                      report.sides[side], group_));
    }
  }

  // As it was made, with what has come since: the parameters are kept with the split. With
  // sides to fix, the others are drawn anew.
  int extend(Context& context, const Bank& bank, const std::vector<std::string>& fixed) {
    const SplitData old = require(bank, name_);
    const Json params = Json::parse(old.params_json);
    if (which_.where.empty()) which_.where = params.value("query", std::string());
    group_ = params.value("group", group_);
    options_.group = group_ == "volume"   ? SplitGroup::volume
                     : group_ == "sample" ? SplitGroup::sample
                                          : SplitGroup::subject;
    const std::string weight = params.value("weight", std::string("samples"));
    options_.weight = weight == "masks"      ? SplitWeight::masks
                      : weight == "pixels"   ? SplitWeight::pixels
                      : weight == "presence" ? SplitWeight::presence
                                             : SplitWeight::samples;
    if (fixed.empty()) options_.seed = params.value("seed", options_.seed);
    options_.keep_sides = fixed;
    options_.folds = params.value("folds", options_.folds);
    options_.leave_out = params.value("leave_out", options_.leave_out);
    stratify_.clear();
    for (const auto& word : params.value("stratify", Json::array())) {
      stratify_ += (stratify_.empty() ? "" : ",") + word.get<std::string>();
    }
    for (const auto& [side, share] : params.value("ratios", Json::object()).items()) {
      options_.ratios.emplace_back(side, share.get<double>());
    }
    // A side that was held out stays as it was, and takes nobody.
    for (const auto& [side, count] : params.value("held_out", Json::object()).items()) {
      if (std::find(old.sides.begin(), old.sides.end(), side) == old.sides.end()) continue;
      options_.held_out.push_back({side, side_ids(old, side)});
    }
    return create(context, bank, &old);
  }

  static std::vector<SampleId> side_ids(const SplitData& split, const std::string& side) {
    std::vector<SampleId> ids;
    for (std::size_t i = 0; i < split.samples.size(); ++i) {
      if (split.sides[split.members[i]] == side) ids.push_back(split.samples[i]);
    }
    return ids;
  }

  int split_cases(Context& context) {
    CaseList cases = read_case_list(cases_.list, cases_.format);
    for (const std::string& why : cases.why) context.terminal.warn(why);
    const SubjectAliases aliases = cases_.read_aliases();
    set_shares();
    ListPlan plan{options_, {}, {}};
    if (!aliases.empty()) plan.options.aliases = &aliases;
    for (const std::string& text : hold_out_) {
      const auto [side, datasets] = side_and_rest(text);
      std::vector<std::size_t> rows;
      const std::vector<std::string> names = split_commas(datasets);
      for (std::size_t row = 0; row < cases.rows.size(); ++row) {
        if (std::find(names.begin(), names.end(), cases.rows[row].dataset) != names.end()) {
          rows.push_back(row);
        }
      }
      if (rows.empty()) {
        throw Error(ErrorCode::not_found, fmt::format("--hold-out: no case of {}", datasets));
      }
      plan.held_out.emplace_back(side, std::move(rows));
    }
    if (!keep_.empty()) plan.kept = kept_sides(cases.rows);
    const ListSplit split = make_list_split(cases.rows, plan);
    print(context, split.report);
    const CaseAudit audit = audit_cases(cases.rows, split, &aliases);
    if (!out_.empty()) {
      const std::string csv = list_split_csv(cases.rows, split);
      write_new_file(out_, std::as_bytes(std::span(csv)));
    }
    context.terminal.say(
        fmt::format("{} cases by {}{}; {}", grouped(cases.rows.size()), cases.format,
                    out_.empty() ? "" : ", written to " + out_,
                    audit.clean() ? "nobody and no file is on two sides" : "IT LEAKS"));
    if (!audit.clean()) return exit_failed;
    return cases.unusable == 0 ? exit_done : exit_skipped;
  }

  std::vector<std::string> kept_sides(const std::vector<CaseRow>& rows) const {
    std::vector<std::string> kept(rows.size());
    for (const ListedSplit& split : read_split_lists(keep_)) {
      std::set<std::string> datasets;
      for (const CaseRow& row : rows) datasets.insert(row.dataset);
      const ListPlaces places = place_lists(split, datasets, [&](const auto& visit) {
        for (std::size_t row = 0; row < rows.size(); ++row) {
          const CaseRow& own = rows[row];
          visit(row, RowNames{own.dataset, own.subject, own.key, own.file, {}});
        }
      });
      for (const auto& [row, side] : places.places) {
        if (kept[row].empty()) kept[row] = places.sides[side];
      }
    }
    return kept;
  }

  int list(Context& context, const Bank& bank) const {
    Table table({"split", "sides", "generation", "made with"});
    for (const SplitData& split : list_splits(bank)) {
      std::string sides;
      for (const std::string& side : split.sides) sides += (sides.empty() ? "" : ",") + side;
      if (json_) {
        context.terminal.out_line(line({{"name", split.name},
                                        {"sides", split.sides},
                                        {"generation", raw(split.generation)},
                                        {"params", Json::parse(split.params_json)}}));
      }
      table.add({split.name, sides, std::to_string(raw(split.generation)), split.params_json});
    }
    if (!json_) context.terminal.out(table.text());
    return exit_done;
  }

  SplitData require(const Bank& bank, const std::string& name) const {
    if (auto split = find_split(bank, name)) return *std::move(split);
    std::vector<std::string> names;
    for (const SplitData& split : list_splits(bank)) names.push_back(split.name);
    const auto near = nearest_name(name, names);
    throw Error(ErrorCode::bad_query, fmt::format("there is no split '{}' in {}", name, bank_),
                near ? fmt::format("the split '{}'", *near)
                     : fmt::format("slicebank split {} list", bank_));
  }

  int show(Context& context, const Bank& bank) const {
    const SplitData split = require(bank, name_);
    if (json_) {
      context.terminal.out_line(line(Json::parse(split.report_json)));
      return exit_done;
    }
    std::vector<std::uint64_t> counts(split.sides.size());
    for (const std::uint16_t side : split.members) ++counts[side];
    Table table({"side", "samples"});
    for (std::size_t i = 0; i < split.sides.size(); ++i) {
      table.add({split.sides[i], grouped(counts[i])});
    }
    context.terminal.out(table.text());
    context.terminal.out_line(split.params_json);
    if (!plot_.empty()) {
      const std::string svg = SplitReport::from_json(split.report_json).to_svg();
      write_new_file(plot_, std::as_bytes(std::span(svg)));
    }
    return exit_done;
  }

  int compare(Context& context, const Bank& bank) const {
    if (other_.empty()) {
      throw Error(ErrorCode::bad_argument, "compare needs two splits",
                  fmt::format("slicebank split {} compare {} OTHER", bank_, name_));
    }
    const SplitComparison comparison =
        compare_splits(bank, require(bank, name_), require(bank, other_));
    context.terminal.out(json_ ? comparison.to_json() + "\n" : comparison.to_text());
    return exit_done;
  }

  int ids(Context& context, const Bank& bank) const {
    for (const SampleId id : split_side(bank, name_).ids()) {
      context.terminal.out_line(std::to_string(raw(id)));
    }
    return exit_done;
  }

  int remove(Context& context) const {
    Writer writer = Writer::open(bank_);
    if (!writer.delete_split(name_)) {
      throw Error(ErrorCode::not_found, fmt::format("there is no split '{}' in {}", name_, bank_),
                  fmt::format("slicebank split {} list", bank_));
    }
    writer.commit();
    context.terminal.say(fmt::format("deleted the split '{}'", name_));
    return exit_done;
  }

  static std::vector<std::pair<std::string, double>> parse_ratios(const std::string& text) {
    std::vector<std::pair<std::string, double>> ratios;
    for (const std::string& part : split_commas(text)) {
      const auto equals = part.find('=');
      char* end = nullptr;
      const std::string number = equals == std::string::npos ? "" : part.substr(equals + 1);
      const double share = std::strtod(number.c_str(), &end);
      if (number.empty() || *end != '\0') {
        throw Error(ErrorCode::bad_argument, fmt::format("--ratio: '{}' is not NAME=NUMBER", part),
                    "--ratio train=0.8,val=0.1,test=0.1");
      }
      ratios.emplace_back(part.substr(0, equals), share);
    }
    return ratios;
  }

  std::string bank_;
  std::string action_;
  std::string name_;
  std::string other_;
  SelectionOptions which_;
  std::string ratio_ = "train=0.8,val=0.1,test=0.1";
  std::string group_ = "subject";
  std::string stratify_ = "class";
  std::string weight_ = "samples";
  std::string fix_ = "test";
  std::string keep_;
  std::string out_;
  std::string plot_;
  std::vector<std::string> hold_out_;
  unsigned repeats_ = 1;
  CaseOptions cases_;
  SplitOptions options_;
  bool json_ = false;
};

}  // namespace

std::unique_ptr<Command> make_split_command() { return std::make_unique<SplitCommand>(); }

}  // namespace slicebank::cli
