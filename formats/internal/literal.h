// The corner of Python's literals that an npy header uses: strings without escapes, True
// and False, tuples of whole numbers.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace slicebank::internal {

// Walks over borrowed text. White space between tokens is free. `fail` is called with the
// reason when the text is something else, and does not return.
class LiteralReader {
 public:
  using Fail = std::function<void(const std::string& why)>;

  LiteralReader(std::string_view text, Fail fail) : text_(text), fail_(std::move(fail)) {}

  bool next_is(char c);
  bool accept(char c);  // steps over `c` when it is next
  void expect(char c);
  void expect_end();  // white space, and NULs that some writers pad with

  std::string string();  // in single or double quotes
  bool boolean();

  // "(3, 4)", "(3,)", "()", and Python 2's "(3L,)".
  std::vector<std::uint64_t> tuple(std::size_t size_max);

 private:
  void skip_space();
  std::uint64_t number();
  [[noreturn]] void refuse(const std::string& why);

  std::string_view text_;
  std::size_t at_ = 0;
  Fail fail_;
};

}  // namespace slicebank::internal
