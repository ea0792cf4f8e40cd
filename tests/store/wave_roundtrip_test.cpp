// Every kernel gives the same bytes and the same pixels, for every shape and every kind of
// content that the codec tells apart.
#include <doctest/doctest.h>

#include <array>
#include <set>

#include "store/internal/wave/encoder.h"
#include "store/internal/wave/section.h"
#include "store/internal/wave/wave.h"
#include "store/internal/zstd.h"
#include "tests/store/wave_images.h"

using namespace slicebank;
using slicebank::testing::wave_case;
using slicebank::testing::wave_image;
using slicebank::testing::WavePattern;

namespace {

constexpr std::array<PixelType, 4> kTypes = {PixelType::u8, PixelType::i8, PixelType::u16,
                                             PixelType::i16};

// Puts the fastest kernels back when a test ends.
struct KernelGuard {
  std::string before{wave::kernels()};
  ~KernelGuard() { wave::set_kernels(before); }
};

std::vector<std::string> kernels_here() {
  const KernelGuard guard;
  std::vector<std::string> names;
  for (const char* name : {"scalar", "sse4.1", "avx2", "neon"}) {
    if (wave::set_kernels(name)) names.emplace_back(name);
  }
  return names;
}

// Decodes with room on either side that must stay as it was.
std::vector<std::byte> decode_guarded(const ImageShape& shape, Bytes section) {
  constexpr std::size_t kGuard = 64;
  const std::size_t size = shape.bytes();
  std::vector<std::byte> room(size + 2 * kGuard, std::byte{0xa5});
  wave::decode(shape, section, MutableBytes(room).subspan(kGuard, size));
  for (std::size_t i = 0; i < kGuard; ++i) {
    REQUIRE(room[i] == std::byte{0xa5});
    REQUIRE(room[kGuard + size + i] == std::byte{0xa5});
  }
  return {room.begin() + kGuard, room.begin() + static_cast<std::ptrdiff_t>(kGuard + size)};
}

// Encodes and decodes with every kernel; the section, once all agree.
std::vector<std::byte> check_all_kernels(const Image& image, const wave::EncoderOptions& options,
                                         const std::string& name) {
  const KernelGuard guard;
  REQUIRE(wave::set_kernels("scalar"));
  const auto expected = wave::encode_with(image.view(), options);
  for (const std::string& kernels : kernels_here()) {
    REQUIRE(wave::set_kernels(kernels));
    INFO(name << " with " << kernels);
    const auto section = wave::encode_with(image.view(), options);
    REQUIRE(section == expected);
    REQUIRE(decode_guarded(image.shape, section) == image.image_hwc);
  }
  return expected;
}

// Small segments and free flat coding: every kind and class gets its turn.
wave::EncoderOptions eager_options() {
  wave::EncoderOptions options;
  options.classes.flat_tile_price = 0;
  options.classes.exception_price = 0;
  options.classes.coded_byte_price = 0;
  options.classes.bytes_a_class = 256;
  options.classes.bytes_of_a_kind = 0;
  options.colour_flat_tile_price = 0;
  options.colour_exception_price = 0;
  return options;
}

// What the sections of a run were made of.
struct Reached {
  std::set<std::uint32_t> class_slots;
  std::set<std::uint32_t> predictors;
  std::uint64_t escapes = 0;
  std::uint64_t exceptions = 0;
  std::uint64_t long_gaps = 0;
  std::uint64_t zero_tiles = 0;
  std::uint8_t flags = 0;
  bool green = false;

  void add(const ImageShape& shape, Bytes bytes) {
    const wave::Section section = wave::parse_section(shape, bytes);
    std::vector<std::byte> map(section.tiles);
    zstd::decompress_magicless(section.frames[wave::kFrameMap], nullptr, map);
    for (const std::byte tile : map) {
      const auto byte = static_cast<std::uint32_t>(tile);
      class_slots.insert(wave::map_class_slot(byte));
      predictors.insert(wave::map_predictor(byte));
      zero_tiles += wave::map_class_slot(byte) == 0;
    }
    escapes += section.sizes.escapes;
    exceptions += section.sizes.exceptions;
    long_gaps += section.sizes.gap_bytes - section.sizes.exceptions;
    flags |= section.header.flags;
    green = green || section.header.transform == wave::Transform::subtract_green;
  }
};

}  // namespace

TEST_CASE("wave: every kernel agrees with the scalar one for every small shape") {
  std::uint32_t seed = 1;
  for (std::uint32_t width = 48; width <= 112; ++width) {
    for (std::uint32_t height = 1; height <= 40; ++height) {
      for (const PixelType type : kTypes) {
        if (!wave::suits({type, height, width, 1})) continue;
        // Patterns and channel counts take turns, so that all pairs come up many times.
        const auto pattern = static_cast<WavePattern>(seed * 7 % testing::kWavePatterns);
        const std::uint32_t channels = 1 + seed % 4;
        const Image image = wave_image(type, width, height, channels, pattern, seed);
        const auto options = seed % 3 == 0 ? eager_options() : wave::EncoderOptions();
        check_all_kernels(image, options, wave_case(image, pattern, seed));
        ++seed;
      }
    }
  }
}

TEST_CASE("wave: every pattern survives in every pixel type and channel count") {
  for (int pattern = 0; pattern < testing::kWavePatterns; ++pattern) {
    for (const PixelType type : kTypes) {
      for (const std::uint32_t channels : {1u, 2u, 3u, 4u, 7u, 32u}) {
        const auto kind = static_cast<WavePattern>(pattern);
        const Image image = wave_image(type, 97, 67, channels, kind, 11);
        check_all_kernels(image, {}, wave_case(image, kind, 11));
      }
    }
  }
}

