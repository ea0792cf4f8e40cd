#include "importers/internal/json_elements.h"

#include <algorithm>
#include <cstddef>
#include <set>
#include <vector>

#include "formats/source_tree.h"
#include "schema/error.h"
#include "schema/limits.h"

namespace slicebank::internal {
namespace {

constexpr std::size_t kElementBytesMax = 64u << 20;
constexpr std::size_t kPartBytes = 1u << 18;
constexpr std::size_t kMembersMax = 1000;
constexpr int kEnd = -1;

class ElementReader {
 public:
  ElementReader(const ByteSource& file, const std::string& name,
                const std::function<bool(std::string_view)>& wanted,
                const std::function<bool(const JsonElement&)>& element)
      : file_(file), name_(name), wanted_(wanted), element_(element) {}

  void run() {
    if (file_.size() >= 3) {
      std::byte mark[3];
      file_.read_at(0, mark, name_);
      if (mark[0] == std::byte{0xef} && mark[1] == std::byte{0xbb} && mark[2] == std::byte{0xbf}) {
        at_ = 3;
      }
    }
    skip_blanks();
    expect('{');
    std::set<std::string> seen;
    for (skip_blanks(); peek() != '}'; skip_blanks()) {
      if (!seen.empty()) {
        expect(',');
        skip_blanks();
      }
      const std::string member = read_key();
      if (!seen.insert(member).second) fail("the key '" + printable(member) + "' twice");
      if (seen.size() > kMembersMax) fail("more members than such a file has");
      skip_blanks();
      expect(':');
      skip_blanks();
      if (!read_member(member)) return;
    }
    expect('}');
    skip_blanks();
    if (peek() != kEnd) fail("something behind its end");
  }

 private:
  [[noreturn]] void fail(const std::string& why) const {
    throw Error(ErrorCode::bad_format,
                name_ + ": at byte " + std::to_string(at_) + ": " + why + "; no JSON as expected",
                "The file may be damaged; compare it with the original.");
  }

  int peek() {
    if (at_ < part_begin_ || at_ >= part_begin_ + part_.size()) {
      const std::uint64_t left = file_.size() - std::min(at_, file_.size());
      if (left == 0) return kEnd;
      part_.resize(std::min<std::uint64_t>(kPartBytes, left));
      file_.read_at(at_, part_, name_);
      part_begin_ = at_;
    }
    return static_cast<int>(part_[at_ - part_begin_]);
  }

  int next() {
    const int c = peek();
    if (c == kEnd) fail("the file ends early");
    ++at_;
    return c;
  }

  void expect(char wanted) {
    if (peek() != wanted) fail(std::string("a '") + wanted + "' is missing");
    ++at_;
  }

  void skip_blanks() {
    for (int c = peek(); c == ' ' || c == '\n' || c == '\r' || c == '\t'; c = peek()) ++at_;
  }

  // Keys of this layout are plain words.
  std::string read_key() {
    expect('"');
    std::string key;
    for (int c = next(); c != '"'; c = next()) {
      if (c == '\\') c = next();
      key += static_cast<char>(c);
      if (key.size() > limits::kNameBytesMax) fail("a key that is too long");
    }
    return key;
  }

  bool read_member(const std::string& member) {
    const bool keep = wanted_(member);
    if (peek() != '[') return read_value(member, false, keep);
    ++at_;
    bool first = true;
    for (skip_blanks(); peek() != ']'; skip_blanks()) {
      if (!first) {
        expect(',');
        skip_blanks();
      }
      first = false;
      if (!read_value(member, true, keep)) return false;
    }
    expect(']');
    return true;
  }

  // One value up to what ends it, by its quotes and brackets alone.
  bool read_value(const std::string& member, bool in_array, bool keep) {
    text_.clear();
    const std::uint64_t offset = at_;
    std::size_t depth = 0;
    bool quoted = false;
    while (true) {
      const int c = peek();
      if (c == kEnd) fail("the file ends early");
      const bool ends = !quoted && depth == 0 && (c == ',' || c == ']' || c == '}');
      if (ends) break;
      ++at_;
      if (keep) put(static_cast<char>(c));
      if (quoted) {
        if (c == '\\') {
          const char escaped = static_cast<char>(next());
          if (keep) put(escaped);
        } else if (c == '"') {
          quoted = false;
        }
      } else if (c == '"') {
        quoted = true;
      } else if (c == '{' || c == '[') {
        if (++depth > limits::kJsonDepthMax) {
          throw Error(ErrorCode::limit,
                      name_ + ": more than " + std::to_string(limits::kJsonDepthMax) + " levels");
        }
      } else if (c == '}' || c == ']') {
        if (--depth == 0) break;
      }
    }
    if (at_ == offset) fail("a value is missing");
    return !keep || element_({member, in_array, text_, offset});
  }

  void put(char c) {
    if (text_.size() >= kElementBytesMax) {
      throw Error(ErrorCode::limit, name_ + ": an element of more than " +
                                        std::to_string(kElementBytesMax) + " bytes");
    }
    text_ += c;
  }

  const ByteSource& file_;
  const std::string& name_;
  const std::function<bool(std::string_view)>& wanted_;
  const std::function<bool(const JsonElement&)>& element_;
  std::uint64_t at_ = 0;
  std::uint64_t part_begin_ = 0;
  std::vector<std::byte> part_;
  std::string text_;
};

}  // namespace

void for_each_json_element(const ByteSource& file, const std::string& name,
                           const std::function<bool(std::string_view)>& wanted,
                           const std::function<bool(const JsonElement&)>& element) {
  ElementReader(file, name, wanted, element).run();
}

}  // namespace slicebank::internal
