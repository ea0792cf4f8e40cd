// The settings of one export, checked: what one exporter does not know is refused.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "exporters/exporter.h"

namespace slicebank::exporting {

// Throws Error(bad_argument) naming the nearest for a setting that is not in `known`.
void check_settings(const ExportOptions& options, const std::vector<std::string>& known);

// The setting's value, or `fallback` where it is not given.
std::string setting(const ExportOptions& options, const std::string& name,
                    const std::string& fallback);

// As setting(); throws Error(bad_argument) when the value is none of `choices`.
std::string choice_setting(const ExportOptions& options, const std::string& name,
                           const std::string& fallback, const std::vector<std::string>& choices);

}  // namespace slicebank::exporting
