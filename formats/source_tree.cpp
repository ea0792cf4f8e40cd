#include "formats/source_tree.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <mutex>
#include <utility>

#include "formats/internal/beneath.h"
#include "schema/error.h"
#include "schema/limits.h"

namespace slicebank {
namespace {

constexpr std::size_t kQuotedBytesMax = 200;  // of foreign text in a message of ours

std::string quote(const std::string& text) {
  std::string shown = printable(text.substr(0, kQuotedBytesMax));
  if (text.size() > kQuotedBytesMax) shown += "...";
  return "'" + shown + "'";
}

[[noreturn]] void refuse(const std::string& path, const std::string& why) {
  throw Error(ErrorCode::bad_format, "path " + quote(path) + " is refused: " + why);
}

class Descriptor {
 public:
  explicit Descriptor(int value) : value_(value) {}
  Descriptor(Descriptor&& other) noexcept : value_(std::exchange(other.value_, -1)) {}
  ~Descriptor() {
    if (value_ >= 0) ::close(value_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  int get() const { return value_; }

 private:
  int value_;
};

// Throws for everything but a regular file beneath the root and a file that is not there;
// the latter is -1.
Descriptor open_regular(int root, const std::string& path, struct stat& status) {
  // Non-blocking: opening a FIFO would otherwise wait for its writer.
  constexpr int kFlags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
  Descriptor file(internal::open_beneath(root, path, kFlags));
  if (file.get() < 0) {
    switch (errno) {
      case ENOENT:
      case ENOTDIR:
        return file;
      case EXDEV:
        refuse(path, "it leads out of the import root");
      case ELOOP:
        refuse(path, "it leads through a symbolic link that may not be followed");
      case ENAMETOOLONG:
        refuse(path, "a name in it is too long");
      case ENXIO:
      case ENODEV:
        refuse(path, "not a regular file");
      default:
        throw Error(ErrorCode::io, quote(path) + ": cannot open: " + std::strerror(errno));
    }
  }
  if (::fstat(file.get(), &status) != 0) {
    throw Error(ErrorCode::io, quote(path) + ": cannot stat: " + std::strerror(errno));
  }
  if (!S_ISREG(status.st_mode)) refuse(path, "not a regular file");
  return file;
}

class FileSource final : public ByteSource {
 public:
  FileSource(Descriptor file, std::uint64_t size) : file_(std::move(file)), size_(size) {}

  std::uint64_t size() const noexcept override { return size_; }

  void read_at(std::uint64_t offset, MutableBytes out, const std::string& what) const override {
    if (offset > size_ || out.size() > size_ - offset) {
      throw Error(ErrorCode::bad_format, what + ": the file is truncated");
    }
    std::size_t filled = 0;
    while (filled < out.size()) {
      const ssize_t got = ::pread(file_.get(), out.data() + filled, out.size() - filled,
                                  static_cast<off_t>(offset + filled));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) throw Error(ErrorCode::io, what + ": cannot read: " + std::strerror(errno));
      if (got == 0) {
        throw Error(ErrorCode::bad_format, what + ": the file became shorter while it was read");
      }
      filled += static_cast<std::size_t>(got);
    }
  }

 private:
  Descriptor file_;
  std::uint64_t size_;
};

// Length of the control character, direction mark or invalid byte at `at`; 0 for text that
// may be shown, whose length goes to `shown`.
std::size_t unprintable(const std::string& text, std::size_t at, std::size_t& shown) {
  const auto byte = [&](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u;
  };
  const auto continues = [&](std::size_t i) { return (byte(i) & 0xc0u) == 0x80u; };
  const unsigned first = byte(at);
  if (first < 0x20 || first == 0x7f) return 1;
  if (first < 0x80) {
    shown = 1;
  } else if (first >= 0xc2 && first < 0xe0 && continues(at + 1)) {
    if (first == 0xc2 && byte(at + 1) < 0xa0) return 2;  // C1 controls
    shown = 2;
  } else if (first >= 0xe0 && first < 0xf0 && continues(at + 1) && continues(at + 2)) {
    const unsigned code =
        (first & 0x0fu) << 12 | (byte(at + 1) & 0x3fu) << 6 | (byte(at + 2) & 0x3fu);
    const bool steers = (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069) ||
                        code == 0x200e || code == 0x200f;
    if (steers || code < 0x800 || (code >= 0xd800 && code < 0xe000)) return 3;
    shown = 3;
  } else if (first >= 0xf0 && first < 0xf5 && continues(at + 1) && continues(at + 2) &&
             continues(at + 3)) {
    shown = 4;
  } else {
    return 1;
  }
  return 0;
}

}  // namespace

std::string printable(const std::string& text) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    std::size_t shown = 0;
    const std::size_t hidden = unprintable(text, at, shown);
    for (std::size_t i = 0; i < hidden; ++i) {
      const auto byte = static_cast<unsigned char>(text[at + i]);
      out += "\\x";
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    }
    out.append(text, at, shown);
    at += hidden + shown;
  }
  return out;
}

