// The command as a user meets it: exit codes, results on stdout, talk on stderr.
#include <doctest/doctest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "tests/cli/fixtures.h"
#include "tests/support/run_command.h"
#include "tests/support/temp_dir.h"

using namespace slicebank::testing;
using nlohmann::json;

namespace {

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream input(text);
  for (std::string line; std::getline(input, line);) lines.push_back(line);
  return lines;
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// One bank for the tests that only read.
const std::filesystem::path& shared_bank() {
  static const TempDir directory;
  static const std::filesystem::path bank = [] {
    const auto path = directory / "shared.bank";
    import_phantom(path);
    return path;
  }();
  return bank;
}

}  // namespace

TEST_CASE("cli: an import is told, counted and repeatable") {
  const TempDir directory;
  const auto bank = directory / "a.bank";

  const auto first = run_slicebank({"import", bank, phantom_folder(), "--json"});
  const auto second = run_slicebank({"import", bank, phantom_folder(), "--json"});

  REQUIRE_MESSAGE(first.exit_code == 0, first.err);
  const json made = json::parse(first.out);
  CHECK(made["format"] == "sa-med2d");
  CHECK(made["samples"] > 30);
  CHECK(made["skipped"] == 0);
  const json again = json::parse(second.out);
  CHECK(second.exit_code == 0);
  CHECK(again["samples"] == 0);
  CHECK(again["unchanged"] == made["items"]);
}

TEST_CASE("cli: a dry run writes nothing") {
  const TempDir directory;
  const auto result =
      run_slicebank({"import", directory / "a.bank", phantom_folder(), "--dry-run"});
  CHECK_MESSAGE(result.exit_code == 0, result.err);
  CHECK(contains(result.out, "PhantomCT"));
  CHECK(contains(result.out, "classes"));
  CHECK(!std::filesystem::exists(directory / "a.bank"));

  const auto as_json =
      run_slicebank({"import", directory / "a.bank", phantom_folder(), "--dry-run", "--json"});
  const json counted = json::parse(as_json.out);
  for (const json& dataset : counted["datasets"]) {
    INFO(dataset.dump());
    CHECK(dataset["classes"] > 0);
    CHECK(dataset["own_classes"] == dataset["own_class_names"].size());
    CHECK(dataset["volumes"] > 0);
  }
}

TEST_CASE("cli: a folder that is no dataset is an error with a hint") {
  const TempDir directory;
  std::filesystem::create_directory(directory / "empty");
  const auto result = run_slicebank({"import", directory / "a.bank", directory / "empty"});
  CHECK(result.exit_code == 1);
  CHECK(contains(result.err, "try:"));
  CHECK(contains(result.err, "--format"));
  CHECK(!std::filesystem::exists(directory / "a.bank"));
}

TEST_CASE("cli: a query gives rows, ids, counts and JSON that agree") {
  const std::string filter = "modality = 'CT' AND class = 'liver'";
  const auto count = run_slicebank({"query", shared_bank(), filter, "--count"});
  const auto ids = run_slicebank({"query", shared_bank(), filter, "--ids"});
  const auto rows = run_slicebank({"query", shared_bank(), filter, "--json"});
  const auto table = run_slicebank({"query", shared_bank(), filter, "--limit", "2"});

  REQUIRE_MESSAGE(count.exit_code == 0, count.err);
  const auto expected = std::stoul(count.out);
  CHECK(expected > 0);
  CHECK(lines_of(ids.out).size() == expected);
  CHECK(lines_of(rows.out).size() == expected);
  for (const std::string& line : lines_of(rows.out)) {
    const json row = json::parse(line);
    CHECK(row["modality"] == "CT");
    CHECK(std::any_of(row["masks"].begin(), row["masks"].end(),
                      [](const json& mask) { return mask["class"] == "liver"; }));
  }
  CHECK(lines_of(table.out).size() == 3);
  CHECK(contains(table.err, "2 shown"));
}

