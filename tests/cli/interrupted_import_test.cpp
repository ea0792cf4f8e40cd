// An import that is killed, at any moment and however often, ends as if it had not been.
#include <doctest/doctest.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <random>

#include "tests/cli/fixtures.h"
#include "tests/support/run_command.h"
#include "tests/support/temp_dir.h"

using namespace slicebank::testing;

namespace {

using Clock = std::chrono::steady_clock;

std::vector<std::string> import_words(const std::filesystem::path& bank) {
  // Few samples a commit, so that there are many moments between two of them.
  return {SLICEBANK_COMMAND, "import", bank, phantom_folder(), "--jobs", "2",
          "--batch-bytes",   "40000"};
}

}  // namespace

TEST_CASE(
    "import: killed at 50 random moments and resumed, it holds the same as an uninterrupted one") {
  const TempDir directory;
  const auto whole = directory / "whole.bank";
  const auto start = Clock::now();
  REQUIRE(run_program(import_words(whole)).exit_code == 0);
  const auto took =
      std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - start).count();
  const std::string expected = digest_of(whole);

  const unsigned seed = std::random_device()();
  INFO("seed ", seed);
  std::mt19937 random(seed);
  // The first run was slower than later ones are: where it ended before the kill, look earlier.
  auto longest = static_cast<unsigned>(took);
  int killed = 0;
  for (int round = 0; killed < 50 && round < 1000; ++round) {
    const auto bank = directory / ("round" + std::to_string(round));
    RunningCommand running(import_words(bank));
    usleep(std::uniform_int_distribution<unsigned>(0, longest)(random));
    running.kill(SIGKILL);
    if (running.wait().exit_code != 128 + SIGKILL) {
      longest = std::max(longest * 9 / 10, 1000U);
      std::filesystem::remove_all(bank);
      continue;
    }
    ++killed;

    const auto resumed = run_program(import_words(bank));
    CHECK_MESSAGE(resumed.exit_code == 0, resumed.err);
    CHECK(digest_of(bank) == expected);
    CHECK(run_slicebank({"verify", bank}).exit_code == 0);
    std::filesystem::remove_all(bank);
  }
  CHECK(killed == 50);
}

TEST_CASE("import: Ctrl-C ends it with 130 and the next run goes on") {
  const TempDir directory;
  const auto whole = directory / "whole.bank";
  REQUIRE(run_program(import_words(whole)).exit_code == 0);

  const auto bank = directory / "a.bank";
  bool interrupted = false;
  for (unsigned wait_us = 200'000; wait_us > 1000 && !interrupted; wait_us = wait_us * 2 / 3) {
    std::filesystem::remove_all(bank);
    RunningCommand running(import_words(bank));
    usleep(wait_us);
    running.kill(SIGINT);
    interrupted = running.wait().exit_code == 130;
  }
  CHECK(interrupted);
  CHECK(run_program(import_words(bank)).exit_code == 0);
  CHECK(digest_of(bank) == digest_of(whole));
}
