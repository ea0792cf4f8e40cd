#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/json_output.h"
#include "store/version.h"

namespace slicebank::cli {
namespace {

class VersionCommand : public Command {
 public:
  CLI::App* attach(CLI::App& app) override {
    CLI::App* verb =
        app.add_subcommand("version", "Versions of this build and of what it is linked with");
    verb->add_flag("--json", json_, "As JSON");
    return verb;
  }

  int run(Context& context) override {
    Json json;
    std::string text;
    for (const auto& [name, version] : build_versions()) {
      json[name] = version;
      text += fmt::format("{:<12}{}\n", name, version);
    }
    context.terminal.out(json_ ? line(json) + "\n" : text);
    return exit_done;
  }

 private:
  bool json_ = false;
};

}  // namespace

std::unique_ptr<Command> make_version_command() { return std::make_unique<VersionCommand>(); }

}  // namespace slicebank::cli
