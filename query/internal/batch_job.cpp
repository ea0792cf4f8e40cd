#include "query/internal/batch_job.h"

#include <algorithm>
#include <utility>

#include "schema/error.h"

namespace slicebank {
namespace {

// Errors of a sample's own, which a batch can do without; not those of the caller, and not
// those that will meet the next sample too.
bool is_of_the_sample(const Error& error) {
  return error.code() == ErrorCode::corrupt || error.code() == ErrorCode::not_found ||
         error.code() == ErrorCode::wrong_version;
}

}  // namespace

BatchJob::BatchJob(std::vector<LoadItem> items, OnError on_error)
    : items_(std::move(items)), on_error_(on_error) {}

bool BatchJob::prepare(const BatchMaking& making) noexcept {
  try {
    failures_.reserve(items_.size());
    batch_ = making.pool.take_batch();
    batch_->items.resize(items_.size());
    if (has_fixed_shape(making.plan.spec)) {
      shape_batch(making.plan, {PixelType::u8, 1, 1, 1}, items_.size(), *batch_);
      shaped_ = true;
    }
    // One item shapes the batch while it is made; of several the first readable one.
    for (std::size_t i = 0; i < items_.size() && items_.size() > 1 && !shaped_; ++i) {
      try {
        const SampleInfo info = making.reader.info(items_[i].id);
        shape_batch(making.plan, info.shape, items_.size(), *batch_);
        shaped_ = true;
      } catch (const Error& error) {
        if (error.code() == ErrorCode::bad_argument) {
          throw Error(error.code(),
                      "sample " + std::to_string(raw(items_[i].id)) + ": " + error.what(),
                      error.hint());
        }
        if (on_error_ == OnError::raise || !is_of_the_sample(error)) throw;
        keep(i);
      }
    }
  } catch (...) {
    unprepared_ = std::current_exception();
    return false;
  }
  return shaped_ || items_.size() == 1;
}

void BatchJob::run(const BatchMaking& making, std::size_t index, BatchScratch& scratch) noexcept {
  try {
    make_item(making, items_[index], index, !shaped_, *batch_, scratch);
    if (!shaped_) shaped_ = true;  // the only item there is
  } catch (...) {
    keep(index);
  }
  scratch.trim();
}

void BatchJob::keep(std::size_t index) noexcept {
  Failure failure{index, std::current_exception(), std::nullopt};
  if (on_error_ == OnError::skip) {
    try {
      throw;
    } catch (const Error& error) {
      if (is_of_the_sample(error)) {
        failure.skipped = SkippedSample{items_[index].id, items_[index].position, error.what()};
      }
    } catch (...) {
      // Kept as an error.
    }
  }
  const std::lock_guard lock(mutex_);
  failures_.push_back(std::move(failure));  // prepare() has made room
}

std::shared_ptr<Batch> BatchJob::finish() {
  if (unprepared_) std::rethrow_exception(unprepared_);
  std::sort(failures_.begin(), failures_.end(),
            [](const Failure& a, const Failure& b) { return a.index < b.index; });
  // What prepare() could not read, run() has met once more.
  failures_.erase(
      std::unique(failures_.begin(), failures_.end(),
                  [](const Failure& a, const Failure& b) { return a.index == b.index; }),
      failures_.end());
  for (const Failure& failure : failures_) {
    if (!failure.skipped) std::rethrow_exception(failure.error);
  }
  if (!failures_.empty()) leave_out_failed();
  return std::move(batch_);
}

void BatchJob::leave_out_failed() {
  std::size_t kept = 0;
  std::size_t next_failure = 0;
  for (std::size_t i = 0; i < items_.size(); ++i) {
    if (next_failure < failures_.size() && failures_[next_failure].index == i) {
      batch_->skipped.push_back(std::move(*failures_[next_failure++].skipped));
      continue;
    }
    if (kept != i) move_item(i, kept, *batch_);
    ++kept;
  }
  shorten_batch(kept, *batch_);
}

}  // namespace slicebank
