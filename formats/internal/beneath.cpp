#include "formats/internal/beneath.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace slicebank::internal {
namespace {

bool is_link(int directory, const std::string& name) {
  struct stat status = {};
  return ::fstatat(directory, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 &&
         S_ISLNK(status.st_mode);
}

}  // namespace

int open_beneath_by_kernel(int directory, const std::string& relative_path, int flags) {
#ifdef SYS_openat2
  open_how how = {};
  how.flags = static_cast<decltype(how.flags)>(flags);
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  long descriptor = -1;
  do {  // EAGAIN: a rename raced with the resolution; ask again.
    descriptor = ::syscall(SYS_openat2, directory, relative_path.c_str(), &how, sizeof how);
  } while (descriptor < 0 && (errno == EAGAIN || errno == EINTR));
  return static_cast<int>(descriptor);
#else
  errno = ENOSYS;
  return -1;
#endif
}

int open_beneath_by_walk(int directory, const std::string& relative_path, int flags) {
  constexpr int kPartFlags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  int at = directory;
  std::size_t begin = 0;
  while (true) {
    const std::size_t slash = relative_path.find('/', begin);
    const std::string part = relative_path.substr(begin, slash - begin);
    const bool last = slash == std::string::npos;
    int next = -1;
    if (part == "..") {
      errno = EXDEV;
    } else {
      next = ::openat(at, part.c_str(), last ? flags | O_NOFOLLOW : kPartFlags);
    }
    int reason = errno;
    if (next < 0 && reason == ENOTDIR && is_link(at, part)) reason = ELOOP;
    if (at != directory) ::close(at);
    errno = reason;
    if (next < 0 || last) return next;
    at = next;
    begin = slash + 1;
  }
}

int open_beneath(int directory, const std::string& relative_path, int flags) {
  const int descriptor = open_beneath_by_kernel(directory, relative_path, flags);
  // ENOSYS: an old kernel. EPERM: a sandbox that does not know the call.
  if (descriptor >= 0 || (errno != ENOSYS && errno != EPERM)) return descriptor;
  return open_beneath_by_walk(directory, relative_path, flags);
}

}  // namespace slicebank::internal
