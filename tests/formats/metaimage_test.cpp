#include "formats/metaimage.h"

#include <map>
#include <random>

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

// Opens what a header beside it names, as an importer does.
metaimage::OpenFile opener(const fs::path& header) {
  return [folder = header.parent_path()](const std::string& relative) {
    return SourceTree(folder).read(relative);
  };
}

void write(const fs::path& path, const std::vector<std::byte>& bytes) {
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
}

Volume random_volume(ElementType type, std::array<std::uint32_t, 3> size_ijk, std::uint32_t frames,
                     std::uint32_t channels, std::mt19937_64& random) {
  Volume volume;
  volume.type = type;
  volume.size_ijk = size_ijk;
  volume.frames = frames;
  volume.channels = channels;
  volume.dimensions = frames > 1 ? 4 : 3;
  volume.voxels.resize(voxel_bytes(volume));
  for (std::byte& byte : volume.voxels) byte = static_cast<std::byte>(random() % 200);
  return volume;
}

bool is_refused(const std::vector<std::byte>& file, const std::string& name) {
  try {
    metaimage::decode(file, name);
  } catch (const Error& error) {
    return std::string(error.what()).starts_with(name + ": ");
  }
  return false;
}

}  // namespace

TEST_CASE("metaimage: synthetic files of every kind read as they were meant") {
  const std::string python = testing::python_with("numpy");
  if (python.empty()) return;
  const testing::TempDir folder;
  REQUIRE(testing::run_oracle(python, "volume_oracle.py metaimage", folder.path()));

  const std::vector<VolumeCase> cases = testing::volume_cases(folder.path());

  CHECK(cases.size() > 90);
  for (const VolumeCase& one : cases) {
    const fs::path path = folder / one.file;
    testing::check_case(one, folder.path(), [&] {
      const std::vector<std::byte> file = bytes_of_file(path);
      metaimage::Decoded decoded = metaimage::decode(file, one.file, opener(path));
      const metaimage::Decoded scanned = metaimage::scan(file, one.file);
      CHECK(scanned.volume.voxels.empty());
      testing::check_header(scanned.volume, one);
      CHECK(metaimage::is_metaimage(file));
      return decoded.volume;
    });
  }
}

TEST_CASE("metaimage: every file of the shared data reads as a reader of its own reads it") {
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
  for (const fs::path& path : testing::files_ending(data, {".mha", ".mhd"})) {
    CAPTURE(path.string());
    REQUIRE(cases.contains(path.string()));
    testing::check_case(cases[path.string()], folder.path(), [&] {
      return metaimage::decode(bytes_of_file(path), "x", opener(path)).volume;
    });
    ++decoded;
  }
  CHECK(decoded >= 9);
}

TEST_CASE("metaimage: data files cannot be read without somebody who opens them") {
  SLICEBANK_SHARED_OR_SKIP(path, "elastix/dox/exampleinput/fixed.mhd");
  const std::vector<std::byte> file = bytes_of_file(path);

  CHECK(is_refused(file, "fixed.mhd"));
  CHECK(metaimage::scan(file, "x").header.data_files == std::vector<std::string>{"fixed.raw"});
}

TEST_CASE("metaimage: what we write comes back bit by bit, and is what the format says") {
  const std::uint64_t seed = 4712;
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  const testing::TempDir folder;
  const std::map<ElementType, const char*> types = {
      {ElementType::u8, "u1"},  {ElementType::i8, "i1"},  {ElementType::u16, "u2"},
      {ElementType::i16, "i2"}, {ElementType::u32, "u4"}, {ElementType::i32, "i4"},
      {ElementType::u64, "u8"}, {ElementType::i64, "i8"}, {ElementType::f32, "f4"},
      {ElementType::f64, "f8"}};
  std::size_t count = 0;
  for (const auto& [type, code] : types) {
    for (const int dimensions : {2, 3, 4}) {
      for (const std::uint32_t channels : {1u, 3u}) {
        Volume volume = random_volume(type, {5, 4, dimensions == 2 ? 1u : 3u},
                                      dimensions == 4 ? 2 : 1, channels, random);
        volume.dimensions = dimensions;
        volume.spacing_ijk_mm = {0.7, 1.0 / 3, dimensions == 2 ? 1 : 2.5};
        const std::array<double, 9> turned = {0.8, -0.6, 0, 0.6, 0.8, 0, 0, 0, 1};
        const std::array<double, 3> origin = {-100.1, 20.2, dimensions == 2 ? 0 : 30.3};
        volume.affine = affine_from_lps(*volume.spacing_ijk_mm, turned, origin);
        const bool compressed = random() % 2 == 0;

        const std::vector<std::byte> file = metaimage::encode(volume, {.compressed = compressed});
        const Volume back = metaimage::decode(file, "x").volume;

        CHECK(back.type == type);
        CHECK(back.size_ijk == volume.size_ijk);
        CHECK(back.frames == volume.frames);
        CHECK(back.channels == volume.channels);
        CHECK(back.dimensions == dimensions);
        CHECK(back.voxels == volume.voxels);
        CHECK(back.spacing_ijk_mm == volume.spacing_ijk_mm);
        for (std::size_t i = 0; i < 16; ++i) {
          testing::check_close((*back.affine)[i], (*volume.affine)[i], 1e-15);
        }
        CHECK(metaimage::encode(volume, {.compressed = compressed}) == file);
        const std::string stem = (folder / std::to_string(count++)).string();
        write(stem + ".mha", file);
        write(stem + ".bin", volume.voxels);
        std::ofstream text(stem + ".txt");
        text.precision(17);
        text << dimensions << ' ' << code;
        for (const double value : *volume.spacing_ijk_mm) text << ' ' << value;
        for (const double value : *volume.affine) text << ' ' << value;
      }
    }
  }
  const std::string python = testing::python_with("numpy");
  if (python.empty()) return;
  CHECK(testing::run_oracle(python, "volume_oracle.py check", folder.path()));
}

TEST_CASE("metaimage: a volume without geometry stays without it; a scaled one is refused") {
  std::mt19937_64 random(1);
  Volume volume = random_volume(ElementType::i16, {5, 4, 3}, 1, 1, random);

  const Volume back = metaimage::decode(metaimage::encode(volume), "x").volume;

  CHECK(!back.spacing_ijk_mm);
  CHECK(!back.affine);
  volume.slope = 2;
  CHECK_THROWS_AS(metaimage::encode(volume), Error);
  const Volume half = random_volume(ElementType::f16, {5, 4, 3}, 1, 1, random);
  CHECK_THROWS_AS(metaimage::encode(half), Error);
}

TEST_CASE("metaimage: a file that was cut off anywhere is an error, never half a picture") {
  std::mt19937_64 random(2);
  const Volume volume = random_volume(ElementType::i16, {6, 5, 4}, 1, 1, random);
  for (const bool compressed : {false, true}) {
    const std::vector<std::byte> file = metaimage::encode(volume, {.compressed = compressed});
    for (std::size_t size = 0; size < file.size(); ++size) {
      const std::vector<std::byte> part(file.begin(),
                                        file.begin() + static_cast<std::ptrdiff_t>(size));
      if (!is_refused(part, "x.mha")) FAIL(size, " of ", file.size());
    }
  }
}

}  // namespace slicebank
