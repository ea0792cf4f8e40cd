#include "formats/internal/literal.h"

#include "schema/error.h"

namespace slicebank::internal {

void LiteralReader::refuse(const std::string& why) {
  const std::string text = "the header is not as numpy writes it: " + why + " at byte " +
                           std::to_string(at_) + " of its text";
  fail_(text);
  throw Error(ErrorCode::bad_format, text);
}

void LiteralReader::skip_space() {
  while (at_ < text_.size() &&
         std::string_view(" \t\r\n\f\v").find(text_[at_]) != std::string::npos) {
    ++at_;
  }
}

bool LiteralReader::next_is(char c) {
  skip_space();
  return at_ < text_.size() && text_[at_] == c;
}

bool LiteralReader::accept(char c) {
  if (!next_is(c)) return false;
  ++at_;
  return true;
}

void LiteralReader::expect(char c) {
  if (!accept(c)) refuse(std::string("no '") + c + "'");
}

void LiteralReader::expect_end() {
  while (at_ < text_.size() && (text_[at_] == '\0' || next_is('\0'))) ++at_;
  skip_space();
  if (at_ != text_.size()) refuse("something behind the dictionary");
}

std::string LiteralReader::string() {
  const char quote = next_is('"') ? '"' : '\'';
  expect(quote);
  const std::size_t end = text_.find(quote, at_);
  if (end == std::string_view::npos) refuse("a string without an end");
  const std::string value(text_.substr(at_, end - at_));
  if (value.find('\\') != std::string::npos) refuse("a string with an escape");
  at_ = end + 1;
  return value;
}

bool LiteralReader::boolean() {
  skip_space();
  for (const bool value : {false, true}) {
    const std::string_view word = value ? "True" : "False";
    if (!text_.substr(at_).starts_with(word)) continue;
    at_ += word.size();
    return value;
  }
  refuse("neither True nor False");
}

std::uint64_t LiteralReader::number() {
  skip_space();
  const std::size_t begin = at_;
  std::uint64_t value = 0;
  for (; at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9'; ++at_) {
    const auto digit = static_cast<std::uint64_t>(text_[at_] - '0');
    if (__builtin_mul_overflow(value, std::uint64_t{10}, &value) ||
        __builtin_add_overflow(value, digit, &value)) {
      refuse("a number beyond 64 bits");
    }
  }
  if (at_ == begin) refuse("no whole number");
  if (at_ < text_.size() && text_[at_] == 'L') ++at_;
  return value;
}

std::vector<std::uint64_t> LiteralReader::tuple(std::size_t size_max) {
  std::vector<std::uint64_t> values;
  expect('(');
  while (!accept(')')) {
    if (values.size() == size_max) refuse("too many axes");
    values.push_back(number());
    if (accept(',')) continue;
    if (values.size() == 1) refuse("a number in parentheses, which is no tuple,");
    expect(')');
    break;
  }
  return values;
}

}  // namespace slicebank::internal
