#include "formats/rtstruct.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <numeric>
#include <random>

#include "formats/internal/dicom_writer.h"
#include "schema/error.h"
#include "tests/formats/python_oracle.h"
#include "tests/support/shared_data.h"
#include "tests/support/temp_dir.h"

namespace slicebank {
namespace {

using dicom::Instance;
using dicom::RoiMask;
using dicom::SeriesVolume;
using dicom::StructureSet;
using dicom::internal::Writer;
namespace tag = dicom::internal::tag;

using Point = std::array<double, 2>;

constexpr std::uint32_t kRows = 40;
constexpr std::uint32_t kColumns = 50;
constexpr std::uint32_t kSlices = 6;

std::vector<std::byte> bytes_in(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  std::vector<std::byte> bytes(text.size());
  std::memcpy(bytes.data(), text.data(), text.size());
  return bytes;
}

// An oblique stack: turned about x by 30 degrees, pixels not square.
SeriesVolume oblique() {
  const double c = std::sqrt(0.75);
  std::vector<Instance> instances;
  for (std::uint32_t k = 0; k < kSlices; ++k) {
    Instance instance;
    instance.series_instance_uid = "1.2";
    instance.sop_instance_uid = fmt::format("1.2.{}", k);
    instance.rows = kRows;
    instance.columns = kColumns;
    instance.frames = 1;
    instance.samples = 1;
    instance.has_pixels = true;
    instance.first.position = {-20, 7 - 0.5 * 3 * k, 11 + c * 3 * k};
    instance.first.orientation = {1, 0, 0, 0, c, 0.5};
    instance.first.spacing_yx = {0.8, 0.6};
    instances.push_back(instance);
  }
  const dicom::Grouping grouping = dicom::group_series(instances);
  REQUIRE(grouping.volumes.size() == 1);
  REQUIRE(grouping.volumes.front().affine);
  return grouping.volumes.front();
}

struct Drawn {
  double slice = 0;  // in slices; fractions lie between two
  std::vector<Point> points_xy;
  std::string type = "CLOSED_PLANAR";
};

struct Region {
  int number = 1;
  std::string name;
  std::vector<Drawn> outlines;
};

std::array<double, 3> place_of(const SeriesVolume& volume, Point pixel, double slice) {
  const Affine& affine = *volume.affine;
  std::array<double, 3> place = {};
  for (std::size_t row = 0; row < 3; ++row) {
    const double ras = affine[row * 4] * pixel[0] + affine[row * 4 + 1] * pixel[1] +
                       affine[row * 4 + 2] * slice + affine[row * 4 + 3];
    place[row] = row < 2 ? -ras : ras;
  }
  return place;
}

std::vector<std::byte> structure_set(const SeriesVolume& volume,
                                     const std::vector<Region>& regions) {
  Writer data;
  data.text(tag::kSpecificCharacterSet, "CS", "ISO_IR 192");
  data.text(tag::kSopClassUid, "UI", dicom::kStructureSetStorage);
  data.text(tag::kSopInstanceUid, "UI", "1.2.99");
  data.text(tag::kModality, "CS", "RTSTRUCT");
  std::vector<Writer> rois;
  std::vector<Writer> contours_of_rois;
  for (const Region& region : regions) {
    Writer roi;
    roi.text(tag::kRoiNumber, "IS", fmt::format("{}", region.number));
    roi.text(tag::kReferencedFrameOfReferenceUid, "UI", "1.3");
    roi.text(tag::kRoiName, "LO", region.name);
    rois.push_back(roi);
    std::vector<Writer> contours;
    for (const Drawn& drawn : region.outlines) {
      std::string numbers;
      for (const Point& point : drawn.points_xy) {
        for (const double value : place_of(volume, point, drawn.slice)) {
          numbers += fmt::format("{}{:.10f}", numbers.empty() ? "" : "\\", value);
        }
      }
      Writer contour;
      contour.text(tag::kContourGeometricType, "CS", drawn.type);
      contour.text(tag::kNumberOfContourPoints, "IS", fmt::format("{}", drawn.points_xy.size()));
      contour.text(tag::kContourData, "DS", numbers);
      contours.push_back(contour);
    }
    Writer of_roi;
    if (!contours.empty()) of_roi.sequence(tag::kContourSequence, contours);
    of_roi.text(tag::kReferencedRoiNumber, "IS", fmt::format("{}", region.number));
    contours_of_rois.push_back(of_roi);
  }
  data.sequence(tag::kStructureSetRoiSequence, rois);
  data.sequence(tag::kRoiContourSequence, contours_of_rois);
  return dicom::internal::file_of(dicom::kStructureSetStorage, "1.2.99", data);
}

std::vector<std::uint8_t> whole_mask(const RoiMask& mask, const SeriesVolume& volume) {
  const std::size_t plane = std::size_t{volume.size_ijk[0]} * volume.size_ijk[1];
  std::vector<std::uint8_t> all(plane * volume.size_ijk[2]);
  for (const auto& [k, mask_hw] : mask.mask_hw_of_slice) {
    std::copy(mask_hw.begin(), mask_hw.end(), all.begin() + static_cast<std::ptrdiff_t>(k * plane));
  }
  return all;
}

void dump(const std::vector<std::uint8_t>& mask, const SeriesVolume& volume,
          const std::filesystem::path& path) {
  std::ofstream out(path, std::ios::binary);
  out << fmt::format("{} {} {}\n", volume.size_ijk[2], volume.size_ijk[1], volume.size_ijk[0]);
  for (const double value : *volume.affine) out << fmt::format("{} ", value);
  out << '\n';
  out.write(reinterpret_cast<const char*>(mask.data()), static_cast<std::streamsize>(mask.size()));
}

std::vector<Point> random_polygon(std::mt19937_64& random, std::size_t corners) {
  const auto below = [&](double bound) {
    return static_cast<double>(random() >> 11) * 0x1p-53 * bound;
  };
  std::vector<Point> points;
  for (std::size_t i = 0; i < corners; ++i) points.push_back({below(60) - 5, below(50) - 5});
  return points;
}

std::vector<Point> box(double x0, double y0, double x1, double y1) {
  return {{x0, y0}, {x1, y0}, {x1, y1}, {x0, y1}};
}

int area(const RoiMask& mask, std::uint32_t slice) {
  const auto found = mask.mask_hw_of_slice.find(slice);
  if (found == mask.mask_hw_of_slice.end()) return 0;
  return std::accumulate(found->second.begin(), found->second.end(), 0);
}

}  // namespace

TEST_CASE("rtstruct: random outlines on an oblique volume fill as an even-odd ray counts") {
  const std::string python = testing::python_with("numpy, pydicom");
  if (python.empty()) return;
  const SeriesVolume volume = oblique();
  const testing::TempDir folder;
  std::mt19937_64 random(11);
  std::vector<Region> regions;
  for (int number = 1; number <= 12; ++number) {
    Region region{number, fmt::format("Región {}", number), {}};
    const std::size_t outlines = 1 + random() % 8;
    for (std::size_t i = 0; i < outlines; ++i) {
      region.outlines.push_back(
          {static_cast<double>(random() % kSlices), random_polygon(random, 3 + random() % 12)});
    }
    // Whole and half numbers: corners on centres, edges along rows and columns.
    region.outlines.push_back({0, box(number, 2, number + 9, 12)});
    region.outlines.push_back({5, box(number + 0.5, 2.5, number + 9.5, 12.5)});
    regions.push_back(region);
  }
  const std::filesystem::path path = folder / "rt.dcm";
  const std::vector<std::byte> bytes = structure_set(volume, regions);
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
  const StructureSet set = dicom::read_structure_set(bytes, "rt");
  REQUIRE(set.rois.size() == regions.size());
  CHECK(set.problems.empty());
  CHECK(set.frame_of_reference_uid == "1.3");
  std::ofstream list(folder / "list.txt");
  for (const dicom::Roi& roi : set.rois) {
    CHECK(roi.name == fmt::format("Región {}", roi.number));
    const RoiMask mask = dicom::rasterise(roi, volume);
    CHECK(mask.problems.empty());
    const std::filesystem::path ours = folder / fmt::format("{}.mask", roi.number);
    dump(whole_mask(mask, volume), volume, ours);
    list << ours.string() << '\t' << path.string() << '\t' << roi.number << '\n';
  }
  list.close();
  CHECK(testing::run_oracle(python, "rtstruct_oracle.py", folder.path()));
}

TEST_CASE("rtstruct: real outlines with a hole fill as an even-odd ray counts") {
  SLICEBANK_SHARED_OR_SKIP(data, "rt-utils/mock_data");
  const std::string python = testing::python_with("numpy, pydicom");
  if (python.empty()) return;
  std::vector<Instance> instances;
  for (const char* name : {"ct_2.dcm", "ct_1.dcm"}) {
    instances.push_back(dicom::read_header(bytes_in(data / name), name));
  }
  const dicom::Grouping grouping = dicom::group_series(instances);
  REQUIRE(grouping.volumes.size() == 1);
  const SeriesVolume& volume = grouping.volumes.front();
  REQUIRE(volume.affine);
  const StructureSet set = dicom::read_structure_set(bytes_in(data / "rt.dcm"), "rt.dcm");
  REQUIRE(set.rois.size() == 1);
  CHECK(set.rois.front().name == "ROI-1");
  CHECK(set.problems.empty());
  REQUIRE(!set.series_uids.empty());
  CHECK(set.series_uids.front() == volume.series_instance_uid);
  const RoiMask mask = dicom::rasterise(set.rois.front(), volume);
  CHECK(mask.problems.empty());
  const testing::TempDir folder;
  dump(whole_mask(mask, volume), volume, folder / "real.mask");
  std::ofstream list(folder / "list.txt");
  list << (folder / "real.mask").string() << '\t' << (data / "rt.dcm").string() << "\t1\n";
  list.close();
  CHECK(testing::run_oracle(python, "rtstruct_oracle.py", folder.path()));
}

TEST_CASE("rtstruct: holes may be outlines of their own or tied on by a key-hole") {
  const SeriesVolume volume = oblique();
  const std::vector<Point> outer = box(4.5, 4.5, 24.5, 24.5);
  const std::vector<Point> hole = box(10.5, 10.5, 15.5, 15.5);
  std::vector<Point> key_hole = {{4.5, 4.5},   {24.5, 4.5},   {24.5, 24.5},  {4.5, 24.5},
                                 {4.5, 12.25}, {10.5, 12.25}, {10.5, 15.5},  {15.5, 15.5},
                                 {15.5, 10.5}, {10.5, 10.5},  {10.5, 12.25}, {4.5, 12.25}};
  const std::vector<std::byte> bytes =
      structure_set(volume, {{1, "a", {{1, outer}, {1, hole}}}, {2, "b", {{1, key_hole}}}});
  const StructureSet set = dicom::read_structure_set(bytes, "rt");
  const RoiMask own = dicom::rasterise(set.rois[0], volume);
  const RoiMask tied = dicom::rasterise(set.rois[1], volume);
  CHECK(area(own, 1) == 20 * 20 - 5 * 5);
  CHECK(own.mask_hw_of_slice == tied.mask_hw_of_slice);
}

TEST_CASE("rtstruct: an outline through the centres of border voxels gives them all back") {
  const SeriesVolume volume = oblique();
  // As findContours walks round a mask of 8 x 6 voxels with a hole of 2 x 2: the outline of
  // the hole runs through the voxels around it. And a region of one voxel: one point.
  const std::vector<std::byte> bytes = structure_set(
      volume, {{1, "a", {{2, box(3, 3, 10, 8)}, {2, box(5, 4, 8, 7)}, {3, {{20, 20}}}}}});
  const StructureSet set = dicom::read_structure_set(bytes, "rt");
  const RoiMask mask = dicom::rasterise(set.rois[0], volume);
  CHECK(area(mask, 2) == 8 * 6 - 2 * 2);
  CHECK(area(mask, 3) == 1);
  CHECK(mask.mask_hw_of_slice.at(3)[20 * kColumns + 20] == 1);
  CHECK(mask.mask_hw_of_slice.at(2)[5 * kColumns + 6] == 0);
}

TEST_CASE("rtstruct: what cannot become a mask is said") {
  const SeriesVolume volume = oblique();
  const std::vector<Point> square = box(3.5, 3.5, 9.5, 9.5);
  std::vector<Region> regions = {
      {1, "points", {{0, {{1, 1}}, "POINT"}, {0, square, "OPEN_PLANAR"}}},
      {2, "empty", {}},
      {3,
       "places",
       {{1, square},
        {1, square},
        {1.4, box(20.5, 20.5, 22.5, 22.5)},
        {-3, square},
        {2, {{1e9, 0}, {1, 1}, {2, 2}}}}}};
  std::vector<std::byte> bytes = structure_set(volume, regions);
  const StructureSet set = dicom::read_structure_set(bytes, "rt");
  REQUIRE(set.rois.size() == 3);
  REQUIRE(set.problems.size() == 4);
  CHECK(set.problems[0].find("POINT") != std::string::npos);
  CHECK(set.problems[1].find("OPEN_PLANAR") != std::string::npos);
  CHECK(set.problems[2].find("'points' has no closed outline") != std::string::npos);
  CHECK(set.problems[3].find("'empty' has no closed outline") != std::string::npos);
  const RoiMask mask = dicom::rasterise(set.rois[2], volume);
  REQUIRE(mask.problems.size() == 3);
  CHECK(mask.problems[0].find("twice") != std::string::npos);
  CHECK(mask.problems[1].find("no slice") != std::string::npos);
  CHECK(mask.problems[2].find("beside") != std::string::npos);
  CHECK(area(mask, 1) == 6 * 6 + 2 * 2);
}

TEST_CASE("rtstruct: real points are listed, outlines kept") {
  SLICEBANK_SHARED_OR_SKIP(data, "pydicom/rtstruct.dcm");
  const StructureSet set = dicom::read_structure_set(bytes_in(data), "rtstruct.dcm");
  REQUIRE(set.rois.size() == 3);
  CHECK(set.rois[0].name == "patient");
  CHECK(set.rois[0].contours.size() == 3);
  CHECK(set.rois[0].contours[0].points_lps.size() == 5);
  CHECK(set.rois[1].contours.empty());
  CHECK(set.problems.size() == 4);
}

TEST_CASE("rtstruct: absurd outlines end at a limit, other files are refused") {
  SeriesVolume volume = oblique();
  volume.size_ijk[0] = 8;
  volume.size_ijk[1] = 65'535;
  dicom::Roi roi{1, "zigzag", {}};
  dicom::Contour contour;
  for (int i = 0; i < 20'000; ++i) {
    contour.points_lps.push_back(
        place_of(volume, {static_cast<double>(i % 7), i % 2 == 0 ? 0.0 : 65'000.0}, 1));
  }
  roi.contours.push_back(contour);
  CHECK_THROWS_WITH_AS(dicom::rasterise(roi, volume),
                       "a region of interest with absurdly long outlines", const Error&);
  SLICEBANK_SHARED_OR_SKIP(data, "pydicom/MR_small.dcm");
  CHECK_THROWS_AS(dicom::read_structure_set(bytes_in(data), "mr"), const Error&);
}

}  // namespace slicebank
