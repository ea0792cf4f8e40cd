#include "bench/phantom.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "formats/png.h"
#include "schema/error.h"
#include "tests/support/temp_dir.h"

namespace slicebank {
namespace {

namespace fs = std::filesystem;

std::string read_text(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

Image read_png(const fs::path& path) {
  const std::string text = read_text(path);
  const auto* first = reinterpret_cast<const std::byte*>(text.data());
  return png::decode(Bytes(first, text.size()), path.filename().string()).image;
}

// FNV-1a: of pixels here, so that another zlib changes nothing.
std::uint64_t fold(std::uint64_t hash, Bytes bytes) {
  for (const std::byte byte : bytes) {
    hash = (hash ^ std::to_integer<std::uint64_t>(byte)) * 1099511628211ull;
  }
  return hash;
}

std::uint64_t fingerprint(const Sample& sample) {
  std::uint64_t hash = fold(14695981039346656037ull, sample.image.image_hwc);
  for (const Mask& mask : sample.masks) {
    hash = fold(hash ^ mask.raw_class, std::as_bytes(std::span(mask.mask_hw)));
  }
  return hash;
}

const Mask* find_mask(const Sample& sample, const std::string& kind, const std::string& name) {
  const auto& names = phantom::class_names(kind);
  for (const Mask& mask : sample.masks) {
    if (names[mask.raw_class - 1] == name) return &mask;
  }
  return nullptr;
}

std::size_t area(const Mask& mask) {
  return static_cast<std::size_t>(
      std::count(mask.mask_hw.begin(), mask.mask_hw.end(), std::uint8_t{1}));
}

std::size_t overlap(const Mask& a, const Mask& b) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < a.mask_hw.size(); ++i) {
    if (a.mask_hw[i] != 0 && b.mask_hw[i] != 0) ++count;
  }
  return count;
}

}  // namespace

TEST_CASE("phantom: the same seed gives the same pixels and masks, on every machine") {
  const std::map<std::string, std::uint64_t> wanted = {{"ct", 12288942555433100852ull},
                                                       {"mr", 14597180091292600704ull},
                                                       {"fundus", 11464915067858425932ull},
                                                       {"ultrasound", 8872508049553675849ull}};
  for (const auto& entry : wanted) {
    const std::string& kind = entry.first;
    const std::uint64_t hash = entry.second;
    CAPTURE(kind);
    const Sample sample = phantom::make_slice(kind, 7, 1, 2, 96);
    CHECK(fingerprint(sample) == hash);
    CHECK(fingerprint(phantom::make_slice(kind, 8, 1, 2, 96)) != hash);
    CHECK(fingerprint(phantom::make_slice(kind, 7, 2, 2, 96)) != hash);
  }
}

TEST_CASE("phantom: masks fit their picture, hold 0 and 1, and have a named class") {
  for (const std::string kind : {"ct", "mr", "fundus", "ultrasound"}) {
    for (std::uint32_t subject = 0; subject < 4; ++subject) {
      const Sample sample = phantom::make_slice(kind, 5, subject, 17 * subject, 80);
      CAPTURE(kind);
      CAPTURE(subject);
      CHECK(sample.image.image_hwc.size() == sample.image.shape.bytes());
      CHECK(sample.image.shape.channels == (kind == "fundus" ? 3 : 1));
      std::set<std::pair<std::uint32_t, std::uint32_t>> seen;
      for (const Mask& mask : sample.masks) {
        CHECK(mask.mask_hw.size() == 80 * 80);
        CHECK(area(mask) > 0);
        CHECK(*std::max_element(mask.mask_hw.begin(), mask.mask_hw.end()) == 1);
        REQUIRE(mask.raw_class >= 1);
        CHECK(mask.raw_class <= phantom::class_names(kind).size());
        CHECK(seen.insert({mask.raw_class, mask.instance}).second);
      }
    }
  }
}

TEST_CASE("phantom: lesions lie in their organs, unions hold their parts") {
  int lesions = 0;
  int tumors = 0;
  for (std::uint32_t subject = 0; subject < 6; ++subject) {
    const Sample ct = phantom::make_slice("ct", 7, subject, 16, 128);
    if (const Mask* liver = find_mask(ct, "ct", "liver")) {
      for (const Mask& mask : ct.masks) {
        if (phantom::class_names("ct")[mask.raw_class - 1] != "liver_tumor") continue;
        ++lesions;
        CHECK(overlap(mask, *liver) == area(mask));
      }
    }
    const Sample mr = phantom::make_slice("mr", 7, subject, 28, 128);
    const Mask* whole = find_mask(mr, "mr", "union_whole_tumor");
    for (const char* part : {"necrotic_tumor_core", "peritumoral_edema", "enhancing_tumor"}) {
      const Mask* mask = find_mask(mr, "mr", part);
      if (mask == nullptr) continue;
      ++tumors;
      REQUIRE(whole != nullptr);
      CHECK(overlap(*mask, *whole) == area(*mask));
    }
    const Sample eye = phantom::make_slice("fundus", 7, subject, 0, 128);
    const Mask* disc = find_mask(eye, "fundus", "optic_disc");
    const Mask* cup = find_mask(eye, "fundus", "optic_cup");
    REQUIRE(disc != nullptr);
    REQUIRE(cup != nullptr);
    CHECK(overlap(*cup, *disc) == area(*cup));
  }
  CHECK(lesions > 0);
  CHECK(tumors > 0);
}

