#include "query/loader.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <new>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include "query/internal/batch_job.h"
#include "query/internal/batch_maker_state.h"
#include "query/internal/fork_count.h"
#include "schema/error.h"

namespace slicebank {
namespace {

constexpr std::chrono::milliseconds kPollEvery{50};
constexpr std::size_t kSkippedNamed = 1000;
constexpr std::uint32_t kThreadsMax = 1024;
constexpr std::uint32_t kPrefetchMax = 65'536;
constexpr std::uint32_t kBatchSizeMax = 1u << 24;

// A batch on its way. All but `job` is guarded by the engine's mutex.
struct Order {
  BatchJob job;
  bool preparing = false;
  bool prepared = false;
  std::size_t next = 0;  // item that no thread has taken
  std::size_t left = 0;  // items that are not done
  bool done = false;

  Order(std::vector<LoadItem> items, OnError on_error) : job(std::move(items), on_error) {}
};

// The threads of one process and the orders they work on, oldest first.
class Engine {
 public:
  Engine(const BatchMaking& making, std::uint32_t threads) : making_(making) {
    threads_.reserve(threads);
    try {
      for (std::uint32_t i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
    } catch (const std::system_error&) {
      // Fewer threads than asked for do the same, only later.
      if (threads_.empty()) throw;
    }
  }

  ~Engine() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    work_.notify_all();
  }  // joins

  void add(std::shared_ptr<Order> order) {
    {
      const std::lock_guard lock(mutex_);
      order->left = order->job.items().size();
      orders_.push_back(std::move(order));
    }
    work_.notify_all();
  }

  // Whether the order is done before `until`.
  bool wait(const Order& order, std::chrono::steady_clock::time_point until) {
    std::unique_lock lock(mutex_);
    return done_.wait_until(lock, until, [&] { return order.done; });
  }

 private:
  enum class Task { none, prepare, item };

  // The oldest thing to do. Called with the mutex held.
  Task take(std::shared_ptr<Order>* order, std::size_t* item) {
    for (const std::shared_ptr<Order>& each : orders_) {
      if (!each->preparing) {
        each->preparing = true;
        *order = each;
        return Task::prepare;
      }
      if (!each->prepared || each->next == each->job.items().size()) continue;
      *item = each->next++;
      *order = each;
      return Task::item;
    }
    return Task::none;
  }

  // Called with the mutex held.
  void close(const std::shared_ptr<Order>& order) {
    order->done = true;
    orders_.erase(std::find(orders_.begin(), orders_.end(), order));
    done_.notify_all();
  }

  void work() {
    const auto scratch = std::make_unique<BatchScratch>();
    std::unique_lock lock(mutex_);
    while (!stopping_) {
      std::shared_ptr<Order> order;
      std::size_t item = 0;
      const Task task = take(&order, &item);
      if (task == Task::none) {
        work_.wait(lock);
        continue;
      }
      lock.unlock();
      bool runs = true;
      if (task == Task::prepare) {
        runs = order->job.prepare(making_);
      } else {
        order->job.run(making_, item, *scratch);
      }
      lock.lock();
      if (task == Task::prepare) {
        order->prepared = true;
        if (runs && order->left > 0) {
          work_.notify_all();
        } else {
          close(order);
        }
      } else if (--order->left == 0) {
        close(order);
      }
    }
  }

  const BatchMaking making_;
  std::mutex mutex_;
  std::condition_variable work_;
  std::condition_variable done_;
  std::deque<std::shared_ptr<Order>> orders_;  // not done
  bool stopping_ = false;
  std::vector<std::jthread> threads_;  // last: they are joined before the rest goes
};

void check_options(const LoaderOptions& options) {
  const auto check = [](std::uint32_t value, std::uint32_t most, const char* what) {
    if (value >= 1 && value <= most) return;
    throw Error(ErrorCode::bad_argument, std::string("LoaderOptions::") + what + " is " +
                                             std::to_string(value) + "; it goes from 1 to " +
                                             std::to_string(most));
  };
  check(options.batch_size, kBatchSizeMax, "batch_size");
  check(options.threads, kThreadsMax, "threads");
  check(options.prefetch, kPrefetchMax, "prefetch");
}

ItemSource source_of(std::vector<SampleId> ids, std::uint64_t first_position) {
  return [ids = std::move(ids), first_position, next = std::size_t{0}](LoadItem* item) mutable {
    if (next == ids.size()) return false;
    *item = {ids[next], first_position + next};
    ++next;
    return true;
  };
}

}  // namespace

struct Loader::State {
  std::shared_ptr<BatchMaker::State> maker;
  ItemSource source;
  LoaderOptions options;

  std::deque<std::shared_ptr<Order>> pending;  // in the order of the ids
  std::exception_ptr source_error;
  bool source_ended = false;
  std::unique_ptr<Engine> engine;
  std::uint32_t engine_forks = 0;
  std::atomic<bool> stopped{false};
  std::uint64_t given = 0;
  std::uint64_t skipped_count = 0;
  std::vector<SkippedSample> skipped;

