#include "importers/internal/small_json.h"

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <unordered_set>

#include "schema/error.h"
#include "schema/limits.h"

namespace slicebank::internal {
namespace {

constexpr std::uint64_t kFileBytesMax = 64u << 20;
constexpr std::size_t kValuesMax = 1'000'000;

// Builds the tree from the parser's calls; nothing is asked of it before it is bounded.
class TreeBuilder {
 public:
  explicit TreeBuilder(const std::string& name) : name_(name) {}

  Json take() { return std::move(root_); }

  bool null() { return put({}); }
  bool boolean(bool value) {
    return put({JsonKind::boolean, value ? "true" : "false", value ? 1.0 : 0.0});
  }
  bool number_integer(std::int64_t value) {
    return put({JsonKind::number, std::to_string(value), static_cast<double>(value)});
  }
  bool number_unsigned(std::uint64_t value) {
    return put({JsonKind::number, std::to_string(value), static_cast<double>(value)});
  }
  bool number_float(double value, const std::string& text) {
    return put({JsonKind::number, text, value});
  }
  bool string(std::string& value) {
    check_length(value);
    return put({JsonKind::text, value});
  }
  bool binary(std::vector<std::uint8_t>&) { return false; }
  bool key(std::string& value) {
    check_length(value);
    if (!keys_.back().insert(value).second) {
      throw Error(ErrorCode::bad_format, name_ + ": the key '" + printable(value) + "' twice");
    }
    key_ = value;
    return true;
  }
  bool start_object(std::size_t) { return start(JsonKind::object); }
  bool start_array(std::size_t) { return start(JsonKind::list); }
  bool end_object() { return end(); }
  bool end_array() { return end(); }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::json::exception&) {
    throw Error(ErrorCode::bad_format,
                name_ + ": no JSON from byte " + std::to_string(position) + " on",
                "The file may be damaged; compare it with the original.");
  }

 private:
  void check_length(const std::string& text) const {
    if (text.size() > limits::kJsonStringBytesMax) {
      throw Error(ErrorCode::limit, name_ + ": a text of " + std::to_string(text.size()) +
                                        " bytes; " + std::to_string(limits::kJsonStringBytesMax) +
                                        " are possible");
    }
  }

  Json* place(Json&& value) {
    if (++values_ > kValuesMax) {
      throw Error(ErrorCode::limit,
                  name_ + ": more than " + std::to_string(kValuesMax) + " values");
    }
    if (open_.empty()) {
      root_ = std::move(value);
      return &root_;
    }
    Json& parent = *open_.back();
    if (parent.is_list()) return &parent.items.emplace_back(std::move(value));
    return &parent.members.emplace_back(std::move(key_), std::move(value)).second;
  }

  bool put(Json&& value) {
    place(std::move(value));
    return true;
  }

  // A container that is open does not move: nothing is added to its parent meanwhile.
  bool start(JsonKind kind) {
    if (open_.size() >= limits::kJsonDepthMax) {
      throw Error(ErrorCode::limit,
                  name_ + ": more than " + std::to_string(limits::kJsonDepthMax) + " levels");
    }
    Json container;
    container.kind = kind;
    open_.push_back(place(std::move(container)));
    keys_.emplace_back();
    return true;
  }

  bool end() {
    open_.pop_back();
    keys_.pop_back();
    return true;
  }

  const std::string& name_;
  Json root_;
  std::vector<Json*> open_;
  std::vector<std::unordered_set<std::string>> keys_;  // of each that is open
  std::string key_;
  std::size_t values_ = 0;
};

}  // namespace

const Json* Json::find(std::string_view name) const noexcept {
  for (const auto& [key, value] : members) {
    if (key == name) return &value;
  }
  return nullptr;
}

std::optional<std::string> Json::word() const {
  if (kind == JsonKind::text || kind == JsonKind::number) return text;
  return std::nullopt;
}

std::optional<std::uint32_t> Json::whole() const {
  constexpr double kMax = std::numeric_limits<std::uint32_t>::max();
  if (kind == JsonKind::number) {
    if (!(number >= 0 && number <= kMax) || number != std::floor(number)) return std::nullopt;
    return static_cast<std::uint32_t>(number);
  }
  if (kind != JsonKind::text || text.empty() || text.size() > 10) return std::nullopt;
  std::uint64_t value = 0;
  for (const char digit : text) {
    if (digit < '0' || digit > '9') return std::nullopt;
    value = value * 10 + static_cast<std::uint64_t>(digit - '0');
  }
  if (value > std::numeric_limits<std::uint32_t>::max()) return std::nullopt;
  return static_cast<std::uint32_t>(value);
}

std::string json_word(const Json& object, std::string_view name) {
  const Json* found = object.find(name);
  return found == nullptr ? std::string() : found->word().value_or(std::string());
}

Json parse_json(Bytes file, const std::string& name) {
  TreeBuilder builder(name);
  const char* begin = reinterpret_cast<const char*>(file.data());
  if (!nlohmann::json::sax_parse(begin, begin + file.size(), &builder)) {
    throw Error(ErrorCode::bad_format, name + ": no JSON");
  }
  return builder.take();
}

Json read_json(const SourceTree& source, const std::string& path) {
  const auto stamp = source.stamp(path);
  if (stamp && stamp->size > kFileBytesMax) {
    throw Error(ErrorCode::limit, printable(path) + ": " + std::to_string(stamp->size) +
                                      " bytes, where a small file is expected");
  }
  return parse_json(source.read(path), printable(path));
}

}  // namespace slicebank::internal
