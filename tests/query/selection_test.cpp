#include "query/selection.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <set>
#include <vector>

#include "schema/error.h"
#include "store/split_data.h"
#include "tests/query/bank_builder.h"

namespace slicebank {
namespace {

using testing::BankBuilder;
using testing::SampleFacts;

std::vector<SampleId> ids(std::initializer_list<std::uint64_t> numbers) {
  std::vector<SampleId> made;
  for (const std::uint64_t number : numbers) made.push_back(SampleId{number});
  return made;
}

Bank ten_samples(BankBuilder& builder) {
  for (std::uint32_t i = 0; i < 10; ++i) {
    SampleFacts facts;
    facts.slice = i;
    if (i % 2 == 0) facts.masks = {{"liver"}};
    builder.add(facts);
  }
  return builder.bank();
}

TEST_CASE("selection: a filter finds ids in order, with its words and generation") {
  BankBuilder builder;
  const Bank bank = ten_samples(builder);

  const Selection liver = select_samples(bank, "class = 'liver'");

  CHECK(liver.ids() == ids({1, 3, 5, 7, 9}));
  CHECK(liver.query() == "class = 'liver'");
  CHECK(liver.generation() == bank.generation());
  CHECK(select_samples(bank, "").size() == 10);
  CHECK(count_samples(bank, "") == 10);
  CHECK(count_samples(bank, "modality = 'CT' AND dataset = 'A'") == 10);
  CHECK(count_samples(bank, "modality = 'MR'") == 0);
  CHECK(select_samples(bank, "modality = 'MR'").empty());
}

TEST_CASE("selection: set algebra keeps the left side's order") {
  BankBuilder builder;
  const Bank bank = ten_samples(builder);
  const Selection left(bank, ids({5, 2, 9, 4}), bank.generation(), "left");
  const Selection right(bank, ids({4, 7, 5}), Generation{0}, "right");

  CHECK(left.united(right).ids() == ids({5, 2, 9, 4, 7}));
  CHECK(left.intersected(right).ids() == ids({5, 4}));
  CHECK(left.minus(right).ids() == ids({2, 9}));
  CHECK(left.head(2).ids() == ids({5, 2}));
  CHECK(left.head(99).ids() == left.ids());
  CHECK(left.united(right).generation() == Generation{0});
  CHECK(left.minus(right).query() == "(left) AND NOT (right)");
}

TEST_CASE("selection: the symmetric difference is what one of the two has") {
  BankBuilder builder;
  const Bank bank = ten_samples(builder);
  const Selection left(bank, ids({5, 2, 9, 4}), bank.generation(), "left");
  const Selection right(bank, ids({4, 7, 5, 1}), Generation{0}, "right");

  CHECK(left.symmetric_difference(right).ids() == ids({2, 9, 7, 1}));
  CHECK(left.symmetric_difference(left).empty());
  CHECK(left.symmetric_difference(right).generation() == Generation{0});
}

TEST_CASE("selection: a draw keeps the order, and every sample is drawn equally often") {
  BankBuilder builder;
  const Bank bank = ten_samples(builder);
  const Selection from(bank, ids({9, 1, 7, 3, 5}), bank.generation(), "odd");

  CHECK(from.sampled(99, 1).ids() == from.ids());
  CHECK(from.sampled(0, 1).empty());
  std::map<std::uint64_t, int> often;
  std::set<std::vector<SampleId>> draws;
  constexpr int kDraws = 10'000;
  for (std::uint64_t seed = 0; seed < kDraws; ++seed) {
    const Selection drawn = from.sampled(2, seed);
    REQUIRE(drawn.size() == 2);
    for (const SampleId id : drawn.ids()) ++often[raw(id)];
    draws.insert(drawn.ids());
    REQUIRE(from.intersected(drawn).ids() == drawn.ids());  // the left side's order
  }
  CHECK(draws.size() == 10);  // 5 over 2
  for (const auto& [id, times] : often) {
    CAPTURE(id);
    CHECK(std::abs(times - kDraws * 2 / 5) < 250);  // five standard deviations
  }
  // Golden: a change here changes what `--sample` gives to everybody.
  std::string drawn;
  for (const SampleId id : select_samples(bank, "").sampled(4, 7).ids()) {
    drawn += fmt::format("{} ", raw(id));
  }
  CHECK(drawn == "1 3 4 5 ");
}

TEST_CASE("selection: sorted by fields, missing values last, equal ones in their order") {
  BankBuilder builder;
  const auto add = [&](const std::string& patient, std::uint32_t slice, double spacing) {
    SampleFacts facts;
    facts.patient = patient;
    facts.volume = patient;
    facts.slice = slice;
    if (spacing > 0) facts.spacing = {{1, 1, spacing}};
    builder.add(facts);
  };
  add("p10", 3, 5);
  add("p9", 1, 0);
  add("p9", 2, 0);
  add("p10", 1, 5);
  add("q", 1, 2.5);
  const Bank bank = builder.bank();
  const Selection all = select_samples(bank, "");

  CHECK(all.sorted_by(parse_sort_keys("slice")).ids() == ids({2, 4, 5, 3, 1}));
  CHECK(all.sorted_by(parse_sort_keys("patient, slice desc")).ids() == ids({1, 4, 3, 2, 5}));
  CHECK(all.sorted_by(parse_sort_keys("spacing_z ASC")).ids() == ids({5, 1, 4, 2, 3}));
  CHECK(all.sorted_by(parse_sort_keys("spacing_z desc")).ids() == ids({1, 4, 5, 2, 3}));
  CHECK(
      Selection(bank, ids({3, 1, 2}), bank.generation(), "").sorted_by({{"dataset", true}}).ids() ==
      ids({3, 1, 2}));
  CHECK(all.sorted_by(parse_sort_keys("slice")).query() == "() sorted by slice");
  for (const FieldInfo& field : filter_fields()) {
    if (field.of_mask || field.name == "region") {
      CHECK_THROWS_AS(parse_sort_keys(field.name), QueryError);
    } else {
      CHECK(all.sorted_by({{field.name, false}}).size() == 5);
    }
  }
  for (const char* wrong : {"", "slise", "slice patient", "slice,", "3", "slice desc asc"}) {
    CHECK_THROWS_AS(parse_sort_keys(wrong), QueryError);
  }
}

TEST_CASE("selection: what is forgotten is gone, and nothing else") {
  BankBuilder builder;
  const Bank bank = ten_samples(builder);
  select_samples(bank, "class = 'liver'").save("livers");
  select_samples(bank, "").save("all");

  Selection::forget(bank, "livers");

  CHECK_THROWS_AS(Selection::load(bank, "livers"), Error);
  CHECK_THROWS_AS(Selection::forget(bank, "livers"), Error);
  CHECK(Selection::load(bank, "all").size() == 10);
  CHECK(list_saved_selections(bank).size() == 1);
}

TEST_CASE("selection: an id twice and another bank are refused") {
  BankBuilder builder;
  const Bank bank = ten_samples(builder);
  BankBuilder other_builder;
  const Bank other = ten_samples(other_builder);

  CHECK_THROWS_AS(Selection(bank, ids({1, 2, 1}), bank.generation(), ""), Error);
  CHECK_THROWS_AS(select_samples(bank, "").united(select_samples(other, "")), Error);
}

TEST_CASE("selection: the fingerprint tells bank, ids and their order apart") {
  BankBuilder builder;
  const Bank bank = ten_samples(builder);
  BankBuilder other_builder;
  const Bank other = ten_samples(other_builder);
  const auto print = [](const Bank& of, std::initializer_list<std::uint64_t> numbers) {
    return Selection(of, ids(numbers), Generation{1}, "").fingerprint();
  };

  CHECK(print(bank, {1, 2, 3}).size() == 32);
  CHECK(print(bank, {1, 2, 3}) == print(bank, {1, 2, 3}));
  std::set<std::string> all = {print(bank, {}),       print(bank, {1}),       print(bank, {1, 2}),
                               print(bank, {2, 1}),   print(bank, {1, 2, 3}), print(other, {1, 2}),
                               print(bank, {1, 2, 4})};
  CHECK(all.size() == 7);
}

TEST_CASE("selection: shuffling is a fact of the seed, on every machine") {
  BankBuilder builder;
  const Bank bank = ten_samples(builder);
  const Selection all = select_samples(bank, "");

  const Selection shuffled = all.shuffled(7);

  CHECK(shuffled.ids() == all.shuffled(7).ids());
  CHECK(shuffled.ids() != all.shuffled(8).ids());
  std::vector<SampleId> back = shuffled.ids();
  std::sort(back.begin(), back.end());
  CHECK(back == all.ids());
  // Golden: a change here changes what `head(n)` of a shuffle gives to everybody.
  std::string order;
  for (const SampleId id : shuffled.ids()) order += fmt::format("{} ", raw(id));
  CHECK(order == "9 2 6 10 1 5 4 3 7 8 ");
}

TEST_CASE("selection: what is saved is loaded, in its order") {
  BankBuilder builder;
  const Bank bank = ten_samples(builder);
  const Selection mine = select_samples(bank, "class = 'liver'").shuffled(3);

  mine.save("my livers");
  const Selection loaded = Selection::load(bank, "my livers");

  CHECK(loaded.ids() == mine.ids());
  CHECK(loaded.query() == mine.query());
  CHECK(loaded.generation() == mine.generation());
  CHECK(loaded.fingerprint() == mine.fingerprint());
  select_samples(bank, "").save("my livers");
  CHECK(Selection::load(bank, "my livers").size() == 10);
}

TEST_CASE("selection: a name that is not there is answered with the nearest") {
  BankBuilder builder;
  const Bank bank = ten_samples(builder);
  select_samples(bank, "").save("training");

  try {
    Selection::load(bank, "trainin");
    FAIL("it was found");
  } catch (const Error& error) {
    CHECK(error.code() == ErrorCode::not_found);
    CHECK(error.hint() == "did you mean 'training'?");
  }
  CHECK_THROWS_AS(select_samples(bank, "").save(""), Error);
}

}  // namespace
}  // namespace slicebank
