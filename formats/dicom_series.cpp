#include "formats/dicom_series.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>
#include <string_view>
#include <tuple>

#include "formats/internal/dicom_stack.h"

namespace slicebank::dicom {
namespace {

using Vector = std::array<double, 3>;

constexpr double kDirectionTolerance = 1e-3;  // of a direction cosine: 0.06 degrees
constexpr double kSpacingTolerance = 1e-3;    // of a pixel's size, relative
constexpr double kSamePlace = 0.01;           // of the usual step between slices

double dot(const Vector& a, const Vector& b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }

// One picture before it has found its volume.
struct Picture {
  std::size_t instance = 0;
  std::uint32_t frame = 0;
  const Instance* header = nullptr;
  const Frame* place = nullptr;
  double along = 0;  // millimetres along the group's normal

  // What tells pictures at one place apart: time, then echo, then acquisition, then number.
  auto order() const {
    return std::make_tuple(place->temporal_position.value_or(0), header->echo_time_ms.value_or(0),
                           header->acquisition_number.value_or(0),
                           header->instance_number.value_or(0),
                           std::string_view(header->sop_instance_uid), frame);
  }
};

bool is_mosaic(const Instance& instance) {
  return std::find(instance.image_type.begin(), instance.image_type.end(), "MOSAIC") !=
         instance.image_type.end();
}

bool same_directions(const Picture& a, const Picture& b) {
  if (a.place->orientation.has_value() != b.place->orientation.has_value()) return false;
  if (!a.place->orientation) return true;
  for (std::size_t i = 0; i < 6; ++i) {
    if (std::abs((*a.place->orientation)[i] - (*b.place->orientation)[i]) > kDirectionTolerance) {
      return false;
    }
  }
  return true;
}

bool same_shape(const Picture& a, const Picture& b) {
  const Instance& one = *a.header;
  const Instance& two = *b.header;
  if (one.rows != two.rows || one.columns != two.columns || one.samples != two.samples ||
      one.frame_of_reference_uid != two.frame_of_reference_uid ||
      a.place->position.has_value() != b.place->position.has_value() ||
      a.place->spacing_yx.has_value() != b.place->spacing_yx.has_value()) {
    return false;
  }
  if (!a.place->spacing_yx) return true;
  for (std::size_t i = 0; i < 2; ++i) {
    const double size = (*a.place->spacing_yx)[i];
    if (std::abs(size - (*b.place->spacing_yx)[i]) > kSpacingTolerance * size) return false;
  }
  return true;
}

// Pictures that could lie in one volume: same shape, same directions.
using Group = std::vector<Picture>;

class SeriesBuilder {
 public:
  SeriesBuilder(std::vector<Picture> pictures, Grouping& out)
      : pictures_(std::move(pictures)), out_(out) {}

  void build() {
    drop_repeated_instances();
    std::vector<Group> groups;
    bool shapes_differ = false;
    bool directions_differ = false;
    for (const Picture& picture : pictures_) {
      Group* home = nullptr;
      for (Group& group : groups) {
        const bool shape = same_shape(group.front(), picture);
        const bool directions = same_directions(group.front(), picture);
        shapes_differ = shapes_differ || !shape;
        directions_differ = directions_differ || !directions;
        if (shape && directions) {
          home = &group;
          break;
        }
      }
      if (home == nullptr) home = &groups.emplace_back();
      home->push_back(picture);
    }
    // The largest first: a localizer beside a stack comes behind it.
    std::stable_sort(groups.begin(), groups.end(),
                     [](const Group& a, const Group& b) { return a.size() > b.size(); });
    shapes_differ = shapes_differ && groups.size() > 1;
    directions_differ = directions_differ && groups.size() > 1;
    for (Group& group : groups) {
      common_.clear();
      if (directions_differ) {
        problem(ProblemKind::mixed_orientations,
                fmt::format("the series has slices of {} kinds that do not lie in one volume; "
                            "this one holds {}",
                            groups.size(), group.size()));
      }
      if (shapes_differ) {
        problem(ProblemKind::mixed_shapes,
                fmt::format("the series has pictures of {} sizes, spacings or frames of reference",
                            groups.size()));
      }
      if (dropped_ > 0) {
        problem(ProblemKind::duplicate_instance,
                fmt::format("{} instances are there twice", dropped_));
      }
      build_group(group);
    }
  }

