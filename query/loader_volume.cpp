#include "query/loader_volume.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

#include "query/internal/batch_pixels.h"
#include "query/internal/batch_plan.h"
#include "query/internal/loader_parallel.h"
#include "query/internal/pixel_visit.h"
#include "schema/error.h"
#include "schema/limits.h"
#include "store/reader.h"
#include "store/record.h"
#include "store/select.h"

namespace slicebank {
namespace {

// Voxels to load, in those of the volume: index 0 along d is the first stored slice.
struct Region {
  std::array<std::int64_t, 3> origin_dhw{};
  std::array<std::uint32_t, 3> size_dhw{};
};

// What of the slice is in the region: rows and columns, and where they go.
struct Window {
  Box source;  // in the slice
  std::uint32_t x = 0;
  std::uint32_t y = 0;
};

std::pair<std::uint32_t, std::uint32_t> overlap(std::int64_t origin, std::uint32_t size,
                                                std::uint32_t side) {
  const std::int64_t from = std::clamp<std::int64_t>(origin, 0, side);
  const std::int64_t to = std::clamp<std::int64_t>(origin + size, from, side);
  return {static_cast<std::uint32_t>(from), static_cast<std::uint32_t>(to)};
}

Window window_of(const Region& region, const ImageShape& shape) {
  Window window;
  std::tie(window.source.y0, window.source.y1) =
      overlap(region.origin_dhw[1], region.size_dhw[1], shape.height);
  std::tie(window.source.x0, window.source.x1) =
      overlap(region.origin_dhw[2], region.size_dhw[2], shape.width);
  if (window.source.empty()) {
    window.source = {};
    return window;
  }
  window.y = static_cast<std::uint32_t>(window.source.y0 - region.origin_dhw[1]);
  window.x = static_cast<std::uint32_t>(window.source.x0 - region.origin_dhw[2]);
  return window;
}

// The value as elements of a pixel type, saturated.
void fill_pixels(PixelType type, double value, Buffer& buffer) {
  visit_pixels(type, [&](auto tag) {
    using T = typename decltype(tag)::Stored;
    T each{};
    if constexpr (std::is_same_v<T, Half>) {
      each = Half{float_to_half(static_cast<float>(value))};
    } else if constexpr (std::is_floating_point_v<T>) {
      each = static_cast<T>(value);
    } else {
      const double low = static_cast<double>(std::numeric_limits<T>::min());
      const double high = static_cast<double>(std::numeric_limits<T>::max());
      each =
          std::isnan(value) ? T{0} : static_cast<T>(std::clamp(std::nearbyint(value), low, high));
    }
    const auto all = buffer.as<T>();
    std::fill(all.begin(), all.end(), each);
  });
}

struct Loading {
  const VolumeSpec& spec;
  const Region& region;
  ImageShape shape;  // of every slice
  ClassTable table;
  ThreeStates states;
  std::span<const ClassId> coverage;
  LoadedVolume& out;
  std::vector<std::vector<std::uint8_t>> known;  // of each slice, each class

  std::size_t plane() const { return std::size_t{out.height} * out.width; }
};

// One slice into its place of the volume.
class SliceSink : public DecodeSink {
 public:
  SliceSink(Loading& loading, std::size_t d, SampleId id, BatchScratch& scratch)
      : loading_(loading), d_(d), id_(id), scratch_(scratch) {}

  MutableBytes begin(SampleInfo&& info) override {
    info_ = std::move(info);
    const ImageShape& shape = info_.shape;
    if (!(shape == loading_.shape)) {
      throw Error(
          ErrorCode::bad_format,
          "sample " + std::to_string(raw(id_)) + " is " + std::to_string(shape.height) + " x " +
              std::to_string(shape.width) + " " + pixel_type_name(shape.pixel_type) + " with " +
              std::to_string(shape.channels) + " channels, unlike the first slice of its volume");
    }
    for (std::size_t k = 0; k < loading_.states.size(); ++k) {
      loading_.known[d_].push_back(loading_.states.known(k, info_, loading_.coverage) ? 1 : 0);
    }
    window_ = window_of(loading_.region, shape);
    if (!loading_.spec.image || window_.source.empty()) return {};
    if (in_place()) {
      const std::size_t bytes = loading_.plane() * pixel_bytes(shape.pixel_type);
      return {loading_.out.image_cdhw.data() + bytes * d_, bytes};
    }
    scratch_.image_hwc.resize(static_cast<std::size_t>(shape.bytes()));
    return {scratch_.image_hwc.data(), scratch_.image_hwc.size()};
  }

