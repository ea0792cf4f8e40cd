#include "importers/internal/pipeline.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <exception>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

#include "importers/internal/item_problem.h"
#include "schema/error.h"
#include "schema/limits.h"
#include "store/dictionary.h"

namespace slicebank::internal {
namespace {

constexpr std::size_t kScannedAhead = 256;
constexpr std::size_t kItemsUnderWayPerJob = 4;
constexpr auto kMoment = std::chrono::milliseconds(100);

const char* kind_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::not_found:
      return "missing-image";
    case ErrorCode::limit:
      return "too-large";
    case ErrorCode::io:
      return "unreadable";
    default:
      return "bad-file";
  }
}

void encode(DecodedItem& decoded, Effort effort, Outcome& outcome) {
  CodecOptions codec;
  codec.effort = effort;
  for (Sample& sample : decoded.samples) {
    check_shape(sample.image.shape, outcome.scanned.item.key);
    outcome.pixel_bytes += sample.image.shape.bytes();
    EncodedSlice slice;
    if (Dictionary::suits(sample.image.shape)) {
      outcome.held_bytes += sample.image.image_hwc.size() * (1 + sample.masks.size());
      slice.tiny = std::move(sample);
    } else {
      slice.encoded = encode_sample(sample, codec);
      outcome.held_bytes += slice.encoded.record.size();
      sample = Sample();  // the pixels are not needed any more
    }
    outcome.slices.push_back(std::move(slice));
  }
  decoded.samples.clear();
}

// The one place where an item's failure is caught.
Outcome process(const Importer& importer, const SourceTree& source, Effort effort,
                Scanned&& scanned) {
  Outcome outcome;
  outcome.scanned = std::move(scanned);
  const SourceItem& item = outcome.scanned.item;
  if (item.image_paths.empty()) {  // failed while scanning, for the reasons it brings
    outcome.failed = true;
    return outcome;
  }
  Problem reason;
  try {
    outcome.decoded = importer.decode(source, item);
    encode(outcome.decoded, effort, outcome);
    return outcome;
  } catch (const ItemError& error) {
    reason = skipped(error.kind(), shown_path(error.path()), error.what());
  } catch (const Error& error) {
    reason = skipped(kind_of(error.code()), item.key, error.what());
  } catch (const std::bad_alloc&) {
    reason = skipped("too-large", item.key, "there is not enough memory for it");
  } catch (const std::exception& error) {
    reason = skipped("bad-file", item.key, error.what());
  }
  outcome.failed = true;
  outcome.slices.clear();
  outcome.pixel_bytes = 0;
  outcome.held_bytes = 0;
  outcome.decoded = DecodedItem();
  outcome.decoded.problems.push_back(std::move(reason));
  return outcome;
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
  void decode();
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
  std::deque<std::pair<std::uint64_t, Scanned>> work;  // by ascending number
  std::map<std::uint64_t, Outcome> outcomes;
  std::uint64_t admitted = 0;
  std::uint64_t given = 0;  // outcomes; the number of the next one
  std::uint64_t decoding = 0;
  std::uint64_t held_bytes = 0;

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
  next.fingerprint = fingerprint_of(source, next.item);
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
  return held_bytes < options.held_bytes_max || work.front().first == given;
}

void Pipeline::State::decode() {
  std::unique_lock lock(mutex);
  while (true) {
    workers.wait(lock, [&] { return stopping || work_may_begin(); });
    if (stopping) return;
    auto [number, item] = std::move(work.front());
    work.pop_front();
    ++decoding;
    lock.unlock();
    Outcome outcome = process(importer, source, options.effort, std::move(item));
    lock.lock();
    --decoding;
    held_bytes += outcome.held_bytes;
    outcomes.emplace(number, std::move(outcome));
    caller.notify_one();
  }
}

Pipeline::Pipeline(const Importer& importer, const SourceTree& source,
                   const PipelineOptions& options)
    : state_(std::make_unique<State>(importer, source, options)) {
  State& state = *state_;
  for (unsigned i = 0; i < std::max(1u, options.jobs); ++i) {
    state.threads.emplace_back([&state] { state.decode(); });
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
  if (state.stopping) return state.decoding == 0;
  return state.scan_ended && state.scanned.empty() && state.admitted == state.given;
}

void Pipeline::rethrow_scan_error() {
  const std::lock_guard lock(state_->mutex);
  if (state_->scan_error) std::rethrow_exception(std::exchange(state_->scan_error, nullptr));
}

void Pipeline::admit(Scanned&& item) {
  State& state = *state_;
  const std::lock_guard lock(state.mutex);
  state.work.emplace_back(state.admitted++, std::move(item));
  state.workers.notify_one();
}

void Pipeline::stop() { state_->stop(); }

}  // namespace slicebank::internal
