// A batch in the making: items that any threads may take, errors kept in order.
#pragma once

#include <cstddef>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "query/internal/batch_item.h"
#include "query/loader.h"

namespace slicebank {

// First prepare() by one thread, then run() once for each item by any, then finish() by
// one, with happens-before between the three from the caller.
class BatchJob {
 public:
  BatchJob(std::vector<LoadItem> items, OnError on_error);

  const std::vector<LoadItem>& items() const noexcept { return items_; }

  // Finds the shape and takes the memory. What goes wrong is kept for finish(); false
  // when there is then nothing to run.
  bool prepare(const BatchMaking& making) noexcept;

  void run(const BatchMaking& making, std::size_t index, BatchScratch& scratch) noexcept;

  // The batch, or the first error in the order of the items.
  std::shared_ptr<Batch> finish();

 private:
  struct Failure {
    std::size_t index;
    std::exception_ptr error;
    std::optional<SkippedSample> skipped;  // when it may be left out
  };

  void keep(std::size_t index) noexcept;  // the exception being handled
  void leave_out_failed();

  std::vector<LoadItem> items_;
  OnError on_error_;
  std::shared_ptr<Batch> batch_;
  std::exception_ptr unprepared_;
  bool shaped_ = false;
  std::mutex mutex_;  // guards failures_
  std::vector<Failure> failures_;
};

}  // namespace slicebank
