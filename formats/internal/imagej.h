// The lines that ImageJ (and tifffile for it) writes into a TIFF's description.
#pragma once

#include <optional>
#include <string_view>

#include "formats/tiff.h"

namespace slicebank::internal {

// Nothing when the description is not ImageJ's. `x_resolution` and `y_resolution` are the
// page's, in pixels a unit; 0 where they are absent.
std::optional<tiff::Hyperstack> parse_imagej(std::string_view description, double x_resolution,
                                             double y_resolution);

}  // namespace slicebank::internal
