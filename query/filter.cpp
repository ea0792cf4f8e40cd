#include "query/filter.h"

#include <fmt/format.h>

#include <utility>

#include "query/internal/filter_check.h"
#include "query/internal/filter_fields.h"
#include "query/internal/filter_lexer.h"
#include "schema/error.h"
#include "schema/limits.h"

namespace slicebank {
namespace {

using Kind = Filter::Kind;
using TokenKind = FilterToken::Kind;

bool is_keyword(std::string_view word) {
  for (const char* keyword :
       {"and", "or", "not", "in", "like", "escape", "between", "is", "null", "true", "false"}) {
    if (word == keyword) return true;
  }
  return false;
}

// Recursive descent, one method a rule of docs/query_language.md. Recursion is bounded by
// `depth_`, which every parenthesis and NOT counts up.
class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text), tokens_(lex_filter(text)) {}

  FilterPtr run() {
    if (here().kind == TokenKind::end) return std::make_shared<Filter>();
    FilterPtr filter = either();
    if (here().kind != TokenKind::end) {
      fail(here(), fmt::format("{} cannot stand here", describe(here())),
           is_symbol(")") ? "there is no ( for it" : "join two conditions with AND or OR");
    }
    check_filter(*filter, text_);
    return filter;
  }

 private:
  const FilterToken& here() const { return tokens_[at_]; }
  const FilterToken& ahead() const { return tokens_[at_ + 1 < tokens_.size() ? at_ + 1 : at_]; }
  bool is_symbol(std::string_view symbol) const {
    return here().kind == TokenKind::symbol && here().text == symbol;
  }
  bool is_word(std::string_view word) const {
    return here().kind == TokenKind::word && here().text == word;
  }
  bool take_symbol(std::string_view symbol) {
    if (!is_symbol(symbol)) return false;
    ++at_;
    return true;
  }
  bool take_word(std::string_view word) {
    if (!is_word(word)) return false;
    ++at_;
    return true;
  }

  [[noreturn]] void fail(const FilterToken& token, const std::string& message,
                         std::string hint = {}) const {
    throw QueryError(message, std::string(text_), token.column, std::move(hint));
  }

  std::string describe(const FilterToken& token) const {
    if (token.kind == TokenKind::end) return "the end of the filter";
    constexpr std::size_t kShownMax = 40;
    const std::string_view source = text_.substr(token.column, token.length);
    if (source.size() <= kShownMax) return fmt::format("{}", source);
    std::size_t shown = kShownMax;  // never the middle of a UTF-8 character
    while (shown > 0 && (static_cast<unsigned char>(source[shown]) & 0xc0) == 0x80) --shown;
    return fmt::format("{}...", source.substr(0, shown));
  }

  void expect_symbol(std::string_view symbol, const std::string& where) {
    if (take_symbol(symbol)) return;
    fail(here(), fmt::format("expected {} {}, found {}", symbol, where, describe(here())));
  }

  // Counts one level down while it lives.
  class Level {
   public:
    Level(Parser& parser, const FilterToken& token) : parser_(parser) {
      if (++parser_.depth_ > limits::kFilterDepthMax) {
        --parser_.depth_;
        parser_.fail(token, fmt::format("the filter is nested more than {} levels deep",
                                        limits::kFilterDepthMax));
      }
    }
    ~Level() { --parser_.depth_; }
    Level(const Level&) = delete;
    Level& operator=(const Level&) = delete;

   private:
    Parser& parser_;
  };

  static FilterPtr node(Kind kind, std::size_t column, std::vector<FilterPtr> children) {
    auto made = std::make_shared<Filter>();
    made->kind = kind;
    made->column = column;
    made->children = std::move(children);
    return made;
  }

  FilterPtr either() {
    const std::size_t column = here().column;
    std::vector<FilterPtr> children{both()};
    while (take_word("or")) children.push_back(both());
    if (children.size() == 1) return children.front();
    return node(Kind::logical_or, column, std::move(children));
  }

  FilterPtr both() {
    const std::size_t column = here().column;
    std::vector<FilterPtr> children{negation()};
    while (take_word("and")) children.push_back(negation());
    if (children.size() == 1) return children.front();
    return node(Kind::logical_and, column, std::move(children));
  }

  FilterPtr negation() {
    const FilterToken& token = here();
    if (!take_word("not")) return primary();
    const Level level(*this, token);
    return node(Kind::logical_not, token.column, {negation()});
  }

