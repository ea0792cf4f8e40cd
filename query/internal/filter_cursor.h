// Where a parser of the filter language stands among its tokens. One parser's, one thread's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "query/internal/filter_lexer.h"

namespace slicebank {

class FilterCursor {
 public:
  // Throws QueryError for text that is no tokens. `text` must outlive the cursor.
  explicit FilterCursor(std::string_view text);

  std::string_view text() const { return text_; }
  const FilterToken& here() const { return tokens_[at_]; }
  const FilterToken& ahead() const { return tokens_[at_ + 1 < tokens_.size() ? at_ + 1 : at_]; }
  bool at_end() const { return here().kind == FilterToken::Kind::end; }
  bool is_symbol(std::string_view symbol) const;
  bool is_word(std::string_view word) const;
  bool is_call() const;  // a word with a ( behind it

  bool take_symbol(std::string_view symbol);
  bool take_word(std::string_view word);
  void skip(std::size_t tokens) { at_ += tokens; }

  // Throws the QueryError that points at the token.
  [[noreturn]] void fail(const FilterToken& token, const std::string& message,
                         std::string hint = {}) const;
  void expect_symbol(std::string_view symbol, const std::string& where);
  [[noreturn]] void fail_unclosed(const FilterToken& opening) const;
  std::string describe(const FilterToken& token) const;  // its words, cut short

  // Whether the ( here holds a formula rather than a condition: what follows its ) tells.
  bool opens_formula() const;

  // Counts one level down while it lives; recursion goes no deeper than limits allow.
  class Level {
   public:
    Level(FilterCursor& cursor, const FilterToken& token);
    ~Level() { --cursor_.depth_; }
    Level(const Level&) = delete;
    Level& operator=(const Level&) = delete;

   private:
    FilterCursor& cursor_;
  };

 private:
  std::string_view text_;
  std::vector<FilterToken> tokens_;
  std::vector<std::size_t> closing_;  // of the ( at i, the token of its ); else 0
  std::size_t at_ = 0;
  std::uint32_t depth_ = 0;
};

bool is_filter_keyword(std::string_view word);

}  // namespace slicebank
