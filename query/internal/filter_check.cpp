#include "query/internal/filter_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "query/internal/filter_fields.h"
#include "query/internal/formula.h"
#include "schema/error.h"
#include "schema/limits.h"
#include "schema/taxonomy.h"

namespace slicebank {
namespace {

using Kind = Filter::Kind;

constexpr std::size_t kLikePatternBytesMax = 4096;

class Checker {
 public:
  explicit Checker(std::string_view text) : text_(text) {}

  void leaf(const Filter& filter, bool in_mask) const {
    switch (filter.kind) {
      case Kind::compare:
      case Kind::in:
      case Kind::like:
      case Kind::between:
      case Kind::is_null:
      case Kind::flag:
        if (filter.formulas.empty()) {
          field_leaf(filter, in_mask);
        } else {
          formula_leaf(filter, in_mask);
        }
        return;
      case Kind::absent:
      case Kind::unknown:
      case Kind::split_side:
        if (in_mask) {
          fail(filter.column, "this is a condition on the sample, not on one mask",
               "move it out of mask(...)");
        }
        word_leaf(filter);
        return;
      default:
        return;
    }
  }

  void tree(const Filter& filter, bool in_mask, std::uint32_t depth) {
    if (depth > limits::kFilterDepthMax) {
      fail(filter.column,
           fmt::format("the filter is nested more than {} levels deep", limits::kFilterDepthMax));
    }
    terms_ += 1 + filter.values.size();
    if (terms_ > limits::kFilterTermsMax) {
      fail(filter.column,
           fmt::format("the filter has more than {} terms", limits::kFilterTermsMax));
    }
    const bool one_child = filter.kind == Kind::logical_not || filter.kind == Kind::mask;
    const bool any_children = filter.kind == Kind::logical_and || filter.kind == Kind::logical_or;
    if ((one_child && filter.children.size() != 1) ||
        (!one_child && !any_children && !filter.children.empty()) ||
        std::any_of(filter.children.begin(), filter.children.end(),
                    [](const FilterPtr& child) { return child == nullptr; })) {
      fail(filter.column, "a node of the filter has a wrong number of children");
    }
    if (filter.kind == Kind::mask && in_mask) {
      fail(filter.column, "mask(...) cannot stand inside mask(...)");
    }
    leaf(filter, in_mask);
    const bool calculates = filter.kind == Kind::compare || filter.kind == Kind::in ||
                            filter.kind == Kind::between || filter.kind == Kind::is_null;
    if (!calculates && !filter.formulas.empty()) {
      fail(filter.column, "a calculation stands where none can");
    }
    for (const FormulaPtr& formula : filter.formulas) terms_ += count_terms(*formula);
    const bool below_mask = in_mask || filter.kind == Kind::mask;
    for (const FilterPtr& child : filter.children) tree(*child, below_mask, depth + 1);
  }

 private:
  [[noreturn]] void fail(std::size_t column, const std::string& message,
                         std::string hint = {}) const {
    throw QueryError(message, std::string(text_), column, std::move(hint));
  }

  void field_leaf(const Filter& filter, bool in_mask) const {
    const Field* field = find_field(filter.field);
    if (field == nullptr) throw_unknown_field(filter.field, in_mask, text_, filter.column);
    if (in_mask && field->place == FieldPlace::sample) {
      fail(filter.column, fmt::format("{} is about the sample, not about one mask", field->name),
           field->name == "region" ? "inside mask(...) write class_region"
                                   : "move it out of mask(...)");
    }
    check_shape(filter, *field);
    if (filter.exact && field->name != "class") {
      fail(value_column(filter, 0), "exact(...) is about classes",
           fmt::format("write {} = '...'", field->name));
    }
    for (std::size_t i = 0; i < filter.values.size(); ++i) value(filter, *field, i);
  }