TEST_CASE("cli: selections are joined, drawn, sorted, kept, listed and forgotten") {
  const TempDir directory;
  const auto bank = directory / "a.bank";
  import_phantom(bank);
  const auto ids = [&](const std::vector<std::string>& options) {
    std::vector<std::string> words = {"query", bank.string()};
    words.insert(words.end(), options.begin(), options.end());
    words.emplace_back("--ids");
    const auto result = run_slicebank(words);
    REQUIRE_MESSAGE(result.exit_code == 0, result.err);
    return lines_of(result.out);
  };
  const auto ct = ids({"modality = 'CT'", "--save", "ct"});
  const auto liver = ids({"class = 'liver'", "--save", "liver"});
  const auto all = ids({});
  REQUIRE(!ct.empty());
  REQUIRE(!liver.empty());

  const auto both = ids({"--from", "ct", "--intersect", "liver"});
  CHECK(ids({"--selection", "ct", "--intersect", "liver"}) == both);
  CHECK(ids({"--from", "ct", "--union", "liver"}).size() == ct.size() + liver.size() - both.size());
  CHECK(ids({"--from", "ct", "--minus", "liver"}).size() == ct.size() - both.size());
  CHECK(ids({"--from", "ct", "--xor", "liver"}).size() ==
        ct.size() + liver.size() - 2 * both.size());
  CHECK(ids({"--sample", "5", "--seed", "3"}) == ids({"--sample", "5", "--seed", "3"}));
  CHECK(ids({"--sample", "5", "--seed", "3"}).size() == 5);
  CHECK(ids({"--shuffle", "--seed", "3"}) != all);
  CHECK(ids({"--shuffle", "--sort", "id"}) == all);
  auto reversed = all;
  std::reverse(reversed.begin(), reversed.end());
  CHECK(ids({"--sort", "id desc"}) == reversed);
  CHECK(ids({"--sort", "id desc", "--head", "2"}).front() == all.back());
  CHECK(run_slicebank({"query", bank, "--sample", "5", "--count"}).out == "5\n");

  const auto saved = run_slicebank({"query", bank, "--saved", "--json"});
  REQUIRE(lines_of(saved.out).size() == 2);
  std::set<std::string> names;
  for (const std::string& line : lines_of(saved.out)) {
    const json row = json::parse(line);
    names.insert(row["name"]);
    CHECK(row["fingerprint"].get<std::string>().size() == 32);
    CHECK(row["samples"] == (row["name"] == "ct" ? ct.size() : liver.size()));
  }
  CHECK(names == std::set<std::string>{"ct", "liver"});
  CHECK(run_slicebank({"query", bank, "--forget", "ct"}).exit_code == 0);
  CHECK(run_slicebank({"query", bank, "--from", "ct"}).exit_code == 1);
  CHECK(lines_of(run_slicebank({"query", bank, "--saved"}).out).size() == 2);  // with its header
  CHECK(run_slicebank({"query", bank, "--sort", "area"}).exit_code == 2);
}

TEST_CASE("cli: query --explain shows the tree, the SQL and the plan") {
  const auto result = run_slicebank(
      {"query", shared_bank(), "class = 'liver' AND width * height > 100", "--explain"});
  REQUIRE_MESSAGE(result.exit_code == 0, result.err);
  CHECK(contains(result.out, "AND\n    class = 'liver'\n    width * height > 100"));
  CHECK(contains(result.out, "SELECT "));
  CHECK(contains(result.out, "SQLite's plan"));
}

TEST_CASE("cli: stats --plot writes a chart beside the table") {
  const TempDir directory;
  const auto file = directory / "out.svg";
  const auto result = run_slicebank(
      {"stats", shared_bank(), "--by", "modality,class", "--plot", file, "--log", "--top", "5"});
  REQUIRE_MESSAGE(result.exit_code == 0, result.err);
  const std::string svg = read_text(file);
  CHECK(contains(svg, "<svg "));
  CHECK(contains(svg, "Samples by modality and class"));
  CHECK(contains(svg, "(logarithmic)"));
  CHECK(contains(result.out, "liver"));
  CHECK(
      run_slicebank({"stats", shared_bank(), "--plot", directory / "no" / "such.svg"}).exit_code ==
      1);
}

