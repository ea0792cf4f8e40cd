// What belongs to a process and not to a handle: its open record files, its locks, and
// what happens to both at a fork.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <memory>

#include "store/internal/descriptor.h"
#include "store/internal/lmdb.h"

namespace slicebank {

// Names this process. Differs in a forked child, also one that got an ancestor's pid.
struct ProcessKey {
  pid_t pid = 0;
  std::uint32_t forks = 0;  // on the way from the first process

  friend bool operator==(const ProcessKey&, const ProcessKey&) = default;
};
ProcessKey current_process() noexcept;

// The environment of a record file, opened when this process has not opened it yet.
// Two of them on one file would drop each other's locks, so there is one for each
// (st_dev, st_ino), closed with its last holder. In a forked child the parent's are left
// alone, not closed, and opened anew.
std::shared_ptr<lmdb::Environment> share_environment(const std::filesystem::path& file,
                                                     bool writable, bool check_structure);

// The lock of the one writer: an OFD lock on writer.lock, which knows of threads and of
// other descriptors in this process, and dies with its holder.
class WriterLock {
 public:
  // Error(locked), naming the holder, after `wait_ms`.
  WriterLock(const std::filesystem::path& bank, std::uint32_t wait_ms);
  ~WriterLock();
  WriterLock(const WriterLock&) = delete;
  WriterLock& operator=(const WriterLock&) = delete;

 private:
  Descriptor descriptor_;
  ProcessKey owner_;
};

}  // namespace slicebank