  void formula_leaf(const Filter& filter, bool in_mask) const {
    const std::size_t formulas = filter.kind == Kind::compare   ? 2
                                 : filter.kind == Kind::between ? 3
                                                                : 1;
    const bool values = filter.kind == Kind::in ? !filter.values.empty() : filter.values.empty();
    const bool takes_formulas = filter.kind != Kind::like && filter.kind != Kind::flag;
    if (!takes_formulas || filter.formulas.size() != formulas || !values || !filter.field.empty() ||
        filter.exact ||
        std::any_of(filter.formulas.begin(), filter.formulas.end(),
                    [](const FormulaPtr& formula) { return formula == nullptr; })) {
      fail(filter.column, "a condition on a calculation has parts that do not fit");
    }
    bool any_field = false;
    bool of_mask = false;
    for (const FormulaPtr& formula : filter.formulas) {
      check_formula(*formula, text_);
      any_field = any_field || names_field(*formula);
      of_mask = of_mask || is_about_mask(*formula);
    }
    if (!any_field) {
      fail(filter.column, "a condition asks about no field", "write TRUE or FALSE for a constant");
    }
    if (in_mask && !of_mask) {
      fail(filter.column, "this calculation is about the sample, not about one mask",
           "move it out of mask(...)");
    }
    for (std::size_t i = 0; i < filter.values.size(); ++i) {
      const FilterValue& value = filter.values[i];
      const auto* number = std::get_if<double>(&value);
      if (!std::holds_alternative<std::int64_t>(value) &&
          (number == nullptr || !std::isfinite(*number))) {
        fail(value_column(filter, i), "a calculation is compared with numbers");
      }
    }
  }

  // The kind of condition against the type of the field.
  void check_shape(const Filter& filter, const Field& field) const {
    const std::size_t count = filter.values.size();
    const bool counted =
        (filter.kind == Kind::compare && count == 1) || (filter.kind == Kind::in && count >= 1) ||
        (filter.kind == Kind::like && (count == 1 || count == 2)) ||
        (filter.kind == Kind::between && count == 2) ||
        ((filter.kind == Kind::is_null || filter.kind == Kind::flag) && count == 0);
    if (!counted) fail(filter.column, "a condition of the filter has a wrong number of values");
    if (filter.kind == Kind::flag && field.type != FieldType::flag) {
      fail(filter.column, fmt::format("{} is no yes/no field", field.name),
           fmt::format("compare it: {} {}", field.name,
                       field.type == FieldType::text ? "= '...'" : "> 0"));
    }
    const bool equality =
        filter.kind == Kind::compare &&
        (filter.comparison == Comparison::equal || filter.comparison == Comparison::not_equal);
    if (field.type == FieldType::flag && !equality && filter.kind != Kind::flag &&
        filter.kind != Kind::is_null) {
      fail(filter.column, fmt::format("{} is yes or no", field.name),
           fmt::format("write {0}, or NOT {0}", field.name));
    }
    if (filter.kind == Kind::like && field.type != FieldType::text) {
      fail(filter.column, fmt::format("LIKE compares text, and {} is a number", field.name),
           fmt::format("write {} = ... or BETWEEN", field.name));
    }
  }

  void value(const Filter& filter, const Field& field, std::size_t index) const {
    const FilterValue& value = filter.values[index];
    const std::size_t column = value_column(filter, index);
    const bool is_text = std::holds_alternative<std::string>(value);
    const bool is_flag = std::holds_alternative<bool>(value);
    if (field.type == FieldType::text && !is_text) {
      fail(column, fmt::format("{} is text", field.name), "put the value in single quotes");
    }
    if (field.type == FieldType::number && (is_text || is_flag)) {
      fail(column, fmt::format("{} is a number", field.name),
           is_text ? "write the number without quotes" : "");
    }
    if (field.type == FieldType::flag && !is_flag) {
      fail(column, fmt::format("{} is yes or no", field.name), "compare it with TRUE or FALSE");
    }
    if (const auto* number = std::get_if<double>(&value); number && !std::isfinite(*number)) {
      fail(column, fmt::format("{} is compared with no finite number", field.name));
    }
    if (!is_text) return;
    const auto& word = std::get<std::string>(value);
    if (word.find('\0') != std::string::npos) fail(column, "a zero byte cannot stand in a text");
    if (filter.kind == Kind::like) {
      pattern(filter, index, word, column);
    } else if (filter.kind == Kind::in ||
               (filter.kind == Kind::compare && (filter.comparison == Comparison::equal ||
                                                 filter.comparison == Comparison::not_equal))) {
      choice(field, word, column);
    }
  }

