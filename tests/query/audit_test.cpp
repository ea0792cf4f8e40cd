#include "query/audit.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <string>
#include <vector>

#include "query/split.h"
#include "tests/query/bank_builder.h"

namespace slicebank {
namespace {

using testing::BankBuilder;
using testing::SampleFacts;

// One image of each of `persons`, and a second slice of each.
void add_persons(BankBuilder& builder, std::uint32_t persons) {
  for (std::uint32_t i = 0; i < persons; ++i) {
    SampleFacts facts;
    facts.patient = fmt::format("p{}", i);
    facts.volume = facts.patient;
    builder.add(facts);
    facts.slice = 1;
    builder.add(facts);
  }
}

SplitData split_of(std::vector<std::uint16_t> members) {
  SplitData split;
  split.name = "by hand";
  split.sides = {"train", "test"};
  for (std::size_t i = 0; i < members.size(); ++i) split.samples.push_back(SampleId{i + 1});
  split.members = std::move(members);
  return split;
}

TEST_CASE("audit: a clean split is clean, and samples it leaves out are counted") {
  BankBuilder builder;
  add_persons(builder, 4);
  const Bank bank = builder.bank();

  const AuditReport report = audit_split(bank, split_of({0, 0, 1, 1, 0, 0}));

  CHECK(report.clean());
  CHECK(report.findings.empty());
  CHECK(report.samples == 6);
  CHECK(report.unassigned == 2);
  CHECK(report.split == "by hand");
}

TEST_CASE("audit: a person on two sides is found and named") {
  BankBuilder builder;
  add_persons(builder, 3);
  const Bank bank = builder.bank();

  const AuditReport report = audit_split(bank, split_of({0, 0, 0, 1, 1, 1}));

  CHECK_FALSE(report.clean());
  CHECK(report.leaking_subjects == 1);
  REQUIRE(report.findings.size() == 1);
  CHECK(report.findings[0].kind == "subject");
  CHECK(report.findings[0].message == "subject A / p1: 1 in train, 1 in test");
  CHECK(report.findings[0].sides == std::vector<std::string>{"train", "test"});
  CHECK(report.findings[0].samples == std::vector<SampleId>{SampleId{3}, SampleId{4}});
}

TEST_CASE("audit: one person under two names on two sides is found") {
  BankBuilder builder;
  add_persons(builder, 4);
  builder.alias({{"A", "p0"}, {"A", "p2"}}, 9);
  const Bank bank = builder.bank();

  const AuditReport report = audit_split(bank, split_of({0, 0, 0, 0, 1, 1, 1, 1}));

  CHECK(report.leaking_subjects == 0);
  CHECK(report.leaking_aliases == 1);
  REQUIRE(report.findings.size() == 1);
  CHECK(report.findings[0].kind == "alias");
  CHECK(report.findings[0].message == "one person, A / p0 = A / p2: 2 in train, 2 in test");
}

TEST_CASE("audit: a leak of equal pixels that was planted by hand is found") {
  BankBuilder builder;
  for (std::uint32_t i = 0; i < 6; ++i) {
    SampleFacts facts;
    facts.dataset = i < 3 ? "A" : "B";
    facts.patient = fmt::format("p{}", i);
    facts.volume = facts.patient;
    facts.image = i == 5 ? 2 : i + 1;  // p5 of B is p1 of A
    facts.masks = {{i == 5 ? "liver" : "spleen"}};
    builder.add(facts);
    facts.slice = 1;
    facts.blank = true;  // and everybody has an empty slice
    builder.add(facts);
  }
  const Bank bank = builder.bank();

  const AuditReport report = audit_split(bank, split_of({0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1}));

  CHECK(report.leaking_subjects == 0);
  CHECK(report.leaking_images == 1);
  REQUIRE(report.findings.size() == 1);
  CHECK(report.findings[0].kind == "pixels");
  CHECK(report.findings[0].samples == std::vector<SampleId>{SampleId{3}, SampleId{11}});
  const auto duplicates = duplicate_images(bank);
  REQUIRE(duplicates.size() == 1);
  CHECK(duplicates[0].samples == std::vector<SampleId>{SampleId{3}, SampleId{11}});
}

TEST_CASE("audit: samples that are gone stand nowhere") {
  BankBuilder builder;
  add_persons(builder, 2);
  builder.writer().commit();
  const std::vector<SampleId> gone = {SampleId{2}};
  builder.writer().delete_samples(gone);
  const Bank bank = builder.bank();

  const AuditReport report = audit_split(bank, split_of({0, 1, 1, 1}));

  CHECK(report.clean());
  CHECK(report.samples == 3);
  CHECK(report.unassigned == 0);
}

TEST_CASE("audit: the split that came with the data is one split under one spelling") {
  BankBuilder builder;
  const std::vector<std::string> words = {"Training", "train", "valid", "", "phase 2", "testing"};
  for (std::uint32_t i = 0; i < words.size(); ++i) {
    SampleFacts facts;
    facts.patient = i == 2 ? "p0" : fmt::format("p{}", i);  // p0 in train and valid
    facts.volume = fmt::format("v{}", i);
    facts.official_split = words[i];
    builder.add(facts);
  }
  const Bank bank = builder.bank();

  const SplitData official = official_split(bank);

  CHECK(official.sides == std::vector<std::string>{"train", "val", "test", "phase2"});
  CHECK(official.samples ==
        std::vector<SampleId>{SampleId{1}, SampleId{2}, SampleId{3}, SampleId{5}, SampleId{6}});
  CHECK(official.members == std::vector<std::uint16_t>{0, 0, 1, 3, 2});
  const AuditReport report = audit_split(bank, official);
  CHECK(report.leaking_subjects == 1);
  CHECK(report.unassigned == 1);
}

TEST_CASE("audit: duplicates come largest first and not more than asked for") {
  BankBuilder builder;
  for (std::uint32_t i = 0; i < 9; ++i) {
    SampleFacts facts;
    facts.slice = i;
    facts.image = i < 3 ? 1 : i < 5 ? 2 : i < 7 ? 3 : i;
    builder.add(facts);
  }
  const Bank bank = builder.bank();

  const auto all = duplicate_images(bank);

  REQUIRE(all.size() == 3);
  CHECK(all[0].samples.size() == 3);
  CHECK(all[1].samples == std::vector<SampleId>{SampleId{4}, SampleId{5}});
  CHECK(duplicate_images(bank, 2).size() == 2);
}

}  // namespace
}  // namespace slicebank
