#include "exporters/internal/export_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <system_error>
#include <utility>

#include "schema/error.h"

namespace slicebank::exporting {
namespace {

namespace fs = std::filesystem;

// Says that a partial folder is ours to empty. Its first line never changes.
constexpr const char* kMarkerName = ".slicebank-export";
constexpr std::string_view kMarkerLine = "slicebank unfinished export\n";
constexpr std::string_view kMarkerText =
    "slicebank unfinished export\n"
    "This folder is not complete. Run the same export again, or remove the folder.\n";
constexpr std::size_t kBufferBytes = 1u << 20;
constexpr std::size_t kFoldersOpenMax = 64;
constexpr mode_t kFileMode = 0640;
constexpr mode_t kFolderMode = 0750;

[[noreturn]] void fail(int error, const std::string& what) {
  const std::string message = what + ": " + std::generic_category().message(error);
  if (error == ENOSPC || error == EDQUOT) {
    throw Error(ErrorCode::out_of_space, message,
                "free some space, then run the same export again");
  }
  if (error == EEXIST || error == ENOTEMPTY) throw Error(ErrorCode::already_exists, message);
  throw Error(ErrorCode::io, message);
}

// The destination as an absolute path without links, dots or a trailing slash.
fs::path resolved(const fs::path& destination) {
  std::error_code error;
  fs::path path = fs::weakly_canonical(fs::absolute(destination), error);
  if (error) fail(error.value(), "resolve the destination " + destination.string());
  if (!path.has_filename()) path = path.parent_path();
  if (destination.empty() || !path.has_filename() || !path.has_parent_path()) {
    throw Error(ErrorCode::bad_argument,
                "an export cannot be written to '" + destination.string() + "'",
                "name a new folder");
  }
  return path;
}

void check_destination(const fs::path& destination) {
  std::error_code error;
  const fs::file_status status = fs::symlink_status(destination, error);
  if (status.type() == fs::file_type::not_found) return;
  if (status.type() != fs::file_type::directory) {
    throw Error(ErrorCode::already_exists,
                "the destination " + destination.string() + " is there and is no folder",
                "choose another destination");
  }
  const bool empty = fs::is_empty(destination, error);
  if (error) fail(error.value(), "look into " + destination.string());
  if (!empty) {
    throw Error(ErrorCode::already_exists,
                "the destination " + destination.string() + " is not empty",
                "choose another destination, or remove it first");
  }
}

std::vector<std::string> parts_of(const std::string& path) {
  std::vector<std::string> parts;
  std::size_t begin = 0;
  while (true) {
    const std::size_t end = path.find('/', begin);
    parts.push_back(path.substr(begin, end == std::string::npos ? end : end - begin));
    if (end == std::string::npos) break;
    begin = end + 1;
  }
  for (const auto& part : parts) {
    if (part.empty() || part == "." || part == ".." || part.find('\0') != std::string::npos) {
      throw Error(ErrorCode::bad_argument,
                  "an export cannot write a file of the name '" + path + "'");
    }
  }
  return parts;
}

// Renames without replacing; 0 or errno. Where the file system cannot do it in one step,
// a hard link can, and where there are none, the check before the rename must do.
int rename_new(int folder, const char* from, const char* to) {
  if (::renameat2(folder, from, folder, to, RENAME_NOREPLACE) == 0) return 0;
  if (errno != EINVAL && errno != ENOSYS) return errno;
  if (::linkat(folder, from, folder, to, 0) == 0) {
    ::unlinkat(folder, from, 0);
    return 0;
  }
  if (errno == EEXIST) return errno;
  if (::faccessat(folder, to, F_OK, AT_SYMLINK_NOFOLLOW) == 0) return EEXIST;
  return ::renameat(folder, from, folder, to) == 0 ? 0 : errno;
}

bool marker_is_ours(int descriptor) {
  std::string text(kMarkerLine.size(), '\0');
  const ssize_t got = ::pread(descriptor, text.data(), text.size(), 0);
  // Nothing at all: the power went between making the file and writing to it.
  return got == 0 || (got == static_cast<ssize_t>(text.size()) && text == kMarkerLine);
}

}  // namespace

Descriptor::~Descriptor() {
  if (number_ >= 0) ::close(number_);
}

Descriptor::Descriptor(Descriptor&& other) noexcept : number_(other.release()) {}

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  if (this != &other) {
    if (number_ >= 0) ::close(number_);
    number_ = other.release();
  }
  return *this;
}

int Descriptor::release() noexcept { return std::exchange(number_, -1); }

void write_all(int descriptor, Bytes bytes, const std::string& name) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      fail(errno, "write " + name);
    }
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
}

OutputFile::OutputFile(int folder, Descriptor file, std::string temporary_path, std::string path)
    : folder_(folder),
      file_(std::move(file)),
      temporary_path_(std::move(temporary_path)),
      path_(std::move(path)) {}

void OutputFile::write(Bytes bytes) {
  hash_.update(bytes);
  bytes_ += bytes.size();
  if (buffer_.size() + bytes.size() < kBufferBytes) {
    buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
    return;
  }
  flush();
  write_all(file_.get(), bytes, path_);
}

void OutputFile::write(std::string_view text) { write(std::as_bytes(std::span(text))); }

void OutputFile::flush() {
  write_all(file_.get(), buffer_, path_);
  buffer_.clear();
}

WrittenFile OutputFile::finish() {
  flush();
  // Some file systems tell of a full disk only here.
  if (::close(file_.release()) != 0 && errno != EINTR) fail(errno, "close " + path_);
  const std::string name = path_.substr(path_.rfind('/') + 1);
  if (const int error = rename_new(folder_, temporary_path_.c_str(), name.c_str()); error != 0) {
    ::unlinkat(folder_, temporary_path_.c_str(), 0);
    fail(error, "name the file " + path_);
  }
  return {path_, bytes_, hash_.hex()};
}

