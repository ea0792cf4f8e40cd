#include "query/internal/batch_plan.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <string>
#include <utility>

#include "schema/error.h"
#include "schema/limits.h"

namespace slicebank {
namespace {

[[noreturn]] void refuse(const std::string& what, const std::string& hint = {}) {
  throw Error(ErrorCode::bad_argument, what, hint);
}

void check_size(const Size& size, const char* what) {
  const std::uint32_t most = limits::kImageSideMax;
  if (size.height < 1 || size.width < 1 || size.height > most || size.width > most) {
    refuse(std::string(what) + " of " + std::to_string(size.height) + " x " +
           std::to_string(size.width) + " pixels: sides go from 1 to " + std::to_string(most));
  }
}

void check_probability(double value, const char* what) {
  if (!(value >= 0 && value <= 1)) refuse(std::string(what) + " is a probability, 0 to 1");
}

void check_intensity(const IntensitySpec& spec) {
  using Kind = IntensitySpec::Kind;
  if (spec.kind == Kind::window && !(spec.width > 0 && std::isfinite(spec.level))) {
    refuse("a window needs a width above 0");
  }
  if (spec.kind == Kind::percentile &&
      !(spec.lower >= 0 && spec.upper <= 100 && spec.lower < spec.upper)) {
    refuse("percentiles go from 0 to 100, the lower one first");
  }
  if (spec.kind == Kind::mean_std) {
    if (spec.mean.empty() || spec.mean.size() != spec.std.size()) {
      refuse("mean and std need one entry, or one for each channel, both as many");
    }
    for (const double each : spec.std) {
      if (each == 0 || !std::isfinite(each)) refuse("a standard deviation is 0 or not finite");
    }
  }
}

void check_spec(const BatchSpec& spec) {
  if (spec.size) check_size(*spec.size, "an output");
  if (spec.crop.size) check_size(*spec.crop.size, "a crop");
  if (spec.crop.where != CropSpec::Where::none && !spec.crop.size && !spec.size) {
    refuse("a crop without a size", "Give the crop or the batch a size.");
  }
  if (spec.resize != ResizeKind::none && !spec.size) {
    refuse("a resize needs the size of the batch");
  }
  const PixelType type = spec.pixel_type;
  if (type != PixelType::u8 && type != PixelType::i16 && type != PixelType::u16 &&
      type != PixelType::f16 && type != PixelType::f32) {
    refuse("batches are u8, i16, u16, f16 or f32, not " + std::string(pixel_type_name(type)));
  }
  check_probability(spec.crop.probability, "CropSpec::probability");
  check_probability(spec.augment.flip_horizontal, "AugmentSpec::flip_horizontal");
  check_probability(spec.augment.flip_vertical, "AugmentSpec::flip_vertical");
  check_intensity(spec.intensity);
  const TargetSpec& targets = spec.targets;
  if (targets.classes.empty() && (targets.mask_channels || targets.label_map || targets.labels)) {
    refuse("mask channels, label maps and labels need a list of classes");
  }
  if (targets.classes.size() > limits::kCoverageMax) {
    refuse("a batch has at most " + std::to_string(limits::kCoverageMax) + " classes");
  }
  constexpr std::uint32_t kPointsMax = 1u << 16;
  if (targets.instance.positive_points > kPointsMax ||
      targets.instance.negative_points > kPointsMax) {
    refuse("an instance has at most " + std::to_string(kPointsMax) + " points of a kind");
  }
}

bool holds(std::span<const ClassId> ascending, ClassId id) {
  return std::binary_search(ascending.begin(), ascending.end(), id);
}

bool says_absent(const SampleInfo& info, ClassId id) {
  for (const AnnotationInfo& each : info.annotations) {
    if (each.kind == AnnotationKind::label && each.class_id == id && each.value == 0) return true;
  }
  return false;
}

bool any_of(const SampleInfo& info, std::span<const ClassId> members) {
  for (const AnnotationInfo& each : info.annotations) {
    if (each.kind == AnnotationKind::label && !(each.value > 0)) continue;
    if (holds(members, each.class_id)) return true;
  }
  return false;
}

bool looked_for(const CoverageNeed& need, const SampleInfo& info,
                std::span<const ClassId> coverage) {
  if (holds(coverage, need.id) || says_absent(info, need.id)) return true;
  for (const std::vector<CoverageNeed>& way : need.ways) {
    bool all = true;
    for (const CoverageNeed& part : way) all = all && looked_for(part, info, coverage);
    if (all) return true;
  }
  return false;
}

}  // namespace

ClassTable::ClassTable(const Taxonomy& taxonomy, std::span<const ClassId> classes) {
  std::map<ClassId, std::vector<std::uint32_t>> table;
  for (std::uint32_t entry = 0; entry < classes.size(); ++entry) {
    for (const ClassId member : taxonomy.members(classes[entry])) table[member].push_back(entry);
  }
  for (const auto& [id, entries] : table) {
    const auto begin = static_cast<std::uint32_t>(entries_.size());
    entries_.insert(entries_.end(), entries.begin(), entries.end());
    rows_.push_back({id, begin, static_cast<std::uint32_t>(entries_.size())});
  }
}

std::span<const std::uint32_t> ClassTable::entries(ClassId id) const {
  const auto row =
      std::lower_bound(rows_.begin(), rows_.end(), id,
                       [](const Row& each, ClassId wanted) { return each.id < wanted; });
  if (row == rows_.end() || row->id != id) return {};
  return std::span(entries_).subspan(row->begin, row->end - row->begin);
}

ThreeStates::ThreeStates(const Taxonomy& taxonomy, std::span<const ClassId> classes) {
  for (const ClassId id : classes) {
    Entry entry{coverage_of(taxonomy, id), taxonomy.members(id), {}};
    for (const ClassId above : taxonomy.ancestors(id)) {
      if (above != id) entry.above.push_back({above, taxonomy.members(above)});
    }
    classes_.push_back(std::move(entry));
  }
}

bool ThreeStates::present(std::size_t entry, const SampleInfo& info) const {
  return any_of(info, classes_[entry].members);
}

bool ThreeStates::known(std::size_t entry, const SampleInfo& info,
                        std::span<const ClassId> coverage) const {
  const Entry& asked = classes_[entry];
  if (any_of(info, asked.members) || looked_for(asked.need, info, coverage)) return true;
  for (const Whole& whole : asked.above) {
    // Nothing of the whole was there, so nothing of its part.
    const bool looked = holds(coverage, whole.id) || says_absent(info, whole.id);
    if (looked && !any_of(info, whole.members)) return true;
  }
  return false;
}

float ThreeStates::label(std::size_t entry, const SampleInfo& info,
                         std::span<const ClassId> coverage) const {
  const Entry& asked = classes_[entry];
  std::optional<double> largest;
  for (const AnnotationInfo& each : info.annotations) {
    if (each.kind != AnnotationKind::label || !holds(asked.members, each.class_id)) continue;
    // That a part is absent says nothing about the whole.
    if (each.value == 0 && each.class_id != asked.need.id) continue;
    largest = largest ? std::max(*largest, each.value) : each.value;
  }
  if (largest && *largest != 0) return static_cast<float>(*largest);
  if (any_of(info, asked.members)) return 1;
  if (known(entry, info, coverage)) return 0;
  return std::numeric_limits<float>::quiet_NaN();
}

BatchPlan::BatchPlan(const Taxonomy& taxonomy, BatchSpec batch_spec) : spec(std::move(batch_spec)) {
  check_spec(spec);
  check_classes(taxonomy, spec.targets.classes);
  check_classes(taxonomy, spec.crop.classes);
  targets = ClassTable(taxonomy, spec.targets.classes);
  states = ThreeStates(taxonomy, spec.targets.classes);
  if (spec.crop.where == CropSpec::Where::foreground) {
    const auto& classes = spec.crop.classes.empty() ? spec.targets.classes : spec.crop.classes;
    for (const ClassId id : classes) aims.push_back(taxonomy.members(id));
  }
}

PixelType label_map_type(std::size_t classes) noexcept {
  if (classes <= 255) return PixelType::u8;
  return classes <= 65'535 ? PixelType::u16 : PixelType::i32;
}

void check_classes(const Taxonomy& taxonomy, std::span<const ClassId> classes) {
  for (const ClassId id : classes) {
    if (taxonomy.class_info(id) == nullptr) {
      refuse("there is no class of id " + std::to_string(raw(id)),
             "Look the class up by name: Taxonomy::find_class.");
    }
  }
}

}  // namespace slicebank
