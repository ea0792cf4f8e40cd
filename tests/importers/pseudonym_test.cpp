#include "importers/internal/pseudonym.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <fstream>
#include <string>

#include "schema/error.h"
#include "tests/support/temp_dir.h"

namespace slicebank::internal {
namespace {

TEST_CASE("pseudonym: the keyed hash is SipHash-2-4") {
  // Vectors of the authors: key 00..0f, text 00, 01, 02, ... of each length.
  PseudonymKey key;
  for (std::size_t i = 0; i < key.size(); ++i) key[i] = static_cast<std::uint8_t>(i);
  std::string text;
  for (char c = 0; c < 15; ++c) text += c;
  CHECK(keyed_hash(key, "") == 0x726fdb47dd0e0e31u);
  CHECK(keyed_hash(key, text.substr(0, 1)) == 0x74f839c593dc67fdu);
  CHECK(keyed_hash(key, text.substr(0, 8)) == 0x93f5f5799a932462u);
  CHECK(keyed_hash(key, text) == 0xa129ca6149be45e5u);
}

TEST_CASE("pseudonym: one key gives one name, another key another") {
  const testing::TempDir folder;
  const std::string name = Pseudonyms(folder / "a/key").of("12345");
  CHECK(name.starts_with("anon-"));
  CHECK(name.size() == 21);
  CHECK(Pseudonyms(folder / "a/key").of("12345") == name);
  CHECK(Pseudonyms(folder / "a/key").of("12346") != name);
  CHECK(Pseudonyms(folder / "b/key").of("12345") != name);
}

TEST_CASE("pseudonym: the key is its owner's alone") {
  const testing::TempDir folder;
  Pseudonyms(folder / "key").of("x");
  struct stat status {};
  REQUIRE(stat((folder / "key").c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0600);
}

TEST_CASE("pseudonym: a key that is none is refused by name, never replaced") {
  const testing::TempDir folder;
  std::ofstream(folder / "key") << "hello\n";
  try {
    Pseudonyms(folder / "key").of("x");
    FAIL("was taken");
  } catch (const Error& error) {
    CHECK(std::string(error.what()).find("key") != std::string::npos);
    CHECK(error.hint().find("--keep-ids") != std::string::npos);
  }
  std::string kept;
  std::ifstream(folder / "key") >> kept;
  CHECK(kept == "hello");
}

}  // namespace
}  // namespace slicebank::internal
