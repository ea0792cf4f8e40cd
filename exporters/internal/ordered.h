// Work in many threads, results in order: decode and encode beside each other while one
// thread writes files.
#pragma once

#include <algorithm>
#include <condition_variable>
#include <cstddef>
#include <exception>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>
#include <utility>
#include <vector>

#include "schema/error.h"

namespace slicebank::exporting {

// Calls make(0), make(1), ... on `jobs` threads and take(result) on the calling thread,
// in the order of the numbers. At most `ahead` results are made or wait at any time.
// What make() throws is thrown here when its turn comes; Error(interrupted) after a stop.
template <typename Result>
void for_each_ordered(std::size_t count, unsigned jobs, std::size_t ahead,
                      const std::stop_token& stop, const std::function<Result(std::size_t)>& make,
                      const std::function<void(Result&&)>& take) {
  struct Slot {
    std::optional<Result> result;
    std::exception_ptr failure;
  };
  ahead = std::max<std::size_t>(ahead, 1);
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<Slot> slots(ahead);
  std::size_t next = 0;
  std::size_t taken = 0;
  bool over = false;

  const auto work = [&] {
    std::unique_lock lock(mutex);
    while (true) {
      changed.wait(lock, [&] { return over || next >= count || next < taken + ahead; });
      if (over || next >= count) return;
      const std::size_t number = next++;
      lock.unlock();
      Slot made;
      try {
        made.result.emplace(make(number));
      } catch (...) {
        made.failure = std::current_exception();
      }
      lock.lock();
      slots[number % ahead] = std::move(made);
      changed.notify_all();
    }
  };

  std::vector<std::jthread> threads;
  // However the loop below ends, the threads are told before they are joined.
  struct Ending {
    std::mutex& mutex;
    std::condition_variable& changed;
    bool& over;
    Ending(std::mutex& guard, std::condition_variable& told, bool& ended)
        : mutex(guard), changed(told), over(ended) {}
    Ending(const Ending&) = delete;
    Ending& operator=(const Ending&) = delete;
    ~Ending() {
      const std::scoped_lock lock(mutex);
      over = true;
      changed.notify_all();
    }
  };
  const Ending ending(mutex, changed, over);
  const auto started = std::min<std::size_t>(std::max(jobs, 1u), count);
  for (std::size_t i = 0; i < started; ++i) threads.emplace_back(work);

  for (std::size_t number = 0; number < count; ++number) {
    if (stop.stop_requested()) throw Error(ErrorCode::interrupted, "the export was interrupted");
    Slot slot;
    {
      std::unique_lock lock(mutex);
      Slot& waiting = slots[number % ahead];
      changed.wait(lock, [&] { return waiting.result.has_value() || waiting.failure != nullptr; });
      slot = std::exchange(waiting, Slot{});
      taken = number + 1;
      changed.notify_all();
    }
    if (slot.failure != nullptr) std::rethrow_exception(slot.failure);
    take(std::move(*slot.result));
  }
}

}  // namespace slicebank::exporting
