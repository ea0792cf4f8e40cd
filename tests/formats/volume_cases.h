// Files with what they must decode to, as the oracle scripts beside this header list them:
// cases.tsv in a folder, one line a file, and the voxels of each in a file of their own.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "formats/internal/elements.h"
#include "formats/volume.h"
#include "schema/error.h"

namespace slicebank::testing {

struct VolumeCase {
  std::string file;    // absolute, or relative to the folder
  std::string second;  // the .img of a pair; "-" where there is none
  std::string type;    // element_type_name(), or "refused"
  std::array<std::uint32_t, 3> size_ijk{};
  std::uint32_t frames = 1;
  std::uint32_t channels = 1;
  int dimensions = 3;
  double slope = 1;
  double intercept = 0;
  std::optional<std::array<double, 3>> spacing;
  std::optional<Affine> affine;
  std::string orientation;  // "-": not compared
  std::string voxels;       // file with [frame][k][j][i][channel]; "-": header only
  std::string scaled;       // the same as float64 after slope and intercept, or "-"
  std::string reason;       // part of the message of a refused file
};

inline std::vector<std::byte> bytes_of_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  REQUIRE_MESSAGE(file.good(), path.string());
  file.seekg(0, std::ios::end);
  std::vector<std::byte> bytes(static_cast<std::size_t>(file.tellg()));
  file.seekg(0);
  file.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  return bytes;
}

template <std::size_t kCount>
std::optional<std::array<double, kCount>> numbers_or_none(const std::string& text) {
  if (text == "-") return std::nullopt;
  std::istringstream in(text);
  std::array<double, kCount> numbers{};
  for (double& number : numbers) in >> number;
  REQUIRE_MESSAGE(!in.fail(), text);
  return numbers;
}

inline std::vector<VolumeCase> volume_cases(const std::filesystem::path& folder) {
  std::ifstream file(folder / "cases.tsv");
  REQUIRE(file.good());
  std::vector<VolumeCase> cases;
  std::string line;
  while (std::getline(file, line)) {
    std::vector<std::string> cells;
    std::istringstream in(line);
    std::string cell;
    while (std::getline(in, cell, '\t')) cells.push_back(cell);
    REQUIRE_MESSAGE(cells.size() == 14, line);
    VolumeCase one;
    one.file = cells[0];
    one.second = cells[1];
    one.type = cells[2];
    one.reason = cells[13];
    if (one.type != "refused") {
      std::istringstream sizes(cells[3]);
      sizes >> one.size_ijk[0] >> one.size_ijk[1] >> one.size_ijk[2];
      one.frames = static_cast<std::uint32_t>(std::stoul(cells[4]));
      one.channels = static_cast<std::uint32_t>(std::stoul(cells[5]));
      one.dimensions = std::stoi(cells[6]);
      one.slope = std::stod(cells[7]);
      one.intercept = std::stod(cells[8]);
      one.spacing = numbers_or_none<3>(cells[9]);
      one.affine = numbers_or_none<16>(cells[10]);
      one.orientation = cells[11];
      std::istringstream files(cells[12]);
      files >> one.voxels >> one.scaled;
    }
    cases.push_back(one);
  }
  REQUIRE(!cases.empty());
  return cases;
}

inline void check_close(double value, double wanted, double tolerance) {
  CHECK(std::abs(value - wanted) <= tolerance * std::max(1.0, std::abs(wanted)));
}

inline void check_header(const Volume& volume, const VolumeCase& wanted) {
  CHECK(std::string(element_type_name(volume.type)) == wanted.type);
  CHECK(volume.size_ijk == wanted.size_ijk);
  CHECK(volume.frames == wanted.frames);
  CHECK(volume.channels == wanted.channels);
  CHECK(volume.dimensions == wanted.dimensions);
  CHECK(volume.slope == wanted.slope);
  CHECK(volume.intercept == wanted.intercept);
  REQUIRE(volume.spacing_ijk_mm.has_value() == wanted.spacing.has_value());
  for (std::size_t axis = 0; wanted.spacing && axis < 3; ++axis) {
    check_close((*volume.spacing_ijk_mm)[axis], (*wanted.spacing)[axis], 1e-12);
  }
  REQUIRE(volume.affine.has_value() == wanted.affine.has_value());
  for (std::size_t i = 0; wanted.affine && i < 16; ++i) {
    check_close((*volume.affine)[i], (*wanted.affine)[i], 1e-6);
  }
  if (wanted.orientation != "-") CHECK(orientation(*volume.affine) == wanted.orientation);
}

// Every voxel: as stored, bit by bit; as scaled, to a float's precision.
inline void check_voxels(const Volume& volume, const VolumeCase& wanted,
                         const std::filesystem::path& folder) {
  CHECK(volume.voxels == bytes_of_file(folder / wanted.voxels));
  if (wanted.scaled == "-") return;
  const std::vector<std::byte> bytes = bytes_of_file(folder / wanted.scaled);
  const Volume meant = rescaled(volume, "x");
  REQUIRE(bytes.size() / 8 == meant.voxels.size() / element_bytes(meant.type));
  std::size_t at = 0;
  std::size_t different = 0;
  internal::visit_elements(meant.voxels, meant.type, [&](auto element) {
    double value = 0;
    std::memcpy(&value, bytes.data() + at, sizeof value);
    at += sizeof value;
    const double got = static_cast<double>(element);
    const bool same = got == value || (std::isnan(got) && std::isnan(value)) ||
                      std::abs(got - value) <= 1e-6 * std::max(1.0, std::abs(value));
    if (!same) ++different;
  });
  CHECK(different == 0);
}

// Runs one case: `decode` gives its Volume, or throws for one that is to be refused.
template <typename Decode>
void check_case(const VolumeCase& one, const std::filesystem::path& folder, Decode&& decode) {
  CAPTURE(one.file);
  if (one.type == "refused") {
    try {
      decode();
      FAIL_CHECK("should have been refused");
    } catch (const Error& error) {
      const std::string message = error.what();
      CAPTURE(message);
      CHECK(message.find(one.reason) != std::string::npos);
      const bool foreign = error.code() == ErrorCode::bad_format ||
                           error.code() == ErrorCode::limit || error.code() == ErrorCode::not_found;
      CHECK(foreign);
    }
    return;
  }
  const Volume volume = decode();
  check_header(volume, one);
  if (one.voxels != "-") check_voxels(volume, one, folder);
}

// The files below `root` whose names end in one of `endings`, sorted.
inline std::vector<std::filesystem::path> files_ending(const std::filesystem::path& root,
                                                       const std::vector<std::string>& endings) {
  std::vector<std::filesystem::path> found;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
    const std::string name = entry.path().filename().string();
    const bool wanted = std::any_of(endings.begin(), endings.end(),
                                    [&](const std::string& end) { return name.ends_with(end); });
    if (entry.is_regular_file() && wanted) found.push_back(entry.path());
  }
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace slicebank::testing