  RowRange rows() override { return {window_.source.y0, window_.source.y1}; }

  bool wants_mask(std::size_t mask) override {
    if (!loading_.spec.label_map && !loading_.spec.mask_channels) return false;
    const AnnotationInfo& info = info_.annotations[mask];
    const Box& window = window_.source;
    if (info.area == 0 || window.empty() || info.box.x0 >= window.x1 || info.box.x1 <= window.x0 ||
        info.box.y0 >= window.y1 || info.box.y1 <= window.y0) {
      return false;
    }
    return !loading_.table.entries(info.class_id).empty();
  }
  std::vector<MaskRun>* begin_runs(std::size_t) override {
    scratch_.runs.clear();
    return &scratch_.runs;
  }
  std::span<std::uint8_t> begin_mask(std::size_t) override { return {}; }
  void end_mask(std::size_t mask) override {
    for (const std::uint32_t entry : loading_.table.entries(info_.annotations[mask].class_id)) {
      if (loading_.spec.mask_channels) {
        auto* out = loading_.out.masks_kdhw.as<std::uint8_t>().data() +
                    (std::size_t{entry} * loading_.out.depth + d_) * loading_.plane();
        paint(out, std::uint8_t{1});
      }
      if (!loading_.spec.label_map) continue;
      if (loading_.out.label_map_type == PixelType::u8) {
        paint_label<std::uint8_t>(entry);
      } else if (loading_.out.label_map_type == PixelType::u16) {
        paint_label<std::uint16_t>(entry);
      } else {
        paint_label<std::int32_t>(entry);
      }
    }
  }

  void finish() {
    if (!loading_.spec.image || window_.source.empty() || in_place()) return;
    const ImageView image{info_.shape, Bytes(scratch_.image_hwc.data(), scratch_.image_hwc.size())};
    if (loading_.out.pixel_type != info_.shape.pixel_type) {
      copy_as_floats(image);
      return;
    }
    visit_pixels(info_.shape.pixel_type, [&](auto tag) {
      using T = typename decltype(tag)::Stored;
      const std::size_t channels = info_.shape.channels;
      const auto* in = reinterpret_cast<const T*>(image.image_hwc.data());
      for (std::size_t c = 0; c < channels; ++c) {
        T* out = out_plane<T>(c);
        for_rows([&](std::size_t from, std::size_t to, std::size_t width) {
          for (std::size_t x = 0; x < width; ++x) out[to + x] = in[(from + x) * channels + c];
        });
      }
    });
  }

 private:
  bool in_place() const {
    const Box whole{0, 0, info_.shape.width, info_.shape.height};
    return info_.shape.channels == 1 && window_.source == whole &&
           loading_.out.height == info_.shape.height && loading_.out.width == info_.shape.width &&
           loading_.out.pixel_type == info_.shape.pixel_type;
  }

  template <typename T>
  T* out_plane(std::size_t channel) const {
    return loading_.out.image_cdhw.as<T>().data() +
           (channel * loading_.out.depth + d_) * loading_.plane();
  }

  // Rows of the window: their first pixel in the slice and in the output's plane.
  template <typename Visit>
  void for_rows(const Visit& visit) const {
    const Box& box = window_.source;
    for (std::uint32_t y = box.y0; y < box.y1; ++y) {
      visit(std::size_t{y} * info_.shape.width + box.x0,
            std::size_t{window_.y + (y - box.y0)} * loading_.out.width + window_.x,
            std::size_t{box.x1 - box.x0});
    }
  }