  FilterPtr primary() {
    const FilterToken& token = here();
    if (take_symbol("(")) {
      const Level level(*this, token);
      FilterPtr inner = either();
      if (!take_symbol(")")) unclosed(token);
      return inner;
    }
    if (take_word("true")) return node(Kind::all, token.column, {});
    if (take_word("false")) {
      return node(Kind::logical_not, token.column, {node(Kind::all, token.column, {})});
    }
    if (token.kind != TokenKind::word || is_keyword(token.text)) {
      fail(token, fmt::format("expected a condition, found {}", describe(token)),
           token.kind == TokenKind::end ? "" : "a condition reads like modality = 'CT'");
    }
    if (ahead().kind == TokenKind::symbol && ahead().text == "(") return call();
    return condition();
  }

  [[noreturn]] void unclosed(const FilterToken& opening) const {
    if (here().kind == TokenKind::end) fail(opening, "this ( is not closed");
    fail(here(), fmt::format("expected ) or AND or OR, found {}", describe(here())));
  }

  // mask(...), absent('c'), unknown('c'), split('name') ...
  FilterPtr call() {
    const FilterToken& name = here();
    if (name.text == "mask") return mask_call();
    auto made = std::make_shared<Filter>();
    made->column = name.column;
    if (name.text == "absent") {
      made->kind = Kind::absent;
    } else if (name.text == "unknown") {
      made->kind = Kind::unknown;
    } else if (name.text == "split") {
      made->kind = Kind::split_side;
    } else if (name.text == "exact") {
      fail(name, "exact(...) stands where a class name stands", "write class = exact('kidney')");
    } else if (find_field(name.text) != nullptr) {
      fail(ahead(), fmt::format("expected a comparison after {}, found (", name.text),
           fmt::format("write {} IN (...)", name.text));
    } else {
      fail(name, fmt::format("there is no function '{}'", name.text),
           "there are mask, absent, unknown and split");
    }
    at_ += 2;
    if (here().kind != TokenKind::string) {
      fail(here(), fmt::format("{}(...) takes a name, found {}", name.text, describe(here())),
           fmt::format("write {}('...')", name.text));
    }
    add_value(*made);
    expect_symbol(")", "after the name");
    if (made->kind == Kind::split_side) split_sides(*made);
    check_leaf(*made, in_mask_, text_);
    return made;
  }

  FilterPtr mask_call() {
    const FilterToken& name = here();
    if (in_mask_) fail(name, "mask(...) cannot stand inside mask(...)");
    const FilterToken& opening = ahead();
    at_ += 2;
    const Level level(*this, opening);
    in_mask_ = true;
    FilterPtr inner = either();
    in_mask_ = false;
    if (!take_symbol(")")) unclosed(opening);
    return node(Kind::mask, name.column, {std::move(inner)});
  }

  void split_sides(Filter& filter) {
    if (take_word("is")) {
      filter.negated = take_word("not");
      if (!take_word("null")) fail(here(), "expected NULL after IS");
      return;
    }
    if (is_symbol("=") || is_symbol("!=")) {
      filter.comparison = is_symbol("=") ? Comparison::equal : Comparison::not_equal;
      ++at_;
      side_value(filter);
      return;
    }
    filter.negated = take_word("not");
    if (!take_word("in")) {
      fail(here(), fmt::format("expected = or IN after split(...), found {}", describe(here())),
           "write split('main') = 'train'");
    }
    expect_symbol("(", "after IN");
    do {
      side_value(filter);
    } while (take_symbol(","));
    expect_symbol(")", "after the list");
  }

  void side_value(Filter& filter) {
    if (here().kind != TokenKind::string) {
      fail(here(), fmt::format("expected the name of a side, found {}", describe(here())),
           "put it in single quotes");
    }
    add_value(filter);
  }

  FilterPtr condition() {
    const FilterToken& name = here();
    const Field* field = find_field(name.text);
    if (field == nullptr) throw_unknown_field(name.text, in_mask_, text_, name.column);
    ++at_;
    auto made = std::make_shared<Filter>();
    made->column = name.column;
    made->field = name.text;
    comparison(*made, *field);
    check_leaf(*made, in_mask_, text_);
    return made;
  }

