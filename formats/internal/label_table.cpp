#include "formats/internal/label_table.h"

#include <array>
#include <charconv>
#include <optional>
#include <utility>

#include "formats/internal/header_text.h"
#include "schema/limits.h"

namespace slicebank::internal {
namespace {

constexpr std::string_view kCdataBegin = "<![CDATA[";
constexpr std::string_view kCdataEnd = "]]>";

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

// The value of Key in the text of a tag: Key="7" or Key='7'.
std::optional<std::uint32_t> key_of(std::string_view tag) {
  for (std::size_t at = tag.find("Key"); at != std::string_view::npos;
       at = tag.find("Key", at + 1)) {
    if (at == 0 || !is_blank(tag[at - 1])) continue;
    std::size_t value = at + 3;
    while (value < tag.size() && (is_blank(tag[value]) || tag[value] == '=')) ++value;
    if (value >= tag.size() || (tag[value] != '"' && tag[value] != '\'')) return std::nullopt;
    const std::size_t end = tag.find(tag[value], value + 1);
    if (end == std::string_view::npos) return std::nullopt;
    const auto number = to_integer(trimmed(tag.substr(value + 1, end - value - 1)));
    if (!number || *number < 0 || *number > 0xffffffffLL) return std::nullopt;
    return static_cast<std::uint32_t>(*number);
  }
  return std::nullopt;
}

std::string utf8(std::uint32_t code) {
  const auto tail = [](std::uint32_t bits) { return static_cast<char>(0x80u | (bits & 0x3fu)); };
  if (code < 0x80) return {static_cast<char>(code)};
  if (code < 0x800) return {static_cast<char>(0xc0u | code >> 6), tail(code)};
  if (code < 0x10000) return {static_cast<char>(0xe0u | code >> 12), tail(code >> 6), tail(code)};
  return {static_cast<char>(0xf0u | code >> 18), tail(code >> 12), tail(code >> 6), tail(code)};
}

// The character that "amp" or "#228" or "#xe4" stands for; nothing for any other name.
std::optional<std::string> character_of(std::string_view name) {
  constexpr std::array<std::pair<std::string_view, char>, 5> kNamed = {
      {{"amp", '&'}, {"lt", '<'}, {"gt", '>'}, {"quot", '"'}, {"apos", '\''}}};
  for (const auto& [known, character] : kNamed) {
    if (name == known) return std::string(1, character);
  }
  if (name.size() < 2 || name[0] != '#') return std::nullopt;
  const bool hexadecimal = name[1] == 'x';
  name.remove_prefix(hexadecimal ? 2 : 1);
  std::uint32_t code = 0;
  const auto [end, error] =
      std::from_chars(name.data(), name.data() + name.size(), code, hexadecimal ? 16 : 10);
  const bool surrogate = code >= 0xd800 && code < 0xe000;
  if (error != std::errc() || end != name.data() + name.size() || code == 0 || surrogate ||
      code > 0x10ffff) {
    return std::nullopt;
  }
  return utf8(code);
}

std::string unescaped(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    constexpr std::size_t kReferenceMax = 12;
    const std::size_t end = text[at] == '&' ? text.find(';', at) : std::string_view::npos;
    if (end != std::string_view::npos && end - at <= kReferenceMax) {
      if (const auto character = character_of(text.substr(at + 1, end - at - 1))) {
        out += *character;
        at = end;
        continue;
      }
    }
    out += text[at];
  }
  return out;
}

std::string name_of(std::string_view text) {
  text = trimmed(text);
  if (!text.starts_with(kCdataBegin)) return unescaped(text);
  text.remove_prefix(kCdataBegin.size());
  return std::string(trimmed(text.substr(0, text.find(kCdataEnd))));
}

}  // namespace

std::map<std::uint32_t, std::string> parse_label_table(std::string_view xml) {
  constexpr std::string_view kLabel = "<Label";
  constexpr std::size_t kLabelsMax = 65'535;
  std::map<std::uint32_t, std::string> names;
  const std::size_t begin = xml.find("<LabelTable");
  if (begin == std::string_view::npos) return names;
  xml = xml.substr(begin, xml.find("</LabelTable", begin) - begin);
  for (std::size_t at = xml.find(kLabel, 1); at != std::string_view::npos;
       at = xml.find(kLabel, at + 1)) {
    const std::size_t attributes = at + kLabel.size();
    if (attributes >= xml.size() || !is_blank(xml[attributes])) continue;
    const std::size_t close = xml.find('>', attributes);
    if (close == std::string_view::npos) break;
    const std::string_view tag = xml.substr(attributes, close - attributes);
    const auto key = key_of(tag);
    if (!key || tag.ends_with('/')) continue;
    std::size_t end = close + 1;
    if (trimmed(xml.substr(end)).starts_with(kCdataBegin)) end = xml.find(kCdataEnd, end);
    end = end == std::string_view::npos ? end : xml.find("</Label>", end);
    if (end == std::string_view::npos) break;
    std::string name = name_of(xml.substr(close + 1, end - close - 1));
    if (!name.empty() && name.size() <= limits::kNameBytesMax) names.emplace(*key, std::move(name));
    if (names.size() >= kLabelsMax) break;
  }
  return names;
}

}  // namespace slicebank::internal
