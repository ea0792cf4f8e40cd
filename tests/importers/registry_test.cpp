#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>

#include "importers/choice.h"
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

void put(const fs::path& file, const std::string& text) {
  fs::create_directories(file.parent_path());
  std::ofstream(file) << text;
}

void put_sam_med2d(const fs::path& folder) {
  put(folder / "image2label_train.json", "{}");
  put(folder / "images" / "a.png", "");
}

TEST_CASE("choice: a dataset's folder is found in the folder it was unpacked into") {
  const testing::TempDir source;
  put(source / "README.md", "how to cite");
  put(source / ".git" / "config", "");
  put_sam_med2d(source / "unpacked" / "pelvis");
  const ChosenImporter chosen = choose_importer(source.path(), "");
  CHECK(chosen.importer->name() == "sam-med2d");
  CHECK(chosen.root == source / "unpacked" / "pelvis");
  CHECK(chosen.reason.starts_with("in unpacked/pelvis/: "));
}

TEST_CASE("choice: what lies beside a dataset's folder is never passed over") {
  const testing::TempDir source;
  put_sam_med2d(source / "pelvis");
  SUBCASE("another folder") { put(source / "more" / "b.png", ""); }
  SUBCASE("a picture") { put(source / "b.png", ""); }
  SUBCASE("a link") { fs::create_directory_symlink("pelvis", source / "again"); }
  const ChosenImporter chosen = choose_importer(source.path(), "");
  CHECK(chosen.root == source.path());
  CHECK(chosen.importer->name() == "images");
}

}  // namespace
}  // namespace slicebank
