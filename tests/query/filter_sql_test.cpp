#include "query/filter_sql.h"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string>
#include <vector>

#include "query/internal/presence.h"
#include "query/selection.h"
#include "schema/error.h"
#include "store/select.h"
#include "tests/query/bank_builder.h"
#include "tests/query/filter_maker.h"

namespace slicebank {
namespace {

using testing::add_splits;
using testing::BankBuilder;
using testing::kClasses;
using testing::MaskFacts;
using testing::random_facts;
using testing::SampleFacts;
using Kind = Filter::Kind;

using Ids = std::vector<std::uint64_t>;

// Ids as text, which a failing check can show.
std::string shown(const Ids& ids) { return fmt::format("{}", fmt::join(ids, " ")); }

std::string found(const Bank& bank, const std::string& text) {
  Ids ids;
  for (const SampleId id : select_samples(bank, text).ids()) ids.push_back(raw(id));
  return shown(ids);
}

TEST_CASE("filter_sql: a class finds the classes below it, unless exact is asked for") {
  BankBuilder builder;
  SampleFacts left;
  left.masks = {{"left kidney"}};
  SampleFacts both;
  both.slice = 1;
  both.masks = {{"kidney"}};
  SampleFacts liver;
  liver.slice = 2;
  liver.masks = {{"liver"}};
  builder.add(left);
  builder.add(both);
  builder.add(liver);
  const Bank bank = builder.bank();

  CHECK(found(bank, "class = 'kidney'") == shown({1, 2}));
  CHECK(found(bank, "class = exact('kidney')") == shown({2}));
  CHECK(found(bank, "class = 'Kidney_Left'") == shown({1}));
  CHECK(found(bank, "NOT class = 'kidney'") == shown({3}));
}

TEST_CASE("filter_sql: conditions inside mask() meet on one mask, outside on any") {
  BankBuilder builder;
  SampleFacts facts;
  facts.masks = {{"liver", 2, 2, 4, 4}, {"spleen", 0, 0, 8, 8}};
  builder.add(facts);
  const Bank bank = builder.bank();

  CHECK(count_samples(bank, "class = 'liver' AND area > 10") == 1);
  CHECK(count_samples(bank, "mask(class = 'liver' AND area > 10)") == 0);
  CHECK(count_samples(bank, "mask(class = 'spleen' AND area > 10 AND touches_border)") == 1);
  CHECK(count_samples(bank, "mask(class = 'liver' AND NOT touches_border)") == 1);
}

TEST_CASE("filter_sql: a sample is present, absent or unknown for each class, and one only") {
  const std::uint64_t seed = 33;
  SplitMix random(seed);
  BankBuilder builder;
  for (std::uint64_t i = 0; i < 150; ++i) builder.add(random_facts(random, i));
  const Bank bank = builder.bank();

  for (const std::string& name : kClasses) {
    CAPTURE(name);
    const std::uint64_t present = count_samples(bank, fmt::format("class = '{}'", name));
    const std::uint64_t absent = count_samples(bank, fmt::format("absent('{}')", name));
    const std::uint64_t unknown = count_samples(bank, fmt::format("unknown('{}')", name));
    CHECK(present + absent + unknown == 150);
    CHECK(count_samples(bank, fmt::format("absent('{0}') AND unknown('{0}')", name)) == 0);
  }
}

TEST_CASE("filter_sql: absent follows from coverage, from labels, from halves and from the whole") {
  BankBuilder builder;
  const auto add = [&](const std::string& volume, std::vector<std::string> coverage,
                       std::vector<MaskFacts> masks, std::vector<testing::LabelFacts> labels) {
    SampleFacts facts;
    facts.volume = volume;
    facts.coverage = std::move(coverage);
    facts.masks = std::move(masks);
    facts.labels = std::move(labels);
    return raw(builder.add(facts));
  };
  const auto halves = add("a", {"left kidney", "right kidney"}, {}, {});
  const auto one_half = add("b", {"left kidney"}, {}, {});
  const auto whole = add("c", {"kidney"}, {}, {});
  const auto there = add("d", {"kidney"}, {{"right kidney"}}, {});
  const auto said = add("e", {}, {}, {{"kidney", 0.0}});
  const auto silent = add("f", {}, {}, {});
  const Bank bank = builder.bank();

  CHECK(found(bank, "absent('kidney')") == shown({halves, whole, said}));
  CHECK(found(bank, "unknown('kidney')") == shown({one_half, silent}));
  CHECK(found(bank, "absent('left kidney')") == shown({halves, one_half, whole, said}));
  CHECK(found(bank, "unknown('left kidney')") == shown({there, silent}));
}

TEST_CASE("filter_sql: who looked for all that makes up a class looked for the class") {
  BankBuilder builder;
  const auto add = [&](const std::string& volume, std::vector<std::string> coverage,
                       std::vector<MaskFacts> masks = {}) {
    SampleFacts facts;
    facts.volume = volume;
    facts.coverage = std::move(coverage);
    facts.masks = std::move(masks);
    return raw(builder.add(facts));
  };
  const std::string inner = "transition zone of prostate";
  const std::string outer = "peripheral zone of prostate";
  const auto zones = add("zones", {inner, outer});
  const auto one = add("one", {outer});
  const auto seen = add("seen", {inner, outer}, {{outer}});
  const auto parts =
      add("parts", {"necrotic brain tumor core", "brain edema", "enhancing brain tumor"});
  const auto core = add("core", {"non-enhancing brain tumor core", "enhancing brain tumor"});
  std::vector<std::string> spine;
  for (int number = 1; number <= 12; ++number) {
    spine.push_back(fmt::format("thoracic vertebrae {0} (T{0})", number));
  }
  const auto chest = add("chest", spine);
  spine.pop_back();
  const auto shorter = add("shorter", spine);
  const Bank bank = builder.bank();

  CHECK(found(bank, "absent('prostate')") == shown({zones}));
  CHECK(found(bank, "unknown('prostate')") == shown({one, parts, core, chest, shorter}));
  CHECK(found(bank, "absent('central gland of prostate')") == "");
  CHECK(found(bank, "absent('brain tumor core')") == shown({parts, core}));
  CHECK(found(bank, "absent('brain tumor')") == shown({parts}));
  CHECK(found(bank, "absent('thoracic vertebrae')") == shown({chest}));
  CHECK(found(bank, "absent('vertebrae')") == "");
  CHECK(found(bank, "class = 'prostate'") == shown({seen}));
  for (const char* name : {"prostate", "brain tumor", "brain tumor core", "thoracic vertebrae"}) {
    for (const char* state : {"absent", "unknown"}) {
      const std::string text = fmt::format("{}('{}')", state, name);
      CAPTURE(text);
      const FilterPtr filter = parse_filter(text);
      CHECK(select_samples_by_rows(bank, *filter, text).ids() ==
            select_samples(bank, *filter, text).ids());
    }
  }
}

TEST_CASE("filter_sql: a missing value satisfies no comparison, and NOT is the complement") {
  BankBuilder builder;
  SampleFacts plain;
  plain.modality = "MR";
  SampleFacts weighted = plain;
  weighted.volume = "v2";
  weighted.sequence = "T1";
  weighted.spacing = {{1, 1, 2}};
  const auto without = raw(builder.add(plain));
  const auto with = raw(builder.add(weighted));
  const Bank bank = builder.bank();

  CHECK(found(bank, "sequence = 'T1'") == shown({with}));
  CHECK(found(bank, "sequence != 'T2'") == shown({with}));
  CHECK(found(bank, "NOT sequence = 'T2'") == shown({without, with}));
  CHECK(found(bank, "sequence IS NULL") == shown({without}));
  CHECK(found(bank, "spacing_z > 1") == shown({with}));
  CHECK(found(bank, "NOT spacing_z > 1") == shown({without}));
}

TEST_CASE("filter_sql: area_fraction is exact where parts per million are rounded") {
  BankBuilder builder;
  SampleFacts facts;
  facts.width = 30;
  facts.height = 10;
  facts.masks = {{"liver", 0, 0, 10, 10}};  // one third
  builder.add(facts);
  const Bank bank = builder.bank();

  CHECK(count_samples(bank, "area_fraction > 0.333333") == 1);
  CHECK(count_samples(bank, "area_fraction >= 0.3333333") == 1);
  CHECK(count_samples(bank, "area_fraction > 0.3333334") == 0);
  CHECK(count_samples(bank, "area_fraction < 0.3333334") == 1);
  CHECK(count_samples(bank, "area_fraction BETWEEN 0.3333333 AND 0.3333334") == 1);
  CHECK(count_samples(bank, "area_fraction = 0.333333") == 0);
  CHECK(count_samples(bank, "area_fraction != 0.333333") == 1);
  CHECK(count_samples(bank, "area_fraction > -5 AND area_fraction < 1e300") == 1);
}

// Column and hint of what a bank does not know.
void check_unknown(const Bank& bank, const std::string& text, std::size_t column,
                   const std::string& message, const std::string& hint) {
  CAPTURE(text);
  try {
    select_samples(bank, text);
    FAIL_CHECK("this was understood");
  } catch (const QueryError& error) {
    CAPTURE(error.what());
    CAPTURE(error.hint());
    CHECK(error.column() == column);
    CHECK(error.text() == text);
    CHECK(std::string(error.what()).find(message) != std::string::npos);
    CHECK(error.hint().find(hint) != std::string::npos);
  }
}

TEST_CASE("filter_sql: unknown names point at their word and name the nearest") {
  BankBuilder builder;
  SampleFacts facts;
  facts.dataset = "AMOS22";
  facts.masks = {{"liver"}};
  builder.add(facts);
  SplitMix random(1);
  add_splits(builder, random);
  const Bank bank = builder.bank();

  check_unknown(bank, "modality = 'CTT'", 11, "no modality 'CTT'", "did you mean 'CT'?");
  check_unknown(bank, "modality IN ('CT', 'Utrasound')", 19, "'Utrasound'", "'Ultrasound'");
  check_unknown(bank, "modality = 'mr_t1'", 11, "a modality and a sequence",
                "modality = 'MR' AND sequence = 'T1'");
  check_unknown(bank, "sequence = 'FLAR'", 11, "no sequence", "'FLAIR'");
  check_unknown(bank, "region = 'abdomn'", 9, "no region", "'abdomen'");
  check_unknown(bank, "class = 'livr'", 8, "no class 'livr'", "'liver'");
  check_unknown(bank, "class IN ('liver', 'spleeen')", 19, "no class", "'spleen'");
  check_unknown(bank, "mask(area > 3 AND class = 'livr')", 26, "no class", "'liver'");
  check_unknown(bank, "dataset = 'AMOS2'", 10, "no dataset 'AMOS2'", "'AMOS22'");
  check_unknown(bank, "dataset != 'amos22'", 11, "no dataset", "'AMOS22'");
  check_unknown(bank, "absent('livr')", 7, "no class", "'liver'");
  check_unknown(bank, "split('mian') = 'left'", 6, "no split 'mian'", "'main'");
  check_unknown(bank, "split('main') = 'lefft'", 16, "'lefft'", "'left'");
  check_unknown(bank, "split('main') IN ('left', 'zzzzzzz')", 26, "'zzzzzzz'",
                "its sides are left, right");
}

TEST_CASE("filter_sql: values never become SQL") {
  BankBuilder builder;
  SampleFacts facts;
  facts.patient = "x'; DROP TABLE _sample; --";
  builder.add(facts);
  const Bank bank = builder.bank();

  CHECK(count_samples(bank, "patient = 'x''; DROP TABLE _sample; --'") == 1);
  CHECK(count_samples(bank, "patient LIKE '%DROP%'") == 1);
  CHECK(count_samples(bank, "patient = '?' OR name = '?1'") == 0);
  FilterNames names;
  const auto taxonomy = bank.taxonomy();
  names.taxonomy = taxonomy.get();
  const std::string text = "patient = 'secret' AND name LIKE 'secret%' AND class LIKE 'secret'";
  const FilterSql sql = to_sql(*parse_filter(text), names, text);
  CHECK(sql.where.find("secret") == std::string::npos);
  CHECK(sql.ids.find("secret") == std::string::npos);
}

TEST_CASE("filter_sql: what the language allows, SQLite takes, at any depth and length") {
  BankBuilder builder;
  SampleFacts facts;
  for (std::uint32_t i = 0; i < 6; ++i) {
    facts.slice = i;
    facts.masks = {{i % 2 == 0 ? "liver" : "spleen", 0, 0, i + 1, 1}};
    builder.add(facts);
  }
  const Bank bank = builder.bank();
  // AND and OR in turn: ((slice >= 0 AND (slice = 99 OR (slice >= 0 AND ...)))).
  const auto alternating = [](int levels, const std::string& core, const std::string& holds,
                              const std::string& fails) {
    std::string text = core;
    for (int i = 0; i < levels; ++i) {
      text = i % 2 == 0 ? fmt::format("({} OR {})", fails, text)
                        : fmt::format("({} AND NOT NOT {})", holds, text);
    }
    return text;
  };
  const std::string deep = alternating(90, "slice = 3", "slice >= 0", "slice = 99");
  CHECK(found(bank, deep) == shown({4}));
  CHECK(found(bank, "NOT " + deep) == shown({1, 2, 3, 5, 6}));
  const std::string in_mask = alternating(60, "area = 3", "area >= 0", "area = 99");
  CHECK(found(bank, "mask(" + in_mask + ")") == shown({3}));
  CHECK(found(bank, deep + " OR mask(class = 'liver' AND " + in_mask + ")") == shown({3, 4}));

  std::string long_or = "slice = 3";
  for (int i = 0; i < 3000; ++i) long_or += fmt::format(" OR slice = {}", 100 + i);
  CHECK(found(bank, long_or) == shown({4}));
  std::string many_masks = "modality = 'CT' AND (area = 3";
  for (int i = 0; i < 1000; ++i) many_masks += fmt::format(" OR area = {}", 100 + i);
  CHECK(found(bank, many_masks + ")") == shown({3}));
}

TEST_CASE("filter_sql: built trees are checked like parsed ones") {
  const Taxonomy& taxonomy = Taxonomy::builtin();
  FilterNames names;
  names.taxonomy = &taxonomy;
  Filter wrong_field;
  wrong_field.kind = Kind::compare;
  wrong_field.field = "s.id = 1 OR name";
  wrong_field.values = {std::int64_t{1}};
  CHECK_THROWS_AS(to_sql(wrong_field, names, ""), QueryError);
  Filter no_child;
  no_child.kind = Kind::logical_not;
  CHECK_THROWS_AS(to_sql(no_child, names, ""), QueryError);
  Filter wrong_type;
  wrong_type.kind = Kind::compare;
  wrong_type.field = "slice";
  wrong_type.values = {std::string("3")};
  CHECK_THROWS_AS(to_sql(wrong_type, names, ""), QueryError);
  Filter empty_or;
  empty_or.kind = Kind::logical_or;
  CHECK(to_sql(empty_or, names, "").where == "0");
}

TEST_CASE("filter_sql: searches begin in the clustered tables, not with a scan") {
  BankBuilder builder;
  SampleFacts facts;
  facts.masks = {{"liver"}};
  builder.add(facts);
  const Bank bank = builder.bank();
  const auto taxonomy = bank.taxonomy();
  FilterNames names;
  names.taxonomy = taxonomy.get();
  names.datasets = {"A"};
  const auto plan = [&](const std::string& text) {
    const FilterSql sql = to_sql(*parse_filter(text), names, text);
    return explain(bank, sql.ids, sql.ids_values);
  };

  for (const char* text :
       {"class = 'liver'", "modality = 'CT' AND class = 'liver'",
        "modality = 'CT' AND class IN ('liver', 'spleen') AND dataset = 'A'",
        "mask(class IN ('liver', 'spleen') AND area_fraction > 0.01) AND dataset = 'A'",
        "class = 'liver' AND class = 'spleen'",
        "modality = 'CT' AND region = 'abdomen' AND class IN ('liver', 'spleen')"}) {
    CAPTURE(text);
    const std::string steps = plan(text);
    CAPTURE(steps);
    CHECK(steps.find("SEARCH k USING PRIMARY KEY (class_id=?") != std::string::npos);
    CHECK(steps.find("SCAN s") == std::string::npos);
    CHECK(steps.find("SCAN k") == std::string::npos);
  }
  CHECK(plan("modality = 'CT' AND class = 'liver'")
            .find("PRIMARY KEY (class_id=? AND modality_id=?)") != std::string::npos);
  CHECK(plan("class = 'liver' AND dataset = 'A'")
            .find("(class_id=? AND modality_id=? AND dataset_id=?)") != std::string::npos);
  CHECK(plan("modality = 'CT'").find("SEARCH s USING COVERING INDEX _sample_facets") !=
        std::string::npos);
  CHECK(plan("patient = 'p1' AND touches_border").find("SEARCH k USING INDEX _mask_sample") !=
        std::string::npos);
}

std::size_t needs(const CoverageNeed& need) {
  std::size_t count = 1;
  for (const auto& way : need.ways) {
    for (const CoverageNeed& part : way) count += needs(part);
  }
  return count;
}

TEST_CASE("filter_sql: no class needs more to be looked for than a statement can hold") {
  const Taxonomy& taxonomy = Taxonomy::builtin();
  std::size_t most = 0;
  for (const ClassInfo& info : taxonomy.classes()) {
    most = std::max(most, needs(coverage_of(taxonomy, info.id)));
  }
  MESSAGE("at most " << most << " classes");
  CHECK(most < 500);
}

}  // namespace
}  // namespace slicebank
