// Facets and rows give the same ids, and the facets do the work where they can.
#include "query/internal/facet_plan.h"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "query/facet_panel.h"
#include "query/internal/bank_names.h"
#include "query/selection.h"
#include "query/stats.h"
#include "tests/query/bank_builder.h"
#include "tests/query/filter_maker.h"

namespace slicebank {
namespace {

using testing::BankBuilder;
using testing::FilterMaker;

std::string shown(const std::vector<SampleId>& ids) {
  std::vector<std::uint64_t> numbers;
  for (const SampleId id : ids) numbers.push_back(raw(id));
  return fmt::format("{}", fmt::join(numbers, " "));
}

Bank random_bank(BankBuilder& builder, SplitMix& random, std::uint64_t samples) {
  for (std::uint64_t i = 0; i < samples; ++i) builder.add(testing::random_facts(random, i));
  testing::add_splits(builder, random);
  return builder.bank();
}

FacetAnswer answer(const Bank& bank, const Filter& filter, const std::string& text) {
  const BankNames names = load_names(bank);
  const auto facets = Facets::of(bank);
  REQUIRE(facets);
  return FacetPlan(bank, *facets, names.names, text).answer(filter);
}

bool settled(const Bank& bank, const std::string& text) {
  return answer(bank, *parse_filter(text), text).exact;
}

TEST_CASE("facet_plan: three thousand random filters find what the rows find") {
  const std::uint64_t seed = 20261120;
  CAPTURE(seed);
  SplitMix random(seed);
  BankBuilder builder;
  const Bank bank = random_bank(builder, random, 160);
  FilterMaker maker(random);
  int exact = 0;
  for (int i = 0; i < 3000; ++i) {
    const FilterPtr filter = maker.make(4);
    const std::string text = to_text(*filter);
    CAPTURE(text);
    const FacetAnswer found = answer(bank, *filter, text);
    const Selection by_rows = select_samples_by_rows(bank, *filter, text);
    if (found.exact) {
      ++exact;
      CHECK(shown(found.ids->ids()) == shown(by_rows.ids()));
    } else {
      for (const SampleId id : by_rows.ids()) CHECK(found.ids->contains(id));
    }
    CHECK(shown(select_samples(bank, *filter, text).ids()) == shown(by_rows.ids()));
  }
  MESSAGE(exact << " of 3000 needed no row");
  CHECK(exact > 300);
}

TEST_CASE("facet_plan: what a cohort is usually made of needs no row") {
  SplitMix random(5);
  BankBuilder builder;
  const Bank bank = random_bank(builder, random, 80);
  CHECK(settled(bank, "modality = 'CT' AND class = 'liver'"));
  CHECK(settled(bank, "mask(class IN ('liver', 'spleen') AND area_fraction > 0.01)"));
  CHECK(settled(bank, "mask(class = 'liver' AND area_fraction >= 0.5 AND NOT touches_border)"));
  CHECK(settled(bank, "mask(class = 'liver' AND area > 0)"));
  CHECK(settled(bank, "absent('liver') OR unknown('spleen')"));
  CHECK(settled(bank, "split('main') = 'left' AND NOT region = 'abdomen'"));
  CHECK(settled(bank, "patient LIKE 'case%' AND axis = 'z' AND official_split IS NULL"));
  CHECK_FALSE(settled(bank, "area_fraction > 0.0123"));
  CHECK_FALSE(settled(bank, "width > 4"));
}

TEST_CASE("facet_panel: its counts are those of stats") {
  SplitMix random(6);
  BankBuilder builder;
  const Bank bank = random_bank(builder, random, 120);
  for (const char* text : {"", "class = 'liver'", "modality = 'CT' AND width > 4", "id < 0"}) {
    CAPTURE(text);
    const Selection chosen = select_samples(bank, text);
    std::map<std::string, std::map<std::string, std::uint64_t>> panel;
    for (const FacetRow& row : facet_panel(chosen)) {
      if (row.samples > 0) panel[row.facet][row.value] = row.samples;
    }
    for (const char* facet : {"modality", "sequence", "dataset", "axis", "official_split"}) {
      CAPTURE(facet);
      std::map<std::string, std::uint64_t> counted;
      for (const StatsRow& row : stats(bank, {facet}, text).rows) {
        if (row.samples > 0) counted[row.keys[0]] = row.samples;
      }
      CHECK(panel[facet] == counted);
    }
    std::map<std::string, std::uint64_t> classes;
    for (const StatsRow& row : stats(bank, {"class"}, text).rows) {
      if (row.samples > 0) classes[row.keys[0]] = row.samples;
    }
    classes.erase("(none)");
    CHECK(panel["class"] == classes);
    std::uint64_t samples = 0;
    for (const SubjectCount& each : count_subjects(chosen)) samples += each.samples;
    CHECK(samples == chosen.size());
  }
}

TEST_CASE("facet_plan: a bank that grows is asked again") {
  SplitMix random(7);
  BankBuilder builder;
  const Bank bank = random_bank(builder, random, 20);
  const std::string text = "modality = 'CT'";
  const Selection before = select_samples(bank, text);
  REQUIRE_FALSE(before.empty());
  {
    Writer writer = Writer::open(bank.path());
    writer.delete_samples(std::vector<SampleId>{before.ids().front()});
  }
  const Selection after = select_samples(bank, text);
  CHECK(after.generation() == bank.generation());
  CHECK(after.size() + 1 == before.size());
  CHECK(shown(after.ids()) == shown(select_samples_by_rows(bank, *parse_filter(text), "").ids()));
}

}  // namespace
}  // namespace slicebank
