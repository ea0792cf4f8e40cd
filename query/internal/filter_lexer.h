// Words of the filter language: text -> tokens. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "query/filter.h"

namespace slicebank {

struct FilterToken {
  enum class Kind {
    word,    // letters, digits and _, in `text` as lower case: fields and keywords
    string,  // 'single quotes', in `value` without them
    number,  // in `value`, std::int64_t or double; never with a sign
    symbol,  // ( ) , = != < <= > >= + - * /, in `text`; <> reads as !=
    end,
  };

  Kind kind = Kind::end;
  std::string text;
  FilterValue value;
  std::size_t column = 0;  // bytes from 0
  std::size_t length = 0;  // bytes in the filter's text
};

// The last token is always `end`. Throws QueryError at the byte that cannot be read: for
// an unclosed quote, at the quote that opened it.
std::vector<FilterToken> lex_filter(std::string_view text);

}  // namespace slicebank
