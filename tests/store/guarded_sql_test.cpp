// The user's own SELECT: what it may do, and what it may not.
#include "store/guarded_sql.h"

#include <doctest/doctest.h>

#include <chrono>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "schema/error.h"
#include "tests/store/bank_fixture.h"
#include "tests/support/temp_dir.h"

namespace {

using namespace slicebank;
using testing::Feeder;
using Clock = std::chrono::steady_clock;
namespace fs = std::filesystem;

constexpr auto kGrace = std::chrono::milliseconds(100);

// A bank with a few thousand rows and nothing else.
Bank make_bank(const fs::path& path) {
  Bank bank = Bank::create(path);
  Writer writer = Writer::open(path);
  Feeder feeder(writer);
  for (std::uint64_t seed = 0; seed < 300; ++seed) feeder.add(seed, 8);
  writer.commit();
  return bank;
}

std::vector<std::vector<SqlValue>> run(const Bank& bank, const std::string& sql,
                                       GuardOptions options = {}) {
  std::vector<std::vector<SqlValue>> rows;
  run_guarded_sql(
      bank, sql, options, [](const std::vector<std::string>&) {},
      [&](const std::vector<SqlValue>& row) {
        rows.push_back(row);
        return true;
      });
  return rows;
}

std::set<std::string> names_below(const fs::path& folder) {
  std::set<std::string> names;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    names.insert(entry.path().string());
  }
  return names;
}

enum class Outcome { answered, refused, stopped };

// How a statement ended; it must not take longer than its deadline and the grace.
Outcome outcome_of(const Bank& bank, const std::string& sql, std::chrono::milliseconds deadline) {
  GuardOptions options;
  options.deadline = deadline;
  options.rows_max = 100'000;
  const auto start = Clock::now();
  Outcome outcome = Outcome::answered;
  try {
    run_guarded_sql(
        bank, sql, options, [](const std::vector<std::string>&) {},
        [](const std::vector<SqlValue>&) { return true; });
  } catch (const Error& error) {
    outcome = error.code() == ErrorCode::bad_query ? Outcome::refused : Outcome::stopped;
  }
  const auto spent = Clock::now() - start;
  CHECK_MESSAGE(spent <= deadline + kGrace, sql.substr(0, 80), " took ",
                std::chrono::duration_cast<std::chrono::milliseconds>(spent).count(), " ms");
  return outcome;
}

std::string nested(const std::string& before, const std::string& core, const std::string& after,
                   int times) {
  std::string text = core;
  for (int i = 0; i < times; ++i) text = before + text + after;
  return text;
}

std::string repeated(const std::string& piece, int times) {
  std::string text;
  for (int i = 0; i < times; ++i) text += piece;
  return text;
}

}  // namespace

TEST_CASE("guarded sql: ordinary questions are answered, also about private tables") {
  testing::TempDir folder;
  const Bank bank = make_bank(folder / "a.bank");
  CHECK(std::get<std::int64_t>(run(bank, "SELECT count(*) FROM samples;  -- all\n")[0][0]) == 300);
  CHECK(run(bank, "SELECT class, count(*), avg(area_fraction) FROM masks GROUP BY class").size() ==
        3);
  CHECK(run(bank,
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10) "
            "SELECT * FROM n")
            .size() == 10);
  CHECK(run(bank, "WITH big AS (SELECT sample_id FROM masks) SELECT count(*) FROM big").size() ==
        1);
  CHECK(run(bank,
            "SELECT name, upper(name), printf('%05d', id) FROM samples "
            "WHERE name LIKE 'slice\\_1%' ESCAPE '\\' ORDER BY slice LIMIT 3")
            .size() == 3);
  CHECK(run(bank,
            "SELECT s.id, row_number() OVER (PARTITION BY patient ORDER BY slice) "
            "FROM samples s JOIN masks m ON m.sample_id = s.id")
            .size() == static_cast<std::size_t>(testing::count(bank, "masks")));
  CHECK(run(bank, "SELECT * FROM _rollup_sample").size() == 1);
  CHECK(run(bank, "SELECT name FROM sqlite_schema WHERE type = 'view'").size() == 14);
  for (const char* view : {"datasets", "subjects", "volumes", "samples", "masks", "labels",
                           "classes", "coverage", "splits", "imports", "problems", "generations"}) {
    CHECK_NOTHROW(run(bank, std::string("SELECT * FROM ") + view + " LIMIT 1"));
  }
}

