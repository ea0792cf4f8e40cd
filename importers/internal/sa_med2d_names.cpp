#include "importers/internal/sa_med2d_names.h"

#include <array>

#include "importers/internal/number_text.h"
#include "importers/internal/png_slice.h"
#include "schema/limits.h"

namespace slicebank::sa_med2d {
namespace {

using internal::is_digit;
using internal::number_in;

constexpr std::string_view kSeparator = "--";

// A case whose end, `kept` then `dropped`, names a frame or time point of the same person.
// '#' stands for one or more digits.
struct PatientRule {
  std::string_view dataset_prefix;
  std::string_view case_prefix;
  std::string_view kept;
  std::string_view dropped;
};

constexpr std::array<PatientRule, 4> kPatientRules = {{
    {"ACDC", "", "#", "_frame#"},       // patient001_frame01: end of diastole and systole
    {"", "BraTS-", "-#", "-#"},         // BraTS-GLI-00000-000: since 2023, a time point
    {"CMRxMotion", "P", "#", "-#-ED"},  // P001-1-ED: breath-hold quality and phase
    {"CMRxMotion", "P", "#", "-#-ES"},
}};

// Where a match of `pattern` at the end of `text` begins; npos when there is none.
std::size_t match_at_end(std::string_view text, std::string_view pattern) {
  std::size_t at = text.size();
  for (std::size_t i = pattern.size(); i-- > 0;) {
    if (pattern[i] != '#') {
      if (at == 0 || text[at - 1] != pattern[i]) return std::string_view::npos;
      --at;
      continue;
    }
    const std::size_t end = at;
    while (at > 0 && is_digit(text[at - 1])) --at;
    if (at == end) return std::string_view::npos;
  }
  return at;
}

// Reads "x_0006" or "2d_none".
bool parse_axis(std::string_view field, ImageName& name) {
  if (field == "2d_none") {
    name.axis = Axis::none;
    return true;
  }
  if (field.size() < 3 || field[1] != '_') return false;
  if (field[0] != 'x' && field[0] != 'y' && field[0] != 'z') return false;
  name.axis = field[0] == 'x' ? Axis::x : field[0] == 'y' ? Axis::y : Axis::z;
  const auto slice = number_in(field.substr(2));
  name.slice_index = slice.value_or(0);
  return slice.has_value();
}

}  // namespace

std::optional<ImageName> parse_image_name(const std::string& path) {
  ImageName name;
  name.stem = internal::png_stem(path);
  const std::string_view stem = name.stem;
  const std::size_t first = stem.find(kSeparator);
  if (first == std::string_view::npos || first == 0) return std::nullopt;
  const std::size_t dataset = first + kSeparator.size();
  const std::size_t second = stem.find(kSeparator, dataset);
  if (second == std::string_view::npos || second == dataset) return std::nullopt;
  const std::size_t case_begin = second + kSeparator.size();
  const std::size_t last = stem.rfind(kSeparator);
  if (last <= case_begin || stem.size() > limits::kNameBytesMax) return std::nullopt;
  name.modality_sub = stem.substr(0, first);
  name.dataset = stem.substr(dataset, second - dataset);
  name.case_name = stem.substr(case_begin, last - case_begin);
  if (!parse_axis(stem.substr(last + kSeparator.size()), name)) return std::nullopt;
  return name;
}

std::optional<MaskName> parse_mask_name(const std::string& path) {
  const std::string whole = internal::png_stem(path);
  const std::size_t last = whole.rfind(kSeparator);
  if (last == std::string::npos) return std::nullopt;
  const auto image = parse_image_name(whole.substr(0, last) + ".png");
  if (!image) return std::nullopt;
  const std::string_view field = std::string_view(whole).substr(last + kSeparator.size());
  const std::size_t bar = field.rfind('_');
  if (bar == std::string_view::npos) return std::nullopt;
  const auto instance = number_in(field.substr(bar + 1));
  if (!instance || !number_in(field.substr(0, bar))) return std::nullopt;
  return MaskName{image->stem, image->modality_sub, image->dataset,
                  std::string(field.substr(0, bar)), *instance};
}

std::string patient_of(std::string_view dataset, std::string_view case_name) {
  for (const PatientRule& rule : kPatientRules) {
    if (!dataset.starts_with(rule.dataset_prefix) || !case_name.starts_with(rule.case_prefix)) {
      continue;
    }
    const std::size_t dropped = match_at_end(case_name, rule.dropped);
    if (dropped == std::string_view::npos) continue;
    const std::string_view person = case_name.substr(0, dropped);
    if (match_at_end(person, rule.kept) != std::string_view::npos) return std::string(person);
  }
  return std::string(case_name);
}

std::string plain_code(std::string_view code) {
  const std::size_t begin = code.find_first_not_of('0');
  if (begin != std::string_view::npos) return std::string(code.substr(begin));
  return code.empty() ? std::string() : "0";
}

}  // namespace slicebank::sa_med2d
