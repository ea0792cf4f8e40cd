#include "store/internal/file_system.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <utility>

#include "store/internal/descriptor.h"

namespace slicebank {

Error system_error(const std::filesystem::path& path, const char* what) {
  const int error = errno;
  const std::string message = path.string() + ": " + what + ": " + std::strerror(error);
  switch (error) {
    case ENOENT:
      return Error(ErrorCode::not_found, message);
    case EEXIST:
    case ENOTEMPTY:
      return Error(ErrorCode::already_exists, message);
    case ENOSPC:
    case EDQUOT:
      return Error(ErrorCode::out_of_space, message + ": no space left on the disk",
                   "free some space and run it again");
    default:
      return Error(ErrorCode::io, message);
  }
}

void sync_path(const std::filesystem::path& path) {
  const Descriptor descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!descriptor) throw system_error(path, "open");
  // Some file systems do not sync folders and say so with EINVAL.
  if (::fsync(descriptor.get()) != 0 && errno != EINVAL) throw system_error(path, "sync");
}

void write_new_file(const std::filesystem::path& path, std::string_view text) {
  const Descriptor descriptor(
      ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0640));
  if (!descriptor) throw system_error(path, "create");
  while (!text.empty()) {
    const ssize_t written = ::write(descriptor.get(), text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) throw system_error(path, "write");
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  if (::fsync(descriptor.get()) != 0) throw system_error(path, "sync");
}

std::string read_small_file(const std::filesystem::path& path, std::size_t bytes_max) {
  const Descriptor descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!descriptor) throw system_error(path, "open");
  std::string text(bytes_max + 1, '\0');
  std::size_t size = 0;
  while (size < text.size()) {
    const ssize_t got = ::read(descriptor.get(), text.data() + size, text.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw system_error(path, "read");
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  if (size > bytes_max) {
    throw Error(ErrorCode::corrupt,
                path.string() + " has more than " + std::to_string(bytes_max) + " bytes");
  }
  text.resize(size);
  return text;
}

std::string network_filesystem_name(long long type) {
  constexpr std::pair<long long, const char*> kNames[] = {
      {0x6969, "NFS"},          {0x517b, "SMB"},       {0xfe534d42, "SMB"},
      {0xff534d42, "CIFS"},     {0x564c, "NCP"},       {0x5346414f, "AFS"},
      {0x73757245, "Coda"},     {0x00c36400, "Ceph"},  {0x0bd00bd0, "Lustre"},
      {0x47504653, "GPFS"},     {0x01021997, "9P"},    {0x01161970, "GFS2"},
      {0x19830326, "BeeGFS"},   {0x7461636f, "OCFS2"}, {0xaad7aaea, "PanFS"},
      {0x20030528, "OrangeFS"}, {0x013111a8, "IBRIX"},
  };
  for (const auto& [magic, name] : kNames) {
    // The field is signed on some machines, so only 32 bits count.
    if ((type & 0xffffffff) == magic) return name;
  }
  return {};
}

std::string network_filesystem(const std::filesystem::path& path) {
  struct statfs status {};
  if (::statfs(path.c_str(), &status) != 0) throw system_error(path, "statfs");
  return network_filesystem_name(static_cast<long long>(status.f_type));
}

void refuse_network_filesystem(const std::filesystem::path& path, bool allowed) {
  if (allowed) return;
  const std::string name = network_filesystem(path);
  if (name.empty()) return;
  throw Error(ErrorCode::bad_argument,
              path.string() + " lies on a network file system (" + name +
                  "); its locks and mapped files cannot be trusted, so nothing is written there",
              "write the bank to a local disk and copy it when it is finished");
}

bool no_space_left(const std::filesystem::path& folder) noexcept {
  const auto full = [] { return errno == ENOSPC || errno == EDQUOT; };
  const Descriptor probe(::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (!probe) return full();
  static constexpr std::byte kZeros[16'384] = {};
  for (int piece = 0; piece < 16; ++piece) {
    const ssize_t written = ::write(probe.get(), kZeros, sizeof kZeros);
    if (written < 0) return full();
    // A full disk takes a part first; the next attempt says why no more.
  }
  return ::fsync(probe.get()) != 0 && full();
}

std::uint64_t file_size_or_zero(const std::filesystem::path& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 ? static_cast<std::uint64_t>(status.st_size) : 0;
}

}  // namespace slicebank
