#include "formats/dicom_seg.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "formats/internal/dicom_dataset.h"
#include "formats/internal/dicom_instance.h"
#include "schema/error.h"
#include "schema/limits.h"

namespace slicebank::dicom {
namespace {

using Vector = std::array<double, 3>;
using internal::Item;
namespace tag = internal::tag;

constexpr std::uint32_t kPlanesMax = limits::kImageSideMax;

double dot(const Vector& a, const Vector& b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }

Code code_of(const internal::DataSet& data, const Item& item, internal::Tag sequence) {
  const Item* code = internal::first_item(&item, sequence);
  if (code == nullptr) return {};
  std::string value = internal::name_of(data, *code, tag::kCodeValue);
  if (value.empty()) value = internal::name_of(data, *code, tag::kLongCodeValue);
  return {value, internal::name_of(data, *code, tag::kCodingSchemeDesignator),
          internal::name_of(data, *code, tag::kCodeMeaning)};
}

// The frame's own place, or that of the one image frame that it was made from.
std::optional<Frame> place_from(const Frame& frame,
                                const std::map<std::string, const Instance*>& sources) {
  for (const Source& source : frame.sources) {
    const auto found = sources.find(source.sop_instance_uid);
    if (found == sources.end()) continue;
    const std::uint32_t number = source.frames.empty() ? 1 : source.frames.front();
    const Frame& place = found->second->frame(number - 1);
    if (place.position && place.orientation) return place;
  }
  return std::nullopt;
}

}  // namespace

Segmentation::Segmentation(Bytes file, const std::string& name,
                           const std::vector<Instance>& sources)
    : name_(name), file_(file, name) {
  const Instance& header = instance();
  const internal::DataSet& data = file_.data_set();
  if (header.sop_class_uid != kSegmentationStorage && header.sop_class_uid != kLabelMapStorage) {
    throw Error(ErrorCode::bad_format, name_ + ": not a segmentation (SEG)");
  }
  if (!header.has_pixels || header.samples != 1) {
    throw Error(ErrorCode::bad_format, name_ + ": the segmentation has no pixels of one sample");
  }
  const std::string type = internal::text_of(data.root, tag::kSegmentationType);
  if (type == "BINARY") {
    type_ = SegmentationType::binary;
  } else if (type == "FRACTIONAL") {
    type_ = SegmentationType::fractional;
  } else if (type == "LABELMAP") {
    type_ = SegmentationType::label_map;
  } else {
    throw Error(ErrorCode::bad_format, fmt::format("{}: no known type of segmentation", name_));
  }
  const int bits = header.bits_allocated;
  const bool fits = type_ == SegmentationType::binary       ? bits == 1
                    : type_ == SegmentationType::fractional ? bits == 8
                                                            : bits == 8 || bits == 16;
  if (!fits || header.is_signed) {
    throw Error(ErrorCode::bad_format,
                fmt::format("{}: a {} segmentation of {} bits", name_, type, bits));
  }
  const std::string overlap = internal::text_of(data.root, tag::kSegmentsOverlap);
  if (overlap == "YES" || overlap == "NO") overlap_ = overlap == "YES";
  const auto largest = internal::integer_of(data.root, tag::kMaximumFractionalValue);
  if (largest && *largest >= 1 && *largest <= 255) {
    fraction_max_ = static_cast<std::uint32_t>(*largest);
  }
  read_segments(data);
  read_planes(sources);
}

void Segmentation::read_segments(const internal::DataSet& data) {
  for (const Item& item : internal::items_of(data.root, tag::kSegmentSequence)) {
    const auto number = internal::integer_of(item, tag::kSegmentNumber);
    if (!number || *number < 0 || *number > 65'535) {
      throw Error(ErrorCode::bad_format, name_ + ": a segment without a number");
    }
    Segment segment;
    segment.number = static_cast<std::uint32_t>(*number);
    segment.label = internal::name_of(data, item, tag::kSegmentLabel);
    segment.category = code_of(data, item, tag::kSegmentedPropertyCategorySequence);
    segment.type = code_of(data, item, tag::kSegmentedPropertyTypeSequence);
    segment.algorithm_type = internal::name_of(data, item, tag::kSegmentAlgorithmType);
    segment.algorithm_name = internal::name_of(data, item, tag::kSegmentAlgorithmName);
    if (segment.number == 0) {
      if (type_ == SegmentationType::label_map) continue;
      throw Error(ErrorCode::bad_format, name_ + ": a segment with the number 0");
    }
    segments_.push_back(std::move(segment));
  }
  std::sort(segments_.begin(), segments_.end(),
            [](const Segment& a, const Segment& b) { return a.number < b.number; });
  for (std::size_t i = 1; i < segments_.size(); ++i) {
    if (segments_[i].number == segments_[i - 1].number) {
      throw Error(ErrorCode::bad_format,
                  fmt::format("{}: segment {} is there twice", name_, segments_[i].number));
    }
  }
  if (segments_.empty()) throw Error(ErrorCode::bad_format, name_ + ": no segments");
}

void Segmentation::read_planes(const std::vector<Instance>& sources) {
  const Instance& header = instance();
  std::map<std::string, const Instance*> by_uid;
  for (const Instance& source : sources) by_uid.emplace(source.sop_instance_uid, &source);
  if (header.frames > 1 && header.frame_list.empty()) {
    throw Error(ErrorCode::bad_format,
                name_ + ": the frames do not say which segment and place they are of");
  }
  // Planes by place, by tile, by image, or by turn: whichever the frames tell first.
  std::vector<SegmentationPlane> planes;
  std::map<std::string, std::size_t> plane_of_key;
  std::map<std::uint32_t, std::uint32_t> turn;
  std::optional<std::array<double, 6>> orientation;
  bool all_placed = true;
  for (std::uint32_t index = 0; index < header.frames; ++index) {
    const Frame& frame = header.frame(index);
    std::uint32_t segment = frame.segment;
    if (type_ == SegmentationType::label_map) {
      segment = 0;
    } else if (segment == 0 && segments_.size() == 1) {
      segment = segments_.front().number;
    }
    if (type_ != SegmentationType::label_map &&
        std::none_of(segments_.begin(), segments_.end(),
                     [&](const Segment& each) { return each.number == segment; })) {
      throw Error(ErrorCode::bad_format,
                  fmt::format("{}: frame {} is of segment {}, which is not there", name_, index + 1,
                              segment));
    }
    SegmentationPlane plane;
    plane.position_lps = frame.position;
    plane.tile_yx = frame.tile_yx;
    plane.sources = frame.sources;
    std::optional<std::array<double, 6>> direction = frame.orientation;
    if (!plane.position_lps || !direction) {
      if (const std::optional<Frame> place = place_from(frame, by_uid)) {
        plane.position_lps = place->position;
        direction = place->orientation;
      }
    }
    std::string key;
    if (plane.position_lps && direction) {
      if (!orientation) orientation = direction;
      for (std::size_t i = 0; i < 6; ++i) {
        if (std::abs((*direction)[i] - (*orientation)[i]) > 1e-3) {
          throw Error(ErrorCode::bad_format, name_ + ": frames of several orientations");
        }
      }
      // A thousandth of a millimetre is below any voxel.
      for (const double part : *plane.position_lps) key += fmt::format("{:.3f} ", part + 0.0);
    } else {
      all_placed = false;
      if (plane.tile_yx) {
        key = fmt::format("tile {} {}", (*plane.tile_yx)[0], (*plane.tile_yx)[1]);
      } else if (!plane.sources.empty()) {
        key = "image " + plane.sources.front().sop_instance_uid;
        for (const std::uint32_t number : plane.sources.front().frames) {
          key += fmt::format(" {}", number);
        }
      } else {
        key = fmt::format("turn {}", turn[segment]++);
      }
    }
    const auto [found, is_new] = plane_of_key.emplace(key, planes.size());
    if (is_new) planes.push_back(plane);
    SegmentationPlane& there = planes[found->second];
    if (!there.frame_of_segment.emplace(segment, index).second) {
      throw Error(ErrorCode::bad_format,
                  fmt::format("{}: two frames of segment {} at one place", name_, segment));
    }
    for (const Source& source : plane.sources) {
      if (std::find(there.sources.begin(), there.sources.end(), source) == there.sources.end() &&
          there.sources.size() < kPlanesMax) {
        there.sources.push_back(source);
      }
    }
  }
  planes_ = std::move(planes);
  if (all_placed) {
    place_planes(*orientation);
  } else {
    problems_.push_back(
        {ProblemKind::no_position, "the frames do not say where they lie in the patient"});
  }
  if (planes_.size() > kPlanesMax) {
    throw Error(ErrorCode::limit, fmt::format("{}: {} planes", name_, planes_.size()));
  }
  size_ijk_ = {header.columns, header.rows, static_cast<std::uint32_t>(planes_.size())};
  checked_elements({size_ijk_[0], size_ijk_[1], size_ijk_[2]}, name_);
}

void Segmentation::place_planes(const std::array<double, 6>& orientation) {
  const Instance& header = instance();
  const Vector normal = normal_of(orientation);
  const auto along = [&](const SegmentationPlane& plane) {
    return dot(*plane.position_lps, normal);
  };
  std::sort(
      planes_.begin(), planes_.end(),
      [&](const SegmentationPlane& a, const SegmentationPlane& b) { return along(a) < along(b); });
  const Frame& frame = header.frame(0);
  const std::optional<double> said = frame.spacing_between_slices;
  double step = said ? *said : frame.slice_thickness.value_or(1);
  if (planes_.size() > 1) {
    double smallest = along(planes_[1]) - along(planes_[0]);
    for (std::size_t i = 2; i < planes_.size(); ++i) {
      smallest = std::min(smallest, along(planes_[i]) - along(planes_[i - 1]));
    }
    // What the file says of the step counts only where the frames agree with it.
    const double steps = smallest / step;
    if (!said || steps < 0.95 || std::abs(steps - std::round(steps)) > 0.05) step = smallest;
  }
  const SegmentationPlane& first = planes_.front();
  const SegmentationPlane& last = planes_.back();
  const double count = std::round((along(last) - along(first)) / step);
  Vector direction = normal;
  for (double& part : direction) part *= step;
  if (count >= 1) {
    for (std::size_t i = 0; i < 3; ++i) {
      direction[i] = ((*last.position_lps)[i] - (*first.position_lps)[i]) / count;
    }
  }
  // Planes that a file only implies may be many, but not out of all proportion.
  bool regular = std::isfinite(count) && count < kPlanesMax &&
                 count <= 1000 + 100 * static_cast<double>(planes_.size());
  std::vector<std::size_t> at;
  for (const SegmentationPlane& plane : planes_) {
    const double k = std::round((along(plane) - along(first)) / step);
    double off = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      const double difference =
          (*plane.position_lps)[i] - (*first.position_lps)[i] - k * direction[i];
      off += difference * difference;
    }
    regular = regular && std::sqrt(off) <= 0.05 * step;
    if (!regular) break;
    regular = at.empty() || static_cast<std::size_t>(k) > at.back();
    at.push_back(static_cast<std::size_t>(k));
  }
  if (frame.spacing_yx) {
    spacing_ = {(*frame.spacing_yx)[1], (*frame.spacing_yx)[0], step};
  } else {
    problems_.push_back({ProblemKind::no_spacing, "the size of a pixel is unknown"});
  }
  if (!regular) {
    problems_.push_back(
        {ProblemKind::irregular_spacing, "the planes lie in no regular grid; none is filled in"});
    return;
  }
  if (planes_.size() == 1 && !said && !frame.slice_thickness) {
    problems_.push_back({ProblemKind::one_slice, "one plane of unknown thickness"});
  }
  // The grid's planes, empty ones between those with frames included.
  std::vector<SegmentationPlane> filled(at.back() + 1);
  for (std::size_t i = 0; i < at.size(); ++i) filled[at[i]] = std::move(planes_[i]);
  const Vector origin = *filled.front().position_lps;
  for (std::size_t k = 0; k < filled.size(); ++k) {
    if (filled[k].position_lps) continue;
    const auto steps = static_cast<double>(k);
    filled[k].position_lps = {origin[0] + steps * direction[0], origin[1] + steps * direction[1],
                              origin[2] + steps * direction[2]};
  }
  planes_ = std::move(filled);
  if (!spacing_) return;
  (*spacing_)[2] = std::sqrt(dot(direction, direction));
  std::array<double, 9> columns = {};
  for (std::size_t i = 0; i < 3; ++i) {
    columns[i * 3] = orientation[i] * (*spacing_)[0];
    columns[i * 3 + 1] = orientation[i + 3] * (*spacing_)[1];
    columns[i * 3 + 2] = direction[i];
  }
  affine_ = affine_from_lps({1, 1, 1}, columns, origin);
}