ExportFolder::ExportFolder(const fs::path& destination) : destination_(resolved(destination)) {
  partial_ = destination_;
  partial_ += ".partial";
  check_destination(destination_);
  std::error_code error;
  fs::create_directories(destination_.parent_path(), error);
  if (error) fail(error.value(), "make the folder " + destination_.parent_path().string());
  claim();
}

void ExportFolder::claim() {
  if (::mkdir(partial_.c_str(), kFolderMode) != 0 && errno != EEXIST) {
    fail(errno, "make the folder " + partial_.string());
  }
  root_ = Descriptor(::open(partial_.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  const auto not_ours = [&] {
    return Error(ErrorCode::already_exists,
                 partial_.string() + " is there and was not left behind by an export",
                 "remove it, or choose another destination");
  };
  if (!root_.open()) {
    if (errno == ENOTDIR || errno == ELOOP) throw not_ours();
    fail(errno, "open the folder " + partial_.string());
  }
  const int flags = O_RDWR | O_NOFOLLOW | O_CLOEXEC;
  marker_ = Descriptor(::openat(root_.get(), kMarkerName, flags));
  if (!marker_.open()) {
    std::error_code error;
    if (!fs::is_empty(partial_, error) || error) throw not_ours();
    marker_ = Descriptor(::openat(root_.get(), kMarkerName, flags | O_CREAT | O_EXCL, kFileMode));
    if (!marker_.open() && errno != EEXIST) fail(errno, "write to " + partial_.string());
    if (!marker_.open()) marker_ = Descriptor(::openat(root_.get(), kMarkerName, flags));
    if (!marker_.open()) fail(errno, "write to " + partial_.string());
  }
  // The folder may have been published between opening it and the lock.
  struct stat opened = {};
  struct stat named = {};
  if (::flock(marker_.get(), LOCK_EX | LOCK_NB) != 0 || ::fstat(root_.get(), &opened) != 0 ||
      ::lstat(partial_.c_str(), &named) != 0 || opened.st_ino != named.st_ino ||
      opened.st_dev != named.st_dev) {
    throw Error(ErrorCode::locked, "another export is writing to " + partial_.string(),
                "wait for it, or choose another destination");
  }
  if (!marker_is_ours(marker_.get())) throw not_ours();
  remove_content();
  if (::ftruncate(marker_.get(), 0) != 0) fail(errno, "write to " + partial_.string());
  ::lseek(marker_.get(), 0, SEEK_SET);
  write_all(marker_.get(), std::as_bytes(std::span(kMarkerText)), partial_.string());
}

// All but the marker, which goes last and with the folder.
void ExportFolder::remove_content() {
  std::error_code error;
  std::vector<fs::path> content;
  for (fs::directory_iterator entry(partial_, error), end; !error && entry != end;
       entry.increment(error)) {
    if (entry->path().filename() != kMarkerName) content.push_back(entry->path());
  }
  if (error) fail(error.value(), "look into " + partial_.string());
  for (const auto& path : content) {
    fs::remove_all(path, error);
    if (error) fail(error.value(), "remove " + path.string());
  }
}

ExportFolder::~ExportFolder() {
  if (published_ || !root_.open()) return;
  folders_.clear();
  try {
    remove_content();
  } catch (...) {
    return;  // the next export to this destination tries again
  }
  std::error_code ignored;
  fs::remove(partial_ / kMarkerName, ignored);
  fs::remove(partial_, ignored);
}

int ExportFolder::folder_of(const std::string& relative_path) {
  const auto parts = parts_of(relative_path);
  int folder = root_.get();
  std::string path;
  for (std::size_t i = 0; i + 1 < parts.size(); ++i) {
    path += parts[i] + "/";
    const auto known = folders_.find(path);
    if (known != folders_.end()) {
      folder = known->second.get();
      continue;
    }
    if (::mkdirat(folder, parts[i].c_str(), kFolderMode) != 0 && errno != EEXIST) {
      fail(errno, "make the folder " + path);
    }
    Descriptor opened(
        ::openat(folder, parts[i].c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!opened.open()) fail(errno, "open the folder " + path);
    folder = folders_.emplace(path, std::move(opened)).first->second.get();
  }
  return folder;
}

OutputFile ExportFolder::open(const std::string& relative_path) {
  // Open files borrow their folder's descriptor: appended ones lie in the root, written
  // ones are finished before the next is opened, so this is a safe place to let go.
  if (folders_.size() > kFoldersOpenMax) folders_.clear();
  const int folder = folder_of(relative_path);
  const std::string temporary = ".slicebank-" + std::to_string(++temporary_names_) + ".tmp";
  Descriptor file(
      ::openat(folder, temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, kFileMode));
  if (!file.open()) fail(errno, "make the file " + relative_path);
  return OutputFile(folder, std::move(file), temporary, relative_path);
}

void ExportFolder::publish() {
  folders_.clear();
  // One call for what may be millions of files; it also reports earlier write errors.
  if (::syncfs(root_.get()) != 0) fail(errno, "bring the export to the disk");
  if (::rename(partial_.c_str(), destination_.c_str()) != 0) {
    fail(errno, "rename " + partial_.string() + " to " + destination_.string());
  }
  published_ = true;
  ::unlinkat(root_.get(), kMarkerName, 0);
  const Descriptor parent(
      ::open(destination_.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (::fsync(root_.get()) != 0 || !parent.open() || ::fsync(parent.get()) != 0) {
    fail(errno, "bring the folder " + destination_.string() + " to the disk");
  }
}

}  // namespace slicebank::exporting
