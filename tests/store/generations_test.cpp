// The log of generations: written with every batch, had again after deaths and repairs.
#include "store/generations.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "schema/error.h"
#include "store/catalog.h"
#include "store/internal/bank_state.h"
#include "store/internal/projection.h"
#include "store/internal/sqlite.h"
#include "store/reindex.h"
#include "store/verify.h"
#include "tests/store/bank_fixture.h"
#include "tests/support/temp_dir.h"

namespace {

using namespace slicebank;
using testing::Feeder;
namespace fs = std::filesystem;

void put_back(const fs::path& from, const fs::path& to) {
  fs::copy_file(from, to, fs::copy_options::overwrite_existing);
}

// What a bank held after each of its generations, kept by hand.
using History = std::vector<std::set<SampleId>>;

std::set<SampleId> alive_in(const Bank& bank) {
  std::set<SampleId> ids;
  bank.reader().for_each_id([&](SampleId id) {
    ids.insert(id);
    return true;
  });
  return ids;
}

// Every generation, as the log and what is left tell it, against the history.
void check_history(const Bank& bank, const History& history) {
  const std::vector<GenerationEntry> log = list_generations(bank);
  REQUIRE(log.size() == history.size());
  const std::set<SampleId>& now = history.back();
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < history.size(); ++i) {
    const PastGeneration past = past_generation(bank, Generation{i});
    wrong += past.entry == log[i] ? 0u : 1u;
    wrong += raw(log[i].generation) == i && log[i].samples == history[i].size() ? 0u : 1u;
    std::set<SampleId> left;
    for (const SampleId id : now) {
      if (id < log[i].next_sample) left.insert(id);
    }
    std::set<SampleId> expected;
    std::set_intersection(history[i].begin(), history[i].end(), now.begin(), now.end(),
                          std::inserter(expected, expected.end()));
    wrong += left == expected ? 0u : 1u;
    wrong += past.removed_since == history[i].size() - expected.size() ? 0u : 1u;
  }
  CHECK(wrong == 0);
}

// Drops the log, as a bank has it that an older build wrote.
void forget_log(const fs::path& path) {
  const auto state = open_records(path, true, true);
  std::vector<std::string> keys;
  {
    const lmdb::ReadTransaction transaction(state->records());
    transaction.scan(lmdb::Database::catalog, catalog::kind_prefix(catalog::Kind::generation),
                     [&](std::string_view key, Bytes) {
                       keys.emplace_back(key);
                       return true;
                     });
  }
  lmdb::update(state->records(), [&](lmdb::WriteTransaction& transaction) {
    for (const std::string& key : keys) transaction.erase(lmdb::Database::catalog, key);
  });
  auto index = sqlite::Connection::open(path / "index.sqlite", sqlite::Purpose::write);
  index.execute(
      "DROP VIEW generations; DROP TABLE _generation;"
      "PRAGMA user_version = 2");
}

}  // namespace

TEST_CASE("generations: random inserts, deletes and replacements can be told apart ever after") {
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    CAPTURE(seed);
    std::mt19937_64 random(seed);
    testing::TempDir folder;
    const auto path = folder / "a.bank";
    { const Bank bank = Bank::create(path); }
    History history(1);
    for (int step = 0; step < 30; ++step) {
      put_back(path / "index.sqlite", folder / "index.before");
      std::set<SampleId> alive = history.back();
      {
        Writer writer = Writer::open(path);
        std::vector<SampleId> gone;
        for (const SampleId id : alive) {
          if (random() % 5 == 0) gone.push_back(id);
        }
        const std::uint64_t what = random() % 4;
        if (what != 1) {  // insert; 2: in the place of others
          Feeder feeder(writer);
          LedgerEntry entry{"images:phantom", "item", random(), 1, {}, {}};
          for (std::uint64_t i = 0; i < 1 + random() % 4; ++i) {
            entry.samples.push_back(feeder.add(random() % 64));
          }
          if (what == 2) entry.superseded = gone;
          writer.put_ledger(entry);
          writer.commit();
          alive.insert(entry.samples.begin(), entry.samples.end());
          history.push_back(alive);
        }
        if (what == 1 || what == 2) {
          writer.delete_samples(gone);
          for (const SampleId id : gone) alive.erase(id);
          if (!gone.empty()) history.push_back(alive);
        }
        if (what == 3) {  // a batch without samples is a generation, too
          writer.raw_class(DatasetId{1}, "odd " + std::to_string(step), "");
          writer.commit();
          history.push_back(alive);
        }
      }
      const Bank bank = Bank::open(path);
      REQUIRE(raw(bank.generation()) + 1 == history.size());
      if (step % 3 == 0) {
        // Died between the two commits of the last batch, where that was the only one.
        const auto rows = sqlite::Connection::open(folder / "index.before", sqlite::Purpose::read);
        if (raw(read_index_position(rows).generation) + 1 == raw(bank.generation())) {
          put_back(folder / "index.before", path / "index.sqlite");
          { const Writer writer = Writer::open(path); }
        }
      }
      CHECK(alive_in(Bank::open(path)) == history.back());
    }
    check_history(Bank::open(path), history);
    CHECK(verify(path, VerifyLevel::hashes).findings_total == 0);
    const auto before = testing::dump_index(Bank::open(path));
    reindex(path);
    CHECK(testing::dump_index(Bank::open(path)) == before);
    CHECK(testing::count(Bank::open(path), "generations") ==
          static_cast<std::int64_t>(history.size()));
    check_history(Bank::open(path), history);
  }
}

