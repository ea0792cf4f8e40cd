// The rules of the house, as tests: who may include whom, room signs, banned words.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;

const fs::path kSource = SLICEBANK_SOURCE_DIR;

// The table of docs/architecture.md: what each room may include, beside itself.
const std::map<std::string, std::set<std::string>> kMayInclude = {
    {"schema", {}},
    {"store", {"schema"}},
    {"formats", {"schema"}},
    {"importers", {"store", "formats", "schema"}},
    {"query", {"store", "schema"}},
    {"exporters", {"query", "store", "formats", "schema"}},
    {"cli", {"exporters", "query", "importers", "store", "formats", "schema"}},
    {"bench", {"exporters", "query", "importers", "store", "formats", "schema"}},
};

// Headers of packages, and the only files that may include them.
const std::map<std::string, std::vector<std::string>> kVendorHomes = {
    {"lmdb.h", {"store/internal/lmdb.cpp"}},
    {"sqlite3.h",
     {"store/internal/sqlite.cpp", "store/internal/sqlite_guard.cpp",
      "store/internal/sqlite_matching.cpp"}},
    {"zstd.h", {"store/internal/zstd.cpp"}},
    {"zdict.h", {"store/internal/zstd.cpp"}},
    {"png.h", {"formats/png.cpp"}},
    {"libdeflate.h", {"formats/internal/deflate.cpp"}},
    {"archive.h", {"formats/npz.cpp", "formats/internal/bzip2.cpp"}},
    {"turbojpeg.h", {"formats/jpeg.cpp"}},
    {"tiffio.h", {"formats/internal/tiff_file.cpp"}},
    {"dcmtk/", {"formats/internal/dicom_jpeg.cpp"}},
    {"openjpeg.h", {"formats/internal/dicom_jpeg2000.cpp"}},
};

struct Line {
  std::string file;  // relative to the source folder
  std::size_t number = 0;
  std::string text;
};

std::string room_of(const std::string& path) { return path.substr(0, path.find('/')); }

bool is_internal(const std::string& path) { return path.find("/internal/") != std::string::npos; }

std::vector<fs::path> files_below(const fs::path& folder, const std::set<std::string>& endings) {
  std::vector<fs::path> found;
  if (!fs::exists(kSource / folder)) return found;
  for (const auto& entry : fs::recursive_directory_iterator(kSource / folder)) {
    if (entry.is_regular_file() && endings.contains(entry.path().extension().string())) {
      found.push_back(fs::relative(entry.path(), kSource));
    }
  }
  std::sort(found.begin(), found.end());
  return found;
}

std::vector<Line> lines_of(const fs::path& file) {
  std::ifstream input(kSource / file);
  std::vector<Line> lines;
  std::string text;
  while (std::getline(input, text))
    lines.push_back({file.generic_string(), lines.size() + 1, text});
  return lines;
}

std::string where(const Line& line) { return line.file + ":" + std::to_string(line.number); }

// "" for a line that includes nothing; quotes or angles are kept as first character.
std::string included(const std::string& text) {
  const auto hash = text.find_first_not_of(" \t");
  if (hash == std::string::npos || text.compare(hash, 8, "#include") != 0) return {};
  const auto open = text.find_first_of("\"<", hash);
  if (open == std::string::npos) return {};
  const auto close = text.find_first_of("\">", open + 1);
  if (close == std::string::npos) return {};
  return text.substr(open, close - open);
}

// The type that a line at the left margin defines ("struct Batch {", "class A : public B {"),
// or "". Nested definitions ("struct Bank::Impl {") and declarations name no new type.
std::string defined_type(const std::string& text) {
  static const std::regex definition(
      R"((?:struct|class|union|enum|enum class) (\w+)(?: final)?(?: :.*| \{.*)?)");
  std::smatch found;
  return std::regex_match(text, found, definition) ? found[1].str() : std::string();
}