 private:
  void problem(ProblemKind kind, std::string message) {
    common_.push_back({kind, std::move(message)});
  }

  void drop_repeated_instances() {
    std::set<std::pair<std::string, std::uint32_t>> seen;
    std::vector<Picture> kept;
    for (const Picture& picture : pictures_) {
      const std::string& uid = picture.header->sop_instance_uid;
      if (!uid.empty() && !seen.emplace(uid, picture.frame).second) {
        if (picture.frame == 0) {
          ++dropped_;
          out_.left_out.push_back(
              {picture.instance, "the same SOP instance is there a second time"});
        }
        continue;
      }
      kept.push_back(picture);
    }
    pictures_ = std::move(kept);
  }

  SeriesVolume volume_of(const Group& group) const {
    const Picture& first = group.front();
    SeriesVolume volume;
    volume.series_instance_uid = first.header->series_instance_uid;
    volume.study_instance_uid = first.header->study_instance_uid;
    volume.frame_of_reference_uid = first.header->frame_of_reference_uid;
    volume.patient_id = first.header->patient_id;
    volume.modality = first.header->modality;
    volume.size_ijk = {first.header->columns, first.header->rows,
                       static_cast<std::uint32_t>(group.size())};
    volume.problems = common_;
    for (const Picture& picture : group) {
      volume.slices.push_back({picture.instance, picture.frame, picture.place->position});
    }
    const auto differs = [&](const Picture& picture) {
      return picture.place->slope != first.place->slope ||
             picture.place->intercept != first.place->intercept;
    };
    if (std::any_of(group.begin(), group.end(), differs)) {
      volume.problems.push_back(
          {ProblemKind::mixed_rescale, "slope and intercept differ from slice to slice"});
    }
    return volume;
  }

  void build_group(Group& group) {
    if (!group.front().place->position || !group.front().place->orientation) {
      build_unplaced(group);
      return;
    }
    const Vector normal = normal_of(*group.front().place->orientation);
    for (Picture& picture : group) picture.along = dot(*picture.place->position, normal);
    std::sort(group.begin(), group.end(), [](const Picture& a, const Picture& b) {
      return std::make_tuple(a.along, a.order()) < std::make_tuple(b.along, b.order());
    });
    const std::vector<Group> places = by_place(group);
    const std::size_t most =
        std::max_element(places.begin(), places.end(), [](const Group& a, const Group& b) {
          return a.size() < b.size();
        })->size();
    const bool regular = std::all_of(places.begin(), places.end(),
                                     [&](const Group& place) { return place.size() == most; });
    if (most > 1 && regular) {
      problem(
          ProblemKind::repeated_positions,
          fmt::format("each of {} places has {} slices: a volume for each", places.size(), most));
    } else if (most > 1) {
      std::size_t extra = 0;
      for (const Group& place : places) {
        extra += place.size() - 1;
        for (std::size_t i = 1; i < place.size(); ++i) {
          out_.left_out.push_back({place[i].instance, "another slice lies at the same place"});
        }
      }
      problem(ProblemKind::duplicate_position,
              fmt::format("{} slices lie where another one is; the first was taken", extra));
    }
    const std::size_t volumes = regular ? most : 1;
    for (std::size_t repeat = 0; repeat < volumes; ++repeat) {
      Group one;
      for (const Group& place : places) one.push_back(place[repeat]);
      SeriesVolume volume = volume_of(one);
      volume.repeat = static_cast<std::uint32_t>(repeat);
      volume.repeats = static_cast<std::uint32_t>(volumes);
      internal::place_in_patient(*one.front().place, volume);
      out_.volumes.push_back(std::move(volume));
    }
  }