  State(std::shared_ptr<BatchMaker::State> the_maker, ItemSource the_source,
        const LoaderOptions& the_options)
      : maker(std::move(the_maker)), source(std::move(the_source)), options(the_options) {
    check_options(options);
    fork_count();  // counts from now on
  }

  ~State() { leave_if_foreign(); }

  // In a forked child: the parent's threads are not here, its locks may be held for ever and
  // its batches half made. What they are made of is left alone, not freed.
  bool leave_if_foreign() noexcept {
    if (!engine || engine_forks == fork_count()) return false;
    static_cast<void>(engine.release());
    for (std::shared_ptr<Order>& order : pending) {
      static_cast<void>(new (std::nothrow) std::shared_ptr<Order>(std::move(order)));
    }
    return true;
  }

  void start() {
    if (engine && engine_forks == fork_count()) return;
    if (engine) {
      std::vector<std::vector<LoadItem>> again;
      for (const auto& order : pending) again.push_back(order->job.items());
      leave_if_foreign();
      pending.clear();
      for (auto& items : again) {
        pending.push_back(std::make_shared<Order>(std::move(items), options.on_error));
      }
    }
    const BatchMaking making{maker->bank, maker->reader, maker->plan, maker->pool(), options.key};
    engine_forks = fork_count();
    engine = std::make_unique<Engine>(making, options.threads);
    for (const auto& order : pending) engine->add(order);
  }

  // Orders what may be made ahead.
  void top_up(std::size_t most) {
    while (!source_ended && pending.size() < most) {
      std::vector<LoadItem> items;
      items.reserve(std::min<std::size_t>(options.batch_size, 4096));
      try {
        LoadItem item;
        while (items.size() < options.batch_size && source(&item)) items.push_back(item);
      } catch (...) {
        source_error = std::current_exception();
        source_ended = true;
        return;
      }
      if (items.size() < options.batch_size) source_ended = true;
      if (items.empty() || (source_ended && options.drop_last)) return;
      auto order = std::make_shared<Order>(std::move(items), options.on_error);
      pending.push_back(order);
      engine->add(std::move(order));
    }
  }

  void wait_for(const Order& order, const std::function<void()>& poll) {
    auto until = std::chrono::steady_clock::now();  // the first look does not wait
    while (!engine->wait(order, until)) {
      check_stopped();
      if (poll) poll();
      until = std::chrono::steady_clock::now() + kPollEvery;
    }
  }

  void check_stopped() const {
    if (stopped.load()) throw Error(ErrorCode::interrupted, "the loader was stopped");
  }

  void note_skipped(const Batch& batch) {
    skipped_count += batch.skipped.size();
    for (const SkippedSample& each : batch.skipped) {
      if (skipped.size() < kSkippedNamed) skipped.push_back(each);
    }
  }
};

Loader::Loader(Bank bank, BatchSpec spec, std::vector<SampleId> ids, const LoaderOptions& options,
               std::uint64_t first_position)
    : Loader(std::move(bank), std::move(spec), source_of(std::move(ids), first_position), options) {
}

Loader::Loader(Bank bank, BatchSpec spec, ItemSource source, const LoaderOptions& options)
    : state_(std::make_unique<State>(
          std::make_shared<BatchMaker::State>(std::move(bank), std::move(spec),
                                              std::size_t{options.prefetch} + 2),
          std::move(source), options)) {}

Loader::Loader(const BatchMaker& maker, ItemSource source, const LoaderOptions& options)
    : state_(std::make_unique<State>(maker.state_, std::move(source), options)) {}

Loader::~Loader() = default;
Loader::Loader(Loader&&) noexcept = default;
Loader& Loader::operator=(Loader&&) noexcept = default;

std::shared_ptr<Batch> Loader::next(const std::function<void()>& poll) {
  State& state = *state_;
  while (true) {
    state.check_stopped();
    state.start();
    state.top_up(std::size_t{state.options.prefetch} + 1);
    if (state.pending.empty()) {
      if (state.source_error) std::rethrow_exception(std::exchange(state.source_error, nullptr));
      return nullptr;
    }
    const std::shared_ptr<Order> order = state.pending.front();
    state.wait_for(*order, poll);
    state.pending.pop_front();
    state.given += order->job.items().size();
    state.top_up(state.options.prefetch);
    std::shared_ptr<Batch> batch = order->job.finish();
    state.note_skipped(*batch);
    if (batch->size != 0) return batch;  // else all of it was skipped
  }
}

void Loader::stop() noexcept { state_->stopped.store(true); }

std::uint64_t Loader::given() const noexcept { return state_->given; }

std::uint64_t Loader::skipped_count() const noexcept { return state_->skipped_count; }

const std::vector<SkippedSample>& Loader::skipped() const noexcept { return state_->skipped; }

}  // namespace slicebank
