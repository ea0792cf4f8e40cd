// The command as of a generation: yesterday's set, after today's import.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/cli/fixtures.h"
#include "tests/support/run_command.h"
#include "tests/support/temp_dir.h"

using namespace slicebank::testing;

namespace {

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::string out(const std::vector<std::string>& words) {
  const auto result = run_slicebank(words);
  CHECK_MESSAGE(result.exit_code == 0, result.err);
  return result.out;
}

// Where the bank stands.
std::string generation_of(const std::string& bank) {
  const std::string rows =
      out({"sql", bank, "SELECT max(generation) AS g FROM generations", "--csv"});
  const auto digit = rows.find_first_of("0123456789");
  return rows.substr(digit, rows.find_last_of("0123456789") - digit + 1);
}

}  // namespace

TEST_CASE("cli: every verb with a filter gives yesterday's samples after today's import") {
  const TempDir directory;
  const std::string bank = directory / "a.bank";
  const std::string phantom = phantom_folder();
  REQUIRE(run_slicebank({"import", bank, phantom, "--limit", "12"}).exit_code == 0);
  const std::string then = generation_of(bank);
  CAPTURE(then);
  const std::string ids = out({"query", bank, "--ids"});
  const std::string count = out({"query", bank, "--count"});
  const std::string stats = out({"stats", bank, "--json"});
  REQUIRE(run_slicebank({"query", bank, "--save", "mine"}).exit_code == 0);
  REQUIRE(run_slicebank({"import", bank, phantom}).exit_code == 0);

  CHECK(out({"query", bank, "--ids"}) != ids);
  CHECK(out({"query", bank, "--ids", "--as-of", then}) == ids);
  CHECK(out({"query", bank, "--count", "--as-of", then}) == count);
  CHECK(out({"query", bank, "--ids", "--as-of", "2999-01-01"}) == out({"query", bank, "--ids"}));
  CHECK(out({"query", bank, "--ids", "--from", "mine"}) == ids);
  CHECK(out({"stats", bank, "--json", "--as-of", then}) == stats);
  CHECK(out({"sample", bank, "--as-of", then, "-n", "5"}) ==
        out({"sample", bank, "--selection", "mine", "-n", "5"}));
  out({"split", bank, "create", "old", "--as-of", then});
  CHECK(out({"query", bank, "--count", "split('old') IS NOT NULL"}) == count);
  const auto exported = run_slicebank(
      {"export", bank, directory / "out", "--format", "images", "--as-of", then, "--json"});
  CHECK_MESSAGE(contains(exported.out, "\"samples\":" + count.substr(0, count.find('\n'))),
                exported.out, exported.err);
}

TEST_CASE("cli: what was deleted since is told in numbers, and a wrong time by name") {
  const TempDir directory;
  const std::string bank = directory / "a.bank";
  import_phantom(bank);
  const std::string count = out({"query", bank, "--count"});
  const std::string all = count.substr(0, count.find('\n'));
  REQUIRE(run_slicebank({"query", bank, "--save", "mine"}).exit_code == 0);
  const std::string then = generation_of(bank);
  REQUIRE(run_slicebank({"delete", bank, "--id", "3,7", "--yes"}).exit_code == 0);

  const auto found = run_slicebank({"query", bank, "--count", "--as-of", then});
  CHECK(found.exit_code == 0);
  CHECK(found.out == std::to_string(std::stoi(all) - 2) + "\n");
  CHECK_MESSAGE(
      contains(found.err, "2 of " + all + " samples of generation " + then + " were deleted since"),
      found.err);
  const auto saved = run_slicebank({"query", bank, "--ids", "--from", "mine"});
  CHECK_MESSAGE(contains(saved.err, "2 of " + all + " samples of the selection 'mine'"), saved.err);
  CHECK(std::count(saved.out.begin(), saved.out.end(), '\n') == std::stoi(all));

  const auto future = run_slicebank({"query", bank, "--as-of", "99999"});
  CHECK(future.exit_code == 1);
  CHECK(contains(future.err, "generation 99999 is still to come: the bank is at "));
  const auto wrong = run_slicebank({"query", bank, "--as-of", "yesterday"});
  CHECK(wrong.exit_code != 0);
  CHECK(contains(wrong.err, "'yesterday' is neither a generation nor a time"));
  const auto early = run_slicebank({"query", bank, "--as-of", "1999-01-01"});
  CHECK(early.exit_code == 1);
  CHECK(contains(early.err, "was not there yet: it was made at 20"));
}
