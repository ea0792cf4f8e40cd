#include "query/internal/fork_count.h"

#include <pthread.h>

#include <atomic>

namespace slicebank {
namespace {

std::atomic<std::uint32_t>& counter() noexcept {
  static std::atomic<std::uint32_t> count{0};
  return count;
}

}  // namespace

std::uint32_t fork_count() noexcept {
  static const int registered = ::pthread_atfork(nullptr, nullptr, [] { counter().fetch_add(1); });
  static_cast<void>(registered);
  return counter().load(std::memory_order_relaxed);
}

}  // namespace slicebank
