#include "exporters/internal/file_names.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <random>
#include <set>
#include <string>
#include <unordered_set>
#include <vector>

#include "exporters/exporter.h"

namespace {

using slicebank::safe_file_name;
using slicebank::exporting::is_plain_name;
using slicebank::exporting::plain_or_safe;

void put_utf8(std::string& text, std::uint32_t code) {
  const auto put = [&](std::uint32_t byte) { text.push_back(static_cast<char>(byte)); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xC0 | (code >> 6));
    put(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    put(0xE0 | (code >> 12));
    put(0x80 | ((code >> 6) & 0x3F));
    put(0x80 | (code & 0x3F));
  } else {
    put(0xF0 | (code >> 18));
    put(0x80 | ((code >> 12) & 0x3F));
    put(0x80 | ((code >> 6) & 0x3F));
    put(0x80 | (code & 0x3F));
  }
}

// Any scalar value, with separators, dots and letters drawn often enough to meet.
std::string random_name(std::mt19937_64& random) {
  const std::string likely =
      "aA.-_/\\:* \x01"
      "0";
  std::string name;
  const auto length = random() % 12;
  for (std::uint64_t i = 0; i < length; ++i) {
    if (random() % 2 == 0) {
      name.push_back(likely[random() % likely.size()]);
      continue;
    }
    std::uint32_t code = 0;
    do {
      code = static_cast<std::uint32_t>(random() % (random() % 2 == 0 ? 0x250 : 0x110000));
    } while (code >= 0xD800 && code <= 0xDFFF);
    put_utf8(name, code);
  }
  if (random() % 50 == 0) name.append(random() % 300, 'w');
  return name;
}

bool is_safe(const std::string& name) {
  const bool bytes = std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  });
  return bytes && !name.empty() && name.size() <= 80 && name.front() != '.' &&
         name.front() != '-' && name.back() != '.';
}

}  // namespace

TEST_CASE("file_names: 100,000 random Unicode names become safe names, no two the same") {
  constexpr std::uint64_t kSeed = 20240817;
  CAPTURE(kSeed);
  std::mt19937_64 random(kSeed);
  std::unordered_set<std::string> names;
  while (names.size() < 100'000) names.insert(random_name(random));

  std::unordered_set<std::string> safe_names;
  const std::filesystem::path root = "/export";
  for (const auto& name : names) {
    const std::string safe = safe_file_name(name);
    CAPTURE(name);
    REQUIRE(is_safe(safe));
    REQUIRE((root / safe).lexically_normal().parent_path() == root);
    REQUIRE(safe_file_name(name) == safe);
    // What comes out is a name as well, and must not meet another's.
    safe_names.insert(safe);
  }
  CHECK(safe_names.size() == names.size());

  std::size_t new_names = 0;
  std::unordered_set<std::string> twice = safe_names;
  for (const auto& safe : safe_names) {
    if (names.contains(safe)) continue;  // unchanged ones stay what they are
    ++new_names;
    twice.insert(safe_file_name(safe));
  }
  CHECK(twice.size() == safe_names.size() + new_names);
}

TEST_CASE("file_names: good names stay, dangerous ones are changed") {
  for (const char* name : {"amos_0006_90", "A-b.c_9", "x", "1.3.6.1.4.1", "com", "lpt10", "nul_"}) {
    CHECK(safe_file_name(name) == name);
  }
  for (const char* name :
       {"", ".", "..", "../x", "a/b", "a\\b", "CON", "con.txt", "Nul", "com1", "LPT9.png",
        "trailing.", ".hidden", "-rf", "a b", "a\nb", "\xC3\xA9t\xC3\xA9", "a_x0123456789abcdef"}) {
    CAPTURE(name);
    const std::string safe = safe_file_name(name);
    CHECK(is_safe(safe));
    CHECK(safe != name);
  }
  CHECK(safe_file_name("a/b") != safe_file_name("a_b"));
  CHECK(safe_file_name("a/b") != safe_file_name("a\\b"));
  CHECK(safe_file_name("CON").substr(0, 4) == "nCON");
  CHECK(safe_file_name(std::string(300, 'a')) != safe_file_name(std::string(301, 'a')));
}

TEST_CASE("file_names: a plain name may hold blanks and any letters, but cannot lead anywhere") {
  for (const char* name :
       {"a b", "\xC3\xA9t\xC3\xA9", "rib_left_9", "1.3.6--x", "(2)", "\xE8\x82\x9D"}) {
    CAPTURE(name);
    CHECK(is_plain_name(name));
    CHECK(plain_or_safe(name) == name);
  }
  for (const char* name : {"",     ".",    "..",           "a/b",      "a\\b",
                           "a:b",  "-x",   ".x",           " x",       "x ",
                           "x.",   "NUL",  "a\tb",         "a\x7F",    "\xC2\x85",
                           "\xFF", "\xC3", "\xED\xA0\x80", "\xC0\xAF", "\xF4\x90\x80\x80"}) {
    CAPTURE(name);
    CHECK_FALSE(is_plain_name(name));
    CHECK(is_safe(plain_or_safe(name)));
  }
  CHECK_FALSE(is_plain_name(std::string("a\0b", 3)));
  CHECK_FALSE(is_plain_name(std::string(181, 'a')));
}
