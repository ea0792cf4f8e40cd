// Keys of the catalog, and the envelope of its values.
#include <span>

#include "schema/error.h"
#include "store/catalog.h"
#include "store/internal/bytes.h"
#include "store/internal/hash.h"

namespace slicebank::catalog {
namespace {

Bytes bytes_of(std::string_view text) {
  return std::as_bytes(std::span<const char>(text.data(), text.size()));
}

template <typename Number>
void append_big(std::string& key, Number number) {
  for (int shift = static_cast<int>(sizeof(Number)) * 8 - 8; shift >= 0; shift -= 8) {
    key.push_back(static_cast<char>(static_cast<unsigned char>(number >> shift)));
  }
}

template <typename Number>
Number read_big(std::string_view key) {
  if (key.size() != 1 + sizeof(Number)) throw Error(ErrorCode::corrupt, "a catalog key is cut off");
  Number number = 0;
  for (const char letter : key.substr(1)) {
    number = static_cast<Number>(number << 8 | static_cast<unsigned char>(letter));
  }
  return number;
}

// Names may be longer than a key may be, so their hash stands for them.
void append_hash(std::string& key, std::initializer_list<Bytes> parts) {
  const ContentHash hash = hash128(parts);
  append_big(key, hash.high);
  append_big(key, hash.low);
}

}  // namespace

bool is_projected(Kind kind) noexcept {
  switch (kind) {
    case Kind::dataset:
    case Kind::subject:
    case Kind::volume:
    case Kind::bank_class:
    case Kind::import:
    case Kind::problem:
    case Kind::ledger:
    case Kind::split:
    case Kind::coverage_set:
    case Kind::generation:
      return true;
    default:
      return false;
  }
}

Kind kind_of(std::string_view key) {
  if (key.empty() || key.front() < 1 || key.front() > static_cast<char>(Kind::generation)) {
    throw Error(ErrorCode::corrupt, "a catalog key of unknown kind");
  }
  return static_cast<Kind>(key.front());
}

std::string kind_prefix(Kind kind) { return std::string(1, static_cast<char>(kind)); }

std::string id_key(Kind kind, std::uint32_t id) {
  std::string key = kind_prefix(kind);
  append_big(key, id);
  return key;
}

std::string id_key(Kind kind, std::uint64_t id) {
  std::string key = kind_prefix(kind);
  append_big(key, id);
  return key;
}

std::string name_key(Kind kind, std::string_view name) {
  std::string key = kind_prefix(kind);
  append_hash(key, {bytes_of(name)});
  return key;
}

std::string name_key(Kind kind, std::uint32_t scope_id, std::string_view name) {
  std::string key = id_key(kind, scope_id);
  append_hash(key, {bytes_of(name)});
  return key;
}

std::string item_key(Kind kind, std::string_view scope, std::string_view item) {
  std::string key = kind_prefix(kind);
  append_hash(key, {bytes_of(scope), bytes_of(std::string_view("\0", 1)), bytes_of(item)});
  return key;
}

std::string problem_item_prefix(std::string_view scope, std::string_view item) {
  return item_key(Kind::problem_item, scope, item);
}

std::string problem_item_key(std::string_view scope, std::string_view item, std::uint64_t problem) {
  std::string key = problem_item_prefix(scope, item);
  append_big(key, problem);
  return key;
}

std::string dictionary_shape_key(DatasetId dataset, const ImageShape& shape) {
  std::string key = id_key(Kind::dictionary_shape, raw(dataset));
  key.push_back(static_cast<char>(shape.pixel_type));
  append_big(key, shape.height);
  append_big(key, shape.width);
  append_big(key, shape.channels);
  return key;
}

std::string coverage_set_value_key(const std::vector<ClassId>& classes) {
  std::string key = kind_prefix(Kind::coverage_set_value);
  append_hash(key, {encode_classes(classes)});
  return key;
}

std::uint32_t id32_of(std::string_view key) { return read_big<std::uint32_t>(key); }
std::uint64_t id64_of(std::string_view key) { return read_big<std::uint64_t>(key); }

// --- The envelope

Payload seal(const BankUuid& bank, std::string_view key, Payload payload) {
  const ContentHash hash = hash128({std::as_bytes(std::span(bank)), bytes_of(key), Bytes(payload)});
  append_little(payload, hash.low);
  return payload;
}

Bytes open(const BankUuid& bank, std::string_view key, Bytes value) {
  if (value.size() >= sizeof(std::uint64_t)) {
    const Bytes payload = value.first(value.size() - sizeof(std::uint64_t));
    const ContentHash hash = hash128({std::as_bytes(std::span(bank)), bytes_of(key), payload});
    if (get_little<std::uint64_t>(value, payload.size()) == hash.low) return payload;
  }
  throw Error(ErrorCode::corrupt, "an entry of the catalog is damaged",
              "run `slicebank verify`, which names all that is damaged");
}

}  // namespace slicebank::catalog
