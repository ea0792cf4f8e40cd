// DICOM instances put together into volumes, from their headers alone. Any thread.
//
// Instances of one series become one volume or more: apart by frame of reference, shape,
// pixel spacing and orientation; sorted by where they lie along the normal of the slices,
// never by file name or instance number. Nothing is dropped in silence: what is odd is in
// `problems`, what belongs to no volume in `left_out`.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "formats/dicom.h"
#include "formats/volume.h"

namespace slicebank::dicom {

enum class ProblemKind {
  duplicate_instance,  // the same SOP instance twice; one was taken
  duplicate_position,  // several slices at one place; the first by instance number was taken
  repeated_positions,  // every place the same number of times: made a volume each
  missing_slices,      // gaps of whole steps; the volume has no affine
  irregular_spacing,   // steps of different lengths; the volume has no affine
  gantry_tilt,         // the slices are sheared; the affine says so exactly
  mixed_orientations,  // the series has slices of several directions: localizers, ...
  mixed_shapes,        // the series has slices of several sizes, spacings or colours
  one_slice,           // no step between slices: thickness stands in for it
  no_position,         // slices without a place: in the order of their instance numbers
  no_spacing,          // pixels without a size
  mixed_rescale,       // slope and intercept differ from slice to slice
};

const char* problem_name(ProblemKind kind) noexcept;  // "missing_slices", ...

struct Problem {
  ProblemKind kind = ProblemKind::one_slice;
  std::string message;
};

// One slice of a volume: frame `frame` of the instance with that place in the input.
struct Slice {
  std::size_t instance = 0;
  std::uint32_t frame = 0;
  std::optional<std::array<double, 3>> position_lps;
};

// i counts columns, j rows, k slices. The order of k is along the normal (row direction
// cross column direction), so that (i, j, k) is right-handed in LPS.
struct SeriesVolume {
  std::string series_instance_uid;
  std::string study_instance_uid;
  std::string frame_of_reference_uid;
  std::string patient_id;
  std::string modality;
  std::uint32_t repeat = 0;   // 0, 1, ... of a series whose places repeat (time, echo)
  std::uint32_t repeats = 1;  // how many there are

  std::array<std::uint32_t, 3> size_ijk = {0, 0, 0};
  std::vector<Slice> slices;  // size_ijk[2] of them

  // Millimetres. Absent where the files do not say, or where the slices lie in no regular
  // grid (missing_slices, irregular_spacing); then spacing_ijk_mm holds the usual step.
  std::optional<std::array<double, 3>> spacing_ijk_mm;
  std::optional<Affine> affine;  // RAS+
  // Directions in LPS of a row (i) and of a column (j), and their normal.
  std::optional<std::array<double, 9>> directions_lps;

  std::vector<Problem> problems;
  bool has(ProblemKind kind) const noexcept;
};

struct LeftOut {
  std::size_t instance = 0;
  std::string reason;
};

struct Grouping {
  std::vector<SeriesVolume> volumes;  // by series UID, then larger ones first
  std::vector<LeftOut> left_out;      // without pixels, mosaics, duplicates, video loops
};

// Groups by SeriesInstanceUID and makes volumes. The result refers to instances by their
// place in the input. Repeatable: it does not depend on the order of the input except
// where two instances say the same of themselves.
Grouping group_series(const std::vector<Instance>& instances);

// The unit vector of a volume's slices: row direction cross column direction.
std::array<double, 3> normal_of(const std::array<double, 6>& orientation) noexcept;

}  // namespace slicebank::dicom
