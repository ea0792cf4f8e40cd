// A verb of the command: its help, its options and its effect, in one file.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <stop_token>
#include <vector>

#include "cli/terminal.h"

namespace slicebank::cli {

// What every verb is run with.
struct Context {
  Terminal terminal;
  std::stop_token stop;  // Ctrl-C
};

class Command {
 public:
  virtual ~Command() = default;

  // Adds the verb with its options; the values it is given land in this object.
  virtual CLI::App* attach(CLI::App& app) = 0;

  // Does the work and returns an ExitCode. Errors are thrown; main.cpp words them.
  virtual int run(Context& context) = 0;
};

// All verbs, in the order in which help lists them.
std::vector<std::unique_ptr<Command>> make_commands();

}  // namespace slicebank::cli
