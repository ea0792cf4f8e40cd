#include "formats/dicom_series.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>

#include "tests/formats/python_oracle.h"
#include "tests/support/shared_data.h"
#include "tests/support/temp_dir.h"

namespace slicebank {
namespace {

using dicom::Grouping;
using dicom::Instance;
using dicom::ProblemKind;
using dicom::SeriesVolume;

constexpr std::array<double, 6> kAxial = {1, 0, 0, 0, 1, 0};
constexpr std::array<double, 6> kSagittal = {0, 1, 0, 0, 0, -1};

Instance slice(int number, std::array<double, 3> position,
               std::array<double, 6> orientation = kAxial) {
  Instance instance;
  instance.series_instance_uid = "1.2";
  instance.sop_instance_uid = fmt::format("1.2.{}", number);
  instance.instance_number = number;
  instance.rows = 10;
  instance.columns = 12;
  instance.frames = 1;
  instance.samples = 1;
  instance.has_pixels = true;
  instance.first.position = position;
  instance.first.orientation = orientation;
  instance.first.spacing_yx = {0.5, 0.25};
  return instance;
}

std::vector<Instance> stack(int count, double step = 2) {
  std::vector<Instance> instances;
  for (int i = 0; i < count; ++i) instances.push_back(slice(i, {-3, -4, 5 + step * i}));
  return instances;
}

void shuffle(std::vector<Instance>& instances, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::shuffle(instances.begin(), instances.end(), random);
}

}  // namespace

TEST_CASE("dicom series: slices are sorted by place, whatever their order and numbers") {
  std::vector<Instance> instances = stack(9);
  // Numbers run the other way.
  for (int i = 0; i < 9; ++i) instances[static_cast<std::size_t>(i)].instance_number = 100 - i;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    CAPTURE(seed);
    shuffle(instances, seed);
    const Grouping grouping = dicom::group_series(instances);
    REQUIRE(grouping.volumes.size() == 1);
    const SeriesVolume& volume = grouping.volumes.front();
    CHECK(volume.problems.empty());
    CHECK(volume.size_ijk == std::array<std::uint32_t, 3>{12, 10, 9});
    for (std::size_t k = 0; k < 9; ++k) {
      CHECK((*volume.slices[k].position_lps)[2] == 5 + 2.0 * static_cast<double>(k));
    }
    // Columns are 0.25 mm apart, rows 0.5: x is second in PixelSpacing. LPS turns to RAS.
    CHECK(*volume.affine == Affine{-0.25, 0, 0, 3, 0, -0.5, 0, 4, 0, 0, 2, 5, 0, 0, 0, 1});
    CHECK(*volume.spacing_ijk_mm == std::array<double, 3>{0.25, 0.5, 2});
  }
}

TEST_CASE("dicom series: gantry tilt stays in the affine as a shear") {
  std::vector<Instance> instances;
  for (int i = 0; i < 8; ++i) instances.push_back(slice(i, {0, 0.7 * i, 2.0 * i}));
  const Grouping grouping = dicom::group_series(instances);
  REQUIRE(grouping.volumes.size() == 1);
  const SeriesVolume& volume = grouping.volumes.front();
  CHECK(volume.has(ProblemKind::gantry_tilt));
  CHECK(volume.problems.size() == 1);
  REQUIRE(volume.affine);
  // Every slice's own position comes out of the affine.
  for (int k = 0; k < 8; ++k) {
    const Affine& affine = *volume.affine;
    CHECK(affine[2] * k + affine[3] == doctest::Approx(0));
    CHECK(affine[6] * k + affine[7] == doctest::Approx(-0.7 * k));
    CHECK(affine[10] * k + affine[11] == doctest::Approx(2.0 * k));
  }
}

TEST_CASE("dicom series: a missing slice is found and leaves no affine") {
  std::vector<Instance> instances = stack(9);
  instances.erase(instances.begin() + 4);
  const Grouping grouping = dicom::group_series(instances);
  REQUIRE(grouping.volumes.size() == 1);
  const SeriesVolume& volume = grouping.volumes.front();
  CHECK(volume.has(ProblemKind::missing_slices));
  CHECK(!volume.affine);
  CHECK((*volume.spacing_ijk_mm)[2] == 2);
  CHECK(volume.problems.front().message.find("1 slices are missing") == 0);
}

TEST_CASE("dicom series: irregular steps are found, noise is not") {
  std::vector<Instance> instances = stack(6);
  (*instances[3].first.position)[2] += 0.02;
  CHECK(dicom::group_series(instances).volumes.front().problems.empty());
  (*instances[3].first.position)[2] += 0.7;
  const Grouping grouping = dicom::group_series(instances);
  CHECK(grouping.volumes.front().has(ProblemKind::irregular_spacing));
  CHECK(!grouping.volumes.front().affine);
  // A slice that lies aside of the line of the others.
  instances = stack(6);
  (*instances[2].first.position)[0] += 1;
  CHECK(dicom::group_series(instances).volumes.front().has(ProblemKind::irregular_spacing));
}

