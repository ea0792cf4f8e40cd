#include <fmt/format.h>

#include <string>

#include "cli/commands.h"
#include "cli/exit_code.h"
#include "store/bank.h"

namespace slicebank::cli {
namespace {

class InitCommand : public Command {
 public:
  CLI::App* attach(CLI::App& app) override {
    CLI::App* verb = app.add_subcommand("init", "Make an empty bank");
    verb->add_option("bank", bank_, "Directory to make")->required();
    verb->add_flag("--force-network", options_.allow_network_filesystem,
                   "Make it on a network file system all the same");
    return verb;
  }

  int run(Context& context) override {
    const Bank bank = Bank::create(bank_, options_);
    context.terminal.say(fmt::format("made {} ({})", bank_, uuid_text(bank.uuid())));
    return exit_done;
  }

 private:
  std::string bank_;
  CreateOptions options_;
};

}  // namespace

std::unique_ptr<Command> make_init_command() { return std::make_unique<InitCommand>(); }

}  // namespace slicebank::cli
