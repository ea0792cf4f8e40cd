#include "query/split_list.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "query/audit_cases.h"
#include "query/internal/mix.h"
#include "schema/error.h"
#include "tests/support/shared_data.h"
#include "tests/support/temp_dir.h"

namespace slicebank {
namespace {

const std::vector<std::pair<std::string, double>> kShares = {
    {"train", 0.7}, {"val", 0.1}, {"test", 0.2}};

// Datasets with patients of several scans; ids, files and people are shared here and there.
std::vector<CaseRow> random_rows(SplitMix& random, std::uint64_t patients) {
  std::vector<CaseRow> rows;
  for (std::uint64_t patient = 0; patient < patients; ++patient) {
    const std::uint64_t scans = 1 + random.below(3);
    for (std::uint64_t scan = 0; scan < scans; ++scan) {
      CaseRow row;
      row.dataset = fmt::format("D{}", random.below(5));
      row.subject = fmt::format("p{}", patient);
      row.key = fmt::format("{}_{}", patient, scan);
      row.file = random.below(12) == 0 ? fmt::format("shared{}", random.below(patients))
                                       : fmt::format("{}/{}", row.dataset, row.key);
      row.modality = random.below(3) == 0 ? "MR" : "CT";
      for (std::uint64_t name = 0; name < 12; ++name) {
        if (random.below(name + 2) == 0) row.classes.push_back(fmt::format("c{}", name));
      }
      rows.push_back(row);
    }
  }
  return rows;
}

ListPlan plan_of(std::uint64_t seed) {
  ListPlan plan;
  plan.options.ratios = kShares;
  plan.options.stratify = {"class", "modality"};
  plan.options.seed = seed;
  return plan;
}

std::map<std::string, std::string> sides_by_key(const std::vector<CaseRow>& rows,
                                                const ListSplit& split) {
  std::map<std::string, std::string> sides;
  for (std::size_t row = 0; row < rows.size(); ++row) {
    sides[rows[row].dataset + "/" + rows[row].key] = split.sides[split.members[row]];
  }
  return sides;
}

TEST_CASE("split list: in a thousand random trials nobody and no file is on two sides") {
  const std::uint64_t seed = 4711;
  for (std::uint64_t trial = 0; trial < 1000; ++trial) {
    CAPTURE(seed);
    CAPTURE(trial);
    SplitMix random(mix64(seed + trial));
    const std::vector<CaseRow> rows = random_rows(random, 3 + random.below(40));
    SubjectAliases aliases;
    if (random.below(2) == 0) aliases.same_patients({"D0", "D1"});
    for (std::uint64_t i = 0; i < random.below(6); ++i) {
      const CaseRow& row = rows[random.below(rows.size())];
      aliases.add(row.dataset, row.subject, fmt::format("g{}", random.below(2)));
    }
    ListPlan plan = plan_of(trial);
    plan.options.aliases = &aliases;
    if (random.below(3) == 0) {
      plan.options.ratios.clear();
      plan.options.folds = 2;
    } else if (random.below(3) == 0) {
      plan.options.ratios = {{"train", 0.8}, {"val", 0.2}};
      plan.held_out.push_back({"test", {static_cast<std::size_t>(random.below(rows.size()))}});
    }
    if (random.below(2) == 0) plan.options.weight = SplitWeight::presence;

    // By hand, not by the audit: everything that is joined, step by step, has one side.
    ListSplit split;
    try {
      split = make_list_split(rows, plan);
    } catch (const Error& error) {
      REQUIRE(plan.options.folds > 0);  // two folds of one group
      continue;
    }
    std::map<std::string, std::set<std::uint16_t>> sides;
    for (std::size_t row = 0; row < rows.size(); ++row) {
      sides["subject " + rows[row].dataset + "/" + rows[row].subject].insert(split.members[row]);
      sides["file " + rows[row].file].insert(split.members[row]);
      for (const std::string& group : aliases.groups_of(rows[row].dataset, rows[row].subject)) {
        sides["group " + group].insert(split.members[row]);
      }
    }
    for (const auto& entry : sides) {
      CAPTURE(entry.first);
      REQUIRE(entry.second.size() == 1);
    }
    REQUIRE(audit_cases(rows, split, &aliases).clean());
  }
}

TEST_CASE("split list: the seed decides, and the order of rows does not") {
  SplitMix random(3);
  std::vector<CaseRow> rows = random_rows(random, 120);
  const auto first = sides_by_key(rows, make_list_split(rows, plan_of(1)));
  CHECK(first == sides_by_key(rows, make_list_split(rows, plan_of(1))));
  CHECK(first != sides_by_key(rows, make_list_split(rows, plan_of(2))));
  std::reverse(rows.begin(), rows.end());
  CHECK(first == sides_by_key(rows, make_list_split(rows, plan_of(1))));
}

TEST_CASE("split list: who is kept stays, and a closed side takes nobody") {
  SplitMix random(4);
  const std::vector<CaseRow> rows = random_rows(random, 200);
  const std::vector<CaseRow> early(rows.begin(), rows.begin() + 150);
  const ListSplit before = make_list_split(early, plan_of(1));

  ListPlan grown = plan_of(9);
  for (std::size_t row = 0; row < rows.size(); ++row) {
    grown.kept.push_back(row < early.size() ? before.sides[before.members[row]] : "");
  }
  const ListSplit after = make_list_split(rows, grown);
  // A file that came later may join two; those alone move, to the side named first.
  std::size_t moved = 0;
  for (std::size_t row = 0; row < early.size(); ++row) {
    if (after.members[row] == before.members[row]) continue;
    ++moved;
    CHECK(after.members[row] < before.members[row]);
  }
  CHECK(moved <= 3 * after.report.groups_in_conflict * 3);

  grown.options.keep_sides = {"test"};
  const ListSplit redrawn =
      make_list_split(early, {grown.options, {grown.kept.begin(), grown.kept.begin() + 150}, {}});
  const auto is_test = [&](const ListSplit& split, std::size_t row) {
    return split.sides[split.members[row]] == "test";
  };
  std::size_t elsewhere = 0;
  for (std::size_t row = 0; row < early.size(); ++row) {
    CHECK(is_test(redrawn, row) == is_test(before, row));
    elsewhere += redrawn.members[row] != before.members[row] ? 1U : 0U;
  }
  CHECK(elsewhere > 0);
  CHECK(redrawn.report.closed == std::vector<bool>{false, false, true});
  // Train and val share what is left as 7 to 1.
  const auto& samples = redrawn.report.balances.front();
  CHECK(samples.total == redrawn.report.samples[0] + redrawn.report.samples[1]);
  CHECK(std::abs(static_cast<double>(samples.got[0]) - 0.875 * static_cast<double>(samples.total)) <
        3);
}

TEST_CASE("split list: each dataset is left out in turn, and one can be held out") {
  SplitMix random(5);
  const std::vector<CaseRow> rows = random_rows(random, 100);
  ListPlan plan = plan_of(1);
  plan.options.ratios.clear();
  plan.options.leave_out = "modality";
  const ListSplit by_modality = make_list_split(rows, plan);
  CHECK(by_modality.sides == std::vector<std::string>{"CT", "MR"});
  plan.options.leave_out = "colour";
  CHECK_THROWS_AS(make_list_split(rows, plan), Error);

  ListPlan held = plan_of(1);
  held.options.ratios = {{"train", 3}, {"val", 1}};
  held.held_out.push_back({"test", {}});
  for (std::size_t row = 0; row < rows.size(); ++row) {
    if (rows[row].dataset == "D3") held.held_out[0].second.push_back(row);
  }
  const ListSplit split = make_list_split(rows, held);
  CHECK(split.sides == std::vector<std::string>{"train", "val", "test"});
  for (const std::size_t row : held.held_out[0].second) CHECK(split.members[row] == 2);
  const auto& samples = split.report.balances.front();
  CHECK(std::abs(static_cast<double>(samples.got[0]) - 0.75 * static_cast<double>(samples.total)) <
        3);
}

TEST_CASE("split list: presence counts a label once a person, however many scans show it") {
  std::vector<CaseRow> rows;
  for (int patient = 0; patient < 40; ++patient) {
    for (int scan = 0; scan < (patient < 4 ? 30 : 1); ++scan) {
      CaseRow row;
      row.dataset = "D";
      row.subject = fmt::format("p{}", patient);
      row.key = fmt::format("{}-{}", patient, scan);
      row.classes = {"liver"};
      rows.push_back(row);
    }
  }
  ListPlan plan = plan_of(1);
  plan.options.weight = SplitWeight::presence;
  plan.options.stratify = {"class"};
  const ListSplit split = make_list_split(rows, plan);
  REQUIRE(split.report.balances.size() == 2);
  CHECK(split.report.balances[0].total == rows.size());
  CHECK(split.report.balances[1].total == 40);
}

TEST_CASE("split list: what a list does not tell is refused") {
  SplitMix random(6);
  const std::vector<CaseRow> rows = random_rows(random, 10);
  ListPlan plan = plan_of(1);
  plan.options.weight = SplitWeight::pixels;
  CHECK_THROWS_AS(make_list_split(rows, plan), Error);
  plan = plan_of(1);
  plan.options.stratify = {"region"};
  CHECK_THROWS_AS(make_list_split(rows, plan), Error);
  plan = plan_of(1);
  plan.options.keep_sides = {"test"};
  CHECK_THROWS_AS(make_list_split(rows, plan), Error);
  CHECK_THROWS_AS(make_list_split({}, plan_of(1)), Error);
}

TEST_CASE("split list: the CSV it is written as is read back as the same sides") {
  SplitMix random(7);
  std::vector<CaseRow> rows = random_rows(random, 60);
  rows[0].key = "a, \"quoted\" key";
  const ListSplit split = make_list_split(rows, plan_of(1));
  const testing::TempDir directory;
  const auto file = directory / "split.csv";
  std::ofstream(file) << list_split_csv(rows, split);
  const auto read = read_split_lists(file);
  REQUIRE(read.size() == 1);
  const CaseAudit audit = audit_cases(rows, read[0]);
  CHECK(audit.placed == rows.size());
  CHECK(audit.unmatched == 0);
  CHECK(audit.listed_twice == 0);
  for (std::size_t side = 0; side < audit.sides.size(); ++side) {
    const auto at = std::find(split.sides.begin(), split.sides.end(), audit.sides[side]);
    CHECK(audit.on_side[side] ==
          split.report.samples[static_cast<std::size_t>(at - split.sides.begin())]);
  }
}

// SAT-DS's lists as they are, patient ids verbatim.
std::vector<CaseRow> sat_ds_rows(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder / "data/jsonl")) {
    files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  std::vector<CaseRow> rows;
  for (const auto& file : files) {
    std::ifstream stream(file);
    for (std::string line; std::getline(stream, line);) {
      if (line.empty()) continue;
      const auto json = nlohmann::json::parse(line);
      CaseRow row;
      row.dataset = json.at("dataset");
      row.subject = json.at("patient_id");
      row.key = row.file = json.at("image");
      row.modality = json.at("modality");
      row.official_split = json.at("official_split");
      row.classes = json.at("label").get<std::vector<std::string>>();
      rows.push_back(row);
    }
  }
  return rows;
}

TEST_CASE("split list: SAT-DS's 23 datasets are split by person, evenly and without a leak") {
  SLICEBANK_SHARED_OR_SKIP(folder, "sat-ds");
  const std::vector<CaseRow> rows = sat_ds_rows(folder);
  CHECK(rows.size() == 5480);
  SubjectAliases aliases;
  aliases.same_patients({"TotalSegmentator_*"});
  aliases.same_patients({"LAScarQS22_*"});
  ListPlan plan;
  plan.options.ratios = {{"train", 0.8}, {"test", 0.2}};
  plan.options.stratify = {"class", "dataset"};
  plan.options.aliases = &aliases;
  const ListSplit split = make_list_split(rows, plan);
  CHECK(audit_cases(rows, split, &aliases).clean());
  for (const SplitBalance& balance : split.report.balances) {
    CAPTURE(balance.label);
    CHECK(balance.deviation <= balance.tolerance + 1e-12);
  }
  CHECK(split.report.deviation_mean < 0.01);
}

TEST_CASE("split list: the audit of SAT-DS's published files finds LAScarQS22's crossings") {
  SLICEBANK_SHARED_OR_SKIP(folder, "sat-ds");
  const std::vector<CaseRow> rows = sat_ds_rows(folder);
  const auto published = read_split_lists(folder / "data/split_json");
  REQUIRE(published.size() == 1);
  SubjectAliases aliases;
  aliases.same_patients({"LAScarQS22_*"});
  const CaseAudit audit = audit_cases(rows, published[0], &aliases);
  CHECK(audit.listed_twice == 0);
  CHECK(audit.leaking_subjects == 0);
  REQUIRE(audit.crossings.size() == 2);
  // Counted from the files by hand: 8 of task 1's 12 for testing are in task 2's training, and
  // 5 of task 2's 26 in task 1's.
  CHECK(audit.crossings[0].side_a == "test");
  CHECK(audit.crossings[0].persons == 8);
  CHECK(audit.crossings[1].side_a == "train");
  CHECK(audit.crossings[1].persons == 5);
  CHECK(audit.leaking_aliases == 13);
}

TEST_CASE("split aliases: a CSV names persons, and stars stand for many") {
  const SubjectAliases aliases = SubjectAliases::parse(
      "\xef\xbb\xbf"
      "group,patient,dataset,remark\r\n"
      "# a remark\r\n"
      "p7,amos_7,AMOS22,x\r\n"
      "p7,\"img,12\",BTCV,\r\n"
      "ts,*,TotalSegmentator_*,\r\n");
  CHECK(aliases.groups_of("AMOS22", "amos_7") == std::vector<std::string>{"p7"});
  CHECK(aliases.groups_of("BTCV", "img,12") == std::vector<std::string>{"p7"});
  CHECK(aliases.groups_of("BTCV", "amos_7").empty());
  CHECK(aliases.groups_of("TotalSegmentator_Ribs", "s1") ==
        aliases.groups_of("TotalSegmentator_v2", "s1"));
  CHECK(aliases.groups_of("TotalSegmentator_Ribs", "s1") !=
        aliases.groups_of("TotalSegmentator_Ribs", "s2"));
  CHECK(aliases.groups_of("TotalSegmentator", "s1").empty());
  CHECK_THROWS_AS(SubjectAliases::parse("dataset,patient\nA,b\n"), Error);
  CHECK_THROWS_AS(SubjectAliases::parse("dataset,patient,group\nA,b\n"), Error);
  CHECK_THROWS_AS(SubjectAliases::parse("dataset,patient,group\nA,,g\n"), Error);
}

}  // namespace
}  // namespace slicebank
