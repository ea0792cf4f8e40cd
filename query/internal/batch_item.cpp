#include "query/internal/batch_item.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "query/internal/batch_image.h"
#include "query/internal/batch_place.h"
#include "query/internal/batch_random.h"
#include "query/internal/batch_targets.h"
#include "query/internal/run_pixels.h"
#include "schema/error.h"
#include "store/record.h"

namespace slicebank {
namespace {

constexpr std::uint64_t kBatchBytesMax = std::uint64_t{1} << 40;

Size size_of(const ImageShape& shape) { return {shape.height, shape.width}; }

std::string text_of(std::uint32_t channels, std::uint32_t height, std::uint32_t width) {
  return std::to_string(height) + " x " + std::to_string(width) + " with " +
         std::to_string(channels) + (channels == 1 ? " channel" : " channels");
}

// One mask's memory, all 0 as decoders want it.
std::uint8_t* clean_plane(BatchScratch& scratch, std::uint64_t pixels) {
  const auto size = static_cast<std::size_t>(pixels);
  if (size > scratch.plane.size() || !scratch.plane_clean) {
    scratch.plane.resize(std::max(size, scratch.plane.size()));
    std::memset(scratch.plane.data(), 0, scratch.plane.size());
  }
  scratch.plane_clean = false;  // until the one who writes to it has cleared it
  return scratch.plane.as<std::uint8_t>().data();
}

// Whether the map of a crop's intensities depends on pixels outside of it.
bool asks_whole_slice(const IntensitySpec& spec) {
  return spec.kind == IntensitySpec::Kind::percentile ||
         spec.kind == IntensitySpec::Kind::min_max || spec.kind == IntensitySpec::Kind::z_score;
}

void clear_box(std::uint8_t* mask_hw, std::uint32_t width, const Box& box) {
  for (std::uint32_t y = box.y0; y < box.y1; ++y) {
    std::memset(mask_hw + std::size_t{y} * width, 0, width);
  }
}

// --- The pixel that a foreground crop goes for.

class AimSink : public DecodeSink {
 public:
  AimSink(const BatchPlan& plan, SplitMix& random, BatchScratch& scratch)
      : plan_(plan), random_(random), runs_(scratch.runs) {}

  MutableBytes begin(SampleInfo&& info) override {
    info_ = std::move(info);
    choose_class();
    runs_.clear();
    return {};
  }
  bool wants_mask(std::size_t mask) override {
    const AnnotationInfo& info = info_.annotations[mask];
    return info.area > 0 && std::binary_search(members_.begin(), members_.end(), info.class_id);
  }
  std::vector<MaskRun>* begin_runs(std::size_t) override { return &runs_; }
  std::span<std::uint8_t> begin_mask(std::size_t) override { return {}; }
  void end_mask(std::size_t) override { ++masks_; }

  // Each pixel that some of the masks cover is equally likely, however many cover it.
  std::optional<PixelAt> pixel() {
    if (runs_.empty()) return std::nullopt;
    if (masks_ > 1) unite_runs(runs_);
    return pixel_at(runs_, random_.below(area_of(runs_)));
  }

 private:
  // One of the classes that have pixels here, each equally likely.
  void choose_class() {
    std::vector<std::vector<ClassId>> there;
    const auto has = [&](const std::vector<ClassId>& members) {
      for (const AnnotationInfo& each : info_.annotations) {
        if (each.kind == AnnotationKind::mask && each.area > 0 &&
            std::binary_search(members.begin(), members.end(), each.class_id)) {
          return true;
        }
      }
      return false;
    };
    if (plan_.aims.empty()) {
      std::vector<ClassId> ids;
      for (const AnnotationInfo& each : info_.annotations) {
        if (each.kind == AnnotationKind::mask && each.area > 0) ids.push_back(each.class_id);
      }
      std::sort(ids.begin(), ids.end());
      ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
      for (const ClassId id : ids) there.push_back({id});
    } else {
      for (const auto& members : plan_.aims) {
        if (has(members)) there.push_back(members);
      }
    }
    if (!there.empty()) members_ = there[static_cast<std::size_t>(random_.below(there.size()))];
  }

  const BatchPlan& plan_;
  SplitMix& random_;
  std::vector<MaskRun>& runs_;
  SampleInfo info_;
  std::vector<ClassId> members_;
  std::size_t masks_ = 0;
};

std::optional<PixelAt> aim_of(const BatchMaking& making, const LoadItem& item,
                              BatchScratch& scratch) {
  const CropSpec& crop = making.plan.spec.crop;
  if (crop.where != CropSpec::Where::foreground) return std::nullopt;
  SplitMix random = random_stream(making.key, item.position, RandomUse::foreground);
  if (!happens(random, crop.probability)) return std::nullopt;
  AimSink sink(making.plan, random, scratch);
  making.reader.read_into(item.id, sink);
  return sink.pixel();
}

// --- The item itself.

class ItemSink : public DecodeSink {
 public:
  ItemSink(const BatchMaking& making, const LoadItem& item, std::size_t index, bool shapes,
           const std::optional<PixelAt>& aim, Batch& batch, BatchScratch& scratch)
      : making_(making),
        item_(item),
        index_(index),
        shapes_(shapes),
        aim_(aim),
        batch_(batch),
        scratch_(scratch) {}

