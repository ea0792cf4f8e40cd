#include "formats/internal/imagej.h"

#include <array>
#include <charconv>
#include <cmath>
#include <utility>

namespace slicebank::internal {
namespace {

// Millimetres a unit; 0 for a unit that is no length.
double millimetres(std::string_view unit) {
  constexpr std::array<std::pair<std::string_view, double>, 14> kUnits = {{{"mm", 1.0},
                                                                           {"millimeter", 1.0},
                                                                           {"cm", 10.0},
                                                                           {"centimeter", 10.0},
                                                                           {"m", 1000.0},
                                                                           {"meter", 1000.0},
                                                                           {"um", 1e-3},
                                                                           {"micron", 1e-3},
                                                                           {"micrometer", 1e-3},
                                                                           {"\xc2\xb5m", 1e-3},
                                                                           {"\xb5m", 1e-3},
                                                                           {"\\u00B5m", 1e-3},
                                                                           {"nm", 1e-6},
                                                                           {"inch", 25.4}}};
  for (const auto& [name, size] : kUnits) {
    if (unit == name) return size;
  }
  return 0;
}

std::uint32_t count_of(std::string_view text) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? value : 0;
}

bool usable(double length) { return std::isfinite(length) && length > 0; }

}  // namespace

std::optional<tiff::Hyperstack> parse_imagej(std::string_view description, double x_resolution,
                                             double y_resolution) {
  if (!description.starts_with("ImageJ=")) return std::nullopt;
  tiff::Hyperstack stack;
  std::string_view unit;
  double depth = 1;  // ImageJ leaves a depth of 1 out
  while (!description.empty()) {
    const std::size_t end = std::min(description.find('\n'), description.size());
    std::string_view line = description.substr(0, end);
    description.remove_prefix(std::min(end + 1, description.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos) continue;
    const std::string_view key = line.substr(0, equals);
    const std::string_view value = line.substr(equals + 1);
    if (key == "images") stack.images = count_of(value);
    if (key == "channels") stack.channels = count_of(value);
    if (key == "slices") stack.slices = count_of(value);
    if (key == "frames") stack.frames = count_of(value);
    if (key == "unit") unit = value;
    if (key == "spacing") {
      const auto [last, error] = std::from_chars(value.data(), value.data() + value.size(), depth);
      if (error != std::errc()) depth = 0;
    }
  }
  const double scale = millimetres(unit);
  const std::array<double, 3> spacing = {scale / x_resolution, scale / y_resolution,
                                         scale * std::abs(depth)};
  if (usable(spacing[0]) && usable(spacing[1]) && usable(spacing[2])) {
    stack.spacing_ijk_mm = spacing;
  }
  return stack;
}

}  // namespace slicebank::internal