TEST_CASE("cli: a wrong field points at its column and names the nearest") {
  const auto result = run_slicebank({"query", shared_bank(), "class = 'liver' AND modalty = 'CT'"});
  CHECK(result.exit_code == 2);
  CHECK(contains(result.err, "modality"));
  CHECK(contains(result.err, "column 21"));
  const auto lines = lines_of(result.err);
  const auto caret = std::find_if(lines.begin(), lines.end(),
                                  [](const std::string& line) { return contains(line, "^"); });
  REQUIRE(caret != lines.end());
  CHECK(caret->find('^') - 2 == 20);
}

TEST_CASE("cli: an unclosed quote points at the quote") {
  const auto result = run_slicebank({"query", shared_bank(), "class = 'liver"});
  CHECK(result.exit_code == 2);
  CHECK(contains(result.err, "column 9"));
}

TEST_CASE("cli: an unknown class names the nearest") {
  const auto result = run_slicebank({"query", shared_bank(), "class = 'livr'"});
  CHECK(result.exit_code == 2);
  CHECK(contains(result.err, "liver"));
  CHECK(contains(result.err, "column 9"));
}

TEST_CASE("cli: an unknown verb names the nearest and exits with 2") {
  const auto result = run_slicebank({"improt"});
  CHECK(result.exit_code == 2);
  CHECK(contains(result.err, "import"));
}

TEST_CASE("cli: a bank that is not there is an error, not an empty bank") {
  const TempDir directory;
  for (const std::string verb : {"info", "stats", "query", "verify", "reindex"}) {
    const auto result = run_slicebank({verb, directory / "none.bank"});
    CHECK_MESSAGE(result.exit_code == 1, verb, ": ", result.err);
    CHECK_MESSAGE(contains(result.err, "none.bank"), verb);
  }
  CHECK(!std::filesystem::exists(directory / "none.bank"));
}

TEST_CASE("cli: sql answers a SELECT as table, CSV and JSON") {
  const std::string statement =
      "SELECT class, count(*) AS n FROM masks GROUP BY class ORDER BY n DESC, class";
  const auto table = run_slicebank({"sql", shared_bank(), statement});
  const auto csv = run_slicebank({"sql", shared_bank(), statement, "--csv"});
  const auto rows = run_slicebank({"sql", shared_bank(), statement, "--json"});
  REQUIRE_MESSAGE(table.exit_code == 0, table.err);
  CHECK(lines_of(table.out).size() == lines_of(csv.out).size());
  CHECK(lines_of(rows.out).size() + 1 == lines_of(csv.out).size());
  CHECK(lines_of(csv.out).front() == "class,n\r");
  CHECK(json::parse(lines_of(rows.out).front()).at("n") > 0);
}

TEST_CASE("cli: sql streams, ends at its deadline, on Ctrl-C and when nobody reads") {
  const std::string endless =
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n";
  for (const std::string format : {"--csv", "--json", "--table"}) {
    CAPTURE(format);
    const auto late =
        run_slicebank({"sql", shared_bank(), endless + " WHERE i < 4", format, "--timeout", "0.3"});
    CHECK(late.exit_code == 130);
    CHECK(lines_of(late.out).size() >= 3);  // what was answered before is there
    const auto unread =
        run_program({"sh", "-c",
                     std::string(SLICEBANK_COMMAND) + " sql '" + shared_bank().string() + "' '" +
                         endless + "' " + format + " | head -n 3"});
    CHECK(lines_of(unread.out).size() == 3);
    CHECK(unread.err.empty());
  }
  CHECK(run_slicebank({"sql", shared_bank(), "SELECT 1", "--csv", "--json"}).exit_code == 2);

  const auto interrupted =
      run_program({"timeout", "--preserve-status", "--signal=INT", "1", SLICEBANK_COMMAND, "sql",
                   shared_bank().string(), "SELECT count(*) FROM (" + endless + ")"});
  CHECK(interrupted.exit_code == 130);
  CHECK(interrupted.out.empty());
}

