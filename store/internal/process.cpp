#include "store/internal/process.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include "schema/error.h"

namespace slicebank {
namespace {

// Descriptors of held writer locks. A forked child closes its copies, or the lock would
// live as long as the child. Plain atomics: the handler may do nothing more.
constexpr std::size_t kLocksMax = 64;
std::array<std::atomic<int>, kLocksMax>& held_locks() {
  static std::array<std::atomic<int>, kLocksMax> descriptors{};  // descriptor + 1; 0 is free
  return descriptors;
}

std::atomic<std::uint32_t>& fork_count() {
  static std::atomic<std::uint32_t> count{0};
  return count;
}

void after_fork_in_child() {
  fork_count().fetch_add(1, std::memory_order_relaxed);
  for (auto& slot : held_locks()) {
    const int number = slot.exchange(0);
    if (number > 0) ::close(number - 1);
  }
}

// The one table of this process. It is the one mutable global of the library: LMDB
// itself is unsafe with two environments on one file, and only a table that all handles
// share can see that.
struct Table {
  using FileId = std::pair<dev_t, ino_t>;
  struct Entry {
    std::unique_ptr<lmdb::Environment> environment;
    std::size_t holders = 0;
  };

  explicit Table(ProcessKey key) : owner(key) {}

  const ProcessKey owner;
  std::mutex mutex;
  std::map<FileId, Entry> entries;
};

Table& table() {
  static std::atomic<Table*> current{nullptr};
  const ProcessKey key = current_process();
  Table* known = current.load(std::memory_order_acquire);
  while (known == nullptr || !(known->owner == key)) {
    // The parent's table is left as it is: its mutex may be held by a thread that does
    // not exist here, and its environments must not be closed.
    auto fresh = std::make_unique<Table>(key);
    if (current.compare_exchange_strong(known, fresh.get(), std::memory_order_acq_rel)) {
      return *fresh.release();
    }
  }
  return *known;
}

struct Release {
  Table* table;
  Table::FileId id;

  void operator()(lmdb::Environment*) const {
    if (!(table->owner == current_process())) return;  // the parent's
    const std::lock_guard lock(table->mutex);
    const auto entry = table->entries.find(id);
    if (--entry->second.holders == 0) table->entries.erase(entry);
  }
};

std::string holder_text() {
  utsname host{};
  ::uname(&host);
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  ::gmtime_r(&now, &utc);
  char time[32] = {};
  std::strftime(time, sizeof time, "%Y-%m-%dT%H:%M:%SZ", &utc);
  return "pid " + std::to_string(::getpid()) + " on " + host.nodename + " since " + time + "\n";
}

std::string read_holder(int descriptor) {
  char text[256] = {};
  const ssize_t got = ::pread(descriptor, text, sizeof text - 1, 0);
  std::string holder(text, got > 0 ? static_cast<std::size_t>(got) : 0);
  for (char& letter : holder) {
    if (static_cast<unsigned char>(letter) < 0x20 || letter == 0x7f) letter = ' ';
  }
  while (!holder.empty() && holder.back() == ' ') holder.pop_back();
  return holder.empty() ? "another process" : holder;
}

}  // namespace

ProcessKey current_process() noexcept {
  static const bool registered = ::pthread_atfork(nullptr, nullptr, after_fork_in_child) == 0;
  (void)registered;
  return {::getpid(), fork_count().load(std::memory_order_relaxed)};
}

std::shared_ptr<lmdb::Environment> share_environment(const std::filesystem::path& file,
                                                     bool writable, bool check_structure) {
  struct stat status {};
  if (::stat(file.c_str(), &status) != 0) {
    throw Error(errno == ENOENT ? ErrorCode::not_found : ErrorCode::io,
                file.string() + ": " + std::strerror(errno));
  }
  Table& shared = table();
  const Table::FileId id{status.st_dev, status.st_ino};
  const std::lock_guard lock(shared.mutex);
  auto entry = shared.entries.find(id);
  if (entry == shared.entries.end()) {
    auto environment = std::make_unique<lmdb::Environment>(
        file, lmdb::EnvironmentOptions{
                  .writable = writable, .create = false, .check_structure = check_structure});
    entry = shared.entries.try_emplace(id).first;
    entry->second.environment = std::move(environment);
  } else if (writable) {
    entry->second.environment->make_writable(check_structure);
  } else if (check_structure) {
    entry->second.environment->check_structure();
  }
  ++entry->second.holders;
  return {entry->second.environment.get(), Release{&shared, id}};
}

WriterLock::WriterLock(const std::filesystem::path& bank, std::uint32_t wait_ms)
    : owner_(current_process()) {
  const auto file = bank / "writer.lock";
  descriptor_ = Descriptor(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640));
  if (!descriptor_) {
    throw Error(ErrorCode::io, file.string() + ": " + std::strerror(errno),
                "writing needs write access to the bank's folder");
  }
  const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(wait_ms);
  for (;;) {
    struct flock lock {};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    if (::fcntl(descriptor_.get(), F_OFD_SETLK, &lock) == 0) break;
    if (errno != EAGAIN && errno != EACCES && errno != EINTR) {
      throw Error(ErrorCode::io, file.string() + ": lock: " + std::strerror(errno));
    }
    if (std::chrono::steady_clock::now() >= until) {
      throw Error(ErrorCode::locked,
                  bank.string() + " is being written by " + read_holder(descriptor_.get()),
                  "wait until it has finished");
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  for (auto& slot : held_locks()) {
    int free = 0;
    if (slot.compare_exchange_strong(free, descriptor_.get() + 1)) break;
  }
  // For people only; nobody decides by it.
  const std::string holder = holder_text();
  if (::ftruncate(descriptor_.get(), 0) != 0 ||
      ::pwrite(descriptor_.get(), holder.data(), holder.size(), 0) < 0) {
    return;
  }
}

WriterLock::~WriterLock() {
  if (!(owner_ == current_process())) {
    (void)descriptor_.release();  // already closed by the fork handler
    return;
  }
  for (auto& slot : held_locks()) {
    int own = descriptor_.get() + 1;
    if (slot.compare_exchange_strong(own, 0)) break;
  }
  struct flock lock {};
  lock.l_type = F_UNLCK;
  lock.l_whence = SEEK_SET;
  (void)::fcntl(descriptor_.get(), F_OFD_SETLK, &lock);
}

}  // namespace slicebank
