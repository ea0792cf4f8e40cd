#include "formats/json_stream.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <nlohmann/json.hpp>
#include <utility>

#include "formats/source_tree.h"
#include "schema/error.h"
#include "schema/limits.h"

namespace slicebank::json {
namespace {

constexpr std::size_t kQuotedBytesMax = 120;  // of foreign text in a message of ours

std::string quote(const std::string& text) {
  std::string shown = printable(text.substr(0, kQuotedBytesMax));
  if (text.size() > kQuotedBytesMax) shown += "...";
  return "\"" + shown + "\"";
}

// The file, one byte at a time, with line and column, and with a bound on how many bytes
// one token may have: the parser keeps a token in memory before anybody can judge it.
class Source {
 public:
  explicit Source(const std::filesystem::path& path) : name_(path.filename().string()) {
    // Non-blocking, so that a pipe in the place of the file cannot hold us up.
    descriptor_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (descriptor_ < 0) {
      const int reason = errno;
      throw Error(reason == ENOENT ? ErrorCode::not_found : ErrorCode::io,
                  name_ + ": cannot open: " + std::strerror(reason));
    }
    struct stat status = {};
    if (::fstat(descriptor_, &status) != 0 || !S_ISREG(status.st_mode)) {
      ::close(descriptor_);
      throw Error(ErrorCode::bad_format, name_ + ": not a regular file");
    }
  }
  ~Source() { ::close(descriptor_); }
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;

  bool at_end() {
    if (next_ < filled_) return false;
    if (ended_) return true;
    ssize_t size = 0;
    do {
      size = ::read(descriptor_, buffer_.data(), buffer_.size());
    } while (size < 0 && errno == EINTR);
    if (size < 0) throw Error(ErrorCode::io, name_ + ": cannot read: " + std::strerror(errno));
    next_ = 0;
    filled_ = static_cast<std::size_t>(size);
    ended_ = size == 0;
    return ended_;
  }

  char current() const { return buffer_[next_]; }

  void advance() {
    const char byte = buffer_[next_++];
    if (byte == '\n') {
      ++line_;
      column_ = 0;
    } else {
      ++column_;
    }
    count_token_byte(byte);
  }

  [[noreturn]] void fail(const std::string& why, ErrorCode code = ErrorCode::bad_format) const {
    throw Error(code,
                name_ + ": line " + std::to_string(line_) + ", column " + std::to_string(column_) +
                    ": " + why,
                "The file may be damaged or of another layout; compare it with the original.");
  }

 private:
  void count_token_byte(char byte) {
    ++token_bytes_;
    if (in_string_) {
      if (escaped_) {
        escaped_ = false;
      } else if (byte == '\\') {
        escaped_ = true;
      } else if (byte == '"') {
        in_string_ = false;
        token_bytes_ = 0;
      }
    } else if (byte == '"') {
      in_string_ = true;
      token_bytes_ = 0;
    } else if (std::strchr(" \t\r\n,:[]{}", byte) != nullptr) {
      token_bytes_ = 0;
    }
    if (token_bytes_ > limits::kJsonStringBytesMax) {
      fail("a string or number of more than " + std::to_string(limits::kJsonStringBytesMax) +
               " bytes",
           ErrorCode::limit);
    }
  }

  std::string name_;
  int descriptor_ = -1;
  std::array<char, 64 * 1024> buffer_{};
  std::size_t next_ = 0;
  std::size_t filled_ = 0;
  bool ended_ = false;
  std::uint64_t line_ = 1;
  std::uint64_t column_ = 0;
  std::size_t token_bytes_ = 0;
  bool in_string_ = false;
  bool escaped_ = false;
};

// What nlohmann's parser reads from. All copies share the source; one that is null is
// the end.
class SourceIterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = char;

  SourceIterator() = default;
  explicit SourceIterator(Source& source) : source_(&source) {}

  char operator*() const { return source_->current(); }
  SourceIterator& operator++() {
    source_->advance();
    return *this;
  }
  // Only ever compared with the end.
  friend bool operator==(const SourceIterator& a, const SourceIterator& b) {
    return a.done() == b.done();
  }
  friend bool operator!=(const SourceIterator& a, const SourceIterator& b) { return !(a == b); }

 private:
  bool done() const { return source_ == nullptr || source_->at_end(); }

  Source* source_ = nullptr;
};

// Which keys were seen, as 64-bit hashes in one flat table: 16 to 32 bytes a key. Two of
// four million keys share a hash once in two million files.
class KeySet {
 public:
  bool insert(const std::string& key) {
    if ((used_ + 1) * 2 > slots_.size()) grow();
    const std::uint64_t hash = std::hash<std::string>{}(key) | 1;  // 0 marks a free slot
    if (!place(hash)) return false;
    ++used_;
    return true;
  }

  void clear() {
    slots_.assign(64, 0);
    used_ = 0;
  }

 private:
  bool place(std::uint64_t hash) {
    const std::size_t mask = slots_.size() - 1;
    std::size_t at = (hash >> 1) & mask;
    while (slots_[at] != 0) {
      if (slots_[at] == hash) return false;
      at = (at + 1) & mask;
    }
    slots_[at] = hash;
    return true;
  }

  void grow() {
    const std::vector<std::uint64_t> old =
        std::exchange(slots_, std::vector<std::uint64_t>(slots_.size() * 2, 0));
    for (const std::uint64_t hash : old) {
      if (hash != 0) place(hash);
    }
  }

