#include "formats/rtstruct.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>
#include <utility>

#include "formats/internal/dicom_dataset.h"
#include "formats/internal/dicom_instance.h"
#include "formats/source_tree.h"
#include "schema/error.h"

namespace slicebank::dicom {
namespace {

using Vector = std::array<double, 3>;
using internal::Item;
namespace tag = internal::tag;

constexpr double kOnOutline = 1e-3;                // of a voxel
constexpr double kFarthest = 1e6;                  // voxels from the first one
constexpr std::uint64_t kCrossingsMax = 1u << 25;  // of outlines with rows, one region
constexpr std::size_t kProblemsMax = 1000;

double dot(const Vector& a, const Vector& b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }

void note(std::vector<std::string>& problems, std::string text) {
  if (problems.size() < kProblemsMax) problems.push_back(std::move(text));
}

std::optional<Contour> contour_of(const Item& item, const std::string& roi,
                                  std::vector<std::string>& problems) {
  const std::string type = internal::text_of(item, tag::kContourGeometricType);
  if (type != "CLOSED_PLANAR" && type != "CLOSEDPLANAR_XOR") {
    note(problems, fmt::format("{}: an outline of the type {} has no inside", roi,
                               type.empty() ? "(none)" : printable(type)));
    return std::nullopt;
  }
  const std::vector<double> numbers = internal::numbers_of(item, tag::kContourData);
  const auto said = internal::integer_of(item, tag::kNumberOfContourPoints);
  const std::size_t points = numbers.size() / 3;
  if (numbers.size() % 3 != 0 || points == 0 ||
      (said && *said != static_cast<std::int64_t>(points))) {
    note(problems, fmt::format("{}: an outline of {} numbers is damaged", roi, numbers.size()));
    return std::nullopt;
  }
  Contour contour;
  contour.points_lps.reserve(points);
  for (std::size_t i = 0; i < points; ++i) {
    contour.points_lps.push_back({numbers[i * 3], numbers[i * 3 + 1], numbers[i * 3 + 2]});
  }
  if (const Item* image = internal::first_item(&item, tag::kContourImageSequence)) {
    contour.sop_instance_uid = internal::text_of(*image, tag::kReferencedSopInstanceUid);
  }
  return contour;
}

struct Point {
  double x = 0;  // columns
  double y = 0;  // rows

  friend bool operator<(const Point& a, const Point& b) {
    return a.x < b.x || (a.x == b.x && a.y < b.y);
  }
};

using Outline = std::vector<Point>;

// Calls `visit` with both ends of each edge of a closed outline.
template <typename Visit>
void for_each_edge(const Outline& outline, Visit&& visit) {
  for (std::size_t i = 0; i < outline.size(); ++i) {
    visit(outline[i], outline[i + 1 == outline.size() ? 0 : i + 1]);
  }
}

class Canvas {
 public:
  Canvas(std::uint32_t rows, std::uint32_t columns, std::uint64_t& crossings_left)
      : rows_(rows),
        columns_(columns),
        crossings_left_(crossings_left),
        mask_hw_(std::size_t{rows} * columns) {}

  std::vector<std::uint8_t> painted(const std::vector<Outline>& outlines) {
    std::vector<std::vector<double>> crossings(rows_);
    for (const Outline& outline : outlines) {
      for_each_edge(outline, [&](Point a, Point b) { cross_rows(a, b, crossings); });
    }
    for (std::uint32_t row = 0; row < rows_; ++row) fill_row(row, crossings[row]);
    for (const Outline& outline : outlines) {
      for_each_edge(outline, [&](Point a, Point b) { draw(a, b); });
    }
    return std::move(mask_hw_);
  }

 private:
  // First and one past the last whole number in [low, high], cut to 0 .. count.
  static std::pair<std::int64_t, std::int64_t> whole_numbers(double low, double high,
                                                             std::uint32_t count) {
    const double from = std::clamp(std::ceil(low), 0.0, static_cast<double>(count));
    const double to = std::clamp(std::floor(high) + 1, 0.0, static_cast<double>(count));
    return {static_cast<std::int64_t>(from), static_cast<std::int64_t>(std::max(from, to))};
  }

  void spend(std::int64_t steps) {
    const auto cost = static_cast<std::uint64_t>(steps) + 1;
    if (cost > crossings_left_) {
      throw Error(ErrorCode::limit, "a region of interest with absurdly long outlines");
    }
    crossings_left_ -= cost;
  }

