// Small files that claim to hold very much, through the command.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "tests/formats/python_oracle.h"
#include "tests/support/run_command.h"
#include "tests/support/temp_dir.h"

using namespace slicebank::testing;

TEST_CASE("import: a bomb of a megabyte is refused in two seconds and 300 MB, its neighbour read") {
  constexpr double kSecondsMax = 2;
  constexpr long kKibibytesMax = 300L << 10;
  const std::string python = python_with("zlib, bz2");
  if (python.empty()) return;
  const TempDir place;
  const auto bombs = place / "bombs";
  const std::string command =
      python + " " + SLICEBANK_SOURCE_DIR + "/tests/hostile/bombs.py '" + bombs.string() + "'";
  REQUIRE(std::system(command.c_str()) == 0);
  const auto expected = nlohmann::json::parse(std::ifstream(bombs / "expected.json"));
  REQUIRE(expected["cases"].size() > 30);
  for (const auto& wanted : expected["cases"]) {
    const std::string name = wanted["root"];
    const std::string bomb = wanted["bomb"];
    const std::string layout = wanted["layout"];
    REQUIRE(std::filesystem::file_size(bombs / name / bomb) < 1'200'000);
    const CommandResult result = run_program({"timeout", "--kill-after=1", "60", SLICEBANK_COMMAND,
                                              "import", place / (name + ".bank"), bombs / name,
                                              "--format", layout, "--jobs", "2", "--keep-ids"});
    std::printf("%-22s exit %d, %.2f s, %3ld MB\n", name.c_str(), result.exit_code,
                result.processor_seconds, result.peak_kibibytes >> 10);
    INFO(name, "\n", result.out, result.err);
    CHECK(result.exit_code == wanted["exit"].get<int>());
    CHECK((result.out + result.err).find(bomb) != std::string::npos);
    CHECK(result.processor_seconds < kSecondsMax);
    CHECK(result.peak_kibibytes < kKibibytesMax);
  }
}