TEST_CASE("dicom series: duplicates are named and left out, repeats become volumes") {
  std::vector<Instance> instances = stack(5);
  instances.push_back(slice(40, {-3, -4, 9}));  // the place of number 2
  instances.push_back(instances[1]);            // the same instance again
  Grouping grouping = dicom::group_series(instances);
  REQUIRE(grouping.volumes.size() == 1);
  CHECK(grouping.volumes.front().has(ProblemKind::duplicate_position));
  CHECK(grouping.volumes.front().has(ProblemKind::duplicate_instance));
  CHECK(grouping.volumes.front().size_ijk[2] == 5);
  REQUIRE(grouping.left_out.size() == 2);

  instances.clear();
  for (int echo = 0; echo < 3; ++echo) {
    for (int i = 0; i < 4; ++i) {
      instances.push_back(slice(100 - (echo * 4 + i), {0, 0, 3.0 * i}));
      instances.back().echo_time_ms = 10.0 * (3 - echo);
    }
  }
  grouping = dicom::group_series(instances);
  REQUIRE(grouping.volumes.size() == 3);
  CHECK(grouping.left_out.empty());
  for (std::size_t repeat = 0; repeat < 3; ++repeat) {
    const SeriesVolume& volume = grouping.volumes[repeat];
    CHECK(volume.repeat == repeat);
    CHECK(volume.repeats == 3);
    CHECK(volume.has(ProblemKind::repeated_positions));
    for (const dicom::Slice& each : volume.slices) {
      CHECK(instances[each.instance].echo_time_ms == 10.0 * static_cast<double>(repeat + 1));
    }
  }
}

TEST_CASE("dicom series: localizers, other shapes and other series are kept apart") {
  std::vector<Instance> instances = stack(6);
  instances.push_back(slice(50, {0, 0, 0}, kSagittal));
  instances.push_back(slice(51, {9, 0, 0}, kSagittal));
  instances.push_back(slice(52, {0, 0, 500}));
  instances.back().rows = 99;
  instances.push_back(slice(53, {0, 0, 0}));
  instances.back().series_instance_uid = "1.9";
  instances.push_back(slice(54, {0, 0, 0}));
  instances.back().image_type = {"ORIGINAL", "PRIMARY", "M", "MOSAIC"};
  instances.push_back(slice(55, {0, 0, 0}));
  instances.back().has_pixels = false;
  instances.push_back(slice(56, {0, 0, 0}));
  instances.back().frames = 2'000'000'000;
  shuffle(instances, 3);
  const Grouping grouping = dicom::group_series(instances);
  REQUIRE(grouping.volumes.size() == 4);
  CHECK(grouping.volumes[0].size_ijk[2] == 6);
  CHECK(grouping.volumes[0].has(ProblemKind::mixed_orientations));
  CHECK(grouping.volumes[0].affine.has_value());
  CHECK(grouping.volumes[1].size_ijk[2] == 2);
  CHECK(grouping.volumes[2].size_ijk[1] == 99);
  CHECK(grouping.volumes[2].has(ProblemKind::mixed_shapes));
  CHECK(grouping.volumes[2].has(ProblemKind::one_slice));
  CHECK(grouping.volumes[3].series_instance_uid == "1.9");
  CHECK(!grouping.volumes[3].has(ProblemKind::mixed_orientations));
  REQUIRE(grouping.left_out.size() == 3);
  const auto has_reason = [&](const std::string& words) {
    return std::any_of(
        grouping.left_out.begin(), grouping.left_out.end(),
        [&](const dicom::LeftOut& each) { return each.reason.find(words) != std::string::npos; });
  };
  CHECK(has_reason("mosaic"));
  CHECK(has_reason("no pixels"));
  CHECK(has_reason("2000000000 frames"));
}

TEST_CASE("dicom series: frames of a multiframe instance make a volume by their own places") {
  Instance instance = slice(1, {0, 0, 0});
  instance.frames = 6;
  instance.first.position.reset();
  const int order[] = {3, 0, 5, 1, 4, 2};
  for (const int k : order) {
    dicom::Frame frame = instance.first;
    frame.position = {1, 2, 1.5 * k};
    instance.frame_list.push_back(frame);
  }
  const Grouping grouping = dicom::group_series({instance});
  REQUIRE(grouping.volumes.size() == 1);
  const SeriesVolume& volume = grouping.volumes.front();
  CHECK(volume.problems.empty());
  for (std::uint32_t k = 0; k < 6; ++k) CHECK(order[volume.slices[k].frame] == static_cast<int>(k));
  CHECK((*volume.affine)[10] == doctest::Approx(1.5));
}

