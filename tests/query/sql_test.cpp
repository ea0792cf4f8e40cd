// Filters inside of the user's own SELECT: what matches() and matching() find, and what they
// may not do.
#include "query/sql.h"

#include <doctest/doctest.h>

#include <chrono>
#include <ctime>
#include <string>
#include <vector>

#include "query/sample_row.h"
#include "query/selection.h"
#include "schema/error.h"
#include "store/select.h"
#include "tests/query/bank_builder.h"

namespace slicebank {
namespace {

using testing::BankBuilder;
using testing::SampleFacts;
using Table = std::vector<std::vector<SqlValue>>;

Table run(const Bank& bank, const std::string& sql, GuardOptions options = {}) {
  Table rows;
  run_sql(
      bank, sql, std::move(options), [](const std::vector<std::string>&) {},
      [&](const std::vector<SqlValue>& row) {
        rows.push_back(row);
        return true;
      });
  return rows;
}

std::vector<SampleId> ids_of(const Table& table) {
  std::vector<SampleId> ids;
  for (const auto& row : table) {
    ids.push_back(SampleId{static_cast<std::uint64_t>(std::get<std::int64_t>(row[0]))});
  }
  return ids;
}

// Patients come in turns, so that the order by sample is not the order by subject.
Bank mixed_bank(BankBuilder& builder) {
  for (std::uint32_t i = 0; i < 120; ++i) {
    SampleFacts facts;
    facts.dataset = i % 3 == 0 ? "A" : "B";
    facts.patient = "p" + std::to_string(i * 7 % 11);
    facts.volume = facts.patient + (i % 2 == 0 ? "-ct" : "-mr");
    facts.modality = i % 2 == 0 ? "CT" : "MR";
    facts.slice = i;
    if (i % 4 != 1) facts.masks.push_back({"liver", 0, 0, 1 + i % 8, 1 + i % 5});
    if (i % 5 == 0) facts.masks.push_back({"spleen", 2, 2, 3, 3, 4});
    if (i % 10 == 0) facts.masks.push_back({"spleen", 4, 2, 4, 2, 5});
    if (i % 6 == 0) facts.labels.push_back({"tumour", 1});
    builder.add(facts);
  }
  return builder.bank();
}

const std::vector<std::string>& filters() {
  static const std::vector<std::string> all = {
      "",
      "modality = 'CT' AND class = 'liver'",
      "mask(class IN ('liver', 'spleen') AND area_fraction > 0.2) AND dataset IN ('A', 'B')",
      "NOT class = 'spleen'",
      "absent('spleen') OR unknown('liver')",
      "slice BETWEEN 40 AND 80 AND width * height > 60",
      "patient LIKE 'p1%'",
      "class = 'liver' AND NOT TRUE",
  };
  return all;
}

std::string sql_text(const std::string& text) {
  std::string result = "'";
  for (const char letter : text)
    result += letter == '\'' ? std::string("''") : std::string(1, letter);
  return result + "'";
}

TEST_CASE("sql: matching() and matches() find what the filter finds") {
  BankBuilder builder;
  const Bank bank = mixed_bank(builder);
  for (const std::string& filter : filters()) {
    CAPTURE(filter);
    const std::vector<SampleId> wanted = select_samples(bank, filter).ids();
    const std::string text = sql_text(filter);
    CHECK(ids_of(run(bank, "SELECT id FROM matching(" + text + ")")) == wanted);
    CHECK(ids_of(run(bank, "SELECT id FROM matching(" + text + ") ORDER BY id")) == wanted);
    CHECK(ids_of(run(bank, "SELECT id FROM samples WHERE matches(id, " + text + ") ORDER BY id")) ==
          wanted);
    CHECK(ids_of(run(bank, "SELECT id FROM samples WHERE id IN (SELECT id FROM matching(" + text +
                               ")) ORDER BY id")) == wanted);
    CHECK(ids_of(run(bank, "SELECT s.id FROM samples s CROSS JOIN matching(" + text +
                               ") m ON m.id = s.id ORDER BY s.id")) == wanted);
  }
}

TEST_CASE("sql: matching() groups by subject as the samples view does") {
  BankBuilder builder;
  const Bank bank = mixed_bank(builder);
  for (const std::string& filter : filters()) {
    CAPTURE(filter);
    const std::string text = sql_text(filter);
    const Table wanted = run(bank,
                             "SELECT subject_id, count(*), min(id), max(id) FROM samples "
                             "WHERE matches(id, " +
                                 text + ") GROUP BY 1 ORDER BY 1");
    CHECK(run(bank, "SELECT subject_id, count(*), min(id), max(id) FROM matching(" + text +
                        ") GROUP BY 1 ORDER BY 1") == wanted);
    CHECK(run(bank, "SELECT subject_id, id FROM matching(" + text + ") ORDER BY 1, 2") ==
          run(bank, "SELECT subject_id, id FROM samples WHERE matches(id, " + text +
                        ") ORDER BY subject_id, id"));
    CHECK(run(bank, "SELECT subject_id, id FROM matching(" + text + ") ORDER BY 1, 2 DESC") ==
          run(bank, "SELECT subject_id, id FROM samples WHERE matches(id, " + text +
                        ") ORDER BY subject_id, id DESC"));
  }
}

TEST_CASE("sql: what is no id matches nothing, and a filter may come from a row") {
  BankBuilder builder;
  const Bank bank = mixed_bank(builder);
  CHECK(run(bank,
            "SELECT matches(NULL, ''), matches('1', ''), matches(-1, ''), "
            "matches(1e300, ''), matches(99999999999, ''), matches(1, '')")[0] ==
        std::vector<SqlValue>{std::int64_t{0}, std::int64_t{0}, std::int64_t{0}, std::int64_t{0},
                              std::int64_t{0}, std::int64_t{1}});
  CHECK(run(bank, "SELECT id FROM matching('') WHERE id IN (-1, 1.5, 2.0, 1e300, NULL, 'x')")
            .size() == 1);
  CHECK(std::get<std::int64_t>(
            run(bank,
                "SELECT count(*) FROM samples s JOIN matching('slice = ' || s.slice) m "
                "ON m.id = s.id")[0][0]) == 120);
}

TEST_CASE("sql: a filter that is wrong says so in its own text") {
  BankBuilder builder;
  const Bank bank = mixed_bank(builder);
  for (const char* sql : {"SELECT id FROM matching('class = ''livr''')",
                          "SELECT id FROM samples WHERE matches(id, 'class = ''livr''')"}) {
    try {
      run(bank, sql);
      FAIL("answered: ", sql);
    } catch (const QueryError& error) {
      CHECK(error.text() == "class = 'livr'");
      CHECK(error.column() == 8);
    }
  }
  CHECK_THROWS_AS(run(bank, "SELECT * FROM matching"), QueryError);
  CHECK_THROWS_AS(run(bank, "SELECT matches(1)"), QueryError);
  // Without somebody to answer filters there are no such functions.
  CHECK_THROWS_AS(
      run_guarded_sql(
          bank, "SELECT * FROM matching('')", {}, [](const std::vector<std::string>&) {},
          [](const std::vector<SqlValue>&) { return true; }),
      QueryError);
}

TEST_CASE("sql: hostile use of filters is refused, or ends at its deadline") {
  BankBuilder builder;
  const Bank bank = mixed_bank(builder);
  std::string many = "slice = 1";
  for (int i = 0; i < 300; ++i) many += " OR NOT class = 'liver'";
  const std::vector<std::string> refused = {
      "INSERT INTO matching VALUES(1)",
      "DELETE FROM matching",
      "CREATE VIRTUAL TABLE t USING matching('')",
      "CREATE TEMP VIEW v AS SELECT * FROM matching('')",
      "SELECT * FROM pragma_table_info('matching')",
      "SELECT * FROM matching WHERE id = 1",
      "SELECT matches(1, '; DROP TABLE _sample')",
      "SELECT matches(1, 'id = 1) OR (1')",
      "SELECT matches(1, zeroblob(1000))",
      "SELECT matches(1, printf('%150000d', 1))",
      "SELECT id FROM matching(" + sql_text(std::string(5000, '(') + "TRUE") + ")",
      "SELECT main.matches(1, '')",
  };
  const std::vector<std::string> endless = {
      "SELECT count(*) FROM matching('') a, matching('') b, matching('') c, matching('') d, "
      "matching('') e, matching('') f",
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
      "SELECT count(*) FROM n WHERE matches(i, 'slice = ' || i)",
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
      "SELECT sum(m.id) FROM n JOIN matching('area > ' || i || ' OR patient LIKE ''%1%''') m",
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
      "SELECT sum(matches(i, i || ' < slice OR ' || " +
          sql_text(many) + ")) FROM n",
  };
  constexpr std::chrono::milliseconds kDeadline(300);
  constexpr std::chrono::milliseconds kGrace(100);
  const auto generation = bank.generation();
  const auto ends = [&](const std::string& sql, ErrorCode* code) {
    GuardOptions options;
    options.deadline = kDeadline;
    // Time of the processor: a machine that is busy with other things is no fault of ours.
    const std::clock_t start = std::clock();
    try {
      run(bank, sql, options);
      return false;
    } catch (const Error& error) {
      *code = error.code();
    }
    const double spent_ms = 1e3 * static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
    CHECK_MESSAGE(spent_ms <= static_cast<double>((kDeadline + kGrace).count()), sql.substr(0, 80),
                  " took ", spent_ms, " ms");
    return true;
  };
  for (const std::string& sql : refused) {
    CAPTURE(sql.substr(0, 100));
    ErrorCode code{};
    CHECK(ends(sql, &code));
    CHECK(code != ErrorCode::interrupted);
  }
  for (const std::string& sql : endless) {
    CAPTURE(sql.substr(0, 100));
    ErrorCode code{};
    CHECK(ends(sql, &code));
    CHECK(code == ErrorCode::interrupted);
  }
  CHECK(bank.generation() == generation);
  CHECK(run(bank, "SELECT id FROM matching('')").size() == 120);
}

TEST_CASE("sql: the masks view has the rows of the clustered table, whatever narrows it") {
  BankBuilder builder;
  const Bank bank = mixed_bank(builder);
  const std::string plain =
      "SELECT k.sample_id, k.number, c.name AS class, w.name AS raw_class, d.name AS dataset, "
      "m.name AS modality, k.instance, k.area, k.area_ppm / 1000000.0 AS area_fraction, k.x0, "
      "k.y0, k.x1, k.y1, k.touches_border FROM _mask k JOIN _class c ON c.id = k.class_id "
      "JOIN _dataset d ON d.id = k.dataset_id LEFT JOIN _modality m ON m.id = k.modality_id "
      "LEFT JOIN _raw_class w ON w.dataset_id = k.dataset_id AND w.number = k.raw_class";
  for (const char* where :
       {"1", "class = 'liver'", "class IN ('liver', 'spleen') AND dataset IN ('A', 'B')",
        "modality = 'MR'", "dataset = 'B' AND area_fraction > 0.2", "sample_id = 21",
        "sample_id IN (SELECT id FROM samples WHERE modality = 'CT') AND class = 'spleen'"}) {
    CAPTURE(where);
    const auto rows = [&](const std::string& from) {
      return run(bank, "SELECT * FROM " + from + " WHERE " + where + " ORDER BY sample_id, number");
    };
    CHECK(rows("masks") == rows("(" + plain + ")"));
    CHECK(!rows("masks").empty());
  }
}

TEST_CASE("sample row: one by its id equals the one from a list, masks and all") {
  BankBuilder builder;
  const Bank bank = mixed_bank(builder);
  const std::vector<SampleId> all = select_samples(bank, "").ids();
  std::size_t masks = 0;
  for_each_sample_row(bank, all, [&](const SampleRow& wanted) {
    const auto row = find_sample_row(bank, wanted.id);
    REQUIRE(row);
    CHECK(row->id == wanted.id);
    CHECK(row->dataset == wanted.dataset);
    CHECK(row->modality == wanted.modality);
    CHECK(row->sequence == wanted.sequence);
    CHECK(row->region == wanted.region);
    CHECK(row->patient == wanted.patient);
    CHECK(row->volume == wanted.volume);
    CHECK(row->axis == wanted.axis);
    CHECK(row->slice == wanted.slice);
    CHECK(row->name == wanted.name);
    CHECK(row->shape == wanted.shape);
    CHECK(row->official_split == wanted.official_split);
    REQUIRE(row->masks.size() == wanted.masks.size());
    for (std::size_t i = 0; i < wanted.masks.size(); ++i) {
      CHECK(row->masks[i].class_name == wanted.masks[i].class_name);
      CHECK(row->masks[i].raw_class == wanted.masks[i].raw_class);
      CHECK(row->masks[i].instance == wanted.masks[i].instance);
      CHECK(row->masks[i].area == wanted.masks[i].area);
      CHECK(row->masks[i].box == wanted.masks[i].box);
      ++masks;
    }
    return true;
  });
  CHECK(masks > 100);
  CHECK(!find_sample_row(bank, SampleId{9999}));
  builder.reopen();
  builder.writer().delete_samples(std::vector<SampleId>{all[1]});
  CHECK(!find_sample_row(bank, all[1]));
  CHECK(find_sample_row(bank, all[2]));
}

}  // namespace
}  // namespace slicebank
