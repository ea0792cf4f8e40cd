// tests/golden/banks/<version> are banks as one format left them: made of phantom slices,
// with a split and a saved selection (tests/golden/make_bank.sh). Every later release reads
// them.
#include <doctest/doctest.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <vector>

#include "store/bank.h"
#include "store/generations.h"
#include "store/reindex.h"
#include "store/select.h"
#include "store/verify.h"
#include "store/writer.h"
#include "tests/support/temp_dir.h"

using namespace slicebank;

namespace {

struct GoldenBank {
  const char* version;
  const char* digest;  // with pixels
  std::uint64_t samples;
  std::int64_t masks;
  std::size_t generations;  // in its log
};

constexpr GoldenBank kGoldenBanks[] = {
    {"v1_0", "bb6b641bfd70954f743b1245d9e54764", 28, 109, 0},
    {"v1_1", "a26ce7f9b8d8870ba54ec95eecc1dc71", 19, 64, 6},
};

std::int64_t number(const Bank& bank, const std::string& sql) {
  Rows rows = select(bank, sql);
  REQUIRE(rows.next());
  return rows.integer(0);
}

}  // namespace

TEST_CASE("golden bank: a bank of every release opens, verifies, reads and takes another reindex") {
  for (const GoldenBank& golden : kGoldenBanks) {
    INFO(golden.version);
    const testing::TempDir folder;
    const auto path = folder / "golden.bank";
    std::filesystem::copy(
        std::filesystem::path(SLICEBANK_SOURCE_DIR) / "tests/golden/banks" / golden.version, path);
    for (const auto& file : std::filesystem::directory_iterator(path)) {
      std::filesystem::permissions(file.path(), std::filesystem::perms::owner_all);
    }
    for (int time = 0; time < 2; ++time) {
      const VerifyReport report = verify(path, VerifyLevel::decode);
      CHECK(report.findings.empty());
      CHECK(report.notes.empty());
      CHECK(report.records == golden.samples);
      const Bank bank = Bank::open(path);
      CHECK(bank.logical_digest(true) == std::string(golden.digest));
      CHECK(number(bank, "SELECT count(*) FROM masks") == golden.masks);
      CHECK(number(bank, "SELECT count(*) FROM splits WHERE split = 'main'") ==
            static_cast<std::int64_t>(golden.samples));
      CHECK(list_generations(bank).size() == golden.generations);
      CHECK(number(bank, "SELECT count(*) FROM samples WHERE modality = 'CT'") > 0);
      if (time == 0) reindex(path);
    }
  }
}

TEST_CASE("golden bank: the log of generations begins where an older bank stands") {
  const testing::TempDir folder;
  const auto path = folder / "golden.bank";
  std::filesystem::copy(std::filesystem::path(SLICEBANK_SOURCE_DIR) / "tests/golden/banks/v1_0",
                        path);
  for (const auto& file : std::filesystem::directory_iterator(path)) {
    std::filesystem::permissions(file.path(), std::filesystem::perms::owner_all);
  }
  const Generation before = Bank::open(path).generation();
  {
    Writer writer = Writer::open(path);
    writer.delete_samples(std::vector<SampleId>{SampleId{1}, SampleId{28}});
  }
  const Bank bank = Bank::open(path);
  const std::vector<GenerationEntry> log = list_generations(bank);
  REQUIRE(log.size() == 2);
  CHECK(log[0].generation == before);
  CHECK(log[0].kind == GenerationKind::begin);
  CHECK(log[0].samples == 28);
  CHECK(log[0].committed_at == 0);
  CHECK(past_generation(bank, before).removed_since == 2);
  CHECK(number(bank, "SELECT count(*) FROM generations") == 2);
  CHECK(verify(path, VerifyLevel::decode).findings.empty());
}

TEST_CASE("golden bank: the next writer gives an older index the schema and plans of a new one") {
  for (const GoldenBank& golden : kGoldenBanks) {
    INFO(golden.version);
    const testing::TempDir folder;
    const auto path = folder / "golden.bank";
    std::filesystem::copy(
        std::filesystem::path(SLICEBANK_SOURCE_DIR) / "tests/golden/banks" / golden.version, path);
    for (const auto& file : std::filesystem::directory_iterator(path)) {
      std::filesystem::permissions(file.path(), std::filesystem::perms::owner_all);
    }
    const auto schema_of = [&] {
      const Bank bank = Bank::open(path);
      std::vector<std::string> lines;
      for (const char* sql :
           {"SELECT name || ': ' || coalesce(sql, '') FROM sqlite_schema ORDER BY 1",
            "SELECT tbl || ' ' || coalesce(idx, '') || ' ' || stat FROM sqlite_stat1 ORDER BY 1",
            "SELECT user_version FROM pragma_user_version"}) {
        for (Rows rows = select(bank, sql); rows.next();) lines.emplace_back(rows.text(0));
      }
      return lines;
    };
    { const Writer writer = Writer::open(path); }
    const std::vector<std::string> upgraded = schema_of();
    CHECK(verify(path, VerifyLevel::structure).findings.empty());
    reindex(path);
    CHECK(upgraded == schema_of());
    CHECK(upgraded.size() > 60);
  }
}

// As a reindex leaves it that was killed while the index left its write-ahead log.
TEST_CASE("bank: a rollback journal of somebody dead is undone by the next reader") {
  const testing::TempDir folder;
  const auto path = folder / "a.bank";
  std::filesystem::copy(std::filesystem::path(SLICEBANK_SOURCE_DIR) / "tests/golden/banks/v1_0",
                        path);
  const std::string file = (path / "index.sqlite").string();
  std::filesystem::permissions(file, std::filesystem::perms::owner_all);
  const pid_t child = ::fork();
  if (child == 0) {
    sqlite3* database = nullptr;
    sqlite3_open(file.c_str(), &database);
    // A small cache, so that the file itself is written before the end.
    sqlite3_exec(database,
                 "PRAGMA journal_mode = DELETE; PRAGMA cache_size = 2; BEGIN IMMEDIATE;"
                 "CREATE TABLE half_done(x);"
                 "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)"
                 "INSERT INTO half_done SELECT randomblob(500) FROM n",
                 nullptr, nullptr, nullptr);
    ::kill(::getpid(), SIGKILL);
  }
  ::waitpid(child, nullptr, 0);
  REQUIRE(std::filesystem::exists(file + "-journal"));
  const Bank bank = Bank::open(path);
  CHECK(number(bank, "SELECT count(*) FROM samples") == 28);
  CHECK(number(bank, "SELECT count(*) FROM sqlite_schema WHERE name = 'half_done'") == 0);
}