TEST_CASE("cli: sql refuses everything that is not one SELECT") {
  const TempDir directory;
  const std::string copy = directory / "copy.db";
  for (const std::string& statement :
       {std::string("DELETE FROM _sample"), "VACUUM INTO '" + copy + "'",
        std::string("SELECT 1; SELECT 2"), "ATTACH '" + copy + "' AS other",
        std::string("PRAGMA query_only = OFF"), std::string("CREATE TEMP TABLE t(x)")}) {
    const auto result = run_slicebank({"sql", shared_bank(), statement});
    CHECK_MESSAGE(result.exit_code == 2, statement, ": ", result.err);
  }
  CHECK(!std::filesystem::exists(copy));
}

TEST_CASE("cli: show writes a picture, sample a contact sheet") {
  const TempDir directory;
  const auto show = run_slicebank({"show", shared_bank(), "1", "--out", directory / "one.png"});
  const auto sheet =
      run_slicebank({"sample", shared_bank(), "--count", "6", "--out", directory / "sheet.png"});
  CHECK_MESSAGE(show.exit_code == 0, show.err);
  CHECK_MESSAGE(sheet.exit_code == 0, sheet.err);
  for (const std::string name : {"one.png", "sheet.png"}) {
    CHECK(read_text(directory / name).substr(1, 3) == "PNG");
  }
  const auto none = run_slicebank({"show", shared_bank(), "987654321"});
  CHECK(none.exit_code == 1);
  CHECK(contains(none.err, "987654321"));
}

TEST_CASE("cli: the same seed draws the same samples, and no sample twice") {
  const auto draw = [](const std::string& seed) {
    return lines_of(run_slicebank({"sample", shared_bank(), "--count", "20", "--seed", seed}).out);
  };
  const auto ids = draw("5");
  CHECK(ids == draw("5"));
  CHECK(ids != draw("6"));
  CHECK(std::set<std::string>(ids.begin(), ids.end()).size() == 20);
}

TEST_CASE("cli: a split keeps people together and its audit is clean") {
  const TempDir directory;
  const auto bank = directory / "a.bank";
  import_phantom(bank);

  const auto made =
      run_slicebank({"split", bank, "create", "main", "--ratio", "train=0.6,val=0.2,test=0.2",
                     "--stratify", "class,modality", "--seed", "7"});
  const auto audit = run_slicebank({"audit", bank, "main", "--json"});
  const auto crossing = run_slicebank(
      {"sql", bank, "--csv",
       "SELECT count(*) FROM (SELECT s.subject_id FROM splits p JOIN samples s ON s.id = "
       "p.sample_id "
       "WHERE p.split = 'main' GROUP BY s.subject_id HAVING count(DISTINCT p.side) > 1)"});
  const auto all = run_slicebank({"query", bank, "--count"});
  std::size_t placed = 0;
  for (const std::string side : {"main:train", "main:val", "main:test"}) {
    const auto ids = run_slicebank({"split", bank, "ids", side});
    CHECK_MESSAGE(ids.exit_code == 0, ids.err);
    CHECK(!lines_of(ids.out).empty());
    placed += lines_of(ids.out).size();
  }

  REQUIRE_MESSAGE(made.exit_code == 0, made.err);
  CHECK(audit.exit_code == 0);
  CHECK(json::parse(audit.out).at("clean") == true);
  CHECK(lines_of(crossing.out).back() == "0\r");
  CHECK(placed == std::stoul(all.out));
}

TEST_CASE("cli: a split of no such name and a side of no such name are errors that help") {
  const auto audit = run_slicebank({"audit", shared_bank(), "mian"});
  CHECK(audit.exit_code == 2);
  const auto side = run_slicebank({"query", shared_bank(), "--split", "main:train"});
  CHECK(side.exit_code != 0);
  CHECK(contains(side.err, "main"));
}

