#include "formats/internal/dicom_text.h"

#include <iconv.h>

#include <cstdint>

#include "schema/limits.h"

namespace slicebank::dicom::internal {
namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";
constexpr char kEscape = '\x1b';

// How the upper half (G1) or the lower half (G0) of the bytes is read.
struct Half {
  const char* iconv_name = nullptr;  // none: ASCII alone
  std::size_t bytes = 1;             // a character
  bool shift_up = false;             // a G0 set that iconv knows in the upper half
  bool three = false;                // JIS X 0212: EUC-JP wants 0x8f in front
};

struct Sets {
  Half low;
  Half high;
  bool whole = false;  // UTF-8, GB 18030, GBK: no halves, no escapes
};

struct Term {
  std::string_view name;  // the end of the defined term: "IR 100" of ISO_IR 100
  const char* iconv_name;
};

constexpr Term kSingleByte[] = {
    {"IR 100", "ISO-8859-1"}, {"IR 101", "ISO-8859-2"}, {"IR 109", "ISO-8859-3"},
    {"IR 110", "ISO-8859-4"}, {"IR 144", "ISO-8859-5"}, {"IR 127", "ISO-8859-6"},
    {"IR 126", "ISO-8859-7"}, {"IR 138", "ISO-8859-8"}, {"IR 148", "ISO-8859-9"},
    {"IR 166", "TIS-620"},    {"IR 13", "SHIFT_JIS"},   {"IR 203", "ISO-8859-15"}};

// What follows ESC, and the half it changes. The order matters: longer ones first.
struct Escape {
  std::string_view bytes;
  bool low;
  Half half;
};

constexpr Escape kEscapes[] = {{"$(D", true, {"EUC-JP", 2, true, true}},
                               {"$B", true, {"EUC-JP", 2, true, false}},
                               {"$@", true, {"EUC-JP", 2, true, false}},
                               {"(B", true, {}},
                               {"(J", true, {}},
                               {"$)C", false, {"EUC-KR", 2}},
                               {"$)A", false, {"GB2312", 2}},
                               {")I", false, {"SHIFT_JIS", 1}},
                               {"-A", false, {"ISO-8859-1", 1}},
                               {"-B", false, {"ISO-8859-2", 1}},
                               {"-C", false, {"ISO-8859-3", 1}},
                               {"-D", false, {"ISO-8859-4", 1}},
                               {"-L", false, {"ISO-8859-5", 1}},
                               {"-G", false, {"ISO-8859-6", 1}},
                               {"-F", false, {"ISO-8859-7", 1}},
                               {"-H", false, {"ISO-8859-8", 1}},
                               {"-M", false, {"ISO-8859-9", 1}},
                               {"-T", false, {"TIS-620", 1}},
                               {"-b", false, {"ISO-8859-15", 1}}};

// Converts with the C library; bytes that mean nothing become U+FFFD.
std::string converted(std::string bytes, const char* from) {
  std::string out;
  const iconv_t handle = iconv_open("UTF-8", from);
  if (handle == reinterpret_cast<iconv_t>(-1)) {
    for (const char byte : bytes) {
      if (static_cast<unsigned char>(byte) < 0x80) {
        out += byte;
      } else {
        out += kReplacement;
      }
    }
    return out;
  }
  char* in = bytes.data();
  std::size_t in_left = bytes.size();
  while (in_left > 0) {
    char buffer[256];
    char* to = buffer;
    std::size_t room = sizeof buffer;
    const std::size_t before = in_left;
    const std::size_t status = iconv(handle, &in, &in_left, &to, &room);
    out.append(buffer, sizeof buffer - room);
    if (status == static_cast<std::size_t>(-1) && in_left == before && room == sizeof buffer) {
      out += kReplacement;  // an invalid or incomplete character
      ++in;
      --in_left;
      iconv(handle, nullptr, nullptr, nullptr, nullptr);
    }
  }
  iconv_close(handle);
  return out;
}

std::size_t utf8_length(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned lead = byte(at);
  if (lead < 0x80) return 1;
  const std::size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || at + length > text.size()) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(at + i) & 0xc0) != 0x80) return 0;
  }
  if ((lead == 0xe0 && byte(at + 1) < 0xa0) || (lead == 0xed && byte(at + 1) > 0x9f) ||
      (lead == 0xf0 && byte(at + 1) < 0x90) || (lead == 0xf4 && byte(at + 1) > 0x8f)) {
    return 0;
  }
  return length;
}

