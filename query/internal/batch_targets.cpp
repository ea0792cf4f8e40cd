#include "query/internal/batch_targets.h"

#include <algorithm>
#include <cstring>
#include <tuple>
#include <utility>

#include "query/internal/batch_place.h"

namespace slicebank {
namespace {

// First and last + 1 place of an ascending list whose values are in [from, to).
std::pair<std::uint32_t, std::uint32_t> places_in(const std::vector<std::uint32_t>& ascending,
                                                  std::uint32_t from, std::uint32_t to) {
  const auto first = std::lower_bound(ascending.begin(), ascending.end(), from);
  const auto last = std::lower_bound(first, ascending.end(), to);
  return {static_cast<std::uint32_t>(first - ascending.begin()),
          static_cast<std::uint32_t>(last - ascending.begin())};
}

bool intersect(const Box& a, const Box& b) {
  return a.x0 < b.x1 && b.x0 < a.x1 && a.y0 < b.y1 && b.y0 < a.y1;
}

std::uint32_t ones(const std::uint8_t* row, std::uint32_t width) {
  std::uint32_t count = 0;
  for (std::uint32_t x = 0; x < width; ++x) count += row[x];
  return count;
}

// The pixel of a box that is the `rank`th of those that are `wanted`; counts_ says how many
// each row has.
PixelAt select_pixel(const std::uint8_t* mask_hw, std::uint32_t step, const Box& box,
                     const std::vector<std::uint32_t>& row_counts, std::uint8_t wanted,
                     std::uint64_t rank) {
  std::uint32_t y = box.y0;
  while (rank >= row_counts[y - box.y0]) rank -= row_counts[y++ - box.y0];
  const std::uint8_t* row = mask_hw + std::size_t{y} * step;
  std::uint32_t x = box.x0;
  while (true) {
    if (row[x] == wanted) {
      if (rank == 0) return {x, y};
      --rank;
    }
    ++x;
  }
}

}  // namespace

TargetPainter::TargetPainter(const BatchPlan& plan, const TargetSlots& slots, const RandomKey& key,
                             BatchScratch& scratch)
    : plan_(plan), slots_(slots), key_(key), scratch_(scratch) {}

std::uint64_t TargetPainter::pixels() const noexcept {
  return std::uint64_t{output_.height} * output_.width;
}

void TargetPainter::begin(const Placement& placement, std::size_t masks_most) {
  placement_ = placement;
  identity_ = is_identity(placement);
  output_ = placement.canvas;
  if (placement.transpose) std::swap(output_.height, output_.width);
  const std::size_t classes = plan_.spec.targets.classes.size();
  touched_.assign(classes, 0);
  if (slots_.masks_khw != nullptr) std::memset(slots_.masks_khw, 0, pixels() * classes);
  if (slots_.label_map_hw != nullptr) {
    std::memset(slots_.label_map_hw, 0, pixels() * pixel_bytes(slots_.label_map_type));
  }
  nearest_pixels(placement.crop.x0, placement.crop.x1, placement.inner.x1 - placement.inner.x0,
                 scratch_.nearest_x);
  nearest_pixels(placement.crop.y0, placement.crop.y1, placement.inner.y1 - placement.inner.y0,
                 scratch_.nearest_y);
  if (!plan_.spec.targets.instances) return;
  const std::size_t most =
      plan_.spec.targets.instance.one_random ? std::min<std::size_t>(masks_most, 1) : masks_most;
  slots_.item->instance_masks.resize(static_cast<std::size_t>(pixels()) * most);
  choice_ = random_stream(key_, slots_.item->position, RandomUse::instance);
  survivors_ = 0;
}

bool TargetPainter::wants(const AnnotationInfo& mask) const {
  if (mask.area == 0 || !intersect(mask.box, placement_.crop)) return false;
  const TargetSpec& targets = plan_.spec.targets;
  if (targets.instances && targets.classes.empty()) return true;
  if (!targets.instances && !plan_.paints()) return false;
  return !plan_.targets.entries(mask.class_id).empty();
}

std::uint8_t* TargetPainter::direct(const AnnotationInfo& mask) {
  const TargetSpec& targets = plan_.spec.targets;
  if (!identity_ || targets.label_map || targets.instances || !targets.mask_channels)
    return nullptr;
  const auto entries = plan_.targets.entries(mask.class_id);
  if (entries.size() != 1 || touched_[entries[0]] != 0) return nullptr;
  touched_[entries[0]] = 1;
  return slots_.masks_khw + pixels() * entries[0];
}

TargetPainter::Patch TargetPainter::resample(const AnnotationInfo& mask,
                                             const std::uint8_t* mask_hw) {
  const auto [x0, x1] = places_in(scratch_.nearest_x, mask.box.x0, mask.box.x1);
  const auto [y0, y1] = places_in(scratch_.nearest_y, mask.box.y0, mask.box.y1);
  Patch patch;
  patch.width = x1 - x0;
  const Box inner = placement_.inner;
  patch.box = {inner.x0 + x0, inner.y0 + y0, inner.x0 + x1, inner.y0 + y1};
  if (patch.box.empty()) return patch;
  scratch_.patch.resize(std::size_t{patch.width} * (y1 - y0));
  auto* out = scratch_.patch.as<std::uint8_t>().data();
  patch.pixels = out;
  const std::uint32_t* columns = scratch_.nearest_x.data() + x0;
  const bool same_width = columns[patch.width - 1] - columns[0] == patch.width - 1 &&
                          inner.x1 - inner.x0 == placement_.crop.x1 - placement_.crop.x0;
  for (std::uint32_t y = y0; y < y1; ++y, out += patch.width) {
    const std::uint8_t* row =
        mask_hw + std::size_t{scratch_.nearest_y[y]} * placement_.source.width;
    if (same_width) {
      std::memcpy(out, row + columns[0], patch.width);
      continue;
    }
    for (std::uint32_t x = 0; x < patch.width; ++x) out[x] = row[columns[x]];
  }
  return patch;
}

void TargetPainter::paint(const AnnotationInfo& mask, const std::uint8_t* mask_hw) {
  const Patch patch = resample(mask, mask_hw);
  if (patch.box.empty()) return;
  for (const std::uint32_t entry : plan_.targets.entries(mask.class_id)) {
    if (slots_.masks_khw != nullptr) paint_channel(patch, entry);
    if (slots_.label_map_hw == nullptr) continue;
    if (slots_.label_map_type == PixelType::u8) {
      paint_label<std::uint8_t>(patch, entry);
    } else if (slots_.label_map_type == PixelType::u16) {
      paint_label<std::uint16_t>(patch, entry);
    } else {
      paint_label<std::int32_t>(patch, entry);
    }
  }
  if (plan_.spec.targets.instances) paint_instance(patch, mask);
}

void TargetPainter::paint_channel(const Patch& patch, std::uint32_t entry) {
  touched_[entry] = 1;
  std::uint8_t* out = slots_.masks_khw + pixels() * entry;
  const Turn turn = turn_of(placement_);
  const std::uint8_t* in = patch.pixels;
  for (std::uint32_t y = patch.box.y0; y < patch.box.y1; ++y, in += patch.width) {
    std::int64_t at = turn.base + y * turn.step_y + patch.box.x0 * turn.step_x;
    if (turn.step_x == 1) {
      std::uint8_t* row = out + at;
      for (std::uint32_t x = 0; x < patch.width; ++x) row[x] |= in[x];
      continue;
    }
    for (std::uint32_t x = 0; x < patch.width; ++x, at += turn.step_x) out[at] |= in[x];
  }
}

template <typename T>
void TargetPainter::paint_label(const Patch& patch, std::uint32_t entry) {
  auto* out = reinterpret_cast<T*>(slots_.label_map_hw);
  const T value = static_cast<T>(entry + 1);
  const Turn turn = turn_of(placement_);
  const std::uint8_t* in = patch.pixels;
  for (std::uint32_t y = patch.box.y0; y < patch.box.y1; ++y, in += patch.width) {
    std::int64_t at = turn.base + y * turn.step_y + patch.box.x0 * turn.step_x;
    for (std::uint32_t x = 0; x < patch.width; ++x, at += turn.step_x) {
      if (in[x] != 0 && out[at] < value) out[at] = value;
    }
  }
}

// Area, tight box and centroid of a patch in the output; false when it is too small.
bool TargetPainter::measure(const Patch& patch, Instance& instance) const {
  Box tight{patch.box.x1, patch.box.y1, 0, 0};
  std::uint64_t sum_x = 0;
  std::uint64_t sum_y = 0;
  const std::uint8_t* in = patch.pixels;
  for (std::uint32_t y = patch.box.y0; y < patch.box.y1; ++y, in += patch.width) {
    std::uint32_t count = 0;
    for (std::uint32_t x = 0; x < patch.width; ++x) {
      if (in[x] == 0) continue;
      ++count;
      sum_x += patch.box.x0 + x;
      tight.x0 = std::min(tight.x0, patch.box.x0 + x);
      tight.x1 = std::max(tight.x1, patch.box.x0 + x + 1);
    }
    if (count == 0) continue;
    instance.area += count;
    sum_y += std::uint64_t{y} * count;
    tight.y0 = std::min(tight.y0, y);
    tight.y1 = y + 1;
  }
  if (instance.area < std::max<std::uint64_t>(plan_.spec.targets.instance.area_min, 1)) {
    return false;
  }
  const double area = static_cast<double>(instance.area);
  instance.centroid_x = static_cast<double>(sum_x) / area;
  instance.centroid_y = static_cast<double>(sum_y) / area;
  if (placement_.transpose) std::swap(instance.centroid_x, instance.centroid_y);
  if (placement_.flip_horizontal) instance.centroid_x = output_.width - 1 - instance.centroid_x;
  if (placement_.flip_vertical) instance.centroid_y = output_.height - 1 - instance.centroid_y;
  instance.box = turned(placement_, tight);
  return true;
}

void TargetPainter::paint_instance(const Patch& patch, const AnnotationInfo& mask) {
  Instance instance;
  instance.class_id = mask.class_id;
  instance.instance = mask.instance;
  if (!measure(patch, instance)) return;
  std::vector<Instance>& instances = slots_.item->instances;
  // Of one random instance: the nth takes the place with probability 1 / n.
  ++survivors_;
  if (plan_.spec.targets.instance.one_random && choice_.below(survivors_) != 0) return;
  if (plan_.spec.targets.instance.one_random) instances.clear();
  instances.push_back(instance);
  std::uint8_t* out =
      slots_.item->instance_masks.as<std::uint8_t>().data() + pixels() * (instances.size() - 1);
  std::memset(out, 0, static_cast<std::size_t>(pixels()));
  const Turn turn = turn_of(placement_);
  const std::uint8_t* in = patch.pixels;
  for (std::uint32_t y = patch.box.y0; y < patch.box.y1; ++y, in += patch.width) {
    std::int64_t at = turn.base + y * turn.step_y + patch.box.x0 * turn.step_x;
    for (std::uint32_t x = 0; x < patch.width; ++x, at += turn.step_x) out[at] = in[x];
  }
}

void TargetPainter::finish() {
  if (!plan_.spec.targets.instances) return;
  BatchItem& item = *slots_.item;
  item.instance_masks.resize(static_cast<std::size_t>(pixels()) * item.instances.size());
  SplitMix random = random_stream(key_, item.position, RandomUse::jitter);
  for (Instance& each : item.instances) each.prompt_box = jittered(each.box, random);
  for (std::size_t i = 0; i < item.instances.size(); ++i) draw_points(i);
}

Box TargetPainter::jittered(const Box& box, SplitMix& random) const {
  const std::int64_t most = plan_.spec.targets.instance.box_jitter;
  if (most == 0) return box;
  const auto moved = [&](std::uint32_t side, std::uint32_t bound) {
    const auto by =
        static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(2 * most + 1))) - most;
    return static_cast<std::uint32_t>(
        std::clamp<std::int64_t>(side + by, 0, static_cast<std::int64_t>(bound)));
  };
  Box out;
  out.x0 = moved(box.x0, output_.width);
  out.y0 = moved(box.y0, output_.height);
  out.x1 = moved(box.x1, output_.width);
  out.y1 = moved(box.y1, output_.height);
  if (out.x0 >= out.x1) std::tie(out.x0, out.x1) = std::pair(box.x0, box.x1);
  if (out.y0 >= out.y1) std::tie(out.y0, out.y1) = std::pair(box.y0, box.y1);
  return out;
}

