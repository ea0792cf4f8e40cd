#include "formats/jpeg.h"

#include <doctest/doctest.h>

#include <cmath>
#include <random>

#include "formats/internal/cmyk.h"
#include "formats/internal/orientation.h"
#include "formats/npy.h"
#include "oracle_cases.h"
#include "python_oracle.h"
#include "schema/error.h"
#include "tests/support/shared_data.h"
#include "tests/support/temp_dir.h"

namespace slicebank {
namespace {

using testing::read_bytes;

// A smooth picture: what JPEG is made for.
Image gradient(std::uint32_t height, std::uint32_t width, std::uint32_t channels) {
  Image image{{PixelType::u8, height, width, channels}, {}};
  for (std::uint32_t y = 0; y < height; ++y) {
    for (std::uint32_t x = 0; x < width; ++x) {
      for (std::uint32_t c = 0; c < channels; ++c) {
        image.image_hwc.push_back(static_cast<std::byte>(40 + x * 2 + y + 20 * c));
      }
    }
  }
  return image;
}

std::string refusal(Bytes file, ErrorCode code = ErrorCode::bad_format) {
  try {
    jpeg::decode(file, "x.jpg");
  } catch (const Error& error) {
    CHECK(std::string(error.what()).starts_with("x.jpg"));
    CHECK(error.code() == code);
    return error.what();
  }
  return {};
}

// Where the body of the first start-of-frame marker begins: length, precision, height, width.
std::size_t frame_of(const std::vector<std::byte>& file) {
  for (std::size_t at = 2; at + 4 < file.size();) {
    const auto marker = std::to_integer<int>(file[at + 1]);
    if (marker >= 0xc0 && marker <= 0xc2) return at + 2;
    at += 2 + (std::to_integer<std::size_t>(file[at + 2]) << 8 |
               std::to_integer<std::size_t>(file[at + 3]));
  }
  FAIL("no frame");
  return 0;
}

}  // namespace

TEST_CASE("jpeg: gray, colour, inks, all orientations and the real files are as Pillow has them") {
  SLICEBANK_SHARED_OR_SKIP(pillow, "pillow");
  const std::string python = testing::python_with("numpy, PIL");
  if (python.empty()) return;
  const testing::TempDir folder;
  const auto real = testing::shared_files({".jpg", ".jpeg"});
  REQUIRE(real.size() >= 3);
  testing::write_list(folder / "list.txt", real);
  REQUIRE(testing::run_oracle(python, "jpeg_oracle.py", folder.path()));
  const auto cases = testing::read_cases(folder.path());
  REQUIRE(cases.size() > 100);

  for (const std::vector<std::string>& fields : cases) {
    CAPTURE(fields[0]);
    const std::vector<std::byte> file = read_bytes(fields[0]);
    const Array upright = npy::decode(read_bytes(folder / fields[1]), fields[1]);
    const Array stored = npy::decode(read_bytes(folder / fields[2]), fields[2]);

    // The same library and the same transform: equal to the last bit.
    CHECK(testing::as_array(jpeg::decode(file, fields[0])) == upright);
    CHECK(testing::as_array(jpeg::decode_as_stored(file, fields[0])) == stored);
    const jpeg::Header header = jpeg::read_header(file, fields[0]);
    CHECK(header.orientation == std::stoi(fields[3]));
    CHECK(header.height == stored.shape[0]);
    CHECK(header.width == stored.shape[1]);
  }
}

TEST_CASE("jpeg: what is encoded looks like what went in") {
  for (const std::uint32_t channels : {1u, 3u}) {
    const Image before = gradient(33, 47, channels);
    const std::vector<std::byte> file = jpeg::encode(before.view(), 95);
    const Image after = jpeg::decode(file, "x.jpg");

    CHECK(jpeg::is_jpeg(file));
    CHECK(after.shape == before.shape);
    double error = 0;
    for (std::size_t i = 0; i < before.image_hwc.size(); ++i) {
      error += std::abs(std::to_integer<int>(before.image_hwc[i]) -
                        std::to_integer<int>(after.image_hwc[i]));
    }
    CHECK(error / static_cast<double>(before.image_hwc.size()) < 1.5);
    CHECK(jpeg::encode(before.view(), 20).size() < file.size());
    CHECK(jpeg::encode(before.view(), 95) == file);
  }
}

TEST_CASE("jpeg: what JPEG cannot hold is refused") {
  const Image good = gradient(4, 4, 1);
  CHECK_THROWS_AS(jpeg::encode(gradient(4, 4, 2).view()), Error);
  CHECK_THROWS_AS(jpeg::encode(good.view(), 0), Error);
  CHECK_THROWS_AS(jpeg::encode(good.view(), 101), Error);
  const Image wide{{PixelType::u16, 2, 2, 1}, std::vector<std::byte>(8)};
  CHECK_THROWS_AS(jpeg::encode(wide.view()), Error);
  const Image short_one{{PixelType::u8, 2, 2, 1}, std::vector<std::byte>(3)};
  CHECK_THROWS_AS(jpeg::encode(short_one.view()), Error);
  CHECK_FALSE(jpeg::is_jpeg({}));
}

TEST_CASE("jpeg: a file cut anywhere is an error, and garbage behind it is not") {
  const std::vector<std::byte> file = jpeg::encode(gradient(20, 20, 3).view());
  for (std::size_t size = 0; size < file.size(); ++size) {
    CAPTURE(size);
    REQUIRE(!refusal(Bytes(file).first(size)).empty());
  }
  std::vector<std::byte> longer = file;
  longer.resize(file.size() + 500, std::byte{0x5a});
  CHECK(jpeg::decode(longer, "x.jpg") == jpeg::decode(file, "x.jpg"));
}

TEST_CASE("jpeg: pixels missing in the middle are an error though the end is there") {
  const std::vector<std::byte> file = jpeg::encode(gradient(200, 200, 1).view());
  std::vector<std::byte> holed = file;
  const auto size = static_cast<std::ptrdiff_t>(file.size());
  holed.erase(holed.begin() + size * 3 / 4, holed.end() - 2);

  CHECK(!refusal(holed).empty());
}

TEST_CASE("jpeg: kinds that are not read are named") {
  const std::vector<std::byte> good = jpeg::encode(gradient(16, 16, 3).view());
  const std::size_t frame = frame_of(good);
  const auto with = [&](std::size_t at, int value) {
    std::vector<std::byte> file = good;
    file[at] = static_cast<std::byte>(value);
    return refusal(file);
  };

  CHECK(with(frame + 2, 12).find("12 bits") != std::string::npos);
  CHECK(with(frame - 1, 0xc3).find("lossless") != std::string::npos);
  CHECK(with(frame - 1, 0xc9).find("arithmetic") != std::string::npos);
  CHECK(with(frame - 1, 0xc5).find("hierarchical") != std::string::npos);
  CHECK(with(frame - 1, 0xf7).find("JPEG-LS") != std::string::npos);
  CHECK(with(frame + 7, 2).find("2 channels") != std::string::npos);
  CHECK(with(frame + 8, 9).find("channel are missing") != std::string::npos);
}

TEST_CASE("jpeg: absurd sizes are refused before memory is asked for") {
  const std::vector<std::byte> good = jpeg::encode(gradient(16, 16, 1).view());
  const std::size_t frame = frame_of(good);
  const auto with_size = [&](int height, int width, ErrorCode code) {
    std::vector<std::byte> file = good;
    file[frame + 3] = static_cast<std::byte>(height >> 8);
    file[frame + 4] = static_cast<std::byte>(height);
    file[frame + 5] = static_cast<std::byte>(width >> 8);
    file[frame + 6] = static_cast<std::byte>(width);
    return refusal(file, code);
  };

  CHECK(!with_size(0, 16, ErrorCode::bad_format).empty());
  CHECK(!with_size(16, 0, ErrorCode::bad_format).empty());
  CHECK(!with_size(65535, 65535, ErrorCode::limit).empty());
  CHECK(with_size(20000, 20000, ErrorCode::bad_format).find("too short") != std::string::npos);
  CHECK(!with_size(400, 400, ErrorCode::bad_format).empty());  // its data end too early
}

TEST_CASE("orientation: the eight turns of a picture of six numbers") {
  // Stored rows 1 2 3 and 4 5 6.
  const std::vector<std::byte> stored = {std::byte{1}, std::byte{2}, std::byte{3},
                                         std::byte{4}, std::byte{5}, std::byte{6}};
  const std::vector<std::string> upright = {"123456", "321654", "654321", "456123",
                                            "142536", "415263", "635241", "362514"};
  for (int orientation = 1; orientation <= 8; ++orientation) {
    std::uint32_t height = 2;
    std::uint32_t width = 3;
    const auto pixels = internal::upright(stored, height, width, 1, orientation);
    std::string seen;
    for (const std::byte pixel : pixels)
      seen += static_cast<char>('0' + std::to_integer<int>(pixel));
    CHECK(seen == upright[static_cast<std::size_t>(orientation - 1)]);
    CHECK(height == (orientation >= 5 ? 3 : 2));
    CHECK(width == (orientation >= 5 ? 2 : 3));
  }
}

}  // namespace slicebank