TEST_CASE("cli: an export comes back as the same bank") {
  const TempDir directory;
  const auto bank = directory / "a.bank";
  import_phantom(bank);
  const auto exported = run_slicebank({"export", bank, directory / "out", "--format", "sa-med2d"});
  const auto again = run_slicebank({"import", directory / "b.bank", directory / "out"});
  CHECK_MESSAGE(exported.exit_code == 0, exported.err);
  CHECK_MESSAGE(again.exit_code == 0, again.err);
  CHECK(digest_of(bank) == digest_of(directory / "b.bank"));
  CHECK(std::filesystem::exists(directory / "out" / "LICENCES.md"));

  const auto twice = run_slicebank({"export", bank, directory / "out", "--format", "sa-med2d"});
  CHECK(twice.exit_code == 1);
  const auto unknown = run_slicebank({"export", bank, directory / "c", "--format", "sa-med3d"});
  CHECK(contains(unknown.err, "sa-med2d"));
}

TEST_CASE("cli: delete asks, deletes for good, and reindex brings nothing back") {
  const TempDir directory;
  const auto bank = directory / "a.bank";
  import_phantom(bank);
  const auto before = std::stoul(run_slicebank({"query", bank, "--count"}).out);
  const auto doomed = std::stoul(run_slicebank({"query", bank, "modality = 'CT'", "--count"}).out);

  const auto refused = run_slicebank({"delete", bank, "--where", "modality = 'CT'"});
  CHECK(refused.exit_code == 2);
  CHECK(std::stoul(run_slicebank({"query", bank, "--count"}).out) == before);

  const auto deleted = run_slicebank({"delete", bank, "--where", "modality = 'CT'", "--yes"});
  CHECK_MESSAGE(deleted.exit_code == 0, deleted.err);
  const auto reindexed = run_slicebank({"reindex", bank});
  CHECK_MESSAGE(reindexed.exit_code == 0, reindexed.err);
  CHECK(std::stoul(run_slicebank({"query", bank, "--count"}).out) == before - doomed);
  CHECK(run_slicebank({"verify", bank, "--level", "3"}).exit_code == 0);
}

TEST_CASE("cli: verify names a damaged sample and exits with 4") {
  const TempDir directory;
  const auto bank = directory / "a.bank";
  import_phantom(bank);
  const std::string bytes = read_text(bank / "records.lmdb");
  // The second record's magic, then somewhere in its sections.
  std::size_t at = bytes.find("SLBR", bytes.find("SLBR") + 1);
  REQUIRE(at != std::string::npos);
  at += 400;
  {
    std::FILE* file = std::fopen((bank / "records.lmdb").c_str(), "r+b");
    REQUIRE(file != nullptr);
    std::fseek(file, static_cast<long>(at), SEEK_SET);
    std::fputc(bytes[at] ^ 0x10, file);
    std::fclose(file);
  }
  const auto result = run_slicebank({"verify", bank, "--json"});
  CHECK(result.exit_code == 4);
  const json report = json::parse(result.out);
  CHECK(report["sound"] == false);
  REQUIRE(report["findings"].size() >= 1);
  CHECK(report["findings"][0]["sample"] > 0);
}

TEST_CASE("cli: version lists what the build is made of") {
  const auto result = run_slicebank({"version", "--json"});
  REQUIRE(result.exit_code == 0);
  const json versions = json::parse(result.out);
  for (const std::string name : {"slicebank", "sqlite", "lmdb", "zstd", "kernels"}) {
    CHECK_MESSAGE(versions.contains(name), name);
  }
}

TEST_CASE("cli: results that nobody reads end quietly") {
  const auto result = run_program({"sh", "-c",
                                   std::string(SLICEBANK_COMMAND) + " query '" +
                                       shared_bank().string() + "' --json | head -n 1"});
  CHECK(result.exit_code == 0);
  CHECK(lines_of(result.out).size() == 1);
  CHECK(result.err.empty());
}

TEST_CASE("cli: bench reads the bank and prints a rate a thread count") {
  const auto result =
      run_slicebank({"bench", shared_bank(), "--threads", "1,2", "--seconds", "0.1", "--json"});
  REQUIRE_MESSAGE(result.exit_code == 0, result.err);
  const json rows = json::parse(result.out);
  REQUIRE(rows.size() == 2);
  CHECK(rows[0]["samples_per_second"] > 0);
}
