// The index made anew, and the writer that finds records and index apart.
#include "store/reindex.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "schema/error.h"
#include "store/verify.h"
#include "tests/store/bank_fixture.h"
#include "tests/support/temp_dir.h"

namespace {

using namespace slicebank;
using testing::count;
using testing::dump_index;
using testing::Feeder;
namespace fs = std::filesystem;

// Many batches of everything a writer can do, decided by `seed`.
void write_history(const fs::path& path, std::uint64_t seed, int batches) {
  std::mt19937_64 random(seed);
  Writer writer = Writer::open(path);
  Feeder feeder(writer);
  ImportInfo import;
  import.importer = "images";
  import.source_root = "phantom";
  const ImportId import_id = writer.begin_import(import);
  std::set<SampleId> alive;
  for (int batch = 0; batch < batches; ++batch) {
    const auto samples = 1 + random() % 6;
    LedgerEntry entry{
        "images:phantom", "item " + std::to_string(random() % 8), random(), 1, {}, {}};
    for (std::uint64_t i = 0; i < samples; ++i) {
      const SampleId id = feeder.add(random() % 64, 16 + static_cast<std::uint32_t>(random() % 80));
      entry.samples.push_back(id);
      alive.insert(id);
    }
    writer.put_ledger(entry);
    if (random() % 2 == 0) {
      writer.add_problem({import_id, Severity::note, "odd", std::to_string(random() % 4), "odd"});
    }
    if (random() % 4 == 0) writer.clear_problems("images:phantom", std::to_string(random() % 4));
    if (random() % 3 == 0) {
      writer.raw_class(feeder.dataset(), "left odd " + std::to_string(random() % 5), "");
    }
    if (random() % 3 == 0) {
      writer.set_alias_group(writer.subject(feeder.dataset(), "patient_1"), random() % 3);
    }
    if (random() % 3 == 0) {
      SplitData split;
      split.name = "split " + std::to_string(random() % 2);
      split.sides = {"train", "test"};
      for (const SampleId id : alive) {
        split.samples.push_back(id);
        split.members.push_back(static_cast<std::uint16_t>(random() % 2));
      }
      writer.put_split(split);
    }
    if (random() % 5 == 0) writer.delete_split("split 0");
    writer.commit();
    if (random() % 3 == 0) {
      std::vector<SampleId> gone;
      for (const SampleId id : alive) {
        if (random() % 4 == 0) gone.push_back(id);
      }
      writer.delete_samples(gone);
      for (const SampleId id : gone) alive.erase(id);
    }
  }
}

void put_copy(const fs::path& from, const fs::path& to) {
  fs::copy_file(from, to, fs::copy_options::overwrite_existing);
}

ErrorCode open_code(const fs::path& path) {
  try {
    Bank::open(path);
  } catch (const Error& error) {
    return error.code();
  }
  return ErrorCode{};
}

ErrorCode writer_code(const fs::path& path) {
  try {
    Writer::open(path);
  } catch (const Error& error) {
    return error.code();
  }
  return ErrorCode{};
}

}  // namespace

TEST_CASE("reindex: the new index equals the one that grew batch by batch, table by table") {
  for (const std::uint64_t seed : {1u, 2u, 3u, 4u}) {
    CAPTURE(seed);
    testing::TempDir folder;
    Bank bank = Bank::create(folder / "a.bank");
    write_history(folder / "a.bank", seed, 25);
    const auto before = dump_index(bank);

    const ReindexReport report = reindex(folder / "a.bank");

    CHECK(report.dropped_rows.empty());
    CHECK(!report.raised_next_id);
    const auto after = dump_index(bank);  // the open handle sees the new file
    REQUIRE(before.size() == after.size());
    for (const auto& [table, lines] : before) {
      CAPTURE(table);
      CHECK(lines == after.at(table));
    }
    CHECK(static_cast<std::int64_t>(report.samples) == count(bank, "_sample"));
    const VerifyReport verified = verify(folder / "a.bank", VerifyLevel::decode);
    CHECK(verified.sound());
    CHECK(verified.records == report.samples);
  }
}

