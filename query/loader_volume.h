// Whole volumes and 3-D patches out of stored slices.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "query/batch.h"
#include "schema/ids.h"
#include "schema/sample.h"
#include "store/bank.h"

namespace slicebank {

// The slices of a volume along one axis, ascending. Asks the index once; keep it, and
// loading touches SQLite no more.
struct VolumeSlices {
  VolumeInfo volume;
  Axis axis = Axis::none;
  std::vector<SampleId> ids;
  std::vector<std::uint32_t> slice_indices;  // ascending, one an id; gaps where none is stored

  // Between slices, between rows, between columns, in millimetres; where it is known.
  std::optional<std::array<double, 3>> spacing_dhw_mm;
};

// `axis` none: the one with the most slices. Throws Error(not_found) when there is no such
// volume or no slice along the axis, Error(bad_argument) when two slices have one index.
VolumeSlices volume_slices(const Bank& bank, VolumeId volume,
                           std::optional<Axis> axis = std::nullopt);

// What a slice that is not stored (an import with --skip-empty) does to a volume.
enum class MissingSlices : std::uint8_t {
  raise,  // Error(not_found) naming the first
  blank,  // its pixels are `pad`, its labels 0
  close,  // the stored slices lie next to each other; slice_indices says which they are
};

struct VolumeSpec {
  bool image = true;
  std::optional<PixelType> pixel_type;  // none: as stored; or f32
  std::vector<ClassId> classes;         // what labels and masks are about, in this order
  bool label_map = false;               // LoadedVolume::labels
  bool mask_channels = false;           // LoadedVolume::masks
  double pad = 0;                       // of patches that reach out of the volume
  MissingSlices missing = MissingSlices::raise;
  std::uint32_t threads = 1;  // counts the caller's
};

// Slices in the stored order: index d is along the axis, h and w as the slices have them.
struct LoadedVolume {
  std::uint32_t channels = 1;  // C
  std::uint32_t depth = 0;
  std::uint32_t height = 0;
  std::uint32_t width = 0;
  std::uint32_t classes = 0;  // K
  PixelType pixel_type = PixelType::u8;
  PixelType label_map_type = PixelType::u8;
  Buffer image_cdhw;  // pixel_type, [C, D, H, W]
  Buffer labels_dhw;  // label_map_type: 0 background, k + 1 for classes[k]; later ones win
  Buffer masks_kdhw;  // u8 [K, D, H, W]
  Buffer label_mask;  // u8 [K]: 1 where the class is known in every slice that is loaded
  std::vector<std::uint32_t> slice_indices;  // [D]; as counted along the axis. Empty for a patch
  std::optional<std::array<double, 3>> spacing_dhw_mm;
};

LoadedVolume load_volume(const Bank& bank, VolumeId volume, const VolumeSpec& spec = {});
LoadedVolume load_volume(const Bank& bank, const VolumeSlices& slices, const VolumeSpec& spec = {});

// `size_dhw` voxels from `origin_dhw`, which counts from the first stored slice and may lie
// outside: what does is padded. Decodes the slices it meets and no others, of each no more
// rows than the codec has to, and of masks only what lies in the patch.
LoadedVolume load_patch(const Bank& bank, const VolumeSlices& slices,
                        const std::array<std::int64_t, 3>& origin_dhw,
                        const std::array<std::uint32_t, 3>& size_dhw, const VolumeSpec& spec = {});
LoadedVolume load_patch(const Bank& bank, VolumeId volume,
                        const std::array<std::int64_t, 3>& origin_dhw,
                        const std::array<std::uint32_t, 3>& size_dhw, const VolumeSpec& spec = {});

}  // namespace slicebank
