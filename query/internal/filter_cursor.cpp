#include "query/internal/filter_cursor.h"

#include <fmt/format.h>

#include <utility>

#include "schema/error.h"
#include "schema/limits.h"

namespace slicebank {

using Kind = FilterToken::Kind;

bool is_filter_keyword(std::string_view word) {
  for (const char* keyword :
       {"and", "or", "not", "in", "like", "escape", "between", "is", "null", "true", "false"}) {
    if (word == keyword) return true;
  }
  return false;
}

FilterCursor::FilterCursor(std::string_view text)
    : text_(text), tokens_(lex_filter(text)), closing_(tokens_.size()) {
  std::vector<std::size_t> open;
  for (std::size_t i = 0; i < tokens_.size(); ++i) {
    if (tokens_[i].kind != Kind::symbol) continue;
    if (tokens_[i].text == "(") {
      open.push_back(i);
    } else if (tokens_[i].text == ")" && !open.empty()) {
      closing_[open.back()] = i;
      open.pop_back();
    }
  }
}

bool FilterCursor::is_symbol(std::string_view symbol) const {
  return here().kind == Kind::symbol && here().text == symbol;
}

bool FilterCursor::is_word(std::string_view word) const {
  return here().kind == Kind::word && here().text == word;
}

bool FilterCursor::is_call() const {
  return here().kind == Kind::word && ahead().kind == Kind::symbol && ahead().text == "(";
}

bool FilterCursor::take_symbol(std::string_view symbol) {
  if (!is_symbol(symbol)) return false;
  ++at_;
  return true;
}

bool FilterCursor::take_word(std::string_view word) {
  if (!is_word(word)) return false;
  ++at_;
  return true;
}

void FilterCursor::fail(const FilterToken& token, const std::string& message,
                        std::string hint) const {
  throw QueryError(message, std::string(text_), token.column, std::move(hint));
}

void FilterCursor::expect_symbol(std::string_view symbol, const std::string& where) {
  if (take_symbol(symbol)) return;
  fail(here(), fmt::format("expected {} {}, found {}", symbol, where, describe(here())));
}

void FilterCursor::fail_unclosed(const FilterToken& opening) const {
  if (at_end()) fail(opening, "this ( is not closed");
  fail(here(), fmt::format("expected ) or AND or OR, found {}", describe(here())));
}

std::string FilterCursor::describe(const FilterToken& token) const {
  if (token.kind == Kind::end) return "the end of the filter";
  constexpr std::size_t kShownMax = 40;
  const std::string_view source = text_.substr(token.column, token.length);
  if (source.size() <= kShownMax) return fmt::format("{}", source);
  std::size_t shown = kShownMax;  // never the middle of a UTF-8 character
  while (shown > 0 && (static_cast<unsigned char>(source[shown]) & 0xc0) == 0x80) --shown;
  return fmt::format("{}...", source.substr(0, shown));
}

bool FilterCursor::opens_formula() const {
  const std::size_t closing = closing_[at_];
  if (closing == 0) return false;
  const FilterToken& next = tokens_[closing + 1];
  if (next.kind == Kind::symbol) {
    return next.text != "(" && next.text != ")" && next.text != ",";
  }
  if (next.kind != Kind::word) return false;
  for (const char* word : {"in", "like", "between", "is"}) {
    if (next.text == word) return true;
    if (next.text == "not" && tokens_[closing + 2].text == word) return true;
  }
  return false;
}

FilterCursor::Level::Level(FilterCursor& cursor, const FilterToken& token) : cursor_(cursor) {
  if (++cursor_.depth_ > limits::kFilterDepthMax) {
    --cursor_.depth_;
    cursor_.fail(token, fmt::format("the filter is nested more than {} levels deep",
                                    limits::kFilterDepthMax));
  }
}

}  // namespace slicebank