std::string clean_relative_path(const std::string& path) {
  if (path.size() > limits::kPathBytesMax) refuse(path, "it is too long");
  if (path.find('\0') != std::string::npos) refuse(path, "it holds a NUL");
  if (path.find_first_of("\n\r") != std::string::npos) refuse(path, "it holds a line break");
  std::string slashed = path;
  for (char& c : slashed) {
    if (c == '\\') c = '/';
  }
  const bool drive = slashed.size() >= 3 && slashed[1] == ':' && slashed[2] == '/' &&
                     ((slashed[0] | 0x20) >= 'a' && (slashed[0] | 0x20) <= 'z');
  if (slashed.starts_with('/') || drive) refuse(path, "it is absolute");

  std::string clean;
  for (std::size_t begin = 0; begin <= slashed.size();) {
    const std::size_t end = std::min(slashed.find('/', begin), slashed.size());
    const std::string part = slashed.substr(begin, end - begin);
    if (part == "..") refuse(path, "it climbs with '..'");
    if (!part.empty() && part != ".") {
      if (!clean.empty()) clean += '/';
      clean += part;
    }
    begin = end + 1;
  }
  if (clean.empty()) refuse(path, "it names no file");
  return clean;
}

struct SourceTree::Shared {
  std::mutex mutex;
  std::map<std::string, std::shared_ptr<void>> kept;
};

SourceTree::SourceTree(const std::filesystem::path& root)
    : root_(root), shared_(std::make_unique<Shared>()) {
  descriptor_ = ::open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (descriptor_ < 0) {
    const int reason = errno;
    throw Error(reason == ENOENT || reason == ENOTDIR ? ErrorCode::not_found : ErrorCode::io,
                printable(root.string()) + ": cannot import from here: " + std::strerror(reason),
                "Give the folder that holds the dataset.");
  }
}

SourceTree::~SourceTree() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

SourceTree::SourceTree(SourceTree&& other) noexcept
    : root_(std::move(other.root_)),
      descriptor_(std::exchange(other.descriptor_, -1)),
      shared_(std::move(other.shared_)) {}

SourceTree& SourceTree::operator=(SourceTree&& other) noexcept {
  std::swap(root_, other.root_);
  std::swap(descriptor_, other.descriptor_);
  std::swap(shared_, other.shared_);
  return *this;
}

std::shared_ptr<void> SourceTree::shared(const std::string& key,
                                         const std::function<std::shared_ptr<void>()>& make) const {
  const std::lock_guard lock(shared_->mutex);
  const auto known = shared_->kept.find(key);
  if (known != shared_->kept.end()) return known->second;
  return shared_->kept.emplace(key, make()).first->second;
}

std::string SourceTree::name() const {
  std::error_code ignored;
  std::filesystem::path absolute = std::filesystem::absolute(root_, ignored).lexically_normal();
  if (!absolute.has_filename()) absolute = absolute.parent_path();  // "data/" ends in a slash
  return absolute.filename().string();
}

std::vector<std::byte> SourceTree::read(const std::string& relative_path) const {
  const std::string path = clean_relative_path(relative_path);
  struct stat status = {};
  const Descriptor file = open_regular(descriptor_, path, status);
  if (file.get() < 0) throw Error(ErrorCode::not_found, quote(path) + ": no such file");
  const auto size = static_cast<std::uint64_t>(status.st_size);
  if (size > limits::kSourceFileBytesMax) {
    throw Error(ErrorCode::limit, quote(path) + ": " + std::to_string(size) +
                                      " bytes; the limit for one file is " +
                                      std::to_string(limits::kSourceFileBytesMax));
  }
  std::vector<std::byte> bytes(size);
  std::size_t filled = 0;
  while (filled < bytes.size()) {
    const ssize_t got = ::read(file.get(), bytes.data() + filled, bytes.size() - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      throw Error(ErrorCode::io, quote(path) + ": cannot read: " + std::strerror(errno));
    }
    if (got == 0) break;  // the file became shorter meanwhile; its decoder will notice
    filled += static_cast<std::size_t>(got);
  }
  bytes.resize(filled);
  return bytes;
}

std::unique_ptr<const ByteSource> SourceTree::open(const std::string& relative_path) const {
  const std::string path = clean_relative_path(relative_path);
  struct stat status = {};
  Descriptor file = open_regular(descriptor_, path, status);
  if (file.get() < 0) throw Error(ErrorCode::not_found, quote(path) + ": no such file");
  return std::make_unique<FileSource>(std::move(file), static_cast<std::uint64_t>(status.st_size));
}

std::optional<FileStamp> SourceTree::stamp(const std::string& relative_path) const {
  const std::string path = clean_relative_path(relative_path);
  struct stat status = {};
  const Descriptor file = open_regular(descriptor_, path, status);
  if (file.get() < 0) return std::nullopt;
  FileStamp stamp;
  stamp.size = static_cast<std::uint64_t>(status.st_size);
  stamp.mtime_ns =
      std::int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + std::int64_t{status.st_mtim.tv_nsec};
  return stamp;
}

}  // namespace slicebank
