#include "formats/dicom_seg.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>

#include "schema/error.h"
#include "tests/formats/python_oracle.h"
#include "tests/support/shared_data.h"
#include "tests/support/temp_dir.h"

namespace slicebank {
namespace {

using dicom::Instance;
using dicom::ProblemKind;
using dicom::Segment;
using dicom::Segmentation;
using dicom::SegmentationToWrite;

std::vector<std::byte> bytes_in(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  std::vector<std::byte> bytes(text.size());
  std::memcpy(bytes.data(), text.data(), text.size());
  return bytes;
}

void write(const std::filesystem::path& path, const std::vector<std::byte>& bytes) {
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
}

std::string masks_of(const Segmentation& seg) {
  std::string text;
  for (const Segment& segment : seg.segments()) {
    const std::vector<std::uint8_t> mask = seg.mask(segment.number);
    text.append(mask.begin(), mask.end());
  }
  return text;
}

// "K rows columns", affine, segments, positions, then all masks.
void dump(const Segmentation& seg, const std::filesystem::path& path) {
  std::ofstream out(path, std::ios::binary);
  out << fmt::format("{} {} {}\n", seg.size_ijk()[2], seg.size_ijk()[1], seg.size_ijk()[0]);
  if (seg.affine()) {
    for (const double value : *seg.affine()) out << fmt::format("{} ", value);
    out << '\n';
  } else {
    out << "-\n";
  }
  for (const Segment& segment : seg.segments()) out << segment.number << ' ';
  out << '\n';
  if (seg.planes().front().position_lps) {
    for (const dicom::SegmentationPlane& plane : seg.planes()) {
      for (const double value : *plane.position_lps) out << fmt::format("{} ", value);
    }
    out << '\n';
  } else {
    out << "-\n";
  }
  out << masks_of(seg);
}

// A stack of five slices of 10 x 12, sheared.
std::vector<Instance> stack() {
  std::vector<Instance> instances;
  for (int i = 0; i < 5; ++i) {
    Instance instance;
    instance.study_instance_uid = "1.1";
    instance.series_instance_uid = "1.2";
    instance.frame_of_reference_uid = "1.3";
    instance.sop_class_uid = "1.2.840.10008.5.1.4.1.1.2";
    instance.sop_instance_uid = fmt::format("1.2.{}", i);
    instance.patient_id = "päd 7";
    instance.modality = "CT";
    instance.rows = 11;
    instance.columns = 13;
    instance.frames = 1;
    instance.samples = 1;
    instance.has_pixels = true;
    instance.first.position = {-3, -4 + 0.25 * i, 5 + 1.5 * i};
    instance.first.orientation = {1, 0, 0, 0, 1, 0};
    instance.first.spacing_yx = {0.5, 0.25};
    instances.push_back(instance);
  }
  return instances;
}

Segment named(std::uint32_t number) {
  return {number,
          fmt::format("Läsion {}", number),
          {"49755003", "SCT", "Morphologically Abnormal Structure"},
          {fmt::format("{}", 4147007 + number), "SCT", "Mass"},
          number == 1 ? "MANUAL" : "AUTOMATIC",
          number == 1 ? "" : "net"};
}

SegmentationToWrite random_seg(std::uint64_t seed) {
  const std::vector<Instance> instances = stack();
  const dicom::Grouping grouping = dicom::group_series(instances);
  SegmentationToWrite seg = dicom::seg_on(grouping.volumes.front(), instances);
  std::mt19937_64 random(seed);
  const std::uint64_t segments = 1 + random() % 4;
  for (std::uint32_t number = 1; number <= segments; ++number) {
    seg.segments.push_back(named(number));
    std::vector<std::uint8_t> mask(5 * 11 * 13);
    for (std::size_t k = 0; k < 5; ++k) {
      if (random() % 3 == 0 && k != 1) continue;
      for (std::size_t i = 0; i < 11 * 13; ++i) {
        mask[k * 11 * 13 + i] = random() % 100 < 15 ? 1 : 0;
      }
    }
    seg.masks_kji.push_back(std::move(mask));
  }
  return seg;
}

ErrorCode code_of(const auto& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.code();
  }
  return ErrorCode{};
}

}  // namespace