void TargetPainter::draw_points(std::size_t instance) {
  const InstanceSpec& spec = plan_.spec.targets.instance;
  if (spec.positive_points == 0 && spec.negative_points == 0) return;
  BatchItem& item = *slots_.item;
  const std::uint8_t* mask_hw = item.instance_masks.as<std::uint8_t>().data() + pixels() * instance;
  const Instance& object = item.instances[instance];
  SplitMix random = random_stream(key_, item.position, RandomUse::points);
  random = SplitMix(random.next() + instance);
  std::vector<std::uint32_t>& counts = scratch_.row_counts;
  const auto draw = [&](const Box& box, std::uint8_t wanted, std::uint32_t points) {
    const std::uint32_t width = box.x1 - box.x0;
    counts.resize(box.y1 - box.y0);
    std::uint64_t total = 0;
    for (std::uint32_t y = box.y0; y < box.y1; ++y) {
      const std::uint32_t in = ones(mask_hw + std::size_t{y} * output_.width + box.x0, width);
      counts[y - box.y0] = wanted != 0 ? in : width - in;
      total += counts[y - box.y0];
    }
    for (std::uint32_t i = 0; i < points; ++i) {
      Point point;
      if (total != 0) {
        const PixelAt at =
            select_pixel(mask_hw, output_.width, box, counts, wanted, random.below(total));
        point = {static_cast<std::int32_t>(at.x), static_cast<std::int32_t>(at.y), wanted};
      }
      item.points.push_back(point);
    }
  };
  draw(object.box, 1, spec.positive_points);
  draw(turned(placement_, placement_.inner), 0, spec.negative_points);
}

}  // namespace slicebank
