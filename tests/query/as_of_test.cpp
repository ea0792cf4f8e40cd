// Selections as of a generation, against a replay of what happened to the bank.
#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "query/selection.h"
#include "query/stats.h"
#include "schema/error.h"
#include "store/generations.h"
#include "store/reindex.h"
#include "tests/query/bank_builder.h"

namespace slicebank {
namespace {

using testing::BankBuilder;
using testing::SampleFacts;

// A bank with a life, and what it held after each generation.
struct Life {
  BankBuilder builder;
  std::vector<std::set<SampleId>> held{{}};
  std::map<SampleId, bool> has_liver;

  explicit Life(std::uint64_t seed) {
    SplitMix random(seed);
    for (int step = 0; step < 25; ++step) {
      std::set<SampleId> alive = held.back();
      if (step == 0 || random.below(3) != 0) {
        const std::uint64_t samples = 1 + random.below(5);
        for (std::uint64_t i = 0; i < samples; ++i) {
          SampleFacts facts;
          facts.patient = "p" + std::to_string(random.below(6));
          facts.volume = "v" + facts.patient;
          const bool liver = random.below(2) == 0;
          if (liver) facts.masks = {{"liver"}};
          const SampleId id = builder.add(facts);
          has_liver[id] = liver;
          alive.insert(id);
        }
        builder.writer().commit();
      } else {
        std::vector<SampleId> gone;
        for (const SampleId id : alive) {
          if (random.below(4) == 0) gone.push_back(id);
        }
        if (gone.empty()) continue;
        builder.writer().delete_samples(gone);
        for (const SampleId id : gone) alive.erase(id);
      }
      held.push_back(alive);
    }
  }

  // What a filter for livers, or for everything, finds as of a generation.
  std::vector<SampleId> expected(std::size_t generation, bool liver) const {
    std::vector<SampleId> ids;
    for (const SampleId id : held[generation]) {
      if (held.back().contains(id) && (!liver || has_liver.at(id))) ids.push_back(id);
    }
    return ids;
  }
};

TEST_CASE("as of: any generation is had again, also after a reindex, less what was deleted") {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    CAPTURE(seed);
    Life life(seed);
    Bank bank = life.builder.bank();
    REQUIRE(raw(bank.generation()) + 1 == life.held.size());
    for (int time = 0; time < 2; ++time) {
      for (std::size_t g = 0; g < life.held.size(); ++g) {
        CAPTURE(g);
        const SelectOptions then{Generation{g}};
        const Selection all = select_samples(bank, "", then);
        CHECK(all.ids() == life.expected(g, false));
        CHECK(all.generation() == Generation{g});
        CHECK(select_samples(bank, "class = 'liver'", then).ids() == life.expected(g, true));
        // A filter that rows answer and no facet.
        CHECK(select_samples(bank, "class = 'liver' AND width > 3", then).ids() ==
              life.expected(g, true));
        CHECK(past_generation(bank, Generation{g}).removed_since ==
              life.held[g].size() - all.size());
        StatsOptions counting;
        counting.select = then;
        CHECK(stats(bank, {}, "", counting).rows.front().samples == all.size());
      }
      reindex(bank.path());
      bank = Bank::open(bank.path());
    }
    CHECK_THROWS_WITH_AS(select_samples(bank, "", {Generation{life.held.size()}}),
                         doctest::Contains("is still to come"), Error);
  }
}

TEST_CASE("as of: a saved selection gives the same ids after any import, and says what is gone") {
  BankBuilder builder;
  for (int i = 0; i < 6; ++i) {
    SampleFacts facts;
    facts.masks = {{"liver"}};
    builder.add(facts);
  }
  std::string fingerprint;
  std::vector<SampleId> ids;
  {
    const Bank bank = builder.bank();
    const Selection drawn = select_samples(bank, "class = 'liver'").sampled(4, 3).shuffled(2);
    drawn.save("yesterday");
    fingerprint = drawn.fingerprint();
    ids = drawn.ids();
  }
  builder.reopen();
  for (int i = 0; i < 5; ++i) {
    SampleFacts facts;
    facts.masks = {{"liver"}};
    builder.add(facts);
  }
  builder.writer().commit();
  builder.writer().delete_samples(std::vector<SampleId>{ids[1]});
  const Bank bank = builder.bank();
  const Selection loaded = Selection::load(bank, "yesterday");
  CHECK(loaded.ids() == ids);
  CHECK(loaded.fingerprint() == fingerprint);
  CHECK(loaded.generation() == Generation{1});
  CHECK(loaded.query().find("class = 'liver'") != std::string::npos);
  CHECK(loaded.deleted() == std::vector<SampleId>{ids[1]});
  CHECK(loaded.as_of(Generation{0}).empty());
  CHECK(loaded.as_of(bank.generation()).generation() == Generation{1});
  CHECK(select_samples(bank, "class = 'liver'", {Generation{1}}).size() == 5);
  CHECK(select_samples(bank, "class = 'liver'").size() == 10);
  CHECK(select_samples(bank, "").as_of(Generation{1}).shuffled(1).deleted().empty());
}

TEST_CASE("as of: a saved selection whose ids are not those of its fingerprint is an error") {
  BankBuilder builder;
  builder.add({});
  builder.add({});
  builder.writer().put_saved_selection(
      {"forged", "", Generation{1}, std::string(32, '0'), {SampleId{1}}});
  const Bank bank = builder.bank();
  CHECK_THROWS_WITH_AS(Selection::load(bank, "forged"),
                       doctest::Contains("'forged' does not give its fingerprint"), Error);
}

}  // namespace
}  // namespace slicebank
