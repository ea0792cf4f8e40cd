#include <fmt/format.h>

#include <map>
#include <string>

#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/json_output.h"
#include "cli/selecting.h"
#include "formats/source_tree.h"
#include "query/filter_explain.h"
#include "query/sample_row.h"
#include "query/selection.h"
#include "schema/error.h"
#include "store/split_data.h"

namespace slicebank::cli {
namespace {

constexpr std::size_t kRowsShown = 20;

class QueryCommand : public Command {
 public:
  CLI::App* attach(CLI::App& app) override {
    CLI::App* verb = app.add_subcommand("query", "Find samples with the filter language");
    verb->add_option("bank", bank_, "The bank")->required();
    verb->add_option("filter", filter_, "As modality = 'CT' AND class = 'liver'; empty: all");
    which_.attach(verb);
    verb->add_option("--from", which_.selection, "The same as --selection");
    verb->add_option("--limit", limit_,
                     "Show at most this many (default 20; all with --json, --ids)");
    verb->add_option("--union", union_, "And what this saved selection has besides");
    verb->add_option("--intersect", intersect_, "Only what this saved selection has, too");
    verb->add_option("--minus", minus_, "Without what this saved selection has");
    verb->add_option("--xor", difference_, "What is in one of the two, not in both");
    verb->add_option("--sample", sample_, "Draw this many, in the order they have")
        ->check(CLI::PositiveNumber);
    verb->add_flag("--shuffle", shuffle_, "In the order of --seed");
    verb->add_option("--seed", seed_, "For --sample and --shuffle (default 0)");
    verb->add_option("--sort", sort_, "By fields of the sample: patient, slice desc");
    verb->add_option("--head", head_, "Keep the first so many")->check(CLI::PositiveNumber);
    verb->add_flag("--explain", explain_, "How the filter is answered: its tree, SQL and plan");
    verb->add_flag("--count", count_, "Only how many");
    verb->add_flag("--ids", ids_, "Only the ids, one a line");
    verb->add_option("--save", save_, "Keep the selection in the bank under this name");
    verb->add_flag("--saved", saved_, "List the saved selections and end");
    verb->add_option("--forget", forget_, "Take this saved selection out of the bank and end");
    verb->add_flag("--json", json_, "One JSON object a line");
    verb->footer(
        "Done in this order: filter, --split and --selection; --union, --intersect, --minus, "
        "--xor;\n"
        "--sample; --shuffle; --sort; --head; --save. --limit is about what is shown only.\n"
        "Fields and grammar: docs/query_language.md, or `slicebank query BANK --fields`.");
    verb->add_flag("--fields", fields_, "List the fields a filter can name and end");
    return verb;
  }

  int run(Context& context) override {
    if (fields_) return print_fields(context);
    const Bank bank = Bank::open(bank_);
    if (!filter_.empty() && !which_.where.empty()) {
      throw Error(ErrorCode::bad_argument,
                  "the filter is given twice: as an argument and as --where");
    }
    if (!filter_.empty()) which_.where = filter_;
    if (saved_) return list_saved(context, bank);
    if (!forget_.empty()) {
      Selection::forget(bank, forget_);
      context.terminal.say(fmt::format("the bank keeps no selection '{}' any more", forget_));
      return exit_done;
    }
    if (explain_) {
      context.terminal.out(explain_filter(bank, which_.where));
      return exit_done;
    }
    const bool plain =
        which_.split.empty() && which_.selection.empty() && which_.as_of.empty() && !changes();
    if (count_ && plain && save_.empty()) {
      context.terminal.out_line(std::to_string(count_samples(bank, which_.where)));
      return exit_done;
    }
    const Selection found = arranged(bank, which_.resolve(context, bank));
    if (!save_.empty()) {
      found.save(save_);
      context.terminal.say(fmt::format("saved {} samples as '{}' ({})", grouped(found.size()),
                                       save_, found.fingerprint()));
    }
    if (count_) {
      context.terminal.out_line(std::to_string(found.size()));
      return exit_done;
    }
    const bool everything = json_ || ids_;
    const std::size_t shown = limit_ > 0 ? limit_ : everything ? found.size() : kRowsShown;
    const Selection head = found.head(shown);
    if (ids_) {
      for (const SampleId id : head.ids()) context.terminal.out_line(std::to_string(raw(id)));
    } else if (json_) {
      for_each_sample_row(bank, head.ids(), [&](const SampleRow& row) {
        context.terminal.out_line(line(to_json(row)));
        return !context.stop.stop_requested();
      });
    } else {
      print_table(context, bank, head);
      context.terminal.say(fmt::format("{} samples{}", grouped(found.size()),
                                       head.size() < found.size()
                                           ? fmt::format(", {} shown (--limit)", head.size())
                                           : std::string()));
    }
    return context.stop.stop_requested() ? exit_interrupted : exit_done;
  }

