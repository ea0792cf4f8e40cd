// DICOM structure sets (RTSTRUCT): outlines in millimetres, and masks made of them. Any
// thread.
//
// Which voxels an outline holds is a decision, and this is ours: a voxel belongs to a
// region of interest when its centre lies inside the outlines of its slice by the even-odd
// rule over all of them together, or on an outline (closer than a thousandth of a voxel).
// So holes may be outlines of their own or tied to the outer one by a key-hole, and masks
// of programs that draw through the centres of border voxels come back whole. Slices
// without an outline stay empty: nothing is interpolated.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "formats/dicom.h"
#include "formats/dicom_series.h"

namespace slicebank::dicom {

// A closed outline in one plane.
struct Contour {
  std::vector<std::array<double, 3>> points_lps;  // millimetres
  std::string sop_instance_uid;                   // of the image it was drawn on, or empty
};

struct Roi {
  std::int64_t number = 0;
  std::string name;
  std::vector<Contour> contours;
};

struct StructureSet {
  Instance instance;
  std::vector<std::string> series_uids;  // of the images, as the file refers to them
  std::string frame_of_reference_uid;
  std::vector<Roi> rois;  // in the file's order
  // What cannot become a mask, in words: points, open lines, regions without outlines,
  // damaged outlines.
  std::vector<std::string> problems;
};

// Throws Error(bad_format) or Error(limit), beginning with `name`.
StructureSet read_structure_set(Bytes file, const std::string& name);

struct RoiMask {
  // Slices k of the volume that have outlines: rows x columns of 0 and 1.
  std::map<std::uint32_t, std::vector<std::uint8_t>> mask_hw_of_slice;
  std::vector<std::string> problems;  // outlines beside the volume, between its slices, ...
};

// The mask of a region on a volume of group_series(). The slice of an outline is the
// nearest one, at most half a step away. Throws Error(bad_argument) where the volume has
// no places or spacing, Error(limit) for outlines that are absurdly long.
RoiMask rasterise(const Roi& roi, const SeriesVolume& volume);

}  // namespace slicebank::dicom