void Segmentation::check_segment(std::uint32_t segment, std::uint32_t plane) const {
  const bool known = std::any_of(segments_.begin(), segments_.end(),
                                 [&](const Segment& each) { return each.number == segment; });
  if (!known || plane >= planes_.size()) {
    throw Error(ErrorCode::bad_argument,
                fmt::format("{}: there is no plane {} of segment {}", name_, plane, segment));
  }
}

std::vector<std::uint16_t> Segmentation::plane_labels(std::uint32_t plane) const {
  if (type_ != SegmentationType::label_map || plane >= planes_.size()) {
    throw Error(ErrorCode::bad_argument, fmt::format("{}: no label map's plane {}", name_, plane));
  }
  std::vector<std::uint16_t> labels(std::size_t{size_ijk_[0]} * size_ijk_[1]);
  const auto frame = planes_[plane].frame_of_segment.find(0);
  if (frame == planes_[plane].frame_of_segment.end()) return labels;
  const Image image = file_.decode(frame->second, PaletteAs::indices);
  if (pixel_bytes(image.shape.pixel_type) == 2) {
    std::memcpy(labels.data(), image.image_hwc.data(), image.image_hwc.size());
  } else {
    for (std::size_t i = 0; i < labels.size(); ++i) {
      labels[i] = std::to_integer<std::uint16_t>(image.image_hwc[i]);
    }
  }
  return labels;
}

