#include "importers/internal/sam_med2d_names.h"

#include <algorithm>
#include <charconv>
#include <string_view>

#include "schema/limits.h"

namespace slicebank::sam_med2d {
namespace {

constexpr std::uint32_t kLastAmosCt = 500;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::optional<std::uint32_t> number(std::string_view text) {
  if (text.empty() || !is_digit(text.front())) return std::nullopt;
  std::uint32_t value = 0;
  const char* const end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, value);
  if (result.ec != std::errc() || result.ptr != end) return std::nullopt;
  return value;
}

}  // namespace

ImageName parse_image_stem(const std::string& stem) {
  const std::size_t bar = stem.rfind('_');
  if (bar == std::string::npos) return {stem, std::nullopt};
  const auto slice = number(std::string_view(stem).substr(bar + 1));
  const std::string scan = stem.substr(0, bar);
  if (!slice || std::none_of(scan.begin(), scan.end(), is_digit)) return {stem, std::nullopt};
  return {scan, slice};
}

std::string known_modality(const std::string& scan) {
  constexpr std::string_view kAmos = "amos_";
  constexpr std::size_t kTotalSegmentatorBytes = 5;
  if (scan.starts_with(kAmos)) {
    const auto amos = number(std::string_view(scan).substr(kAmos.size()));
    if (amos) return *amos <= kLastAmosCt ? "CT" : "MR";
  }
  if (scan.size() == kTotalSegmentatorBytes && scan.front() == 's' &&
      std::all_of(scan.begin() + 1, scan.end(), is_digit)) {
    return "CT";
  }
  return {};
}

std::optional<MaskName> parse_mask_stem(const std::string& stem, const std::string& image_stem) {
  if (!stem.starts_with(image_stem + "_")) return std::nullopt;
  const std::string rest = stem.substr(image_stem.size() + 1);
  const std::size_t bar = rest.rfind('_');
  if (bar == std::string::npos || bar == 0 || bar > limits::kNameBytesMax) return std::nullopt;
  const auto instance = number(std::string_view(rest).substr(bar + 1));
  if (!instance) return std::nullopt;
  return MaskName{rest.substr(0, bar), *instance};
}

}  // namespace slicebank::sam_med2d
