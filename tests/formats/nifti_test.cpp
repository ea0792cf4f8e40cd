#include "formats/nifti.h"

#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <random>

#include "formats/gzip.h"
#include "python_oracle.h"
#include "tests/support/shared_data.h"
#include "tests/support/temp_dir.h"
#include "volume_cases.h"

namespace slicebank {
namespace {

namespace fs = std::filesystem;
using testing::bytes_of_file;
using testing::VolumeCase;

void write(const fs::path& path, Bytes bytes) {
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

// Numbers that a 32-bit float holds, so that NIfTI-1 keeps them.
double quarter(std::mt19937_64& random) { return static_cast<double>(random() % 4000) / 4 - 500; }

Affine sheared_affine(std::mt19937_64& random) {
  Affine affine = kIdentityAffine;
  for (std::size_t i = 0; i < 12; ++i) affine[i] = quarter(random);
  affine[0] = 2000;
  affine[5] = -3000;
  affine[10] = 4000;
  return affine;
}

bool same_but_voxels(const Volume& a, const Volume& b) {
  return a.type == b.type && a.size_ijk == b.size_ijk && a.frames == b.frames &&
         a.channels == b.channels && a.dimensions == b.dimensions && a.slope == b.slope &&
         a.intercept == b.intercept && a.spacing_ijk_mm == b.spacing_ijk_mm && a.affine == b.affine;
}

// The voxels of a file read from front to back in pieces of `elements`; of none of them
// where it skips.
std::vector<std::byte> read_in_pieces(Bytes file, std::uint64_t elements, bool skips = false) {
  const MemorySource source(file);
  nifti::Reader reader(source, "x");
  const std::uint64_t all = voxel_bytes(reader.volume());
  const std::uint64_t piece = elements * element_bytes(reader.volume().type);
  std::vector<std::byte> voxels;
  for (std::uint64_t at = 0; at < all; at += piece) {
    const std::uint64_t step = std::min(piece, all - at);
    const std::size_t before = voxels.size();
    voxels.resize(before + step);
    if (skips) {
      reader.skip(step);
    } else {
      reader.read(MutableBytes(voxels).subspan(before));
    }
  }
  reader.finish();
  return voxels;
}

nifti::Decoded decode_case(const fs::path& folder, const VolumeCase& one) {
  const std::vector<std::byte> file = bytes_of_file(folder / one.file);
  if (one.second == "-") {
    nifti::Decoded decoded = nifti::decode(file, one.file);
    const MemorySource source(file);
    const nifti::Reader reader(source, one.file);
    CHECK(same_but_voxels(reader.volume(), decoded.volume));
    CHECK(reader.header().voxels_at == decoded.header.voxels_at);
    CHECK(reader.header().notes == decoded.header.notes);
    CHECK(reader.header().extensions.size() == decoded.header.extensions.size());
    for (const std::uint64_t elements : {1u, 7u, 1000u}) {
      const std::vector<std::byte> voxels = read_in_pieces(file, elements);
      CHECK((!reader.in_order() || voxels == decoded.volume.voxels));
      CHECK(voxels.size() == decoded.volume.voxels.size());
    }
    return decoded;
  }
  return nifti::decode_pair(file, bytes_of_file(folder / one.second), one.file);
}

std::string message_of(const std::function<void()>& act) {
  try {
    act();
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

long peak_kib() {
  struct rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

// The header of a .nii of single bytes with these dimensions.
std::vector<std::byte> header_of(std::array<std::int16_t, 8> dim) {
  Volume volume;
  volume.voxels.resize(1);
  std::vector<std::byte> file = nifti::encode(volume, {.compressed = false});
  std::memcpy(file.data() + 40, dim.data(), sizeof dim);
  file.resize(352);
  return file;
}

// Why files of the shared data are refused, by the ends of their names.
const std::map<std::string, std::string>& refused_shared_files() {
  static const std::map<std::string, std::string> kRefused = {
      {"nibabel/tests/data/analyze.hdr", "file of their own"},
      {"nibabel/tests/data/nifti1.hdr", "file of their own"}};
  return kRefused;
}

}  // namespace

TEST_CASE("nifti: synthetic files of every kind read as nibabel reads them") {
  const std::string python = testing::python_with("nibabel");
  if (python.empty()) return;
  const testing::TempDir folder;
  REQUIRE(testing::run_oracle(python, "nifti_oracle.py make", folder.path()));

  const std::vector<VolumeCase> cases = testing::volume_cases(folder.path());

  CHECK(cases.size() > 200);
  for (const VolumeCase& one : cases) {
    testing::check_case(one, folder.path(), [&] {
      const nifti::Decoded decoded = decode_case(folder.path(), one);
      const nifti::Decoded scanned = nifti::scan(bytes_of_file(folder / one.file), one.file);
      CHECK(same_but_voxels(scanned.volume, decoded.volume));
      CHECK(scanned.volume.voxels.empty());
      CHECK(scanned.header.dims == decoded.header.dims);
      return decoded.volume;
    });
    if (one.type != "refused") CHECK(nifti::is_nifti(bytes_of_file(folder / one.file)));
  }
}

TEST_CASE("nifti: extensions and the names of labels come with the header") {
  const std::string python = testing::python_with("nibabel");
  if (python.empty()) return;
  const testing::TempDir folder;
  REQUIRE(testing::run_oracle(python, "nifti_oracle.py make", folder.path()));

  std::size_t seen = 0;
  for (const VolumeCase& one : testing::volume_cases(folder.path())) {
    if (one.type == "refused") continue;
    const nifti::Header header = nifti::scan(bytes_of_file(folder / one.file), one.file).header;
    if (header.extensions.empty()) continue;
    ++seen;
    REQUIRE(header.extensions.size() == 2);
    CHECK(header.extensions[0].code == 6);
    const auto* text = reinterpret_cast<const char*>(header.extensions[0].bytes.data());
    CHECK(std::string(text) == "a comment");
    const std::map<std::uint32_t, std::string> wanted = {{1, "spleen"}, {7, "a & b\xc3\xa4"}};
    CHECK(nifti::label_names(header) == wanted);
  }
  CHECK(seen == 8);
}

TEST_CASE("nifti: every file of the shared data reads as nibabel reads it, or says why not") {
  SLICEBANK_SHARED_OR_SKIP(readme, "README.md");
  const fs::path data = fs::canonical(readme).parent_path();
  const std::string python = testing::python_with("nibabel");
  if (python.empty()) return;
  const testing::TempDir folder;
  REQUIRE(
      testing::run_oracle(python, "nifti_oracle.py shared '" + data.string() + "'", folder.path()));
  std::map<std::string, VolumeCase> cases;
  for (const VolumeCase& one : testing::volume_cases(folder.path())) cases[one.file] = one;

  std::size_t decoded = 0;
  std::size_t refused = 0;
  for (const fs::path& path : testing::files_ending(data, {".nii", ".nii.gz", ".hdr"})) {
    CAPTURE(path.string());
    REQUIRE(cases.contains(path.string()));
    VolumeCase one = cases[path.string()];
    const std::vector<std::byte> file = bytes_of_file(path);
    testing::check_header(nifti::scan(file, "x").volume, one);
    for (const auto& [end, reason] : refused_shared_files()) {
      if (!path.string().ends_with(end)) continue;
      one.type = "refused";
      one.reason = reason;
      ++refused;
    }
    testing::check_case(one, folder.path(), [&] { return nifti::decode(file, "x").volume; });
    ++decoded;
  }
  CHECK(decoded >= 145);
  CHECK(refused == refused_shared_files().size());
}

TEST_CASE("nifti: TotalSegmentator's class names are in the extension of its label map") {
  SLICEBANK_SHARED_OR_SKIP(path, "totalsegmentator/example_seg_fast.nii.gz");

  const nifti::Header header = nifti::scan(bytes_of_file(path), "x").header;
  const std::map<std::uint32_t, std::string> names = nifti::label_names(header);

  CHECK(header.voxels_at == 13168);
  CHECK(names.size() == 117);
  CHECK(names.at(1) == "spleen");
  CHECK(names.at(117) == "costal_cartilages");
  CHECK(nifti::label_names({}).empty());
}

TEST_CASE("nifti: what was mended or left out is noted") {
  SLICEBANK_SHARED_OR_SKIP(path, "nibabel/nibabel/tests/data/analyze.hdr");

  const nifti::Decoded analyze = nifti::scan(bytes_of_file(path), "x");

  CHECK(analyze.header.kind == nifti::Kind::analyze);
  CHECK(analyze.header.affine_source == nifti::AffineSource::none);
  CHECK(!analyze.volume.affine);
  REQUIRE(analyze.header.notes.size() == 1);
  CHECK(analyze.header.notes[0].find("which side is left") != std::string::npos);
}

TEST_CASE("nifti: a stack with its channels first keeps every dimension") {
  std::mt19937_64 random(3);
  const Volume stack = random_volume(ElementType::u8, {7, 5, 4}, 3, 1, random);

  const nifti::Decoded decoded = nifti::decode(nifti::encode(stack), "x");

  CHECK(decoded.header.dims == std::vector<std::uint64_t>{7, 5, 4, 3});
  CHECK(decoded.volume.frames == 3);
  CHECK(decoded.volume.voxels == stack.voxels);
}

TEST_CASE("nifti: what we write comes back bit by bit, and nibabel reads it") {
  const std::uint64_t seed = 4711;
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  const testing::TempDir folder;
  std::size_t count = 0;
  const std::vector<ElementType> types = {
      ElementType::u8,  ElementType::i8,  ElementType::u16, ElementType::i16, ElementType::u32,
      ElementType::i32, ElementType::u64, ElementType::i64, ElementType::f32, ElementType::f64};
  for (const ElementType type : types) {
    for (const int version : {1, 2}) {
      for (const std::uint32_t channels : {1u, 3u, 4u, 6u}) {
        for (const std::uint32_t frames : {1u, 2u}) {
          const bool sheared = random() % 2 == 0;
          const bool vectors = channels > 1 && !(type == ElementType::u8 && channels <= 4);
          Volume volume = random_volume(type, {5, 4, 3}, frames, channels, random);
          if (vectors) volume.dimensions = 5;
          volume.affine = sheared
                              ? sheared_affine(random)
                              : Affine{0, -0.75, 0, 10, 0, 0, 2.5, -20, 1.5, 0, 0, 30, 0, 0, 0, 1};
          volume.spacing_ijk_mm =
              sheared ? spacing_of(*volume.affine) : std::array<double, 3>{1.5, 0.75, 2.5};
          if (sheared) {
            for (double& side : *volume.spacing_ijk_mm) side = std::round(side);
          }
          if (channels == 1 && type == ElementType::i16) volume.slope = 2.5;
          if (channels == 1 && type == ElementType::i16) volume.intercept = -1024;
          nifti::EncodeOptions options;
          options.version = version;
          options.compressed = random() % 2 == 0;
          if (random() % 3 == 0)
            options.extensions = {{6, {std::byte{'a'}, std::byte{'b'}}}, {4, {}}};

          const std::vector<std::byte> file = nifti::encode(volume, options);
          const nifti::Decoded back = nifti::decode(file, "x");

          CHECK(same_but_voxels(back.volume, volume));
          CHECK(back.volume.voxels == volume.voxels);
          CHECK(back.header.notes.empty());
          CHECK(back.header.sform_code == 1);
          CHECK(back.header.qform_code == (sheared ? 0 : 1));
          CHECK(back.header.extensions.size() == options.extensions.size());
          CHECK(nifti::encode(volume, options) == file);
          CHECK(nifti::encode(back.volume, options) == file);
          const fs::path stem = folder / std::to_string(count++);
          write(stem.string() + (options.compressed ? ".nii.gz" : ".nii"), file);
          write(stem.string() + ".bin", volume.voxels);
          std::ofstream text(stem.string() + ".txt");
          text << version << (sheared ? " sheared" : " straight");
          for (const double value : *volume.affine) text << ' ' << value;
          for (const double value : *volume.spacing_ijk_mm) text << ' ' << value;
        }
      }
    }
  }
  const std::string python = testing::python_with("nibabel");
  if (python.empty()) return;
  CHECK(testing::run_oracle(python, "nifti_oracle.py check", folder.path()));
}

TEST_CASE("nifti: rotated grids get a qform that says the same, spacing without noise") {
  std::mt19937_64 random(11);
  std::normal_distribution<double> normal;
  for (int turn = 0; turn < 200; ++turn) {
    CAPTURE(turn);
    double w = normal(random), x = normal(random), y = normal(random), z = normal(random);
    if (turn % 5 == 0) w = 0;  // half turns
    const double size = std::sqrt(w * w + x * x + y * y + z * z);
    w /= size, x /= size, y /= size, z /= size;
    const std::array<double, 9> directions = {
        1 - 2 * (y * y + z * z), 2 * (x * y - w * z),     2 * (x * z + w * y),
        2 * (x * y + w * z),     1 - 2 * (x * x + z * z), 2 * (y * z - w * x),
        2 * (x * z - w * y),     2 * (y * z + w * x),     1 - 2 * (x * x + y * y)};
    Volume volume = random_volume(ElementType::u8, {3, 4, 5}, 1, 1, random);
    volume.spacing_ijk_mm = {0.7, 0.9765625, 3.3};
    volume.affine = affine_from_lps(*volume.spacing_ijk_mm, directions, {100.1, -50.3, 7.7});
    if (turn % 2 == 1) {
      for (std::size_t row = 0; row < 3; ++row) (*volume.affine)[row * 4 + 2] *= -1;
    }

    const nifti::Decoded back = nifti::decode(nifti::encode(volume, {.version = 1}), "x");

    CHECK(back.volume.spacing_ijk_mm == volume.spacing_ijk_mm);
    CHECK(back.header.qform_code == 1);
    for (std::size_t i = 0; i < 16; ++i) {
      testing::check_close((*back.volume.affine)[i], (*volume.affine)[i], 1e-6);
    }
    std::vector<std::byte> without_sform =
        nifti::encode(volume, {.compressed = false, .version = 1});
    without_sform[254] = std::byte{0};
    const nifti::Decoded by_qform = nifti::decode(without_sform, "x");
    CHECK(by_qform.header.affine_source == nifti::AffineSource::qform);
    // Near half turns three 32-bit numbers say less of a quaternion.
    for (std::size_t i = 0; i < 16; ++i) {
      testing::check_close((*by_qform.volume.affine)[i], (*volume.affine)[i], 3e-5);
    }
  }
}

TEST_CASE("nifti: what a version or the format cannot hold is not written") {
  std::mt19937_64 random(5);
  Volume half = random_volume(ElementType::f16, {2, 2, 2}, 1, 1, random);
  Volume wide = random_volume(ElementType::u8, {40'000, 1, 1}, 1, 1, random);
  Volume short_of_bytes = random_volume(ElementType::u8, {2, 2, 2}, 1, 1, random);
  short_of_bytes.voxels.pop_back();

  CHECK_THROWS_AS(nifti::encode(half), Error);
  CHECK_THROWS_AS(nifti::encode(wide, {.version = 1}), Error);
  CHECK_THROWS_AS(nifti::encode(short_of_bytes), Error);
  CHECK_THROWS_AS(nifti::encode(wide, {.version = 3}), Error);
  CHECK_THROWS_AS(nifti::encode(wide, {.level = 0}), Error);
  CHECK(nifti::decode(nifti::encode(wide), "x").header.kind == nifti::Kind::nifti2);
  CHECK(nifti::decode(nifti::encode(wide), "x").volume.voxels == wide.voxels);
}

TEST_CASE("nifti: a file that was cut off anywhere is an error, never half a picture") {
  std::mt19937_64 random(6);
  const Volume volume = random_volume(ElementType::i16, {6, 5, 4}, 2, 1, random);
  for (const bool compressed : {false, true}) {
    for (const int version : {1, 2}) {
      const std::vector<std::byte> file =
          nifti::encode(volume, {.compressed = compressed, .version = version});
      for (std::size_t size = 0; size < file.size(); ++size) {
        const std::string message =
            message_of([&] { nifti::decode(Bytes(file).first(size), "x.nii"); });
        if (!message.starts_with("x.nii: ")) FAIL(size, " of ", file.size(), ": ", message);
        const Bytes cut = Bytes(file).first(size);
        if (message_of([&] { read_in_pieces(cut, 30); }).empty()) FAIL(size);
        if (message_of([&] { read_in_pieces(cut, 30, true); }).empty()) FAIL(size);
      }
    }
  }
}

TEST_CASE("nifti: a megabyte that claims or becomes far more is refused at once") {
  std::vector<std::byte> megabyte(1 << 20);
  std::mt19937_64 random(7);
  for (std::byte& byte : megabyte) byte = static_cast<std::byte>(random());
  const auto bomb = [&](std::array<std::int16_t, 8> dim, const std::vector<std::byte>& behind) {
    std::vector<std::byte> file = header_of(dim);
    file.insert(file.end(), behind.begin(), behind.end());
    return gzip::compress(file);
  };
  const std::vector<std::byte> hundred_gigabytes = bomb({3, 32767, 3052, 1000}, megabyte);
  const std::vector<std::byte> two_gigabytes = bomb({3, 2000, 1000, 1000}, megabyte);
  // A small picture, and then 300 MB of nothing in 300 kB.
  std::vector<std::byte> becomes_far_more = bomb({3, 10, 10, 10}, {});
  const std::vector<std::byte> nothing = gzip::compress(std::vector<std::byte>(1 << 20));
  for (int i = 0; i < 300; ++i) {
    becomes_far_more.insert(becomes_far_more.end(), nothing.begin(), nothing.end());
  }
  const long before_kib = peak_kib();
  const auto start = std::chrono::steady_clock::now();

  CHECK(message_of([&] { nifti::decode(hundred_gigabytes, "x"); }).find("more than") !=
        std::string::npos);
  CHECK(message_of([&] { nifti::decode(two_gigabytes, "x"); }).find("cannot hold them") !=
        std::string::npos);
  CHECK(message_of([&] { nifti::decode(becomes_far_more, "x"); }).find("far beyond") !=
        std::string::npos);
  CHECK(message_of([&] { read_in_pieces(hundred_gigabytes, 100); }).find("more than") !=
        std::string::npos);
  CHECK(message_of([&] { read_in_pieces(two_gigabytes, 100); }).find("cannot hold them") !=
        std::string::npos);
  CHECK(message_of([&] { read_in_pieces(becomes_far_more, 100); }).find("far beyond") !=
        std::string::npos);

  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(2));
  CHECK(peak_kib() - before_kib < 100 * 1024);
}

}  // namespace slicebank
