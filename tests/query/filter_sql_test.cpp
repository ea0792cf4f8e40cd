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
#include "tests/query/filter_oracle.h"

namespace slicebank {
namespace {

using testing::BankBuilder;
using testing::FilterOracle;
using testing::MaskFacts;
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

std::string pick(SplitMix& random, const std::vector<std::string>& words) {
  return words[random.below(words.size())];
}

const std::vector<std::string> kClasses = {"liver",  "left kidney",  "right kidney", "kidney",
                                           "spleen", "kidney tumor", "zebra thing",  "polyp"};

// Everything that a filter can ask, in few values, so that conditions often meet.
SampleFacts random_facts(SplitMix& random, std::uint64_t number) {
  SampleFacts facts;
  const std::uint64_t dataset = random.below(3);
  facts.dataset = std::vector<std::string>{"Alpha", "beta's", "Gamma_3"}[dataset];
  facts.region = dataset == 0 ? "abdomen" : dataset == 1 ? "thorax" : "";
  const std::uint64_t patient = random.below(6);
  facts.patient = fmt::format("case_{}", patient);
  // Facts of a volume follow from its key.
  const std::uint64_t volume = random.below(3);
  facts.volume = fmt::format("vol_{}_{}", patient, volume);
  facts.modality = volume == 0 ? "CT" : volume == 1 ? "MR" : patient == 5 ? "" : "X-ray";
  facts.sequence = volume == 1 ? std::vector<std::string>{"", "T1", "T2"}[patient % 3] : "";
  facts.official_split = std::vector<std::string>{"", "train", "valid"}[patient % 3];
  if (patient % 2 == 0) facts.spacing = {{0.5, 0.75, 1.0 + static_cast<double>(volume)}};
  if (volume == 0) facts.coverage = {"liver", "left kidney", "right kidney", "spleen"};
  if (volume == 1) facts.coverage = {"kidney", "polyp"};
  if (volume == 1 && patient == 2) facts.coverage = {"left kidney"};
  facts.axis = random.below(4) == 0 ? Axis::none : Axis::z;
  facts.slice = static_cast<std::uint32_t>(number);
  facts.name = random.below(5) == 0 ? "" : fmt::format("Slice_{}%", random.below(20));
  facts.width = 8 + 4 * static_cast<std::uint32_t>(random.below(3));
  facts.height = 8 + 2 * static_cast<std::uint32_t>(random.below(3));
  facts.pixel_type = random.below(3) == 0 ? PixelType::u16 : PixelType::u8;
  facts.channels = random.below(6) == 0 ? 3 : 1;
  for (std::uint64_t masks = random.below(5); masks > 0; --masks) {
    MaskFacts mask;
    mask.raw_class = pick(random, kClasses);
    mask.x0 = static_cast<std::uint32_t>(random.below(6));
    mask.x1 = mask.x0 + static_cast<std::uint32_t>(random.below(facts.width - mask.x0 + 1));
    mask.y0 = static_cast<std::uint32_t>(random.below(6));
    mask.y1 = mask.y0 + 1 + static_cast<std::uint32_t>(random.below(facts.height - mask.y0));
    mask.instance = static_cast<std::uint32_t>(random.below(4));
    facts.masks.push_back(mask);
  }
  if (random.below(4) == 0) {
    facts.labels.push_back({pick(random, kClasses), static_cast<double>(random.below(3)) - 0.5});
  }
  if (random.below(4) == 0) facts.labels.push_back({pick(random, kClasses), 0.0});
  return facts;
}

// Random trees over every field, operator and shape.
class FilterMaker {
 public:
  explicit FilterMaker(SplitMix& random) : random_(random) {}

  FilterPtr make(int depth, bool in_mask = false) {
    const std::uint64_t drawn = random_.below(depth > 0 ? 12 : 6);
    if (drawn >= 6) {
      const Kind kind = drawn < 9 ? Kind::logical_and : Kind::logical_or;
      if (drawn == 11) return node(Kind::logical_not, {make(depth - 1, in_mask)});
      std::vector<FilterPtr> children;
      for (std::uint64_t n = 2 + random_.below(3); n > 0; --n) {
        children.push_back(make(depth - 1, in_mask));
      }
      return node(kind, children);
    }
    if (drawn == 5) return node(Kind::logical_not, {leaf(in_mask)});
    if (drawn == 4 && !in_mask) return special(depth);
    return leaf(in_mask);
  }