// The types that a file defines outside unnamed namespaces, with their namespaces, and
// where. As clang-format lays files out, only namespaces and what stands in them begin at
// the left margin.
std::map<std::string, std::string> defined_types(const std::vector<Line>& lines) {
  std::map<std::string, std::string> types;
  std::vector<std::string> spaces;
  for (const auto& line : lines) {
    if (line.text.starts_with("namespace ") && line.text.ends_with("{")) {
      spaces.push_back(line.text.substr(10, line.text.size() - 11));
    } else if (line.text.starts_with("}  // namespace") && !spaces.empty()) {
      spaces.pop_back();
    } else if (const auto name = defined_type(line.text); !name.empty()) {
      std::string whole;
      for (const auto& space : spaces) whole += space.substr(0, space.find(' ')) + "::";
      const bool unnamed = std::find(spaces.begin(), spaces.end(), "") != spaces.end();
      if (!unnamed) types.emplace(whole + name, where(line));
    }
  }
  return types;
}

// What is wrong with one include line, or "".
std::string complaint(const Line& line) {
  const std::string name = included(line.text);
  if (name.empty()) return {};
  const std::string target = name.substr(1);
  const std::string room = room_of(line.file);
  if (name.front() == '<') {
    // DCMTK has hundreds of headers; its folder stands for all of them.
    const auto home = kVendorHomes.find(target.rfind("dcmtk/", 0) == 0 ? "dcmtk/" : target);
    if (home == kVendorHomes.end() || room == "bench") return {};
    if (std::find(home->second.begin(), home->second.end(), line.file) != home->second.end())
      return {};
    return where(line) + ": <" + target + "> belongs in " + home->second.front() + " only";
  }
  if (target.find('/') == std::string::npos) {
    const bool generated = target.size() > 4 && target.compare(target.size() - 4, 4, ".inc") == 0;
    return generated ? "" : where(line) + ": write \"" + room + "/...\", from the root of the tree";
  }
  const std::string other = room_of(target);
  if (!kMayInclude.contains(other)) return where(line) + ": there is no room " + other;
  if (other != room && !kMayInclude.at(room).contains(other)) {
    return where(line) + ": " + room + " may not include " + target;
  }
  // A peer in bench/peers measures one step of the record codec, which has no other name.
  const bool peer = line.file.starts_with("bench/peers/") && other == "store";
  if (is_internal(target) && other != room && !peer) {
    return where(line) + ": " + target + " is private to " + other;
  }
  return {};
}

}  // namespace

TEST_CASE("tidy: rooms include only what they may") {
  std::size_t includes = 0;
  for (const auto& [room, allowed] : kMayInclude) {
    for (const auto& file : files_below(room, {".h", ".cpp"})) {
      for (const auto& line : lines_of(file)) {
        if (!included(line.text).empty()) ++includes;
        const std::string wrong = complaint(line);
        CHECK_MESSAGE(wrong.empty(), wrong);
      }
    }
  }
  CHECK(includes > 100);
}

TEST_CASE("tidy: the include rule sees upward, sideways and internal includes") {
  CHECK(complaint({"query/a.h", 1, "#include \"exporters/export.h\""}) ==
        "query/a.h:1: query may not include exporters/export.h");
  CHECK(complaint({"importers/a.h", 2, "#include \"query/filter.h\""}) ==
        "importers/a.h:2: importers may not include query/filter.h");
  CHECK(complaint({"cli/a.cpp", 3, "  #include \"store/internal/lmdb.h\""}) ==
        "cli/a.cpp:3: store/internal/lmdb.h is private to store");
  CHECK(complaint({"store/bank.cpp", 4, "#include <lmdb.h>"}) ==
        "store/bank.cpp:4: <lmdb.h> belongs in store/internal/lmdb.cpp only");
  CHECK(complaint({"store/bank.cpp", 5, "#include \"schema/ids.h\""}).empty());
  CHECK(complaint({"store/bank.cpp", 6, "#include \"store/internal/lmdb.h\""}).empty());
}

TEST_CASE("tidy: every room has a sign of at most 15 lines") {
  const std::vector<std::string> rooms = {"schema", "store",     "formats",   "importers",
                                          "query",  "exporters", "cli",       "bench",
                                          "tests",  "docs",      "packaging", "python"};
  for (const auto& room : rooms) {
    const auto sign = kSource / room / "README.md";
    CHECK_MESSAGE(fs::exists(sign), room, "/README.md is missing");
    const auto lines = lines_of(fs::relative(sign, kSource)).size();
    if (room == "bench" || room == "tests") continue;  // these also say how to run things
    CHECK_MESSAGE(lines <= 15, room, "/README.md has ", lines, " lines");
  }
}