TEST_CASE("generations: an older bank's past is one step, and the error says from when") {
  testing::TempDir folder;
  const auto path = folder / "a.bank";
  { const Bank bank = Bank::create(path); }
  for (int batch = 0; batch < 3; ++batch) {
    Writer writer = Writer::open(path);
    Feeder(writer).add(static_cast<std::uint64_t>(batch));
    writer.commit();
  }
  forget_log(path);
  {
    const Bank bank = Bank::open(path);
    CHECK(list_generations(bank).empty());
    CHECK(past_generation(bank, Generation{3}).entry.samples == 3);
    CHECK_THROWS_WITH_AS(past_generation(bank, Generation{2}),
                         doctest::Contains("generation 2 is not known: an older slicebank"), Error);
    CHECK_THROWS_WITH_AS(past_generation(bank, Generation{4}),
                         doctest::Contains("generation 4 is still to come: the bank is at 3"),
                         Error);
    CHECK_THROWS_WITH_AS(generation_at(bank, 1'800'000'000), doctest::Contains("kept no times"),
                         Error);
  }
  {
    Writer writer = Writer::open(path);
    writer.delete_samples(std::vector<SampleId>{SampleId{2}});
    Feeder(writer).add(9);
    writer.commit();
  }
  const Bank bank = Bank::open(path);
  const auto log = list_generations(bank);
  REQUIRE(log.size() == 3);
  CHECK(log[0] == GenerationEntry{Generation{3}, GenerationKind::begin, SampleId{4}, 3, 0, 0});
  CHECK(log[1].kind == GenerationKind::erase);
  CHECK(log[1].removed == 1);
  CHECK(log[2].samples == 3);
  CHECK(past_generation(bank, Generation{3}).removed_since == 1);
  CHECK_THROWS_WITH_AS(past_generation(bank, Generation{1}),
                       doctest::Contains("the log of this bank begins with generation 3"), Error);
  CHECK_THROWS_WITH_AS(generation_at(bank, 1'000'000),
                       doctest::Contains("its log begins with generation 3, before 20"), Error);
  CHECK(generation_at(bank, log[2].committed_at) == Generation{5});
  CHECK(testing::count(bank, "generations") == 3);
  // The bank's own file still says the older format: the log may begin anywhere.
  reindex(path);
  CHECK(testing::count(Bank::open(path), "generations WHERE committed_at IS NULL") == 1);
}

TEST_CASE("generations: words become generations, days become their last one") {
  testing::TempDir folder;
  const Bank bank = Bank::create(folder / "a.bank");
  const std::int64_t made = list_generations(bank).front().committed_at;
  const std::string text = utc_text(made);
  CHECK(find_generation(bank, "0") == Generation{0});
  CHECK(find_generation(bank, text) == Generation{0});
  CHECK(find_generation(bank, text.substr(0, 10)) == Generation{0});
  CHECK(find_generation(bank, text.substr(0, 16)) == Generation{0});
  CHECK(find_generation(bank, "2999-12-31 23:59") == Generation{0});
  CHECK_THROWS_WITH_AS(find_generation(bank, "1999-12-31"),
                       doctest::Contains(("was not there yet: it was made at " + text).c_str()),
                       Error);
  for (const char* const wrong :
       {"", "-1", "2026-13-01", "2026-02-30", "2026-1-1", "2026-11-29T25:00", "2026-11-29T1",
        "2026-11-29T14:30:00+01:00", "yesterday", "7x", "20261129T00"}) {
    CAPTURE(wrong);
    CHECK_THROWS_WITH_AS(find_generation(bank, wrong),
                         doctest::Contains("neither a generation nor a time"), Error);
  }
  CHECK(utc_text(0) == "1970-01-01T00:00:00Z");
  CHECK(utc_text(1'795'960'800) == "2026-11-29T14:00:00Z");
}

TEST_CASE("generations: verify tells a log that does not fit the bank") {
  testing::TempDir folder;
  const auto path = folder / "a.bank";
  { const Bank bank = Bank::create(path); }
  for (int batch = 0; batch < 3; ++batch) {
    Writer writer = Writer::open(path);
    Feeder(writer).add(static_cast<std::uint64_t>(batch));
    writer.commit();
  }
  const std::vector<GenerationEntry> log = list_generations(Bank::open(path));
  REQUIRE(log.size() == 4);
  const auto change = [&](std::size_t place, const GenerationEntry* entry) {
    const auto state = open_records(path, true, true);
    const auto key = catalog::id_key(catalog::Kind::generation, std::uint64_t{place});
    lmdb::update(state->records(), [&](lmdb::WriteTransaction& transaction) {
      if (entry == nullptr) {
        transaction.erase(lmdb::Database::catalog, key);
      } else {
        transaction.put(lmdb::Database::catalog, key,
                        catalog::seal(state->file.uuid, key, catalog::encode(*entry)));
      }
    });
  };
  const auto told = [&] {
    std::string all;
    for (const auto& finding : verify(path, VerifyLevel::hashes).findings) {
      if (finding.kind == "generations") all += finding.message + "\n";
    }
    return all;
  };
  CHECK(told().empty());
  change(2, nullptr);
  CHECK(told().find("3 follows 1") != std::string::npos);
  GenerationEntry entry = log[2];
  entry.samples = 7;
  change(2, &entry);
  CHECK(told().find("2 does not add up to its samples") != std::string::npos);
  entry = log[2];
  entry.committed_at = log[1].committed_at - 1;
  change(2, &entry);
  CHECK(told().find("2 goes back in ids or time") != std::string::npos);
  change(2, &log[2]);
  change(3, nullptr);
  CHECK(told().find("3 is where the bank stands, and not in it") != std::string::npos);
  change(3, &log[3]);
  change(0, nullptr);
  CHECK(told().find("1 is its first, and no beginning") != std::string::npos);
  change(0, &log[0]);
  CHECK(told().empty());
}
