#include "formats/internal/nrrd_axes.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "formats/internal/header_text.h"
#include "schema/error.h"

namespace slicebank::internal {
namespace {

using Vector = std::array<double, 3>;

[[noreturn]] void refuse(const std::string& name, const std::string& why) {
  throw Error(ErrorCode::bad_format, name + ": " + why);
}

const std::string* value_of(const NrrdFields& fields, const char* key) {
  const auto found = fields.find(key);
  return found == fields.end() ? nullptr : &found->second;
}

// The numbers between parentheses; nothing for "none" and for what is no vector.
std::optional<std::vector<double>> vector_of(std::string_view text) {
  text = trimmed(text);
  if (text.size() < 2 || text.front() != '(' || text.back() != ')') return std::nullopt;
  text = text.substr(1, text.size() - 2);
  std::vector<double> numbers;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find(',', at), text.size());
    const auto number = to_number(trimmed(text.substr(at, end - at)));
    if (!number) return std::nullopt;
    numbers.push_back(*number);
    at = end + 1;
  }
  return numbers;
}

// "none (1,0,0) (0, 1, 0)" in its parts; blanks inside parentheses part nothing.
std::vector<std::string> vectors_of(std::string_view text) {
  std::vector<std::string> parts;
  std::string part;
  int depth = 0;
  for (const char c : text) {
    if (c == '(') ++depth;
    if (c == ')') --depth;
    const bool blank = c == ' ' || c == '\t';
    if (blank && depth > 0) continue;
    if (!blank) part += c;
    if ((blank || c == ')') && !part.empty() && depth <= 0)
      parts.push_back(std::exchange(part, {}));
  }
  if (!part.empty()) parts.push_back(part);
  return parts;
}

enum class Role { unknown, space, not_space, frame, channel, single };

Role role_of_kind(const std::string& kind, const std::string& name) {
  static const std::map<std::string, Role> kRoles = {{"domain", Role::space},
                                                     {"space", Role::space},
                                                     {"time", Role::frame},
                                                     {"list", Role::frame},
                                                     {"scalar", Role::single},
                                                     {"stub", Role::single},
                                                     {"vector", Role::channel},
                                                     {"covariant-vector", Role::channel},
                                                     {"normal", Role::channel},
                                                     {"point", Role::channel},
                                                     {"rgb-color", Role::channel},
                                                     {"rgba-color", Role::channel},
                                                     {"hsv-color", Role::channel},
                                                     {"xyz-color", Role::channel},
                                                     {"2-vector", Role::channel},
                                                     {"3-vector", Role::channel},
                                                     {"4-vector", Role::channel},
                                                     {"3-color", Role::channel},
                                                     {"4-color", Role::channel},
                                                     {"3-gradient", Role::channel},
                                                     {"3-normal", Role::channel},
                                                     {"quaternion", Role::channel},
                                                     {"2d-matrix", Role::channel},
                                                     {"2d-symmetric-matrix", Role::channel},
                                                     {"3d-matrix", Role::channel},
                                                     {"3d-symmetric-matrix", Role::channel},
                                                     {"2d-masked-matrix", Role::channel},
                                                     {"3d-masked-matrix", Role::channel},
                                                     {"2d-masked-symmetric-matrix", Role::channel},
                                                     {"3d-masked-symmetric-matrix", Role::channel}};
  if (kind == "complex") refuse(name, "complex numbers cannot be kept as voxels");
  const auto found = kRoles.find(kind);
  return found == kRoles.end() ? Role::unknown : found->second;
}

// The direction of each axis in space, from "space directions"; no entry for "none".
using Directions = std::vector<std::optional<std::vector<double>>>;

Directions read_directions(const NrrdFields& fields, std::size_t dimension,
                           const std::string& name) {
  const std::string* value = value_of(fields, "spacedirections");
  if (value == nullptr) return {};
  const std::vector<std::string> parts = vectors_of(*value);
  if (parts.size() != dimension) {
    refuse(name, std::to_string(parts.size()) + " space directions for " +
                     std::to_string(dimension) + " axes");
  }
  Directions directions;
  for (const std::string& part : parts) {
    std::optional<std::vector<double>> vector;
    if (lower_case(part) != "none") {
      vector = vector_of(part);
      if (!vector) refuse(name, "its space directions are no vectors");
      const bool finite = std::all_of(vector->begin(), vector->end(),
                                      [](double value_) { return std::isfinite(value_); });
      // Some writers say "none" as a vector of nan.
      if (!finite) vector.reset();
    }
    directions.push_back(std::move(vector));
  }
  return directions;
}