  // Without places there are pictures, in their own order, and no third dimension.
  void build_unplaced(Group& group) {
    std::stable_sort(group.begin(), group.end(),
                     [](const Picture& a, const Picture& b) { return a.order() < b.order(); });
    SeriesVolume volume = volume_of(group);
    volume.problems.push_back(
        {ProblemKind::no_position, "the slices do not say where they lie in the patient"});
    if (!group.front().place->spacing_yx) {
      volume.problems.push_back({ProblemKind::no_spacing, "the size of a pixel is unknown"});
    }
    out_.volumes.push_back(std::move(volume));
  }

  static std::vector<Group> by_place(const Group& sorted) {
    // Closer than a hundredth of the usual step, or than a micrometre, is the same place.
    constexpr double kMicrometre = 1e-3;
    std::vector<double> steps;
    for (std::size_t i = 1; i < sorted.size(); ++i) {
      const double step = sorted[i].along - sorted[i - 1].along;
      if (step > kMicrometre) steps.push_back(step);
    }
    double same = kMicrometre;
    if (!steps.empty()) {
      const auto middle = steps.begin() + static_cast<std::ptrdiff_t>(steps.size() / 2);
      std::nth_element(steps.begin(), middle, steps.end());
      same = std::max(same, *middle * kSamePlace);
    }
    std::vector<Group> places;
    for (const Picture& picture : sorted) {
      if (places.empty() || picture.along - places.back().front().along > same) {
        places.emplace_back();
      }
      places.back().push_back(picture);
    }
    for (Group& place : places) {
      std::sort(place.begin(), place.end(),
                [](const Picture& a, const Picture& b) { return a.order() < b.order(); });
    }
    return places;
  }

  std::vector<Picture> pictures_;
  Grouping& out_;
  std::vector<Problem> common_;
  std::size_t dropped_ = 0;
};

}  // namespace

const char* problem_name(ProblemKind kind) noexcept {
  switch (kind) {
    case ProblemKind::duplicate_instance:
      return "duplicate_instance";
    case ProblemKind::duplicate_position:
      return "duplicate_position";
    case ProblemKind::repeated_positions:
      return "repeated_positions";
    case ProblemKind::missing_slices:
      return "missing_slices";
    case ProblemKind::irregular_spacing:
      return "irregular_spacing";
    case ProblemKind::gantry_tilt:
      return "gantry_tilt";
    case ProblemKind::mixed_orientations:
      return "mixed_orientations";
    case ProblemKind::mixed_shapes:
      return "mixed_shapes";
    case ProblemKind::one_slice:
      return "one_slice";
    case ProblemKind::no_position:
      return "no_position";
    case ProblemKind::no_spacing:
      return "no_spacing";
    case ProblemKind::mixed_rescale:
      return "mixed_rescale";
  }
  return "?";
}

bool SeriesVolume::has(ProblemKind kind) const noexcept {
  return std::any_of(problems.begin(), problems.end(),
                     [&](const Problem& problem) { return problem.kind == kind; });
}

Grouping group_series(const std::vector<Instance>& instances) {
  Grouping grouping;
  std::map<std::string, std::vector<Picture>> series;
  std::vector<std::size_t> order(instances.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return instances[a].sop_instance_uid < instances[b].sop_instance_uid;
  });
  for (const std::size_t index : order) {
    const Instance& instance = instances[index];
    if (!instance.has_pixels) {
      grouping.left_out.push_back({index, "the file has no pixels"});
      continue;
    }
    if (is_mosaic(instance)) {
      grouping.left_out.push_back(
          {index,
           "a mosaic: many slices tiled into one picture, whose places only private "
           "elements tell"});
      continue;
    }
    if (instance.frames > 1 && instance.frame_list.empty()) {
      grouping.left_out.push_back(
          {index, fmt::format("{} frames that do not say where they lie", instance.frames)});
      continue;
    }
    std::vector<Picture>& pictures = series[instance.series_instance_uid];
    for (std::uint32_t frame = 0; frame < instance.frames; ++frame) {
      pictures.push_back({index, frame, &instance, &instance.frame(frame), 0});
    }
  }
  for (auto& [uid, pictures] : series) SeriesBuilder(std::move(pictures), grouping).build();
  return grouping;
}

}  // namespace slicebank::dicom
