#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/selecting.h"
#include "schema/error.h"
#include "store/writer.h"

namespace slicebank::cli {
namespace {

constexpr std::size_t kBatch = 10'000;  // samples a commit

class DeleteCommand : public Command {
 public:
  CLI::App* attach(CLI::App& app) override {
    CLI::App* verb = app.add_subcommand("delete", "Take samples out of a bank for good");
    verb->add_option("bank", bank_, "The bank")->required();
    verb->add_option("--id", ids_, "Ids of samples, comma-separated or repeated")->delimiter(',');
    which_.attach(verb);
    verb->add_flag("-y,--yes", yes_, "Do not ask");
    verb->footer("Splits and saved selections that name a deleted sample lose it.");
    return verb;
  }

  int run(Context& context) override {
    const bool by_filter =
        !which_.where.empty() || !which_.split.empty() || !which_.selection.empty();
    if (ids_.empty() && !by_filter) {
      throw Error(ErrorCode::bad_argument, "delete needs --where, --split, --selection or --id",
                  fmt::format("slicebank delete {} --where \"dataset = 'LiTS'\"", bank_));
    }
    // The writer comes first: it finishes a delete that was cut short, and nothing changes
    // between the question and the deed.
    Writer writer = Writer::open(bank_);
    std::vector<SampleId> doomed;
    if (by_filter) doomed = which_.resolve(context, writer.bank()).ids();
    for (const std::uint64_t id : ids_) doomed.push_back(SampleId{id});
    std::sort(doomed.begin(), doomed.end());
    doomed.erase(std::unique(doomed.begin(), doomed.end()), doomed.end());
    if (doomed.empty()) {
      context.terminal.say("no sample matches; nothing was deleted");
      return exit_done;
    }
    if (!yes_ && !confirmed(context, doomed.size())) {
      context.terminal.warn("nothing was deleted");
      return exit_failed;
    }
    std::uint64_t deleted = 0;
    for (std::size_t start = 0; start < doomed.size() && !context.stop.stop_requested();
         start += kBatch) {
      const std::size_t count = std::min(kBatch, doomed.size() - start);
      deleted += writer.delete_samples(std::span(doomed).subspan(start, count)).samples;
    }
    context.terminal.say(fmt::format("deleted {} samples from {}", grouped(deleted), bank_));
    return context.stop.stop_requested() ? exit_interrupted : exit_done;
  }

 private:
  static bool confirmed(Context& context, std::size_t count) {
    if (isatty(STDIN_FILENO) == 0) {
      throw Error(ErrorCode::bad_argument,
                  fmt::format("this deletes {} samples for good", grouped(count)),
                  "--yes, when that is meant");
    }
    context.terminal.warn(fmt::format("delete {} samples for good? [y/N]", grouped(count)));
    std::string answer;
    std::getline(std::cin, answer);
    return answer == "y" || answer == "Y" || answer == "yes";
  }

  std::string bank_;
  std::vector<std::uint64_t> ids_;
  SelectionOptions which_;
  bool yes_ = false;
};

}  // namespace

std::unique_ptr<Command> make_delete_command() { return std::make_unique<DeleteCommand>(); }

}  // namespace slicebank::cli