 private:
  static FilterPtr node(Kind kind, std::vector<FilterPtr> children) {
    auto made = std::make_shared<Filter>();
    made->kind = kind;
    made->children = std::move(children);
    return made;
  }

  FilterPtr special(int depth) {
    auto made = std::make_shared<Filter>();
    switch (random_.below(4)) {
      case 0:
      case 1:
        return node(Kind::mask, {make(std::min(depth, 2), true)});
      case 2:
        made->kind = random_.below(2) == 0 ? Kind::absent : Kind::unknown;
        made->values = {pick(random_, kClasses)};
        return made;
      default:
        made->kind = Kind::split_side;
        made->values = {pick(random_, {"main", "other"})};
        if (random_.below(4) == 0) {
          made->negated = random_.below(2) == 0;
          return made;
        }
        made->values.emplace_back(std::string("left"));
        if (random_.below(3) == 0) {
          made->values.emplace_back(std::string("right"));
          made->negated = random_.below(2) == 0;
        } else if (random_.below(3) == 0) {
          made->comparison = Comparison::not_equal;
        }
        return made;
    }
  }

  FilterPtr leaf(bool in_mask) {
    const std::vector<FieldInfo>& fields = filter_fields();
    const FieldInfo* field = &fields[random_.below(fields.size())];
    while (field->name == "subject" || (in_mask && !field->of_mask)) {
      field = &fields[random_.below(fields.size())];
    }
    auto made = std::make_shared<Filter>();
    made->field = field->name;
    if (field->type == "yes/no") {
      made->kind = random_.below(2) == 0 ? Kind::flag : Kind::compare;
      if (made->kind == Kind::compare) {
        made->values = {random_.below(2) == 0};
        if (random_.below(2) == 0) made->comparison = Comparison::not_equal;
      }
      return made;
    }
    const bool text = field->type == "text";
    switch (random_.below(8)) {
      case 0:
        made->kind = Kind::is_null;
        made->negated = random_.below(2) == 0;
        break;
      case 1:
      case 2:
        made->kind = Kind::in;
        for (std::uint64_t n = 1 + random_.below(3); n > 0; --n) {
          made->values.push_back(value(field->name));
        }
        made->negated = random_.below(3) == 0;
        break;
      case 3:
        if (text) {
          made->kind = Kind::like;
          made->values = {pick(random_, {"%e%", "l%", "_R", "case\\_1", "%\\%", "A%", "%_t%"})};
          if (random_.below(2) == 0) {
            made->values.emplace_back(std::string("\\"));
          }
          made->negated = random_.below(3) == 0;
          break;
        }
        [[fallthrough]];
      case 4: {
        made->kind = Kind::between;
        FilterValue low = value(field->name);
        made->values = {low, value(field->name)};
        made->negated = random_.below(3) == 0;
        break;
      }
      default:
        made->kind = Kind::compare;
        made->comparison =
            random_.below(2) == 0 ? Comparison::equal : static_cast<Comparison>(random_.below(6));
        made->values = {value(field->name)};
        break;
    }
    const bool equality = made->kind == Kind::in || (made->kind == Kind::compare &&
                                                     made->comparison <= Comparison::not_equal);
    if (field->name == "class" && equality) made->exact = random_.below(4) == 0;
    return made;
  }

