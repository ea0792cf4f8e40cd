// Wide pixel types as 8 bit: an intensity window, as radiologists set it. Pure.
#pragma once

#include <optional>
#include <string>

#include "exporters/exporter.h"
#include "schema/sample.h"

namespace slicebank::exporting {

// Values from level - width / 2 to level + width / 2 become 0 to 255; what lies outside
// is clamped. Soft tissue in CT: level 40, width 400.
struct Window {
  double level = 0;
  double width = 0;
};

// Reads the setting "window", "level/width"; nothing when it is not given. Throws
// Error(bad_argument) when it is no two numbers or the width is not above 0.
std::optional<Window> window_setting(const ExportOptions& options);

// One channel of any pixel type as u8, rounded to the nearest; NaN becomes 0.
Image apply_window(const ImageView& image, const Window& window);

}  // namespace slicebank::exporting
