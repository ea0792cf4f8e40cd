#include "formats/json_stream.h"

#include <doctest/doctest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <fstream>
#include <tuple>

#include "schema/error.h"
#include "tests/support/shared_data.h"
#include "tests/support/temp_dir.h"

namespace slicebank {
namespace {

using Lists = std::vector<std::pair<std::string, std::vector<std::string>>>;
using Triples = std::vector<std::tuple<std::string, std::string, std::string>>;

class JsonFile {
 public:
  explicit JsonFile(const std::string& text) { std::ofstream(path(), std::ios::binary) << text; }
  std::filesystem::path path() const { return folder_ / "list.json"; }

 private:
  testing::TempDir folder_;
};

Lists lists(const std::string& text) {
  const JsonFile file(text);
  Lists found;
  json::for_each_string_list(file.path(), [&](const auto& key, const auto& values) {
    found.emplace_back(key, values);
    return true;
  });
  return found;
}

Triples triples(const std::string& text) {
  const JsonFile file(text);
  Triples found;
  json::for_each_string_map(file.path(), [&](const auto& outer, const auto& inner, const auto& v) {
    found.emplace_back(outer, inner, v);
    return true;
  });
  return found;
}

// The error's text, or "" when the file was read.
std::string list_error(const std::string& text) {
  try {
    lists(text);
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

std::string map_error(const std::string& text) {
  try {
    triples(text);
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

std::string repeated(const std::string& text, std::size_t times) {
  std::string out;
  for (std::size_t i = 0; i < times; ++i) out += text;
  return out;
}

bool says(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("json_stream: lists and single strings come out in file order") {
  const Lists found = lists(R"({"b": ["1", "2"], "a": "x", "c": [], "d\u00e4\n": ["\u0000\\"]})");

  REQUIRE(found.size() == 4);
  CHECK(found[0] == Lists::value_type{"b", {"1", "2"}});
  CHECK(found[1] == Lists::value_type{"a", {"x"}});
  CHECK(found[2] == Lists::value_type{"c", {}});
  CHECK(found[3] == Lists::value_type{"d\xc3\xa4\n", {std::string("\0\\", 2)}});
}

TEST_CASE("json_stream: maps come out in file order, numbers as their text") {
  const Triples found = triples(R"({"LiTS": {"liver": "0001", "tumor": 2, "x": -3}, "e": {},
                                    "A": {"liver": 1.50}})");

  CHECK(found == Triples{{"LiTS", "liver", "0001"},
                         {"LiTS", "tumor", "2"},
                         {"LiTS", "x", "-3"},
                         {"A", "liver", "1.50"}});
}

TEST_CASE("json_stream: a byte order mark, a missing last newline and CRLF are tolerated") {
  CHECK(lists("\xef\xbb\xbf{\"a\": [\"b\"]}").size() == 1);
  CHECK(lists("{\r\n\"a\":\r\n[\"b\"]}\r\n\r\n").size() == 1);
  CHECK(lists("{}").empty());
}

TEST_CASE("json_stream: an entry that returns false ends the reading early") {
  const JsonFile file(R"({"a": ["1"], "b": ["2"], "c": then rubbish)");
  int seen = 0;
  json::for_each_string_list(file.path(), [&](const auto&, const auto&) { return ++seen < 2; });
  CHECK(seen == 2);
}

TEST_CASE("json_stream: an error names file, line and column") {
  const std::string error = list_error("{\n  \"a\": [\"b\"],\n  \"c\": [nul]\n}");

  CHECK(says(error, "list.json: line 3, column 12: "));
  CHECK(says(error, "invalid literal"));
}

TEST_CASE("json_stream: hostile and broken text is refused with the reason") {
  CHECK(says(list_error(R"({"a": ["1"], "b": [], "a": []})"), "\"a\" occurs twice"));
  CHECK(says(map_error(R"({"a": {"x": "1", "x": "2"}})"), "\"x\" occurs twice"));
  CHECK(says(map_error(R"({"a": {}, "a": {}})"), "\"a\" occurs twice"));
  CHECK(map_error(R"({"a": {"x": "1"}, "b": {"x": "1"}})").empty());
  CHECK(says(list_error("{\"a\": [\"\xff\"]}"), "UTF-8"));
  CHECK(says(list_error("{\"a\": [\"\xed\xa0\x80\"]}"), "UTF-8"));
  CHECK(says(list_error(R"({"a": ["\ud800"]})"), "surrogate"));
  CHECK_FALSE(list_error("").empty());
  CHECK_FALSE(list_error("{\"a\": [\"b\"").empty());
  CHECK_FALSE(list_error("{\"a\": [\"b\"]} {}").empty());
  CHECK_FALSE(list_error("{\"a\": [NaN]}").empty());
  CHECK_FALSE(list_error("{\"a\": [\"b\",]}").empty());
  CHECK_FALSE(list_error("{\"a\": [\"\x1b[2J\"]}").empty());
  CHECK(says(list_error("[\"a\"]"), "a list"));
  CHECK(says(list_error("\"a\""), "a string"));
  CHECK(says(list_error(R"({"a": 1})"), "a number"));
  CHECK(says(list_error(R"({"a": null})"), "null"));
  CHECK(says(list_error(R"({"a": [["b"]]})"), "a list"));
  CHECK(says(list_error(R"({"a": {"b": "c"}})"), "an object"));
  CHECK(says(list_error(R"({"a": [true]})"), "true or false"));
  CHECK(says(map_error(R"({"a": "b"})"), "a string"));
  CHECK(says(map_error(R"({"a": {"b": {"c": "d"}}})"), "an object"));
  CHECK(says(map_error(R"({"a": ["b"]})"), "a list"));
  CHECK_FALSE(list_error(std::string("{\"a\0\": []}", 10)).empty());
}

TEST_CASE("json_stream: foreign text in an error cannot steer a terminal") {
  for (const std::string text : {"{\"a\x1b[2J\": 1}", "{\"\\u001b[2J\": [], \"\\u001b[2J\": []}",
                                 "{\"a\": [\"\xff\x1b\"]}", "\x1b[2J"}) {
    const std::string error = list_error(text);
    CHECK_FALSE(error.empty());
    CHECK(error.find('\x1b') == std::string::npos);
    CHECK(error.find('\xff') == std::string::npos);
  }
}

TEST_CASE("json_stream: depth, length and number of entries have limits") {
  CHECK_FALSE(list_error(repeated("[", 1'000'000)).empty());
  CHECK_FALSE(list_error("{\"a\":" + repeated("[", 1'000'000)).empty());
  CHECK_FALSE(map_error(repeated("{\"a\":", 1'000'000)).empty());
  CHECK(says(list_error("{\"a\": [\"" + std::string(10'000'000, 'x') + "\"]}"), "bytes"));
  CHECK(says(list_error("{\"" + std::string(10'000'000, 'x')), "bytes"));
  CHECK(says(map_error("{\"a\": {\"b\": " + std::string(10'000'000, '1')), "bytes"));
  CHECK(says(list_error("{\"a\": [" + repeated("\"\",", 70'000) + "\"\"]}"), "longer than"));
  CHECK(says(
      list_error("{\"a\": [" + repeated("\"" + std::string(1'000'000, 'y') + "\",", 20) + "\"\"]}"),
      "longer than"));
  CHECK(lists("{\"a\": [\"" + std::string(1'000'000, 'x') + "\"]}").size() == 1);
}

TEST_CASE("json_stream: a big file takes little memory") {
  const testing::TempDir folder;
  {
    std::ofstream out(folder / "big.json");
    out << "{\n";
    for (int i = 0; i < 400'000; ++i) {
      out << (i == 0 ? "" : ",\n") << "\"images/ct_00--LiTS--case_" << i << "--z_0001.png\": "
          << "[\"masks/ct_00--LiTS--case_" << i << "--z_0001--0001_000.png\", "
          << "\"masks/ct_00--LiTS--case_" << i << "--z_0001--0002_000.png\"]";
    }
    out << "\n}\n";
  }
  REQUIRE(std::filesystem::file_size(folder / "big.json") > 60'000'000);
  rusage before = {};
  ::getrusage(RUSAGE_SELF, &before);

  std::size_t seen = 0;
  json::for_each_string_list(folder / "big.json", [&](const auto&, const auto& values) {
    seen += values.size();
    return true;
  });

  rusage after = {};
  ::getrusage(RUSAGE_SELF, &after);
  CHECK(seen == 800'000);
#ifndef __SANITIZE_ADDRESS__                           // which keeps what was freed
  CHECK(after.ru_maxrss - before.ru_maxrss < 30'000);  // kB, of a file of 60 MB
#endif
}

TEST_CASE("json_stream: what is no regular file is refused, and a missing one named") {
  const testing::TempDir folder;
  REQUIRE(::mkfifo((folder / "pipe.json").c_str(), 0600) == 0);
  const auto ignore = [](const auto&, const auto&) { return true; };

  CHECK_THROWS_AS(json::for_each_string_list(folder / "pipe.json", ignore), Error);
  CHECK_THROWS_AS(json::for_each_string_list(folder.path(), ignore), Error);
  CHECK_THROWS_AS(json::for_each_string_list("/dev/zero", ignore), Error);
  try {
    json::for_each_string_list(folder / "absent.json", ignore);
    FAIL("no error");
  } catch (const Error& error) {
    CHECK(error.code() == ErrorCode::not_found);
    CHECK(says(error.what(), "absent.json"));
  }
}

TEST_CASE("json_stream: the real list of SAM-Med2D is read whole") {
  SLICEBANK_SHARED_OR_SKIP(path, "sam-med2d/data_demo/image2label_train.json");
  std::size_t masks = 0;
  std::vector<std::string> keys;
  json::for_each_string_list(path, [&](const auto& key, const auto& values) {
    keys.push_back(key);
    masks += values.size();
    return true;
  });
  CHECK(keys == std::vector<std::string>{"data_demo/images/amos_0006_90.png",
                                         "data_demo/images/s0114_111.png"});
  CHECK(masks == 19);
}

}  // namespace slicebank
