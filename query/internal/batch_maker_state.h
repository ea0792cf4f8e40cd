// What stands behind a BatchMaker, and behind a Loader's threads.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>

#include "query/internal/batch_plan.h"
#include "query/internal/batch_pool.h"
#include "query/loader.h"
#include "store/bank.h"
#include "store/reader.h"

namespace slicebank {

struct BatchMaker::State {
  const Bank bank;
  const Reader reader;
  const BatchPlan plan;

  State(Bank the_bank, BatchSpec spec, std::size_t idle_batches);
  ~State();
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  // This process's.
  BatchPool& pool() const;

 private:
  const std::size_t idle_batches_;
  // Behind a pointer of its own, so that a forked child can put another in its place
  // without touching a count that a thread of the parent was changing.
  mutable std::atomic<std::shared_ptr<BatchPool>*> pool_;
};

}  // namespace slicebank