  void comparison(Filter& filter, const Field& field) {
    if (here().kind == TokenKind::symbol && here().text != "(" && here().text != ")" &&
        here().text != ",") {
      filter.kind = Kind::compare;
      const std::string& symbol = here().text;
      filter.comparison = symbol == "="    ? Comparison::equal
                          : symbol == "!=" ? Comparison::not_equal
                          : symbol == "<"  ? Comparison::less
                          : symbol == "<=" ? Comparison::less_equal
                          : symbol == ">"  ? Comparison::greater
                                           : Comparison::greater_equal;
      ++at_;
      value(filter);
      return;
    }
    if (take_word("is")) {
      filter.kind = Kind::is_null;
      filter.negated = take_word("not");
      if (!take_word("null")) fail(here(), "expected NULL after IS");
      return;
    }
    const bool negated = take_word("not");
    filter.negated = negated;
    if (take_word("in")) {
      in_list(filter);
    } else if (take_word("like")) {
      filter.kind = Kind::like;
      value(filter);
      if (take_word("escape")) value(filter);
    } else if (take_word("between")) {
      filter.kind = Kind::between;
      value(filter);
      if (!take_word("and")) {
        fail(here(), fmt::format("expected AND of BETWEEN, found {}", describe(here())),
             "write BETWEEN 40 AND 80");
      }
      value(filter);
    } else if (negated) {
      fail(here(), fmt::format("expected IN, LIKE or BETWEEN, found {}", describe(here())));
    } else if (field.type == FieldType::flag) {
      filter.kind = Kind::flag;
    } else {
      fail(here(),
           fmt::format("expected a comparison after {}, found {}", field.name, describe(here())),
           "one of = != < <= > >= IN LIKE BETWEEN IS NULL");
    }
  }

  void in_list(Filter& filter) {
    filter.kind = Kind::in;
    expect_symbol("(", "after IN");
    bool exact = false;
    do {
      const FilterToken& token = here();
      filter.exact = false;
      value(filter);
      if (filter.values.size() > 1 && filter.exact != exact) {
        fail(token, "exact(...) stands around some names of the list and not around others",
             "write it around each, or join two conditions with OR");
      }
      exact = filter.exact;
    } while (take_symbol(","));
    expect_symbol(")", "after the list");
  }

  // A text, number, TRUE, FALSE, or exact('class').
  void value(Filter& filter) {
    const FilterToken& token = here();
    if (token.kind == TokenKind::string || token.kind == TokenKind::number) {
      add_value(filter);
    } else if (is_word("true") || is_word("false")) {
      filter.values.emplace_back(is_word("true"));
      filter.value_columns.push_back(token.column);
      ++at_;
    } else if (is_word("exact") && ahead().text == "(" && ahead().kind == TokenKind::symbol) {
      at_ += 2;
      if (here().kind != TokenKind::string) {
        fail(here(), fmt::format("exact(...) takes a class, found {}", describe(here())));
      }
      add_value(filter);
      filter.exact = true;
      expect_symbol(")", "after the class");
    } else if (is_word("null")) {
      fail(token, "nothing equals NULL", "write IS NULL");
    } else if (token.kind == TokenKind::word) {
      const std::string_view word = text_.substr(token.column, token.length);
      fail(token, "text stands in single quotes", fmt::format("write '{}'", word));
    } else {
      fail(token, fmt::format("expected a value, found {}", describe(token)));
    }
  }

  void add_value(Filter& filter) {
    filter.values.push_back(here().value);
    filter.value_columns.push_back(here().column);
    ++at_;
  }

  std::string_view text_;
  std::vector<FilterToken> tokens_;
  std::size_t at_ = 0;
  std::uint32_t depth_ = 0;
  bool in_mask_ = false;
};

}  // namespace

FilterPtr parse_filter(std::string_view text) { return Parser(text).run(); }

bool same_filter(const Filter& a, const Filter& b) {
  if (a.kind != b.kind || a.field != b.field || a.comparison != b.comparison ||
      a.values != b.values || a.exact != b.exact || a.negated != b.negated ||
      a.children.size() != b.children.size()) {
    return false;
  }
  for (std::size_t i = 0; i < a.children.size(); ++i) {
    const FilterPtr& left = a.children[i];
    const FilterPtr& right = b.children[i];
    if (left == right) continue;
    if (left == nullptr || right == nullptr || !same_filter(*left, *right)) return false;
  }
  return true;
}

}  // namespace slicebank
