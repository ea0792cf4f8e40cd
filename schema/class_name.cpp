// The rules that bring one name of many spellings to one form. See docs/taxonomy.md.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "schema/taxonomy.h"

namespace slicebank {
namespace {

constexpr std::string_view kVolumeSuffix = ".nii.gz";

// A letter and an accent that follows it, and the one Latin-1 letter that NFC makes of both.
struct Composition {
  char base;
  std::uint8_t accent;  // second byte of U+0300..U+033F in UTF-8; the first one is 0xcc
  std::uint8_t letter;  // Latin-1, lower case
};

constexpr Composition kCompositions[] = {
    {'a', 0x80, 0xe0}, {'e', 0x80, 0xe8}, {'i', 0x80, 0xec}, {'o', 0x80, 0xf2}, {'u', 0x80, 0xf9},
    {'a', 0x81, 0xe1}, {'e', 0x81, 0xe9}, {'i', 0x81, 0xed}, {'o', 0x81, 0xf3}, {'u', 0x81, 0xfa},
    {'y', 0x81, 0xfd}, {'a', 0x82, 0xe2}, {'e', 0x82, 0xea}, {'i', 0x82, 0xee}, {'o', 0x82, 0xf4},
    {'u', 0x82, 0xfb}, {'a', 0x83, 0xe3}, {'n', 0x83, 0xf1}, {'o', 0x83, 0xf5}, {'a', 0x88, 0xe4},
    {'e', 0x88, 0xeb}, {'i', 0x88, 0xef}, {'o', 0x88, 0xf6}, {'u', 0x88, 0xfc}, {'y', 0x88, 0xff},
    {'a', 0x8a, 0xe5}, {'c', 0xa7, 0xe7},
};

std::uint8_t byte_at(std::string_view text, std::size_t at) {
  return at < text.size() ? static_cast<std::uint8_t>(text[at]) : std::uint8_t{0};
}

void append_latin1(std::string& text, std::uint8_t letter) {
  text += static_cast<char>(0xc0 | (letter >> 6));
  text += static_cast<char>(0x80 | (letter & 0x3f));
}

// Latin-1 letter for `base` under the accent 0xcc `accent`, or 0. `base` is lower case.
std::uint8_t composed(char base, std::uint8_t accent) {
  // U+0327, the cedilla, is 0xcc 0xa7 as well: the whole table lives in one block.
  for (const Composition& entry : kCompositions) {
    if (entry.base == base && entry.accent == accent) return entry.letter;
  }
  return 0;
}

// Lower case and NFC for ASCII and Latin-1 in UTF-8; `_` and every blank become ' '. Other
// bytes, valid UTF-8 or not, pass through.
std::string fold_letters(std::string_view text) {
  std::string folded;
  folded.reserve(text.size());
  for (std::size_t at = 0; at < text.size(); ++at) {
    const std::uint8_t first = byte_at(text, at);
    const std::uint8_t second = byte_at(text, at + 1);
    if (first == '_' || first == ' ' || (first >= '\t' && first <= '\r')) {
      folded += ' ';
    } else if (first >= 'A' && first <= 'Z') {
      folded += static_cast<char>(first - 'A' + 'a');
    } else if (first == 0xc2 && second == 0xa0) {  // no-break space
      folded += ' ';
      ++at;
    } else if (first == 0xc3 && second >= 0x80 && second <= 0x9e && second != 0x97) {
      folded += static_cast<char>(first);  // U+00C0..U+00DE but the multiplication sign
      folded += static_cast<char>(second + 0x20);
      ++at;
    } else if (first == 0xcc && !folded.empty() && composed(folded.back(), second) != 0) {
      const std::uint8_t letter = composed(folded.back(), second);
      folded.pop_back();
      append_latin1(folded, letter);
      ++at;
    } else {
      folded += static_cast<char>(first);
    }
  }
  return folded;
}

std::vector<std::string> split_words(std::string_view text) {
  std::vector<std::string> words;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    if (end > at) words.emplace_back(text.substr(at, end - at));
    at = end + 1;
  }
  return words;
}

std::string join_words(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) {
    if (!text.empty()) text += ' ';
    text += word;
  }
  return text;
}

// "left" or "right" for a word that can only be a side, else empty.
std::string_view side_of(std::string_view word) {
  if (word == "left" || word == "(left)") return "left";
  if (word == "right" || word == "(right)") return "right";
  return {};
}

