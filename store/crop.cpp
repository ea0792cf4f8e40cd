// A part of a sample: only the rows, and of masks only the runs, that lie in it.
#include <algorithm>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "schema/error.h"
#include "schema/limits.h"
#include "store/internal/bank_state.h"
#include "store/reader.h"
#include "store/record.h"

namespace slicebank {
namespace {

class CropSink : public DecodeSink {
 public:
  CropSink(SampleId id, const Box& box, const ReadParts& parts, std::vector<std::byte>& scratch)
      : id_(id), box_(box), parts_(parts), scratch_(scratch) {}

  MutableBytes begin(SampleInfo&& info) override {
    info_ = std::move(info);
    const ImageShape& shape = info_.shape;
    if (box_.empty() || box_.x1 > shape.width || box_.y1 > shape.height) {
      throw Error(ErrorCode::bad_argument,
                  "a crop of " + std::to_string(box_.x0) + "," + std::to_string(box_.y0) + " to " +
                      std::to_string(box_.x1) + "," + std::to_string(box_.y1) + " of sample " +
                      std::to_string(raw(id_)) + ", which is " + std::to_string(shape.width) +
                      " x " + std::to_string(shape.height),
                  "x0 < x1 and y0 < y1, inside of it");
    }
    begin_masks();
    if (!parts_.image) return {};
    scratch_.resize(static_cast<std::size_t>(shape.bytes()));
    return scratch_;
  }
  RowRange rows() override { return {box_.y0, box_.y1}; }

  bool wants_mask(std::size_t mask) override {
    const AnnotationInfo& info = info_.annotations[mask];
    return place_[mask] != kNowhere && info.area > 0 && info.box.x0 < box_.x1 &&
           info.box.x1 > box_.x0 && info.box.y0 < box_.y1 && info.box.y1 > box_.y0;
  }
  std::vector<MaskRun>* begin_runs(std::size_t) override {
    runs_.clear();
    return &runs_;
  }
  std::span<std::uint8_t> begin_mask(std::size_t) override { return {}; }
  void end_mask(std::size_t mask) override {
    std::uint8_t* const pixels = masks_[place_[mask]].mask_hw.data();
    const std::size_t width = box_.x1 - box_.x0;
    for (const MaskRun& run : runs_) {
      if (run.y < box_.y0 || run.y >= box_.y1) continue;
      const std::uint32_t x0 = std::max(run.x0, box_.x0);
      const std::uint32_t x1 = std::min(run.x1, box_.x1);
      if (x0 < x1) std::memset(pixels + (run.y - box_.y0) * width + (x0 - box_.x0), 1, x1 - x0);
    }
  }

  Sample take() {
    Sample sample;
    sample.axis = info_.axis;
    sample.slice_index = info_.slice_index;
    sample.name = std::move(info_.name);
    sample.masks = std::move(masks_);
    for (const AnnotationInfo& each : info_.annotations) {
      if (each.kind != AnnotationKind::label) continue;
      sample.labels.push_back({each.class_id, each.raw_class, each.value});
    }
    sample.image.shape = info_.shape;
    sample.image.shape.height = box_.y1 - box_.y0;
    sample.image.shape.width = box_.x1 - box_.x0;
    if (parts_.image) copy_pixels(sample.image);
    return sample;
  }

 private:
  static constexpr std::size_t kNowhere = static_cast<std::size_t>(-1);

  // All that are asked for, in their order; those outside of the crop stay empty.
  void begin_masks() {
    const std::uint64_t pixels = std::uint64_t{box_.x1 - box_.x0} * (box_.y1 - box_.y0);
    for (const AnnotationInfo& each : info_.annotations) {
      if (each.kind != AnnotationKind::mask) break;
      const bool wanted = parts_.masks && (parts_.classes.empty() ||
                                           std::binary_search(parts_.classes.begin(),
                                                              parts_.classes.end(), each.class_id));
      place_.push_back(wanted ? masks_.size() : kNowhere);
      if (!wanted) continue;
      if (masks_.size() >= limits::kMasksBytesMax / pixels) {
        throw Error(ErrorCode::limit, "the masks of the crop are too much memory",
                    "Read some of the classes only.");
      }
      Mask mask;
      mask.class_id = each.class_id;
      mask.raw_class = each.raw_class;
      mask.instance = each.instance;
      mask.source_value = each.source_value;
      mask.mask_hw.resize(static_cast<std::size_t>(pixels));
      masks_.push_back(std::move(mask));
    }
  }

  void copy_pixels(Image& image) const {
    const std::size_t pixel =
        std::size_t{info_.shape.channels} * pixel_bytes(info_.shape.pixel_type);
    const std::size_t size = image.shape.width * pixel;
    image.image_hwc.resize(static_cast<std::size_t>(image.shape.bytes()));
    for (std::uint32_t y = 0; y < image.shape.height; ++y) {
      const std::size_t from = (std::size_t{box_.y0 + y} * info_.shape.width + box_.x0) * pixel;
      std::memcpy(image.image_hwc.data() + y * size, scratch_.data() + from, size);
    }
  }

  SampleId id_;
  Box box_;
  const ReadParts& parts_;
  std::vector<std::byte>& scratch_;
  SampleInfo info_;
  std::vector<std::size_t> place_;  // of each mask of the sample in masks_
  std::vector<Mask> masks_;
  std::vector<MaskRun> runs_;
};

}  // namespace

Sample Reader::crop(SampleId id, const Box& box, const ReadParts& parts) const {
  thread_local std::vector<std::byte> scratch;
  CropSink sink(id, box, parts, scratch);
  read_into(id, sink);
  return sink.take();
}

}  // namespace slicebank
