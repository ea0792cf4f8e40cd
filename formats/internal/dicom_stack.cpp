#include "formats/internal/dicom_stack.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace slicebank::dicom {
namespace {

using Vector = std::array<double, 3>;

// A step is regular while it differs by less than this part of the usual one.
constexpr double kStepTolerance = 0.05;
// Slices that wander aside by more of a pixel than this, from first to last, are sheared.
constexpr double kTiltTolerance = 0.1;

double dot(const Vector& a, const Vector& b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }

Vector minus(const Vector& a, const Vector& b) { return {a[0] - b[0], a[1] - b[1], a[2] - b[2]}; }

double length(const Vector& a) { return std::sqrt(dot(a, a)); }

// Two slices or more, along their normal.
class Stack {
 public:
  Stack(const Vector& normal, double pixel, SeriesVolume& volume)
      : normal_(normal), pixel_(pixel), volume_(volume) {
    for (const Slice& slice : volume.slices) along_.push_back(dot(*slice.position_lps, normal));
    const Vector whole = minus(position(count() - 1), position(0));
    for (std::size_t i = 0; i < 3; ++i) step_[i] = whole[i] / static_cast<double>(count() - 1);
    std::vector<double> steps;
    for (std::size_t k = 1; k < count(); ++k) steps.push_back(along_[k] - along_[k - 1]);
    // The lower median: a gap in a short stack must not pass for the step.
    const auto middle = steps.begin() + static_cast<std::ptrdiff_t>((steps.size() - 1) / 2);
    std::nth_element(steps.begin(), middle, steps.end());
    usual_ = *middle;
  }

  // Whether the slices lie in a regular grid. Says what is wrong where they do not, and
  // whether they are sheared.
  bool check() {
    const bool in_grid = check_steps() && check_line();
    check_tilt();
    return in_grid;
  }

  const Vector& step() const { return step_; }
  double usual() const { return usual_; }

 private:
  std::size_t count() const { return volume_.slices.size(); }
  const Vector& position(std::size_t k) const { return *volume_.slices[k].position_lps; }

  void problem(ProblemKind kind, std::string message) {
    volume_.problems.push_back({kind, std::move(message)});
  }

  bool check_steps() {
    double missing = 0;
    std::size_t gaps = 0;
    bool irregular = false;
    double longest = usual_;
    double shortest = usual_;
    for (std::size_t k = 1; k < count(); ++k) {
      const double step = along_[k] - along_[k - 1];
      longest = std::max(longest, step);
      shortest = std::min(shortest, step);
      if (std::abs(step - usual_) <= kStepTolerance * usual_) continue;
      const double whole = std::round(step / usual_);
      if (whole >= 2 && std::abs(step - whole * usual_) <= kStepTolerance * usual_) {
        missing += whole - 1;
        ++gaps;
      } else {
        irregular = true;
      }
    }
    if (irregular) {
      problem(
          ProblemKind::irregular_spacing,
          fmt::format("steps between slices reach from {:.4g} to {:.4g} mm", shortest, longest));
    } else if (gaps > 0) {
      problem(ProblemKind::missing_slices,
              fmt::format("{} slices are missing, in {} gaps of a stack with steps of {:.4g} mm",
                          missing, gaps, usual_));
    }
    return !irregular && gaps == 0;
  }

  bool check_line() {
    double worst = 0;
    for (std::size_t k = 0; k < count(); ++k) {
      Vector off = minus(position(k), position(0));
      for (std::size_t i = 0; i < 3; ++i) off[i] -= static_cast<double>(k) * step_[i];
      worst = std::max(worst, length(off));
    }
    if (worst <= kTiltTolerance * std::max(pixel_, length(step_))) return true;
    problem(ProblemKind::irregular_spacing,
            fmt::format("a slice lies {:.4g} mm off the line of the others", worst));
    return false;
  }

  void check_tilt() {
    const Vector whole = minus(position(count() - 1), position(0));
    const double along = dot(whole, normal_);
    Vector aside = whole;
    for (std::size_t i = 0; i < 3; ++i) aside[i] -= along * normal_[i];
    const double shift = length(aside);
    if (shift <= kTiltTolerance * pixel_) return;
    constexpr double kDegrees = 57.29577951308232;
    problem(ProblemKind::gantry_tilt,
            fmt::format("the slices are tilted by {:.3g} degrees: the volume is sheared",
                        std::atan2(shift, along) * kDegrees));
  }

  Vector normal_;
  double pixel_;
  SeriesVolume& volume_;
  std::vector<double> along_;
  Vector step_ = {};
  double usual_ = 0;
};

}  // namespace

std::array<double, 3> normal_of(const std::array<double, 6>& orientation) noexcept {
  const auto& o = orientation;
  Vector normal = {o[1] * o[5] - o[2] * o[4], o[2] * o[3] - o[0] * o[5], o[0] * o[4] - o[1] * o[3]};
  const double size = length(normal);
  if (size > 0) {
    for (double& part : normal) part /= size;
  }
  return normal;
}

namespace internal {

void place_in_patient(const Frame& first, SeriesVolume& volume) {
  const std::array<double, 6>& o = *first.orientation;
  const Vector normal = normal_of(o);
  volume.directions_lps = {o[0], o[1], o[2], o[3], o[4], o[5], normal[0], normal[1], normal[2]};
  if (!first.spacing_yx) {
    volume.problems.push_back({ProblemKind::no_spacing, "the size of a pixel is unknown"});
    return;
  }
  const double across = (*first.spacing_yx)[1];
  const double down = (*first.spacing_yx)[0];
  Vector step = normal;
  if (volume.slices.size() == 1) {
    const double thick = first.spacing_between_slices.value_or(first.slice_thickness.value_or(1));
    for (double& part : step) part *= thick;
    volume.problems.push_back(
        {ProblemKind::one_slice,
         fmt::format("one slice; the step of {} mm between slices is {}", thick,
                     first.spacing_between_slices ? "SpacingBetweenSlices"
                     : first.slice_thickness      ? "SliceThickness"
                                                  : "a guess")});
  } else {
    Stack stack(normal, std::min(across, down), volume);
    if (!stack.check()) {
      volume.spacing_ijk_mm = {across, down, stack.usual()};
      return;
    }
    step = stack.step();
  }
  volume.spacing_ijk_mm = {across, down, length(step)};
  std::array<double, 9> columns = {};
  for (std::size_t row = 0; row < 3; ++row) {
    columns[row * 3] = o[row] * across;
    columns[row * 3 + 1] = o[row + 3] * down;
    columns[row * 3 + 2] = step[row];
  }
  volume.affine = affine_from_lps({1, 1, 1}, columns, *volume.slices.front().position_lps);
}

}  // namespace internal
}  // namespace slicebank::dicom
