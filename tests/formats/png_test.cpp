#include "formats/png.h"

#include <doctest/doctest.h>
#include <png.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <fstream>
#include <random>

#include "formats/npz.h"
#include "formats/source_tree.h"
#include "python_oracle.h"
#include "schema/error.h"
#include "tests/support/shared_data.h"
#include "tests/support/temp_dir.h"

namespace slicebank {
namespace {

namespace fs = std::filesystem;

std::vector<std::byte> read_file(const fs::path& path) {
  return SourceTree(path.parent_path()).read(path.filename().string());
}

std::vector<std::byte> random_bytes(std::size_t size, std::mt19937_64& random, int below = 256) {
  std::vector<std::byte> bytes(size);
  for (std::byte& byte : bytes) {
    byte = static_cast<std::byte>(random() % static_cast<unsigned>(below));
  }
  return bytes;
}

Image random_image(PixelType type, std::uint32_t height, std::uint32_t width,
                   std::uint32_t channels, std::mt19937_64& random) {
  Image image;
  image.shape = {type, height, width, channels};
  image.image_hwc = random_bytes(image.shape.bytes(), random);
  return image;
}

struct PngSpec {
  int colour_type;
  int bit_depth;
  int channels;
  int interlace;
};

// A PNG of any kind from `rows` as PNG packs them, `palette` gray levels when it has one.
std::vector<std::byte> write_raw_png(const PngSpec& spec, std::uint32_t width, std::uint32_t height,
                                     const std::vector<std::vector<png_byte>>& rows, int palette) {
  std::vector<std::byte> file;
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
  png_infop info = png_create_info_struct(png);
  png_set_write_fn(
      png, &file,
      [](png_structp writer, png_bytep bytes, png_size_t size) {
        auto* out = static_cast<std::vector<std::byte>*>(png_get_io_ptr(writer));
        const auto* first = reinterpret_cast<const std::byte*>(bytes);
        out->insert(out->end(), first, first + size);
      },
      [](png_structp) {});
  png_set_IHDR(png, info, width, height, spec.bit_depth, spec.colour_type, spec.interlace, 0, 0);
  std::vector<png_color> colours;
  for (int i = 0; i < palette; ++i) {
    const auto level = static_cast<png_byte>(255 - i);
    colours.push_back({level, static_cast<png_byte>(i), 7});
  }
  if (palette > 0) png_set_PLTE(png, info, colours.data(), palette);
  std::vector<png_bytep> pointers;
  for (const auto& row : rows) pointers.push_back(const_cast<png_bytep>(row.data()));
  png_set_rows(png, info, pointers.data());
  png_write_png(png, info, PNG_TRANSFORM_IDENTITY, nullptr);
  png_destroy_write_struct(&png, &info);
  return file;
}

void put_u32(std::vector<std::byte>& file, std::size_t at, std::uint32_t value) {
  for (std::size_t i = 0; i < 4; ++i) file[at + i] = static_cast<std::byte>(value >> (24 - 8 * i));
}

ErrorCode code_of_decoding(const std::vector<std::byte>& file) {
  try {
    png::decode(file, "x.png");
  } catch (const Error& error) {
    CHECK(std::string(error.what()).starts_with("x.png"));
    return error.code();
  }
  return ErrorCode{};
}

std::vector<fs::path> shared_pngs() {
  std::vector<fs::path> paths;
  for (const auto& entry : fs::recursive_directory_iterator(SLICEBANK_SHARED_DATA)) {
    if (entry.path().extension() == ".png") paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

}  // namespace

TEST_CASE("png: every type and channel count survives encode and decode") {
  const std::uint64_t seed = 20240917;
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  for (const PixelType type : {PixelType::u8, PixelType::u16}) {
    for (std::uint32_t channels = 1; channels <= 4; ++channels) {
      for (const int level : {0, 1, 9}) {
        const auto height = static_cast<std::uint32_t>(1 + random() % 40);
        const auto width = static_cast<std::uint32_t>(1 + random() % 40);
        const Image before = random_image(type, height, width, channels, random);

        const std::vector<std::byte> file = png::encode(before.view(), level);
        const png::Decoded after = png::decode(file, "x.png");

        CHECK(png::is_png(file));
        CHECK(after.image == before);
        CHECK(after.header.bit_depth == (type == PixelType::u16 ? 16 : 8));
        CHECK(png::encode(before.view(), level) == file);
      }
    }
  }
}

TEST_CASE("png: interlaced and packed pictures of every kind keep their numbers") {
  const std::uint64_t seed = 77;
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  const std::vector<std::array<int, 3>> kinds = {
      {0, 1, 1}, {0, 2, 1}, {0, 4, 1}, {0, 8, 1}, {0, 16, 1}, {2, 8, 3}, {2, 16, 3}, {3, 1, 1},
      {3, 2, 1}, {3, 4, 1}, {3, 8, 1}, {4, 8, 2}, {4, 16, 2}, {6, 8, 4}, {6, 16, 4}};
  for (const std::array<int, 3>& kind : kinds) {
    const int colour = kind[0];
    const int depth = kind[1];
    const int channels = kind[2];
    for (const int interlace : {0, 1}) {
      CAPTURE(colour);
      CAPTURE(depth);
      CAPTURE(interlace);
      const std::uint32_t width = 13;
      const std::uint32_t height = 11;
      const auto samples = static_cast<std::size_t>(channels) * width;
      std::vector<std::vector<png_byte>> rows;
      std::vector<std::byte> expected;
      for (std::uint32_t y = 0; y < height; ++y) {
        std::vector<png_byte> row((samples * static_cast<std::size_t>(depth) + 7) / 8);
        for (std::size_t i = 0; i < samples; ++i) {
          const auto value = static_cast<unsigned>(random() % (1u << depth));
          if (depth == 16) {
            row[2 * i] = static_cast<png_byte>(value >> 8);
            row[2 * i + 1] = static_cast<png_byte>(value);
            expected.push_back(static_cast<std::byte>(value));
            expected.push_back(static_cast<std::byte>(value >> 8));
          } else {
            const std::size_t bit = i * static_cast<std::size_t>(depth);
            const auto shift = 8u - static_cast<unsigned>(depth) - static_cast<unsigned>(bit % 8);
            row[bit / 8] = static_cast<png_byte>(row[bit / 8] | value << shift);
            expected.push_back(static_cast<std::byte>(value));
          }
        }
        rows.push_back(std::move(row));
      }
      const int palette = colour == 3 ? 1 << depth : 0;
      const auto file =
          write_raw_png({colour, depth, channels, interlace}, width, height, rows, palette);

      const png::Decoded decoded = png::decode(file, "x.png");
      const png::Decoded expanded = png::decode_expanding_palette(file, "x.png");

      CHECK(decoded.image.image_hwc == expected);
      CHECK(decoded.image.shape.channels == static_cast<std::uint32_t>(channels));
      CHECK(decoded.header.interlaced == (interlace == 1));
      CHECK(decoded.header.colour_type == colour);
      if (colour == 3) {
        REQUIRE(expanded.image.shape.channels == 3);
        for (std::size_t i = 0; i < expected.size(); ++i) {
          const auto index = std::to_integer<unsigned>(expected[i]);
          REQUIRE(std::to_integer<unsigned>(expanded.image.image_hwc[3 * i]) == 255 - index);
          REQUIRE(std::to_integer<unsigned>(expanded.image.image_hwc[3 * i + 1]) == index);
          REQUIRE(std::to_integer<unsigned>(expanded.image.image_hwc[3 * i + 2]) == 7);
        }
      } else {
        CHECK(expanded.image == decoded.image);
      }
    }
  }
}

TEST_CASE("png: a pixel beyond the palette is an error where colours are wanted") {
  const std::vector<std::vector<png_byte>> rows = {{0x00, 0x05}, {0x01, 0x00}};
  const auto file = write_raw_png({3, 8, 1, 0}, 2, 2, rows, 2);

  CHECK(std::to_integer<int>(png::decode(file, "x.png").image.image_hwc[1]) == 5);
  CHECK_THROWS_AS(png::decode_expanding_palette(file, "x.png"), Error);
}

TEST_CASE("png: a file cut anywhere is an error that names it, and garbage behind it is not") {
  std::mt19937_64 random(5);
  for (const std::uint32_t channels : {1u, 3u}) {
    const Image image = random_image(PixelType::u8, 9, 7, channels, random);
    const std::vector<std::byte> file = png::encode(image.view());
    for (std::size_t size = 0; size < file.size(); ++size) {
      CAPTURE(size);
      REQUIRE(code_of_decoding({file.begin(), file.begin() + static_cast<long>(size)}) ==
              ErrorCode::bad_format);
    }

    std::vector<std::byte> longer = file;
    longer.resize(file.size() + 1000, std::byte{0x5a});
    CHECK(png::decode(longer, "x.png").image == image);
  }
}

TEST_CASE("png: absurd sizes are refused before memory is asked for") {
  std::mt19937_64 random(6);
  const std::vector<std::byte> good =
      png::encode(random_image(PixelType::u8, 4, 4, 1, random).view());
  const auto with_size = [&](std::uint32_t width, std::uint32_t height) {
    std::vector<std::byte> file = good;
    put_u32(file, 16, width);
    put_u32(file, 20, height);
    return code_of_decoding(file);
  };

  CHECK(with_size(0, 4) == ErrorCode::bad_format);
  CHECK(with_size(4, 0) == ErrorCode::bad_format);
  CHECK(with_size(65536, 1) == ErrorCode::limit);
  CHECK(with_size(1, 0xffffffffu) == ErrorCode::limit);
  CHECK(with_size(0x80000000u, 0x80000000u) == ErrorCode::limit);
  CHECK(with_size(65535, 65535) == ErrorCode::limit);
  CHECK(with_size(32768, 32768) == ErrorCode::bad_format);  // 1 GiB of pixels in 80 bytes
  CHECK(with_size(4, 5) == ErrorCode::bad_format);          // the checksum tells
}

TEST_CASE("png: what PNG cannot hold is refused") {
  const Image image{{PixelType::u8, 2, 2, 1}, std::vector<std::byte>(4)};
  const Image floats{{PixelType::f32, 2, 2, 1}, std::vector<std::byte>(16)};
  const Image five{{PixelType::u8, 2, 2, 5}, std::vector<std::byte>(20)};
  const Image short_one{{PixelType::u8, 2, 2, 1}, std::vector<std::byte>(3)};

  CHECK_THROWS_AS(png::encode(floats.view()), Error);
  CHECK_THROWS_AS(png::encode(five.view()), Error);
  CHECK_THROWS_AS(png::encode(short_one.view()), Error);
  CHECK_THROWS_AS(png::encode(image.view(), 10), Error);
  CHECK_FALSE(png::is_png({}));
}

TEST_CASE("png: a thousand damaged files end in pixels or in an error with the name") {
  SLICEBANK_SHARED_OR_SKIP(suite, "pngsuite");
  const std::uint64_t seed = 404;
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  std::vector<std::vector<std::byte>> originals;
  for (const fs::path& path : shared_pngs()) {
    if (fs::file_size(path) < 20'000) originals.push_back(read_file(path));
  }
  REQUIRE(originals.size() >= 15);
  const auto edit = [&](std::vector<std::byte>& file) {
    switch (random() % 4) {
      case 0:
        file[random() % file.size()] ^= static_cast<std::byte>(1u << random() % 8);
        break;
      case 1:
        file[random() % file.size()] = static_cast<std::byte>(random());
        break;
      case 2:
        file.resize(1 + random() % file.size());
        break;
      default: {
        const std::size_t from = random() % file.size();
        const std::size_t to = random() % file.size();
        const std::size_t size = std::min(file.size() - std::max(from, to), random() % 64);
        std::memmove(file.data() + to, file.data() + from, size);
      }
    }
  };
  // libpng skips what its checksum condemns, so half of the files get new checksums.
  const auto mend_checksums = [](std::vector<std::byte>& file) {
    for (std::size_t at = 8; at + 12 <= file.size();) {
      std::uint32_t length = 0;
      for (std::size_t i = 0; i < 4; ++i) {
        length = length << 8 | std::to_integer<std::uint32_t>(file[at + i]);
      }
      if (length > file.size() - at - 12) return;
      std::uint32_t crc = ~0u;
      for (std::size_t i = at + 4; i < at + 8 + length; ++i) {
        crc ^= std::to_integer<std::uint32_t>(file[i]);
        for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0u);
      }
      put_u32(file, at + 8 + length, ~crc);
      at += 12 + length;
    }
  };

  int decoded = 0;
  int refused = 0;
  for (int round = 0; round < 1000; ++round) {
    std::vector<std::byte> file = originals[random() % originals.size()];
    for (std::size_t edits = 1 + random() % 4; edits > 0; --edits) edit(file);
    if (round % 2 == 0) mend_checksums(file);
    try {
      const png::Decoded result = png::decode_expanding_palette(file, "x.png");
      CHECK(result.image.image_hwc.size() == result.image.shape.bytes());
      ++decoded;
    } catch (const Error& error) {
      CHECK(std::string(error.what()).starts_with("x.png"));
      ++refused;
    }
  }

  CHECK(decoded > 0);
  CHECK(refused > 500);
}

TEST_CASE("png: all real files come out as Pillow reads them") {
  SLICEBANK_SHARED_OR_SKIP(suite, "pngsuite");
  const std::string python = testing::python_with("numpy, PIL");
  if (python.empty()) return;
  const testing::TempDir folder;
  std::ofstream list(folder / "list.txt");
  int number = 0;
  const auto dump = [&](const Image& image, const std::string& name) {
    const ImageShape& shape = image.shape;
    const npz::Array array{shape.pixel_type == PixelType::u16 ? "<u2" : "|u1",
                           {shape.height, shape.width, shape.channels},
                           image.image_hwc};
    const std::vector<std::byte> npy = npz::encode_npy(array);
    std::ofstream(folder / name, std::ios::binary)
        .write(reinterpret_cast<const char*>(npy.data()), static_cast<std::streamsize>(npy.size()));
  };

  for (const fs::path& path : shared_pngs()) {
    const std::vector<std::byte> file = read_file(path);
    dump(png::decode(file, path.string()).image, std::to_string(number) + ".npy");
    dump(png::decode_expanding_palette(file, path.string()).image,
         std::to_string(number) + ".rgb.npy");
    list << path.string() << "\n";
    ++number;
  }
  list.close();

  CHECK(number >= 40);
  CHECK(testing::run_oracle(python, "png_oracle.py", folder.path()));
}

}  // namespace slicebank
