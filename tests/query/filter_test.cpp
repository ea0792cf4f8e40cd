#include "query/filter.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <string>
#include <vector>

#include "query/internal/mix.h"
#include "schema/error.h"
#include "schema/limits.h"

namespace slicebank {
namespace {

using Kind = Filter::Kind;

// What parse_filter says about a text that it cannot read.
struct Refusal {
  std::string message;
  std::string hint;
  std::size_t column = 0;
};

Refusal refusal(const std::string& text) {
  try {
    parse_filter(text);
  } catch (const QueryError& error) {
    CHECK(error.code() == ErrorCode::bad_query);
    // Whole, but for a text that is too long to be read at all.
    const bool same = error.text() == text.substr(0, limits::kFilterBytesMax);
    CHECK(same);
    return {error.what(), error.hint(), error.column()};
  }
  FAIL_CHECK("this was read: " << text.substr(0, 200));
  return {};
}

void check_refused(const std::string& text, std::size_t column, const std::string& message_part,
                   const std::string& hint_part = "") {
  const std::string shown = text.substr(0, 200);
  CAPTURE(shown);
  const Refusal refused = refusal(text);
  CAPTURE(refused.message);
  CAPTURE(refused.hint);
  CHECK(refused.column == column);
  CHECK(refused.message.find(message_part) != std::string::npos);
  CHECK(refused.hint.find(hint_part) != std::string::npos);
}

std::string again(const std::string& text) { return to_text(*parse_filter(text)); }

TEST_CASE("filter: the design's examples are read") {
  for (const char* text :
       {"modality = 'CT' AND region = 'abdomen' AND class IN ('liver', 'spleen') AND NOT "
        "dataset = 'LiTS'",
        "mask(class = 'liver' AND area_fraction > 0.01 AND NOT touches_border)", "absent('spleen')",
        "unknown('pancreas')", "split('fold0') = 'train'", "patient LIKE 'amos_%'",
        "spacing_z <= 3", "slice BETWEEN 40 AND 80", "class = exact('kidney')"}) {
    CHECK(again(text) == text);
  }
}

TEST_CASE("filter: empty text, blanks and comments match everything") {
  for (const char* text : {"", "  \t\n", "-- nothing\n", "TRUE", "-- end without newline"}) {
    const FilterPtr filter = parse_filter(text);
    CHECK(filter->kind == Kind::all);
    CHECK(to_text(*filter).empty());
  }
}

TEST_CASE("filter: AND binds tighter than OR, NOT tighter than both") {
  const FilterPtr filter = parse_filter("id = 1 or not id = 2 and id = 3");

  REQUIRE(filter->kind == Kind::logical_or);
  REQUIRE(filter->children.size() == 2);
  const Filter& both = *filter->children[1];
  REQUIRE(both.kind == Kind::logical_and);
  CHECK(both.children[0]->kind == Kind::logical_not);
  CHECK(both.children[0]->children[0]->values[0] == FilterValue(std::int64_t{2}));
  CHECK(both.children[1]->values[0] == FilterValue(std::int64_t{3}));
}

TEST_CASE("filter: columns stand at the words and values") {
  const FilterPtr filter = parse_filter("  class IN ('a', 'b') AND slice > 3");

  CHECK(filter->children[0]->column == 2);
  CHECK(filter->children[0]->value_columns == std::vector<std::size_t>{12, 17});
  CHECK(filter->children[1]->column == 26);
  CHECK(filter->children[1]->value_columns == std::vector<std::size_t>{34});
}

TEST_CASE("filter: every way to write a condition has one way back") {
  const std::vector<std::pair<std::string, std::string>> pairs = {
      {"MODALITY='CT'", "modality = 'CT'"},
      {"slice<>3", "slice != 3"},
      {"slice != -3", "slice != -3"},
      {"slice >= +3", "slice >= 3"},
      {"spacing_x < 1e-3", "spacing_x < 0.001"},
      {"spacing_x = 1.0", "spacing_x = 1.0"},
      {"spacing_x = 1", "spacing_x = 1"},
      {"spacing_x > .5", "spacing_x > 0.5"},
      {"spacing_x > 2.", "spacing_x > 2.0"},
      {"id = 9223372036854775807", "id = 9223372036854775807"},
      {"id = 9223372036854775808", "id = 9.223372036854776e+18"},
      {"id > -9223372036854775808", "id > -9223372036854775808"},
      {"slice != - 3", "slice != -3"},
      {"slice IN (-1, +2)", "slice IN (-1, 2)"},
      {"width*height>100000", "width * height > 100000"},
      {"mask(x1-x0>20)", "mask(x1 - x0 > 20)"},
      {"(width + height) * 2 > 100", "(width + height) * 2 > 100"},
      {"width + (height * 2) > 100", "width + height * 2 > 100"},
      {"width - (height - 2) > 1", "width - (height - 2) > 1"},
      {"(width - height) - 2 > 1", "width - height - 2 > 1"},
      {"width / (2 * 3) = 1.5", "width / (2 * 3) = 1.5"},
      {"-width < -(3) * -2", "-width < -(3) * -2"},
      {"-(-width) = - -width", "-(-width) = -(-width)"},
      {"+width = height", "width = height"},
      {"100 < area", "area > 100"},
      {"5 >= slice", "slice <= 5"},
      {"(slice) > 3", "slice > 3"},
      {"(slice) is null", "slice IS NULL"},
      {"width / spacing_x is not null", "width / spacing_x IS NOT NULL"},
      {"width / height not in (1, 2.5)", "width / height NOT IN (1, 2.5)"},
      {"area between 3 and width", "area BETWEEN 3 AND width"},
      {"area not between width and 3", "area NOT BETWEEN width AND 3"},
      {"width * 2 between 1 and 2 and id = 3", "width * 2 BETWEEN 1 AND 2 AND id = 3"},
      {"((width + 1) > 3 and (id) = 1)", "width + 1 > 3 AND id = 1"},
      {"not (width) + 1 = 2", "NOT width + 1 = 2"},
      {"area > 0.5 * width * height", "area > 0.5 * width * height"},
      {"class not in ('a','b')", "class NOT IN ('a', 'b')"},
      {"class in (exact('a'), exact('b'))", "class IN (exact('a'), exact('b'))"},
      {"name like 'a\\_%' escape '\\'", "name LIKE 'a\\_%' ESCAPE '\\'"},
      {"name not like '%x'", "name NOT LIKE '%x'"},
      {"slice not between 1 and 2.5", "slice NOT BETWEEN 1 AND 2.5"},
      {"sequence is null", "sequence IS NULL"},
      {"sequence is not null", "sequence IS NOT NULL"},
      {"patient = 'O''Brien'", "patient = 'O''Brien'"},
      {"patient = ''", "patient = ''"},
      {"patient = 'Zürich \"1\"'", "patient = 'Zürich \"1\"'"},
      {"touches_border", "touches_border"},
      {"touches_border = true", "touches_border = TRUE"},
      {"NOT lesion", "NOT lesion"},
      {"false", "NOT TRUE"},
      {"((id = 1))", "id = 1"},
      {"(id = 1 and id = 2) and id = 3", "(id = 1 AND id = 2) AND id = 3"},
      {"(id = 1 and id = 2) or id = 3", "id = 1 AND id = 2 OR id = 3"},
      {"not (id = 1 or id = 2)", "NOT (id = 1 OR id = 2)"},
      {"not not id = 1", "NOT NOT id = 1"},
      {"mask ( area > 5 or lesion )", "mask(area > 5 OR lesion)"},
      {"split ( 'a' ) <> 'x'", "split('a') != 'x'"},
      {"split('a') in ('x','y')", "split('a') IN ('x', 'y')"},
      {"split('a') in ('x')", "split('a') = 'x'"},
      {"split('a') not in ('x')", "split('a') NOT IN ('x')"},
      {"split('a') is null", "split('a') IS NULL"},
      {"split('a') is not null", "split('a') IS NOT NULL"},
      {"slice = 1 -- the second\n and id = 2", "slice = 1 AND id = 2"},
      {"modality < 'M'", "modality < 'M'"},
  };
  for (const auto& pair : pairs) {
    const auto& text = pair.first;
    const auto& canonical = pair.second;
    CAPTURE(text);
    CHECK(again(text) == canonical);
    CHECK(same_filter(*parse_filter(text), *parse_filter(canonical)));
  }
}

TEST_CASE("filter: an unknown field names its column and the nearest one") {
  check_refused("id = 1 AND modalty = 'CT'", 11, "there is no field 'modalty'",
                "did you mean modality?");
  check_refused("mask(are > 3)", 5, "there is no field 'are'", "did you mean area?");
  check_refused("zzzzzzzz = 1", 0, "there is no field", "fields: modality");
}

TEST_CASE("filter: an unclosed quote or parenthesis points at where it opened") {
  check_refused("class = 'liver AND id = 3", 8, "quote is not closed", "Crohn''s");
  check_refused("id = 1 AND (id = 2", 11, "this ( is not closed");
  check_refused("mask(area > 1", 4, "this ( is not closed");
  check_refused("id = 1)", 6, ") cannot stand here", "no ( for it");
}

TEST_CASE("filter: text wants single quotes") {
  check_refused("modality = CT", 11, "single quotes", "write 'CT'");
  check_refused("modality = \"CT\"", 11, "not a quote", "'CT'");
  check_refused(
      "modality = \xe2\x80\x98"
      "CT\xe2\x80\x99",
      11, "outside ASCII", "single quotes");
  check_refused("slice = '3'", 8, "slice is a number", "without quotes");
  check_refused("modality = 3", 11, "modality is text", "single quotes");
  check_refused("id = 12ab", 5, "neither a number nor a word");
}

TEST_CASE("filter: operators of other languages are answered with ours") {
  check_refused("slice == 3", 6, "'=='", "write =");
  check_refused("id = 1 && id = 2", 7, "'&'", "write AND");
  check_refused("id = 1 || id = 2", 7, "'|'", "write OR");
  check_refused("!lesion", 0, "'!'", "NOT");
  check_refused("sequence = NULL", 11, "nothing equals NULL", "IS NULL");
}

TEST_CASE("filter: half a condition says what was expected where") {
  check_refused("modality", 8, "expected a comparison after modality, found the end");
  check_refused("modality 'CT'", 9, "expected a comparison after modality, found 'CT'");
  check_refused("modality =", 10, "expected a value, found the end");
  check_refused("id = 1 AND", 10, "expected a condition, found the end");
  check_refused("id = 1 id = 2", 7, "id cannot stand here", "AND or OR");
  check_refused("AND id = 1", 0, "expected a condition, found AND");
  check_refused("class IN 'a'", 9, "expected ( after IN");
  check_refused("class IN ()", 10, "expected a value, found )");
  check_refused("class IN ('a' 'b')", 14, "expected ) after the list");
  check_refused("slice BETWEEN 3", 15, "expected AND of BETWEEN");
  check_refused("class NOT = 'a'", 10, "expected IN, LIKE or BETWEEN");
  check_refused("sequence IS 3", 12, "expected NULL");
  check_refused("()", 1, "expected a condition, found )");
  check_refused("split('a')", 10, "expected = or IN after split(...)", "split('main')");
  check_refused("absent(spleen)", 7, "takes a name", "absent('...')");
  check_refused("absnt('spleen')", 0, "no function 'absnt'");
}

TEST_CASE("filter: parts that do not fit are refused where they stand") {
  check_refused("mask(patient = 'a')", 5, "about the sample, not about one mask", "move it out");
  check_refused("mask(region = 'abdomen')", 5, "about the sample", "class_region");
  check_refused("mask(mask(area > 1))", 5, "cannot stand inside mask");
  check_refused("mask(absent('liver'))", 5, "not on one mask", "move it out");
  check_refused("slice LIKE '1%'", 0, "LIKE compares text");
  check_refused("modality", 8, "expected a comparison");
  check_refused("touches_border > 1", 0, "yes or no", "NOT touches_border");
  check_refused("touches_border = 1", 17, "yes or no", "TRUE");
  check_refused("slice = TRUE", 8, "slice is a number");
  check_refused("patient = exact('a')", 16, "about classes");
  check_refused("class IN (exact('a'), 'b')", 22, "around some names");
  check_refused("axis = 'q'", 7, "no axis 'q'", "'2d', 'x', 'y', 'z'");
  check_refused("side IN ('left', 'up')", 17, "no side 'up'");
  check_refused("pixel_type = 'uint8'", 13, "no pixel_type", "'u8'");
  check_refused("name LIKE 'a' ESCAPE 'bc'", 21, "one ASCII character");
  check_refused("name LIKE 'a!' ESCAPE '!'", 10, "ends with its ESCAPE");
  check_refused("spacing_x > 1e999", 12, "too large");
  check_refused(std::string("name = 'a\0b'", 12), 9, "zero byte");
}

TEST_CASE("filter: a calculation that makes no sense is refused where it stands") {
  check_refused("width * modality > 3", 8, "modality is text, and cannot be calculated with");
  check_refused("lesion + 1 > 3", 0, "lesion is yes or no");
  check_refused("width * 'a' > 3", 8, "a text cannot be calculated with", "without quotes");
  check_refused("width * hieght > 3", 8, "no field 'hieght'", "did you mean height?");
  check_refused("width *", 7, "expected a number or a field, found the end");
  check_refused("width * 3", 9, "expected a comparison after the calculation");
  check_refused("(width + 3", 10, "expected a comparison after the calculation");
  check_refused("(width + 3) > (4", 14, "this ( is not closed");
  check_refused("1 < 2", 0, "asks about no field", "TRUE or FALSE");
  check_refused("mask(width * height > 3)", 5, "about the sample, not about one mask", "move it");
  check_refused("mask(area > 3) + 1 > 2", 15, "cannot stand here");
  check_refused("width * 2 LIKE '3'", 10, "LIKE compares text");
  check_refused("width * 2 IN (3, height)", 17, "expected a number, found height");
  check_refused("absent('liver') * 2 > 3", 16, "cannot stand here");
  check_refused("2 * absent('liver') > 3", 4, "absent(...) is no number");
  check_refused("width > -", 9, "expected a number or a field");

  std::string long_sum = "width";
  for (int i = 1; i < 100; ++i) long_sum += " + 1";
  CHECK(parse_filter(long_sum + " > 3")->formulas.size() == 2);
  CHECK(refusal(long_sum + " + 1 > 3").message.find("more than 100 terms") != std::string::npos);
  const auto nested = [](std::size_t levels) {
    std::string text = "width";
    for (std::size_t i = 1; i < levels; ++i) text = "1 - (" + text + ")";
    return text + " > 3";
  };
  CHECK(parse_filter(nested(limits::kFormulaLevelsMax))->formulas.size() == 2);
  check_refused(nested(limits::kFormulaLevelsMax + 1), 50, "nested more than 10 levels");
  std::string signs;
  for (int i = 0; i < 30'000; ++i) signs += "- ";
  CHECK(refusal(signs + "width > 3").message.find("more than 100 terms") != std::string::npos);
  CHECK(refusal("width > " + std::string(40'000, '(') + "3").message.find("nested") !=
        std::string::npos);
}

TEST_CASE("filter: depth is bounded, and a hundred thousand parentheses do not hurt") {
  const std::string condition = "id = 1";
  const auto nested = [&](std::size_t depth, const std::string& open) {
    std::string text;
    for (std::size_t i = 0; i < depth; ++i) text += open;
    text += condition;
    if (open.back() == '(') text += std::string(depth, ')');
    return text;
  };

  CHECK(parse_filter(nested(limits::kFilterDepthMax, "("))->kind == Kind::compare);
  CHECK(refusal(nested(limits::kFilterDepthMax + 1, "(")).column == limits::kFilterDepthMax);
  check_refused(std::string(99'990, '('), limits::kFilterDepthMax, "nested more than 200");
  CHECK(refusal(nested(24'000, "NOT ")).column == 4 * limits::kFilterDepthMax);
  CHECK(refusal(nested(15'000, "NOT (")).message.find("nested") != std::string::npos);
  check_refused(std::string(200'000, '('), limits::kFilterBytesMax, "200000 bytes");
}

TEST_CASE("filter: the number of terms is bounded") {
  std::string list = "id IN (1";
  for (std::uint32_t i = 1; i < limits::kFilterTermsMax - 1; ++i) list += ",1";

  CHECK(parse_filter(list + ")")->values.size() == limits::kFilterTermsMax - 1);
  CHECK(refusal(list + ",1)").message.find("more than 10000 terms") != std::string::npos);
}

TEST_CASE("filter: every field has a name, a type and a meaning") {
  REQUIRE(filter_fields().size() > 25);
  for (const FieldInfo& field : filter_fields()) {
    CAPTURE(field.name);
    CHECK_FALSE(field.meaning.empty());
    const std::string text = field.type == "text"     ? field.name + " LIKE 'a%'"
                             : field.type == "number" ? field.name + " > 3"
                                                      : field.name;
    CHECK(again(text) == text);
    const std::string masked = "mask(" + text + ")";
    if (field.of_mask) {
      CHECK(again(masked) == masked);
    } else {
      CHECK_THROWS_AS(parse_filter(masked), QueryError);
    }
  }
}

TEST_CASE("filter: random bytes are refused by a column inside the text, or read") {
  const std::uint32_t seed = 20'260'801;
  CAPTURE(seed);
  SplitMix random(seed);
  const std::vector<std::string> words = {
      "mask(",      "(",       ")",  " AND ",  " OR ",   "NOT ",      "class",    "area",
      "=",          "'liver'", "3",  ".5",     " IN ",   "BETWEEN ",  ",",        "touches_border",
      "split('a')", "\x80",    "'",  "exact(", " LIKE ", " IS NULL ", "modality", "-1",
      "true",       "\n",      "--", "+",      "-",      "*",         "/",        "width",
      "x1",         "(",       ">"};
  for (int i = 0; i < 20'000; ++i) {
    std::string text;
    for (std::uint64_t n = random.below(12); n > 0; --n) text += words[random.below(words.size())];
    CAPTURE(text);
    try {
      const FilterPtr filter = parse_filter(text);
      CHECK(same_filter(*filter, *parse_filter(to_text(*filter))));
    } catch (const QueryError& error) {
      CHECK(error.column() <= text.size());
    }
  }
}

}  // namespace
}  // namespace slicebank
