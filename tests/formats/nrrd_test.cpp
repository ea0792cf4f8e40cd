#include "formats/nrrd.h"

#include <map>
#include <random>

#include "formats/gzip.h"
#include "formats/source_tree.h"
#include "python_oracle.h"
#include "tests/support/shared_data.h"
#include "tests/support/temp_dir.h"
#include "volume_cases.h"

namespace slicebank {
namespace {

namespace fs = std::filesystem;
using testing::bytes_of_file;
using testing::VolumeCase;

nrrd::OpenFile opener(const fs::path& header) {
  return [folder = header.parent_path()](const std::string& relative) {
    return SourceTree(folder).read(relative);
  };
}

std::vector<std::byte> file_of(const std::string& header, Bytes data) {
  const Bytes text = std::as_bytes(std::span(header));
  std::vector<std::byte> file(text.begin(), text.end());
  file.insert(file.end(), data.begin(), data.end());
  return file;
}

// As Slicer 5 writes a segmentation of two layers, the list axis first.
std::string segmentation_header(const std::string& encoding) {
  return "NRRD0004\n"
         "# Complete NRRD file format specification at:\n"
         "type: unsigned char\ndimension: 4\nspace: left-posterior-superior\nsizes: 2 4 3 2\n"
         "space directions: none (0.5,0,0) (0,0.5,0) (0,0,3)\n"
         "kinds: list domain domain domain\nencoding: " +
         encoding +
         "\nspace origin: (1,2,3)\n"
         "Segment0_Color:=0.5 0.25 1\nSegment0_ID:=Segment_1\nSegment0_LabelValue:=1\n"
         "Segment0_Layer:=0\nSegment0_Name:=liver\nSegment0_Tags:=a:b|c^d\\nnext|\n"
         "Segment10_ID:=Segment_11\nSegment10_LabelValue:=2\nSegment10_Layer:=0\n"
         "Segment10_Name:=spleen: big\n"
         "Segment2_ID:=Segment_3\nSegment2_LabelValue:=1\nSegment2_Layer:=1\n"
         "Segment2_Name:=tumour\nSegmentation_MasterRepresentation:=Binary labelmap\n\n";
}

std::vector<std::byte> counting(std::size_t size) {
  std::vector<std::byte> bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(i);
  return bytes;
}

bool is_refused(Bytes file, const std::string& name) {
  try {
    nrrd::decode(file, name);
  } catch (const Error& error) {
    return std::string(error.what()).starts_with(name + ": ");
  }
  return false;
}

}  // namespace

TEST_CASE("nrrd: synthetic files of every kind read as they were meant") {
  const std::string python = testing::python_with("numpy");
  if (python.empty()) return;
  const testing::TempDir folder;
  REQUIRE(testing::run_oracle(python, "volume_oracle.py nrrd", folder.path()));

  const std::vector<VolumeCase> cases = testing::volume_cases(folder.path());

  CHECK(cases.size() > 190);
  for (const VolumeCase& one : cases) {
    const fs::path path = folder / one.file;
    testing::check_case(one, folder.path(), [&] {
      const std::vector<std::byte> file = bytes_of_file(path);
      nrrd::Decoded decoded = nrrd::decode(file, one.file, opener(path));
      const nrrd::Decoded scanned = nrrd::scan(file, one.file);
      CHECK(scanned.volume.voxels.empty());
      testing::check_header(scanned.volume, one);
      CHECK(nrrd::is_nrrd(file));
      return decoded.volume;
    });
  }
}

TEST_CASE("nrrd: every file of the shared data reads as a reader of its own reads it") {
  SLICEBANK_SHARED_OR_SKIP(readme, "README.md");
  const fs::path data = fs::canonical(readme).parent_path();
  const std::string python = testing::python_with("numpy");
  if (python.empty()) return;
  const testing::TempDir folder;
  REQUIRE(testing::run_oracle(python, "volume_oracle.py shared '" + data.string() + "'",
                              folder.path()));
  std::map<std::string, VolumeCase> cases;
  for (const VolumeCase& one : testing::volume_cases(folder.path())) cases[one.file] = one;

  std::size_t decoded = 0;
  for (const fs::path& path : testing::files_ending(data, {".nrrd", ".nhdr"})) {
    CAPTURE(path.string());
    REQUIRE(cases.contains(path.string()));
    testing::check_case(cases[path.string()], folder.path(), [&] {
      return nrrd::decode(bytes_of_file(path), "x", opener(path)).volume;
    });
    ++decoded;
  }
  CHECK(decoded >= 12);
}

TEST_CASE("nrrd: a Slicer segmentation gives its layers and its segments") {
  const std::vector<std::byte> data = counting(2 * 4 * 3 * 2);
  for (const std::string encoding : {"raw", "gzip"}) {
    const std::vector<std::byte> stored = encoding == "raw" ? data : gzip::compress(data);

    const nrrd::Decoded decoded =
        nrrd::decode(file_of(segmentation_header(encoding), stored), "x.seg.nrrd");

    const Volume& volume = decoded.volume;
    CHECK(volume.size_ijk == std::array<std::uint32_t, 3>{4, 3, 2});
    CHECK(volume.frames == 2);
    CHECK(volume.channels == 1);
    CHECK(volume.voxels[0] == std::byte{0});
    CHECK(volume.voxels[1] == std::byte{2});  // the list axis was the fastest
    CHECK(volume.voxels[24] == std::byte{1});
    CHECK(orientation(*volume.affine) == "LPS");
    const std::vector<nrrd::Segment>& segments = decoded.header.segments;
    REQUIRE(segments.size() == 3);
    CHECK(segments[0].name == "liver");
    CHECK(segments[0].id == "Segment_1");
    CHECK(segments[0].colour == std::array<double, 3>{0.5, 0.25, 1});
    CHECK(segments[0].tags == "a:b|c^d\nnext|");
    CHECK(segments[1].name == "tumour");
    CHECK(segments[1].layer == 1);
    CHECK(segments[1].label_value == 1);
    CHECK(!segments[1].colour);
    CHECK(segments[2].name == "spleen: big");
    CHECK(segments[2].layer == 0);
    CHECK(segments[2].label_value == 2);
  }
}

TEST_CASE("nrrd: a cropped segmentation says where in the whole image it begins") {
  const auto offset_of = [](const std::string& value) {
    const std::string header =
        "NRRD0004\ntype: uchar\ndimension: 3\nsizes: 4 3 2\nencoding: raw\n"
        "Segmentation_ReferenceImageExtentOffset:=" +
        value + "\n\n";
    return nrrd::scan(file_of(header, counting(24)), "x").header.extent_offset;
  };
  CHECK(offset_of("3 0 12") == std::array<std::uint32_t, 3>{3, 0, 12});
  for (const char* const odd : {"", "1 2", "1 2 3 4", "-1 0 0", "1.5 0 0", "99999999999 0 0"}) {
    CAPTURE(odd);
    CHECK(!offset_of(odd));
  }
  CHECK(!nrrd::scan(file_of(segmentation_header("raw"), counting(48)), "x").header.extent_offset);
}

TEST_CASE("nrrd: segments without layer and value have a layer each, as old Slicers wrote them") {
  const std::string header =
      "NRRD0004\ntype: uchar\ndimension: 4\nsizes: 2 4 3 2\nencoding: raw\n"
      "kinds: list domain domain domain\nSegment0_Name:=a\nSegment1_Name:=b\n\n";

  const nrrd::Decoded decoded = nrrd::decode(file_of(header, counting(48)), "x");

  REQUIRE(decoded.header.segments.size() == 2);
  CHECK(decoded.header.segments[0].layer == 0);
  CHECK(decoded.header.segments[1].layer == 1);
  CHECK(decoded.header.segments[1].label_value == 1);
}

TEST_CASE("nrrd: a file that was cut off anywhere is an error, never half a picture") {
  std::mt19937_64 random(2);
  std::vector<std::byte> data(48);
  for (std::byte& byte : data) byte = static_cast<std::byte>(random());
  const std::string header =
      "NRRD0004\ntype: uchar\ndimension: 3\nsizes: 4 4 3\nspace: LPS\n"
      "space directions: (1,0,0) (0,1,0) (0,0,1)\nencoding: ";
  for (const std::string encoding : {"raw", "gzip"}) {
    const std::vector<std::byte> stored = encoding == "raw" ? data : gzip::compress(data);
    const std::vector<std::byte> file = file_of(header + encoding + "\n\n", stored);
    CHECK(nrrd::decode(file, "x").volume.voxels == data);
    for (std::size_t size = 0; size < file.size(); ++size) {
      if (!is_refused(Bytes(file).first(size), "x.nrrd")) FAIL(size, " of ", file.size());
    }
  }
}

}  // namespace slicebank
