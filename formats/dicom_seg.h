// DICOM segmentations (SEG), both directions. Any thread; one Segmentation, one thread.
//
// BINARY, FRACTIONAL and LABELMAP objects. Frames come in any order and empty ones are
// often left out, so the object gets a grid of its own: planes k along the normal of its
// frames, those between them that hold nothing included.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "formats/dicom.h"
#include "formats/dicom_series.h"
#include "formats/volume.h"

namespace slicebank::dicom {

struct Code {
  std::string value;   // "10200004"
  std::string scheme;  // "SCT"; older files say "SRT"
  std::string meaning;

  friend bool operator==(const Code&, const Code&) = default;
};

struct Segment {
  std::uint32_t number = 0;  // need not be consecutive, need not be a label of anybody's
  std::string label;
  Code category;
  Code type;
  std::string algorithm_type;  // AUTOMATIC, SEMIAUTOMATIC, MANUAL
  std::string algorithm_name;

  friend bool operator==(const Segment&, const Segment&) = default;
};

enum class SegmentationType { binary, fractional, label_map };

struct SegmentationPlane {
  std::optional<std::array<double, 3>> position_lps;
  std::optional<std::array<std::int64_t, 2>> tile_yx;  // of a slide
  std::vector<Source> sources;                         // images that the plane lies on
  // Frame of each segment that has one here; of a label map under the number 0.
  std::map<std::uint32_t, std::uint32_t> frame_of_segment;
};

class Segmentation {
 public:
  // Borrows the bytes. `sources`, the headers of the segmented images, place the frames
  // of an object that does not place them itself. Throws Error(bad_format) or
  // Error(limit), beginning with `name`.
  Segmentation(Bytes file, const std::string& name, const std::vector<Instance>& sources = {});

  const Instance& instance() const noexcept { return file_.instance(); }
  SegmentationType type() const noexcept { return type_; }
  // Without a label map's segment 0: that is its background.
  const std::vector<Segment>& segments() const noexcept { return segments_; }
  // SegmentsOverlap; unknown where the file says UNDEFINED or nothing: then assume it.
  std::optional<bool> overlap() const noexcept { return overlap_; }
  std::uint32_t maximum_fractional_value() const noexcept { return fraction_max_; }

  const std::array<std::uint32_t, 3>& size_ijk() const noexcept { return size_ijk_; }
  const std::vector<SegmentationPlane>& planes() const noexcept { return planes_; }
  const std::optional<Affine>& affine() const noexcept { return affine_; }  // RAS+
  const std::optional<std::array<double, 3>>& spacing_ijk_mm() const noexcept { return spacing_; }
  const std::vector<Problem>& problems() const noexcept { return problems_; }

  // 0 and 1, rows x columns; all 0 where the segment has no frame. Of a fractional
  // object: 1 from half of the maximum on. Throws as File::decode(), and
  // Error(bad_argument) for a segment or plane that is not there.
  std::vector<std::uint8_t> plane_mask(std::uint32_t segment, std::uint32_t plane) const;

  // As stored: 0 and 1, or 0 to maximum_fractional_value(), or of a label map 0 and 1.
  std::vector<std::uint8_t> plane_values(std::uint32_t segment, std::uint32_t plane) const;

  // Segment numbers of a label map's plane.
  std::vector<std::uint16_t> plane_labels(std::uint32_t plane) const;

  // All planes, [k][j][i].
  std::vector<std::uint8_t> mask(std::uint32_t segment) const;

 private:
  void read_segments(const internal::DataSet& data);
  void read_planes(const std::vector<Instance>& sources);
  void place_planes(const std::array<double, 6>& orientation);
  void check_segment(std::uint32_t segment, std::uint32_t plane) const;

  std::string name_;
  File file_;
  SegmentationType type_ = SegmentationType::binary;
  std::vector<Segment> segments_;
  std::optional<bool> overlap_;
  std::uint32_t fraction_max_ = 255;
  std::array<std::uint32_t, 3> size_ijk_ = {0, 0, 0};
  std::vector<SegmentationPlane> planes_;
  std::optional<Affine> affine_;
  std::optional<std::array<double, 3>> spacing_;
  std::vector<Problem> problems_;
};

// What a SEG is written from. seg_on() fills all but the masks, the segments and the UIDs.
struct SegmentationToWrite {
  // Of the new object. Empty ones are made from all that is written: same input, same UID.
  std::string series_instance_uid;
  std::string sop_instance_uid;

  // Of the images.
  std::string study_instance_uid;
  std::string frame_of_reference_uid;
  std::string patient_id;
  std::string source_series_uid;
  std::string source_class_uid;
  std::vector<Source> sources;                       // one a plane, or none at all
  std::vector<std::array<double, 3>> positions_lps;  // one a plane
  std::array<double, 6> orientation = {1, 0, 0, 0, 1, 0};
  std::array<double, 2> spacing_yx = {1, 1};
  double slice_thickness = 1;
  std::uint32_t rows = 0;
  std::uint32_t columns = 0;

  std::string series_description;
  std::string content_date = "19700101";  // yyyymmdd: nothing is read from the clock
  std::int64_t series_number = 1;
  std::vector<Segment> segments;                     // numbered 1, 2, ...; codes given
  std::vector<std::vector<std::uint8_t>> masks_kji;  // one a segment, 0 and 1
};

// The places and references of a volume that group_series() made of `instances`. Throws
// Error(bad_argument) where its slices have no places.
SegmentationToWrite seg_on(const SeriesVolume& volume, const std::vector<Instance>& instances);

// A BINARY SEG in Explicit VR Little Endian, only frames that hold something. Throws
// Error(bad_argument) where sizes do not agree, numbers are not 1, 2, ... or a code is
// missing.
std::vector<std::byte> encode_seg(const SegmentationToWrite& segmentation);

}  // namespace slicebank::dicom
