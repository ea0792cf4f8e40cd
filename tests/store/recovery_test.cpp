// The writer that finds what another one left behind. tests/crash does the same with real
// deaths; here the states are made by hand and looked at closely.
#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <vector>

#include "schema/error.h"
#include "store/internal/projection.h"
#include "store/internal/sqlite.h"
#include "store/verify.h"
#include "tests/store/bank_fixture.h"
#include "tests/support/temp_dir.h"

namespace {

using namespace slicebank;
using testing::count;
using testing::dump_index;
using testing::Feeder;
namespace fs = std::filesystem;

void put_back(const fs::path& from, const fs::path& to) {
  fs::copy_file(from, to, fs::copy_options::overwrite_existing);
}

}  // namespace

TEST_CASE("recovery: rows rolled forward equal those the dead writer would have made") {
  testing::TempDir folder;
  const auto path = folder / "a.bank";
  { const Bank bank = Bank::create(path); }
  for (int step = 0; step < 6; ++step) {
    CAPTURE(step);
    put_back(path / "index.sqlite", folder / "index.before");
    {
      Writer writer = Writer::open(path);
      const std::string dataset = step == 3 ? "another" : "phantom";
      Feeder feeder(writer, dataset);
      switch (step) {
        case 0:
        case 3:
          for (std::uint64_t seed = 0; seed < 8; ++seed) feeder.add(seed + 1);
          break;
        case 1:
          writer.put_ledger({"images:phantom", "x", 1, 2, {SampleId{1}}, {}});
          writer.raw_class(feeder.dataset(), "quite another thing", "");
          writer.set_alias_group(writer.subject(feeder.dataset(), "patient_0"), 5);
          break;
        case 2:
          writer.delete_samples(std::vector<SampleId>{SampleId{2}, SampleId{5}});
          break;
        case 4: {
          SplitData split;
          split.name = "main";
          split.sides = {"a", "b"};
          split.samples = {SampleId{1}, SampleId{9}};
          split.members = {1, 0};
          writer.put_split(split);
          break;
        }
        default:
          writer.delete_split("main");
      }
      writer.commit();
    }
    const auto grown = dump_index(Bank::open(path));

    put_back(folder / "index.before", path / "index.sqlite");
    {
      // A reader may look before any writer has come: it sees the rows there are.
      const Bank between = Bank::open(path);
      CHECK(dump_index(between) != grown);
      const VerifyReport report = verify(path, VerifyLevel::hashes);
      CHECK(report.sound());
      CHECK(report.notes.size() == 1);
    }
    { const Writer writer = Writer::open(path); }

    CHECK(dump_index(Bank::open(path)) == grown);
    CHECK(verify(path, VerifyLevel::decode).sound());
  }
}

TEST_CASE("recovery: a delete that lost its rows only is carried through") {
  testing::TempDir folder;
  const auto path = folder / "a.bank";
  { const Bank bank = Bank::create(path); }
  {
    Writer writer = Writer::open(path);
    Feeder feeder(writer);
    for (std::uint64_t seed = 0; seed < 6; ++seed) feeder.add(seed);
    writer.commit();
  }
  {
    auto index = sqlite::Connection::open(path / "index.sqlite", sqlite::Purpose::write);
    sqlite::Transaction transaction(index);
    Projection projection(index);
    projection.remove_sample(SampleId{3});
    projection.add_pending_delete(SampleId{3});
    projection.finish(Taxonomy::builtin());
    transaction.commit();
  }
  CHECK(count(Bank::open(path), "_sample") == 5);

  { const Writer writer = Writer::open(path); }

  const Bank bank = Bank::open(path);
  CHECK(raw(bank.generation()) == 2);
  CHECK(count(bank, "_pending_delete") == 0);
  CHECK_THROWS_WITH_AS(bank.reader().info(SampleId{3}),
                       doctest::Contains("deleted in generation 2"), Error);
  CHECK(verify(path, VerifyLevel::decode).sound());
}

TEST_CASE("recovery: an index written with other names gets those of this build") {
  testing::TempDir folder;
  const auto path = folder / "a.bank";
  { const Bank bank = Bank::create(path); }
  const auto before = dump_index(Bank::open(path));
  {
    auto index = sqlite::Connection::open(path / "index.sqlite", sqlite::Purpose::write);
    index.execute(
        "UPDATE _meta SET value = '0' WHERE key = 'taxonomy';"
        "DELETE FROM _class WHERE id > 20; UPDATE _region SET name = name || '!'");
  }
  { const Writer writer = Writer::open(path); }
  CHECK(dump_index(Bank::open(path)) == before);
}

TEST_CASE("recovery: leftovers of a creation that died do not stand in the way") {
  testing::TempDir folder;
  const auto leftover = folder / ("a.bank.tmp-" + std::to_string(::getpid()));
  fs::create_directories(leftover / "deep");
  CHECK_NOTHROW(Bank::create(folder / "a.bank"));
  CHECK(!fs::exists(leftover));
}
