#include "query/internal/official_side.h"

#include <array>
#include <utility>

namespace slicebank {

std::string official_side(std::string_view word) {
  std::string plain;
  for (const char c : word) {
    if (c == ' ' || c == '\t') continue;
    plain += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 15> kSpellings = {{
      {"tr", "train"},
      {"training", "train"},
      {"imagestr", "train"},
      {"valid", "val"},
      {"validate", "val"},
      {"validation", "val"},
      {"dev", "val"},
      {"va", "val"},
      {"imagesva", "val"},
      {"imagesval", "val"},
      {"ts", "test"},
      {"te", "test"},
      {"testing", "test"},
      {"imagests", "test"},
      {"imageste", "test"},
  }};
  for (const auto& [spelling, side] : kSpellings) {
    if (plain == spelling) return std::string(side);
  }
  return plain;
}

}  // namespace slicebank
