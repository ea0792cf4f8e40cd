// LD_PRELOAD library of the crash campaigns: counts, kills at and fails the system calls
// by which a program changes files below $TRACE_DIR. tests/crash/README.md says how.
//
// Every call does its work through syscall(), so that nothing here recurses. Lock files
// and shared memory are left out: they hold nothing durable.
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <atomic>

namespace {

constexpr int kDescriptorsMax = 4096;

// Set up once, before the program's first call.
struct Settings {
  char folder[4096] = {};
  size_t folder_size = 0;
  long kill_at = 0;
  long fail_at = 0;
  long fail_run = 1;
  int fail_error = 0;
  bool syncs_only = false;    // FAIL_SYNC: only fsync, fdatasync and O_DSYNC writes fail
  bool short_writes = false;  // FAIL_SHORT: a failing write does half of its work instead
  char count_file[4096] = {};

  Settings() {
    const auto number = [](const char* name) {
      const char* text = getenv(name);
      return text == nullptr ? 0L : strtol(text, nullptr, 10);
    };
    if (const char* text = getenv("TRACE_DIR")) {
      snprintf(folder, sizeof folder, "%s", text);
      folder_size = strlen(folder);
    }
    if (const char* text = getenv("TRACE_COUNT")) {
      snprintf(count_file, sizeof count_file, "%s", text);
    }
    kill_at = number("KILL_AT");
    fail_at = number("FAIL_AT");
    fail_error = static_cast<int>(number("FAIL_ERR"));
    if (getenv("FAIL_RUN") != nullptr) fail_run = number("FAIL_RUN");
    syncs_only = getenv("FAIL_SYNC") != nullptr;
    short_writes = getenv("FAIL_SHORT") != nullptr;
  }
};

const Settings& settings() {
  static const Settings loaded;
  return loaded;
}

std::atomic<long> points{0};
std::atomic<bool> tracked[kDescriptorsMax];
std::atomic<bool> synchronous[kDescriptorsMax];

bool ends_with(const char* text, const char* end) {
  const size_t size = strlen(text);
  const size_t end_size = strlen(end);
  return size >= end_size && strcmp(text + size - end_size, end) == 0;
}

bool is_ours(const char* path) {
  const Settings& set = settings();
  if (set.folder_size == 0 || strncmp(path, set.folder, set.folder_size) != 0) return false;
  return !ends_with(path, "-lock") && !ends_with(path, "-shm") && !ends_with(path, "writer.lock");
}

bool is_tracked(int descriptor) {
  return descriptor >= 0 && descriptor < kDescriptorsMax && tracked[descriptor];
}

enum class Verdict { go_on, fail, half };

// One mutating call is about to happen.
Verdict point(bool sync) {
  const Settings& set = settings();
  const long now = ++points;
  if (now == set.kill_at) {
    syscall(SYS_kill, syscall(SYS_getpid), SIGKILL);
    pause();
  }
  if (set.fail_at == 0 || now < set.fail_at || now >= set.fail_at + set.fail_run) {
    return Verdict::go_on;
  }
  if (set.syncs_only && !sync) return Verdict::go_on;
  if (set.short_writes) return Verdict::half;
  errno = set.fail_error;
  return Verdict::fail;
}

int track(int descriptor, const char* path, int flags) {
  if (descriptor < 0 || descriptor >= kDescriptorsMax) return descriptor;
  tracked[descriptor] = is_ours(path);
  synchronous[descriptor] = (flags & (O_DSYNC | O_SYNC)) != 0;
  return descriptor;
}

int do_open(int folder, const char* path, int flags, mode_t mode) {
  struct stat status;
  const bool creates = (flags & O_CREAT) != 0 && is_ours(path) && ::lstat(path, &status) != 0;
  const bool cuts = (flags & O_TRUNC) != 0 && is_ours(path);
  if ((creates || cuts) && point(false) == Verdict::fail) return -1;
  // Kills do not lose what the kernel has; syncing for real would only take time.
  const int lazy = is_ours(path) ? flags & ~(O_DSYNC | O_SYNC) : flags;
  return track(static_cast<int>(syscall(SYS_openat, folder, path, lazy, mode)), path, flags);
}

size_t half_of(size_t bytes) { return bytes > 1 ? bytes / 2 : bytes; }

ssize_t do_pwritev(int descriptor, const iovec* parts, int count, off_t offset, bool at) {
  const auto whole = [&](const iovec* list, int number) -> ssize_t {
    return at ? syscall(SYS_pwritev, descriptor, list, number, offset, 0)
              : syscall(SYS_writev, descriptor, list, number);
  };
  if (!is_tracked(descriptor)) return whole(parts, count);
  switch (point(synchronous[descriptor])) {
    case Verdict::fail:
      return -1;
    case Verdict::half: {
      const iovec first = {parts[0].iov_base, half_of(parts[0].iov_len)};
      return whole(&first, 1);
    }
    default:
      return whole(parts, count);
  }
}

int do_sync(int descriptor, long call) {
  if (!is_tracked(descriptor)) return static_cast<int>(syscall(call, descriptor));
  return point(true) == Verdict::fail ? -1 : 0;
}

mode_t mode_of(int flags, va_list arguments) {
  return (flags & (O_CREAT | O_TMPFILE)) != 0 ? static_cast<mode_t>(va_arg(arguments, unsigned))
                                              : 0;
}

struct CountAtExit {
  ~CountAtExit() {
    const char* file = settings().count_file;
    if (file[0] == '\0') return;
    char text[32];
    const int size = snprintf(text, sizeof text, "%ld\n", points.load());
    const long out = syscall(SYS_openat, AT_FDCWD, file, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (out >= 0) syscall(SYS_write, out, text, size);
  }
} count_at_exit;

}  // namespace

#define SHIM extern "C" __attribute__((visibility("default")))

SHIM int open(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = mode_of(flags, arguments);
  va_end(arguments);
  return do_open(AT_FDCWD, path, flags, mode);
}

SHIM int open64(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = mode_of(flags, arguments);
  va_end(arguments);
  return do_open(AT_FDCWD, path, flags, mode);
}

SHIM int openat(int folder, const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = mode_of(flags, arguments);
  va_end(arguments);
  return do_open(folder, path, flags, mode);
}

SHIM int close(int descriptor) {
  if (descriptor >= 0 && descriptor < kDescriptorsMax) tracked[descriptor] = false;
  return static_cast<int>(syscall(SYS_close, descriptor));
}

SHIM ssize_t write(int descriptor, const void* data, size_t bytes) {
  const iovec part = {const_cast<void*>(data), bytes};
  return do_pwritev(descriptor, &part, 1, 0, false);
}

SHIM ssize_t pwrite(int descriptor, const void* data, size_t bytes, off_t offset) {
  const iovec part = {const_cast<void*>(data), bytes};
  return do_pwritev(descriptor, &part, 1, offset, true);
}

SHIM ssize_t pwrite64(int descriptor, const void* data, size_t bytes, off64_t offset) {
  const iovec part = {const_cast<void*>(data), bytes};
  return do_pwritev(descriptor, &part, 1, offset, true);
}

SHIM ssize_t writev(int descriptor, const iovec* parts, int count) {
  return do_pwritev(descriptor, parts, count, 0, false);
}

SHIM ssize_t pwritev(int descriptor, const iovec* parts, int count, off_t offset) {
  return do_pwritev(descriptor, parts, count, offset, true);
}

SHIM ssize_t pwritev64(int descriptor, const iovec* parts, int count, off64_t offset) {
  return do_pwritev(descriptor, parts, count, offset, true);
}

SHIM int fsync(int descriptor) { return do_sync(descriptor, SYS_fsync); }
SHIM int fdatasync(int descriptor) { return do_sync(descriptor, SYS_fdatasync); }

SHIM int ftruncate(int descriptor, off_t bytes) noexcept {
  if (is_tracked(descriptor) && point(false) == Verdict::fail) return -1;
  return static_cast<int>(syscall(SYS_ftruncate, descriptor, bytes));
}

SHIM int ftruncate64(int descriptor, off64_t bytes) noexcept {
  if (is_tracked(descriptor) && point(false) == Verdict::fail) return -1;
  return static_cast<int>(syscall(SYS_ftruncate, descriptor, bytes));
}

SHIM int unlink(const char* path) noexcept {
  if (is_ours(path) && point(false) == Verdict::fail) return -1;
  return static_cast<int>(syscall(SYS_unlinkat, AT_FDCWD, path, 0));
}

SHIM int unlinkat(int folder, const char* path, int flags) noexcept {
  // Seen from a folder's descriptor; only removals of whole trees come this way.
  if (is_tracked(folder) && point(false) == Verdict::fail) return -1;
  return static_cast<int>(syscall(SYS_unlinkat, folder, path, flags));
}

SHIM int remove(const char* path) noexcept {
  struct stat status;
  if (::lstat(path, &status) != 0) return -1;
  if (is_ours(path) && point(false) == Verdict::fail) return -1;
  const int flags = S_ISDIR(status.st_mode) ? AT_REMOVEDIR : 0;
  return static_cast<int>(syscall(SYS_unlinkat, AT_FDCWD, path, flags));
}

SHIM int rename(const char* from, const char* to) noexcept {
  if (is_ours(to) && point(false) == Verdict::fail) return -1;
  return static_cast<int>(syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0));
}

SHIM int renameat2(int from_folder, const char* from, int to_folder, const char* to,
                   unsigned flags) noexcept {
  if (is_ours(to) && point(false) == Verdict::fail) return -1;
  return static_cast<int>(syscall(SYS_renameat2, from_folder, from, to_folder, to, flags));
}

SHIM int mkdir(const char* path, mode_t mode) noexcept {
  if (is_ours(path) && point(false) == Verdict::fail) return -1;
  return static_cast<int>(syscall(SYS_mkdirat, AT_FDCWD, path, mode));
}

SHIM int fallocate(int descriptor, int mode, off_t offset, off_t bytes) {
  if (is_tracked(descriptor) && point(false) == Verdict::fail) return -1;
  return static_cast<int>(syscall(SYS_fallocate, descriptor, mode, offset, bytes));
}
