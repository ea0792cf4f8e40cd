#include "formats/tiff.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <random>

#include "formats/npy.h"
#include "oracle_cases.h"
#include "python_oracle.h"
#include "schema/error.h"
#include "tests/support/shared_data.h"
#include "tests/support/temp_dir.h"

namespace slicebank {
namespace {

namespace fs = std::filesystem;
using testing::read_bytes;

struct Field {
  std::uint16_t tag;
  std::uint16_t type;  // 3 short, 4 long
  std::uint32_t count;
  std::uint32_t value;  // or where the values are
};

void put(std::vector<std::byte>& file, std::uint32_t value, std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; ++i) file.push_back(static_cast<std::byte>(value >> (8 * i)));
}

// A little-endian TIFF: `pixels` from byte 8 on, then one directory, whose next is `next`.
std::vector<std::byte> tiff_of(const std::vector<Field>& fields, std::size_t pixels,
                               std::uint32_t next = 0) {
  std::vector<std::byte> file = {std::byte{'I'}, std::byte{'I'}, std::byte{42}, std::byte{0}};
  put(file, static_cast<std::uint32_t>(8 + pixels), 4);
  for (std::size_t i = 0; i < pixels; ++i) file.push_back(static_cast<std::byte>(i));
  put(file, static_cast<std::uint32_t>(fields.size()), 2);
  for (const Field& field : fields) {
    put(file, field.tag, 2);
    put(file, field.type, 2);
    put(file, field.count, 4);
    put(file, field.value, 4);
  }
  put(file, next, 4);
  return file;
}

std::vector<Field> gray_fields(std::uint32_t width, std::uint32_t height, std::uint32_t bytes,
                               std::uint32_t compression = 1) {
  return {{256, 4, 1, width},       {257, 4, 1, height}, {258, 3, 1, 8},
          {259, 3, 1, compression}, {262, 3, 1, 1},      {273, 4, 1, 8},
          {277, 3, 1, 1},           {278, 4, 1, height}, {279, 4, 1, bytes}};
}

std::string refusal(Bytes file, ErrorCode code = ErrorCode::bad_format) {
  try {
    tiff::decode_page(file, "x.tif");
  } catch (const Error& error) {
    CHECK(std::string(error.what()).starts_with("x.tif"));
    CHECK(error.code() == code);
    return error.what();
  }
  return {};
}

Array as_array(const Volume& volume) {
  return {
      volume.type,
      {volume.frames, volume.size_ijk[2], volume.size_ijk[1], volume.size_ijk[0], volume.channels},
      volume.voxels};
}

void check_spacing(const Volume& volume, const std::string& expected) {
  REQUIRE(volume.spacing_ijk_mm.has_value() == (expected != "-"));
  if (expected == "-") return;
  std::istringstream in(expected);
  for (const double length : *volume.spacing_ijk_mm) {
    std::string number;
    std::getline(in, number, ',');
    CHECK(std::abs(length / std::stod(number) - 1) < 1e-6);  // a resolution is a 32-bit fraction
  }
}

void check_case(const std::vector<std::string>& fields, const fs::path& folder) {
  const std::string& what = fields[0];
  const std::vector<std::byte> file = read_bytes(fields[1]);
  if (what == "refused") {
    try {
      tiff::decode_page(file, fields[1]);
      FAIL("decoded");
    } catch (const Error& error) {
      const std::string message = error.what();
      CAPTURE(message);
      CHECK(message.starts_with(fields[1]));
      CHECK(message.find(fields[2]) != std::string::npos);
    }
    return;
  }
  tiff::Reader reader(file, fields[1]);
  if (what == "page") {
    const auto page = static_cast<std::size_t>(std::stoul(fields[2]));
    const Array expected = npy::decode(read_bytes(folder / fields[3]), fields[3]);
    const Image image = reader.decode(page);
    CHECK(describe(testing::as_array(image)) == describe(expected));
    CHECK((image.image_hwc == expected.data));
    CHECK(reader.pages()[page].height == expected.shape[0]);
    if (fields[4] != "-") {
      const Array colours = npy::decode(read_bytes(folder / fields[4]), fields[4]);
      CHECK(reader.pages()[page].palette);
      CHECK((testing::as_array(reader.decode_expanding_palette(page)) == colours));
    }
  } else if (what == "volume") {
    const Volume volume = reader.decode_volume();
    const Array expected = npy::decode(read_bytes(folder / fields[2]), fields[2]);
    CHECK(describe(as_array(volume)) == describe(expected));
    CHECK((volume.voxels == expected.data));
    check_spacing(volume, fields[3]);
  } else {
    REQUIRE(what == "no volume");
    try {
      reader.decode_volume();
      FAIL("decoded");
    } catch (const Error& error) {
      CHECK(std::string(error.what()).find(fields[2]) != std::string::npos);
    }
  }
}

}  // namespace

TEST_CASE("tiff: every kind that Pillow, tifffile and a writer of our own make is read exactly") {
  SLICEBANK_SHARED_OR_SKIP(pillow, "pillow");
  const std::string python = testing::python_with("numpy, PIL, tifffile");
  if (python.empty()) return;
  const testing::TempDir folder;
  const auto real = testing::shared_files({".tif", ".tiff"});
  REQUIRE(real.size() >= 10);
  testing::write_list(folder / "list.txt", real);
  REQUIRE(testing::run_oracle(python, "tiff_oracle.py", folder.path()));
  const auto cases = testing::read_cases(folder.path());
  REQUIRE(cases.size() > 500);

  for (const std::vector<std::string>& fields : cases) {
    CAPTURE(fields[0]);
    CAPTURE(fields[1]);
    check_case(fields, folder.path());
  }
}

