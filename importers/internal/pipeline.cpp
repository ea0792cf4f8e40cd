#include "importers/internal/pipeline.h"

#include <algorithm>
#include <atomic>
#include <cassert>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "importers/internal/error_kind.h"
#include "importers/internal/item_problem.h"
#include "importers/internal/slice_options.h"
#include "schema/error.h"
#include "schema/limits.h"
#include "store/dictionary.h"

namespace slicebank::internal {
namespace {

constexpr std::size_t kScannedAhead = 256;
constexpr std::size_t kItemsUnderWayPerJob = 4;
constexpr std::size_t kSlicesWaitingPerJob = 8;
constexpr auto kMoment = std::chrono::milliseconds(100);

// Thrown through decode() when the import was stopped: the item is dropped.
struct Stopped {};

// An item between admit() and its outcome. Decoded by one thread; its slices are encoded
// by any. Everything but `failed` is under the pipeline's mutex once the first slice is out.
struct ItemWork {
  std::uint64_t number = 0;
  Outcome outcome;
  std::deque<std::optional<EncodedSlice>> slices;  // grows at its end; places stay
  std::size_t encoding = 0;                        // slices that are out
  bool decoded = false;
  bool dropped = false;
  bool forgotten = false;            // another was begun in its place
  std::atomic<bool> failed = false;  // what is still out need not be encoded
};

// A slice that waits for a thread.
struct SliceWork {
  std::shared_ptr<ItemWork> item;
  std::size_t place = 0;
  Sample sample;
};

// The reason of a failed item; called while the exception is being handled.
Problem reason_of_failure(const SourceItem& item) {
  try {
    throw;
  } catch (const ItemError& error) {
    return skipped(error.kind(), shown_path(error.path()), error.what());
  } catch (const Error& error) {
    return skipped(problem_kind(error, "missing-image", "bad-file"), item.key, error.what());
  } catch (const std::bad_alloc&) {
    return skipped("too-large", item.key, "there is not enough memory for it");
  } catch (const std::exception& error) {
    return skipped("bad-file", item.key, error.what());
  }
}

struct Encoded {
  EncodedSlice slice;
  std::uint64_t held_bytes = 0;
};

Encoded encode(Sample&& sample, Effort effort) {
  Encoded out;
  if (Dictionary::suits(sample.image.shape)) {
    out.held_bytes = sample.image.image_hwc.size() * (1 + sample.masks.size());
    out.slice.tiny = std::move(sample);
    return out;
  }
  CodecOptions codec;
  codec.effort = effort;
  out.slice.encoded = encode_sample(sample, codec);
  out.held_bytes = out.slice.encoded.record.size();
  return out;
}

}  // namespace

struct Pipeline::State {
  State(const Importer& importer_in, const SourceTree& source_in, const PipelineOptions& options_in)
      : importer(importer_in), source(source_in), options(options_in) {}

  ~State() {
    stop();  // and the threads, which are the last member, are waited for
  }

  void stop();
  void scan();
  void work_on();
  void decode(std::shared_ptr<ItemWork> item);
  bool decode_once(const std::shared_ptr<ItemWork>& item, bool may_start_again);
  void take_slice(const std::shared_ptr<ItemWork>& item, Sample&& sample);
  void encode_slice(SliceWork&& slice);
  void fail(ItemWork& item, Problem reason);
  void finish(const std::unique_lock<std::mutex>& lock, const std::shared_ptr<ItemWork>& item);
  bool push_scanned(SourceItem&& item);
  bool work_may_begin() const;

  const Importer& importer;
  const SourceTree& source;
  const PipelineOptions options;

  mutable std::mutex mutex;
  std::condition_variable caller;   // something for next()
  std::condition_variable scanner;  // room for another scanned item
  std::condition_variable workers;  // work, or room for its outcome

  bool stopping = false;
  bool scan_ended = false;
  std::exception_ptr scan_error;
  std::deque<Scanned> scanned;
  std::deque<std::shared_ptr<ItemWork>> work;  // by ascending number
  std::deque<SliceWork> slices;                // of items under way
  std::map<std::uint64_t, Outcome> outcomes;
  std::uint64_t admitted = 0;
  std::uint64_t given = 0;      // outcomes; the number of the next one
  std::uint64_t under_way = 0;  // items that were begun and have no outcome yet
  std::uint64_t held_bytes = 0;
  std::uint64_t pixel_bytes = 0;  // of the slices that were cut and not dropped since

