#include "query/filter_builder.h"

#include <doctest/doctest.h>

#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "query/filter_explain.h"
#include "query/selection.h"
#include "schema/error.h"
#include "tests/query/bank_builder.h"

namespace slicebank {
namespace {

using build::Condition;

// In a function of its own: build::split and others have the names of functions elsewhere.
std::vector<std::pair<Condition, std::string>> pairs() {
  using namespace build;
  const Term width = field("width");
  const Term height = field("height");
  return {
      {field("modality") == "CT", "modality = 'CT'"},
      {field("modality") != std::string("CT"), "modality != 'CT'"},
      {field("patient") < "m", "patient < 'm'"},
      {field("slice") >= 3, "slice >= 3"},
      {field("slice") == 0, "slice = 0"},
      {field("id") > std::numeric_limits<std::uint64_t>::max(), "id > 18446744073709551615"},
      {field("spacing_z") <= 2.5, "spacing_z <= 2.5"},
      {3 < field("area"), "3 < area"},
      {field("touches_border") == true, "touches_border = TRUE"},
      {flag("lesion"), "lesion"},
      {class_is("liver"), "class = 'liver'"},
      {class_in({"liver", "spleen"}), "class IN ('liver', 'spleen')"},
      {field("class") == exact("kidney"), "class = exact('kidney')"},
      {field("class").in_exactly({"a", "b"}), "class IN (exact('a'), exact('b'))"},
      {field("slice").in({1, -2}), "slice IN (1, -2)"},
      {field("modality").not_in({"CT", "MR"}), "modality NOT IN ('CT', 'MR')"},
      {field("name").like("a%"), "name LIKE 'a%'"},
      {field("name").like("a!%", '!'), "name LIKE 'a!%' ESCAPE '!'"},
      {field("name").not_like("a%"), "name NOT LIKE 'a%'"},
      {field("slice").between(40, 80), "slice BETWEEN 40 AND 80"},
      {field("slice").not_between(40, 80), "slice NOT BETWEEN 40 AND 80"},
      {field("patient").between("a", "b"), "patient BETWEEN 'a' AND 'b'"},
      {field("sequence").is_null(), "sequence IS NULL"},
      {field("sequence").is_not_null(), "sequence IS NOT NULL"},
      {width * height > 100000, "width * height > 100000"},
      {2 * (width + height) - 1 <= -width, "2 * (width + height) - 1 <= -width"},
      {width / height == height, "width / height = height"},
      {(width * 2).in({1, 2.5}), "width * 2 IN (1, 2.5)"},
      {(width * 2).between(1, height), "width * 2 BETWEEN 1 AND height"},
      {(width / height).is_null(), "width / height IS NULL"},
      {absent("spleen") && unknown("pancreas"), "absent('spleen') AND unknown('pancreas')"},
      {split("a") == "train", "split('a') = 'train'"},
      {split("a") != "train", "split('a') != 'train'"},
      {split("a").in({"x", "y"}), "split('a') IN ('x', 'y')"},
      {split("a").not_in({"x"}), "split('a') NOT IN ('x')"},
      {split("a").is_null(), "split('a') IS NULL"},
      {split("a").is_not_null(), "split('a') IS NOT NULL"},
      {flag("lesion") && flag("touches_border") && !class_is("a"),
       "lesion AND touches_border AND NOT class = 'a'"},
      {flag("lesion") && (flag("touches_border") || class_is("a")),
       "lesion AND (touches_border OR class = 'a')"},
      {mask(class_is("liver") && field("area_fraction") > 0.01 && !flag("touches_border")),
       "mask(class = 'liver' AND area_fraction > 0.01 AND NOT touches_border)"},
      {all(), ""},
  };
}

TEST_CASE("filter builder: what is built is the tree that the text is read as") {
  for (const auto& [built, text] : pairs()) {
    CAPTURE(text);
    CAPTURE(built.text());
    CHECK(same_filter(*built.filter(), *parse_filter(text)));
  }
}

TEST_CASE("filter builder: built filters find samples, and wrong ones say what is wrong") {
  testing::BankBuilder builder;
  testing::SampleFacts facts;
  facts.masks = {{"liver", 0, 0, 4, 2}};
  builder.add(facts);
  const Bank bank = builder.bank();

  const Condition liver = build::class_is("liver") && build::field("area") == 8;
  CHECK(select_samples(bank, liver, liver.text()).size() == 1);
  CHECK(select_samples(bank, liver, "by code").query() == "by code");
  const Condition wrong = build::field("modalty") == "CT";
  CHECK_THROWS_AS(select_samples(bank, wrong, wrong.text()), QueryError);
  const Condition text_sum = build::field("name") + 1 > 3;
  CHECK_THROWS_AS(select_samples(bank, text_sum, text_sum.text()), QueryError);
}

TEST_CASE("filter explain: tree, compiled form, SQL, values and plan are shown") {
  testing::BankBuilder builder;
  testing::SampleFacts facts;
  facts.masks = {{"liver"}};
  builder.add(facts);
  const Bank bank = builder.bank();
  const std::string text = "NOT (NOT class = 'liver' OR modality != 'CT') AND mask(area > 2)";

  const FilterExplanation parts = explain_parts(bank, text);
  CHECK(parts.tree ==
        "AND\n  NOT\n    OR\n      NOT\n        class = 'liver'\n      modality != 'CT'\n"
        "  mask: of one and the same mask\n    area > 2\n");
  CHECK(parts.normal == "class = 'liver' AND NOT modality != 'CT' AND mask(area > 2)");
  CHECK(parts.plan.find("SEARCH k USING PRIMARY KEY (class_id=?") != std::string::npos);
  CHECK_FALSE(parts.ids_values.empty());
  CHECK(parts.ids.find("liver") == std::string::npos);
  CHECK(parts.count.empty());
  CHECK_FALSE(explain_parts(bank, "modality = 'CT'").count.empty());
  const std::string shown = explain_filter(bank, text);
  for (const char* heading : {"filter\n", "tree\n", "as it is compiled\n", "SQL of the ids\n",
                              "its values\n", "SQLite's plan\n", "count\n"}) {
    CHECK(shown.find(heading) != std::string::npos);
  }
  CHECK_THROWS_AS(explain_filter(bank, "class = 'livr'"), QueryError);
}

}  // namespace
}  // namespace slicebank