TEST_CASE("dicom seg: real segmentations are as pydicom and the NRRD beside them have them") {
  SLICEBANK_SHARED_OR_SKIP(data, "dcmqi");
  const std::string python = testing::python_with("numpy, pydicom");
  if (python.empty()) return;
  const testing::TempDir folder;
  const std::filesystem::path root = data.parent_path();
  std::ofstream list(folder / "list.txt");
  int number = 0;
  const std::vector<std::pair<std::string, std::string>> files = {
      {"dcmqi/liver.dcm", "dcmqi/liver_seg.nrrd"},
      {"dcmqi/23x38x3/seg/label.seg", "dcmqi/23x38x3/nrrd/label.nrrd"},
      {"dcmqi/sparse-labelmap-noppv.dcm", "dcmqi/sparse_labelmap_noppv_seg.nrrd"},
      {"highdicom/seg_image_ct_binary.dcm", ""},
      {"highdicom/seg_image_ct_binary_single_frame.dcm", ""},
      {"highdicom/seg_image_ct_true_fractional.dcm", ""},
      {"highdicom/seg_image_sm_control.dcm", ""},
      {"highdicom/seg_image_sm_control_labelmap.dcm", ""}};
  for (const auto& pair : files) {
    const std::string& seg = pair.first;
    const std::string& nrrd = pair.second;
    CAPTURE(seg);
    const std::vector<std::byte> bytes = bytes_in(root / seg);
    const Segmentation read(bytes, seg);
    CHECK(!read.segments().empty());
    CHECK(!read.segments().front().label.empty());
    CHECK(!read.segments().front().type.value.empty());
    CHECK(!read.planes().front().sources.empty());
    const std::filesystem::path ours = folder / fmt::format("{}.seg", number++);
    dump(read, ours);
    list << "read\t" << ours.string() << '\t' << (root / seg).string() << '\t'
         << (nrrd.empty() ? "-" : (root / nrrd).string()) << '\n';
  }
  list.close();
  CHECK(testing::run_oracle(python, "dicom_seg_oracle.py", folder.path()));
}

TEST_CASE("dicom seg: packed, RLE and deflated copies hold the same masks") {
  SLICEBANK_SHARED_OR_SKIP(data, "pydicom-data");
  const std::filesystem::path root = data.parent_path();
  const std::vector<std::byte> plain = bytes_in(root / "dcmqi/liver.dcm");
  const std::string expected = masks_of(Segmentation(plain, "plain"));
  CHECK(std::count(expected.begin(), expected.end(), '\1') > 1000);
  for (const char* name : {"liver_rle.dcm", "liver_deflate.dcm"}) {
    const std::vector<std::byte> bytes = bytes_in(data / name);
    CHECK((masks_of(Segmentation(bytes, name)) == expected));
  }
  // The first frame alone, with the groups of all three left in: it has no place.
  const std::vector<std::byte> one = bytes_in(root / "pydicom/liver_1frame.dcm");
  const Segmentation first(one, "one");
  CHECK((masks_of(first) == expected.substr(0, 512 * 512)));
  CHECK(first.problems().front().kind == ProblemKind::no_position);
}

TEST_CASE("dicom seg: sparse, shuffled, overlapping and packed frames find their places") {
  const std::string python = testing::python_with("numpy, pydicom");
  if (python.empty()) return;
  const testing::TempDir folder;
  REQUIRE(testing::run_oracle(python, "dicom_seg_synthetic.py", folder.path()));
  std::vector<Instance> sources;
  for (int i = 0; i < 6; ++i) {
    Instance source;
    source.sop_instance_uid = fmt::format("1.2.100.{}", i);
    source.first.position = {1.5, -2 + 0.4 * i, 30 + 2.5 * i};
    source.first.orientation = {1, 0, 0, 0, 1, 0};
    sources.push_back(source);
  }
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
    if (entry.path().extension() != ".dcm") continue;
    const std::string stem = entry.path().stem().string();
    CAPTURE(stem);
    const std::vector<std::byte> bytes = bytes_in(entry.path());
    const Segmentation seg(bytes, stem, sources);
    std::string ours =
        fmt::format("{} {} {}", seg.size_ijk()[2], seg.size_ijk()[1], seg.size_ijk()[0]);
    for (const Segment& segment : seg.segments()) ours += fmt::format(" {}", segment.number);
    ours += '\n' + masks_of(seg);
    std::ifstream file(folder / (stem + ".expected"), std::ios::binary);
    const std::string expected{std::istreambuf_iterator<char>(file), {}};
    CHECK(ours.substr(0, ours.find('\n')) == expected.substr(0, expected.find('\n')));
    CHECK((ours == expected));
    CHECK(seg.problems().empty());
    REQUIRE(seg.affine());
    CHECK((*seg.affine())[0] == doctest::Approx(-0.75));
    CHECK((*seg.affine())[6] == doctest::Approx(-0.4));
    CHECK((*seg.affine())[10] == doctest::Approx(2.5));
    CHECK(seg.segments().front().label.rfind("Größe ", 0) == 0);
    CHECK(seg.segments().front().type.scheme == "SRT");
    for (std::uint32_t k = 0; k < seg.planes().size(); ++k) {
      for (const dicom::Source& source : seg.planes()[k].sources) {
        CHECK(source.sop_instance_uid == fmt::format("1.2.100.{}", k));
      }
    }
    ++count;
  }
  CHECK(count == 7);
  // Without the images' headers there is no place, and it is said.
  const std::vector<std::byte> bytes = bytes_in(folder / "by_source.dcm");
  const Segmentation alone(bytes, "alone");
  CHECK(!alone.affine());
  CHECK(alone.problems().front().kind == ProblemKind::no_position);
  CHECK(alone.size_ijk()[2] == 5);
  const std::vector<std::byte> fractional = bytes_in(folder / "fractional.dcm");
  const Segmentation values(fractional, "values");
  CHECK(values.maximum_fractional_value() == 200);
  CHECK(values.plane_values(1, 0)[0] == 99);
  CHECK(values.plane_mask(1, 0)[0] == 0);
  CHECK(values.plane_mask(1, 0)[1] == 1);
  const std::vector<std::byte> overlapping = bytes_in(folder / "overlap.dcm");
  CHECK(Segmentation(overlapping, "o").overlap() == true);
  CHECK(!alone.overlap());
  CHECK(code_of([&] { alone.mask(4); }) == ErrorCode::bad_argument);
}