TEST_CASE("tiff: a page says what it is before it is decoded") {
  std::vector<Field> fields = gray_fields(6, 4, 24);
  fields[4].value = 0;  // counted from white
  fields.insert(fields.begin() + 6, {274, 3, 1, 6});
  const std::vector<std::byte> file = tiff_of(fields, 24);

  const std::vector<tiff::Page> pages = tiff::pages(file, "x.tif");
  const Image image = tiff::decode_page(file, "x.tif");

  REQUIRE(pages.size() == 1);
  CHECK(pages[0].min_is_white);
  CHECK(pages[0].orientation == 6);
  CHECK(pages[0].width == 4);
  CHECK(pages[0].height == 6);
  CHECK(image.shape == ImageShape{PixelType::u8, 6, 4, 1});
  CHECK(std::to_integer<int>(image.image_hwc[0]) == 255 - 18);  // the lower left corner
  CHECK(tiff::is_tiff(file));
  CHECK_FALSE(tiff::is_tiff({}));
}

TEST_CASE("tiff: a file cut anywhere is an error") {
  // Pixels last, so that a cut takes them away and leaves the directory.
  std::vector<Field> fields = gray_fields(7, 5, 35);
  std::vector<std::byte> file = tiff_of(fields, 0);
  fields[5].value = static_cast<std::uint32_t>(file.size());
  file = tiff_of(fields, 0);
  file.resize(file.size() + 35, std::byte{9});
  REQUIRE(refusal(file).empty());

  for (std::size_t size = 0; size < file.size(); ++size) {
    CAPTURE(size);
    REQUIRE(!refusal(Bytes(file).first(size)).empty());
  }
}

TEST_CASE("tiff: absurd sizes are refused before memory is asked for") {
  const auto with_size = [&](std::uint32_t width, std::uint32_t height, std::uint32_t compression,
                             ErrorCode code) {
    return refusal(tiff_of(gray_fields(width, height, 24, compression), 24), code);
  };
  for (const std::uint32_t compression : {1u, 4u, 5u, 7u, 8u, 32773u, 50000u}) {
    CAPTURE(compression);
    CHECK(!with_size(65'536, 1, compression, ErrorCode::limit).empty());
    CHECK(!with_size(1, 0xffffffffu, compression, ErrorCode::limit).empty());
    CHECK(!with_size(65'535, 65'535, compression, ErrorCode::limit).empty());
    const std::string why = with_size(32'000, 32'000, compression, ErrorCode::bad_format);
    CHECK(why.find(compression == 1 ? "contradict" : "too short") != std::string::npos);
  }
  CHECK(!with_size(0, 4, 1, ErrorCode::bad_format).empty());
  CHECK(!with_size(5, 5, 1, ErrorCode::bad_format).empty());  // a pixel is missing
}

TEST_CASE("tiff: a tile larger than anybody makes is refused") {
  const std::vector<std::byte> file = tiff_of({{256, 4, 1, 4},
                                               {257, 4, 1, 4},
                                               {258, 3, 1, 8},
                                               {259, 3, 1, 8},
                                               {262, 3, 1, 1},
                                               {277, 3, 1, 1},
                                               {322, 4, 1, 65'536},
                                               {323, 4, 1, 65'536},
                                               {324, 4, 1, 8},
                                               {325, 4, 1, 24}},
                                              24);
  CHECK(refusal(file, ErrorCode::limit).find("tiles") != std::string::npos);
}

TEST_CASE("tiff: a chain of pages that bites its tail is an error") {
  const std::vector<Field> fields = gray_fields(6, 4, 24);
  CHECK(refusal(tiff_of(fields, 24)).empty());
  CHECK(!refusal(tiff_of(fields, 24, 32)).empty());      // to itself
  CHECK(!refusal(tiff_of(fields, 24, 99'999)).empty());  // to nowhere
}

TEST_CASE("tiff: a page that is not there is the caller's mistake") {
  const std::vector<std::byte> file = tiff_of(gray_fields(6, 4, 24), 24);
  try {
    tiff::decode_page(file, "x.tif", 1);
    FAIL("decoded");
  } catch (const Error& error) {
    CHECK(error.code() == ErrorCode::bad_argument);
  }
}

TEST_CASE("tiff: damaged copies of the real files end in pixels or in an error with the name") {
  SLICEBANK_SHARED_OR_SKIP(pillow, "pillow");
  const std::uint64_t seed = 50;
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  std::vector<std::vector<std::byte>> originals;
  for (const fs::path& path : testing::shared_files({".tif", ".tiff"})) {
    originals.push_back(read_bytes(path));
  }
  int decoded = 0;
  int refused = 0;
  for (int round = 0; round < 600; ++round) {
    std::vector<std::byte> file = originals[random() % originals.size()];
    for (std::size_t edits = 1 + random() % 4; edits > 0; --edits) {
      // Directories lie at either end.
      const std::size_t reach =
          random() % 2 == 0 ? file.size() : std::min<std::size_t>(file.size(), 400);
      const std::size_t place = random() % reach;
      file[random() % 2 == 0 ? place : file.size() - 1 - place] = static_cast<std::byte>(random());
    }
    try {
      tiff::Reader reader(file, "x.tif");
      for (std::size_t page = 0; page < reader.pages().size(); ++page) {
        const Image image = reader.decode(page);
        REQUIRE(image.image_hwc.size() == image.shape.bytes());
      }
      ++decoded;
    } catch (const Error& error) {
      REQUIRE(std::string(error.what()).starts_with("x.tif"));
      ++refused;
    }
  }
  CHECK(decoded > 50);
  CHECK(refused > 50);
}

}  // namespace slicebank