  // An edge crosses the rows of [its upper end, its lower end).
  void cross_rows(Point a, Point b, std::vector<std::vector<double>>& crossings) {
    if (a.y == b.y) return;
    if (a.y > b.y) std::swap(a, b);
    const auto [from, beyond] = whole_numbers(a.y, b.y, rows_);
    spend(beyond - from);
    for (std::int64_t row = from; row < beyond; ++row) {
      const auto y = static_cast<double>(row);
      if (y >= b.y) break;
      crossings[static_cast<std::size_t>(row)].push_back(a.x +
                                                         (y - a.y) * (b.x - a.x) / (b.y - a.y));
    }
  }

  void fill_row(std::uint32_t row, std::vector<double>& crossings) {
    std::sort(crossings.begin(), crossings.end());
    for (std::size_t i = 0; i + 1 < crossings.size(); i += 2) {
      const auto [from, beyond] = whole_numbers(crossings[i], crossings[i + 1], columns_);
      for (std::int64_t column = from; column < beyond; ++column) set(column, row);
    }
  }

  // Sets the voxels whose centres lie on the edge.
  void draw(Point a, Point b) {
    const bool flat = std::abs(b.x - a.x) >= std::abs(b.y - a.y);
    double low = flat ? a.x : a.y;
    double high = flat ? b.x : b.y;
    if (low > high) std::swap(low, high);
    const auto [from, beyond] =
        whole_numbers(low - kOnOutline, high + kOnOutline, flat ? columns_ : rows_);
    spend(beyond - from);
    const double dx = b.x - a.x;
    const double dy = b.y - a.y;
    const double squared = dx * dx + dy * dy;
    for (std::int64_t at = from; at < beyond; ++at) {
      const auto here = static_cast<double>(at);
      const double slope = squared == 0 ? 0 : flat ? dy / dx : dx / dy;
      const double across = flat ? a.y + (here - a.x) * slope : a.x + (here - a.y) * slope;
      const double nearest = std::round(across);
      const Point centre = flat ? Point{here, nearest} : Point{nearest, here};
      const double along =
          squared == 0
              ? 0
              : std::clamp(((centre.x - a.x) * dx + (centre.y - a.y) * dy) / squared, 0.0, 1.0);
      const double off_x = centre.x - a.x - along * dx;
      const double off_y = centre.y - a.y - along * dy;
      if (off_x * off_x + off_y * off_y > kOnOutline * kOnOutline) continue;
      if (centre.x < 0 || centre.y < 0 || centre.x >= columns_ || centre.y >= rows_) continue;
      set(static_cast<std::int64_t>(centre.x), static_cast<std::int64_t>(centre.y));
    }
  }

  void set(std::int64_t column, std::int64_t row) {
    mask_hw_[static_cast<std::size_t>(row) * columns_ + static_cast<std::size_t>(column)] = 1;
  }

  std::uint32_t rows_;
  std::uint32_t columns_;
  std::uint64_t& crossings_left_;
  std::vector<std::uint8_t> mask_hw_;
};

// Where outlines lie in a volume.
class Placement {
 public:
  explicit Placement(const SeriesVolume& volume) : volume_(volume) {
    if (!volume.directions_lps || !volume.spacing_ijk_mm || volume.slices.empty()) {
      throw Error(ErrorCode::bad_argument, "a volume without places cannot hold outlines");
    }
    check_shape({PixelType::u8, volume.size_ijk[1], volume.size_ijk[0], 1},
                "a volume for outlines");
    const std::array<double, 9>& all = *volume.directions_lps;
    row_ = {all[0], all[1], all[2]};
    column_ = {all[3], all[4], all[5]};
    normal_ = {all[6], all[7], all[8]};
    for (const Slice& slice : volume.slices) along_.push_back(dot(*slice.position_lps, normal_));
  }

  // The slice nearest to a height along the normal, or none half a step away.
  std::optional<std::size_t> slice_at(double along) const {
    const auto above = std::lower_bound(along_.begin(), along_.end(), along);
    auto nearest = above == along_.end() ? above - 1 : above;
    if (nearest != along_.begin() && along - *(nearest - 1) <= *nearest - along) --nearest;
    // A step over the half, so that outlines halfway do not fall out by rounding.
    if (std::abs(*nearest - along) > 0.5001 * (*volume_.spacing_ijk_mm)[2]) return std::nullopt;
    return static_cast<std::size_t>(nearest - along_.begin());
  }

  double along(const Vector& point) const { return dot(point, normal_); }

  Point pixel(const Vector& point, std::size_t slice) const {
    const Vector& origin = *volume_.slices[slice].position_lps;
    const Vector there = {point[0] - origin[0], point[1] - origin[1], point[2] - origin[2]};
    return {dot(there, row_) / (*volume_.spacing_ijk_mm)[0],
            dot(there, column_) / (*volume_.spacing_ijk_mm)[1]};
  }

