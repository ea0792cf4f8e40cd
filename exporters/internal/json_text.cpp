#include "exporters/internal/json_text.h"

#include <nlohmann/json.hpp>

namespace slicebank::exporting {

std::string json_string(std::string_view text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string json_list(const std::vector<std::string>& texts) {
  std::string list = "[";
  for (const auto& text : texts) {
    if (list.size() > 1) list += ", ";
    list += json_string(text);
  }
  return list + "]";
}

}  // namespace slicebank::exporting
