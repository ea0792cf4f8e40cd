#include <fmt/format.h>

#include <map>
#include <string>

#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/json_output.h"
#include "cli/selecting.h"
#include "formats/source_tree.h"
#include "query/sample_row.h"
#include "query/selection.h"
#include "schema/error.h"

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
    verb->add_option("--limit", limit_,
                     "Show at most this many (default 20; all with --json, --ids)");
    verb->add_flag("--count", count_, "Only how many");
    verb->add_flag("--ids", ids_, "Only the ids, one a line");
    verb->add_option("--save", save_, "Keep the selection in the bank under this name");
    verb->add_flag("--json", json_, "One JSON object a line");
    verb->footer("Fields and grammar: docs/query_language.md, or `slicebank query BANK --fields`.");
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
    const bool plain = which_.split.empty() && which_.selection.empty();
    if (count_ && plain && save_.empty()) {
      context.terminal.out_line(std::to_string(count_samples(bank, which_.where)));
      return exit_done;
    }
    const Selection found = which_.resolve(bank);
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
  std::size_t limit_ = 0;
  bool count_ = false;
  bool ids_ = false;
  bool json_ = false;
  bool fields_ = false;
};

}  // namespace

std::unique_ptr<Command> make_query_command() { return std::make_unique<QueryCommand>(); }

}  // namespace slicebank::cli