TEST_CASE("reindex: a missing or foreign index is refused by all and mended") {
  testing::TempDir folder;
  { const Bank bank = Bank::create(folder / "a.bank"); }
  { const Bank bank = Bank::create(folder / "b.bank"); }
  write_history(folder / "a.bank", 7, 5);
  const auto index = folder / "a.bank" / "index.sqlite";
  const auto before = dump_index(Bank::open(folder / "a.bank"));

  SUBCASE("missing") { fs::remove(index); }
  SUBCASE("of another bank") { put_copy(folder / "b.bank" / "index.sqlite", index); }
  SUBCASE("no database") { std::ofstream(index, std::ios::trunc) << std::string(50'000, 'x'); }
  SUBCASE("empty") { std::ofstream(index, std::ios::trunc); }
  SUBCASE("cut off") { fs::resize_file(index, fs::file_size(index) / 2); }

  CHECK(writer_code(folder / "a.bank") == ErrorCode::needs_reindex);
  CHECK(open_code(folder / "a.bank") == ErrorCode::needs_reindex);
  CHECK(!verify(folder / "a.bank", VerifyLevel::hashes).sound());
  const ReindexReport report = reindex(folder / "a.bank");
  CHECK(report.dropped_rows.empty());
  CHECK(dump_index(Bank::open(folder / "a.bank")) == before);
  CHECK(writer_code(folder / "a.bank") == ErrorCode{});
}

TEST_CASE("reindex: of all pairs of files from six generations only the matching ones open") {
  testing::TempDir folder;
  { const Bank bank = Bank::create(folder / "a.bank"); }
  const auto path = folder / "a.bank";
  constexpr int kGenerations = 6;
  for (int generation = 0; generation < kGenerations; ++generation) {
    if (generation > 0) {
      Writer writer = Writer::open(path);
      Feeder feeder(writer);
      feeder.add(static_cast<std::uint64_t>(generation));
      if (generation == 4) {
        writer.delete_samples(std::vector<SampleId>{SampleId{2}});
      } else {
        writer.commit();
      }
    }
    const std::string suffix = std::to_string(generation);
    put_copy(path / "records.lmdb", folder / ("records" + suffix));
    put_copy(path / "index.sqlite", folder / ("index" + suffix));
  }
  // A delete after an insert makes two generations of that step.
  const int place[kGenerations] = {0, 1, 2, 3, 5, 6};
  for (int records = 0; records < kGenerations; ++records) {
    for (int index = 0; index < kGenerations; ++index) {
      CAPTURE(records);
      CAPTURE(index);
      const auto mixed = folder / ("mixed" + std::to_string(records) + std::to_string(index));
      fs::create_directory(mixed);
      put_copy(path / "BANK.json", mixed / "BANK.json");
      put_copy(folder / ("records" + std::to_string(records)), mixed / "records.lmdb");
      put_copy(folder / ("index" + std::to_string(index)), mixed / "index.sqlite");
      const int ahead = place[records] - place[index];
      const bool matching = ahead == 0 || ahead == 1;
      CHECK(writer_code(mixed) == (matching ? ErrorCode{} : ErrorCode::needs_reindex));

      const ReindexReport report = reindex(mixed);
      // Sample n came with step n. Sample 2 was deleted in step 4, which is no loss.
      CHECK(report.dropped_rows.empty() == (index <= records));
      CHECK(report.raised_next_id == (ahead < 0));
      CHECK(verify(mixed, VerifyLevel::hashes).sound());
      // An id of the lost history is never given out again.
      Writer writer = Writer::open(mixed);
      Feeder feeder(writer);
      const int samples = std::max(records, index);
      CHECK(raw(feeder.add(99)) == static_cast<std::uint64_t>(samples) + 1);
    }
  }
}

TEST_CASE("reindex: two histories of one bank are told apart at the same generation") {
  testing::TempDir folder;
  { const Bank bank = Bank::create(folder / "a.bank"); }
  write_history(folder / "a.bank", 3, 2);
  fs::copy(folder / "a.bank", folder / "b.bank", fs::copy_options::recursive);
  for (const char* name : {"a.bank", "b.bank"}) {
    Writer writer = Writer::open(folder / name);
    Feeder feeder(writer);
    feeder.add(name[0] == 'a' ? 1 : 2);
    writer.commit();
  }

  put_copy(folder / "b.bank" / "index.sqlite", folder / "a.bank" / "index.sqlite");

  CHECK(open_code(folder / "a.bank") == ErrorCode::needs_reindex);
  CHECK(writer_code(folder / "a.bank") == ErrorCode::needs_reindex);
}

TEST_CASE("reindex: a reader of the old index goes on, and sees the new one when it asks again") {
  testing::TempDir folder;
  Bank bank = Bank::create(folder / "a.bank");
  write_history(folder / "a.bank", 5, 6);
  const std::int64_t before = count(bank, "_sample");
  Rows rows = select(bank, "SELECT id FROM _sample");
  REQUIRE(rows.next());

  reindex(folder / "a.bank");

  std::int64_t seen = 1;
  while (rows.next()) ++seen;
  CHECK(seen == before);
  CHECK(count(bank, "_sample") == before);
}
