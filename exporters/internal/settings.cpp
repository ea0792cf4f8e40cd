#include "exporters/internal/settings.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "schema/error.h"
#include "schema/taxonomy.h"

namespace slicebank::exporting {
namespace {

std::string did_you_mean(const std::string& word, const std::vector<std::string>& known) {
  if (known.empty()) return "it has no settings";
  if (const auto near = nearest_name(word, known)) return fmt::format("did you mean {}?", *near);
  return fmt::format("it knows {}", fmt::join(known, ", "));
}

}  // namespace

void check_settings(const ExportOptions& options, const std::vector<std::string>& known) {
  for (const auto& [name, value] : options.settings) {
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    throw Error(ErrorCode::bad_argument,
                fmt::format("export to {}: there is no setting '{}'", options.format, name),
                did_you_mean(name, known));
  }
}

std::string setting(const ExportOptions& options, const std::string& name,
                    const std::string& fallback) {
  const auto found = options.settings.find(name);
  return found == options.settings.end() ? fallback : found->second;
}

std::string choice_setting(const ExportOptions& options, const std::string& name,
                           const std::string& fallback, const std::vector<std::string>& choices) {
  std::string value = setting(options, name, fallback);
  if (std::find(choices.begin(), choices.end(), value) != choices.end()) return value;
  throw Error(
      ErrorCode::bad_argument,
      fmt::format("export to {}: '{}' is no value of the setting {}", options.format, value, name),
      fmt::format("one of {}", fmt::join(choices, ", ")));
}

}  // namespace slicebank::exporting
