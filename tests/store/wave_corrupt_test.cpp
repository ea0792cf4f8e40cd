// A section from a faulty or hostile writer: an Error, or an image of the right size, and
// never an access out of bounds. Run these with the sanitizers to see the last.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdio>
#include <random>

#include "schema/error.h"
#include "store/internal/wave/encoder.h"
#include "store/internal/wave/wave.h"
#include "tests/store/wave_images.h"

using namespace slicebank;
using slicebank::testing::wave_image;
using slicebank::testing::WavePattern;

namespace {

// True when the section decoded, false when it was refused. Anything else fails the test.
bool survives(const ImageShape& shape, Bytes section) {
  std::vector<std::byte> out(shape.bytes());
  // A copy that ends where the section ends, so that a sanitizer sees reads past it.
  const std::vector<std::byte> own(section.begin(), section.end());
  // Some of the rows: as bounded, and no other pixels than the whole has.
  const RowRange rows{shape.height / 3, shape.height / 2};
  std::vector<std::byte> part(shape.bytes());
  bool has_part = false;
  try {
    wave::decode(shape, own, part, rows);
    has_part = true;
  } catch (const Error& error) {
    CHECK(error.code() == ErrorCode::corrupt);
  }
  try {
    wave::decode(shape, own, out);
    const std::size_t row = shape.bytes() / shape.height;
    const auto first = static_cast<std::ptrdiff_t>(row * rows.begin);
    const auto last = static_cast<std::ptrdiff_t>(row * rows.end);
    const bool same =
        has_part && std::equal(out.begin() + first, out.begin() + last, part.begin() + first);
    if (!same) FAIL("rows are not those of the whole image");
    return true;
  } catch (const Error& error) {
    CHECK(error.code() == ErrorCode::corrupt);
    return false;
  }
}

struct Victim {
  ImageShape shape;
  std::vector<std::byte> section;
};

// Small sections that have every part: flat-coded runs, exceptions, raw bits, escapes,
// several planes, references, ranks.
std::vector<Victim> victims() {
  wave::EncoderOptions eager;
  eager.classes.flat_tile_price = 0;
  eager.classes.exception_price = 0;
  eager.classes.bytes_of_a_kind = 0;
  eager.classes.bytes_a_class = 256;
  eager.colour_flat_tile_price = 0;
  eager.colour_exception_price = 0;
  std::vector<Victim> out;
  const auto add = [&](PixelType type, std::uint32_t channels, WavePattern pattern) {
    const Image image = wave_image(type, 56, 40, channels, pattern, 21);
    out.push_back({image.shape, wave::encode_with(image.view(), eager)});
  };
  add(PixelType::u8, 1, WavePattern::specks);
  add(PixelType::u8, 1, WavePattern::mixed);
  add(PixelType::u8, 1, WavePattern::sparse);
  add(PixelType::u8, 3, WavePattern::steps);
  add(PixelType::i8, 2, WavePattern::noise_middle);
  add(PixelType::u16, 1, WavePattern::mixed);
  add(PixelType::i16, 1, WavePattern::specks);
  add(PixelType::u16, 4, WavePattern::steps);
  add(PixelType::u8, 3, WavePattern::constant);
  return out;
}

struct KernelGuard {
  std::string before{wave::kernels()};
  ~KernelGuard() { wave::set_kernels(before); }
};

}  // namespace

TEST_CASE("wave: every truncation of a section is refused") {
  for (const Victim& victim : victims()) {
    for (std::size_t size = 0; size < victim.section.size(); ++size) {
      CHECK_FALSE(survives(victim.shape, Bytes(victim.section).first(size)));
    }
    std::vector<std::byte> longer = victim.section;
    longer.push_back(std::byte{0});
    CHECK_FALSE(survives(victim.shape, longer));
  }
}

TEST_CASE("wave: every single flipped bit is refused or gives some image") {
  const KernelGuard guard;
  std::size_t refused = 0;
  std::size_t decoded = 0;
  for (const Victim& victim : victims()) {
    std::vector<std::byte> section = victim.section;
    for (std::size_t bit = 0; bit < 8 * section.size(); ++bit) {
      wave::set_kernels(bit % 3 == 0 ? "scalar" : bit % 3 == 1 ? "sse4.1" : guard.before);
      section[bit / 8] ^= static_cast<std::byte>(1u << bit % 8);
      (survives(victim.shape, section) ? decoded : refused) += 1;
      section[bit / 8] ^= static_cast<std::byte>(1u << bit % 8);
    }
  }
  // Neither outcome may have stopped to exist.
  CHECK(refused > 100);
  CHECK(decoded > 100);
}

TEST_CASE("wave: random damage is refused or gives some image") {
  const KernelGuard guard;
  const std::uint32_t seed = std::random_device()();
  std::printf("wave damage seed %u\n", seed);
  INFO("seed " << seed);
  std::mt19937 random(seed);
  const auto all = victims();
  for (int round = 0; round < 6000; ++round) {
    const Victim& victim = all[random() % all.size()];
    std::vector<std::byte> section = victim.section;
    for (auto changes = 1 + random() % 6; changes > 0; --changes) {
      // Half of the damage goes to the header, where the sizes are.
      const std::size_t header = std::min<std::size_t>(section.size(), 96);
      const std::size_t at = random() % (random() % 2 == 0 ? header : section.size());
      switch (random() % 4) {
        case 0:
          section[at] = static_cast<std::byte>(random());
          break;
        case 1:
          section[at] ^= static_cast<std::byte>(1u << random() % 8);
          break;
        case 2:
          section.erase(section.begin() + static_cast<std::ptrdiff_t>(at));
          break;
        default:
          section.insert(section.begin() + static_cast<std::ptrdiff_t>(at),
                         static_cast<std::byte>(random()));
          break;
      }
    }
    wave::set_kernels(round % 3 == 0 ? "scalar" : guard.before);
    survives(victim.shape, section);
  }
}

TEST_CASE("wave: a section decoded as another shape is refused or gives some image") {
  for (const Victim& victim : victims()) {
    for (const PixelType type : {PixelType::u8, PixelType::u16, PixelType::i16}) {
      for (const std::uint32_t width : {48u, 55u, 57u, 112u}) {
        for (const std::uint32_t channels : {1u, 2u, 3u, 32u}) {
          survives({type, 40, width, channels}, victim.section);
        }
      }
    }
    CHECK_FALSE(survives({PixelType::u8, 4, 20, 1}, victim.section));
  }
}

TEST_CASE("wave: fields that are out of their range are named") {
  const Image image = wave_image(PixelType::u8, 64, 32, 3, WavePattern::noise_low, 2);
  const auto good = wave::encode(image.view(), Effort::balanced);
  const auto message_with = [&](std::size_t at, std::uint8_t value) {
    std::vector<std::byte> section = good;
    section[at] = std::byte{value};
    std::vector<std::byte> out(image.shape.bytes());
    try {
      wave::decode(image.shape, section, out);
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string("no error");
  };
  CHECK(message_with(0, 2) == "image section: unknown profile");
  CHECK(message_with(1, 2) == "image section: unknown transform");
  CHECK(message_with(2, 0) == "image section: number of planes");
  CHECK(message_with(3, 8) == "image section: unknown flags");
  CHECK(message_with(4, 2) == "image section: number of strips");
}