  // Last, so that they end before what they use.
  std::vector<std::jthread> threads;
};

void Pipeline::State::stop() {
  const std::lock_guard lock(mutex);
  stopping = true;
  scanned.clear();
  work.clear();
  scanner.notify_all();
  workers.notify_all();
}

bool Pipeline::State::push_scanned(SourceItem&& item) {
  Scanned next{std::move(item), {}};
  if (options.adjust) options.adjust(next.item);
  next.fingerprint = fingerprint_of(source, next.item, options.decode, options.slices);
  std::unique_lock lock(mutex);
  scanner.wait(lock, [&] { return stopping || scanned.size() < kScannedAhead; });
  if (stopping) return false;
  scanned.push_back(std::move(next));
  caller.notify_one();
  return true;
}

void Pipeline::State::scan() {
  std::exception_ptr error;
  std::uint64_t left = options.limit;
  try {
    importer.scan(source, [&](SourceItem&& item) {
      if (!push_scanned(std::move(item))) return false;
      return options.limit == 0 || --left > 0;
    });
  } catch (...) {
    error = std::current_exception();  // next() throws it, in the caller's thread
  }
  const std::lock_guard lock(mutex);
  scan_error = error;
  scan_ended = true;
  caller.notify_one();
}

// The item whose outcome is next in line always may: what was finished behind it can
// only be given away after it.
bool Pipeline::State::work_may_begin() const {
  if (work.empty()) return false;
  return held_bytes < options.held_bytes_max || work.front()->number == given;
}

void Pipeline::State::work_on() {
  std::unique_lock lock(mutex);
  while (true) {
    workers.wait(
        lock, [&] { return !slices.empty() || work_may_begin() || (stopping && under_way == 0); });
    if (!slices.empty()) {
      SliceWork slice = std::move(slices.front());
      slices.pop_front();
      lock.unlock();
      encode_slice(std::move(slice));
      lock.lock();
    } else if (work_may_begin()) {
      std::shared_ptr<ItemWork> item = std::move(work.front());
      work.pop_front();
      ++under_way;
      lock.unlock();
      decode(std::move(item));
      lock.lock();
    } else {
      return;
    }
  }
}

// An item whose slices so far are to be forgotten is done once more under its number, and
// what is still out of the first attempt comes to nothing.
void Pipeline::State::decode(std::shared_ptr<ItemWork> item) {
  if (decode_once(item, true)) return;
  auto again = std::make_shared<ItemWork>();
  again->number = item->number;
  again->outcome.scanned = item->outcome.scanned;
  {
    const std::lock_guard lock(mutex);
    item->failed = true;
    item->forgotten = true;
    pixel_bytes -= item->outcome.pixel_bytes;
  }
  decode_once(again, false);
}

// One of the two places where an item's failure is caught; the other is encode_slice().
// False when it is to be started again.
bool Pipeline::State::decode_once(const std::shared_ptr<ItemWork>& item, bool may_start_again) {
  const SourceItem& from = item->outcome.scanned.item;
  bool dropped = false;
  if (from.image_paths.empty()) {  // failed while scanning, for the reasons it brings
    item->failed = true;
  } else {
    DecodeOptions wanted = options.decode;
    wanted.may_start_again = may_start_again;
    try {
      DecodedItem decoded = importer.decode(source, from, wanted, [&](Sample&& sample) {
        check_shape(sample.image.shape, from.key);
        if (auto kept = prepared(std::move(sample), options.slices)) {
          take_slice(item, *std::move(kept));
        }
      });
      const std::lock_guard lock(mutex);
      if (!item->failed) item->outcome.decoded = std::move(decoded);
    } catch (const StartAgain&) {
      assert(may_start_again);
      return false;
    } catch (const Stopped&) {
      dropped = true;
      item->failed = true;
    } catch (...) {
      fail(*item, reason_of_failure(from));
    }
  }
  std::unique_lock lock(mutex);
  item->decoded = true;
  item->dropped = dropped;
  finish(lock, item);
  return true;
}

// From the thread that decodes. Where enough slices wait, it encodes this one itself.
void Pipeline::State::take_slice(const std::shared_ptr<ItemWork>& item, Sample&& sample) {
  SliceWork slice{item, 0, std::move(sample)};
  {
    const std::lock_guard lock(mutex);
    if (stopping) throw Stopped();
    if (item->failed) return;
    slice.place = item->slices.size();
    item->slices.emplace_back();
    item->outcome.pixel_bytes += slice.sample.image.shape.bytes();
    pixel_bytes += slice.sample.image.shape.bytes();
    ++item->encoding;
    if (options.jobs > 1 && slices.size() < kSlicesWaitingPerJob * options.jobs) {
      slices.push_back(std::move(slice));
      workers.notify_one();
      return;
    }
  }
  encode_slice(std::move(slice));
}

void Pipeline::State::encode_slice(SliceWork&& slice) {
  ItemWork& item = *slice.item;
  Encoded encoded;
  if (!item.failed) {
    try {
      encoded = encode(std::move(slice.sample), options.effort);
    } catch (...) {
      fail(item, reason_of_failure(item.outcome.scanned.item));
    }
  }
  slice.sample = Sample();
  std::unique_lock lock(mutex);
  if (item.forgotten) return;
  item.outcome.held_bytes += encoded.held_bytes;
  item.slices[slice.place] = std::move(encoded.slice);
  --item.encoding;
  finish(lock, slice.item);
}

// The first reason stays.
void Pipeline::State::fail(ItemWork& item, Problem reason) {
  const std::lock_guard lock(mutex);
  if (item.failed.exchange(true)) return;
  item.outcome.decoded = DecodedItem();
  item.outcome.decoded.problems.push_back(std::move(reason));
}

// Gives the outcome once the item is decoded and none of its slices is out.
void Pipeline::State::finish(const std::unique_lock<std::mutex>&,
                             const std::shared_ptr<ItemWork>& item) {
  if (!item->decoded || item->encoding != 0) return;
  --under_way;
  if (stopping) workers.notify_all();
  Outcome& outcome = item->outcome;
  outcome.failed = item->failed;
  if (outcome.failed) {
    pixel_bytes -= outcome.pixel_bytes;
    outcome.pixel_bytes = 0;
    outcome.held_bytes = 0;
  } else {
    outcome.slices.reserve(item->slices.size());
    for (auto& slice : item->slices) outcome.slices.push_back(*std::move(slice));
  }
  item->slices.clear();
  held_bytes += outcome.held_bytes;
  if (!item->dropped) outcomes.emplace(item->number, std::move(outcome));
  caller.notify_one();
}

Pipeline::Pipeline(const Importer& importer, const SourceTree& source,
                   const PipelineOptions& options)
    : state_(std::make_unique<State>(importer, source, options)) {
  State& state = *state_;
  for (unsigned i = 0; i < std::max(1u, options.jobs); ++i) {
    state.threads.emplace_back([&state] { state.work_on(); });
  }
  state.threads.emplace_back([&state] { state.scan(); });
}

Pipeline::~Pipeline() = default;

Pipeline::Event Pipeline::next() {
  State& state = *state_;
  const auto outcome_ready = [&] { return state.outcomes.contains(state.given); };
  const auto may_admit = [&] {
    return !state.stopping && !state.scanned.empty() &&
           state.admitted - state.given < kItemsUnderWayPerJob * std::max(1u, state.options.jobs);
  };
  const auto over = [&] {
    return state.scanned.empty() && state.admitted == state.given && state.scan_ended;
  };
  Event event;
  std::unique_lock lock(state.mutex);
  state.caller.wait_for(lock, kMoment, [&] { return outcome_ready() || may_admit() || over(); });
  if (outcome_ready()) {
    auto node = state.outcomes.extract(state.given);
    event.outcome = std::move(node.mapped());
    state.held_bytes -= event.outcome->held_bytes;
    ++state.given;
    state.workers.notify_all();
  } else if (may_admit()) {
    event.scanned = std::move(state.scanned.front());
    state.scanned.pop_front();
    state.scanner.notify_one();
  }
  return event;
}

bool Pipeline::done() const {
  const State& state = *state_;
  const std::lock_guard lock(state.mutex);
  if (state.outcomes.contains(state.given)) return false;
  if (state.stopping) return state.under_way == 0;
  return state.scan_ended && state.scanned.empty() && state.admitted == state.given;
}

std::uint64_t Pipeline::pixel_bytes() const {
  const std::lock_guard lock(state_->mutex);
  return state_->pixel_bytes;
}

void Pipeline::rethrow_scan_error() {
  const std::lock_guard lock(state_->mutex);
  if (state_->scan_error) std::rethrow_exception(std::exchange(state_->scan_error, nullptr));
}

void Pipeline::admit(Scanned&& item) {
  State& state = *state_;
  const std::lock_guard lock(state.mutex);
  auto work = std::make_shared<ItemWork>();
  work->number = state.admitted++;
  work->outcome.scanned = std::move(item);
  state.work.push_back(std::move(work));
  state.workers.notify_one();
}

void Pipeline::stop() { state_->stop(); }

}  // namespace slicebank::internal