TEST_CASE("dicom series: slices without a place are kept in their order, and it is said") {
  std::vector<Instance> instances = stack(3);
  for (Instance& instance : instances) instance.first.position.reset();
  shuffle(instances, 1);
  const Grouping grouping = dicom::group_series(instances);
  REQUIRE(grouping.volumes.size() == 1);
  CHECK(grouping.volumes.front().has(ProblemKind::no_position));
  CHECK(!grouping.volumes.front().affine);
  for (std::size_t k = 0; k < 3; ++k) {
    CHECK(instances[grouping.volumes.front().slices[k].instance].instance_number ==
          static_cast<std::int64_t>(k));
  }
}

namespace {

std::vector<std::byte> bytes_in(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  std::vector<std::byte> bytes(text.size());
  std::memcpy(bytes.data(), text.data(), text.size());
  return bytes;
}

// Every .dcm of a folder as volumes N.volume: a line of numbers, then f64 values [k][j][i].
int write_volumes(const std::filesystem::path& folder, const std::filesystem::path& out,
                  const std::string& name) {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  std::vector<std::vector<std::byte>> files;
  std::vector<Instance> instances;
  for (const auto& path : paths) {
    files.push_back(bytes_in(path));
    instances.push_back(dicom::read_header(files.back(), path.filename().string()));
  }
  const Grouping grouping = dicom::group_series(instances);
  CHECK(grouping.left_out.empty());
  int count = 0;
  for (const SeriesVolume& volume : grouping.volumes) {
    std::ofstream file(out / fmt::format("{}_{}.volume", name, count++), std::ios::binary);
    REQUIRE(volume.affine);
    for (const std::uint32_t size : volume.size_ijk) file << size << ' ';
    for (const double value : *volume.affine) file << fmt::format("{} ", value);
    file << '\n';
    for (const dicom::Slice& each : volume.slices) {
      const dicom::File opened(files[each.instance], "slice");
      const dicom::Frame& frame = opened.instance().frame(each.frame);
      const Image image = opened.decode(each.frame);
      const Array array{element_type_of(image.shape.pixel_type),
                        {image.shape.height, image.shape.width},
                        image.image_hwc};
      for (std::uint64_t i = 0; i < array.elements(); ++i) {
        const double value = frame.slope * element_at(array, i) + frame.intercept;
        file.write(reinterpret_cast<const char*>(&value), sizeof value);
      }
    }
  }
  return count;
}

}  // namespace

TEST_CASE("dicom series: real series give the NIfTI volumes that lie beside them") {
  SLICEBANK_SHARED_OR_SKIP(data, "dicom2nifti");
  const std::string python = testing::python_with("numpy, nibabel");
  if (python.empty()) return;
  const testing::TempDir folder;
  std::ofstream list(folder / "list.txt");
  for (const char* name : {"generic/anatomical/001", "generic/compressed_rle/001",
                           "generic/compressed_jpegls/001", "hitachi/anatomical/001"}) {
    std::string stem = name;
    std::replace(stem.begin(), stem.end(), '/', '_');
    CHECK(write_volumes(data / name, folder.path(), stem) == 1);
    list << (folder / (stem + "_0.volume")).string() << '\t'
         << (data / (std::string(name) + "_ground_truth.nii.gz")).string() << '\n';
  }
  list.close();
  CHECK(testing::run_oracle(python, "dicom_volume_oracle.py", folder.path()));
}

TEST_CASE("dicom series: the multiframe twin of a series is the same volume") {
  SLICEBANK_SHARED_OR_SKIP(data, "dcmqi/23x38x3");
  const testing::TempDir folder;
  CHECK(write_volumes(data / "image", folder.path(), "single") == 1);
  CHECK(write_volumes(data / "multiframe", folder.path(), "multi") == 1);
  const std::vector<std::byte> single = bytes_in(folder / "single_0.volume");
  CHECK(single.size() > 38 * 23 * 3 * 8);
  CHECK((single == bytes_in(folder / "multi_0.volume")));
}

TEST_CASE("dicom series: an oblique series of three slices is in order") {
  SLICEBANK_SHARED_OR_SKIP(data, "rt-utils/oriented_data");
  std::vector<Instance> instances;
  for (const char* name : {"2.dcm", "0.dcm", "1.dcm"}) {
    instances.push_back(dicom::read_header(bytes_in(data / name), name));
  }
  const Grouping grouping = dicom::group_series(instances);
  REQUIRE(grouping.volumes.size() == 1);
  const SeriesVolume& volume = grouping.volumes.front();
  CHECK(volume.size_ijk[2] == 3);
  REQUIRE(volume.affine);
  // The affine leads to each slice's own position.
  for (std::size_t k = 0; k < 3; ++k) {
    const auto& position = *volume.slices[k].position_lps;
    for (std::size_t row = 0; row < 3; ++row) {
      const double there =
          (*volume.affine)[row * 4 + 2] * static_cast<double>(k) + (*volume.affine)[row * 4 + 3];
      CHECK(there == doctest::Approx(row < 2 ? -position[row] : position[row]).epsilon(1e-4));
    }
  }
}

}  // namespace slicebank