TEST_CASE("dicom seg: what is written is what is read, here and by pydicom") {
  const testing::TempDir folder;
  std::ofstream list(folder / "list.txt");
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    CAPTURE(seed);
    SegmentationToWrite seg = random_seg(seed);
    if (seed == 5) {
      for (auto& mask : seg.masks_kji) std::fill(mask.begin(), mask.end(), std::uint8_t{0});
    }
    const std::vector<std::byte> bytes = dicom::encode_seg(seg);
    CHECK(bytes == dicom::encode_seg(seg));
    const Segmentation read(bytes, "written");
    CHECK(read.segments() == seg.segments);
    CHECK(read.instance().patient_id == "päd 7");
    CHECK(read.instance().frame_of_reference_uid == "1.3");
    std::string expected = fmt::format("5 11 13");
    for (const Segment& segment : seg.segments) expected += fmt::format(" {}", segment.number);
    expected += '\n';
    for (std::size_t i = 0; i < seg.segments.size(); ++i) {
      expected.append(seg.masks_kji[i].begin(), seg.masks_kji[i].end());
      // Planes at either end that no segment touches are not in the file.
      std::vector<std::uint8_t> all(seg.masks_kji[i].size());
      const std::vector<std::uint8_t> mask = read.mask(seg.segments[i].number);
      const double first = (*read.planes().front().position_lps)[2];
      const auto skipped = static_cast<std::size_t>((first - 5) / 1.5 + 0.5) * 11 * 13;
      REQUIRE(skipped + mask.size() <= all.size());
      std::copy(mask.begin(), mask.end(), all.begin() + static_cast<std::ptrdiff_t>(skipped));
      CHECK((all == seg.masks_kji[i]));
    }
    const std::filesystem::path path = folder / fmt::format("{}.dcm", seed);
    write(path, bytes);
    std::ofstream(folder / fmt::format("{}.expected", seed), std::ios::binary) << expected;
    list << "written\t" << path.string() << '\t'
         << (folder / fmt::format("{}.expected", seed)).string() << '\n';
  }
  list.close();
  const std::string python = testing::python_with("numpy, pydicom");
  if (python.empty()) return;
  CHECK(testing::run_oracle(python, "dicom_seg_oracle.py", folder.path()));
}

TEST_CASE("dicom seg: what cannot be written is refused") {
  const SegmentationToWrite good = random_seg(1);
  const auto refused = [](const SegmentationToWrite& seg) {
    return code_of([&] { dicom::encode_seg(seg); }) == ErrorCode::bad_argument;
  };
  SegmentationToWrite seg = good;
  seg.segments[0].number = 2;
  CHECK(refused(seg));
  seg = good;
  seg.segments[0].type.value.clear();
  CHECK(refused(seg));
  seg = good;
  seg.masks_kji[0].pop_back();
  CHECK(refused(seg));
  seg = good;
  seg.masks_kji.clear();
  CHECK(refused(seg));
  seg = good;
  seg.sources.pop_back();
  CHECK(refused(seg));
  seg = good;
  seg.frame_of_reference_uid.clear();
  CHECK(refused(seg));
  CHECK(!refused(good));
}

TEST_CASE("dicom seg: a cut segmentation is an error") {
  const std::vector<std::byte> whole = dicom::encode_seg(random_seg(2));
  for (std::size_t cut = 0; cut + 1 < whole.size(); cut += 3) {
    CAPTURE(cut);
    const std::vector<std::byte> bytes(whole.begin(),
                                       whole.begin() + static_cast<std::ptrdiff_t>(cut));
    CHECK(code_of([&] { Segmentation(bytes, "cut"); }) == ErrorCode::bad_format);
  }
}

TEST_CASE("dicom seg: an image is no segmentation") {
  SLICEBANK_SHARED_OR_SKIP(data, "pydicom/MR_small.dcm");
  const std::vector<std::byte> bytes = bytes_in(data);
  CHECK(code_of([&] { Segmentation(bytes, "mr"); }) == ErrorCode::bad_format);
}

}  // namespace slicebank
