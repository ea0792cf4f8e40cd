// A time limit that is kept: what runs on the connections it watches is interrupted when its
// time is over, also inside one long step, such as count(*).
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stop_token>
#include <thread>
#include <vector>

struct sqlite3;

namespace slicebank::sqlite {

class Watchdog {
 public:
  Watchdog(std::chrono::steady_clock::time_point deadline, std::stop_token stop);

  bool late() const noexcept;
  void check() const;  // Error(interrupted) when it is late
  // Says which of the two it was.
  [[noreturn]] static void throw_interrupted(bool stopped);
  bool stopped() const noexcept { return stop_.stop_requested(); }

  // Any thread. A connection is left before it is closed or lent to somebody else.
  void watch(sqlite3* database);
  void leave(sqlite3* database) noexcept;

  // The one that this thread's use of the index is held to; null when there is none.
  static Watchdog* of_this_thread() noexcept;

  // Makes it that one, until the end of the scope.
  class Scope {
   public:
    explicit Scope(Watchdog& watchdog) noexcept;
    ~Scope();
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    Watchdog* before_;
  };

 private:
  void run(const std::stop_token& end);

  const std::chrono::steady_clock::time_point deadline_;
  const std::stop_token stop_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::vector<sqlite3*> watched_;
  std::jthread thread_;  // last, so that it is joined before the rest is gone
};

}  // namespace slicebank::sqlite
