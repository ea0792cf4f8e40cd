// Filters made by code rather than written as text: the same trees.
//
//   using namespace slicebank::build;
//   const Condition livers = field("modality") == "CT" && class_in({"liver", "spleen"}) &&
//                            mask(field("area_fraction") > 0.01 && !flag("touches_border"));
//   const Selection found = select_samples(bank, livers, livers.text());
//
// Every part is a value: copy it, keep it, use it in several filters. && and || put what
// stands to their right beside what stands to their left, as the text does. Names and types
// are checked when the filter is used, with the messages that a text gets.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "query/filter.h"

namespace slicebank::build {

// Something that is true or false of a sample, or of a mask inside mask(...).
class Condition {
 public:
  explicit Condition(FilterPtr filter);

  const FilterPtr& filter() const noexcept { return filter_; }
  operator const Filter&() const noexcept { return *filter_; }
  std::string text() const { return to_text(*filter_); }

 private:
  FilterPtr filter_;
};

Condition operator&&(const Condition& a, const Condition& b);
Condition operator||(const Condition& a, const Condition& b);
Condition operator!(const Condition& condition);

// A class's own name, without the classes below it.
struct Exact {
  std::string name;
};
inline Exact exact(std::string name) { return {std::move(name)}; }

// What is compared with and is no number: text, TRUE or FALSE, an exact class.
class Word {
 public:
  template <std::size_t kBytes>
  Word(const char (&text)[kBytes]) : value_(std::string(text)) {}
  Word(std::string text) : value_(std::move(text)) {}
  Word(std::string_view text) : value_(std::string(text)) {}
  template <std::same_as<bool> Flag>
  Word(Flag value) : value_(value) {}
  Word(Exact name) : value_(std::move(name.name)), exact_(true) {}

  const FilterValue& value() const noexcept { return value_; }
  bool is_exact() const noexcept { return exact_; }

 private:
  FilterValue value_;
  bool exact_ = false;
};

template <typename Type>
concept Number =
    std::is_arithmetic_v<Type> && !std::same_as<Type, bool> && !std::same_as<Type, char>;

// A field, a number, or what is calculated of them with + - * /.
class Term {
 public:
  explicit Term(FormulaPtr formula);
  template <Number Type>
  Term(Type number) : Term(of_number(convert(number))) {}

  const FormulaPtr& formula() const noexcept { return formula_; }

  Condition in(std::vector<FilterValue> values) const;
  Condition not_in(std::vector<FilterValue> values) const;
  Condition in_exactly(std::vector<std::string> classes) const;  // class IN (exact(...), ...)
  Condition like(std::string pattern) const;
  Condition like(std::string pattern, char escape) const;
  Condition not_like(std::string pattern) const;
  Condition between(const Term& low, const Term& high) const;
  Condition not_between(const Term& low, const Term& high) const;
  Condition between(const std::string& low, const std::string& high) const;  // of texts
  Condition is_null() const;
  Condition is_not_null() const;

 private:
  template <Number Type>
  static FilterValue convert(Type number) {
    if constexpr (std::is_floating_point_v<Type>) {
      return static_cast<double>(number);
    } else {
      // Above the largest std::int64_t a filter has doubles, as a text has.
      return std::in_range<std::int64_t>(number) ? FilterValue(static_cast<std::int64_t>(number))
                                                 : FilterValue(static_cast<double>(number));
    }
  }
  static FormulaPtr of_number(FilterValue number);

  FormulaPtr formula_;
};

Term field(std::string name);

Term operator+(const Term& a, const Term& b);
Term operator-(const Term& a, const Term& b);
Term operator*(const Term& a, const Term& b);
Term operator/(const Term& a, const Term& b);
Term operator-(const Term& a);

Condition operator==(const Term& a, const Term& b);
Condition operator!=(const Term& a, const Term& b);
Condition operator<(const Term& a, const Term& b);
Condition operator<=(const Term& a, const Term& b);
Condition operator>(const Term& a, const Term& b);
Condition operator>=(const Term& a, const Term& b);
Condition operator==(const Term& a, const Word& b);
Condition operator!=(const Term& a, const Word& b);
Condition operator<(const Term& a, const Word& b);
Condition operator<=(const Term& a, const Word& b);
Condition operator>(const Term& a, const Word& b);
Condition operator>=(const Term& a, const Word& b);

Condition all();                    // every sample, or every mask
Condition flag(std::string field);  // touches_border, lesion
Condition class_is(std::string name);
Condition class_in(std::vector<std::string> names);
Condition mask(const Condition& condition);  // of one and the same mask
Condition absent(std::string class_name);
Condition unknown(std::string class_name);

// split("main") == "train"
class Split {
 public:
  explicit Split(std::string name) : name_(std::move(name)) {}

  Condition in(std::vector<std::string> sides) const;
  Condition not_in(std::vector<std::string> sides) const;
  Condition is_null() const;
  Condition is_not_null() const;
  Condition compare(Comparison comparison, const std::string& side) const;

 private:
  std::string name_;
};
inline Split split(std::string name) { return Split(std::move(name)); }
Condition operator==(const Split& split, const std::string& side);
Condition operator!=(const Split& split, const std::string& side);

}  // namespace slicebank::build
