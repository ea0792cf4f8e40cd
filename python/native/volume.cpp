// Whole volumes and patches out of stored slices.
#include <nanobind/stl/array.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <optional>

#include "python/native/batch_spec.h"
#include "python/native/native.h"
#include "query/loader_volume.h"
#include "query/volume_foreground.h"
#include "schema/error.h"

namespace slicebank::python {
namespace {

using Origin = std::array<std::int64_t, 3>;
using Sides = std::array<std::uint32_t, 3>;

std::optional<Axis> axis_of(const std::optional<std::string>& word) {
  if (!word) return std::nullopt;
  for (const Axis axis : {Axis::none, Axis::x, Axis::y, Axis::z}) {
    if (*word == axis_name(axis)) return axis;
  }
  throw Error(ErrorCode::bad_argument, "axis: '" + *word + "'", "x, y, z or 2d");
}

MissingSlices missing_of(const std::string& word) {
  if (word == "raise") return MissingSlices::raise;
  if (word == "blank") return MissingSlices::blank;
  if (word == "close") return MissingSlices::close;
  throw Error(ErrorCode::bad_argument, "missing: '" + word + "'", "raise, blank or close");
}

nb::object spacing_of(const std::optional<std::array<double, 3>>& spacing_dhw_mm) {
  if (!spacing_dhw_mm) return nb::none();
  const auto& [d, h, w] = *spacing_dhw_mm;
  return nb::make_tuple(d, h, w);
}

nb::dict volume_arrays(LoadedVolume&& loaded) {
  const auto volume = std::make_shared<LoadedVolume>(std::move(loaded));
  const std::size_t c = volume->channels;
  const std::size_t d = volume->depth;
  const std::size_t h = volume->height;
  const std::size_t w = volume->width;
  const std::size_t k = volume->classes;
  nb::dict dict;
  if (!volume->image_cdhw.empty()) {
    const std::size_t shape[] = {c, d, h, w};
    dict["image"] = array_over(volume, volume->image_cdhw.data(), shape, volume->pixel_type);
  }
  if (!volume->labels_dhw.empty()) {
    const std::size_t shape[] = {d, h, w};
    dict["label_map"] =
        array_over(volume, volume->labels_dhw.data(), shape, volume->label_map_type);
  }
  if (!volume->masks_kdhw.empty()) {
    const std::size_t shape[] = {k, d, h, w};
    dict["masks"] = array_over(volume, volume->masks_kdhw.data(), shape, PixelType::u8);
  }
  if (!volume->label_mask.empty()) {
    const std::size_t shape[] = {k};
    dict["label_mask"] = array_over(volume, volume->label_mask.data(), shape, PixelType::u8);
  }
  dict["slice_indices"] = volume->slice_indices;
  dict["spacing_dhw_mm"] = spacing_of(volume->spacing_dhw_mm);
  return dict;
}

VolumeSpec spec_of(bool image, const std::optional<std::string>& dtype,
                   const std::vector<std::uint32_t>& classes, bool label_map, bool masks,
                   double pad, const std::string& missing, std::uint32_t threads) {
  VolumeSpec spec;
  spec.image = image;
  if (dtype) spec.pixel_type = pixel_type_of(*dtype);
  spec.classes = class_ids_of(classes);
  spec.label_map = label_map;
  spec.mask_channels = masks;
  spec.pad = pad;
  spec.missing = missing_of(missing);
  spec.threads = threads;
  return spec;
}

// Where a patch is to begin, by (seed, epoch, position).
void bind_foreground(nb::module_& module) {
  using namespace nb::literals;
  nb::class_<VolumeForeground>(module, "VolumeForeground", "Where classes are in a volume.")
      .def(
          "__init__",
          [](VolumeForeground* self, const Bank& bank, const VolumeSlices& slices,
             const std::vector<std::uint32_t>& classes, const std::string& missing) {
            const nb::gil_scoped_release release;
            new (self) VolumeForeground(bank, slices, class_ids_of(classes), missing_of(missing));
          },
          "bank"_a, "slices"_a, "classes"_a, "missing"_a)
      .def(
          "draw",
          [](const VolumeForeground& it, std::uint64_t seed, std::uint64_t epoch,
             std::uint64_t position) {
            const nb::gil_scoped_release release;
            return it.draw({seed, epoch}, position);
          },
          "seed"_a, "epoch"_a, "position"_a,
          nb::sig("def draw(self, seed: int, epoch: int, position: int) -> "
                  "list[int] | None"));
  module.def("patch_around", &patch_around, "voxel_dhw"_a, "size_dhw"_a, "volume_dhw"_a,
             nb::sig("def patch_around(voxel_dhw: collections.abc.Sequence[int], size_dhw: "
                     "collections.abc.Sequence[int], volume_dhw: collections.abc.Sequence[int]) -> "
                     "list[int]"));
}

}  // namespace

void bind_volume(nb::module_& module) {
  using namespace nb::literals;
  nb::class_<VolumeSlices>(module, "VolumeSlices", "The slices of a volume along one axis.")
      .def_ro("slice_indices", &VolumeSlices::slice_indices)
      .def_prop_ro("axis", [](const VolumeSlices& it) { return axis_name(it.axis); })
      .def_prop_ro("key", [](const VolumeSlices& it) { return it.volume.key; })
      .def_prop_ro("affine_4x4", [](const VolumeSlices& it) { return it.volume.affine_4x4; })
      .def_prop_ro("spacing_dhw_mm",
                   [](const VolumeSlices& it) { return spacing_of(it.spacing_dhw_mm); })
      .def(
          "ids", [](const VolumeSlices& it) { return id_array(it.ids); },
          nb::sig("def ids(self) -> numpy.typing.NDArray[numpy.uint64]"));
  module.def(
      "volume_slices",
      [](const Bank& bank, std::uint64_t volume, const std::optional<std::string>& axis) {
        return volume_slices(bank, VolumeId{volume}, axis_of(axis));
      },
      "bank"_a, "volume"_a, "axis"_a.none());
  module.def(
      "load_volume",
      [](const Bank& bank, const VolumeSlices& slices, bool image,
         const std::optional<std::string>& dtype, const std::vector<std::uint32_t>& classes,
         bool label_map, bool masks, double pad, const std::string& missing, std::uint32_t threads,
         const std::optional<Origin>& origin_dhw, const std::optional<Sides>& size_dhw) {
        const VolumeSpec spec =
            spec_of(image, dtype, classes, label_map, masks, pad, missing, threads);
        LoadedVolume loaded;
        {
          const nb::gil_scoped_release release;
          loaded = origin_dhw && size_dhw ? load_patch(bank, slices, *origin_dhw, *size_dhw, spec)
                                          : load_volume(bank, slices, spec);
        }
        return volume_arrays(std::move(loaded));
      },
      "bank"_a, "slices"_a, "image"_a, "dtype"_a.none(), "classes"_a, "label_map"_a, "masks"_a,
      "pad"_a, "missing"_a, "threads"_a, "origin_dhw"_a.none(), "size_dhw"_a.none(),
      nb::sig("def load_volume(bank: Bank, slices: VolumeSlices, image: bool, dtype: str | None, "
              "classes: collections.abc.Sequence[int], label_map: bool, masks: bool, pad: float, "
              "missing: str, threads: int, origin_dhw: tuple[int, int, int] | None, size_dhw: "
              "tuple[int, int, int] | None) -> dict[str, typing.Any]"));
  bind_foreground(module);
}

}  // namespace slicebank::python