  FilterValue value(const std::string& field) {
    const auto whole = [&](std::int64_t low, std::uint64_t count) {
      return FilterValue(low + static_cast<std::int64_t>(random_.below(count)));
    };
    if (field == "class") return pick(random_, kClasses);
    if (field == "raw_class") return pick(random_, {"liver", "kidney", "no such word"});
    if (field == "modality") return pick(random_, {"CT", "mri", "X-ray", "PET"});
    if (field == "sequence") return pick(random_, {"T1", "T2", "FLAIR"});
    if (field == "region" || field == "class_region") {
      return pick(random_, {"abdomen", "thorax", "brain"});
    }
    if (field == "dataset") return pick(random_, {"Alpha", "beta's", "Gamma_3"});
    if (field == "patient") return pick(random_, {"case_0", "case_1", "case_5", "nobody"});
    if (field == "volume") return pick(random_, {"vol_0_0", "vol_1_2", "vol_5_1"});
    if (field == "official_split") return pick(random_, {"train", "valid", "test"});
    if (field == "axis") return pick(random_, {"2d", "x", "z"});
    if (field == "side") return pick(random_, {"left", "right"});
    if (field == "pixel_type") return pick(random_, {"u8", "u16", "f32"});
    if (field == "name") return pick(random_, {"", "Slice_1%", "slice_2%"});
    if (field == "area_fraction") {
      return std::vector<FilterValue>{0.25, 0.125,      1.0,      0.0, std::int64_t{0},
                                      0.1,  6.0 / 96.0, 1.0 / 3.0}[random_.below(8)];
    }
    if (field.rfind("spacing_", 0) == 0) {
      return std::vector<FilterValue>{0.5, 0.75, std::int64_t{2}, 2.5}[random_.below(4)];
    }
    if (field == "id" || field == "slice") return whole(0, 320);
    if (field == "area") return whole(0, 40);
    return whole(0, 16);
  }

  SplitMix& random_;
};

// Two splits, on some of the samples.
FilterOracle::Splits add_splits(BankBuilder& builder, SplitMix& random) {
  FilterOracle::Splits splits;
  for (const char* name : {"main", "other"}) {
    SplitData split;
    split.name = name;
    split.sides = {"left", "right"};
    for (const SampleFacts& sample : builder.samples()) {
      if (random.below(3) == 0) continue;
      split.samples.push_back(sample.id);
      split.members.push_back(static_cast<std::uint16_t>(random.below(2)));
      splits[name][raw(sample.id)] = split.sides[split.members.back()];
    }
    builder.writer().put_split(split);
  }
  return splits;
}

TEST_CASE("filter_sql: two thousand random filters find what a look at each sample finds") {
  const std::uint64_t seed = 20'260'802;
  CAPTURE(seed);
  SplitMix random(seed);
  BankBuilder builder;
  for (std::uint64_t i = 0; i < 300; ++i) builder.add(random_facts(random, i));
  const FilterOracle::Splits splits = add_splits(builder, random);
  const Bank bank = builder.bank();
  const auto taxonomy = bank.taxonomy();
  const FilterOracle oracle(*taxonomy, splits);

  std::size_t some = 0;
  FilterMaker maker(random);
  for (int i = 0; i < 2000; ++i) {
    const FilterPtr filter = maker.make(static_cast<int>(random.below(5)));
    const std::string text = to_text(*filter);
    CAPTURE(i);
    CAPTURE(text);
    REQUIRE(same_filter(*parse_filter(text), *filter));
    std::vector<std::uint64_t> expected;
    for (const SampleFacts& sample : builder.samples()) {
      if (oracle.matches(*filter, sample)) expected.push_back(raw(sample.id));
    }

    CHECK(found(bank, text) == shown(expected));
    CHECK(count_samples(bank, text) == expected.size());

    // The plain condition says the same as the SELECT that is tuned for the tables.
    FilterNames names;
    names.taxonomy = taxonomy.get();
    names.datasets = {"Alpha", "beta's", "Gamma_3"};
    names.splits = {"main", "other"};
    const FilterSql sql = to_sql(*filter, names, text);
    Rows rows = select(bank, "SELECT count(*) FROM _sample s WHERE " + sql.where, sql.values);
    REQUIRE(rows.next());
    CHECK(rows.integer(0) == static_cast<std::int64_t>(expected.size()));
    if (!expected.empty() && expected.size() < builder.samples().size()) ++some;
  }
  MESSAGE(some << " of 2000 filters told samples apart");
  CHECK(some > 1000);
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
