// Voxels to centre 3-D patches on, drawn without looking at the volume.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "query/loader.h"
#include "query/loader_volume.h"
#include "schema/ids.h"
#include "store/bank.h"

namespace slicebank {

// Where the classes are in a volume, by the areas that the index knows. Asks the index once;
// keep it, and drawing touches SQLite no more. Const methods from many threads.
class VolumeForeground {
 public:
  // Each class with what is below it; none: any mask is one class. Error(bad_argument) for a
  // class there is not.
  VolumeForeground(Bank bank, const VolumeSlices& slices, const std::vector<ClassId>& classes,
                   MissingSlices missing = MissingSlices::raise);

  // A voxel (d, h, w), counted as load_patch() counts: one of the classes that are there, each
  // equally likely, and each of its voxels equally likely, however many masks cover it. None
  // where the volume has none. A function of key and position. Reads the masks of one slice,
  // of more only where masks overlap.
  std::optional<std::array<std::uint32_t, 3>> draw(const RandomKey& key,
                                                   std::uint64_t position) const;

 private:
  struct Class {
    std::vector<ClassId> members;        // ascending; empty: every mask
    std::vector<std::size_t> slices;     // places in ids_
    std::vector<std::uint64_t> area_to;  // of these slices up to each, overlaps counted again
  };

  Bank bank_;
  std::vector<SampleId> ids_;
  std::vector<std::uint32_t> depths_;
  std::vector<Class> classes_;
};

// Where a patch begins that has this voxel in its middle, as far as the sides of the volume
// allow; a side that is shorter than the patch lies in the middle of it.
std::array<std::int64_t, 3> patch_around(const std::array<std::uint32_t, 3>& voxel_dhw,
                                         const std::array<std::uint32_t, 3>& size_dhw,
                                         const std::array<std::uint32_t, 3>& volume_dhw);

}  // namespace slicebank
