#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <string>

#include "importers/importer.h"
#include "tests/support/temp_dir.h"

namespace slicebank {
namespace {

namespace fs = std::filesystem;

const fs::path kTests = fs::path(SLICEBANK_SOURCE_DIR) / "tests" / "importers";

std::string file_word(std::string_view name) {
  std::string word(name);
  std::replace(word.begin(), word.end(), '-', '_');
  return word;
}

TEST_CASE("registry: every importer has a fixture, a conformance test and a page") {
  REQUIRE_FALSE(importers().empty());
  for (const auto& importer : importers()) {
    INFO(std::string(importer->name()));
    const std::string word = file_word(importer->name());
    CHECK(fs::is_regular_file(kTests / "fixtures" / (word + ".py")));
    CHECK(fs::is_regular_file(kTests / ("conformance_" + word + "_test.cpp")));
    CHECK(fs::is_regular_file(fs::path(SLICEBANK_SOURCE_DIR) / "docs" / "importers" /
                              (std::string(importer->name()) + ".md")));
  }
}

TEST_CASE("registry: names are unique, and found again") {
  std::string before;
  for (const auto& importer : importers()) {
    const std::string name(importer->name());
    CHECK(before < name);
    CHECK(find_importer(name) == importer.get());
    CHECK_FALSE(importer->summary().empty());
    before = name;
  }
  CHECK(find_importer("no-such-layout") == nullptr);
}

TEST_CASE("registry: an empty folder is nobody's") {
  const testing::TempDir empty;
  CHECK(recognise(empty.path()).empty());
}

}  // namespace
}  // namespace slicebank
