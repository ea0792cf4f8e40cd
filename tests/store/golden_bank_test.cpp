// tests/golden/banks/<version> are banks as one release left them: made of 28 phantom
// slices, with a split and a saved selection. Every later release reads them.
#include <doctest/doctest.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "store/bank.h"
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
};

constexpr GoldenBank kGoldenBanks[] = {{"v1_0", "bb6b641bfd70954f743b1245d9e54764"}};

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
      CHECK(report.records == 28);
      const Bank bank = Bank::open(path);
      CHECK(bank.logical_digest(true) == std::string(golden.digest));
      CHECK(number(bank, "SELECT count(*) FROM masks") == 109);
      CHECK(number(bank, "SELECT count(*) FROM splits WHERE split = 'main'") == 28);
      CHECK(number(bank, "SELECT count(*) FROM samples WHERE modality = 'CT'") > 0);
      if (time == 0) reindex(path);
    }
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
