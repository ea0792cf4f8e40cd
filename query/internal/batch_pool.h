// What batches are made with and made of, used again and again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "query/batch.h"
#include "query/internal/resample.h"
#include "schema/ids.h"
#include "schema/sample.h"
#include "store/bank.h"
#include "store/record.h"

namespace slicebank {

// A thread's working memory.
struct BatchScratch {
  Buffer image_hwc;  // a decoded slice
  Buffer plane;      // u8 [source h, w]: a decoded mask; all 0 between uses
  bool plane_clean = false;
  Buffer patch;               // u8: a mask's box in the canvas
  Buffer grey;                // f32 [source h, w]
  Buffer crop;                // f32 [crop h, w]
  Buffer canvas;              // f32 [H, W]
  Buffer turned;              // f32 [H, W]
  std::vector<MaskRun> runs;  // of a decoded mask
  Resampler resampler;
  std::vector<std::uint32_t> nearest_x;
  std::vector<std::uint32_t> nearest_y;
  std::vector<std::uint32_t> row_counts;

  // Gives back what a rare large slice has left, so that a thread stays small.
  void trim() noexcept;
};

// Idle batches and scratch of one process, and what is known of volumes. Any thread. Made
// anew in a forked child; the parent's is then left alone, because a lock of it may be held
// by a thread that is not there.
class BatchPool : public std::enable_shared_from_this<BatchPool> {
 public:
  explicit BatchPool(std::size_t idle_batches);

  // Empty arrays with memory of old ones. Comes back when the last holder lets go.
  std::shared_ptr<Batch> take_batch();

  std::unique_ptr<BatchScratch> take_scratch();
  void give_back(std::unique_ptr<BatchScratch> scratch) noexcept;

  // Classes the annotators of a volume looked for, ascending.
  std::shared_ptr<const std::vector<ClassId>> coverage(const Bank& bank, VolumeId volume);

  bool foreign() const noexcept;  // another process's

 private:
  void give_back(Batch* batch) noexcept;

  const std::uint32_t forks_;
  const std::size_t idle_batches_max_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Batch>> batches_;
  std::vector<std::unique_ptr<BatchScratch>> scratch_;
  std::map<VolumeId, std::shared_ptr<const std::vector<ClassId>>> coverage_;
};

}  // namespace slicebank
