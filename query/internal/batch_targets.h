// The masks of one item in its targets: channels, label map, instances, points.
#pragma once

#include <cstdint>
#include <vector>

#include "query/batch.h"
#include "query/internal/batch_plan.h"
#include "query/internal/batch_pool.h"
#include "query/internal/batch_random.h"

namespace slicebank {

// Where an item's targets lie in the batch; null for what was not asked for.
struct TargetSlots {
  std::uint8_t* masks_khw = nullptr;
  std::byte* label_map_hw = nullptr;
  PixelType label_map_type = PixelType::u8;
  BatchItem* item = nullptr;
};

// Takes the masks of one sample, one after another.
class TargetPainter {
 public:
  // All borrowed. Clears the slots. `masks_most` bounds how many instances there can be.
  TargetPainter(const BatchPlan& plan, const TargetSlots& slots, const RandomKey& key,
                BatchScratch& scratch);

  // Prepares for a sample that lies like this.
  void begin(const Placement& placement, std::size_t masks_most);

  // Whether a mask would leave a trace.
  bool wants(const AnnotationInfo& mask) const;

  // Memory of a channel that can be decoded into at once, or null: then paint() it.
  std::uint8_t* direct(const AnnotationInfo& mask);

  // A mask in source pixels.
  void paint(const AnnotationInfo& mask, const std::uint8_t* mask_hw);

  // Points and boxes, when all masks have been painted.
  void finish();

 private:
  struct Patch {
    Box box;  // in the canvas
    const std::uint8_t* pixels = nullptr;
    std::uint32_t width = 0;
  };

  Patch resample(const AnnotationInfo& mask, const std::uint8_t* mask_hw);
  void paint_channel(const Patch& patch, std::uint32_t entry);
  template <typename T>
  void paint_label(const Patch& patch, std::uint32_t entry);
  void paint_instance(const Patch& patch, const AnnotationInfo& mask);
  bool measure(const Patch& patch, Instance& instance) const;
  void draw_points(std::size_t instance);
  Box jittered(const Box& box, SplitMix& random) const;
  std::uint64_t pixels() const noexcept;

  const BatchPlan& plan_;
  TargetSlots slots_;
  RandomKey key_;
  BatchScratch& scratch_;
  Placement placement_;
  bool identity_ = false;
  Size output_;
  std::vector<std::uint8_t> touched_;  // channels that are no longer all 0
  SplitMix choice_{0};
  std::uint64_t survivors_ = 0;  // instances seen, when one of them is chosen
};

}  // namespace slicebank
