#include "query/audit_lists.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "query/audit.h"
#include "query/audit_cases.h"
#include "query/split_compare.h"
#include "schema/error.h"
#include "tests/query/bank_builder.h"
#include "tests/support/temp_dir.h"

namespace slicebank {
namespace {

using testing::TempDir;

void write(const std::filesystem::path& file, const std::string& text) {
  std::filesystem::create_directories(file.parent_path());
  std::ofstream(file) << text;
}

CaseRow row(const std::string& dataset, const std::string& subject, const std::string& file) {
  CaseRow made;
  made.dataset = dataset;
  made.subject = subject;
  made.key = made.file = file;
  return made;
}

TEST_CASE("audit lists: SAT-DS's files say dataset and sides, and other members are passed over") {
  const TempDir directory;
  write(
      directory / "s/ACDC.json",
      R"({"id_loc": -1, "train": ["p1_f1.nii.gz", "p2_f1.nii.gz"], "val": [], "test": ["p1_f2.nii.gz"]})");
  write(directory / "s/Task1.json", R"({"train": ["train_1"], "val": [], "test": ["train_2"]})");
  write(directory / "s/Task2.json", R"({"train": ["train_2", "train_9"], "test": ["train_9"]})");
  const auto splits = read_split_lists(directory / "s");
  REQUIRE(splits.size() == 1);
  CHECK(splits[0].lists.size() == 8);
  const std::vector<CaseRow> rows = {
      row("ACDC", "p1", "x/p1/p1_f1.nii.gz"),      row("ACDC", "p1", "x/p1/p1_f2.nii.gz"),
      row("ACDC", "p2", "x/p2/p2_f1.nii.gz"),      row("Task1", "train_1", "t1/train_1/e.nii.gz"),
      row("Task1", "train_2", "t1/train_2/e.nii"), row("Task2", "train_2", "t2/train_2/e.nii"),
      row("Task2", "train_9", "t2/train_9/e.nii")};

  const CaseAudit plain = audit_cases(rows, splits[0]);
  CHECK(plain.placed == 7);
  CHECK(plain.unmatched == 0);
  CHECK(plain.listed_twice == 1);      // train_9
  CHECK(plain.leaking_subjects == 1);  // ACDC's p1, whose frames are parted
  CHECK(plain.leaking_aliases == 0);
  REQUIRE(plain.shared.size() == 1);
  CHECK(plain.shared[0].ids == 1);
  CHECK(plain.shared[0].apart == 1);

  SubjectAliases aliases;
  aliases.same_patients({"Task*"});
  const CaseAudit joined = audit_cases(rows, splits[0], &aliases);
  CHECK(joined.leaking_aliases == 1);
  CHECK(joined.shared.empty());
  REQUIRE(joined.crossings.size() == 1);
  CHECK(joined.crossings[0].dataset_a == "Task1");
  CHECK(joined.crossings[0].side_a == "test");
  CHECK(joined.crossings[0].side_b == "train");
  CHECK(joined.crossings[0].persons == 1);
}

TEST_CASE("audit lists: one file under two datasets on two sides is found without any alias") {
  ListedSplit split{"x", {{"train", "f", "A", {"a"}}, {"test", "f", "B", {"b"}}}};
  const CaseAudit audit =
      audit_cases({row("A", "a", "same.nii.gz"), row("B", "b", "same.nii.gz")}, split);
  CHECK(audit.leaking_files == 1);
  CHECK(audit.leaking_aliases == 1);
  CHECK_FALSE(audit.clean());
}

TEST_CASE("audit lists: a file that no case answers to is looked at by its names") {
  ListedSplit split{"x",
                    {{"train", "KITS19.json", "KITS19", {"case_1", "case_2"}},
                     {"test", "KITS19.json", "KITS19", {"case_2"}},
                     {"test", "A.json", "A", {"a", "gone"}}}};
  const CaseAudit audit = audit_cases({row("A", "a", "a.nii")}, split);
  CHECK(audit.unknown_files == std::vector<std::string>{"KITS19.json"});
  CHECK(audit.listed_twice == 1);
  CHECK(audit.unmatched == 1);
  CHECK(audit.unmatched_names == std::vector<std::string>{"A.json: gone"});
}

TEST_CASE("audit lists: nnU-Net's folds, MedBank's lists and JSON lines") {
  const TempDir directory;
  write(directory / "n/splits_final.json",
        R"([{"train": ["c1", "c2"], "val": ["c3"]}, {"train": ["c3"], "val": ["c1", "c2"]}])");
  const auto folds = read_split_lists(directory / "n/splits_final.json");
  REQUIRE(folds.size() == 2);
  const std::vector<CaseRow> cases = {row("D", "c1", "imagesTr/c1_0000.nii.gz"),
                                      row("D", "c2", "imagesTr/c2_0000.nii.gz"),
                                      row("D", "c3", "imagesTr/c3_0000.nii.gz")};
  for (const ListedSplit& fold : folds) {
    const CaseAudit audit = audit_cases(cases, fold);
    CHECK(audit.placed == 3);
    CHECK(audit.clean());
  }

  write(directory / "m/train.txt",
        "\xef\xbb\xbf./T_UT_0/image/x.png\r\n.\\T_UT_0\\image\\y.png\n\n");
  write(directory / "m/test.txt", "z\n/else/where/T_UT_1/image/x.png\n");
  const auto lists = read_split_lists(directory / "m");
  REQUIRE(lists.size() == 1);
  const std::vector<CaseRow> pictures = {
      row("T_UT_0", "x", "T_UT_0/image/x.png"), row("T_UT_0", "y", "T_UT_0/image/y.png"),
      row("T_UT_0", "z", "T_UT_0/image/z.png"), row("T_UT_1", "x", "T_UT_1/image/x.png")};
  const CaseAudit audit = audit_cases(pictures, lists[0]);
  CHECK(audit.placed == 4);
  CHECK(audit.clean());
  CHECK(audit.on_side == std::vector<std::uint64_t>{2, 2});

  write(directory / "j/all.jsonl",
        "{\"image\": \"a/1.nii\", \"dataset\": \"A\", \"official_split\": \"train\"}\n"
        "{\"image\": \"a/2.nii\", \"dataset\": \"A\", \"official_split\": \"validation\"}\n");
  const auto lines = read_split_lists(directory / "j/all.jsonl");
  REQUIRE(lines.size() == 1);
  REQUIRE(lines[0].lists.size() == 2);
  CHECK(lines[0].lists[1].side == "val");
}

// Where the names of these rows put each of them.
ListPlaces places_of(const ListedSplit& split, const std::vector<RowNames>& rows) {
  return place_lists(split, {}, [&](const auto& visit) {
    for (std::size_t row = 0; row < rows.size(); ++row) visit(row, rows[row]);
  });
}

TEST_CASE("audit lists: a slice's name is not its volume's, though the volume goes by that file") {
  // Slices as files: the volume's path is the first slice's.
  const std::vector<RowNames> rows = {
      {"A", "p", "ct--p", "images/ct--A--p--z_1.png", "ct--A--p--z_1"},
      {"A", "p", "ct--p", "images/ct--A--p--z_1.png", "ct--A--p--z_2"},
      {"A", "p", "ct--p", "images/ct--A--p--z_1.png", "ct--A--p--z_3"}};
  const ListedSplit split{
      "x", {{"train", "f", "", {"ct--A--p--z_1.png"}}, {"test", "f", "", {"ct--A--p--z_2"}}}};
  const ListPlaces found = places_of(split, rows);
  CHECK(found.places == std::vector<std::pair<std::uint64_t, std::uint16_t>>{{0, 0}, {1, 1}});
  CHECK(found.listed_twice.empty());
  CHECK(found.unmatched == 0);

  const CaseAudit audit =
      audit_cases({row("A", "p", "a/z_1.png"), row("A", "p", "a/z_2.png")},
                  {"x", {{"train", "f", "", {"z_1"}}, {"test", "f", "", {"z_2"}}}});
  CHECK(audit.leaking_subjects == 1);
}

TEST_CASE("audit lists: a case that two files put on two sides is a finding, under any names") {
  const std::vector<RowNames> rows = {{"A", "p1", "scan1", "img/scan1_0000.nii.gz", ""},
                                      {"A", "p2", "scan2", "img/scan2_0000.nii.gz", ""}};
  const ListPlaces same = places_of(
      {"x", {{"train", "train.txt", "", {"scan1", "scan2"}}, {"test", "test.txt", "", {"scan1"}}}},
      rows);
  CHECK(same.places.size() == 2);
  REQUIRE(same.listed_twice.size() == 1);
  CHECK(same.listed_twice[0].text() ==
        "train.txt names scan1 in train, test.txt names scan1 in test: one sample");

  const ListPlaces renamed = places_of(
      {"x", {{"train", "f", "", {"p1", "scan2"}}, {"test", "f", "", {"scan1_0000.nii.gz"}}}}, rows);
  // The file's name is narrower than the patient's.
  CHECK(renamed.places == std::vector<std::pair<std::uint64_t, std::uint16_t>>{{0, 1}, {1, 0}});
  REQUIRE(renamed.listed_twice.size() == 1);
  CHECK(renamed.listed_twice[0].other_id == "p1");
  CHECK(renamed.listed_twice[0].sides == std::vector<std::string>{"test", "train"});
}

TEST_CASE("audit lists: a number at the end is a channel only where no name has it") {
  const std::vector<RowNames> rows = {{"A", "img_2", "img_2", "img_2_0000.png", ""},
                                      {"A", "img_2_0001", "img_2_0001", "img_2_0001_0000.png", ""}};
  const ListPlaces both =
      places_of({"x", {{"train", "f", "", {"img_2"}}, {"test", "f", "", {"img_2_0001"}}}}, rows);
  CHECK(both.places == std::vector<std::pair<std::uint64_t, std::uint16_t>>{{0, 0}, {1, 1}});
  const ListPlaces file = places_of({"x", {{"test", "f", "", {"img_2_0001_0000.png"}}}}, rows);
  CHECK(file.places == std::vector<std::pair<std::uint64_t, std::uint16_t>>{{1, 0}});
}

TEST_CASE("audit lists: files that are no lists are refused, naming the file") {
  const TempDir directory;
  write(directory / "a.json", "{\"train\": 3}");
  write(directory / "b.json", "{\"train\": [");
  write(directory / "c.csv", "name,what\na,b\n");
  write(directory / "d.jsonl", "{\"label\": 1}\n");
  for (const char* name : {"a.json", "b.json", "c.csv", "d.jsonl"}) {
    CAPTURE(name);
    try {
      read_split_lists(directory / name);
      FAIL("no error");
    } catch (const Error& error) {
      CHECK(error.code() == ErrorCode::bad_format);
      CHECK(std::string(error.what()).find(name) != std::string::npos);
    }
  }
  CHECK_THROWS_AS(read_split_lists(directory / "none"), Error);
}

TEST_CASE("audit: split files are placed in a bank, and aliases of a file are heeded and kept") {
  testing::BankBuilder builder;
  for (int i = 0; i < 4; ++i) {
    testing::SampleFacts facts;
    facts.dataset = i < 2 ? "A" : "B";
    facts.patient = "p" + std::to_string(i % 2);
    facts.volume = "scan" + std::to_string(i);
    builder.add(facts);
  }
  const Bank bank = builder.bank();
  const ListedSplit listed{"by others",
                           {{"train", "f.txt", "", {"scan0", "scan1.nii.gz"}},
                            {"test", "f.txt", "", {"scan2", "scan3"}}}};
  const PlacedSplit placed = place_split(bank, listed);
  CHECK(placed.unmatched == 0);
  CHECK(placed.split.samples.size() == 4);
  CHECK(audit_split(bank, placed.split).clean());

  SubjectAliases aliases;
  aliases.same_patients({"A", "B"});
  AuditOptions options;
  options.aliases = &aliases;
  CHECK(audit_split(bank, placed.split, options).leaking_aliases == 2);

  const RecordedAliases recorded = record_aliases(bank, aliases);
  CHECK(recorded.groups == 2);
  CHECK(recorded.changed == 4);
  CHECK(record_aliases(bank, aliases).changed == 0);
  CHECK(audit_split(Bank::open(builder.path()), placed.split).leaking_aliases == 2);
}

TEST_CASE("split compare: who moved, from where to where, and what it does to a class") {
  testing::BankBuilder builder;
  for (int i = 0; i < 4; ++i) {
    testing::SampleFacts facts;
    facts.patient = "p" + std::to_string(i);
    facts.volume = facts.patient;
    facts.masks = {{i < 2 ? "liver" : "spleen"}};
    builder.add(facts);
  }
  const Bank bank = builder.bank();
  SplitData before;
  before.name = "a";
  before.sides = {"train", "test"};
  for (std::uint64_t id = 1; id <= 4; ++id) before.samples.push_back(SampleId{id});
  before.members = {0, 0, 0, 1};
  SplitData after = before;
  after.name = "b";
  after.members = {0, 1, 0, 1};

  const SplitComparison same = compare_splits(bank, before, before);
  CHECK(same.moved == 0);
  CHECK(same.stayed == 4);
  const SplitComparison comparison = compare_splits(bank, before, after);
  CHECK(comparison.moved == 1);
  REQUIRE(comparison.moves.size() == 1);
  CHECK(comparison.moves[0].from == "train");
  CHECK(comparison.moves[0].to == "test");
  CHECK(comparison.moves[0].some == std::vector<std::string>{"A / p1"});
  REQUIRE(comparison.shifts.size() == 3);
  CHECK(comparison.shifts[1].label == "class=liver");
  CHECK(comparison.shifts[1].largest == doctest::Approx(0.5));
  CHECK(comparison.shifts[2].largest == doctest::Approx(0.0));
}

}  // namespace
}  // namespace slicebank