// "kidney-left" as two words; of the first word also "left-kidney".
std::vector<std::string> split_hyphened_sides(const std::vector<std::string>& words) {
  std::vector<std::string> split;
  for (std::size_t at = 0; at < words.size(); ++at) {
    const std::string& word = words[at];
    bool done = false;
    for (const std::string_view side : {std::string_view("left"), std::string_view("right")}) {
      if (word.size() <= side.size() + 1) continue;
      const std::size_t rest = word.size() - side.size() - 1;
      if (word[rest] == '-' && word.compare(rest + 1, side.size(), side) == 0) {
        split.push_back(word.substr(0, rest));
        split.emplace_back(side);
        done = true;
      } else if (at == 0 && word[side.size()] == '-' && word.compare(0, side.size(), side) == 0) {
        split.emplace_back(side);
        split.push_back(word.substr(side.size() + 1));
        done = true;
      }
      if (done) break;
    }
    if (!done) split.push_back(word);
  }
  return split;
}

// The words with their one side in front; as they were when they name no side or several.
std::vector<std::string> side_first(const std::vector<std::string>& words) {
  const std::vector<std::string> split = split_hyphened_sides(words);
  std::size_t place = split.size();
  std::string side;
  for (std::size_t at = 0; at < split.size(); ++at) {
    const std::string_view found = side_of(split[at]);
    if (found.empty()) continue;
    if (!side.empty()) return words;
    side = found;
    place = at;
  }
  // A last "L" or "R" alone is a side where no side is spelled out: "Kidney L".
  if (side.empty() && split.size() > 1 && (split.back() == "l" || split.back() == "r")) {
    side = split.back() == "l" ? "left" : "right";
    place = split.size() - 1;
  }
  if (side.empty()) return words;

  std::vector<std::string> moved = {side};
  for (std::size_t at = 0; at < split.size(); ++at) {
    if (at != place) moved.push_back(split[at]);
  }
  if (moved.size() > 1 && place + 1 == split.size()) {  // "kidney, left"
    std::string& last = moved.back();
    while (!last.empty() && last.back() == ',') last.pop_back();
    if (last.empty()) return words;
  }
  return moved;
}

std::string drop_volume_suffix(std::string text) {
  for (;;) {
    while (!text.empty() && text.back() == ' ') text.pop_back();
    if (text.size() < kVolumeSuffix.size()) return text;
    const std::size_t rest = text.size() - kVolumeSuffix.size();
    if (text.compare(rest, kVolumeSuffix.size(), kVolumeSuffix) != 0) return text;
    text.resize(rest);
  }
}

std::string normalise_once(std::string_view raw_name) {
  return join_words(side_first(split_words(drop_volume_suffix(fold_letters(raw_name)))));
}

std::string without_case_and_underscore(std::string_view text) {
  std::string plain = fold_letters(text);
  plain.erase(std::remove(plain.begin(), plain.end(), ' '), plain.end());
  return plain;
}

// Damerau-Levenshtein distance of neighbouring swaps (each place edited once), or
// `distance_max` + 1 as soon as it must be larger.
std::size_t edit_distance(std::string_view a, std::string_view b, std::size_t distance_max) {
  const std::size_t difference = a.size() > b.size() ? a.size() - b.size() : b.size() - a.size();
  if (difference > distance_max) return distance_max + 1;

  std::vector<std::size_t> two_back(b.size() + 1);
  std::vector<std::size_t> back(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) back[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    std::size_t row_min = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t change = a[i - 1] == b[j - 1] ? 0 : 1;
      std::size_t best = std::min({back[j] + 1, row[j - 1] + 1, back[j - 1] + change});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        best = std::min(best, two_back[j - 2] + 1);
      }
      row[j] = best;
      row_min = std::min(row_min, best);
    }
    if (row_min > distance_max + 1) return distance_max + 1;  // a swap may still save one
    two_back.swap(back);
    back.swap(row);
  }
  return std::min(back[b.size()], distance_max + 1);
}

}  // namespace

std::string normalise_class_name(std::string_view raw_name) {
  std::string text = normalise_once(raw_name);
  // A side that moves can lay bare a suffix; every further pass makes the text shorter or
  // has nothing to do.
  for (;;) {
    std::string next = normalise_once(text);
    if (next == text) return text;
    text = std::move(next);
  }
}

std::optional<std::string> nearest_name(std::string_view word,
                                        const std::vector<std::string>& candidates) {
  const std::string wanted = without_case_and_underscore(word);
  if (wanted.empty()) return std::nullopt;
  std::size_t distance_max = std::max<std::size_t>(1, wanted.size() / 3);
  const std::string* nearest = nullptr;
  for (const std::string& candidate : candidates) {
    const std::string plain = without_case_and_underscore(candidate);
    const std::size_t distance = edit_distance(wanted, plain, distance_max);
    if (distance > distance_max || distance >= std::max(wanted.size(), plain.size())) continue;
    nearest = &candidate;
    if (distance == 0) break;
    distance_max = distance - 1;  // from here on only something nearer counts
  }
  if (nearest == nullptr) return std::nullopt;
  return *nearest;
}

}  // namespace slicebank
