#include "formats/internal/volume_data.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <string_view>

#include "formats/internal/header_text.h"
#include "schema/error.h"

namespace slicebank::internal {
namespace {

[[noreturn]] void refuse(const std::string& what, const std::string& why) {
  throw Error(ErrorCode::bad_format, what + ": " + why);
}

std::string_view text_of(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

constexpr std::string_view kBetweenNumbers = " \t\r\n\v\f,";

// The next number of a text from `at` on; nothing at its end.
std::string_view next_number(std::string_view text, std::size_t& at) {
  const std::size_t first = text.find_first_not_of(kBetweenNumbers, at);
  if (first == std::string_view::npos) return {};
  at = std::min(text.find_first_of(kBetweenNumbers, first), text.size());
  return text.substr(first, at - first);
}

template <typename Element>
std::vector<std::byte> parsed(std::string_view text, std::uint64_t count, const std::string& what) {
  std::vector<std::byte> out(count * sizeof(Element));
  std::size_t at = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    std::string_view word = next_number(text, at);
    if (word.empty()) {
      refuse(what,
             std::to_string(count) + " numbers are announced, " + std::to_string(i) + " are there");
    }
    if (word.size() > 1 && word[0] == '+') word.remove_prefix(1);
    Element value{};
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
    if (error != std::errc() || end != word.data() + word.size()) {
      refuse(what, "number " + std::to_string(i) + " of the text is none of its type");
    }
    std::memcpy(out.data() + i * sizeof value, &value, sizeof value);
  }
  return out;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

template <std::size_t kBytes>
void gather(const std::byte* source, std::byte* out, const std::array<std::size_t, 5>& sizes,
            const std::array<std::size_t, 5>& strides) {
  for (std::size_t a = 0; a < sizes[0]; ++a) {
    for (std::size_t b = 0; b < sizes[1]; ++b) {
      for (std::size_t c = 0; c < sizes[2]; ++c) {
        const std::size_t plane = a * strides[0] + b * strides[1] + c * strides[2];
        for (std::size_t d = 0; d < sizes[3]; ++d) {
          for (std::size_t e = 0; e < sizes[4]; ++e) {
            const std::size_t at = plane + d * strides[3] + e * strides[4];
            std::memcpy(out, source + at * kBytes, kBytes);
            out += kBytes;
          }
        }
      }
    }
  }
}

}  // namespace

std::vector<std::string> numbered_names(const std::string& pattern, std::int64_t first,
                                        std::int64_t last, std::int64_t step, std::size_t count_max,
                                        const std::string& what) {
  const std::size_t percent = pattern.find('%');
  std::size_t at = percent == std::string::npos ? pattern.size() : percent + 1;
  const bool zeros = at < pattern.size() && pattern[at] == '0';
  std::size_t width = 0;
  while (at < pattern.size() && pattern[at] >= '0' && pattern[at] <= '9' && width < 100) {
    width = width * 10 + static_cast<std::size_t>(pattern[at++] - '0');
  }
  const bool number =
      at < pattern.size() && (pattern[at] == 'd' || pattern[at] == 'i' || pattern[at] == 'u');
  if (!number || width > 20 || pattern.find('%', at) != std::string::npos) {
    refuse(what, "the pattern of its data files needs one %d");
  }
  constexpr std::int64_t kNumberMax = 1'000'000'000;
  const auto sane = [](std::int64_t value) { return value >= 0 && value <= kNumberMax; };
  if (!sane(first) || !sane(last) || step == 0 || step < -kNumberMax || step > kNumberMax ||
      (last - first) / step < 0) {
    refuse(what, "the numbers of its data files make no sense");
  }
  const auto count = static_cast<std::uint64_t>((last - first) / step) + 1;
  if (count > count_max) {
    throw Error(ErrorCode::limit, what + ": " + std::to_string(count) + " data files; at most " +
                                      std::to_string(count_max) + " are read");
  }
  std::vector<std::string> names;
  names.reserve(count);
  for (std::uint64_t i = 0; i < count; ++i) {
    std::string digits = std::to_string(first + static_cast<std::int64_t>(i) * step);
    if (digits.size() < width) digits.insert(0, width - digits.size(), zeros ? '0' : ' ');
    names.push_back(pattern.substr(0, percent) + digits + pattern.substr(at + 1));
  }
  return names;
}

std::vector<std::byte> numbers_of_text(Bytes bytes, ElementType type, std::uint64_t count,
                                       const std::string& what) {
  const std::string_view text = text_of(bytes);
  // A number and what parts it from the next are two characters at least.
  if (count > text.size() / 2 + 1) {
    refuse(what, std::to_string(count) + " numbers cannot be in a text of " +
                     std::to_string(text.size()) + " bytes");
  }
  switch (type) {
    case ElementType::boolean:
    case ElementType::u8:
      return parsed<std::uint8_t>(text, count, what);
    case ElementType::i8:
      return parsed<std::int8_t>(text, count, what);
    case ElementType::u16:
      return parsed<std::uint16_t>(text, count, what);
    case ElementType::i16:
      return parsed<std::int16_t>(text, count, what);
    case ElementType::u32:
      return parsed<std::uint32_t>(text, count, what);
    case ElementType::i32:
      return parsed<std::int32_t>(text, count, what);
    case ElementType::u64:
      return parsed<std::uint64_t>(text, count, what);
    case ElementType::i64:
      return parsed<std::int64_t>(text, count, what);
    case ElementType::f32:
      return parsed<float>(text, count, what);
    case ElementType::f64:
      return parsed<double>(text, count, what);
    case ElementType::f16:
      break;
  }
  refuse(what, "half floats are not written as text");
}

std::vector<std::byte> bytes_of_hex(Bytes bytes, std::uint64_t count, const std::string& what) {
  if (count > bytes.size() / 2) {
    refuse(what, std::to_string(count) + " bytes cannot be in " + std::to_string(bytes.size()) +
                     " hexadecimal digits");
  }
  std::vector<std::byte> out;
  out.reserve(count);
  int high = -1;
  for (const char c : text_of(bytes)) {
    if (out.size() == count) break;
    const int digit = hex_digit(c);
    if (digit < 0) {
      if (kBetweenNumbers.find(c) != std::string_view::npos) continue;
      refuse(what, "its hexadecimal data hold something else");
    }
    if (high < 0) {
      high = digit;
    } else {
      out.push_back(static_cast<std::byte>(high * 16 + digit));
      high = -1;
    }
  }
  if (out.size() < count) {
    refuse(what, "its hexadecimal data end after " + std::to_string(out.size()) + " of " +
                     std::to_string(count) + " bytes");
  }
  return out;
}

std::vector<std::byte> gathered(Bytes source, const std::array<std::size_t, 5>& sizes,
                                const std::array<std::size_t, 5>& strides,
                                std::size_t element_bytes) {
  std::vector<std::byte> out(source.size());
  switch (element_bytes) {
    case 1:
      gather<1>(source.data(), out.data(), sizes, strides);
      break;
    case 2:
      gather<2>(source.data(), out.data(), sizes, strides);
      break;
    case 4:
      gather<4>(source.data(), out.data(), sizes, strides);
      break;
    default:
      gather<8>(source.data(), out.data(), sizes, strides);
      break;
  }
  return out;
}

}  // namespace slicebank::internal
