#include "query/internal/filter_lexer.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <cstdint>
#include <system_error>
#include <utility>

#include "schema/error.h"
#include "schema/limits.h"

namespace slicebank {
namespace {

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f'; }
char to_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}

  std::vector<FilterToken> run() {
    while (skip_blanks(), at_ < text_.size()) tokens_.push_back(read());
    FilterToken end;
    end.column = text_.size();
    tokens_.push_back(std::move(end));
    return std::move(tokens_);
  }

 private:
  [[noreturn]] void fail(std::size_t column, const std::string& message,
                         std::string hint = {}) const {
    throw QueryError(message, std::string(text_), column, std::move(hint));
  }

  char peek(std::size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }

  // Blanks, and comments as in SQL: -- to the end of the line.
  void skip_blanks() {
    while (at_ < text_.size()) {
      if (is_blank(peek())) {
        ++at_;
      } else if (peek() == '-' && peek(1) == '-') {
        while (at_ < text_.size() && peek() != '\n') ++at_;
      } else {
        return;
      }
    }
  }

  FilterToken read() {
    FilterToken token;
    token.column = at_;
    const char c = peek();
    if (is_letter(c)) {
      read_word(token);
    } else if (c == '\'') {
      read_string(token);
    } else if (is_digit(c) || (c == '.' && is_digit(peek(1)))) {
      read_number(token);
    } else {
      read_symbol(token);
    }
    token.length = at_ - token.column;
    return token;
  }

  void read_word(FilterToken& token) {
    token.kind = FilterToken::Kind::word;
    while (is_letter(peek()) || is_digit(peek())) token.text += to_lower(text_[at_++]);
  }

  void read_string(FilterToken& token) {
    token.kind = FilterToken::Kind::string;
    std::string value;
    ++at_;
    while (true) {
      if (at_ >= text_.size()) {
        fail(token.column, "this quote is not closed",
             "end the text with '; a quote inside it is written twice: 'Crohn''s'");
      }
      const char c = text_[at_++];
      if (c == '\0') fail(at_ - 1, "a zero byte cannot stand in a text");
      if (c != '\'') {
        value += c;
      } else if (peek() == '\'') {
        value += '\'';
        ++at_;
      } else {
        break;
      }
    }
    token.value = std::move(value);
  }

  void read_number(FilterToken& token) {
    token.kind = FilterToken::Kind::number;
    const std::size_t from = at_;
    bool whole = true;
    while (is_digit(peek())) ++at_;
    if (peek() == '.') {
      whole = false;
      ++at_;
      while (is_digit(peek())) ++at_;
    }
    if (peek() == 'e' || peek() == 'E') {
      const std::size_t sign = peek(1) == '-' || peek(1) == '+' ? 1 : 0;
      if (!is_digit(peek(1 + sign))) fail(from, "this number's exponent has no digits");
      whole = false;
      at_ += 1 + sign;
      while (is_digit(peek())) ++at_;
    }
    if (is_letter(peek()) || peek() == '.') {
      fail(from, "this is neither a number nor a word", "put text in single quotes");
    }
    const char* first = text_.data() + from;
    const char* last = text_.data() + at_;
    if (whole) {
      std::int64_t value = 0;
      if (std::from_chars(first, last, value).ec == std::errc{}) {
        token.value = value;
        return;
      }
    }
    double value = 0;
    if (std::from_chars(first, last, value).ec != std::errc{} || !std::isfinite(value)) {
      fail(from, "this number is too large or too small to be held");
    }
    token.value = value;
  }

  void read_symbol(FilterToken& token) {
    token.kind = FilterToken::Kind::symbol;
    const char c = peek();
    const char next = peek(1);
    switch (c) {
      case '(':
      case ')':
      case ',':
      case '+':
      case '-':
      case '*':
      case '/':
        token.text = c;
        ++at_;
        return;
      case '=':
        if (next == '=') fail(at_, "'==' is no comparison here", "write = once");
        token.text = "=";
        ++at_;
        return;
      case '!':
        if (next != '=') fail(at_, "'!' stands here without =", "write NOT, or != to compare");
        token.text = "!=";
        at_ += 2;
        return;
      case '<':
        token.text = next == '>' ? "!=" : next == '=' ? "<=" : "<";
        at_ += next == '>' || next == '=' ? 2 : 1;
        return;
      case '>':
        token.text = next == '=' ? ">=" : ">";
        at_ += next == '=' ? 2 : 1;
        return;
      case '"':
      case '`':
        fail(at_, fmt::format("{} is not a quote of the filter language", c),
             "write text in single quotes: 'CT'");
      case '&':
        fail(at_, "'&' is no word of the filter language", "write AND");
      case '|':
        fail(at_, "'|' is no word of the filter language", "write OR");
      default:
        break;
    }
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x80) {
      fail(at_, "a character outside ASCII stands outside quotes",
           "write text in straight single quotes: 'CT'");
    }
    if (byte < 0x20 || byte == 0x7f) {
      fail(at_, fmt::format("byte {:#04x} cannot stand in a filter", byte));
    }
    fail(at_, fmt::format("'{}' cannot stand here", c));
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::vector<FilterToken> tokens_;
};

}  // namespace

std::vector<FilterToken> lex_filter(std::string_view text) {
  if (text.size() > limits::kFilterBytesMax) {
    throw QueryError(fmt::format("the filter is {} bytes long; at most {} are read", text.size(),
                                 limits::kFilterBytesMax),
                     std::string(text.substr(0, limits::kFilterBytesMax)), limits::kFilterBytesMax,
                     "save a selection and use its name, or make a split of it");
  }
  return Lexer(text).run();
}

}  // namespace slicebank
