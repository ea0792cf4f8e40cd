// Every filter finds what a look at each row of the public views finds.
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "query/filter_sql.h"
#include "query/selection.h"
#include "schema/error.h"
#include "store/select.h"
#include "tests/query/bank_builder.h"
#include "tests/query/filter_maker.h"
#include "tests/query/filter_oracle.h"
#include "tests/query/view_facts.h"

namespace slicebank {
namespace {

using testing::BankBuilder;
using testing::FilterMaker;
using testing::FilterOracle;
using testing::SampleFacts;

using Ids = std::vector<std::uint64_t>;

// Ids as text, which a failing check can show.
std::string shown(const Ids& ids) { return fmt::format("{}", fmt::join(ids, " ")); }

std::string shown(const Selection& selection) {
  Ids ids;
  for (const SampleId id : selection.ids()) ids.push_back(raw(id));
  return shown(ids);
}

std::uint64_t seed_or(std::uint64_t usual) {
  const char* given = std::getenv("SLICEBANK_SEED");
  return given == nullptr ? usual : std::strtoull(given, nullptr, 10);
}

struct Campaign {
  int filters;
  std::uint64_t samples;
  int plainly_every;  // each so manieth also by count, by text and by the plain condition
};

void run(const Campaign& campaign, std::uint64_t seed) {
  MESSAGE("SLICEBANK_SEED=" << seed);
  CAPTURE(seed);
  SplitMix random(seed);
  BankBuilder builder;
  for (std::uint64_t i = 0; i < campaign.samples; ++i) {
    builder.add(testing::random_facts(random, i));
  }
  builder.alias({{"Alpha", "case_0"}, {"Gamma_3", "case_1"}}, 7);
  testing::add_splits(builder, random);
  const Bank bank = builder.bank();
  const auto taxonomy = bank.taxonomy();
  const std::vector<SampleFacts> samples = testing::facts_from_views(bank);
  REQUIRE(samples.size() == campaign.samples);
  const FilterOracle oracle(*taxonomy, testing::splits_from_views(bank));
  FilterNames names;
  names.taxonomy = taxonomy.get();
  names.datasets = {"Alpha", "beta's", "Gamma_3"};
  names.splits = {"main", "other"};

  int told_apart = 0;
  FilterMaker maker(random);
  for (int i = 0; i < campaign.filters; ++i) {
    const FilterPtr filter = maker.make(static_cast<int>(random.below(5)));
    const std::string text = to_text(*filter);
    CAPTURE(i);
    CAPTURE(text);
    Ids expected;
    for (const SampleFacts& sample : samples) {
      if (oracle.matches(*filter, sample)) expected.push_back(raw(sample.id));
    }
    if (!expected.empty() && expected.size() < samples.size()) ++told_apart;

    REQUIRE(shown(select_samples(bank, *filter, text)) == shown(expected));
    if (i % campaign.plainly_every != 0) continue;
    REQUIRE(shown(select_samples_by_rows(bank, *filter, text)) == shown(expected));
    REQUIRE(same_filter(*parse_filter(text), *filter));
    CHECK(count_samples(bank, text) == expected.size());
    const FilterSql sql = to_sql(*filter, names, text);
    Rows rows = select(bank, "SELECT count(*) FROM _sample s WHERE " + sql.where, sql.values);
    REQUIRE(rows.next());
    CHECK(rows.integer(0) == static_cast<std::int64_t>(expected.size()));
  }
  MESSAGE(told_apart << " of " << campaign.filters << " filters told samples apart");
  CHECK(told_apart > campaign.filters / 2);
}

TEST_CASE("brute force: ten thousand random filters find what a look at each row finds") {
  const bool stress = std::getenv("SLICEBANK_STRESS") != nullptr;
  run({stress ? 300'000 : 10'000, 60, 4}, seed_or(20'261'121));
}

TEST_CASE("brute force: the same over more samples than fit one page of an index") {
  const bool stress = std::getenv("SLICEBANK_STRESS") != nullptr;
  run({stress ? 20'000 : 500, 600, 1}, seed_or(20'260'802));
}

TEST_CASE("brute force: a condition that has to look at more samples than a filter has terms") {
  BankBuilder builder;
  constexpr std::uint32_t kSamples = 10'050;
  SampleFacts facts;
  facts.width = 4;
  facts.height = 4;
  facts.blank = true;
  for (facts.slice = 0; facts.slice < kSamples; ++facts.slice) builder.add(facts);
  const Bank bank = builder.bank();

  CHECK(count_samples(bank, "width * height = 16 AND slice + 1 > 0") == kSamples);
  CHECK(select_samples(bank, "modality = 'CT' AND slice * 2 >= 100").size() == kSamples - 50);
}

}  // namespace
}  // namespace slicebank