bool is_utf8(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = utf8_length(text, at);
    if (length == 0) return false;
    at += length;
  }
  return true;
}

Sets initial_sets(const std::vector<std::string>& character_sets) {
  Sets sets;
  if (character_sets.empty() || character_sets.front().empty()) return sets;
  const std::string& term = character_sets.front();
  const auto ends_with = [&](std::string_view end) {
    return term.size() >= end.size() &&
           std::string_view(term).substr(term.size() - end.size()) == end &&
           (term.size() == end.size() || term[term.size() - end.size() - 1] == ' ' ||
            term[term.size() - end.size() - 1] == '_');
  };
  if (ends_with("IR 192")) {
    sets.whole = true;
    sets.high.iconv_name = "UTF-8";
  } else if (term == "GB18030" || term == "GBK") {
    sets.whole = true;
    sets.high.iconv_name = "GB18030";  // GBK is a part of it
  } else if (ends_with("IR 149")) {
    sets.high = {"EUC-KR", 2};
  } else if (ends_with("IR 58")) {
    sets.high = {"GB2312", 2};
  }
  for (const Term& single : kSingleByte) {
    if (ends_with(single.name)) sets.high = {single.iconv_name, 1};
  }
  return sets;
}

std::string decoded_with_escapes(std::string_view text, const Sets& initial) {
  std::string out;
  Sets sets = initial;
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    if (c == kEscape) {
      bool found = false;
      for (const Escape& escape : kEscapes) {
        if (text.substr(at + 1, escape.bytes.size()) != escape.bytes) continue;
        (escape.low ? sets.low : sets.high) = escape.half;
        at += 1 + escape.bytes.size();
        found = true;
        break;
      }
      if (!found) ++at;
      continue;
    }
    const bool high = static_cast<unsigned char>(c) >= 0x80;
    const Half& half = high ? sets.high : sets.low;
    const bool control = static_cast<unsigned char>(c) < 0x20;
    if (control || (!high && half.iconv_name == nullptr)) {
      // Every delimiter brings the initial sets back.
      if (control || c == '\\' || c == '^' || c == '=') sets = initial;
      out += c;
      ++at;
      continue;
    }
    if (half.iconv_name == nullptr) {
      out += kReplacement;
      ++at;
      continue;
    }
    // All characters of this half in a row go to iconv at once.
    std::string run;
    while (at < text.size() && text[at] != kEscape &&
           (static_cast<unsigned char>(text[at]) >= 0x80) == high &&
           static_cast<unsigned char>(text[at]) >= 0x20) {
      if (half.three) run += '\x8f';
      for (std::size_t i = 0; i < half.bytes && at < text.size(); ++i, ++at) {
        run += half.shift_up ? static_cast<char>(text[at] | '\x80') : text[at];
      }
    }
    out += converted(std::move(run), half.iconv_name);
  }
  return out;
}

}  // namespace

std::string to_utf8(std::string_view text, const std::vector<std::string>& character_sets) {
  text = text.substr(0, 4 * limits::kNameBytesMax);
  const Sets sets = initial_sets(character_sets);
  std::string out;
  const bool escapes = text.find(kEscape) != std::string_view::npos;
  if (sets.whole) {
    out = sets.high.iconv_name == std::string_view("UTF-8") && is_utf8(text)
              ? std::string(text)
              : converted(std::string(text), sets.high.iconv_name);
  } else if (sets.high.iconv_name == nullptr && !escapes) {
    out = is_utf8(text) ? std::string(text) : converted(std::string(text), "ISO-8859-1");
  } else {
    out = decoded_with_escapes(text, sets);
  }
  for (char& c : out) {
    if (static_cast<unsigned char>(c) < 0x20 || c == '\x7f') c = ' ';
  }
  const std::size_t first = out.find_first_not_of(' ');
  if (first == std::string::npos) return {};
  out = out.substr(first, out.find_last_not_of(' ') - first + 1);
  if (out.size() > limits::kNameBytesMax) {
    std::size_t end = limits::kNameBytesMax;
    while ((static_cast<unsigned char>(out[end]) & 0xc0) == 0x80) --end;
    out.resize(end);
  }
  return out;
}

}  // namespace slicebank::dicom::internal
