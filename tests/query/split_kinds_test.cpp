// Kinds of split beyond ratios: held out, left out in turn, redrawn, repeated, weighed.
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
#include "query/split.h"
#include "schema/error.h"
#include "tests/query/bank_builder.h"

namespace slicebank {
namespace {

using testing::BankBuilder;
using testing::SampleFacts;

// Sixty persons of three datasets, two modalities; a person's slices differ in number, and so
// do masks and their areas.
void fill(BankBuilder& builder) {
  SplitMix random(21);
  for (std::uint32_t person = 0; person < 60; ++person) {
    SampleFacts facts;
    facts.dataset = person % 3 == 0 ? "A" : person % 3 == 1 ? "B" : "C";
    facts.patient = facts.volume = fmt::format("p{}", person);
    facts.modality = person % 2 == 0 ? "CT" : "MR";
    const std::uint64_t slices = 1 + random.below(4);
    for (std::uint32_t slice = 0; slice < slices; ++slice) {
      facts.slice = slice;
      facts.masks.clear();
      for (std::uint64_t lesion = random.below(4); lesion > 0; --lesion) {
        const auto edge = static_cast<std::uint32_t>(1 + random.below(8));
        facts.masks.push_back({"liver", 0, 0, edge, edge, static_cast<std::uint32_t>(lesion)});
      }
      builder.add(facts);
    }
  }
}

SplitOptions with(std::vector<std::pair<std::string, double>> ratios) {
  SplitOptions options;
  options.name = "main";
  options.ratios = std::move(ratios);
  options.stratify = {"class"};
  options.seed = 7;
  return options;
}

std::map<SampleId, std::string> sides_of(const Split& split) {
  std::map<SampleId, std::string> sides;
  for (std::size_t i = 0; i < split.data.samples.size(); ++i) {
    sides[split.data.samples[i]] = split.data.sides[split.data.members[i]];
  }
  return sides;
}

const SplitBalance& balance_of(const Split& split, const std::string& label) {
  for (const SplitBalance& balance : split.report.balances) {
    if (balance.label == label) return balance;
  }
  FAIL("no label " << label);
  return split.report.balances.front();
}

TEST_CASE("split kinds: a dataset that is held out is one side, and the rest keeps its ratios") {
  BankBuilder builder;
  fill(builder);
  builder.alias({{"A", "p0"}, {"B", "p1"}}, 3);  // p1 goes with A
  const Bank bank = builder.bank();
  const Selection all = select_samples(bank, "");
  SplitOptions options = with({{"train", 3}, {"val", 1}});
  options.held_out.push_back({"test", select_samples(bank, "dataset = 'A'").ids()});

  const Split split = make_split(all, options);

  CHECK(split.data.sides == std::vector<std::string>{"train", "val", "test"});
  CHECK(split.report.closed == std::vector<bool>{false, false, true});
  for (const SampleFacts& facts : builder.samples()) {
    const bool held = facts.dataset == "A" || facts.patient == "p1";
    CHECK((sides_of(split).at(facts.id) == "test") == held);
  }
  const SplitBalance& samples = split.report.balances.front();
  CHECK(samples.total == samples.got[0] + samples.got[1]);
  CHECK(samples.wanted[0] == doctest::Approx(0.75 * static_cast<double>(samples.total)));
  CHECK(samples.deviation <= samples.tolerance);
  CHECK(audit_split(bank, split.data).clean());
  CHECK(SplitReport::from_json(split.report.to_json()).to_text() == split.report.to_text());
}

TEST_CASE("split kinds: every dataset and every modality is left out in turn") {
  BankBuilder builder;
  fill(builder);
  const Bank bank = builder.bank();
  const Selection all = select_samples(bank, "");
  for (const std::string word : {"dataset", "modality"}) {
    SplitOptions options = with({});
    options.leave_out = word;
    const Split split = make_split(all, options);
    for (const SampleFacts& facts : builder.samples()) {
      CHECK(sides_of(split).at(facts.id) == (word == "dataset" ? facts.dataset : facts.modality));
    }
  }
  SplitOptions options = with({});
  options.leave_out = "datasets";
  CHECK_THROWS_AS(make_split(all, options), Error);
  options = with({{"train", 1}});
  options.leave_out = "dataset";
  CHECK_THROWS_AS(make_split(all, options), Error);
}

TEST_CASE("split kinds: a fixed test set stays while train and val are drawn anew") {
  BankBuilder builder;
  fill(builder);
  const Bank bank = builder.bank();
  const Selection all = select_samples(bank, "");
  SplitOptions options = with({{"train", 0.7}, {"val", 0.1}, {"test", 0.2}});
  const Split first = make_split(all, options);
  options.keep = &first.data;
  options.keep_sides = {"test"};
  options.seed = 8;

  const Split again = make_split(all, options);

  std::size_t moved = 0;
  const auto after = sides_of(again);
  for (const auto& [id, side] : sides_of(first)) {
    CHECK((side == "test") == (after.at(id) == "test"));
    moved += side != after.at(id) ? 1U : 0U;
  }
  CHECK(moved > 0);
  CHECK(audit_split(bank, again.data).clean());
  options.keep_sides = {"tset"};
  CHECK_THROWS_AS(make_split(all, options), Error);
}

TEST_CASE("split kinds: repeats are the same folds under other seeds, and all are saved") {
  BankBuilder builder;
  fill(builder);
  const Bank bank = builder.bank();
  const Selection all = select_samples(bank, "");
  SplitOptions options = with({});
  options.folds = 3;

  std::vector<Split> repeats = make_repeats(all, options, 4);

  REQUIRE(repeats.size() == 4);
  CHECK(repeats[2].data.name == "main-3");
  CHECK(repeats[0].data.members == make_split(all, options).data.members);
  std::set<std::vector<std::uint16_t>> different;
  for (const Split& split : repeats) {
    different.insert(split.data.members);
    CHECK(audit_split(bank, split.data).clean());
  }
  CHECK(different.size() == 4);
  save_splits(bank, repeats);
  CHECK(list_splits(Bank::open(builder.path())).size() == 4);
  CHECK_THROWS_AS(make_repeats(all, options, 0), Error);
}

TEST_CASE("split kinds: masks, pixels and presence are what the report counts") {
  BankBuilder builder;
  fill(builder);
  const Bank bank = builder.bank();
  const Selection all = select_samples(bank, "");
  std::uint64_t samples = 0, masks = 0, pixels = 0;
  std::set<std::string> persons;
  for (const SampleFacts& facts : builder.samples()) {
    samples += facts.masks.empty() ? 0U : 1U;
    masks += facts.masks.size();
    for (const auto& mask : facts.masks) pixels += std::uint64_t{mask.x1} * mask.y1;
    if (!facts.masks.empty()) persons.insert(facts.patient);
  }
  const std::vector<std::pair<SplitWeight, std::uint64_t>> wanted = {
      {SplitWeight::samples, samples},
      {SplitWeight::masks, masks},
      {SplitWeight::pixels, pixels},
      {SplitWeight::presence, persons.size()}};
  for (const auto& [weight, total] : wanted) {
    SplitOptions options = with({{"train", 0.8}, {"test", 0.2}});
    options.weight = weight;
    const Split split = make_split(all, options);
    const SplitBalance& liver = balance_of(split, "class=liver");
    CHECK(liver.total == total);
    CHECK(liver.deviation <= liver.tolerance + 1e-12);
    CHECK(split.report.balances.front().total == builder.samples().size());
  }
}

TEST_CASE("split kinds: aliases of the options join, for this split") {
  BankBuilder builder;
  fill(builder);
  const Bank bank = builder.bank();
  SubjectAliases aliases;
  for (int person = 0; person < 60; person += 2) {
    for (const int half : {person, person + 1}) {
      aliases.add(half % 3 == 0   ? "A"
                  : half % 3 == 1 ? "B"
                                  : "C",
                  fmt::format("p{}", half), std::to_string(person));
    }
  }
  SplitOptions options = with({{"train", 0.5}, {"test", 0.5}});
  options.aliases = &aliases;
  const Split split = make_split(select_samples(bank, ""), options);
  AuditOptions with_aliases;
  with_aliases.aliases = &aliases;
  CHECK(audit_split(bank, split.data, with_aliases).clean());
  CHECK(split.report.groups[0] + split.report.groups[1] == 30);
  options.aliases = nullptr;
  const Split apart = make_split(select_samples(bank, ""), options);
  CHECK_FALSE(audit_split(bank, apart.data, with_aliases).clean());
}

TEST_CASE("split kinds: the picture has a bar for each label, and hostile names do no harm") {
  SplitReport report;
  report.sides = {"train", "<b>&"};
  report.groups = report.samples = {3, 1};
  report.closed = {false, false};
  for (int i = 0; i < 120; ++i) {
    report.balances.push_back({i == 0 ? "samples" : fmt::format("class=<c{}>", i),
                               4,
                               {3, 1},
                               {3, 1},
                               i == 77 ? 0.5 : 0.0,
                               0.25});
  }
  const std::string svg = report.to_svg(10);
  CHECK(svg.find("&lt;b&gt;&amp;") != std::string::npos);
  CHECK(svg.find("<b>") == std::string::npos);
  CHECK(svg.find("class=&lt;c77&gt;") != std::string::npos);  // the one that is off
  CHECK(svg.find("10 of 120 labels") != std::string::npos);
  CHECK(svg.ends_with("</svg>\n"));
  CHECK_THROWS_AS(SplitReport::from_json("{}"), Error);
}

}  // namespace
}  // namespace slicebank