std::vector<std::uint8_t> Segmentation::plane_values(std::uint32_t segment,
                                                     std::uint32_t plane) const {
  check_segment(segment, plane);
  std::vector<std::uint8_t> values(std::size_t{size_ijk_[0]} * size_ijk_[1]);
  if (type_ == SegmentationType::label_map) {
    const std::vector<std::uint16_t> labels = plane_labels(plane);
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = labels[i] == segment ? 1 : 0;
    return values;
  }
  const auto frame = planes_[plane].frame_of_segment.find(segment);
  if (frame == planes_[plane].frame_of_segment.end()) return values;
  const Image image = file_.decode(frame->second, PaletteAs::indices);
  std::memcpy(values.data(), image.image_hwc.data(), image.image_hwc.size());
  return values;
}

std::vector<std::uint8_t> Segmentation::plane_mask(std::uint32_t segment,
                                                   std::uint32_t plane) const {
  std::vector<std::uint8_t> mask = plane_values(segment, plane);
  if (type_ != SegmentationType::fractional) return mask;
  for (std::uint8_t& value : mask) value = 2u * value >= fraction_max_ ? 1 : 0;
  return mask;
}

std::vector<std::uint8_t> Segmentation::mask(std::uint32_t segment) const {
  check_segment(segment, 0);
  const std::size_t plane_size = std::size_t{size_ijk_[0]} * size_ijk_[1];
  std::vector<std::uint8_t> mask(plane_size * planes_.size());
  for (std::uint32_t plane = 0; plane < planes_.size(); ++plane) {
    if (planes_[plane].frame_of_segment.empty()) continue;
    const std::vector<std::uint8_t> one = plane_mask(segment, plane);
    std::copy(one.begin(), one.end(),
              mask.begin() + static_cast<std::ptrdiff_t>(plane * plane_size));
  }
  return mask;
}

}  // namespace slicebank::dicom
