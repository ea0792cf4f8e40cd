#include "tests/cli/fixtures.h"

#include <doctest/doctest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "bench/phantom.h"
#include "tests/support/run_command.h"
#include "tests/support/temp_dir.h"

namespace slicebank::testing {

const std::filesystem::path& phantom_folder() {
  static const TempDir directory;
  static const std::filesystem::path folder = [] {
    phantom::Options options;
    options.subjects = 12;
    options.slices_per_subject = 3;
    options.side = 96;
    const auto path = directory / "phantom";
    phantom::write_sa_med2d(path, options);
    return path;
  }();
  return folder;
}

void import_phantom(const std::filesystem::path& bank) {
  const auto result = run_slicebank({"import", bank, phantom_folder()});
  REQUIRE_MESSAGE(result.exit_code == 0, result.err);
}

std::string digest_of(const std::filesystem::path& bank) {
  const auto result = run_slicebank({"info", bank, "--digest", "--json"});
  REQUIRE_MESSAGE(result.exit_code == 0, result.err);
  return nlohmann::json::parse(result.out).at("digest");
}

std::string read_text(const std::filesystem::path& file) {
  std::ifstream input(file, std::ios::binary);
  REQUIRE_MESSAGE(input.good(), file.string());
  std::ostringstream text;
  text << input.rdbuf();
  return text.str();
}

}  // namespace slicebank::testing
