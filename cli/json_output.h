// What verbs print with --json: one object, or one a line.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <variant>

#include "query/sample_row.h"
#include "schema/sample.h"
#include "store/select.h"

namespace slicebank::cli {

using Json = nlohmann::ordered_json;

// One line, invalid UTF-8 replaced.
inline std::string line(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

inline Json to_json(const Box& box) { return {box.x0, box.y0, box.x1, box.y1}; }

Json to_json(const SampleRow& row);
Json to_json(const SqlValue& value);

}  // namespace slicebank::cli
