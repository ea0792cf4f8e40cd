// Long calls that Ctrl-C ends.
#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>

#include "python/native/native.h"

namespace slicebank::python {
namespace {

constexpr std::chrono::milliseconds kLook{50};

}  // namespace

void run_interruptibly(const std::function<void(std::stop_token)>& job,
                       const std::function<void()>& told) {
  std::mutex mutex;
  std::condition_variable ended_changed;
  bool ended = false;
  std::exception_ptr job_failed;
  std::exception_ptr caller_failed;
  {
    const nb::gil_scoped_release release;
    std::jthread thread([&](std::stop_token stop) {
      try {
        job(stop);
      } catch (...) {
        job_failed = std::current_exception();
      }
      const std::lock_guard lock(mutex);
      ended = true;
      ended_changed.notify_all();
    });
    std::unique_lock lock(mutex);
    while (!ended_changed.wait_for(lock, kLook, [&] { return ended; })) {
      if (caller_failed) continue;
      lock.unlock();
      {
        const nb::gil_scoped_acquire acquire;
        try {
          if (PyErr_CheckSignals() != 0) throw nb::python_error();
          if (told) told();
        } catch (...) {
          caller_failed = std::current_exception();
          thread.request_stop();
        }
      }
      lock.lock();
    }
  }
  if (caller_failed) std::rethrow_exception(caller_failed);
  if (job_failed) std::rethrow_exception(job_failed);
  if (told) told();
}

}  // namespace slicebank::python