TEST_CASE("phantom: organs move smoothly from slice to slice") {
  const Sample first = phantom::make_slice("ct", 7, 0, 20, 128);
  const Sample second = phantom::make_slice("ct", 7, 0, 21, 128);
  const Mask* a = find_mask(first, "ct", "liver");
  const Mask* b = find_mask(second, "ct", "liver");
  REQUIRE(a != nullptr);
  REQUIRE(b != nullptr);

  const std::size_t both = overlap(*a, *b);

  CHECK(first.image.image_hwc != second.image.image_hwc);
  CHECK(10 * both > 8 * (area(*a) + area(*b) - both));
}

TEST_CASE("phantom: Hounsfield slices have air, fat, tissue and bone") {
  const Image image = phantom::make_ct_hounsfield(7, 0, 24, 128);
  REQUIRE(image.shape.pixel_type == PixelType::i16);
  REQUIRE(image.image_hwc.size() == image.shape.bytes());
  int air = 0;
  int fat = 0;
  int tissue = 0;
  int bone = 0;
  for (std::size_t at = 0; at < image.image_hwc.size(); at += 2) {
    const auto bits =
        static_cast<std::uint16_t>(std::to_integer<unsigned>(image.image_hwc[at]) |
                                   std::to_integer<unsigned>(image.image_hwc[at + 1]) << 8);
    const auto value = static_cast<std::int16_t>(bits);
    CHECK(value >= -1024);
    if (value < -900) ++air;
    if (value > -140 && value < -70) ++fat;
    if (value > 20 && value < 160) ++tissue;
    if (value > 300) ++bone;
  }
  CHECK(air > 4000);
  CHECK(fat > 500);
  CHECK(tissue > 2000);
  CHECK(bone > 50);
}

TEST_CASE("phantom: a written dataset is whole, and has what real ones have") {
  const testing::TempDir folder;
  const fs::path root = folder / "phantom";
  phantom::Options options;
  options.subjects = 16;
  options.slices_per_subject = 3;
  options.side = 48;

  const phantom::Report report = phantom::write_sa_med2d(root, options);

  const auto images = nlohmann::json::parse(read_text(root / "SAMed2D_v1.json"));
  const auto codes = nlohmann::json::parse(read_text(root / "SAMed2D_v1_class_mapping_id.json"));
  CHECK(images.size() == report.images);
  CHECK(codes.size() == 4);
  CHECK(report.datasets.size() == 4);
  std::size_t masks = 0;
  std::size_t without_masks = 0;
  std::size_t gray_as_rgb = 0;
  bool several_instances = false;
  std::set<int> foregrounds;
  std::string names;
  for (const auto& item : images.items()) {
    const std::string image_path = item.key();
    const auto& mask_paths = item.value();
    CAPTURE(image_path);
    names += image_path + "\n";
    const Image image = read_png(root / image_path);
    CHECK(image.shape.width == 48);
    bool equal = image.shape.channels == 3;
    for (std::size_t at = 0; equal && at < image.image_hwc.size(); at += 3) {
      equal = image.image_hwc[at] == image.image_hwc[at + 1] &&
              image.image_hwc[at] == image.image_hwc[at + 2];
    }
    if (equal) ++gray_as_rgb;
    if (mask_paths.empty()) ++without_masks;
    for (const auto& entry : mask_paths) {
      const std::string mask_path = entry.get<std::string>();
      const Image mask = read_png(root / mask_path);
      CHECK(mask.shape.width == 48);
      CHECK(mask.shape.channels == 1);
      std::set<std::byte> values(mask.image_hwc.begin(), mask.image_hwc.end());
      CHECK(values.size() <= 2);
      foregrounds.insert(std::to_integer<int>(*values.rbegin()));
      if (mask_path.find("_001.png") != std::string::npos) several_instances = true;
      ++masks;
    }
  }
  CHECK(masks == report.masks);
  const auto files = [&](const char* part) {
    return std::distance(fs::directory_iterator(root / part), fs::directory_iterator());
  };
  CHECK(files("images") == static_cast<std::ptrdiff_t>(report.images));
  CHECK(files("masks") == static_cast<std::ptrdiff_t>(report.masks));
  CHECK(without_masks > 0);
  CHECK(gray_as_rgb > 0);
  CHECK(several_instances);
  CHECK(foregrounds == std::set<int>{1, 255});
  for (const char* part : {"--x_00", "--z_00", "--2d_none", "1.3.6.1.4.1", "_frame01--",
                           "_frame07--", "mr_flair--", "ultrasound_00--", "fundus_photography--"}) {
    CHECK_MESSAGE(names.find(part) != std::string::npos, part);
  }
}

TEST_CASE("phantom: an occupied folder and impossible options are refused") {
  const testing::TempDir folder;
  std::ofstream(folder / "mine.txt") << "precious";
  CHECK_THROWS_AS(phantom::write_sa_med2d(folder.path(), {}), Error);
  CHECK(read_text(folder / "mine.txt") == "precious");

  phantom::Options options;
  options.side = 3;
  CHECK_THROWS_AS(phantom::write_sa_med2d(folder / "a", options), Error);
  options = {};
  options.subjects = 0;
  CHECK_THROWS_AS(phantom::write_sa_med2d(folder / "b", options), Error);
  CHECK_THROWS_AS(phantom::make_slice("xray", 1, 1, 1, 64), Error);
  CHECK_THROWS_AS(phantom::class_names("xray"), Error);
}

}  // namespace slicebank