TEST_CASE("guarded sql: columns and values arrive as they are, and the caller may stop") {
  testing::TempDir folder;
  const Bank bank = make_bank(folder / "a.bank");
  std::vector<std::string> names;
  int rows = 0;
  run_guarded_sql(
      bank, "SELECT 1 AS one, 2.5 AS real, 'x' AS text, NULL AS none FROM samples", {},
      [&](const std::vector<std::string>& header) { names = header; },
      [&](const std::vector<SqlValue>& row) {
        CHECK(row ==
              std::vector<SqlValue>{std::int64_t{1}, 2.5, std::string("x"), std::monostate{}});
        return ++rows < 5;
      });
  CHECK(names == std::vector<std::string>{"one", "real", "text", "none"});
  CHECK(rows == 5);
  GuardOptions few;
  few.rows_max = 10;
  CHECK_THROWS_AS(run(bank, "SELECT id FROM samples", few), Error);
}

TEST_CASE("guarded sql: errors point into the text") {
  testing::TempDir folder;
  const Bank bank = make_bank(folder / "a.bank");
  const auto column = [&](const std::string& sql) -> std::optional<std::size_t> {
    try {
      run(bank, sql);
    } catch (const QueryError& error) {
      CHECK(error.text() == sql);
      return error.column();
    }
    return std::nullopt;
  };
  CHECK(column("SELECT nmae FROM samples") == 7);
  CHECK(column("SELECT id FROM samples WHERE WHERE") == 29);
  CHECK(column("SELECT 1; SELECT 2") == 9);
  CHECK(column("") == 0);
  CHECK(column("-- nothing") == 0);
}

