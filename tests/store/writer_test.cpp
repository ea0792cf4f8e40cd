// Adding to a bank: what a reader and the index then see.
#include "store/writer.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <memory>

#include "schema/error.h"
#include "tests/store/bank_fixture.h"
#include "tests/support/temp_dir.h"

namespace {

using namespace slicebank;
using testing::count;
using testing::Feeder;

ErrorCode code_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.code();
  }
  return ErrorCode{};
}

}  // namespace

TEST_CASE("writer: committed samples come back bit by bit, and have rows") {
  testing::TempDir folder;
  Bank bank = Bank::create(folder / "a.bank");
  std::vector<SampleId> ids;
  std::vector<Sample> before;
  {
    Writer writer = Writer::open(folder / "a.bank");
    Feeder feeder(writer);
    for (std::uint64_t seed = 0; seed < 20; ++seed) ids.push_back(feeder.add(seed));
    const CommitReport report = writer.commit();
    CHECK(raw(report.generation) == 1);
    CHECK(report.samples == 20);
    CHECK(report.bytes > 0);
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      std::vector<ClassId> classes;
      for (std::size_t i = 0; i < 3; ++i) {
        if ((seed >> i & 1) != 0) classes.push_back(feeder.classes()[i]);
      }
      before.push_back(testing::make_sample(seed, classes));
      if (seed % 5 == 0) before.back().labels.push_back({feeder.classes()[2], 3, 1});
    }
  }

  const Reader reader = bank.reader();
  for (std::size_t i = 0; i < ids.size(); ++i) {
    CHECK(raw(ids[i]) == i + 1);
    CHECK(reader.sample(ids[i]) == before[i]);
  }
  CHECK(raw(bank.generation()) == 1);
  CHECK(count(bank, "samples") == 20);
  CHECK(count(bank, "subjects") == 5);
  CHECK(count(bank, "volumes") == 5);
  const BankInfo info = bank.info();
  CHECK(info.samples == 20);
  CHECK(info.datasets == 1);
  CHECK(static_cast<std::int64_t>(info.masks) == count(bank, "masks"));
  CHECK(static_cast<std::int64_t>(info.labels) == count(bank, "labels"));
}

TEST_CASE("writer: nothing of an uncommitted batch stays") {
  testing::TempDir folder;
  Bank bank = Bank::create(folder / "a.bank");
  {
    Writer writer = Writer::open(folder / "a.bank");
    Feeder feeder(writer);
    feeder.add(1);
  }
  CHECK(raw(bank.generation()) == 0);
  CHECK(count(bank, "samples") == 0);
  CHECK(count(bank, "datasets") == 0);

  Writer writer = Writer::open(folder / "a.bank");
  Feeder feeder(writer);
  CHECK(raw(feeder.add(1)) == 1);  // the id was never given out
}

TEST_CASE("writer: entities are found again by name, and only missing fields are filled in") {
  testing::TempDir folder;
  Bank bank = Bank::create(folder / "a.bank");
  Writer writer = Writer::open(folder / "a.bank");
  DatasetInfo info;
  info.name = "AMOS";
  info.classes = {{"liver", "6", ClassId{}}};
  const DatasetId id = writer.dataset(info);
  const SubjectId subject = writer.subject(id, "amos_1");
  const std::uint32_t liver = writer.raw_class(id, "liver", "6");
  CHECK(liver == 1);
  writer.commit();

  info.citation = "somebody";
  info.classes = {{"a thing nobody names", "77", ClassId{}}, {"liver", "6", ClassId{}}};
  CHECK(writer.dataset(info) == id);
  info.citation = "somebody else";
  CHECK(writer.dataset(info) == id);
  CHECK(writer.subject(id, "amos_1") == subject);
  CHECK(writer.subject(id, "amos_2") != subject);
  CHECK(writer.raw_class(id, "a thing nobody names", "77") == 2);
  CHECK(writer.raw_class(id, "liver", "") == 1);
  CHECK(writer.raw_class(id, "liver", "7") == 3);  // another label of the same name
  writer.commit();

  const auto kept = bank.find_dataset("AMOS");
  REQUIRE(kept.has_value());
  CHECK(kept->citation == "somebody");
  REQUIRE(kept->classes.size() == 3);
  CHECK(kept->classes[0].class_id == kept->classes[2].class_id);
  CHECK(raw(kept->classes[1].class_id) == kFirstBankClass);
  CHECK(bank.taxonomy()->class_info(ClassId{kFirstBankClass})->name == "a thing nobody names");
  CHECK(!bank.find_dataset("amos").has_value());
  CHECK(count(bank, "classes WHERE name = 'a thing nobody names'") == 1);
}

