// Small JSON files from outside (dataset.json and the like), as a tree. Any thread.
//
// For lists of millions there is formats/json_stream.h: here the whole file is in memory.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "formats/source_tree.h"

namespace slicebank::internal {

enum class JsonKind { null, boolean, number, text, list, object };

// Members stand in the order of the file, which some formats give a meaning.
struct Json {
  JsonKind kind = JsonKind::null;
  std::string text{};  // of a text; of a number or boolean as JSON writes it
  double number = 0;   // of a number; 1 for true
  std::vector<Json> items{};
  std::vector<std::pair<std::string, Json>> members{};

  bool is_object() const noexcept { return kind == JsonKind::object; }
  bool is_list() const noexcept { return kind == JsonKind::list; }
  bool is_text() const noexcept { return kind == JsonKind::text; }

  // Null when this is no object or has no such member.
  const Json* find(std::string_view name) const noexcept;

  // A text, or a number as it is written; else nothing.
  std::optional<std::string> word() const;

  // A whole number from 0 to 2^32 - 1, also where it is written as a text; else nothing.
  std::optional<std::uint32_t> whole() const;
};

// The text of a member, or empty where it is not there or no text or number.
std::string json_word(const Json& object, std::string_view name);

// Throws Error(bad_format) beginning with `name` for what is no JSON, holds a key twice in
// one object, or goes on after its end; Error(limit) beyond limits.h in depth or strings,
// and beyond a million values. A byte order mark is let through.
Json parse_json(Bytes file, const std::string& name);

// Reads a file of the source; Error(limit) above 64 MB.
Json read_json(const SourceTree& source, const std::string& path);

}  // namespace slicebank::internal