std::vector<double> read_spacings(const NrrdFields& fields, std::size_t dimension) {
  std::vector<double> spacings;
  if (const std::string* value = value_of(fields, "spacings")) {
    for (const std::string& word : words(*value)) {
      spacings.push_back(to_number(word).value_or(std::nan("")));
    }
  }
  spacings.resize(dimension, std::nan(""));
  return spacings;
}

std::vector<Role> read_roles(const NrrdFields& fields, const Directions& directions,
                             const std::vector<double>& spacings, const nrrd::Header& header,
                             const std::string& name) {
  const std::size_t dimension = header.dims.size();
  std::vector<Role> roles(dimension, Role::unknown);
  for (std::size_t axis = 0; axis < dimension; ++axis) {
    if (axis < header.kinds.size())
      roles[axis] = role_of_kind(lower_case(header.kinds[axis]), name);
    if (!directions.empty()) {
      if (directions[axis]) roles[axis] = Role::space;
      if (!directions[axis] && (roles[axis] == Role::space || roles[axis] == Role::unknown)) {
        roles[axis] = Role::not_space;
      }
    } else if (roles[axis] == Role::unknown && value_of(fields, "spacings") != nullptr &&
               std::isnan(spacings[axis])) {
      roles[axis] = Role::not_space;
    }
    if (roles[axis] == Role::not_space) roles[axis] = Role::frame;
  }
  // Axes of which nothing is said: the first three are space, as in a plain array.
  auto space = std::count(roles.begin(), roles.end(), Role::space);
  for (Role& role : roles) {
    if (role == Role::space && space > 3 && &role == &roles.back()) role = Role::frame;
    if (role != Role::unknown) continue;
    role = space < 3 ? Role::space : Role::frame;
    if (role == Role::space) ++space;
  }
  for (std::size_t axis = 0; axis < dimension; ++axis) {
    const bool extra = roles[axis] == Role::frame || roles[axis] == Role::channel;
    if (header.dims[axis] == 1 && extra) roles[axis] = Role::single;
  }
  return roles;
}

// +1 or -1 a world axis, to make RAS+ of it; nothing for a space without a patient in it.
std::optional<Vector> signs_of_space(std::string space) {
  space = lower_case(space);
  constexpr std::string_view kTime = "-time";
  if (space.ends_with(kTime)) space.resize(space.size() - kTime.size());
  if (space.size() == 4 && space.ends_with("t")) space.pop_back();
  if (space == "left-posterior-superior" || space == "lps") return Vector{-1, -1, 1};
  if (space == "left-anterior-superior" || space == "las") return Vector{-1, 1, 1};
  if (space == "right-anterior-superior" || space == "ras") return Vector{1, 1, 1};
  return std::nullopt;
}

double mm_of_unit(std::string_view unit) {
  while (!unit.empty() && unit.front() == '"') unit.remove_prefix(1);
  while (!unit.empty() && unit.back() == '"') unit.remove_suffix(1);
  if (unit == "m") return 1000;
  if (unit == "cm") return 10;
  if (unit == "um" || unit == "\xc2\xb5m" || unit == "\xce\xbcm" || unit == "microns") return 0.001;
  return 1;
}

Vector cross(const Vector& a, const Vector& b) {
  return {a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]};
}

double length(const Vector& a) { return std::hypot(a[0], a[1], a[2]); }

Vector vector3(const std::vector<double>& numbers, double mm) {
  return {numbers[0] * mm, numbers[1] * mm, numbers[2] * mm};
}

