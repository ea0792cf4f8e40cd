#include "query/sampler_items.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstdlib>
#include <map>
#include <string>
#include <vector>

#include "query/sampler_order.h"
#include "schema/error.h"
#include "store/reader.h"
#include "tests/query/bank_builder.h"

namespace slicebank {
namespace {

using testing::BankBuilder;
using testing::SampleFacts;

void fill(BankBuilder& builder) {
  for (std::uint32_t slice = 0; slice < 40; ++slice) {
    SampleFacts facts;
    facts.dataset = slice % 4 == 0 ? "B" : "A";
    facts.patient = facts.volume = facts.dataset + "p";
    facts.slice = slice;
    if (slice % 2 == 0) facts.masks = {{"liver"}, {"liver", 2, 2, 4, 4, 1}};
    if (slice % 8 == 0) facts.masks.push_back({"spleen"});
    if (slice == 39) facts.labels = {{"spleen", 1}};
    builder.add(facts);
  }
}

TEST_CASE("sampler items: a sample has each of its classes once, at its place in the selection") {
  BankBuilder builder;
  fill(builder);
  const Bank bank = builder.bank();
  const Selection shuffled = select_samples(bank, "").shuffled(3);
  const LabelledItems by_class = labelled_samples(shuffled, "class");
  REQUIRE(by_class.names == std::vector<std::string>{"liver", "spleen"});
  REQUIRE(by_class.items.items() == 40);
  for (std::uint64_t item = 0; item < 40; ++item) {
    const std::uint64_t slice = raw(shuffled.ids()[item]) - 1;
    std::vector<std::uint32_t> wanted;
    if (slice % 2 == 0) wanted.push_back(0);
    if (slice % 8 == 0 || slice == 39) wanted.push_back(1);
    const auto got = by_class.items.of(item);
    CHECK(std::vector<std::uint32_t>(got.begin(), got.end()) == wanted);
  }
  const LabelledItems by_dataset = labelled_samples(shuffled, "dataset");
  CHECK(by_dataset.names == std::vector<std::string>{"A", "B"});
  CHECK(label_counts(by_dataset.items) == std::vector<std::uint64_t>{30, 10});
  CHECK_THROWS_AS(labelled_samples(shuffled, "clas"), Error);
}

TEST_CASE("sampler items: each mask is an item, and reads as the mask of that number") {
  BankBuilder builder;
  fill(builder);
  const Bank bank = builder.bank();
  const Selection shuffled = select_samples(bank, "").shuffled(5);
  const MaskItems items = mask_items(shuffled, "class");
  REQUIRE(items.masks.size() == 45);
  std::map<std::string, int> counts;
  for (const MaskItem& item : items.masks) {
    const Sample sample = bank.reader().sample(shuffled.ids()[item.place]);
    REQUIRE(item.number < sample.masks.size());
    const std::string& name = items.names[item.label];
    CHECK(bank.taxonomy()->find_class(name) == sample.masks[item.number].class_id);
    ++counts[name];
  }
  CHECK(counts == std::map<std::string, int>{{"liver", 40}, {"spleen", 5}});
  CHECK(items.labels().items() == 45);
  // Balanced by class, a spleen is drawn as often as a liver.
  const auto order = weighted_order(balanced_weights(items.labels(), INFINITY), 1, 100'000);
  int spleens = 0;
  for (std::uint64_t i = 0; i < order->draws(); ++i) {
    spleens += items.names[items.masks[order->at(i)].label] == "spleen" ? 1 : 0;
  }
  CHECK(std::abs(spleens - 50'000) < 800);  // five standard deviations
}

TEST_CASE("sampler items: the foreground is what has a mask, or one of the classes") {
  BankBuilder builder;
  fill(builder);
  const Bank bank = builder.bank();
  const Selection all = select_samples(bank, "");
  CHECK(foreground_places(all).size() == 20);
  const auto spleen = bank.taxonomy()->find_class("spleen").value();
  CHECK(foreground_places(all, {spleen}) == std::vector<std::uint64_t>{0, 8, 16, 24, 32});
}

}  // namespace
}  // namespace slicebank
