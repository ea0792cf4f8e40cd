#include "schema/licence.h"

#include <algorithm>
#include <initializer_list>
#include <set>
#include <string>
#include <vector>

namespace slicebank {
namespace {

bool is_digit(char letter) { return letter >= '0' && letter <= '9'; }

// The text as lower-case words and numbers, each between blanks, blanks at both ends:
// "CC-BY 4.0." -> " cc by 4.0 ". A dot stays only between two digits.
std::string plain_text(std::string_view text) {
  std::string plain = " ";
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char letter = text[at];
    const bool word = (letter >= 'a' && letter <= 'z') || is_digit(letter);
    const bool upper = letter >= 'A' && letter <= 'Z';
    const bool point = letter == '.' && at > 0 && at + 1 < text.size() && is_digit(text[at - 1]) &&
                       is_digit(text[at + 1]);
    if (word || point) {
      plain += letter;
    } else if (upper) {
      plain += static_cast<char>(letter - 'A' + 'a');
    } else if (plain.back() != ' ') {
      plain += ' ';
    }
  }
  if (plain.back() != ' ') plain += ' ';
  return plain;
}

// Whether any of the phrases stands in `plain` as whole words.
bool says(const std::string& plain, std::initializer_list<const char*> phrases) {
  for (const char* phrase : phrases) {
    if (plain.find(std::string(" ") + phrase + " ") != std::string::npos) return true;
  }
  return false;
}

// Version numbers in the text, as "4.0": "v4.0", "4.0" and a lone "4" all count.
std::set<std::string> versions(const std::string& plain) {
  std::set<std::string> found;
  for (std::size_t at = 0; at < plain.size();) {
    const std::size_t end = std::min(plain.find(' ', at), plain.size());
    std::string word = plain.substr(at, end - at);
    at = end + 1;
    if (!word.empty() && word.front() == 'v') word.erase(0, 1);
    if (word.size() == 1 && word[0] >= '1' && word[0] <= '4') word += ".0";
    if (word.size() == 3 && is_digit(word[0]) && word[1] == '.' && is_digit(word[2])) {
      found.insert(word);
    }
  }
  return found;
}

bool says_research_only(const std::string& plain) {
  if (says(plain, {"research only", "research use", "academic use", "academic only",
                   "academic license", "academic licence", "educational use", "non commercial use",
                   "noncommercial use", "non commercial purposes", "noncommercial purposes",
                   "not for commercial use", "no commercial use", "scientific use"})) {
    return true;
  }
  const bool purpose =
      says(plain, {"research", "academic", "educational", "education", "scientific"});
  return purpose && says(plain, {"only", "restricted", "limited", "purposes", "purpose", "use",
                                 "non commercial", "noncommercial"});
}

std::string creative_commons_tag(const std::string& plain) {
  std::string tag = "CC-BY";
  if (says(plain, {"nc", "noncommercial", "non commercial"})) tag += "-NC";
  if (says(plain, {"nd", "noderivatives", "no derivatives", "noderivs", "no derivs"})) {
    tag += "-ND";
  } else if (says(plain, {"sa", "sharealike", "share alike"})) {
    tag += "-SA";
  }
  const std::set<std::string> numbers = versions(plain);
  if (numbers.size() > 1) return "other";
  if (!numbers.empty()) tag += "-" + *numbers.begin();
  return tag;
}

// Creative Commons licences other than CC0.
bool says_creative_commons(const std::string& plain) {
  if (says(plain, {"cc by", "ccby", "by nc", "by sa", "by nd"})) return true;
  return says(plain, {"cc", "creative commons", "creativecommons", "creativecommons org"}) &&
         says(plain, {"by", "attribution"});
}

}  // namespace

std::string licence_tag(std::string_view text) {
  const std::string plain = plain_text(text);
  if (plain == " " || says(plain, {"unknown", "does not have copyright information"}) ||
      plain == " none " || plain == " n a " || plain == " not found " || plain == " not stated " ||
      plain == " none stated " || plain == " unspecified ") {
    return "unknown";
  }
  if (says(plain, {"cc0", "cc zero", "publicdomain zero", "cc 0"})) return "CC0-1.0";
  if (says_creative_commons(plain)) {
    // Words of a non-commercial licence are not a restriction of their own.
    const bool research = says(plain, {"research only", "research use", "academic use",
                                       "research purposes", "academic purposes"});
    return research ? "research-only" : creative_commons_tag(plain);
  }
  if (says_research_only(plain)) return "research-only";
  if (says(plain, {"modified", "custom", "except", "exceptions"})) return "other";
  if (says(plain, {"dbcl", "database contents license", "database contents licence"})) {
    return "DbCL-1.0";
  }
  if (says(plain, {"odbl", "open database license", "open database licence"})) return "ODbL-1.0";
  if (says(plain, {"lgpl", "agpl", "lesser general public", "affero"})) return "other";
  if (says(plain, {"gpl", "gnu general public license", "gnu general public licence", "gpl2",
                   "gpl3", "gplv2", "gplv3"})) {
    const std::set<std::string> numbers = versions(plain);
    if (says(plain, {"gpl2", "gplv2"}) || numbers == std::set<std::string>{"2.0"}) return "GPL-2.0";
    if (says(plain, {"gpl3", "gplv3"}) || numbers == std::set<std::string>{"3.0"}) return "GPL-3.0";
    return "other";
  }
  if (says(plain, {"apache"})) {
    return versions(plain) == std::set<std::string>{"2.0"} ? "Apache-2.0" : "other";
  }
  if (says(plain, {"mit", "mit license", "mit licence"})) return "MIT";
  if (says(plain, {"bsd 3", "bsd 3 clause", "3 clause bsd"})) return "BSD-3-Clause";
  if (says(plain, {"bsd 2", "bsd 2 clause", "2 clause bsd"})) return "BSD-2-Clause";
  return "other";
}

bool redistributable(std::string_view tag) {
  for (const std::string_view open : {"CC0-1.0", "DbCL-1.0", "ODbL-1.0", "GPL-2.0", "GPL-3.0",
                                      "Apache-2.0", "MIT", "BSD-3-Clause", "BSD-2-Clause"}) {
    if (tag == open) return true;
  }
  if (tag.substr(0, 5) != "CC-BY" || tag.find("-ND") != std::string_view::npos) return false;
  return licence_tag(tag) == tag;  // a well-formed tag, not merely one that begins like it
}

}  // namespace slicebank
