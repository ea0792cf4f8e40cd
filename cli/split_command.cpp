#include <fmt/format.h>

#include <cstdlib>
#include <optional>
#include <string>

#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/json_output.h"
#include "cli/selecting.h"
#include "query/split.h"
#include "schema/error.h"
#include "store/split_data.h"
#include "store/writer.h"

namespace slicebank::cli {
namespace {

class SplitCommand : public Command {
 public:
  CLI::App* attach(CLI::App& app) override {
    CLI::App* verb = app.add_subcommand("split", "Make, list, show and delete splits");
    verb->add_option("bank", bank_, "The bank")->required();
    verb->add_option("action", action_, "create, extend, list, show, ids or delete")
        ->required()
        ->check(CLI::IsMember({"create", "extend", "list", "show", "ids", "delete"}));
    verb->add_option("name", name_, "The split's name; for ids also the side: main:train");
    which_.attach(verb);
    verb->add_option("--ratio", ratio_, "As train=0.8,val=0.1,test=0.1 (the default)");
    verb->add_option("--folds", options_.folds, "k folds instead: fold0, fold1, ...");
    verb->add_option("--group", group_, "subject (default), volume or sample: what stays together")
        ->check(CLI::IsMember({"subject", "volume", "sample"}));
    verb->add_option(
        "--stratify", stratify_,
        "Keep the balance of class, modality, sequence, dataset, region (default class)");
    verb->add_option("--seed", options_.seed, "Same seed, same split (default 0)");
    verb->add_flag("--official", options_.honour_official,
                   "Samples that come with a split keep it; the rest is divided");
    verb->add_flag("--ignore-equal-pixels{false}", options_.join_equal_pixels,
                   "Do not keep samples with the same pixels together");
    verb->add_flag("--json", json_, "As JSON");
    verb->footer("extend gives new samples a side; everyone who has one keeps it.");
    return verb;
  }

  int run(Context& context) override {
    const Bank bank = Bank::open(bank_);
    if (action_ == "list") return list(context, bank);
    if (name_.empty()) {
      throw Error(ErrorCode::bad_argument, fmt::format("split {} needs a name", action_),
                  fmt::format("slicebank split {} {} main", bank_, action_));
    }
    if (action_ == "create") return create(context, bank, nullptr);
    if (action_ == "extend") return extend(context, bank);
    if (action_ == "show") return show(context, bank);
    if (action_ == "ids") return ids(context, bank);
    return remove(context);
  }

 private:
  int create(Context& context, const Bank& bank, const SplitData* keep) {
    options_.name = name_;
    options_.keep = keep;
    options_.group = group_ == "volume"   ? SplitGroup::volume
                     : group_ == "sample" ? SplitGroup::sample
                                          : SplitGroup::subject;
    options_.stratify = split_commas(stratify_);
    if (options_.folds == 0 && options_.ratios.empty()) options_.ratios = parse_ratios(ratio_);
    const Split made = create_split(which_.resolve(bank), options_);
    context.terminal.out(json_ ? made.report.to_json() + "\n" : made.report.to_text());
    for (std::size_t side = 0; side < made.report.sides.size(); ++side) {
      if (made.report.samples[side] != 0) continue;
      context.terminal.warn(fmt::format(
          "nothing is in '{}': there are too few {}s for these shares", made.report.sides[side],
          group_));
    }
    context.terminal.say(fmt::format("saved as '{}' in {}", name_, bank_));
    return exit_done;
  }

  // As it was made, with what has come since: the parameters are kept with the split.
  int extend(Context& context, const Bank& bank) {
    const SplitData old = require(bank);
    const Json params = Json::parse(old.params_json);
    if (which_.where.empty()) which_.where = params.value("query", std::string());
    group_ = params.value("group", group_);
    options_.seed = params.value("seed", options_.seed);
    options_.folds = params.value("folds", options_.folds);
    stratify_.clear();
    for (const auto& word : params.value("stratify", Json::array())) {
      stratify_ += (stratify_.empty() ? "" : ",") + word.get<std::string>();
    }
    for (const auto& [side, share] : params.value("ratios", Json::object()).items()) {
      options_.ratios.emplace_back(side, share.get<double>());
    }
    return create(context, bank, &old);
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

  SplitData require(const Bank& bank) const {
    if (auto split = find_split(bank, name_)) return *std::move(split);
    std::vector<std::string> names;
    for (const SplitData& split : list_splits(bank)) names.push_back(split.name);
    const auto near = nearest_name(name_, names);
    throw Error(ErrorCode::bad_query, fmt::format("there is no split '{}' in {}", name_, bank_),
                near ? fmt::format("the split '{}'", *near)
                     : fmt::format("slicebank split {} list", bank_));
  }

  int show(Context& context, const Bank& bank) const {
    const SplitData split = require(bank);
    const Json report = Json::parse(split.report_json);
    if (json_) {
      context.terminal.out_line(line(report));
      return exit_done;
    }
    std::vector<std::uint64_t> counts(split.sides.size());
    for (const std::uint16_t side : split.members) ++counts[side];
    Table table({"side", "samples"});
    for (std::size_t i = 0; i < split.sides.size(); ++i)
      table.add({split.sides[i], grouped(counts[i])});
    context.terminal.out(table.text());
    context.terminal.out_line(split.params_json);
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
  SelectionOptions which_;
  std::string ratio_ = "train=0.8,val=0.1,test=0.1";
  std::string group_ = "subject";
  std::string stratify_ = "class";
  SplitOptions options_;
  bool json_ = false;
};

}  // namespace

std::unique_ptr<Command> make_split_command() { return std::make_unique<SplitCommand>(); }

}  // namespace slicebank::cli
