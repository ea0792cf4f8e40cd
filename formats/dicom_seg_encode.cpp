#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "formats/dicom_seg.h"
#include "formats/internal/dicom_writer.h"
#include "schema/error.h"
#include "schema/limits.h"

namespace slicebank::dicom {
namespace {

using internal::Tag;
using internal::Writer;
namespace tag = internal::tag;

constexpr const char* kDefinedTerm = "CS";

struct FrameToWrite {
  std::size_t segment = 0;  // from 0
  std::size_t plane = 0;
};

void check(const SegmentationToWrite& seg) {
  const auto refuse = [](const std::string& what) {
    return Error(ErrorCode::bad_argument, "SEG: " + what);
  };
  if (seg.rows == 0 || seg.columns == 0 || seg.rows > limits::kImageSideMax ||
      seg.columns > limits::kImageSideMax || seg.positions_lps.empty()) {
    throw refuse(fmt::format("{} planes of {} x {} pixels", seg.positions_lps.size(), seg.rows,
                             seg.columns));
  }
  if (!seg.sources.empty() && seg.sources.size() != seg.positions_lps.size()) {
    throw refuse("the images are not as many as the planes");
  }
  if (seg.segments.empty() || seg.segments.size() > 65'535 ||
      seg.segments.size() != seg.masks_kji.size()) {
    throw refuse("the masks are not as many as the segments");
  }
  const std::uint64_t voxels =
      checked_elements({seg.positions_lps.size(), seg.rows, seg.columns}, "SEG");
  for (std::size_t i = 0; i < seg.segments.size(); ++i) {
    const Segment& segment = seg.segments[i];
    if (segment.number != i + 1) throw refuse("segments are not numbered 1, 2, ...");
    for (const Code* code : {&segment.category, &segment.type}) {
      if (code->value.empty() || code->scheme.empty() || code->meaning.empty()) {
        throw refuse(fmt::format("segment {} has no code", segment.number));
      }
    }
    if (segment.label.empty()) throw refuse(fmt::format("segment {} has no label", i + 1));
    if (seg.masks_kji[i].size() != voxels) {
      throw refuse(fmt::format("the mask of segment {} has {} voxels instead of {}", i + 1,
                               seg.masks_kji[i].size(), voxels));
    }
  }
  if (seg.study_instance_uid.empty() || seg.frame_of_reference_uid.empty()) {
    throw refuse("the study or the frame of reference is not given");
  }
}

std::vector<FrameToWrite> frames_of(const SegmentationToWrite& seg) {
  const std::size_t plane_size = std::size_t{seg.rows} * seg.columns;
  std::vector<FrameToWrite> frames;
  for (std::size_t segment = 0; segment < seg.segments.size(); ++segment) {
    for (std::size_t plane = 0; plane < seg.positions_lps.size(); ++plane) {
      const auto begin =
          seg.masks_kji[segment].begin() + static_cast<std::ptrdiff_t>(plane * plane_size);
      if (std::any_of(begin, begin + static_cast<std::ptrdiff_t>(plane_size),
                      [](std::uint8_t voxel) { return voxel != 0; })) {
        frames.push_back({segment, plane});
      }
    }
  }
  // An object without frames is not allowed: one that is empty stands for all.
  if (frames.empty()) frames.push_back({0, 0});
  return frames;
}

bool any_overlap(const SegmentationToWrite& seg) {
  std::vector<std::uint8_t> taken(seg.masks_kji.front().size());
  for (const auto& mask : seg.masks_kji) {
    for (std::size_t i = 0; i < mask.size(); ++i) {
      if (mask[i] == 0) continue;
      if (taken[i] != 0) return true;
      taken[i] = 1;
    }
  }
  return false;
}

std::vector<std::byte> packed_bits(const SegmentationToWrite& seg,
                                   const std::vector<FrameToWrite>& frames) {
  const std::size_t plane_size = std::size_t{seg.rows} * seg.columns;
  std::vector<std::byte> bits((plane_size * frames.size() + 7) / 8);
  std::size_t at = 0;
  for (const FrameToWrite& frame : frames) {
    const std::uint8_t* plane = seg.masks_kji[frame.segment].data() + frame.plane * plane_size;
    for (std::size_t i = 0; i < plane_size; ++i, ++at) {
      if (plane[i] != 0) bits[at / 8] |= std::byte{1} << static_cast<int>(at % 8);
    }
  }
  return bits;
}

Writer code_item(const Code& code) {
  Writer item;
  item.text(tag::kCodeValue, "SH", code.value);
  item.text(tag::kCodingSchemeDesignator, "SH", code.scheme);
  item.text(tag::kCodeMeaning, "LO", code.meaning);
  return item;
}

Writer segment_item(const Segment& segment) {
  Writer item;
  item.sequence(tag::kSegmentedPropertyCategorySequence, {code_item(segment.category)});
  item.number(tag::kSegmentNumber, "US", segment.number);
  item.text(tag::kSegmentLabel, "LO", segment.label);
  const std::string algorithm = segment.algorithm_type.empty() ? "MANUAL" : segment.algorithm_type;
  item.text(tag::kSegmentAlgorithmType, kDefinedTerm, algorithm);
  if (algorithm != "MANUAL") {
    item.text(tag::kSegmentAlgorithmName, "LO",
              segment.algorithm_name.empty() ? "unknown" : segment.algorithm_name);
  }
  item.sequence(tag::kSegmentedPropertyTypeSequence, {code_item(segment.type)});
  return item;
}

Writer instance_item(const std::string& class_uid, const Source& source) {
  Writer item;
  item.text(0x00081150, "UI", class_uid);
  item.text(tag::kReferencedSopInstanceUid, "UI", source.sop_instance_uid);
  return item;
}

Writer derivation_item(const SegmentationToWrite& seg, const Source& source) {
  Writer image = instance_item(seg.source_class_uid, source);
  if (!source.frames.empty()) {
    std::string frames;
    for (const std::uint32_t frame : source.frames) {
      frames += fmt::format("{}{}", frames.empty() ? "" : "\\", frame);
    }
    image.text(tag::kReferencedFrameNumber, "IS", frames);
  }
  image.text(0x0028135a, kDefinedTerm, "YES");  // voxels lie where the image's do
  image.sequence(0x0040a170,
                 {code_item({"121322", "DCM", "Source image for image processing operation"})});
  Writer derivation;
  derivation.sequence(tag::kSourceImageSequence, {image});
  derivation.sequence(0x00089215, {code_item({"113076", "DCM", "Segmentation"})});
  return derivation;
}

Writer frame_item(const SegmentationToWrite& seg, const FrameToWrite& frame) {
  Writer item;
  if (!seg.sources.empty()) {
    item.sequence(tag::kDerivationImageSequence, {derivation_item(seg, seg.sources[frame.plane])});
  }
  Writer content;
  content.numbers(
      tag::kDimensionIndexValues, "UL",
      {static_cast<std::uint32_t>(frame.segment + 1), static_cast<std::uint32_t>(frame.plane + 1)});
  item.sequence(tag::kFrameContentSequence, {content});
  const auto& position = seg.positions_lps[frame.plane];
  Writer place;
  place.decimals(tag::kImagePositionPatient, {position[0], position[1], position[2]});
  item.sequence(tag::kPlanePositionSequence, {place});
  Writer segment;
  segment.number(tag::kReferencedSegmentNumber, "US",
                 static_cast<std::uint32_t>(frame.segment + 1));
  item.sequence(tag::kSegmentIdentificationSequence, {segment});
  return item;
}

Writer shared_item(const SegmentationToWrite& seg) {
  Writer directions;
  directions.decimals(tag::kImageOrientationPatient,
                      {seg.orientation.begin(), seg.orientation.end()});
  Writer measures;
  measures.decimals(tag::kSliceThickness, {seg.slice_thickness});
  if (seg.positions_lps.size() > 1) {
    double distance = 0;
    const auto normal = normal_of(seg.orientation);
    for (std::size_t i = 0; i < 3; ++i) {
      distance += (seg.positions_lps[1][i] - seg.positions_lps[0][i]) * normal[i];
    }
    measures.decimals(tag::kSpacingBetweenSlices, {std::max(distance, -distance)});
  }
  measures.decimals(tag::kPixelSpacing, {seg.spacing_yx[0], seg.spacing_yx[1]});
  Writer item;
  item.sequence(tag::kPlaneOrientationSequence, {directions});
  item.sequence(tag::kPixelMeasuresSequence, {measures});
  return item;
}

Writer dimension_item(const std::string& organization, Tag pointer, Tag group, const char* label) {
  const auto halves = [](Tag value) {
    // An attribute tag is two words: group, element.
    return std::vector<std::uint32_t>{(value & 0xffff) << 16 | value >> 16};
  };
  Writer item;
  item.text(0x00209164, "UI", organization);
  item.numbers(0x00209165, "AT", halves(pointer));
  item.numbers(0x00209167, "AT", halves(group));
  item.text(0x00209421, "LO", label);
  return item;
}

// Everything that makes one object differ from another, for its UIDs.
std::string fingerprint(const SegmentationToWrite& seg, const std::vector<std::byte>& bits) {
  std::string text = seg.study_instance_uid + '\n' + seg.source_series_uid + '\n' +
                     seg.series_description + '\n' + seg.content_date + '\n';
  for (const Segment& segment : seg.segments) text += segment.label + '\n' + segment.type.value;
  for (const auto& position : seg.positions_lps) {
    text += fmt::format("{} {} {}\n", position[0], position[1], position[2]);
  }
  text.append(reinterpret_cast<const char*>(bits.data()), bits.size());
  return text;
}

}  // namespace

SegmentationToWrite seg_on(const SeriesVolume& volume, const std::vector<Instance>& instances) {
  SegmentationToWrite seg;
  if (volume.slices.empty() || !volume.directions_lps || !volume.spacing_ijk_mm) {
    throw Error(ErrorCode::bad_argument, "SEG: the images do not say where they lie");
  }
  const Slice& first = volume.slices.front();
  const Instance& header = instances.at(first.instance);
  seg.study_instance_uid = volume.study_instance_uid;
  seg.frame_of_reference_uid = volume.frame_of_reference_uid;
  seg.patient_id = volume.patient_id;
  seg.source_series_uid = volume.series_instance_uid;
  seg.source_class_uid = header.sop_class_uid;
  std::copy_n(volume.directions_lps->begin(), 6, seg.orientation.begin());
  seg.spacing_yx = {(*volume.spacing_ijk_mm)[1], (*volume.spacing_ijk_mm)[0]};
  seg.slice_thickness =
      header.frame(first.frame).slice_thickness.value_or((*volume.spacing_ijk_mm)[2]);
  seg.rows = volume.size_ijk[1];
  seg.columns = volume.size_ijk[0];
  for (const Slice& slice : volume.slices) {
    const Instance& instance = instances.at(slice.instance);
    Source source{instance.sop_instance_uid, {}};
    if (instance.frames > 1) source.frames.push_back(slice.frame + 1);
    seg.sources.push_back(std::move(source));
    seg.positions_lps.push_back(*slice.position_lps);
  }
  return seg;
}

std::vector<std::byte> encode_seg(const SegmentationToWrite& seg) {
  check(seg);
  const std::vector<FrameToWrite> frames = frames_of(seg);
  const std::vector<std::byte> bits = packed_bits(seg, frames);
  const std::string seed = fingerprint(seg, bits);
  const auto uid = [&](const std::string& given, const char* kind) {
    return given.empty() ? internal::uid_from(kind + seed) : given;
  };
  const std::string sop_uid = uid(seg.sop_instance_uid, "instance");
  const std::string organization = uid("", "dimensions");

  Writer data;
  data.text(tag::kSpecificCharacterSet, kDefinedTerm, "ISO_IR 192");
  data.text(tag::kImageType, kDefinedTerm, "DERIVED\\PRIMARY");
  data.text(tag::kSopClassUid, "UI", kSegmentationStorage);
  data.text(tag::kSopInstanceUid, "UI", sop_uid);
  data.text(0x00080020, "DA", "");  // study date and time, accession number: not known
  data.text(0x00080023, "DA", seg.content_date);
  data.text(0x00080030, "TM", "");
  data.text(0x00080033, "TM", "000000");
  data.text(0x00080050, "SH", "");
  data.text(tag::kModality, kDefinedTerm, "SEG");
  data.text(0x00080070, "LO", "slicebank");
  data.text(0x00080090, "PN", "");
  data.text(tag::kSeriesDescription, "LO", seg.series_description);
  data.text(0x00081090, "LO", "slicebank");
  if (!seg.sources.empty()) {
    std::vector<Writer> instances;
    std::set<std::string> named;
    for (const Source& source : seg.sources) {
      // Frames of one multiframe image name it once.
      if (!named.insert(source.sop_instance_uid).second) continue;
      instances.push_back(instance_item(seg.source_class_uid, source));
    }
    Writer series;
    series.sequence(tag::kReferencedInstanceSequence, instances);
    series.text(tag::kSeriesInstanceUid, "UI", seg.source_series_uid);
    data.sequence(tag::kReferencedSeriesSequence, {series});
  }
  data.text(0x00100010, "PN", "");
  data.text(tag::kPatientId, "LO", seg.patient_id);
  data.text(0x00100030, "DA", "");
  data.text(0x00100040, kDefinedTerm, "");
  data.text(0x00181000, "LO", "0");
  data.text(0x00181020, "LO", "0");
  data.text(tag::kStudyInstanceUid, "UI", seg.study_instance_uid);
  data.text(tag::kSeriesInstanceUid, "UI", uid(seg.series_instance_uid, "series"));
  data.text(0x00200010, "SH", "");
  data.text(tag::kSeriesNumber, "IS", fmt::format("{}", seg.series_number));
  data.text(tag::kInstanceNumber, "IS", "1");
  data.text(tag::kFrameOfReferenceUid, "UI", seg.frame_of_reference_uid);
  data.text(0x00201040, "LO", "");
  Writer dimensions;
  dimensions.text(0x00209164, "UI", organization);
  data.sequence(0x00209221, {dimensions});
  data.sequence(0x00209222, {dimension_item(organization, tag::kReferencedSegmentNumber,
                                            tag::kSegmentIdentificationSequence, "Segment"),
                             dimension_item(organization, tag::kImagePositionPatient,
                                            tag::kPlanePositionSequence, "Position")});
  data.number(tag::kSamplesPerPixel, "US", 1);
  data.text(tag::kPhotometricInterpretation, kDefinedTerm, "MONOCHROME2");
  data.text(tag::kNumberOfFrames, "IS", fmt::format("{}", frames.size()));
  data.number(tag::kRows, "US", seg.rows);
  data.number(tag::kColumns, "US", seg.columns);
  data.number(tag::kBitsAllocated, "US", 1);
  data.number(tag::kBitsStored, "US", 1);
  data.number(tag::kHighBit, "US", 0);
  data.number(tag::kPixelRepresentation, "US", 0);
  data.text(0x00282110, kDefinedTerm, "00");
  data.text(tag::kSegmentationType, kDefinedTerm, "BINARY");
  std::vector<Writer> segments;
  for (const Segment& segment : seg.segments) segments.push_back(segment_item(segment));
  data.sequence(tag::kSegmentSequence, segments);
  data.text(tag::kSegmentsOverlap, kDefinedTerm, any_overlap(seg) ? "YES" : "NO");
  data.text(0x00700080, kDefinedTerm, "SEGMENTATION");
  data.text(0x00700081, "LO", "");
  data.text(0x00700084, "PN", "");
  data.sequence(tag::kSharedFunctionalGroups, {shared_item(seg)});
  std::vector<Writer> groups;
  for (const FrameToWrite& frame : frames) groups.push_back(frame_item(seg, frame));
  data.sequence(tag::kPerFrameFunctionalGroups, groups);
  data.bytes(tag::kPixelData, "OB", bits);
  return internal::file_of(kSegmentationStorage, sop_uid, data);
}

}  // namespace slicebank::dicom