 private:
  const SeriesVolume& volume_;
  Vector row_ = {};
  Vector column_ = {};
  Vector normal_ = {};
  std::vector<double> along_;
};

}  // namespace

StructureSet read_structure_set(Bytes file, const std::string& name) {
  const internal::DataSet data = internal::parse(file, internal::Extent::whole, name);
  StructureSet set;
  set.instance = internal::instance_of(data, name);
  if (set.instance.sop_class_uid != kStructureSetStorage) {
    throw Error(ErrorCode::bad_format, name + ": not a structure set (RTSTRUCT)");
  }
  for (const Item& frame :
       internal::items_of(data.root, tag::kReferencedFrameOfReferenceSequence)) {
    if (set.frame_of_reference_uid.empty()) {
      set.frame_of_reference_uid = internal::text_of(frame, tag::kFrameOfReferenceUid);
    }
    for (const Item& study : internal::items_of(frame, tag::kRtReferencedStudySequence)) {
      for (const Item& series : internal::items_of(study, tag::kRtReferencedSeriesSequence)) {
        set.series_uids.push_back(internal::text_of(series, tag::kSeriesInstanceUid));
      }
    }
  }
  std::map<std::int64_t, std::size_t> roi_of_number;
  for (const Item& item : internal::items_of(data.root, tag::kStructureSetRoiSequence)) {
    const auto number = internal::integer_of(item, tag::kRoiNumber);
    if (!number || !roi_of_number.emplace(*number, set.rois.size()).second) {
      throw Error(ErrorCode::bad_format,
                  name + ": a region of interest without a number of its own");
    }
    set.rois.push_back({*number, internal::name_of(data, item, tag::kRoiName), {}});
    if (set.frame_of_reference_uid.empty()) {
      set.frame_of_reference_uid = internal::text_of(item, tag::kReferencedFrameOfReferenceUid);
    }
  }
  for (const Item& item : internal::items_of(data.root, tag::kRoiContourSequence)) {
    const auto number = internal::integer_of(item, tag::kReferencedRoiNumber);
    const auto found = number ? roi_of_number.find(*number) : roi_of_number.end();
    if (found == roi_of_number.end()) {
      note(set.problems, "outlines of a region of interest that is not there");
      continue;
    }
    Roi& roi = set.rois[found->second];
    const std::string what = fmt::format("ROI {} '{}'", roi.number, roi.name);
    for (const Item& each : internal::items_of(item, tag::kContourSequence)) {
      if (std::optional<Contour> contour = contour_of(each, what, set.problems)) {
        roi.contours.push_back(std::move(*contour));
      }
    }
  }
  for (const Roi& roi : set.rois) {
    if (roi.contours.empty()) {
      note(set.problems, fmt::format("ROI {} '{}' has no closed outline", roi.number, roi.name));
    }
  }
  return set;
}

RoiMask rasterise(const Roi& roi, const SeriesVolume& volume) {
  const Placement placement(volume);
  const std::string what = fmt::format("ROI {} '{}'", roi.number, roi.name);
  RoiMask out;
  std::map<std::size_t, std::set<Outline>> outlines_of_slice;
  for (const Contour& contour : roi.contours) {
    if (contour.points_lps.empty()) continue;
    const std::optional<std::size_t> slice =
        placement.slice_at(placement.along(contour.points_lps.front()));
    if (!slice) {
      note(out.problems, what + ": an outline lies on no slice");
      continue;
    }
    Outline outline;
    bool planar = true;
    bool near = true;
    for (const Vector& point : contour.points_lps) {
      planar = planar && placement.slice_at(placement.along(point)) == slice;
      const Point pixel = placement.pixel(point, *slice);
      near = near && std::abs(pixel.x) <= kFarthest && std::abs(pixel.y) <= kFarthest;
      outline.push_back(pixel);
    }
    if (!planar || !near) {
      note(out.problems, what + (planar ? ": an outline lies far beside the volume"
                                        : ": an outline runs through several slices"));
      continue;
    }
    // Twice the same outline would cancel itself.
    if (!outlines_of_slice[*slice].insert(std::move(outline)).second) {
      note(out.problems, fmt::format("{}: an outline of slice {} is there twice", what, *slice));
    }
  }
  std::uint64_t crossings_left = kCrossingsMax;
  for (const auto& [slice, outlines] : outlines_of_slice) {
    Canvas canvas(volume.size_ijk[1], volume.size_ijk[0], crossings_left);
    out.mask_hw_of_slice.emplace(static_cast<std::uint32_t>(slice),
                                 canvas.painted({outlines.begin(), outlines.end()}));
  }
  return out;
}

}  // namespace slicebank::dicom