TEST_CASE("wave: the test images reach every predictor, kind, escape and exception") {
  for (const bool wide : {false, true}) {
    Reached reached;
    for (int pattern = 0; pattern < testing::kWavePatterns; ++pattern) {
      for (const std::uint32_t channels : {1u, 3u}) {
        const auto kind = static_cast<WavePattern>(pattern);
        const Image image =
            wave_image(wide ? PixelType::u16 : PixelType::u8, 300, 280, channels, kind, 5);
        for (const auto& options : {eager_options(), wave::EncoderOptions()}) {
          reached.add(image.shape, check_all_kernels(image, options, wave_case(image, kind, 5)));
        }
      }
    }
    CHECK(reached.predictors == std::set<std::uint32_t>{0, 1, 2, 3, 4});
    for (const std::uint32_t family : {0u, wave::kFlatFamily}) {
      for (std::size_t kind = 0; kind < wave::kKinds; ++kind) {
        INFO("family " << family << " kind " << kind << " wide " << wide);
        CHECK(reached.class_slots.count(family + wave::kFirstClass[kind]) == 1);
      }
    }
    CHECK(reached.zero_tiles > 0);
    CHECK(reached.exceptions > 0);
    CHECK(reached.long_gaps > 0);
    CHECK((reached.escapes > 0) == wide);
    CHECK(((reached.flags & wave::kFlagRanks) != 0) == !wide);
    CHECK(reached.green == !wide);
  }
}

TEST_CASE("wave: gray stored as RGB costs one plane and a byte or two") {
  const Image gray = wave_image(PixelType::u8, 128, 96, 1, WavePattern::mixed, 3);
  Image rgb{{PixelType::u8, 96, 128, 3}, {}};
  for (const std::byte value : gray.image_hwc) {
    for (int channel = 0; channel < 3; ++channel) rgb.image_hwc.push_back(value);
  }

  const auto of_gray = check_all_kernels(gray, {}, "gray");
  const auto of_rgb = check_all_kernels(rgb, {}, "gray as RGB");

  CHECK(of_rgb.size() == of_gray.size());
  CHECK((wave::parse_section(rgb.shape, of_rgb).header.flags & wave::kFlagEqual) != 0);
}

TEST_CASE("wave: a channel that repeats an earlier one is a reference") {
  for (const PixelType type : kTypes) {
    const Image three = wave_image(type, 80, 40, 3, WavePattern::mixed, 8);
    const std::size_t size = pixel_bytes(type);
    Image five{{type, 40, 80, 5}, {}};
    for (std::size_t at = 0; at < three.image_hwc.size(); at += 3 * size) {
      for (const std::size_t channel : {0u, 1u, 0u, 2u, 1u}) {
        const auto from =
            three.image_hwc.begin() + static_cast<std::ptrdiff_t>(at + channel * size);
        five.image_hwc.insert(five.image_hwc.end(), from, from + static_cast<std::ptrdiff_t>(size));
      }
    }

    const auto section = check_all_kernels(five, {}, "references");

    const auto header = wave::parse_section(five.shape, section).header;
    CHECK(header.planes == 3);
    const auto& plane_of_channel = header.plane_of_channel;
    CHECK(std::vector<std::uint8_t>(plane_of_channel.begin(), plane_of_channel.begin() + 5) ==
          std::vector<std::uint8_t>{0, 1, 0, 2, 1});
  }
}

TEST_CASE("wave: unsigned values beyond 32767 keep their range in one piece") {
  Image low = wave_image(PixelType::u16, 96, 64, 1, WavePattern::noise_middle, 4);
  Image high = low;
  for (std::size_t at = 0; at < high.image_hwc.size(); at += 2) {
    std::uint16_t value = 0;
    std::memcpy(&value, &high.image_hwc[at], 2);
    value = static_cast<std::uint16_t>(value + 32700);  // 32800 is in the middle
    std::memcpy(&high.image_hwc[at], &value, 2);
  }

  const auto of_low = check_all_kernels(low, {}, "low");
  const auto of_high = check_all_kernels(high, {}, "high");

  CHECK(of_low.size() == of_high.size());
}

TEST_CASE("wave: all efforts give sections that any kernel decodes") {
  for (const Effort effort : {Effort::fast, Effort::balanced, Effort::small}) {
    const Image image = wave_image(PixelType::u8, 256, 200, 3, WavePattern::mixed, 9);
    const auto section = wave::encode(image.view(), effort);
    const KernelGuard guard;
    for (const std::string& kernels : kernels_here()) {
      REQUIRE(wave::set_kernels(kernels));
      CHECK(decode_guarded(image.shape, section) == image.image_hwc);
      CHECK(wave::encode(image.view(), effort) == section);
    }
  }
}

TEST_CASE("wave: only the documented shapes suit") {
  CHECK(wave::suits({PixelType::u8, 16, 48, 1}));
  CHECK(wave::suits({PixelType::i8, 16, 48, 32}));
  CHECK(wave::suits({PixelType::u16, 8, 48, 1}));
  CHECK_FALSE(wave::suits({PixelType::u8, 15, 48, 1}));
  CHECK_FALSE(wave::suits({PixelType::u8, 16, 47, 1}));
  CHECK_FALSE(wave::suits({PixelType::i16, 7, 48, 1}));
  CHECK_FALSE(wave::suits({PixelType::u8, 16, 48, 33}));
  CHECK_FALSE(wave::suits({PixelType::u8, 16, 48, 0}));
  CHECK_FALSE(wave::suits({PixelType::f32, 64, 64, 1}));
}

TEST_CASE("wave: set_kernels refuses what it does not know") {
  const std::string before(wave::kernels());
  CHECK_FALSE(wave::set_kernels("abacus"));
  CHECK(wave::kernels() == before);
}
