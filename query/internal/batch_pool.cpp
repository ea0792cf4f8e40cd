#include "query/internal/batch_pool.h"

#include <utility>

#include "query/internal/fork_count.h"

namespace slicebank {
namespace {

constexpr std::size_t kVolumesKept = 65'536;
constexpr std::size_t kScratchBytesKept = 64u << 20;  // of one array
constexpr std::size_t kScratchKept = 64;

void trim_one(Buffer& buffer) noexcept {
  if (buffer.capacity() > kScratchBytesKept) buffer = Buffer();
}

// All sizes 0, memory kept.
void clear(Batch& batch) noexcept {
  for (Buffer* each :
       {&batch.images, &batch.masks, &batch.label_map, &batch.label_mask, &batch.labels}) {
    each->resize(0);
  }
  batch.size = batch.channels = batch.height = batch.width = batch.classes = 0;
  batch.skipped.clear();
}

}  // namespace

void BatchScratch::trim() noexcept {
  if (plane.capacity() > kScratchBytesKept) plane_clean = false;
  for (Buffer* each : {&image_hwc, &plane, &patch, &grey, &crop, &canvas, &turned}) {
    trim_one(*each);
  }
}

BatchPool::BatchPool(std::size_t idle_batches)
    : forks_(fork_count()), idle_batches_max_(idle_batches) {
  batches_.reserve(idle_batches);
  scratch_.reserve(kScratchKept);
}

bool BatchPool::foreign() const noexcept { return forks_ != fork_count(); }

std::shared_ptr<Batch> BatchPool::take_batch() {
  std::unique_ptr<Batch> batch;
  {
    const std::lock_guard lock(mutex_);
    if (!batches_.empty()) {
      batch = std::move(batches_.back());
      batches_.pop_back();
    }
  }
  if (!batch) batch = std::make_unique<Batch>();
  return {batch.release(), [pool = shared_from_this()](Batch* used) { pool->give_back(used); }};
}

void BatchPool::give_back(Batch* batch) noexcept {
  std::unique_ptr<Batch> owned(batch);
  if (foreign()) return;
  clear(*owned);
  const std::lock_guard lock(mutex_);
  if (batches_.size() < idle_batches_max_) batches_.push_back(std::move(owned));
}

std::unique_ptr<BatchScratch> BatchPool::take_scratch() {
  {
    const std::lock_guard lock(mutex_);
    if (!scratch_.empty()) {
      std::unique_ptr<BatchScratch> scratch = std::move(scratch_.back());
      scratch_.pop_back();
      return scratch;
    }
  }
  return std::make_unique<BatchScratch>();
}

void BatchPool::give_back(std::unique_ptr<BatchScratch> scratch) noexcept {
  scratch->trim();
  const std::lock_guard lock(mutex_);
  if (scratch_.size() < kScratchKept) scratch_.push_back(std::move(scratch));
}

std::shared_ptr<const std::vector<ClassId>> BatchPool::coverage(const Bank& bank, VolumeId volume) {
  {
    const std::lock_guard lock(mutex_);
    const auto found = coverage_.find(volume);
    if (found != coverage_.end()) return found->second;
  }
  auto coverage = std::make_shared<std::vector<ClassId>>();
  if (std::optional<VolumeInfo> info = bank.volume(volume)) *coverage = std::move(info->coverage);
  const std::lock_guard lock(mutex_);
  if (coverage_.size() >= kVolumesKept) coverage_.clear();
  coverage_[volume] = coverage;
  return coverage;
}

}  // namespace slicebank
