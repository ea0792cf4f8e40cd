// Parses, runs one verb, and turns what went wrong into text and an exit code: here only.
#include <fmt/format.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <new>
#include <thread>

#include "cli/command.h"
#include "cli/exit_code.h"
#include "schema/error.h"
#include "schema/taxonomy.h"

namespace slicebank::cli {
namespace {

// Waits for Ctrl-C on a thread of its own, so that a stop is asked for outside of any
// signal handler. The second one ends the program at once; a bank survives that.
void watch_for_interrupts(std::stop_source source) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::thread([signals, source = std::move(source)]() mutable {
    int signal = 0;
    sigwait(&signals, &signal);
    source.request_stop();
    fmt::print(stderr, "\nstopping: finishing what is under way (Ctrl-C again to stop now)\n");
    sigwait(&signals, &signal);
    _exit(exit_interrupted);
  }).detach();
}

int exit_code(ErrorCode code) {
  switch (code) {
    case ErrorCode::bad_argument:
    case ErrorCode::bad_query:
      return exit_usage;
    case ErrorCode::corrupt:
    case ErrorCode::needs_reindex:
      return exit_damaged;
    case ErrorCode::locked:
      return exit_locked;
    case ErrorCode::interrupted:
      return exit_interrupted;
    default:
      return exit_failed;
  }
}

// The text with a caret under the byte that the error is about.
std::string with_caret(const QueryError& error) {
  const std::string& text = error.text();
  const std::size_t column = std::min(error.column(), text.size());
  std::size_t start = text.rfind('\n', column == 0 ? 0 : column - 1);
  start = start == std::string::npos || column == 0 ? 0 : start + 1;
  const std::size_t end = std::min(text.find('\n', column), text.size());
  std::size_t shown = 0;
  for (std::size_t i = start; i < column; ++i) {
    shown += (static_cast<unsigned char>(text[i]) & 0xc0) != 0x80 ? 1U : 0U;
  }
  return fmt::format("  {}\n  {}^ column {}", text.substr(start, end - start),
                     std::string(shown, ' '), column + 1);
}

int report(Terminal& terminal, const Error& error) {
  terminal.warn(fmt::format("{} {}", terminal.alarm("slicebank:"), error.what()));
  if (const auto* query = dynamic_cast<const QueryError*>(&error))
    terminal.warn(with_caret(*query));
  if (!error.hint().empty()) terminal.warn(fmt::format("  try: {}", error.hint()));
  return exit_code(error.code());
}

std::optional<std::string> nearest_verb(const CLI::App& app, int argc, char** argv) {
  if (argc < 2) return std::nullopt;
  std::vector<std::string> verbs;
  for (const CLI::App* verb : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (verb->get_name() == argv[1]) return std::nullopt;
    verbs.push_back(verb->get_name());
  }
  return argv[1][0] == '-' ? std::nullopt : nearest_name(argv[1], verbs);
}

int run(int argc, char** argv) {
  CLI::App app("slicebank: an indexed store for medical-image segmentation data");
  app.name("slicebank");
  app.require_subcommand(1);
  app.set_version_flag("--version", std::string("slicebank ") + SLICEBANK_VERSION);
  app.get_formatter()->column_width(34);
  bool quiet = false;
  app.add_flag("-q,--quiet", quiet, "Say nothing but warnings and errors");
  app.fallthrough();

  const auto commands = make_commands();
  std::vector<CLI::App*> verbs;
  verbs.reserve(commands.size());
  for (const auto& command : commands) verbs.push_back(command->attach(app));

  std::stop_source source;
  Context context{Terminal(), source.get_token()};
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& help) {
    return app.exit(help);
  } catch (const CLI::ParseError& error) {
    if (const auto verb = nearest_verb(app, argc, argv)) {
      context.terminal.warn(
          fmt::format("slicebank: there is no verb '{}'; did you mean '{}'?", argv[1], *verb));
    } else {
      app.exit(error);
    }
    return exit_usage;
  }
  context.terminal.set_quiet(quiet);
  watch_for_interrupts(source);
  try {
    for (std::size_t i = 0; i < verbs.size(); ++i) {
      if (!verbs[i]->parsed()) continue;
      const int code = commands[i]->run(context);
      if (std::fflush(stdout) != 0) throw Error(ErrorCode::io, "cannot write results");
      return code;
    }
  } catch (const Error& error) {
    return report(context.terminal, error);
  } catch (const std::bad_alloc&) {
    context.terminal.warn("slicebank: out of memory; what was committed is kept. Try fewer --jobs");
  } catch (const std::exception& error) {
    context.terminal.warn(fmt::format("slicebank: {}", error.what()));
  }
  return exit_failed;
}

}  // namespace
}  // namespace slicebank::cli

int main(int argc, char** argv) { return slicebank::cli::run(argc, argv); }