  std::vector<std::uint64_t> slots_ = std::vector<std::uint64_t>(64, 0);
  std::size_t used_ = 0;
};

// Common to both shapes: what is not expected is refused, with its place in the file.
class Handler : public nlohmann::json_sax<nlohmann::json> {
 public:
  Handler(Source& source, const char* expected) : source_(source), expected_(expected) {}

  bool null() override { unexpected("null"); }
  bool boolean(bool) override { unexpected("true or false"); }
  bool number_integer(number_integer_t) override { unexpected("a number"); }
  bool number_unsigned(number_unsigned_t) override { unexpected("a number"); }
  bool number_float(number_float_t, const string_t&) override { unexpected("a number"); }
  bool string(string_t&) override { unexpected("a string"); }
  bool binary(binary_t&) override { unexpected("binary data"); }
  bool start_object(std::size_t) override { unexpected("an object"); }
  bool start_array(std::size_t) override { unexpected("a list"); }
  bool end_array() override { unexpected("the end of a list"); }

  bool parse_error(std::size_t, const std::string&, const nlohmann::json::exception& e) override {
    // "[...] parse error at line 1, column 2: reason"; the place is said by our own source.
    const std::string text = e.what();
    const auto place = text.find("column ");
    const auto reason = place == std::string::npos ? place : text.find(": ", place);
    source_.fail(printable((reason == std::string::npos ? text : text.substr(reason + 2))
                               .substr(0, 3 * kQuotedBytesMax)));
  }

 protected:
  [[noreturn]] void unexpected(const char* what) const {
    source_.fail(std::string("found ") + what + " where only " + expected_ + " can be read");
  }

  void check_new(KeySet& keys, const string_t& key) const {
    if (!keys.insert(key)) source_.fail("the key " + quote(key) + " occurs twice");
  }

  Source& source_;
  const char* expected_;
};

// {"key": ["value", ...], "key": "value"}
class ListHandler final : public Handler {
 public:
  using Entry = std::function<bool(const std::string&, const std::vector<std::string>&)>;

  ListHandler(Source& source, const Entry& entry)
      : Handler(source, "an object of lists of strings"), entry_(entry) {}

  bool start_object(std::size_t) override {
    if (inside_) unexpected("an object");
    inside_ = true;
    return true;
  }
  bool end_object() override { return true; }

  bool key(string_t& key) override {
    check_new(keys_, key);
    key_ = std::move(key);
    return true;
  }

  bool start_array(std::size_t) override {
    if (!inside_ || in_list_) unexpected("a list");
    in_list_ = true;
    return true;
  }

  bool string(string_t& value) override {
    if (!inside_) unexpected("a string");
    value_bytes_ += value.size();
    if (value_bytes_ > limits::kJsonLineBytesMax || values_.size() >= limits::kAnnotationsMax) {
      source_.fail("the list of " + quote(key_) + " is longer than " +
                       std::to_string(limits::kAnnotationsMax) + " entries or " +
                       std::to_string(limits::kJsonLineBytesMax) + " bytes",
                   ErrorCode::limit);
    }
    values_.push_back(std::move(value));
    return in_list_ || give();
  }

  bool end_array() override {
    in_list_ = false;
    return give();
  }

 private:
  bool give() {
    const bool more = entry_(key_, values_);
    values_.clear();
    value_bytes_ = 0;
    return more;
  }

  const Entry& entry_;
  KeySet keys_;
  bool inside_ = false;
  bool in_list_ = false;
  std::string key_;
  std::vector<std::string> values_;
  std::size_t value_bytes_ = 0;
};

// {"outer": {"inner": "value", "inner": 3}}
class MapHandler final : public Handler {
 public:
  using Entry = std::function<bool(const std::string&, const std::string&, const std::string&)>;

  MapHandler(Source& source, const Entry& entry)
      : Handler(source, "an object of objects of strings"), entry_(entry) {}

  bool start_object(std::size_t) override {
    if (depth_ == 2) unexpected("an object");
    ++depth_;
    inner_keys_.clear();
    return true;
  }

  bool end_object() override {
    --depth_;
    return true;
  }

  bool key(string_t& key) override {
    check_new(depth_ == 1 ? outer_keys_ : inner_keys_, key);
    (depth_ == 1 ? outer_ : inner_) = std::move(key);
    return true;
  }

  bool string(string_t& value) override { return give(value); }
  bool number_integer(number_integer_t value) override { return give(std::to_string(value)); }
  bool number_unsigned(number_unsigned_t value) override { return give(std::to_string(value)); }
  bool number_float(number_float_t, const string_t& text) override { return give(text); }

 private:
  bool give(const std::string& value) {
    if (depth_ != 2) unexpected("a string or number");
    return entry_(outer_, inner_, value);
  }

  const Entry& entry_;
  KeySet outer_keys_;
  KeySet inner_keys_;
  int depth_ = 0;
  std::string outer_;
  std::string inner_;
};

void parse(Source& source, Handler& handler) {
  // Comes back with false only when an entry wanted no more; everything wrong throws.
  nlohmann::json::sax_parse(SourceIterator(source), SourceIterator(), &handler);
}

}  // namespace

void for_each_string_list(
    const std::filesystem::path& file,
    const std::function<bool(const std::string& key, const std::vector<std::string>& values)>&
        entry) {
  Source source(file);
  ListHandler handler(source, entry);
  parse(source, handler);
}

void for_each_string_map(
    const std::filesystem::path& file,
    const std::function<bool(const std::string& outer, const std::string& inner,
                             const std::string& value)>& entry) {
  Source source(file);
  MapHandler handler(source, entry);
  parse(source, handler);
}

}  // namespace slicebank::json
