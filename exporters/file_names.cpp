#include "exporters/internal/file_names.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "exporters/exporter.h"
#include "exporters/internal/xxh3.h"

namespace slicebank {
namespace {

constexpr std::size_t kSafeNameBytesMax = 80;
constexpr std::size_t kHashSuffixBytes = 18;  // "_x" and 16 hex digits

bool is_safe_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '_' || c == '-';
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// Names that Windows keeps for devices, with any extension.
bool is_device_name(std::string_view name) {
  std::string base(name.substr(0, name.find('.')));
  while (!base.empty() && base.back() == ' ') base.pop_back();
  std::transform(base.begin(), base.end(), base.begin(), lower);
  constexpr std::array<std::string_view, 6> kDevices = {"con", "prn",    "aux",
                                                        "nul", "conin$", "conout$"};
  if (std::find(kDevices.begin(), kDevices.end(), base) != kDevices.end()) return true;
  return base.size() == 4 && (base.starts_with("com") || base.starts_with("lpt")) &&
         base[3] >= '0' && base[3] <= '9';
}

bool ends_like_a_changed_name(std::string_view name) {
  if (name.size() < kHashSuffixBytes) return false;
  const std::string_view end = name.substr(name.size() - kHashSuffixBytes);
  if (!end.starts_with("_x")) return false;
  return std::all_of(end.begin() + 2, end.end(),
                     [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool is_safe_as_it_is(std::string_view name) {
  return !name.empty() && name.size() <= kSafeNameBytesMax && name.front() != '.' &&
         name.front() != '-' && name.back() != '.' &&
         std::all_of(name.begin(), name.end(), is_safe_byte) && !is_device_name(name) &&
         !ends_like_a_changed_name(name);
}

}  // namespace

std::string safe_file_name(std::string_view name) {
  if (is_safe_as_it_is(name)) return std::string(name);
  std::string slug;
  for (const char c : name) {
    if (slug.size() == kSafeNameBytesMax - kHashSuffixBytes) break;
    const char safe = is_safe_byte(c) ? c : '_';
    const bool unwanted_start = slug.empty() && (safe == '.' || safe == '-' || safe == '_');
    const bool repeated = !slug.empty() && safe == '_' && slug.back() == '_';
    if (!unwanted_start && !repeated) slug.push_back(safe);
  }
  // The hash ends in front of any extension's dot, so "CON.txt" needs its dot gone.
  if (slug.empty() || is_device_name(slug)) {
    std::replace(slug.begin(), slug.end(), '.', '_');
    slug.insert(0, "n");
    slug.resize(std::min(slug.size(), kSafeNameBytesMax - kHashSuffixBytes));
  }
  return slug + "_x" + exporting::xxh3_64_hex(name);
}

namespace exporting {

bool is_valid_utf8(std::string_view text) {
  std::size_t i = 0;
  const auto byte = [&](std::size_t at) { return static_cast<std::uint8_t>(text[at]); };
  while (i < text.size()) {
    const std::uint8_t first = byte(i);
    std::size_t length = 1;
    std::uint32_t code = first;
    if (first >= 0x80) {
      if (first >= 0xC2 && first <= 0xDF) {
        length = 2;
        code = first & 0x1Fu;
      } else if (first >= 0xE0 && first <= 0xEF) {
        length = 3;
        code = first & 0x0Fu;
      } else if (first >= 0xF0 && first <= 0xF4) {
        length = 4;
        code = first & 0x07u;
      } else {
        return false;
      }
      if (text.size() - i < length) return false;
      for (std::size_t k = 1; k < length; ++k) {
        if ((byte(i + k) & 0xC0u) != 0x80u) return false;
        code = (code << 6) | (byte(i + k) & 0x3Fu);
      }
      const bool overlong = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
      if (overlong || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) return false;
    }
    i += length;
  }
  return true;
}

bool is_plain_name(std::string_view name) {
  if (name.empty() || name.size() > kPlainNameBytesMax) return false;
  if (name.front() == '.' || name.front() == '-' || name.front() == ' ') return false;
  if (name.back() == '.' || name.back() == ' ') return false;
  constexpr std::string_view kForbidden = "/\\:*?\"<>|";
  for (const char c : name) {
    if (static_cast<std::uint8_t>(c) < 0x20 || c == 0x7F) return false;
    if (kForbidden.find(c) != std::string_view::npos) return false;
  }
  // C1 controls steer terminals as well: U+0080 to U+009F are C2 80 to C2 9F.
  for (std::size_t i = 0; i + 1 < name.size(); ++i) {
    if (static_cast<std::uint8_t>(name[i]) == 0xC2 && static_cast<std::uint8_t>(name[i + 1]) < 0xA0)
      return false;
  }
  return is_valid_utf8(name) && !is_device_name(name);
}

std::string plain_or_safe(std::string_view name) {
  return is_plain_name(name) ? std::string(name) : safe_file_name(name);
}

}  // namespace exporting
}  // namespace slicebank
