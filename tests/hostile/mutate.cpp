#include "tests/hostile/mutate.h"

#include <algorithm>
#include <array>
#include <span>
#include <string>

namespace slicebank::hostile {
namespace {

constexpr std::size_t kBlockMax = 4096;

constexpr std::array<std::uint64_t, 18> kEdges = {
    0,          1,          2,           0x7f,         0x80,        0xff,
    0x7fff,     0x8000,     0xffff,      0x10000,      0x7fffffff,  0x80000000,
    0xfffffffe, 0xffffffff, 0x100000000, 0x7fffffffff, 1ull << 63u, ~0ull};

// What a header or a list might say where nobody expects it.
constexpr std::array<std::string_view, 28> kWords = {
    "0",        "-1",         "1e400", "nan",  "inf",         "4294967296", "18446744073709551616",
    "1e9",      "2147483648", "65535", "../",  "/etc/passwd", "\\u0000",    "\n",
    "\r\n",     "\"",         "[",     "{",    "}",           "]",          ",",
    "\xff\xfe", "%s%n",       "true",  "null", "LIST",        "LOCAL",      "%9999999d"};

class Damage {
 public:
  Damage(const File& other, Random& random, File& file)
      : other_(other), random_(random), file_(file) {}

  void do_one() {
    if (file_.empty()) {
      file_.resize(1 + random_.below(16), std::byte{0xff});
      return;
    }
    switch (random_.below(12)) {
      case 0:
        file_[place()] ^= static_cast<std::byte>(1u << random_.below(8));
        break;
      case 1:
        file_[place()] = static_cast<std::byte>(random_.bits());
        break;
      case 2:
        file_[place()] = static_cast<std::byte>(kEdges[random_.below(6)]);
        break;
      case 3:
      case 4:
      case 5:
        set_field();
        break;
      case 6:
        leave_out();
        break;
      case 7:
        double_block();
        break;
      case 8:
        overwrite();
        break;
      case 9:
        replace_number();
        break;
      case 10:
        file_.resize(place());
        break;
      default:
        splice();
    }
  }

 private:
  // Headers decide more than pixels do: half of all damage is near the beginning.
  std::size_t place() {
    const std::size_t size = file_.size();
    return random_.below(random_.below(2) == 0 ? std::min<std::size_t>(size, 512) : size);
  }
  std::size_t length_from(std::size_t at) {
    return 1 + random_.below(std::min(kBlockMax, file_.size() - at));
  }
  File::iterator there(std::size_t at) { return file_.begin() + static_cast<std::ptrdiff_t>(at); }

  void set_field() {
    const std::size_t bytes = std::size_t{2} << random_.below(3);
    if (file_.size() < bytes) return;
    const std::size_t at = std::min(place(), file_.size() - bytes);
    const std::uint64_t value = kEdges[random_.below(kEdges.size())];
    const bool big_endian = random_.below(2) == 0;
    for (std::size_t i = 0; i < bytes; ++i) {
      const std::size_t shift = 8 * (big_endian ? bytes - 1 - i : i);
      file_[at + i] = static_cast<std::byte>(value >> shift);
    }
  }

  void leave_out() {
    const std::size_t at = place();
    const std::size_t length = length_from(at);
    file_.erase(there(at), there(at + length));
  }

  void double_block() {
    const std::size_t at = place();
    const File block(there(at), there(at + length_from(at)));
    file_.insert(there(place()), block.begin(), block.end());
  }

  void overwrite() {
    const std::size_t at = place();
    const std::size_t length = length_from(at);
    const std::size_t from = place();
    const bool zeros = random_.below(2) == 0;
    for (std::size_t i = 0; i < length; ++i) {
      file_[at + i] = zeros ? std::byte{0} : file_[(from + i) % file_.size()];
    }
  }

  // The digits at some place, or a few bytes where there are none.
  void replace_number() {
    const auto is_digit = [](std::byte byte) {
      return byte >= std::byte{'0'} && byte <= std::byte{'9'};
    };
    const std::size_t at = place();
    auto begin = std::find_if(there(at), file_.end(), is_digit);
    if (begin == file_.end()) begin = there(at);
    auto end = std::find_if_not(begin, file_.end(), is_digit);
    if (random_.below(4) == 0) end = begin;
    const std::string_view word = kWords[random_.below(kWords.size())];
    const auto bytes = std::as_bytes(std::span(word));
    const auto after = file_.erase(begin, end);
    file_.insert(after, bytes.begin(), bytes.end());
  }

  void splice() {
    const std::size_t at = place();
    file_.resize(at);
    const std::size_t from = random_.below(2) == 0 ? at : random_.below(other_.size());
    if (from < other_.size()) {
      file_.insert(file_.end(), other_.begin() + static_cast<std::ptrdiff_t>(from), other_.end());
    }
  }

  const File& other_;
  Random& random_;
  File& file_;
};

}  // namespace

std::uint64_t Random::bits() {
  state_ += 0x9e3779b97f4a7c15;
  std::uint64_t z = state_;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
  z = (z ^ z >> 27) * 0x94d049bb133111eb;
  return z ^ z >> 31;
}

std::size_t Random::below(std::size_t bound) {
  return bound == 0 ? 0 : static_cast<std::size_t>(bits() % bound);
}

std::uint64_t number_of(std::string_view text) {
  std::uint64_t number = 0xcbf29ce484222325;  // FNV-1a
  for (const char c : text) number = (number ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return number;
}

File mutated(const File& seed, const File& other, Random& random) {
  File file = seed;
  Damage damage(other, random, file);
  const std::size_t times = random.below(2) == 0 ? 1 : 1 + random.below(4);
  for (std::size_t i = 0; i < times; ++i) damage.do_one();
  return file;
}

}  // namespace slicebank::hostile
