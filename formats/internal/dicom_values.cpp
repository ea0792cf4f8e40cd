// What elements hold: text and numbers.
#include <charconv>
#include <cmath>
#include <cstring>

#include "formats/internal/dicom_dataset.h"
#include "formats/internal/dicom_numbers.h"

namespace slicebank::dicom::internal {

namespace {

std::string_view trimmed(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || c == '\0' || c == '\t'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

std::string_view view_of(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::optional<double> parsed(std::string_view text) {
  text = trimmed(text);
  if (!text.empty() && text.front() == '+') text.remove_prefix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) {
    return std::nullopt;
  }
  return value;
}

// Width in bytes of a binary number and how to read it; width 0: text.
struct NumberKind {
  std::size_t bytes = 0;
  bool is_signed = false;
  bool is_float = false;
};

NumberKind number_kind(Vr vr) {
  switch (vr) {
    case vr_of('U', 'S'):
    case vr_of('O', 'W'):
    case vr_of('A', 'T'):
      return {2, false, false};
    case vr_of('S', 'S'):
      return {2, true, false};
    case vr_of('U', 'L'):
    case vr_of('O', 'L'):
      return {4, false, false};
    case vr_of('S', 'L'):
      return {4, true, false};
    case vr_of('U', 'V'):
    case vr_of('O', 'V'):
      return {8, false, false};
    case vr_of('S', 'V'):
      return {8, true, false};
    case vr_of('F', 'L'):
    case vr_of('O', 'F'):
      return {4, false, true};
    case vr_of('F', 'D'):
    case vr_of('O', 'D'):
      return {8, false, true};
    default:
      return {};
  }
}

std::optional<double> binary_number(Bytes bytes, std::size_t at, NumberKind kind, bool big_endian) {
  const std::uint64_t raw = unsigned_at(bytes, at, kind.bytes, big_endian);
  if (!kind.is_float) {
    if (!kind.is_signed) return static_cast<double>(raw);
    const int shift = static_cast<int>(64 - 8 * kind.bytes);
    return static_cast<double>(static_cast<std::int64_t>(raw << shift) >> shift);
  }
  double value = 0;
  if (kind.bytes == 4) {
    const auto narrow = static_cast<std::uint32_t>(raw);
    float single = 0;
    std::memcpy(&single, &narrow, sizeof single);
    value = static_cast<double>(single);
  } else {
    std::memcpy(&value, &raw, sizeof value);
  }
  if (!std::isfinite(value)) return std::nullopt;
  return value;
}

}  // namespace

std::string text_of(const Item& item, Tag tag) {
  const Element* element = item.find(tag);
  return element == nullptr ? std::string() : std::string(trimmed(view_of(element->value)));
}

std::vector<std::string> texts_of(const Item& item, Tag tag) {
  std::vector<std::string> texts;
  const Element* element = item.find(tag);
  if (element == nullptr || element->value.empty()) return texts;
  std::string_view rest = view_of(element->value);
  while (true) {
    const std::size_t slash = rest.find('\\');
    texts.emplace_back(trimmed(rest.substr(0, slash)));
    if (slash == std::string_view::npos) return texts;
    rest.remove_prefix(slash + 1);
  }
}

std::vector<double> numbers_of(const Item& item, Tag tag) {
  std::vector<double> numbers;
  const Element* element = item.find(tag);
  if (element == nullptr || element->value.empty()) return numbers;
  const NumberKind kind = number_kind(element->vr);
  if (kind.bytes == 0) {
    std::string_view rest = view_of(element->value);
    while (true) {
      const std::size_t slash = rest.find('\\');
      if (const auto value = parsed(rest.substr(0, slash))) numbers.push_back(*value);
      if (slash == std::string_view::npos) return numbers;
      rest.remove_prefix(slash + 1);
    }
  }
  for (std::size_t at = 0; at + kind.bytes <= element->value.size(); at += kind.bytes) {
    const auto value = binary_number(element->value, at, kind, element->big_endian);
    if (value) numbers.push_back(*value);
  }
  return numbers;
}

std::optional<double> number_of(const Item& item, Tag tag) {
  const std::vector<double> numbers = numbers_of(item, tag);
  if (numbers.empty()) return std::nullopt;
  return numbers.front();
}

std::optional<std::int64_t> integer_of(const Item& item, Tag tag) {
  const std::optional<double> value = number_of(item, tag);
  if (!value || *value != std::floor(*value) || std::abs(*value) > 9e15) return std::nullopt;
  return static_cast<std::int64_t>(*value);
}

const std::vector<Item>& items_of(const Item& item, Tag tag) noexcept {
  static const std::vector<Item> none;
  const Element* element = item.find(tag);
  return element == nullptr ? none : element->items;
}

const Item* first_item(const Item* item, Tag tag) noexcept {
  if (item == nullptr) return nullptr;
  const std::vector<Item>& items = items_of(*item, tag);
  return items.empty() ? nullptr : &items.front();
}

}  // namespace slicebank::dicom::internal
