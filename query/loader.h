// Ids in, batches out: decoded, transformed and of one shape, by C++ threads.
//
// A batch depends on (bank, spec, ids, seed, epoch, positions) alone: the same bytes for
// any number of threads, workers or ranks. No SQLite is touched; each sample is read under
// an LMDB transaction of its own, which lasts no longer than its decoding.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "query/batch.h"
#include "query/loader_volume.h"
#include "schema/ids.h"
#include "store/bank.h"

namespace slicebank {

// What a sample that cannot be read does. Mistakes of the caller (a crop that does not
// fit, a shape that differs) are always an Error.
enum class OnError : std::uint8_t {
  raise,  // the batch it belongs to is an Error that names it; the next batch is not harmed
  skip,   // left out of its batch, which gets smaller, and named in Batch::skipped
};

// A sample at its place in the order of the epoch, which seeds all that is random in it.
struct LoadItem {
  SampleId id{};
  std::uint64_t position = 0;
};

struct RandomKey {
  std::uint64_t seed = 0;
  std::uint64_t epoch = 0;
};

// Makes batches at once, without a queue: what ds[i] and __getitems__ need. A cheap
// handle: copy it. Safe from many threads at once, and in a forked child.
class BatchMaker {
 public:
  // Throws Error(bad_argument) when the spec makes no sense or names a class there is not.
  BatchMaker(Bank bank, BatchSpec spec);

  const BatchSpec& spec() const noexcept;

  // A batch of one. Throws what Reader throws, and Error(bad_argument) naming the sample
  // when the spec does not fit it.
  std::shared_ptr<Batch> sample(SampleId id, std::uint64_t position = 0,
                                const RandomKey& key = {}) const;

  // `threads` counts the caller's, which works too; 0 and 1 start none.
  std::shared_ptr<Batch> batch(std::span<const LoadItem> items, const RandomKey& key = {},
                               std::uint32_t threads = 1, OnError on_error = OnError::raise) const;

 private:
  friend class Loader;
  struct State;
  std::shared_ptr<State> state_;
};

// The same once, with positions 0, 1, 2 ...
std::shared_ptr<Batch> load_sample(const Bank& bank, SampleId id, const BatchSpec& spec,
                                   const RandomKey& key = {});
std::shared_ptr<Batch> load_batch(const Bank& bank, std::span<const SampleId> ids,
                                  const BatchSpec& spec, std::uint32_t threads = 1,
                                  const RandomKey& key = {});

struct LoaderOptions {
  // Behaviour.
  std::uint32_t batch_size = 16;
  bool drop_last = false;  // leave out a last batch that is smaller than the others
  RandomKey key;
  OnError on_error = OnError::raise;

  // Performance. Memory: at most prefetch + 1 batches, those the consumer still holds, and
  // a decoded slice with one mask a thread.
  std::uint32_t threads = 2;   // at least 1
  std::uint32_t prefetch = 2;  // batches made ahead of the consumer; at least 1
};

// The next item, or false at the end. Called by the thread that calls next(), never by
// another, and only as far ahead as batches are prefetched. May throw; next() then does,
// after the batches before it.
using ItemSource = std::function<bool(LoadItem* item)>;

// A queue of batches in the order of the ids. Belongs to one consumer thread (stop() to
// any). Threads start with the first next(); in a forked child the child's own, which
// continue where the parent stood. The destructor waits for at most the sample each
// thread is at. Batches may outlive the loader; a batch that is given back (its last
// shared_ptr goes) lends its memory to a later one.
class Loader {
 public:
  // Ids at positions first_position, first_position + 1, ...
  Loader(Bank bank, BatchSpec spec, std::vector<SampleId> ids, const LoaderOptions& options = {},
         std::uint64_t first_position = 0);
  Loader(Bank bank, BatchSpec spec, ItemSource source, const LoaderOptions& options = {});
  Loader(const BatchMaker& maker, ItemSource source, const LoaderOptions& options = {});
  ~Loader();
  Loader(Loader&&) noexcept;
  Loader& operator=(Loader&&) noexcept;

  // The next batch; null at the end. `poll`, when given, is called before and about every 50 ms of
  // waiting; what it throws leaves next(), and the batch comes with the next call. Throws
  // Error(interrupted) after stop().
  std::shared_ptr<Batch> next(const std::function<void()>& poll = {});

  // Wakes next(), which throws, now and ever after. Any thread.
  void stop() noexcept;

  // Items that next() has dealt with, skipped and raised ones too: where to resume.
  std::uint64_t given() const noexcept;

  // With OnError::skip: how many, and the first thousand by name.
  std::uint64_t skipped_count() const noexcept;
  const std::vector<SkippedSample>& skipped() const noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace slicebank