TEST_CASE("guarded sql: hostile statements write nothing, reach nothing and end in time") {
  testing::TempDir folder;
  const Bank bank = make_bank(folder / "a.bank");
  const std::string out = (folder / "out.db").string();
  const auto before = names_below(folder.path());
  const auto rows_before = testing::dump_index(bank);

  const std::vector<std::string> refused = {
      "VACUUM",
      "VACUUM INTO '" + out + "'",
      "ATTACH '" + out + "' AS x",
      "ATTACH '/etc/passwd' AS x",
      "DETACH main",
      "PRAGMA query_only = OFF",
      "PRAGMA writable_schema = ON",
      "PRAGMA journal_mode = DELETE",
      "PRAGMA table_info(_sample)",
      "SELECT * FROM pragma_database_list",
      "SELECT * FROM pragma_table_info('_sample')",
      "INSERT INTO _meta VALUES('a', 'b')",
      "INSERT INTO _meta VALUES('a', 'b') RETURNING key",
      "WITH x AS (SELECT 1) DELETE FROM _sample",
      "UPDATE _sample SET name = 'x'",
      "DELETE FROM _sample",
      "REPLACE INTO _meta VALUES('uuid', 'x')",
      "CREATE TABLE t(a)",
      "CREATE TEMP TABLE t(a)",
      "CREATE TEMP VIEW v AS SELECT 1",
      "CREATE VIRTUAL TABLE t USING fts5(a)",
      "CREATE TEMP TRIGGER t AFTER INSERT ON _meta BEGIN SELECT 1; END",
      "DROP TABLE _sample",
      "ALTER TABLE _sample ADD COLUMN x",
      "REINDEX",
      "ANALYZE",
      "BEGIN",
      "BEGIN EXCLUSIVE",
      "COMMIT",
      "SAVEPOINT a",
      "SELECT load_extension('/tmp/x.so')",
      "SELECT readfile('/etc/passwd')",
      "SELECT writefile('" + out + "', 'x')",
      "SELECT fts3_tokenizer('simple', x'00')",
      "SELECT randomblob(900000000)",
      "SELECT zeroblob(900000000)",
      "SELECT hex(zeroblob(1000000))",
      "SELECT replace(hex(1), '0', '00')",
      "SELECT instr('a', 'b')",
      "SELECT sqlite_version()",
      "SELECT sqlite_compileoption_get(0)",
      "SELECT last_insert_rowid()",
      "SELECT * FROM dbstat",
      "SELECT count(*) FROM dbstat",
      "SELECT count(*) FROM pragma_database_list",
      "SELECT * FROM sqlite_stmt",
      "SELECT * FROM generate_series(1, 1e18)",
      "SELECT * FROM json_each('[1,2]')",
      "SELECT * FROM temp.sqlite_schema",
      "SELECT 1; DROP TABLE _sample",
      "SELECT 1; VACUUM INTO '" + out + "'",
      "SELECT \"no such column\" FROM samples",
      std::string("SELECT 1\0; DROP TABLE _sample", 29),
      "SELECT " + repeated("abs(1)+", 300) + "1",
      "SELECT " + nested("(", "1", "+1)", 400),
      "SELECT 1 " + repeated("UNION ALL SELECT 1 ", 30),
      "SELECT " + repeated("1,", 200) + "1",
      "SELECT 'a' LIKE '" + repeated("%a", 100) + "'",
      "SELECT '" + std::string(150'000, 'x') + "'",
  };
  for (const std::string& sql : refused) {
    CAPTURE(sql.substr(0, 100));
    CHECK(outcome_of(bank, sql, std::chrono::milliseconds(300)) != Outcome::answered);
  }

  const std::vector<std::string> endless = {
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n",
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION SELECT i + 1 FROM n) SELECT count(*) FROM n",
      "SELECT count(*) FROM samples a, samples b, samples c, samples d, samples e",
      "SELECT a.area FROM masks a, masks b, masks c ORDER BY a.area * b.area",
      "WITH RECURSIVE s(t, n) AS (SELECT 'aaaaaaaa', 0 UNION ALL SELECT t || t, n + 1 FROM s "
      "WHERE n < 14) SELECT max(a.t LIKE '%a%a%a%a%a%a%a%a%a%a%a%a%a%a%b') "
      "FROM s a, s b, s c, s d, s e, s f",
      "WITH RECURSIVE s(t, n) AS (SELECT 'a', 0 UNION ALL SELECT t || t, n + 1 FROM s "
      "WHERE n < 17) SELECT max(" +
          repeated("a.t GLOB '*a*a*a*a*a*a*a*a*a*b', ", 30) + "0) FROM s a, s b, s c, s d",
      "WITH RECURSIVE s(t, n) AS (SELECT 'a', 0 UNION ALL SELECT t || t, n + 1 FROM s "
      "WHERE n < 17), w AS (SELECT a.t FROM s a, s b, s c, s d, s e) "
      "SELECT group_concat(upper(hex(t))) FROM w",
      "SELECT sum(length(printf('%90000d', a.id) || printf('%90000d', b.id))) "
      "FROM samples a, samples b, samples c",
      "SELECT sum(length(printf('%.190000f', 1.5))) FROM masks a, masks b, masks c",
      "SELECT count(DISTINCT a.area || b.area || c.area) FROM masks a, masks b, masks c, masks d",
      "SELECT sum(x) OVER (ORDER BY x ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) "
      "FROM (SELECT a.area * b.x0 AS x FROM masks a, masks b, masks c)",
  };
  for (const std::string& sql : endless) {
    CAPTURE(sql.substr(0, 100));
    CHECK(outcome_of(bank, sql, std::chrono::milliseconds(300)) == Outcome::stopped);
  }

  CHECK(refused.size() + endless.size() >= 31);
  const auto after = names_below(folder.path());
  CHECK(after == before);
  CHECK(testing::dump_index(bank) == rows_before);
}

TEST_CASE("guarded sql: a stop from another thread ends a statement at once") {
  testing::TempDir folder;
  const Bank bank = make_bank(folder / "a.bank");
  std::stop_source stop;
  GuardOptions options;
  options.stop = stop.get_token();
  std::jthread other([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    stop.request_stop();
  });
  const auto start = Clock::now();
  try {
    run(bank, "SELECT count(*) FROM samples a, samples b, samples c, samples d, samples e",
        options);
    FAIL("not stopped");
  } catch (const Error& error) {
    CHECK(error.code() == ErrorCode::interrupted);
  }
  CHECK(Clock::now() - start < std::chrono::milliseconds(50) + kGrace);
}