void read_affine(const NrrdFields& fields, const std::vector<Vector>& given, double mm,
                 nrrd::Decoded& decoded, const std::string& name) {
  const auto signs = signs_of_space(decoded.header.space);
  if (!signs || given.size() < 2) return;
  Vector origin{};
  if (const std::string* value = value_of(fields, "spaceorigin")) {
    auto numbers = vector_of(*value);
    if (numbers && numbers->size() == 4) numbers->pop_back();  // the fourth is time
    if (!numbers || numbers->size() != 3) refuse(name, "its space origin is no point");
    origin = vector3(*numbers, mm);
  }
  std::array<Vector, 3> columns{given[0], given[1], {}};
  if (given.size() > 2) {
    columns[2] = given[2];
  } else {
    // A single plane: its third axis stands on it, a millimetre long.
    const Vector normal = cross(columns[0], columns[1]);
    const double size = length(normal);
    columns[2] = {normal[0] / size, normal[1] / size, normal[2] / size};
  }
  Affine affine = kIdentityAffine;
  for (std::size_t row = 0; row < 3; ++row) {
    for (std::size_t axis = 0; axis < 3; ++axis) {
      affine[row * 4 + axis] = (*signs)[row] * columns[axis][row];
    }
    affine[row * 4 + 3] = (*signs)[row] * origin[row];
  }
  if (!invertible(affine)) refuse(name, "its space directions are singular");
  decoded.volume.affine = affine;
}

void read_geometry(const NrrdFields& fields, const Directions& directions,
                   const std::vector<double>& spacings, const std::vector<std::size_t>& space_axes,
                   nrrd::Decoded& decoded, const std::string& name) {
  const std::string* units = value_of(fields, "spaceunits");
  const std::vector<std::string> unit = words(units == nullptr ? "" : *units);
  const double mm = unit.empty() ? 1 : mm_of_unit(unit[0]);
  Vector spacing = {1, 1, 1};
  std::vector<Vector> columns;
  bool known = !space_axes.empty();
  for (std::size_t i = 0; i < space_axes.size(); ++i) {
    const std::size_t axis = space_axes[i];
    if (!directions.empty() && directions[axis]) {
      std::vector<double> direction = *directions[axis];
      double squares = 0;
      for (const double part : direction) squares += part * part;
      spacing[i] = std::sqrt(squares) * mm;
      if (direction.size() == 4) direction.pop_back();
      if (direction.size() == 3) columns.push_back(vector3(direction, mm));
    } else {
      spacing[i] = std::abs(spacings[axis]);
    }
    if (!directions.empty() && !(spacing[i] > 0)) {
      refuse(name, "one of its space directions has no length");
    }
    known = known && std::isfinite(spacing[i]) && spacing[i] > 0;
  }
  if (!known) return;
  decoded.volume.spacing_ijk_mm = spacing;
  if (columns.size() == space_axes.size()) read_affine(fields, columns, mm, decoded, name);
}

}  // namespace

std::array<std::size_t, 5> read_nrrd_axes(const NrrdFields& fields, nrrd::Decoded& decoded,
                                          const std::string& name) {
  const nrrd::Header& header = decoded.header;
  const std::size_t dimension = header.dims.size();
  const Directions directions = read_directions(fields, dimension, name);
  const std::vector<double> spacings = read_spacings(fields, dimension);
  const std::vector<Role> roles = read_roles(fields, directions, spacings, header, name);

  Volume& volume = decoded.volume;
  volume.dimensions = static_cast<int>(dimension);
  std::array<std::size_t, 5> strides{};
  std::vector<std::size_t> space_axes;
  bool frames = false;
  bool channels = false;
  std::size_t stride = 1;
  for (std::size_t axis = 0; axis < dimension; ++axis) {
    const auto size = static_cast<std::uint32_t>(header.dims[axis]);
    if (roles[axis] == Role::space) {
      if (space_axes.size() == 3) refuse(name, "more than three axes of space");
      volume.size_ijk[space_axes.size()] = size;
      strides[3 - space_axes.size()] = stride;
      space_axes.push_back(axis);
    } else if (roles[axis] == Role::frame) {
      if (std::exchange(frames, true)) refuse(name, "two axes that are neither space nor vectors");
      volume.frames = size;
      strides[0] = stride;
    } else if (roles[axis] == Role::channel) {
      if (std::exchange(channels, true)) refuse(name, "two axes of vectors");
      volume.channels = size;
      strides[4] = stride;
    } else if (size != 1) {
      refuse(name, "an axis of kind scalar or stub with " + std::to_string(size) + " elements");
    }
    stride *= size;
  }
  if (space_axes.empty()) refuse(name, "no axis of space");
  read_geometry(fields, directions, spacings, space_axes, decoded, name);
  return strides;
}

}  // namespace slicebank::internal
