// docs/cli.md is the verbs' own help, and nothing else.
#include <doctest/doctest.h>

#include <CLI/Version.hpp>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <vector>

#include "tests/cli/fixtures.h"
#include "tests/support/run_command.h"

using namespace slicebank::testing;

namespace {

const char* const kIntroduction =
    "# The command\n\n"
    "Results go to stdout, everything else to stderr. `--json` on every verb that prints data.\n"
    "Progress shows on a terminal only; `NO_COLOR` is honoured. This page is made from the verbs'\n"
    "own help; a test compares them.\n\n"
    "| exit code | means |\n|---|---|\n"
    "| 0 | done |\n| 1 | failed; for `audit`: it leaks |\n| 2 | usage, or a query that cannot be "
    "understood |\n"
    "| 3 | finished, some items were left out |\n| 4 | the bank is damaged |\n"
    "| 5 | locked by another writer |\n| 130 | interrupted; what was done is kept |\n";

// The words after "Subcommands:" at the beginning of a line of help.
std::vector<std::string> verbs() {
  std::istringstream help(run_slicebank({"--help"}).out);
  std::vector<std::string> names;
  bool listing = false;
  for (std::string line; std::getline(help, line);) {
    if (line.starts_with("Subcommands:")) {
      listing = true;
    } else if (listing && line.size() > 2 && line.starts_with("  ") && line[2] != ' ') {
      names.push_back(line.substr(2, line.find(' ', 2) - 2));
    }
  }
  return names;
}

std::string page() {
  std::string text = kIntroduction;
  for (const std::string& verb : verbs()) {
    const auto help = run_slicebank({verb, "--help"});
    CHECK(help.exit_code == 0);
    std::istringstream lines(help.out);
    std::string block;
    for (std::string line; std::getline(lines, line);) {
      line.erase(line.find_last_not_of(" \r") + 1);
      block += line + "\n";
    }
    text += "\n## " + verb + "\n\n```\n" + block + "```\n";
  }
  return text;
}

}  // namespace

TEST_CASE("cli: docs/cli.md is what the verbs say of themselves") {
  // The page is as this release of CLI11 lays help out; others break lines elsewhere.
  if (std::string(CLI11_VERSION) != "2.1.2") {
    std::fprintf(stderr, "SKIPPED: docs/cli.md is made with CLI11 2.1.2, this is %s\n",
                 CLI11_VERSION);
    return;
  }
  const auto file = std::filesystem::path(SLICEBANK_SOURCE_DIR) / "docs" / "cli.md";
  const std::string text = page();
  CHECK(verbs().size() == 16);
  if (std::getenv("SLICEBANK_UPDATE_GOLDEN") != nullptr) std::ofstream(file) << text;
  CHECK(read_text(file) == text);
}