  void copy_as_floats(const ImageView& image) {
    const Box& box = window_.source;
    const std::size_t width = box.x1 - box.x0;
    scratch_.crop.resize(width * (box.y1 - box.y0) * sizeof(float));
    float* values = scratch_.crop.as<float>().data();
    for (std::uint32_t c = 0; c < info_.shape.channels; ++c) {
      load_plane(image, c, box, {}, values);
      float* out = out_plane<float>(c);
      const float* row = values;
      for_rows([&](std::size_t, std::size_t to, std::size_t size) {
        std::memcpy(out + to, row, size * sizeof(float));
        row += size;
      });
    }
  }

  template <typename T>
  void paint_label(std::uint32_t entry) {
    T* out = reinterpret_cast<T*>(loading_.out.labels_dhw.data()) + loading_.plane() * d_;
    paint(out, static_cast<T>(entry + 1));
  }

  // The largest value wins, so the order of masks does not matter.
  template <typename T>
  void paint(T* out, T value) {
    const Box& box = window_.source;
    for (const MaskRun& run : scratch_.runs) {
      if (run.y < box.y0 || run.y >= box.y1) continue;
      const std::uint32_t x0 = std::max(box.x0, run.x0);
      const std::uint32_t x1 = std::min(box.x1, run.x1);
      T* row = out + std::size_t{window_.y + (run.y - box.y0)} * loading_.out.width + window_.x;
      for (std::uint32_t x = x0; x < x1; ++x) {
        T& pixel = row[x - box.x0];
        pixel = std::max(pixel, value);
      }
    }
  }

