#include "query/internal/loader_parallel.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace slicebank {

void for_each_index(std::size_t count, std::uint32_t threads,
                    const std::function<void(std::size_t, BatchScratch&)>& work) {
  constexpr std::uint32_t kThreadsMax = 1024;
  std::atomic<std::size_t> next{0};
  std::mutex mutex;
  std::size_t failed = count;  // the lowest index that did; guarded by mutex
  std::exception_ptr error;
  const auto run = [&] {
    const auto scratch = std::make_unique<BatchScratch>();
    for (std::size_t i = next++; i < count; i = next++) {
      try {
        work(i, *scratch);
      } catch (...) {
        const std::lock_guard lock(mutex);
        next = count;
        if (i < failed) {
          failed = i;
          error = std::current_exception();
        }
      }
    }
  };
  {
    std::vector<std::jthread> helpers;
    const std::size_t most = std::min<std::size_t>({threads, count, kThreadsMax});
    for (std::size_t i = 1; i < most; ++i) helpers.emplace_back(run);
    run();
  }
  if (error) std::rethrow_exception(error);
}

}  // namespace slicebank