TEST_CASE("writer: a class is mapped by its meaning when it is made, and keeps its own name") {
  testing::TempDir folder;
  Bank bank = Bank::create(folder / "a.bank");
  Writer writer = Writer::open(folder / "a.bank");
  DatasetInfo info;
  info.name = "Task10_Colon";
  info.classes = {{"cancer", "1", ClassId{}, "colon cancer"}, {"cancer", "2", ClassId{}}};
  const DatasetId id = writer.dataset(info);
  CHECK(writer.raw_class(id, "edema", "3", "brain edema") == 3);
  CHECK(writer.raw_class(id, "cancer", "1", "lung tumor") == 1);  // it stays what it was
  const DatasetInfo queued = writer.dataset_info(id);
  writer.commit();

  const auto kept = bank.find_dataset("Task10_Colon");
  REQUIRE(kept.has_value());
  CHECK(*kept == queued);  // a meaning is nothing that is kept
  REQUIRE(kept->classes.size() == 3);
  const Taxonomy& taxonomy = Taxonomy::builtin();
  CHECK(kept->classes[0] == RawClass{"cancer", "1", *taxonomy.find_class("colon cancer")});
  CHECK(kept->classes[1] == RawClass{"cancer", "2", *taxonomy.find_class("tumor")});
  CHECK(kept->classes[2] == RawClass{"edema", "3", *taxonomy.find_class("brain edema")});
}

TEST_CASE("writer: coverage of a volume grows to the union") {
  testing::TempDir folder;
  Bank bank = Bank::create(folder / "a.bank");
  Writer writer = Writer::open(folder / "a.bank");
  Feeder feeder(writer);
  const VolumeId volume = feeder.volume("p", "scan");
  writer.commit();
  CHECK(bank.volume(volume)->coverage.size() == 2);

  VolumeInfo more = *bank.volume(volume);
  more.coverage = {feeder.classes()[2]};
  more.source_path = "elsewhere";
  CHECK(writer.volume(more) == volume);
  writer.commit();
  CHECK(bank.volume(volume)->coverage.size() == 3);
  CHECK(bank.volume(volume)->source_path.empty());
  CHECK(count(bank, "coverage") == 3);
  CHECK(bank.volume(volume)->spacing_xyz_mm->at(2) == 5.0);
}