  Loading& loading_;
  std::size_t d_;
  SampleId id_;
  BatchScratch& scratch_;
  SampleInfo info_;
  Window window_;
};

std::uint32_t depth_of(const VolumeSlices& slices, MissingSlices missing) {
  if (missing == MissingSlices::close) return static_cast<std::uint32_t>(slices.ids.size());
  return slices.slice_indices.back() - slices.slice_indices.front() + 1;
}

// The sample at a place along the axis, none where nothing is stored or outside.
std::optional<SampleId> slice_at(const VolumeSlices& slices, MissingSlices missing,
                                 std::int64_t place) {
  if (place < 0 || place >= depth_of(slices, missing)) return std::nullopt;
  if (missing == MissingSlices::close) return slices.ids[static_cast<std::size_t>(place)];
  const auto wanted = static_cast<std::uint32_t>(place) + slices.slice_indices.front();
  const auto& indices = slices.slice_indices;
  const auto at = std::lower_bound(indices.begin(), indices.end(), wanted);
  if (at != indices.end() && *at == wanted) {
    return slices.ids[static_cast<std::size_t>(at - indices.begin())];
  }
  if (missing == MissingSlices::blank) return std::nullopt;
  throw Error(ErrorCode::not_found,
              "slice " + std::to_string(wanted) + " along axis " + axis_name(slices.axis) +
                  " of volume " + std::to_string(raw(slices.volume.id)) + " is not stored",
              "MissingSlices::blank fills it, MissingSlices::close leaves it out.");
}

std::size_t checked_bytes(std::uint64_t a, std::uint64_t b, std::uint64_t voxels) {
  constexpr std::uint64_t kMost = std::uint64_t{1} << 40;
  const std::uint64_t each = std::max<std::uint64_t>(a * b, 1);
  if (voxels > kMost / each) {
    throw Error(ErrorCode::limit, "a volume would take more than 2^40 bytes",
                "Load patches, or fewer classes.");
  }
  return static_cast<std::size_t>(each * voxels);
}

void allocate(const VolumeSpec& spec, const ImageShape& shape, const Region& region,
              LoadedVolume& out) {
  out.depth = region.size_dhw[0];
  out.height = region.size_dhw[1];
  out.width = region.size_dhw[2];
  out.channels = shape.channels;
  out.classes = static_cast<std::uint32_t>(spec.classes.size());
  out.pixel_type = spec.pixel_type.value_or(shape.pixel_type);
  out.label_map_type = label_map_type(spec.classes.size());
  const std::uint64_t plane = std::uint64_t{out.height} * out.width;
  const std::uint64_t voxels = checked_bytes(1, plane, out.depth);
  if (spec.image) {
    out.image_cdhw.resize(checked_bytes(out.channels, pixel_bytes(out.pixel_type), voxels));
    fill_pixels(out.pixel_type, spec.pad, out.image_cdhw);
  }
  if (spec.label_map) {
    out.labels_dhw.resize(checked_bytes(1, pixel_bytes(out.label_map_type), voxels));
    std::memset(out.labels_dhw.data(), 0, out.labels_dhw.size());
  }
  if (spec.mask_channels) {
    out.masks_kdhw.resize(checked_bytes(1, out.classes, voxels));
    std::memset(out.masks_kdhw.data(), 0, out.masks_kdhw.size());
  }
}

void check_spec(const Taxonomy& taxonomy, const VolumeSpec& spec, const Region& region) {
  check_classes(taxonomy, spec.classes);
  if (spec.classes.empty() && (spec.label_map || spec.mask_channels)) {
    throw Error(ErrorCode::bad_argument, "labels and masks of a volume need a list of classes");
  }
  for (const std::uint32_t side : region.size_dhw) {
    if (side == 0) throw Error(ErrorCode::bad_argument, "a patch has a side of 0 voxels");
  }
  constexpr std::int64_t kFar = std::int64_t{1} << 40;
  for (const std::int64_t each : region.origin_dhw) {
    if (each < -kFar || each > kFar) {
      throw Error(ErrorCode::bad_argument, "a patch lies too far outside of its volume");
    }
  }
}

LoadedVolume load_region(const Bank& bank, const VolumeSlices& slices, const ImageShape& shape,
                         const Region& region, const VolumeSpec& spec) {
  const std::shared_ptr<const Taxonomy> taxonomy = bank.taxonomy();
  check_spec(*taxonomy, spec, region);
  if (spec.pixel_type && *spec.pixel_type != shape.pixel_type &&
      *spec.pixel_type != PixelType::f32) {
    throw Error(ErrorCode::bad_argument, std::string("the volume is ") +
                                             pixel_type_name(shape.pixel_type) +
                                             " and can be loaded as that or as f32, not as " +
                                             pixel_type_name(*spec.pixel_type));
  }
  LoadedVolume out;
  allocate(spec, shape, region, out);
  out.spacing_dhw_mm = slices.spacing_dhw_mm;
  std::vector<std::optional<SampleId>> ids;
  ids.reserve(out.depth);
  for (std::uint32_t d = 0; d < out.depth; ++d) {
    ids.push_back(slice_at(slices, spec.missing, region.origin_dhw[0] + d));
  }
  Loading loading{spec,
                  region,
                  shape,
                  ClassTable(*taxonomy, spec.classes),
                  ThreeStates(*taxonomy, spec.classes),
                  slices.volume.coverage,
                  out,
                  std::vector<std::vector<std::uint8_t>>(out.depth)};
  const Reader reader = bank.reader();
  for_each_index(out.depth, spec.threads, [&](std::size_t d, BatchScratch& scratch) {
    if (!ids[d]) return;
    SliceSink sink(loading, d, *ids[d], scratch);
    reader.read_into(*ids[d], sink);
    sink.finish();
  });
  out.label_mask.resize(spec.classes.size());
  const auto label_mask = out.label_mask.as<std::uint8_t>();
  std::fill(label_mask.begin(), label_mask.end(), std::uint8_t{1});
  for (const auto& known : loading.known) {
    for (std::size_t k = 0; k < known.size(); ++k) label_mask[k] &= known[k];
  }
  return out;
}

ImageShape shape_of(const Bank& bank, const VolumeSlices& slices) {
  if (slices.ids.empty() || slices.ids.size() != slices.slice_indices.size()) {
    throw Error(ErrorCode::bad_argument, "a volume without slices",
                "Ask volume_slices() for them.");
  }
  return bank.reader().info(slices.ids.front()).shape;
}

std::optional<std::array<double, 3>> spacing_of(const VolumeInfo& volume, Axis axis) {
  if (!volume.spacing_xyz_mm) return std::nullopt;
  const auto& [x, y, z] = *volume.spacing_xyz_mm;
  // An x slice is (z, y), a y slice (z, x), a z slice (y, x).
  if (axis == Axis::x) return std::array<double, 3>{x, z, y};
  if (axis == Axis::y) return std::array<double, 3>{y, z, x};
  return std::array<double, 3>{z, y, x};
}

Axis axis_with_most(const Bank& bank, VolumeId volume) {
  Rows rows = select(bank,
                     "SELECT axis, COUNT(*) AS slices FROM _sample WHERE volume_id = ? "
                     "GROUP BY axis ORDER BY slices DESC, axis LIMIT 1",
                     {static_cast<std::int64_t>(raw(volume))});
  return rows.next() ? static_cast<Axis>(rows.integer(0)) : Axis::none;
}

}  // namespace

VolumeSlices volume_slices(const Bank& bank, VolumeId volume, std::optional<Axis> axis) {
  std::optional<VolumeInfo> info = bank.volume(volume);
  if (!info) {
    throw Error(ErrorCode::not_found, "there is no volume " + std::to_string(raw(volume)));
  }
  VolumeSlices slices;
  slices.volume = std::move(*info);
  slices.axis = axis ? *axis : axis_with_most(bank, volume);
  slices.spacing_dhw_mm = spacing_of(slices.volume, slices.axis);
  Rows rows = select(
      bank, "SELECT id, slice FROM _sample WHERE volume_id = ? AND axis = ? ORDER BY slice, id",
      {static_cast<std::int64_t>(raw(volume)), static_cast<std::int64_t>(slices.axis)});
  while (rows.next()) {
    const auto index = static_cast<std::uint32_t>(rows.integer(1));
    if (!slices.slice_indices.empty() && slices.slice_indices.back() == index) {
      throw Error(ErrorCode::bad_argument,
                  "volume " + std::to_string(raw(volume)) + " has slice " + std::to_string(index) +
                      " more than once: samples " + std::to_string(raw(slices.ids.back())) +
                      " and " + std::to_string(rows.integer(0)),
                  "Load its samples one by one.");
    }
    slices.slice_indices.push_back(index);
    slices.ids.push_back(SampleId{static_cast<std::uint64_t>(rows.integer(0))});
  }
  if (slices.ids.empty()) {
    throw Error(ErrorCode::not_found, "volume " + std::to_string(raw(volume)) +
                                          " has no slice along axis " + axis_name(slices.axis));
  }
  return slices;
}

LoadedVolume load_volume(const Bank& bank, const VolumeSlices& slices, const VolumeSpec& spec) {
  const ImageShape shape = shape_of(bank, slices);
  Region region;
  region.size_dhw = {depth_of(slices, spec.missing), shape.height, shape.width};
  LoadedVolume out = load_region(bank, slices, shape, region, spec);
  if (spec.missing == MissingSlices::close) {
    out.slice_indices = slices.slice_indices;
    return out;
  }
  for (std::uint32_t d = 0; d < out.depth; ++d) {
    out.slice_indices.push_back(slices.slice_indices.front() + d);
  }
  return out;
}

LoadedVolume load_volume(const Bank& bank, VolumeId volume, const VolumeSpec& spec) {
  return load_volume(bank, volume_slices(bank, volume), spec);
}

LoadedVolume load_patch(const Bank& bank, const VolumeSlices& slices,
                        const std::array<std::int64_t, 3>& origin_dhw,
                        const std::array<std::uint32_t, 3>& size_dhw, const VolumeSpec& spec) {
  const ImageShape shape = shape_of(bank, slices);
  return load_region(bank, slices, shape, {origin_dhw, size_dhw}, spec);
}

LoadedVolume load_patch(const Bank& bank, VolumeId volume,
                        const std::array<std::int64_t, 3>& origin_dhw,
                        const std::array<std::uint32_t, 3>& size_dhw, const VolumeSpec& spec) {
  return load_patch(bank, volume_slices(bank, volume), origin_dhw, size_dhw, spec);
}

}  // namespace slicebank
