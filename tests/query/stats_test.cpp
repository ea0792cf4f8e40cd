#include "query/stats.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "query/internal/facet_counter.h"
#include "schema/error.h"
#include "tests/query/bank_builder.h"

namespace slicebank {
namespace {

using testing::BankBuilder;
using testing::SampleFacts;

// "key/key: samples masks subjects", a line a row.
std::string text(const StatsTable& table) {
  std::string lines;
  for (const StatsRow& row : table.rows) {
    for (std::size_t i = 0; i < row.keys.size(); ++i) lines += (i > 0 ? "/" : "") + row.keys[i];
    lines += fmt::format(": {} {} {}\n", row.samples, row.masks, row.subjects);
  }
  return lines;
}

// Two persons in dataset A (abdomen), one in B (region unknown).
Bank small_bank(BankBuilder& builder) {
  SampleFacts facts;
  facts.region = "abdomen";
  facts.official_split = "train";
  facts.masks = {{"liver"}, {"liver"}, {"spleen"}};
  builder.add(facts);
  facts.slice = 1;
  facts.masks = {{"liver"}};
  builder.add(facts);
  facts.patient = "p2";
  facts.volume = "v2";
  facts.modality = "MR";
  facts.sequence = "T1";
  facts.official_split = "";
  facts.masks = {};
  builder.add(facts);
  SampleFacts other;
  other.dataset = "B";
  other.masks = {{"liver"}, {"brain"}};
  other.labels = {{"polyp", 1}, {"spleen", 0}};
  other.axis = Axis::none;
  builder.add(other);
  return builder.bank();
}

TEST_CASE("stats: samples, masks and subjects are counted by each word") {
  BankBuilder builder;
  const Bank bank = small_bank(builder);

  CHECK(text(stats(bank, {})) == ": 4 6 3\n");
  CHECK(text(stats(bank, {"modality"})) == "CT: 3 6 2\nMR: 1 0 1\n");
  CHECK(text(stats(bank, {"dataset"})) == "A: 3 4 2\nB: 1 2 1\n");
  CHECK(text(stats(bank, {"class"})) ==
        "liver: 3 4 2\nbrain: 1 1 1\npolyp: 1 0 1\nspleen: 1 1 1\n");
  CHECK(text(stats(bank, {"sequence"})) == "(none): 3 6 2\nT1: 1 0 1\n");
  CHECK(text(stats(bank, {"official_split"})) == "(none): 2 2 2\ntrain: 2 4 1\n");
  CHECK(text(stats(bank, {"axis"})) == "z: 3 4 2\n2d: 1 2 1\n");
  CHECK(text(stats(bank, {"patient"})) == "p1: 3 6 2\np2: 1 0 1\n");
  CHECK(text(stats(bank, {"modality", "class"})) ==
        "CT/liver: 3 4 2\nCT/brain: 1 1 1\nCT/polyp: 1 0 1\nCT/spleen: 1 1 1\n");
}

TEST_CASE("stats: a region is the dataset's, or else the classes' own") {
  BankBuilder builder;
  const Bank bank = small_bank(builder);

  // The sample of B has a liver, a brain, and a polyp that lies nowhere in particular.
  CHECK(text(stats(bank, {"region"}, "dataset = 'A'")) == "abdomen: 3 4 2\n");
  const std::string of_b = text(stats(bank, {"region"}, "dataset = 'B'"));
  CHECK(of_b.find("abdomen: 1 1 1\n") != std::string::npos);
  CHECK(of_b.find("brain: 1 1 1\n") != std::string::npos);
}

TEST_CASE("stats: a filter narrows what is counted") {
  BankBuilder builder;
  const Bank bank = small_bank(builder);

  CHECK(text(stats(bank, {"class"}, "dataset = 'A' AND class = 'spleen'")) ==
        "liver: 1 2 1\nspleen: 1 1 1\n");
  CHECK(text(stats(bank, {"modality"}, "id = 999")).empty());
  CHECK(text(stats(bank, {}, "id = 999")) == ": 0 0 0\n");
}

TEST_CASE("stats: by the sides of a split, and what it does not hold") {
  BankBuilder builder;
  for (std::uint32_t i = 0; i < 4; ++i) {
    SampleFacts facts;
    facts.slice = i;
    builder.add(facts);
  }
  SplitData split;
  split.name = "main";
  split.sides = {"train", "val"};
  split.samples = {SampleId{1}, SampleId{2}, SampleId{4}};
  split.members = {0, 0, 1};
  builder.writer().put_split(split);
  const Bank bank = builder.bank();

  CHECK(text(stats(bank, {"split:main"})) == "train: 2 0 1\n(none): 1 0 1\nval: 1 0 1\n");
  CHECK(text(stats(bank, {"split:main"}, "id > 2")) == "(none): 1 0 1\nval: 1 0 1\n");
}

TEST_CASE("stats: the counts the writer keeps say what counting says") {
  SplitMix random(77);
  BankBuilder builder;
  for (std::uint32_t i = 0; i < 120; ++i) {
    SampleFacts facts;
    facts.slice = i;
    facts.dataset = random.below(2) == 0 ? "A" : "B";
    facts.patient = fmt::format("p{}", random.below(5));
    facts.volume = facts.patient + (random.below(2) == 0 ? "ct" : "mr");
    facts.modality = facts.volume.substr(2) == "ct" ? "CT" : "MR";
    for (std::uint64_t n = random.below(4); n > 0; --n) {
      facts.masks.push_back({random.below(2) == 0 ? "liver" : "left kidney"});
    }
    builder.add(facts);
  }
  const Bank bank = builder.bank();
  StatsOptions without_subjects;
  without_subjects.subjects = false;

  for (const std::vector<std::string>& by : {std::vector<std::string>{},
                                             {"modality"},
                                             {"dataset"},
                                             {"class"},
                                             {"class", "modality"},
                                             {"dataset", "modality", "class"}}) {
    StatsTable counted = stats(bank, by);
    for (StatsRow& row : counted.rows) {
      CHECK(row.subjects > 0);
      row.subjects = 0;
    }
    CHECK(text(stats(bank, by, "", without_subjects)) == text(counted));
  }
}

// Column, message and hint of a word that is not understood.
void check_refused(const Bank& bank, const std::vector<std::string>& by, std::size_t column,
                   const std::string& hint) {
  try {
    stats(bank, by);
    FAIL_CHECK("it was counted");
  } catch (const QueryError& error) {
    CHECK(error.column() == column);
    CAPTURE(error.hint());
    CHECK(error.hint().find(hint) != std::string::npos);
  }
}

TEST_CASE("stats: another word is answered with the nearest") {
  BankBuilder builder;
  const Bank bank = small_bank(builder);

  check_refused(bank, {"modality", "clas"}, 9, "did you mean class?");
  check_refused(bank, {"zzzzzzzzz"}, 0, "count by modality");
  check_refused(bank, {"split:main"}, 6, "no split yet");
  check_refused(bank, {"class", "class"}, 0, "once");
  CHECK_THROWS_AS(stats(bank, {"class"}, "modality = "), QueryError);
}

}  // namespace
}  // namespace slicebank
