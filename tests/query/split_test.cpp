#include "query/split.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "query/audit.h"
#include "schema/error.h"
#include "tests/query/bank_builder.h"

namespace slicebank {
namespace {

using testing::BankBuilder;
using testing::SampleFacts;

const std::vector<std::pair<std::string, double>> kThirds = {
    {"train", 0.8}, {"val", 0.1}, {"test", 0.1}};

SplitOptions options(std::vector<std::string> stratify = {"class", "modality"}) {
  SplitOptions made;
  made.name = "main";
  made.ratios = kThirds;
  made.stratify = std::move(stratify);
  made.seed = 7;
  return made;
}

// Persons with a few volumes each; volumes with several slices; classes of all frequencies.
std::vector<SampleFacts> random_collection(std::uint64_t seed, std::uint64_t persons) {
  SplitMix random(seed);
  const std::vector<std::string> classes = {"liver",     "spleen",   "left kidney",
                                            "pancreas",  "stomach",  "aorta",
                                            "esophagus", "duodenum", "gallbladder"};
  std::vector<SampleFacts> all;
  for (std::uint64_t person = 0; person < persons; ++person) {
    const std::string dataset = random.below(3) == 0 ? "B" : "A";
    const std::uint64_t volumes = 1 + random.below(3);
    for (std::uint64_t volume = 0; volume < volumes; ++volume) {
      SampleFacts facts;
      facts.dataset = dataset;
      facts.patient = fmt::format("p{}", person);
      facts.volume = fmt::format("p{}v{}", person, volume);
      facts.modality = random.below(4) == 0 ? "MR" : "CT";
      const std::uint64_t slices = 1 + random.below(4);
      std::vector<std::string> here;
      for (std::size_t i = 0; i < classes.size(); ++i) {
        if (random.below(i + 2) == 0) here.push_back(classes[i]);
      }
      for (std::uint64_t slice = 0; slice < slices; ++slice) {
        facts.slice = static_cast<std::uint32_t>(slice);
        facts.image = 1 + all.size();
        facts.masks.clear();
        for (const std::string& name : here) {
          if (random.below(3) > 0) facts.masks.push_back({name});
        }
        all.push_back(facts);
      }
    }
  }
  return all;
}

std::map<std::uint64_t, std::string> sides_by_id(const SplitData& split) {
  std::map<std::uint64_t, std::string> sides;
  for (std::size_t i = 0; i < split.samples.size(); ++i) {
    sides[raw(split.samples[i])] = split.sides.at(split.members[i]);
  }
  return sides;
}

// Sides by who and what a sample is, which does not change with ids.
std::map<std::string, std::string> sides_by_name(const BankBuilder& builder,
                                                 const SplitData& split) {
  const auto by_id = sides_by_id(split);
  std::map<std::string, std::string> sides;
  for (const SampleFacts& facts : builder.samples()) {
    const auto side = by_id.find(raw(facts.id));
    if (side == by_id.end()) continue;
    sides[fmt::format("{}/{}/{}", facts.dataset, facts.volume, facts.slice)] = side->second;
  }
  return sides;
}

TEST_CASE("split: nobody stands on two sides, and every label is near what was wanted") {
  for (const std::uint64_t seed : {1u, 2u, 3u}) {
    CAPTURE(seed);
    BankBuilder builder;
    for (const SampleFacts& facts : random_collection(seed, 80)) builder.add(facts);
    const Bank bank = builder.bank();
    const Selection all = select_samples(bank, "");

    const Split split = make_split(all, options());

    CHECK(audit_split(bank, split.data).clean());
    CHECK(split.data.samples == all.ids());
    REQUIRE(split.report.balances.size() > 8);
    CHECK(split.report.balances.front().label == "samples");
    for (const SplitBalance& balance : split.report.balances) {
      CAPTURE(balance.label);
      CHECK(balance.deviation <= balance.tolerance + 1e-12);
    }
  }
}

TEST_CASE("split: the report counts what the split holds") {
  BankBuilder builder;
  for (const SampleFacts& facts : random_collection(4, 40)) builder.add(facts);
  const Bank bank = builder.bank();

  const Split split = make_split(select_samples(bank, ""), options());

  const auto sides = sides_by_id(split.data);
  std::map<std::string, std::uint64_t> liver;
  std::map<std::string, std::uint64_t> samples;
  std::map<std::string, std::set<std::string>> persons;
  for (const SampleFacts& facts : builder.samples()) {
    const std::string& side = sides.at(raw(facts.id));
    ++samples[side];
    persons[side].insert(facts.dataset + facts.patient);
    for (const auto& mask : facts.masks) {
      if (mask.raw_class == "liver") {
        ++liver[side];
        break;
      }
    }
  }
  const auto balance = std::find_if(split.report.balances.begin(), split.report.balances.end(),
                                    [](const auto& each) { return each.label == "class=liver"; });
  REQUIRE(balance != split.report.balances.end());
  double worst = 0;
  for (const SplitBalance& each : split.report.balances) worst = std::max(worst, each.deviation);
  CHECK(split.report.deviation_worst == doctest::Approx(worst));
  for (std::size_t i = 0; i < split.report.sides.size(); ++i) {
    const std::string& side = split.report.sides[i];
    CHECK(split.report.samples[i] == samples[side]);
    CHECK(split.report.groups[i] == persons[side].size());
    CHECK(balance->got[i] == liver[side]);
    CHECK(balance->wanted[i] ==
          doctest::Approx(kThirds[i].second * static_cast<double>(balance->total)));
  }
}

TEST_CASE("split: the same seed gives the same sides, whatever order the data came in") {
  auto facts = random_collection(5, 50);
  BankBuilder forward;
  for (const SampleFacts& each : facts) forward.add(each);
  BankBuilder backward;
  for (auto each = facts.rbegin(); each != facts.rend(); ++each) backward.add(*each);
  const Bank first = forward.bank();
  const Bank second = backward.bank();
  for (const SplitGroup group : {SplitGroup::subject, SplitGroup::volume, SplitGroup::sample}) {
    SplitOptions wanted = options({"class", "modality", "dataset", "region", "sequence"});
    wanted.group = group;

    const Split one = make_split(select_samples(first, ""), wanted);
    const Split two = make_split(select_samples(second, "").shuffled(3), wanted);

    CHECK(sides_by_name(forward, one.data) == sides_by_name(backward, two.data));
    CHECK(one.data.members == make_split(select_samples(first, ""), wanted).data.members);
    wanted.seed = 8;
    CHECK(one.data.members != make_split(select_samples(first, ""), wanted).data.members);
  }
}

TEST_CASE("split: aliases are one person") {
  BankBuilder builder;
  for (std::uint32_t i = 0; i < 40; ++i) {
    SampleFacts facts;
    facts.dataset = i % 2 == 0 ? "A" : "B";
    facts.patient = fmt::format("p{}", i);
    facts.volume = facts.patient;
    builder.add(facts);
  }
  for (std::uint64_t i = 0; i < 20; i += 2) {
    builder.alias({{"A", fmt::format("p{}", i)}, {"B", fmt::format("p{}", i + 1)}}, 100 + i);
  }
  const Bank bank = builder.bank();

  const Split split = make_split(select_samples(bank, ""), options({}));

  const auto sides = sides_by_id(split.data);
  for (std::uint64_t i = 0; i < 20; i += 2) CHECK(sides.at(i + 1) == sides.at(i + 2));
  CHECK(split.report.groups[0] + split.report.groups[1] + split.report.groups[2] == 30);
}

TEST_CASE("split: equal pixels join groups, blank ones do not") {
  BankBuilder builder;
  for (std::uint32_t i = 0; i < 40; ++i) {
    SampleFacts facts;
    facts.patient = fmt::format("p{}", i);
    facts.volume = facts.patient;
    facts.image = i < 6 ? 1 : i + 10;  // the first six have one image
    builder.add(facts);
    facts.slice = 1;
    facts.blank = true;  // everybody has an empty slice
    builder.add(facts);
  }
  const Bank bank = builder.bank();
  const Selection all = select_samples(bank, "");

  const Split split = make_split(all, options({}));
  SplitOptions apart = options({});
  apart.join_equal_pixels = false;

  CHECK(split.report.groups_joined_by_pixels == 5);
  const auto sides = sides_by_id(split.data);
  for (std::uint64_t i = 1; i < 6; ++i) CHECK(sides.at(2 * i + 1) == sides.at(1));
  CHECK(audit_split(bank, split.data).clean());
  CHECK(make_split(all, apart).report.groups_joined_by_pixels == 0);
}

TEST_CASE("split: folds are equal parts, each once") {
  BankBuilder builder;
  for (const SampleFacts& facts : random_collection(6, 60)) builder.add(facts);
  const Bank bank = builder.bank();
  SplitOptions wanted = options();
  wanted.ratios.clear();
  wanted.folds = 5;

  const Split split = make_split(select_samples(bank, ""), wanted);

  CHECK(split.data.sides == std::vector<std::string>{"fold0", "fold1", "fold2", "fold3", "fold4"});
  CHECK(audit_split(bank, split.data).clean());
  const SplitBalance& samples = split.report.balances.front();
  CHECK(samples.deviation <= samples.tolerance);
}

TEST_CASE("split: data that come later leave placed persons where they are") {
  auto facts = random_collection(7, 60);
  BankBuilder builder;
  const std::size_t half = facts.size() / 2;
  for (std::size_t i = 0; i < half; ++i) builder.add(facts[i]);
  const Bank before = builder.bank();
  const Split first = make_split(select_samples(before, ""), options());
  builder.reopen();
  for (std::size_t i = half; i < facts.size(); ++i) builder.add(facts[i]);
  const Bank after = builder.bank();

  SplitOptions wanted = options();
  wanted.keep = &first.data;
  wanted.seed = 99;
  const Split second = make_split(select_samples(after, ""), wanted);

  const auto old_sides = sides_by_id(first.data);
  const auto new_sides = sides_by_id(second.data);
  for (const auto& [id, side] : old_sides) CHECK(new_sides.at(id) == side);
  CHECK(audit_split(after, second.data).clean());
  CHECK(second.report.groups_in_conflict == 0);
  CHECK(second.report.groups_kept > 20);
  const SplitBalance& samples = second.report.balances.front();
  CHECK(samples.deviation <= samples.tolerance);
}

TEST_CASE("split: a group called to two sides goes whole to the first of them") {
  BankBuilder builder;
  for (std::uint32_t i = 0; i < 30; ++i) {
    SampleFacts facts;
    facts.patient = fmt::format("p{}", i);
    facts.volume = facts.patient;
    builder.add(facts);
  }
  builder.alias({{"A", "p0"}, {"A", "p1"}}, 5);  // found out after the first split
  const Bank bank = builder.bank();
  SplitData earlier;
  earlier.name = "earlier";
  earlier.sides = {"test", "train"};
  earlier.samples = {SampleId{1}, SampleId{2}, SampleId{3}};
  earlier.members = {0, 1, 0};  // p0 in test, p1 in train

  SplitOptions wanted = options({});
  wanted.keep = &earlier;
  const Split split = make_split(select_samples(bank, ""), wanted);

  const auto sides = sides_by_id(split.data);
  CHECK(sides.at(1) == "train");
  CHECK(sides.at(2) == "train");
  CHECK(sides.at(3) == "test");
  CHECK(split.report.groups_in_conflict == 1);
  CHECK(split.report.groups_kept == 2);
}

TEST_CASE("split: official sides are honoured under any spelling") {
  BankBuilder builder;
  const std::vector<std::string> words = {"Training", "valid", "imagesTs", "", "held-out"};
  for (std::uint32_t i = 0; i < 50; ++i) {
    SampleFacts facts;
    facts.patient = fmt::format("p{}", i);
    facts.volume = facts.patient;
    facts.official_split = words[i % 5];
    builder.add(facts);
  }
  const Bank bank = builder.bank();
  SplitOptions wanted = options({});
  wanted.honour_official = true;
  wanted.ratios = {{"train", 0.6}, {"validation", 0.2}, {"test", 0.2}};

  const Split split = make_split(select_samples(bank, ""), wanted);

  const auto sides = sides_by_id(split.data);
  for (std::uint64_t i = 0; i < 50; i += 5) {
    CHECK(sides.at(i + 1) == "train");
    CHECK(sides.at(i + 2) == "validation");
    CHECK(sides.at(i + 3) == "test");
  }
  CHECK(split.report.groups_kept == 30);
  CHECK(split.report.samples == std::vector<std::uint64_t>{30, 10, 10});
}

TEST_CASE("split: a saved split is found by name, by side and in filters") {
  BankBuilder builder;
  for (const SampleFacts& facts : random_collection(8, 30)) builder.add(facts);
  const Bank bank = builder.bank();

  const Split split = create_split(select_samples(bank, "modality = 'CT'"), options());

  const auto kept = find_split(bank, "main");
  REQUIRE(kept);
  CHECK(kept->samples == split.data.samples);
  CHECK(kept->members == split.data.members);
  CHECK(kept->report_json == split.report.to_json());
  const Selection train = split_side(bank, "main:train");
  CHECK(train.ids() == select_samples(bank, "split('main') = 'train'").ids());
  CHECK(train.size() == split.report.samples[0]);
  CHECK(select_samples(bank, "split('main') IS NULL").ids() ==
        select_samples(bank, "NOT modality = 'CT'").ids());
  const auto params = nlohmann::json::parse(kept->params_json);
  CHECK(params["seed"] == 7);
  CHECK(params["ratios"]["val"] == 0.1);
  CHECK(params["query"] == "modality = 'CT'");
  CHECK(params["group"] == "subject");
}

TEST_CASE("split: the report reads as JSON and as a table") {
  BankBuilder builder;
  for (const SampleFacts& facts : random_collection(9, 30)) builder.add(facts);
  const Bank bank = builder.bank();

  const Split split = make_split(select_samples(bank, ""), options());

  const auto json = nlohmann::json::parse(split.report.to_json());
  CHECK(json["sides"] == nlohmann::json({"train", "val", "test"}));
  REQUIRE(json["balances"].size() == split.report.balances.size());
  CHECK(json["balances"][0]["label"] == "samples");
  CHECK(json["balances"][1]["within_tolerance"] == true);
  const std::string table = split.report.to_text();
  CHECK(table.find("train") != std::string::npos);
  CHECK(table.find("class=liver") != std::string::npos);
  CHECK(table.find("mean deviation") != std::string::npos);
  MESSAGE("\n" << table);
}

// The message of an argument that make_split refuses.
std::string refused(const Selection& selection, const SplitOptions& wanted) {
  try {
    make_split(selection, wanted);
  } catch (const Error& error) {
    CHECK(error.code() == ErrorCode::bad_argument);
    return error.what() + std::string(" | ") + error.hint();
  }
  FAIL_CHECK("it was made");
  return {};
}

TEST_CASE("split: arguments that make no sense are refused with a reason") {
  BankBuilder builder;
  for (std::uint32_t i = 0; i < 4; ++i) {
    SampleFacts facts;
    facts.patient = fmt::format("p{}", i);
    facts.volume = facts.patient;
    builder.add(facts);
  }
  const Bank bank = builder.bank();
  const Selection all = select_samples(bank, "");
  const auto with = [](const auto& change) {
    SplitOptions wanted = options({});
    change(wanted);
    return wanted;
  };
  const auto check = [&](const auto& change, const std::string& part) {
    const std::string message = refused(all, with(change));
    CAPTURE(message);
    CHECK(message.find(part) != std::string::npos);
  };

  check([](auto& o) { o.ratios.clear(); }, "neither ratios nor folds");
  check([](auto& o) { o.folds = 3; }, "not both");
  check([](auto& o) { o.ratios = {{"a", 0.0}, {"b", 0.0}}; }, "sum to nothing");
  check([](auto& o) { o.ratios = {{"a", -1.0}, {"b", 2.0}}; }, "no share");
  check([](auto& o) { o.ratios = {{"a", std::nan("")}}; }, "no share");
  check([](auto& o) { o.ratios = {{"a", 1.0}, {"a", 1.0}}; }, "stands twice");
  check([](auto& o) { o.ratios = {{"a:b", 1.0}}; }, "colon");
  check([](auto& o) { o.ratios = {{"", 1.0}}; }, "no name");
  check([](auto& o) { o.stratify = {"clas"}; }, "did you mean class?");
  check([](auto& o) { o.stratify = {"class", "class"}; }, "twice");
  const auto folds = [](unsigned count) {
    return [count](auto& o) {
      o.ratios.clear();
      o.folds = count;
    };
  };
  check(folds(1), "one fold");
  check(folds(5), "5 folds cannot be made of 4 groups");
  CHECK(make_split(all, with(folds(4))).report.groups == std::vector<std::uint64_t>{1, 1, 1, 1});
  check(
      [](auto& o) {
        o.ratios.clear();
        o.folds = 2;
        o.honour_official = true;
      },
      "official");
  SplitData other;
  other.name = "other";
  other.sides = {"training"};
  check([&](auto& o) { o.keep = &other; }, "has a side 'training'");
  CHECK(refused(select_samples(bank, "id = 99"), options({})).find("empty") != std::string::npos);
  SplitOptions nameless = options({});
  nameless.name = "";
  CHECK_THROWS_AS(create_split(all, nameless), Error);

  const Selection gone(bank, {SampleId{1}, SampleId{77}}, bank.generation(), "");
  try {
    make_split(gone, options({}));
    FAIL_CHECK("it was made");
  } catch (const Error& error) {
    CHECK(error.code() == ErrorCode::not_found);
    CHECK(std::string(error.what()).find("sample 77") != std::string::npos);
  }
}

TEST_CASE("split: sides are asked for by name, and the nearest is offered") {
  BankBuilder builder;
  for (const SampleFacts& facts : random_collection(10, 10)) builder.add(facts);
  const Bank bank = builder.bank();
  create_split(select_samples(bank, ""), options());
  const auto hint = [&](const std::string& text) {
    try {
      split_side(bank, text);
    } catch (const Error& error) {
      return error.hint();
    }
    return std::string("found");
  };

  CHECK(hint("main:train") == "found");
  CHECK(hint("mian:train") == "did you mean 'main'?");
  CHECK(hint("main:trian") == "did you mean main:train?");
  CHECK(hint("main").find("write main:train") != std::string::npos);
}

}  // namespace
}  // namespace slicebank