 private:
  bool changes() const {
    return !union_.empty() || !intersect_.empty() || !minus_.empty() || !difference_.empty() ||
           sample_ > 0 || head_ > 0;
  }

  // What was found, after everything that was asked to be done with it.
  Selection arranged(const Bank& bank, Selection found) const {
    if (!union_.empty()) found = found.united(Selection::load(bank, union_));
    if (!intersect_.empty()) found = found.intersected(Selection::load(bank, intersect_));
    if (!minus_.empty()) found = found.minus(Selection::load(bank, minus_));
    if (!difference_.empty()) {
      found = found.symmetric_difference(Selection::load(bank, difference_));
    }
    if (sample_ > 0) found = found.sampled(sample_, seed_);
    if (shuffle_) found = found.shuffled(seed_);
    if (!sort_.empty()) found = found.sorted_by(parse_sort_keys(sort_));
    if (head_ > 0) found = found.head(head_);
    return found;
  }

  int list_saved(Context& context, const Bank& bank) const {
    Table table({"name", "samples", "generation", "fingerprint", "query"});
    for (const SavedSelection& known : list_saved_selections(bank)) {
      const Selection saved = Selection::load(bank, known.name);
      if (json_) {
        context.terminal.out_line(line(Json{{"name", known.name},
                                            {"samples", saved.size()},
                                            {"generation", raw(known.generation)},
                                            {"fingerprint", known.fingerprint},
                                            {"query", known.query}}));
      } else {
        table.add({printable(known.name), grouped(saved.size()),
                   std::to_string(raw(known.generation)), known.fingerprint,
                   printable(known.query)});
      }
    }
    if (!json_) context.terminal.out(table.text());
    return exit_done;
  }

  static int print_fields(Context& context) {
    Table table({"field", "type", "about", "meaning"});
    for (const FieldInfo& field : filter_fields()) {
      table.add({field.name, field.type, field.of_mask ? "mask" : "sample", field.meaning});
    }
    context.terminal.out(table.text());
    return exit_done;
  }

  // "liver, left kidney x2"
  static std::string classes_text(const SampleRow& row) {
    std::vector<std::pair<std::string, std::size_t>> counts;
    for (const MaskRow& mask : row.masks) {
      const auto found = std::find_if(counts.begin(), counts.end(), [&](const auto& count) {
        return count.first == mask.class_name;
      });
      if (found == counts.end()) {
        counts.emplace_back(mask.class_name, 1);
      } else {
        ++found->second;
      }
    }
    std::string text;
    for (const auto& [name, count] : counts) {
      text += (text.empty() ? "" : ", ") + printable(name) +
              (count > 1 ? fmt::format(" x{}", count) : "");
    }
    constexpr std::size_t kWidth = 60;
    if (text.size() > kWidth) text = text.substr(0, kWidth - 3) + "...";
    return text;
  }

  static void print_table(Context& context, const Bank& bank, const Selection& head) {
    Table table({"id", "dataset", "modality", "patient", "axis", "slice", "size", "classes"});
    for_each_sample_row(bank, head.ids(), [&](const SampleRow& row) {
      table.add({std::to_string(raw(row.id)), printable(row.dataset),
                 row.modality + (row.sequence.empty() ? "" : " " + row.sequence),
                 printable(row.patient), row.axis, std::to_string(row.slice),
                 fmt::format("{}x{}x{}", row.shape.width, row.shape.height, row.shape.channels),
                 classes_text(row)});
      return true;
    });
    context.terminal.out(table.text());
  }

  std::string bank_;
  std::string filter_;
  SelectionOptions which_;
  std::string save_;
  std::string union_;
  std::string intersect_;
  std::string minus_;
  std::string difference_;
  std::string sort_;
  std::string forget_;
  std::size_t sample_ = 0;
  std::size_t head_ = 0;
  std::uint64_t seed_ = 0;
  bool shuffle_ = false;
  bool explain_ = false;
  bool saved_ = false;
  std::size_t limit_ = 0;
  bool count_ = false;
  bool ids_ = false;
  bool json_ = false;
  bool fields_ = false;
};

}  // namespace

std::unique_ptr<Command> make_query_command() { return std::make_unique<QueryCommand>(); }

}  // namespace slicebank::cli
