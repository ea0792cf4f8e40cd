#include "importers/internal/name_pattern.h"

#include <algorithm>
#include <cstdint>
#include <regex>

#include "formats/source_tree.h"
#include "schema/error.h"

namespace slicebank::internal {
namespace {

constexpr std::size_t kPatternBytesMax = 200;
constexpr std::size_t kNameBytesMax = 512;
constexpr std::uint64_t kRepeatsMax = 1000;

// The pattern comes with the data, so it may be hostile: libstdc++'s breadth-first matcher
// takes time in proportion, where backtracking takes ages for "(a+)+$".
#ifdef __GLIBCXX__
constexpr auto kGrammar = std::regex::ECMAScript | std::regex_constants::__polynomial;
#else
constexpr auto kGrammar = std::regex::ECMAScript;
#endif

// The product of all numbers in braces: they multiply the size of the compiled pattern.
std::uint64_t repeats_of(const std::string& pattern) {
  std::uint64_t product = 1;
  for (std::size_t open = pattern.find('{'); open != std::string::npos;
       open = pattern.find('{', open + 1)) {
    std::uint64_t largest = 1;
    std::uint64_t number = 0;
    for (std::size_t at = open + 1; at < pattern.size() && pattern[at] != '}'; ++at) {
      const char c = pattern[at];
      number = c >= '0' && c <= '9' ? number * 10 + static_cast<std::uint64_t>(c - '0') : 0;
      number = std::min(number, kRepeatsMax + 1);
      largest = std::max(largest, number);
    }
    product = std::min(product * largest, kRepeatsMax + 1);
  }
  return product;
}

}  // namespace

struct NamePattern::Compiled {
  std::regex regex;
};

NamePattern::NamePattern(const std::string& pattern, const std::string& what) {
  const auto refuse = [&](const std::string& why) {
    throw Error(ErrorCode::bad_format,
                what + ": '" + printable(pattern.substr(0, kPatternBytesMax)) + "' " + why,
                "A pattern has one group around what is wanted, as in ^(case\\d+)_.");
  };
  if (pattern.size() > kPatternBytesMax) refuse("is too long for a pattern");
  if (repeats_of(pattern) > kRepeatsMax) refuse("repeats too much");
  auto compiled = std::make_shared<Compiled>();
  try {
    compiled->regex = std::regex(pattern, kGrammar);
  } catch (const std::regex_error& error) {
    refuse(std::string("is no regular expression that can be used: ") + error.what());
  }
  if (compiled->regex.mark_count() != 1) refuse("does not have exactly one group");
  compiled_ = std::move(compiled);
}

std::optional<std::string> NamePattern::find(const std::string& name) const {
  if (!compiled_ || name.size() > kNameBytesMax) return std::nullopt;
  std::smatch match;
  if (!std::regex_search(name, match, compiled_->regex) || !match[1].matched) return std::nullopt;
  return match[1].str();
}

}  // namespace slicebank::internal
