#include <algorithm>
#include <atomic>
#include <thread>
#include <utility>
#include <vector>

#include "query/internal/batch_job.h"
#include "query/internal/batch_maker_state.h"
#include "query/loader.h"
#include "schema/error.h"

namespace slicebank {
namespace {

constexpr std::size_t kIdleBatches = 2;
constexpr std::uint32_t kThreadsMax = 1024;

// Scratch of the pool for as long as a call lasts.
class ScratchLease {
 public:
  explicit ScratchLease(BatchPool& pool) : pool_(pool), scratch_(pool.take_scratch()) {}
  ~ScratchLease() { pool_.give_back(std::move(scratch_)); }
  ScratchLease(const ScratchLease&) = delete;
  ScratchLease& operator=(const ScratchLease&) = delete;

  BatchScratch& operator*() const noexcept { return *scratch_; }

 private:
  BatchPool& pool_;
  std::unique_ptr<BatchScratch> scratch_;
};

}  // namespace

BatchMaker::State::State(Bank the_bank, BatchSpec spec, std::size_t idle_batches)
    : bank(std::move(the_bank)),
      reader(bank.reader()),
      plan(*bank.taxonomy(), std::move(spec)),
      idle_batches_(idle_batches),
      pool_(new std::shared_ptr<BatchPool>(std::make_shared<BatchPool>(idle_batches))) {}

BatchMaker::State::~State() {
  std::shared_ptr<BatchPool>* pool = pool_.load();
  if (!(*pool)->foreign()) delete pool;
}

BatchPool& BatchMaker::State::pool() const {
  std::shared_ptr<BatchPool>* pool = pool_.load(std::memory_order_acquire);
  if (!(*pool)->foreign()) return **pool;
  auto ours =
      std::make_unique<std::shared_ptr<BatchPool>>(std::make_shared<BatchPool>(idle_batches_));
  if (pool_.compare_exchange_strong(pool, ours.get())) return **ours.release();
  return **pool;  // another thread of this process came first
}

BatchMaker::BatchMaker(Bank bank, BatchSpec spec)
    : state_(std::make_shared<State>(std::move(bank), std::move(spec), kIdleBatches)) {}

const BatchSpec& BatchMaker::spec() const noexcept { return state_->plan.spec; }

std::shared_ptr<Batch> BatchMaker::sample(SampleId id, std::uint64_t position,
                                          const RandomKey& key) const {
  BatchPool& pool = state_->pool();
  const BatchMaking making{state_->bank, state_->reader, state_->plan, pool, key};
  const ScratchLease scratch(pool);
  std::shared_ptr<Batch> batch = pool.take_batch();
  batch->items.resize(1);
  make_item(making, {id, position}, 0, true, *batch, *scratch);
  return batch;
}

std::shared_ptr<Batch> BatchMaker::batch(std::span<const LoadItem> items, const RandomKey& key,
                                         std::uint32_t threads, OnError on_error) const {
  BatchPool& pool = state_->pool();
  const BatchMaking making{state_->bank, state_->reader, state_->plan, pool, key};
  BatchJob job(std::vector<LoadItem>(items.begin(), items.end()), on_error);
  if (job.prepare(making)) {
    std::atomic<std::size_t> next{0};
    const auto work = [&] {
      const ScratchLease scratch(pool);
      for (std::size_t i = next++; i < items.size(); i = next++) job.run(making, i, *scratch);
    };
    const std::size_t most = std::min<std::size_t>({threads, items.size(), kThreadsMax});
    std::vector<std::jthread> helpers;
    for (std::size_t i = 1; i < most; ++i) helpers.emplace_back(work);
    work();
  }
  return job.finish();
}

std::shared_ptr<Batch> load_sample(const Bank& bank, SampleId id, const BatchSpec& spec,
                                   const RandomKey& key) {
  return BatchMaker(bank, spec).sample(id, 0, key);
}

std::shared_ptr<Batch> load_batch(const Bank& bank, std::span<const SampleId> ids,
                                  const BatchSpec& spec, std::uint32_t threads,
                                  const RandomKey& key) {
  std::vector<LoadItem> items;
  items.reserve(ids.size());
  for (const SampleId id : ids) items.push_back({id, items.size()});
  return BatchMaker(bank, spec).batch(items, key, threads);
}

}  // namespace slicebank