// Two types of one name link into one program without a word, and each other's code may
// then destroy them: what the compiler may not tell, this does.
TEST_CASE("tidy: the name of a type is given once") {
  std::map<std::string, std::string> seen;
  for (const auto& [room, allowed] : kMayInclude) {
    for (const auto& file : files_below(room, {".h", ".cpp"})) {
      for (const auto& [name, place] : defined_types(lines_of(file))) {
        const auto [first, fresh] = seen.emplace(name, place);
        CHECK_MESSAGE(fresh, place, ": ", name, " is defined in ", first->second, " too");
      }
    }
  }
  CHECK(seen.size() > 300);
  CHECK(seen.contains("slicebank::Bank"));
}

TEST_CASE("tidy: the rule on types sees structs, classes and enums, in their namespaces") {
  const auto types = defined_types({{"a.h", 1, "namespace slicebank::query {"},
                                    {"a.h", 2, "struct Batch {"},
                                    {"a.h", 3, "struct Forward;"},
                                    {"a.h", 4, "class Own final : public Batch {"},
                                    {"a.h", 5, "struct Batch::Part {"},
                                    {"a.h", 6, "namespace {"},
                                    {"a.h", 7, "struct Hidden {"},
                                    {"a.h", 8, "}  // namespace"},
                                    {"a.h", 9, "enum class Kind : int { a, b };"},
                                    {"a.h", 10, "}  // namespace slicebank::query"}});
  const std::map<std::string, std::string> expected = {{"slicebank::query::Batch", "a.h:2"},
                                                       {"slicebank::query::Own", "a.h:4"},
                                                       {"slicebank::query::Kind", "a.h:9"}};
  CHECK(types == expected);
}

TEST_CASE("tidy: no leftovers, no banned constructs") {
  // In pieces, so that this file does not find itself.
  const std::vector<std::pair<std::string, std::string>> banned = {
      {std::string("TO") + "DO", "finish it"},
      {std::string("FIX") + "ME", "mend it"},
      {std::string("std::") + "views::", "clang 14 does not compile it from libstdc++ 12"},
      {std::string("std::") + "source_location", "clang 14 does not compile it"},
      {std::string("MDB_") + "WRITEMAP", "a full disk becomes SIGBUS"},
      {std::string("MDB_") + "DUPSORT", "broken in LMDB 0.9.24"},
  };
  for (const auto& [room, allowed] : kMayInclude) {
    for (const auto& file : files_below(room, {".h", ".cpp", ".py", ".sql", ".json"})) {
      for (const auto& line : lines_of(file)) {
        for (const auto& [word, reason] : banned) {
          if (line.text.find(word) == std::string::npos) continue;
          const bool comment = line.text.find("//") < line.text.find(word);
          const bool explained = comment && word.starts_with("MDB_");
          CHECK_MESSAGE(explained, where(line), ": ", word, ": ", reason);
        }
      }
    }
  }
}

TEST_CASE("tidy: libraries do not print and do not exit") {
  const std::vector<std::string> words = {"std::cout", "std::cerr", "printf(", "std::exit(",
                                          "abort("};
  for (const auto& room : {"schema", "store", "formats", "importers", "query", "exporters"}) {
    for (const auto& file : files_below(room, {".cpp", ".h"})) {
      for (const auto& line : lines_of(file)) {
        for (const auto& word : words) {
          const auto at = line.text.find(word);
          const bool called =
              at != std::string::npos &&
              (at == 0 || (!isalnum(static_cast<unsigned char>(line.text[at - 1])) &&
                           line.text[at - 1] != '_')) &&
              line.text.find("//") >= at;
          CHECK_MESSAGE(!called, where(line), ": ", word, " in a library");
        }
      }
    }
  }
}

TEST_CASE("tidy: headers begin with pragma once behind a word on what they are for") {
  for (const auto& [room, allowed] : kMayInclude) {
    for (const auto& file : files_below(room, {".h"})) {
      const auto lines = lines_of(file);
      REQUIRE_MESSAGE(!lines.empty(), file.string());
      CHECK_MESSAGE(lines.front().text.starts_with("// "), file.string(),
                    " does not say what it is");
      // Kernels that several files compile into namespaces of their own say so instead.
      const bool guarded = std::any_of(lines.begin(), lines.end(), [](const Line& line) {
        return line.text == "#pragma once" || line.text.find("each kernel") != std::string::npos;
      });
      CHECK_MESSAGE(guarded, file.string(), " has no #pragma once");
    }
  }
}
