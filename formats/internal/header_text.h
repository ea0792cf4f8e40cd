// Words and numbers out of the text headers of MetaImage and NRRD.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "schema/sample.h"

namespace slicebank::internal {

std::string_view trimmed(std::string_view text) noexcept;  // no blanks, tabs, \r at its ends
std::vector<std::string> words(std::string_view text);     // parted by blanks and tabs
std::string lower_case(std::string_view text);             // ASCII

// The whole text is one number, or nothing. "nan" and "inf" are numbers.
std::optional<double> to_number(std::string_view text) noexcept;
std::optional<std::int64_t> to_integer(std::string_view text) noexcept;

// The shortest decimal number that is this float: 0.7f is 0.7, not 0.699999988.
double shortest(float value) noexcept;

// The shortest text that reads back as this number.
std::string number_text(double value);

// The next line from `at` on, without its end (\n or \r\n); `at` moves behind it. Nothing
// at the end of the bytes.
std::optional<std::string_view> next_line(Bytes file, std::size_t& at) noexcept;

}  // namespace slicebank::internal