  MutableBytes begin(SampleInfo&& info) override {
    info_ = std::move(info);
    const BatchSpec& spec = making_.plan.spec;
    placement_ = place_slice(spec, size_of(info_.shape), aim_, making_.key, item_.position);
    if (shapes_) {
      shape_batch(making_.plan, info_.shape, batch_.items.size(), batch_);
    } else {
      check_same_shape();
    }
    BatchItem& slot = batch_.items[index_];
    slot.id = item_.id;
    slot.position = item_.position;
    slot.volume_id = info_.volume_id;
    slot.placement = placement_;
    slot.instances.clear();
    slot.instance_masks.resize(0);
    slot.points.clear();
    begin_targets();
    if (!spec.image) return {};
    if (is_plain_copy(spec, info_.shape, placement_)) return {image_slot(), image_bytes()};
    scratch_.image_hwc.resize(static_cast<std::size_t>(info_.shape.bytes()));
    return {scratch_.image_hwc.data(), scratch_.image_hwc.size()};
  }

  RowRange rows() override {
    const BatchSpec& spec = making_.plan.spec;
    const bool becomes_grey = spec.channels == ChannelPolicy::gray && info_.shape.channels != 1;
    if (becomes_grey || asks_whole_slice(spec.intensity)) return {};
    return {placement_.crop.y0, placement_.crop.y1};
  }

  bool wants_mask(std::size_t mask) override {
    return painter_ && painter_->wants(info_.annotations[mask]);
  }
  std::span<std::uint8_t> begin_mask(std::size_t mask) override {
    const auto pixels = static_cast<std::size_t>(info_.shape.pixels());
    direct_ = painter_->direct(info_.annotations[mask]);
    return {direct_ != nullptr ? direct_ : clean_plane(scratch_, pixels), pixels};
  }
  void end_mask(std::size_t mask) override {
    if (direct_ != nullptr) return;
    const AnnotationInfo& info = info_.annotations[mask];
    std::uint8_t* plane = scratch_.plane.as<std::uint8_t>().data();
    painter_->paint(info, plane);
    clear_box(plane, info_.shape.width, info.box);
    scratch_.plane_clean = true;
  }

  // Outside of the read transaction.
  void finish() {
    const BatchSpec& spec = making_.plan.spec;
    if (spec.image && !is_plain_copy(spec, info_.shape, placement_)) {
      const Bytes pixels(scratch_.image_hwc.data(), scratch_.image_hwc.size());
      transform_image(spec, {info_.shape, pixels}, placement_, scratch_, image_slot());
    }
    if (painter_) painter_->finish();
    fill_states();
  }

 private:
  std::size_t image_bytes() const {
    return std::size_t{batch_.channels} * batch_.height * batch_.width *
           pixel_bytes(batch_.pixel_type);
  }
  std::byte* image_slot() const { return batch_.images.data() + image_bytes() * index_; }

  void check_same_shape() const {
    const BatchSpec& spec = making_.plan.spec;
    const Size output = output_size(spec, size_of(info_.shape));
    const std::uint32_t channels =
        spec.image ? output_channels(spec, info_.shape.channels) : batch_.channels;
    if (output == Size{batch_.height, batch_.width} && channels == batch_.channels) return;
    throw Error(ErrorCode::bad_argument,
                "the output would be " + text_of(channels, output.height, output.width) +
                    ", but the batch is " + text_of(batch_.channels, batch_.height, batch_.width),
                "Give the batch a size with a crop or a resize, and a channel policy; or "
                "batch samples of one shape.");
  }

  void begin_targets() {
    const TargetSpec& targets = making_.plan.spec.targets;
    if (!making_.plan.paints() && !targets.instances) return;
    const std::size_t pixels = std::size_t{batch_.height} * batch_.width;
    TargetSlots slots;
    slots.item = &batch_.items[index_];
    slots.label_map_type = batch_.label_map_type;
    if (targets.mask_channels) {
      slots.masks_khw = batch_.masks.as<std::uint8_t>().data() + pixels * batch_.classes * index_;
    }
    if (targets.label_map) {
      slots.label_map_hw =
          batch_.label_map.data() + pixels * pixel_bytes(batch_.label_map_type) * index_;
    }
    painter_.emplace(making_.plan, slots, making_.key, scratch_);
    painter_->begin(placement_, count_masks());
  }

  std::size_t count_masks() const {
    std::size_t count = 0;
    const TargetSpec& targets = making_.plan.spec.targets;
    for (const AnnotationInfo& each : info_.annotations) {
      if (each.kind != AnnotationKind::mask || each.area == 0) continue;
      const Box& crop = placement_.crop;
      if (each.box.x1 <= crop.x0 || each.box.x0 >= crop.x1) continue;
      if (each.box.y1 <= crop.y0 || each.box.y0 >= crop.y1) continue;
      if (targets.classes.empty() || !making_.plan.targets.entries(each.class_id).empty()) ++count;
    }
    return count;
  }

