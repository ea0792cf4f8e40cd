// Numbers in names.
#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>

namespace slicebank::internal {

inline bool is_digit(char c) { return c >= '0' && c <= '9'; }

// All of `text` as a number that fits, without a sign; nothing otherwise.
inline std::optional<std::uint32_t> number_in(std::string_view text) {
  if (text.empty() || !is_digit(text.front())) return std::nullopt;
  std::uint32_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [after, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || after != end) return std::nullopt;
  return value;
}

}  // namespace slicebank::internal