  void pattern(const Filter& filter, std::size_t index, const std::string& word,
               std::size_t column) const {
    if (index == 1) {
      // SQLite counts characters; the language keeps to one byte.
      if (word.size() != 1 || static_cast<unsigned char>(word[0]) >= 0x80) {
        fail(column, "ESCAPE takes one ASCII character", "write ESCAPE '\\'");
      }
      return;
    }
    if (word.size() > kLikePatternBytesMax) {
      fail(column, fmt::format("the pattern is longer than {} bytes", kLikePatternBytesMax));
    }
    if (filter.values.size() < 2) return;
    const auto* escape = std::get_if<std::string>(&filter.values[1]);
    if (escape == nullptr || escape->size() != 1) return;  // said when its own turn comes
    for (std::size_t i = 0; i < word.size(); ++i) {
      if (word[i] != escape->front()) continue;
      if (i + 1 == word.size()) {
        fail(column, "the pattern ends with its ESCAPE character",
             fmt::format("write it twice to mean the character itself: {0}{0}", *escape));
      }
      ++i;
    }
  }

  void choice(const Field& field, const std::string& word, std::size_t column) const {
    static const std::vector<std::string> axes = {"2d", "x", "y", "z"};
    static const std::vector<std::string> sides = {"left", "right"};
    static const std::vector<std::string> pixel_types = {"u8",  "i8",  "u16", "i16", "u32",
                                                         "i32", "f16", "f32", "f64"};
    const std::vector<std::string>* choices = field.name == "axis"         ? &axes
                                              : field.name == "side"       ? &sides
                                              : field.name == "pixel_type" ? &pixel_types
                                                                           : nullptr;
    if (choices == nullptr) return;
    if (std::find(choices->begin(), choices->end(), word) != choices->end()) return;
    fail(column, fmt::format("there is no {} '{}'", field.name, word),
         fmt::format("one of '{}'", fmt::join(*choices, "', '")));
  }

  void word_leaf(const Filter& filter) const {
    const bool counted =
        filter.kind == Kind::split_side ? !filter.values.empty() : filter.values.size() == 1;
    if (!counted) fail(filter.column, "a condition of the filter has a wrong number of values");
    for (std::size_t i = 0; i < filter.values.size(); ++i) {
      if (const auto* word = std::get_if<std::string>(&filter.values[i])) {
        if (word->find('\0') == std::string::npos) continue;
        fail(value_column(filter, i), "a zero byte cannot stand in a text");
      }
      fail(value_column(filter, i), "a name is text", "put it in single quotes");
    }
  }

  std::string_view text_;
  std::size_t terms_ = 0;
};

}  // namespace

void check_leaf(const Filter& leaf, bool in_mask, std::string_view text) {
  Checker(text).leaf(leaf, in_mask);
}

void check_filter(const Filter& filter, std::string_view text) {
  Checker(text).tree(filter, false, 0);
}

void throw_unknown_field(std::string_view field, bool in_mask, std::string_view text,
                         std::size_t column) {
  std::vector<std::string> names;
  for (const Field& known : field_table()) {
    if (!in_mask || known.place != FieldPlace::sample) names.emplace_back(known.name);
  }
  const auto nearest = nearest_name(field, names);
  throw QueryError(fmt::format("there is no field '{}'", field), std::string(text), column,
                   nearest ? fmt::format("did you mean {}?", *nearest)
                           : fmt::format("fields: {}", fmt::join(names, ", ")));
}

std::size_t value_column(const Filter& filter, std::size_t index) {
  return index < filter.value_columns.size() ? filter.value_columns[index] : filter.column;
}

}  // namespace slicebank
