#include "query/volume_foreground.h"

#include <algorithm>
#include <span>
#include <utility>

#include "query/internal/batch_plan.h"
#include "query/internal/batch_random.h"
#include "query/internal/run_pixels.h"
#include "schema/taxonomy.h"
#include "store/reader.h"
#include "store/record.h"
#include "store/select.h"

namespace slicebank {
namespace {

// The runs of some classes in one slice, and their areas together.
class RunSink : public DecodeSink {
 public:
  explicit RunSink(const std::vector<ClassId>& members) : members_(members) {}

  MutableBytes begin(SampleInfo&& info) override {
    info_ = std::move(info);
    return {};
  }
  bool wants_mask(std::size_t mask) override {
    const AnnotationInfo& info = info_.annotations[mask];
    return info.area > 0 && (members_.empty() ||
                             std::binary_search(members_.begin(), members_.end(), info.class_id));
  }
  std::vector<MaskRun>* begin_runs(std::size_t mask) override {
    area_ += info_.annotations[mask].area;
    return &runs_;
  }
  std::span<std::uint8_t> begin_mask(std::size_t) override { return {}; }
  void end_mask(std::size_t) override {}

  std::uint64_t area() const { return area_; }
  std::vector<MaskRun>& runs() { return runs_; }

 private:
  const std::vector<ClassId>& members_;
  SampleInfo info_;
  std::uint64_t area_ = 0;
  std::vector<MaskRun> runs_;
};

}  // namespace

VolumeForeground::VolumeForeground(Bank bank, const VolumeSlices& slices,
                                   const std::vector<ClassId>& classes, MissingSlices missing)
    : bank_(std::move(bank)), ids_(slices.ids) {
  const auto taxonomy = bank_.taxonomy();
  check_classes(*taxonomy, classes);
  for (std::size_t i = 0; i < ids_.size(); ++i) {
    depths_.push_back(missing == MissingSlices::close
                          ? static_cast<std::uint32_t>(i)
                          : slices.slice_indices[i] - slices.slice_indices.front());
  }
  std::vector<std::pair<SampleId, std::size_t>> places;
  for (std::size_t i = 0; i < ids_.size(); ++i) places.emplace_back(ids_[i], i);
  std::sort(places.begin(), places.end());
  std::vector<Class> wanted(std::max<std::size_t>(classes.size(), 1));
  std::vector<std::vector<std::uint64_t>> areas(wanted.size());
  for (std::size_t k = 0; k < classes.size(); ++k) {
    const auto members = taxonomy->members(classes[k]);
    wanted[k].members.assign(members.begin(), members.end());
    std::sort(wanted[k].members.begin(), wanted[k].members.end());
  }
  for (auto& each : areas) each.resize(ids_.size());
  for (Rows rows = select(bank_,
                          "SELECT k.sample_id, k.class_id, k.area FROM _sample s "
                          "JOIN _mask k ON k.sample_id = s.id WHERE s.volume_id = ? AND s.axis = ?",
                          {static_cast<std::int64_t>(raw(slices.volume.id)),
                           static_cast<std::int64_t>(slices.axis)});
       rows.next();) {
    const SampleId id{static_cast<std::uint64_t>(rows.integer(0))};
    const ClassId class_id{static_cast<std::uint32_t>(rows.integer(1))};
    const auto place =
        std::lower_bound(places.begin(), places.end(), std::pair{id, std::size_t{0}});
    if (place == places.end() || place->first != id) continue;  // newer than `slices`
    for (std::size_t k = 0; k < wanted.size(); ++k) {
      const auto& members = wanted[k].members;
      if (!members.empty() && !std::binary_search(members.begin(), members.end(), class_id)) {
        continue;
      }
      areas[k][place->second] += static_cast<std::uint64_t>(rows.integer(2));
    }
  }
  for (std::size_t k = 0; k < wanted.size(); ++k) {
    std::uint64_t area = 0;
    for (std::size_t i = 0; i < ids_.size(); ++i) {
      if (areas[k][i] == 0) continue;
      wanted[k].slices.push_back(i);
      wanted[k].area_to.push_back(area += areas[k][i]);
    }
    if (area > 0) classes_.push_back(std::move(wanted[k]));
  }
}

std::optional<std::array<std::uint32_t, 3>> VolumeForeground::draw(const RandomKey& key,
                                                                   std::uint64_t position) const {
  if (classes_.empty()) return std::nullopt;
  SplitMix random = random_stream(key, position, RandomUse::foreground);
  const Class& aim = classes_[static_cast<std::size_t>(random.below(classes_.size()))];
  const Reader reader = bank_.reader();
  for (;;) {
    const auto at =
        std::upper_bound(aim.area_to.begin(), aim.area_to.end(), random.below(aim.area_to.back()));
    const std::size_t slice = aim.slices[static_cast<std::size_t>(at - aim.area_to.begin())];
    RunSink sink(aim.members);
    reader.read_into(ids_[slice], sink);
    unite_runs(sink.runs());
    const std::uint64_t area = area_of(sink.runs());
    // A slice whose masks overlap comes up too often by what they share.
    const std::uint64_t rank = random.below(sink.area());
    if (rank >= area) continue;
    const PixelAt pixel = pixel_at(sink.runs(), rank);
    return std::array<std::uint32_t, 3>{depths_[slice], pixel.y, pixel.x};
  }
}

std::array<std::int64_t, 3> patch_around(const std::array<std::uint32_t, 3>& voxel_dhw,
                                         const std::array<std::uint32_t, 3>& size_dhw,
                                         const std::array<std::uint32_t, 3>& volume_dhw) {
  std::array<std::int64_t, 3> origin{};
  for (std::size_t i = 0; i < 3; ++i) {
    const std::int64_t size = size_dhw[i];
    const std::int64_t side = volume_dhw[i];
    origin[i] = size > side ? -((size - side) / 2)
                            : std::clamp<std::int64_t>(voxel_dhw[i] - size / 2, 0, side - size);
  }
  return origin;
}

}  // namespace slicebank
