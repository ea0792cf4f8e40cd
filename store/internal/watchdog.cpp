#include "store/internal/watchdog.h"

#include <algorithm>
#include <utility>

#include "schema/error.h"
#include "store/internal/sqlite.h"

namespace slicebank::sqlite {
namespace {

constexpr std::chrono::milliseconds kAgain{10};

thread_local Watchdog* held_to = nullptr;

}  // namespace

Watchdog::Watchdog(std::chrono::steady_clock::time_point deadline, std::stop_token stop)
    : deadline_(deadline),
      stop_(std::move(stop)),
      thread_([this](const std::stop_token& end) { run(end); }) {}

void Watchdog::run(const std::stop_token& end) {
  std::unique_lock lock(mutex_);
  const std::stop_callback wake(stop_, [this] { changed_.notify_all(); });
  // Again and again: an interrupt only ends what is running at that moment.
  auto until = deadline_;
  while (!end.stop_requested()) {
    changed_.wait_until(lock, end, until, [&] { return stop_.stop_requested(); });
    if (end.stop_requested()) return;
    if (!late()) continue;
    for (sqlite3* database : watched_) interrupt(database);
    until = std::chrono::steady_clock::now() + kAgain;
    if (stop_.stop_requested()) changed_.wait_until(lock, end, until, [] { return false; });
  }
}

bool Watchdog::late() const noexcept {
  return stop_.stop_requested() || std::chrono::steady_clock::now() >= deadline_;
}

void Watchdog::check() const {
  if (late()) throw_interrupted(stopped());
}

void Watchdog::throw_interrupted(bool stopped) {
  throw Error(ErrorCode::interrupted,
              stopped ? "the statement was stopped" : "the statement ran out of time",
              "narrow it down, or give it more time");
}

void Watchdog::watch(sqlite3* database) {
  const std::lock_guard lock(mutex_);
  watched_.push_back(database);
}

void Watchdog::leave(sqlite3* database) noexcept {
  const std::lock_guard lock(mutex_);
  watched_.erase(std::find(watched_.begin(), watched_.end(), database));
}

Watchdog* Watchdog::of_this_thread() noexcept { return held_to; }

Watchdog::Scope::Scope(Watchdog& watchdog) noexcept : before_(std::exchange(held_to, &watchdog)) {}

Watchdog::Scope::~Scope() { held_to = before_; }

}  // namespace slicebank::sqlite