  void fill_states() {
    const ThreeStates& states = making_.plan.states;
    if (states.size() == 0) return;
    const auto coverage = making_.pool.coverage(making_.bank, info_.volume_id);
    std::uint8_t* known = batch_.label_mask.as<std::uint8_t>().data() + states.size() * index_;
    for (std::size_t k = 0; k < states.size(); ++k) {
      known[k] = states.known(k, info_, *coverage) ? 1 : 0;
    }
    if (!making_.plan.spec.targets.labels) return;
    float* labels = batch_.labels.as<float>().data() + states.size() * index_;
    for (std::size_t k = 0; k < states.size(); ++k) labels[k] = states.label(k, info_, *coverage);
  }

  const BatchMaking& making_;
  const LoadItem& item_;
  std::size_t index_;
  bool shapes_;
  std::optional<PixelAt> aim_;
  Batch& batch_;
  BatchScratch& scratch_;
  SampleInfo info_;
  Placement placement_;
  std::optional<TargetPainter> painter_;
  std::uint8_t* direct_ = nullptr;
};

// Elements times bytes, or Error(limit).
std::size_t array_bytes(std::uint64_t items, std::uint64_t each, const char* what) {
  if (each != 0 && items > kBatchBytesMax / each) {
    throw Error(ErrorCode::limit,
                std::string("the ") + what + " of a batch of " + std::to_string(items) +
                    " would be more than 2^40 bytes",
                "Make smaller batches, or of a smaller size.");
  }
  return static_cast<std::size_t>(items * each);
}

}  // namespace

bool has_fixed_shape(const BatchSpec& spec) noexcept {
  const bool fixed_size = spec.size || (spec.crop.where != CropSpec::Where::none && spec.crop.size);
  return fixed_size && (!spec.image || spec.channels != ChannelPolicy::keep);
}

void shape_batch(const BatchPlan& plan, const ImageShape& shape, std::size_t items, Batch& batch) {
  const BatchSpec& spec = plan.spec;
  const Size size = output_size(spec, size_of(shape));
  const std::size_t classes = spec.targets.classes.size();
  batch.size = static_cast<std::uint32_t>(items);
  batch.channels = spec.image ? output_channels(spec, shape.channels) : 0;
  batch.height = size.height;
  batch.width = size.width;
  batch.classes = static_cast<std::uint32_t>(classes);
  batch.pixel_type = spec.pixel_type;
  batch.layout = spec.layout;
  batch.label_map_type = label_map_type(classes);
  batch.items.resize(items);
  const std::uint64_t pixels = std::uint64_t{size.height} * size.width;
  const auto resize = [&](Buffer& buffer, bool wanted, std::uint64_t each, const char* what) {
    buffer.resize(wanted ? array_bytes(items, each, what) : 0);
  };
  resize(batch.images, spec.image, pixels * batch.channels * pixel_bytes(spec.pixel_type),
         "images");
  resize(batch.masks, spec.targets.mask_channels, pixels * classes, "masks");
  resize(batch.label_map, spec.targets.label_map, pixels * pixel_bytes(batch.label_map_type),
         "label maps");
  resize(batch.label_mask, classes != 0, classes, "label mask");
  resize(batch.labels, spec.targets.labels, classes * sizeof(float), "labels");
}

void make_item(const BatchMaking& making, const LoadItem& item, std::size_t index, bool shapes,
               Batch& batch, BatchScratch& scratch) {
  try {
    ItemSink sink(making, item, index, shapes, aim_of(making, item, scratch), batch, scratch);
    making.reader.read_into(item.id, sink);
    sink.finish();
  } catch (const Error& error) {
    if (error.code() != ErrorCode::bad_argument) throw;
    throw Error(error.code(), "sample " + std::to_string(raw(item.id)) + ": " + error.what(),
                error.hint());
  }
}

void move_item(std::size_t from, std::size_t to, Batch& batch) {
  const std::size_t slots = batch.items.size();
  const auto move = [&](Buffer& buffer) {
    const std::size_t each = buffer.size() / slots;
    if (each != 0) std::memmove(buffer.data() + each * to, buffer.data() + each * from, each);
  };
  for (Buffer* each :
       {&batch.images, &batch.masks, &batch.label_map, &batch.label_mask, &batch.labels}) {
    move(*each);
  }
  std::swap(batch.items[to], batch.items[from]);
}

void shorten_batch(std::size_t items, Batch& batch) {
  const std::size_t slots = batch.items.size();
  for (Buffer* each :
       {&batch.images, &batch.masks, &batch.label_map, &batch.label_mask, &batch.labels}) {
    each->resize(each->size() / slots * items);
  }
  batch.items.resize(items);
  batch.size = static_cast<std::uint32_t>(items);
}

}  // namespace slicebank
