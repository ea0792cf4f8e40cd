#include "importers/internal/sam_med2d_names.h"

#include <algorithm>
#include <string_view>

#include "importers/internal/number_text.h"
#include "schema/limits.h"

namespace slicebank::sam_med2d {
namespace {

using internal::is_digit;
using internal::number_in;

constexpr std::uint32_t kLastAmosCt = 500;

}  // namespace

ImageName parse_image_stem(const std::string& stem) {
  const std::size_t bar = stem.rfind('_');
  if (bar == std::string::npos) return {stem, std::nullopt};
  const auto slice = number_in(std::string_view(stem).substr(bar + 1));
  const std::string scan = stem.substr(0, bar);
  if (!slice || std::none_of(scan.begin(), scan.end(), is_digit)) return {stem, std::nullopt};
  return {scan, slice};
}

std::string known_modality(const std::string& scan) {
  constexpr std::string_view kAmos = "amos_";
  constexpr std::size_t kTotalSegmentatorBytes = 5;
  if (scan.starts_with(kAmos)) {
    const auto amos = number_in(std::string_view(scan).substr(kAmos.size()));
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
  const auto instance = number_in(std::string_view(rest).substr(bar + 1));
  if (!instance) return std::nullopt;
  return MaskName{rest.substr(0, bar), *instance};
}

}  // namespace slicebank::sam_med2d