TEST_CASE("writer: mistakes of the caller are refused before anything is queued") {
  testing::TempDir folder;
  Bank::create(folder / "a.bank");
  Writer writer = Writer::open(folder / "a.bank");
  Feeder feeder(writer);
  const VolumeId volume = feeder.volume("p", "scan");
  const auto bad = ErrorCode::bad_argument;
  CHECK(code_of([&] { writer.add(encode_sample(testing::make_sample(1, {})), VolumeId{99}); }) ==
        bad);
  CHECK(code_of([&] {
          writer.add(encode_sample(testing::make_sample(1, {ClassId{999'999}})), volume);
        }) == bad);
  CHECK(code_of([&] { writer.subject(DatasetId{12}, "p"); }) == bad);
  CHECK(code_of([&] { writer.subject(feeder.dataset(), ""); }) == bad);
  CHECK(code_of([&] { writer.subject(feeder.dataset(), std::string(5000, 'x')); }) ==
        ErrorCode::limit);
  VolumeInfo info;
  info.key = "other";
  info.dataset_id = feeder.dataset();
  info.subject_id = SubjectId{55};
  CHECK(code_of([&] { writer.volume(info); }) == bad);
  CHECK(writer.queued_bytes() == 0);
}

TEST_CASE("writer: ledger, problems, splits and selections are part of the batch") {
  testing::TempDir folder;
  Bank bank = Bank::create(folder / "a.bank");
  LedgerEntry entry{"images:phantom", "a.png", 1, 2, {SampleId{1}}, {}};
  SplitData split;
  split.name = "main";
  split.sides = {"train", "test"};
  split.samples = {SampleId{1}, SampleId{2}};
  split.members = {0, 1};
  SavedSelection selection{
      "livers", "class = 'liver'", Generation{1}, "abc", {SampleId{2}, SampleId{1}}};
  {
    Writer writer = Writer::open(folder / "a.bank");
    Feeder feeder(writer);
    feeder.add(1);
    feeder.add(2);
    ImportInfo import;
    import.importer = "images";
    import.source_root = "phantom";
    const ImportId id = writer.begin_import(import);
    writer.add_problem({id, Severity::skipped, "bad-png", "b.png", "is cut off"}, "b");
    writer.add_problem({id, Severity::note, "odd", "c.png", "is odd"});
    writer.put_ledger(entry);
    split.id = writer.put_split(split);
    writer.put_saved_selection(selection);
    CHECK(writer.ledger("images:phantom", "a.png")->samples == entry.samples);
    writer.commit();
  }
  CHECK(find_split(bank, "main") == split);
  CHECK(find_saved_selection(bank, "livers") == selection);
  CHECK(list_splits(bank).size() == 1);
  CHECK(list_saved_selections(bank).at(0).samples.empty());
  CHECK(count(bank, "problems") == 2);
  CHECK(count(bank, "splits WHERE split = 'main' AND side = 'test'") == 1);

  Writer writer = Writer::open(folder / "a.bank");
  CHECK(writer.ledger("images:phantom", "a.png")->fingerprint_low == 2);
  CHECK(!writer.ledger("images:phantom", "b.png").has_value());
  entry.superseded = {SampleId{2}};
  writer.put_ledger(entry);
  CHECK(writer.superseding_entries().size() == 1);
  writer.clear_problems("images:phantom", "b");
  writer.clear_problems("images:phantom", "c.png");
  writer.commit();
  REQUIRE(writer.superseding_entries().size() == 1);
  CHECK(writer.superseding_entries()[0].superseded == entry.superseded);
  CHECK(count(bank, "problems") == 0);
  entry.superseded.clear();
  writer.put_ledger(entry);
  CHECK(writer.superseding_entries().empty());
  CHECK(writer.delete_split("main"));
  CHECK(!writer.delete_split("main"));
  writer.commit();
  CHECK(!find_split(bank, "main").has_value());
  CHECK(count(bank, "splits") == 0);
  CHECK(count(bank, "_split") == 0);
}

TEST_CASE("writer: deleted samples are gone from rows, records and counts, and stay gone") {
  testing::TempDir folder;
  Bank bank = Bank::create(folder / "a.bank");
  std::vector<SampleId> ids;
  {
    Writer writer = Writer::open(folder / "a.bank");
    Feeder feeder(writer);
    for (std::uint64_t seed = 0; seed < 12; ++seed) ids.push_back(feeder.add(seed, 96));
    writer.commit();
    const std::vector<SampleId> gone = {ids[2], ids[7], SampleId{4711}, ids[7]};
    const CommitReport report = writer.delete_samples(gone);
    CHECK(report.samples == 2);
    CHECK(raw(report.generation) == 2);
    CHECK(raw(writer.delete_samples(gone).generation) == 2);  // nothing left to do
    CHECK(raw(feeder.add(50)) == 13);
    writer.commit();
  }
  const Reader reader = bank.reader();
  CHECK(count(bank, "samples") == 11);
  CHECK(count(bank, "_mask WHERE sample_id IN (3, 8)") == 0);
  CHECK(code_of([&] { reader.sample(ids[2]); }) == ErrorCode::not_found);
  CHECK_THROWS_WITH_AS(reader.info(ids[7]), doctest::Contains("deleted in generation 2"), Error);
  CHECK_THROWS_WITH_AS(reader.info(SampleId{99}), doctest::Contains("never there"), Error);
  CHECK(static_cast<std::int64_t>(bank.info().masks) == count(bank, "_mask"));
  std::vector<SampleId> left;
  reader.for_each_id([&](SampleId id) {
    left.push_back(id);
    return true;
  });
  CHECK(left.size() == 11);
}

// Records of all sizes, so that they lie in leaves and on pages of their own, and in pages
// that the transaction itself has touched.
TEST_CASE("writer: thousands of samples of all sizes are deleted in one go") {
  testing::TempDir folder;
  Bank::create(folder / "a.bank");
  Writer writer = Writer::open(folder / "a.bank");
  Feeder feeder(writer);
  for (int round = 0; round < 8; ++round) {
    std::vector<SampleId> ids;
    for (std::uint32_t seed = 0; seed < 2000; ++seed)
      ids.push_back(feeder.add(seed, 4 + seed % 61));
    writer.commit();
    CHECK(writer.delete_samples(ids).samples == ids.size());
  }
  CHECK(writer.bank().info().samples == 0);
}

TEST_CASE("writer: a second one is refused, and may write when the first has gone") {
  testing::TempDir folder;
  Bank::create(folder / "a.bank");
  auto first = std::make_unique<Writer>(Writer::open(folder / "a.bank"));
  WriterOptions hurried;
  hurried.lock_wait_ms = 50;
  try {
    Writer::open(folder / "a.bank", hurried);
    FAIL("two writers");
  } catch (const Error& error) {
    CHECK(error.code() == ErrorCode::locked);
    CHECK(std::string(error.what()).find(std::to_string(::getpid())) != std::string::npos);
  }
  first.reset();
  CHECK_NOTHROW(Writer::open(folder / "a.bank", hurried));
}
