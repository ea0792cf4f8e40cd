#include "store/internal/image_codec.h"

#include <doctest/doctest.h>

#include <bit>
#include <string>

#include "schema/error.h"
#include "store/internal/bytes.h"
#include "store/internal/plane_codec.h"
#include "store/internal/zstd.h"
#include "tests/support/samples.h"

namespace slicebank {
namespace {

using testing::make_image;
using testing::pixel_bits;
using testing::Random;
using testing::Texture;

EncodedImage encode(const Image& image, Effort effort = Effort::balanced) {
  return encode_image(image.view(), {effort, nullptr});
}

std::vector<std::byte> decode(const ImageShape& shape, ImageCodec codec, Bytes section) {
  std::vector<std::byte> pixels(static_cast<std::size_t>(shape.bytes()), std::byte{0xa5});
  decode_image_section(shape, codec, section, nullptr, pixels);
  return pixels;
}

// The codec that was chosen, after a look at whether the pixels come back.
ImageCodec codec_of(const Image& image, Effort effort = Effort::balanced) {
  const EncodedImage encoded = encode(image, effort);
  CHECK(decode(image.shape, encoded.codec, encoded.section) == image.image_hwc);
  CHECK(encoded.section.size() <= image.image_hwc.size());
  return encoded.codec;
}

// A smooth image whose values are given by a function of the place.
template <typename Value>
Image image_of(const ImageShape& shape, const Value& value) {
  Image image{shape, {}};
  for (std::uint32_t y = 0; y < shape.height; ++y) {
    for (std::uint32_t x = 0; x < shape.width; ++x) {
      const std::uint64_t bits = value(y, x);
      for (std::size_t i = 0; i < pixel_bytes(shape.pixel_type); ++i) {
        image.image_hwc.push_back(static_cast<std::byte>(bits >> (8 * i) & 0xff));
      }
    }
  }
  return image;
}

TEST_CASE("image codec: each kind of image gets its codec") {
  CHECK(codec_of(make_image({PixelType::u8, 28, 28, 1}, Texture::smooth, 1)) == ImageCodec::tiny);
  CHECK(codec_of(make_image({PixelType::u8, 200, 40, 1}, Texture::smooth, 1)) ==
        ImageCodec::updelta);
  CHECK(codec_of(make_image({PixelType::u16, 28, 28, 1}, Texture::smooth, 1)) ==
        ImageCodec::updelta);
  CHECK(codec_of(make_image({PixelType::u8, 100, 90, 1}, Texture::smooth, 1)) == ImageCodec::wave);
  CHECK(codec_of(make_image({PixelType::i16, 100, 90, 1}, Texture::smooth, 1)) == ImageCodec::wave);
  CHECK(codec_of(make_image({PixelType::i32, 100, 90, 1}, Texture::smooth, 1)) ==
        ImageCodec::mapped);
  CHECK(codec_of(make_image({PixelType::f16, 100, 90, 1}, Texture::smooth, 1)) ==
        ImageCodec::mapped);
  CHECK(codec_of(image_of({PixelType::f32, 100, 90, 1}, [](auto y, auto x) {
          return std::bit_cast<std::uint32_t>(static_cast<float>(y) / 7 +
                                              static_cast<float>(x) / 9);
        })) == ImageCodec::planes);
}

TEST_CASE("image codec: noise is stored as it is, flat images as next to nothing") {
  for (const PixelType type : testing::kPixelTypes) {
    CAPTURE(std::string(pixel_type_name(type)));
    CHECK(codec_of(make_image({type, 70, 80, 1}, Texture::noise, 1)) == ImageCodec::raw);
    const Image flat = make_image({type, 70, 80, 1}, Texture::flat, 1);
    codec_of(flat);
    CHECK(encode(flat).section.size() < 150);
  }
}

TEST_CASE("image codec: what repeats is left to zstd where that is smaller") {
  // One noisy row again and again, shifted: no prediction helps, a copy does.
  Random random(3);
  std::vector<std::uint64_t> row(1000);
  for (auto& value : row) value = random.below(256);
  const Image image = image_of({PixelType::f32, 64, 200, 1}, [&](auto y, auto x) {
    return row[(y * 3 + x) % 50] * 0x0101'0155u;
  });
  CHECK(codec_of(image) == ImageCodec::zstd);
}

TEST_CASE("image codec: wide types that hold integers are coded as 16 bit") {
  for (const PixelType type : {PixelType::u32, PixelType::i32, PixelType::f32, PixelType::f64}) {
    const std::int64_t bases[] = {0, 1000, type == PixelType::u32 ? 3'000'000'000 : -40'000};
    for (const std::int64_t base : bases) {
      CAPTURE(std::string(pixel_type_name(type)));
      CAPTURE(base);
      for (const std::int64_t span : {0, 1, 65'535}) {
        const Image image = image_of({type, 20, 60, 1}, [&](auto y, auto x) {
          const bool last = y == 19 && x == 59;
          return pixel_bits(type, base + (last ? span : std::min<std::int64_t>(span, x)));
        });
        CHECK(map_image(image.view())->mapping == Mapping::integers);
        codec_of(image);
      }
      const Image wide = image_of({type, 20, 60, 1}, [&](auto y, auto x) {
        return pixel_bits(type, base + (y == 19 && x == 59 ? 65'536 : x));
      });
      const auto mapped = map_image(wide.view());
      CHECK((!mapped || mapped->mapping != Mapping::integers));
      codec_of(wide);
    }
  }
}

TEST_CASE("image codec: doubles that are exact in single precision are coded as such") {
  const Image image = image_of({PixelType::f64, 40, 60, 1}, [](auto y, auto x) {
    return std::bit_cast<std::uint64_t>(
        double{static_cast<float>(y) / 7 + static_cast<float>(x) / 9});
  });
  REQUIRE(map_image(image.view()));
  CHECK(map_image(image.view())->mapping == Mapping::single_double);
  CHECK(codec_of(image) == ImageCodec::mapped);
  const Image fine = image_of({PixelType::f64, 40, 60, 1}, [](auto y, auto x) {
    return std::bit_cast<std::uint64_t>(static_cast<double>(y) / 7 + static_cast<double>(x) / 9);
  });
  CHECK_FALSE(map_image(fine.view()));
  CHECK(codec_of(fine) == ImageCodec::planes);
}

TEST_CASE("image codec: what a machine may round or flush is never mapped") {
  for (const std::uint64_t odd :
       {std::uint64_t{1}, std::uint64_t{1} << 31, std::uint64_t{0x7fc0'0001},
        std::uint64_t{0x7f80'0001}, std::uint64_t{0x7f80'0000}, std::uint64_t{0x0040'0000}}) {
    CAPTURE(odd);
    const Image image = image_of({PixelType::f32, 20, 60, 1}, [&](auto y, auto x) {
      return y == 3 && x == 4 ? odd : pixel_bits(PixelType::f32, x);
    });
    CHECK_FALSE(map_image(image.view()));
    codec_of(image);
  }
  // 2^-130 is exact in f32, but subnormal there.
  const Image small = image_of({PixelType::f64, 20, 60, 1}, [&](auto y, auto x) {
    return y == 3 && x == 4 ? std::bit_cast<std::uint64_t>(0x1p-130)
                            : pixel_bits(PixelType::f64, x);
  });
  CHECK_FALSE(map_image(small.view()));
  codec_of(small);
}

TEST_CASE("image codec: 16-bit values keep their range together in either signedness") {
  // Around the top bit: as the other signedness they would fall into two far parts.
  for (const PixelType type : {PixelType::u16, PixelType::i16}) {
    const std::uint64_t middle = type == PixelType::u16 ? 0x8000 : 0;
    const Image image =
        image_of({type, 60, 30, 1}, [&](auto y, auto x) { return (middle + x + y - 40) & 0xffff; });
    codec_of(image);
    CHECK(encode(image).section.size() < 200);
  }
}

TEST_CASE("image codec: channels that are equal cost one plane") {
  for (const PixelType type : {PixelType::u8, PixelType::u16, PixelType::i8}) {
    const Image gray = make_image({type, 40, 40, 1}, Texture::smooth, 5);
    const std::size_t size = pixel_bytes(type);
    Image colour{{type, 40, 40, 4}, {}};
    for (std::size_t at = 0; at < gray.image_hwc.size(); at += size) {
      for (int c = 0; c < 4; ++c) {
        colour.image_hwc.insert(colour.image_hwc.end(),
                                gray.image_hwc.begin() + static_cast<std::ptrdiff_t>(at),
                                gray.image_hwc.begin() + static_cast<std::ptrdiff_t>(at + size));
      }
    }
    codec_of(colour);
    CHECK(encode(colour).section.size() <= encode(gray).section.size() + 8);
  }
}

TEST_CASE("image codec: the smallest effort for bytes gives the fewest") {
  for (const PixelType type : testing::kPixelTypes) {
    std::size_t balanced = 0;
    std::size_t small = 0;
    for (std::uint64_t seed = 0; seed < 10; ++seed) {
      const Image image = make_image({type, 64, 40, 1}, Texture::smooth, seed);
      balanced += encode(image, Effort::balanced).section.size();
      small += encode(image, Effort::small).section.size();
    }
    CAPTURE(std::string(pixel_type_name(type)));
    CHECK(small <= balanced);
  }
}

// --- Hostile sections.

std::string complaint(const ImageShape& shape, ImageCodec codec, Bytes section) {
  try {
    decode(shape, codec, section);
  } catch (const Error& error) {
    CHECK(error.code() == ErrorCode::corrupt);
    return error.what();
  }
  return "none";
}

TEST_CASE("image codec: a codec that does not suit the pixels is refused") {
  const ImageShape gray{PixelType::u8, 20, 20, 1};
  const ImageShape wide{PixelType::f32, 20, 20, 1};
  const std::vector<std::byte> section(50);
  CHECK(complaint(gray, ImageCodec{0}, section).find("unknown image codec") == 0);
  CHECK(complaint(gray, ImageCodec::jpeg, section).find("unknown image codec") == 0);
  CHECK(complaint(gray, ImageCodec{9}, section).find("unknown image codec") == 0);
  CHECK(complaint(gray, ImageCodec::planes, section) == "the codec does not suit the pixels");
  CHECK(complaint(wide, ImageCodec::updelta, section) == "the codec does not suit the pixels");
  CHECK(complaint(wide, ImageCodec::wave, section) == "the wave codec does not suit the image");
  CHECK(complaint(gray, ImageCodec::wave, section) == "the wave codec does not suit the image");
  CHECK(complaint(wide, ImageCodec::tiny, section) == "the image is too large for its codec");
  CHECK(complaint({PixelType::u8, 65, 64, 1}, ImageCodec::tiny, section) ==
        "the image is too large for its codec");
  CHECK(complaint(gray, ImageCodec::mapped, section) == "a mapping that does not suit the pixels");
  CHECK(complaint(gray, ImageCodec::raw, section) == "the pixels are not as many as the image has");
}

TEST_CASE("image codec: lies in small sections are found") {
  const ImageShape gray{PixelType::u8, 20, 20, 1};
  const ImageShape wide{PixelType::f32, 20, 20, 1};
  for (const int transform : {0, 2, 4, 255}) {
    const std::vector<std::byte> section(9, static_cast<std::byte>(transform));
    CHECK(complaint(gray, ImageCodec::tiny, section) == "a transform that does not suit the image");
  }
  CHECK(complaint(gray, ImageCodec::tiny, {}) == "transform ends too early");
  CHECK(complaint({PixelType::u16, 20, 20, 1}, ImageCodec::updelta,
                  std::vector<std::byte>(2, std::byte{1})) == "bias of the planes ends too early");
  std::vector<std::byte> mapped{std::byte{1}, std::byte{7}};
  CHECK(complaint(wide, ImageCodec::mapped, mapped) == "a codec that is none for mapped pixels");
  mapped[1] = std::byte{1};
  append_little(mapped, std::int64_t{1} << 40);
  CHECK(complaint(wide, ImageCodec::mapped, mapped) == "a bias no pixel can have");
  mapped[0] = std::byte{2};
  CHECK(complaint(wide, ImageCodec::mapped, mapped) == "a mapping that does not suit the pixels");

  // A frame that gives more pixels than the image has, and two frames in place of one.
  const std::vector<std::byte> content(401);
  std::vector<std::byte> frame;
  zstd::append_frame(content, {}, frame);
  CHECK(complaint(gray, ImageCodec::zstd, frame) == "the zstd frame is not that of the image");
  frame.clear();
  zstd::append_frame(Bytes(content).first(200), {}, frame);
  zstd::append_frame(Bytes(content).first(200), {}, frame);
  CHECK(complaint(gray, ImageCodec::zstd, frame) == "the zstd frame is not that of the image");
}

TEST_CASE("image codec: a section cut off anywhere is found") {
  for (const PixelType type : testing::kPixelTypes) {
    for (const ImageShape shape : {ImageShape{type, 20, 20, 1}, ImageShape{type, 20, 60, 3}}) {
      const Image image = make_image(shape, Texture::smooth, 2);
      const EncodedImage encoded = encode(image);
      for (std::size_t size = 0; size < encoded.section.size(); ++size) {
        if (complaint(shape, encoded.codec, Bytes(encoded.section).first(size)) != "none") continue;
        FAIL_CHECK(pixel_type_name(type) << ": " << size << " of " << encoded.section.size());
      }
    }
  }
}

}  // namespace
}  // namespace slicebank
