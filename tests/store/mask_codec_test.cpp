#include "store/internal/mask_codec.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "schema/error.h"
#include "store/internal/bytes.h"
#include "store/internal/zstd.h"
#include "tests/support/samples.h"

namespace slicebank {
namespace {

using testing::make_disc;
using testing::make_noise_mask;
using testing::Random;

// Table and section of the masks, as encode_sample() makes them.
struct Coded {
  RecordMeta meta;
  std::vector<std::byte> section;
};

Coded encode(const std::vector<Mask>& masks, std::uint32_t height, std::uint32_t width,
             Effort effort = Effort::balanced) {
  Coded coded;
  std::vector<MaskRuns> runs;
  for (const Mask& mask : masks) {
    runs.push_back(scan_mask(mask.mask_hw, height, width));
    AnnotationInfo info;
    info.class_id = mask.class_id;
    info.raw_class = mask.raw_class;
    info.instance = mask.instance;
    info.source_value = mask.source_value;
    info.area = runs.back().area;
    info.box = runs.back().box;
    coded.meta.annotations.push_back(info);
  }
  EncodedMasks encoded = encode_masks(runs, width, effort);
  coded.meta.encodings = std::move(encoded.encodings);
  coded.section = std::move(encoded.section);
  return coded;
}

void check_round_trip(std::vector<Mask> masks, std::uint32_t height, std::uint32_t width) {
  CAPTURE(height);
  CAPTURE(width);
  for (std::size_t i = 0; i < masks.size(); ++i) {
    masks[i].class_id = static_cast<ClassId>(1 + i % 7);
    masks[i].instance = static_cast<std::uint32_t>(i);
  }
  for (const Effort effort : {Effort::balanced, Effort::small}) {
    const Coded coded = encode(masks, height, width, effort);
    CHECK(decode_masks_section(coded.section, coded.meta, height, width, {}) == masks);
    // Any choice of classes gives just those, whatever lies between them.
    for (const std::vector<ClassId>& classes :
         {std::vector<ClassId>{ClassId{3}}, std::vector<ClassId>{ClassId{1}, ClassId{7}}}) {
      std::vector<Mask> wanted;
      for (const Mask& mask : masks) {
        if (std::count(classes.begin(), classes.end(), mask.class_id) != 0) wanted.push_back(mask);
      }
      CHECK(decode_masks_section(coded.section, coded.meta, height, width, classes) == wanted);
    }
  }
}

Mask from_text(const std::vector<std::string>& rows) {
  Mask mask;
  for (const std::string& row : rows) {
    for (const char pixel : row) mask.mask_hw.push_back(pixel == '#' ? 1 : 0);
  }
  mask.class_id = ClassId{1};
  return mask;
}

Mask filled(std::uint32_t height, std::uint32_t width, std::uint8_t value) {
  Mask mask;
  mask.mask_hw.assign(std::size_t{height} * width, value);
  return mask;
}

TEST_CASE("mask codec: scanning finds box, area and runs") {
  const Mask mask = from_text({"........", "..##..#.", "........", "###.####", "........"});
  const MaskRuns runs = scan_mask(mask.mask_hw, 5, 8);
  CHECK(runs.box == Box{0, 1, 8, 4});
  CHECK(runs.area == 10);
  CHECK(runs.row_runs == std::vector<std::uint32_t>{2, 0, 2});
  CHECK(runs.edges == std::vector<std::uint32_t>{2, 4, 6, 7, 0, 3, 4, 8});
}

TEST_CASE("mask codec: scanning equals looking at every pixel") {
  const std::uint64_t seed = 4;
  CAPTURE(seed);
  Random random(seed);
  for (int round = 0; round < 300; ++round) {
    const std::uint32_t height = 1 + random.below(20);
    const std::uint32_t width = 1 + random.below(300);
    const Mask mask = make_noise_mask(height, width, random.below(257), random);
    Box box{width, height, 0, 0};
    std::uint64_t area = 0;
    for (std::uint32_t y = 0; y < height; ++y) {
      for (std::uint32_t x = 0; x < width; ++x) {
        if (mask.mask_hw[y * width + x] == 0) continue;
        ++area;
        box = {std::min(box.x0, x), std::min(box.y0, y), std::max(box.x1, x + 1),
               std::max(box.y1, y + 1)};
      }
    }
    if (area == 0) box = {};
    const MaskRuns runs = scan_mask(mask.mask_hw, height, width);
    CHECK(runs.box == box);
    CHECK(runs.area == area);
  }
}

TEST_CASE("mask codec: other values and other sizes are refused") {
  Mask mask = filled(10, 100, 1);
  CHECK_THROWS_AS(scan_mask(mask.mask_hw, 100, 11), Error);
  for (const std::size_t at : {0u, 63u, 64u, 99u, 999u}) {
    for (const int value : {2, 128, 254, 255}) {
      mask = filled(10, 100, 1);
      mask.mask_hw[at] = static_cast<std::uint8_t>(value);
      CHECK_THROWS_AS(scan_mask(mask.mask_hw, 10, 100), Error);
    }
  }
}

TEST_CASE("mask codec: particular shapes come back") {
  for (const std::uint32_t width : {1u, 2u, 7u, 8u, 9u, 63u, 64u, 65u, 127u, 128u, 129u, 700u}) {
    for (const std::uint32_t height : {1u, 2u, 9u}) {
      std::vector<Mask> masks{filled(height, width, 0), filled(height, width, 1)};
      Mask corner = filled(height, width, 0);
      corner.mask_hw.front() = 1;
      masks.push_back(corner);
      corner.mask_hw.back() = 1;
      masks.push_back(corner);
      corner.mask_hw.front() = 0;
      masks.push_back(corner);
      Mask checker = filled(height, width, 0);
      for (std::size_t i = 0; i < checker.mask_hw.size(); ++i) {
        checker.mask_hw[i] = static_cast<std::uint8_t>((i / width + i) % 2);
      }
      masks.push_back(checker);
      Mask stripes = filled(height, width, 0);
      for (std::size_t i = 0; i < stripes.mask_hw.size(); i += 2) stripes.mask_hw[i] = 1;
      masks.push_back(stripes);
      check_round_trip(masks, height, width);
    }
  }
}

TEST_CASE("mask codec: the widest and the highest mask come back") {
  Random random(8);
  check_round_trip({make_noise_mask(2, 65'535, 128, random), filled(2, 65'535, 1),
                    make_disc(2, 65'535, 1, 65'534, 1)},
                   2, 65'535);
  check_round_trip({make_noise_mask(65'535, 1, 128, random), filled(65'535, 1, 1)}, 65'535, 1);
}

TEST_CASE("mask codec: random masks come back") {
  const std::uint64_t seed = 99;
  CAPTURE(seed);
  Random random(seed);
  for (int round = 0; round < 60; ++round) {
    const std::uint32_t height = 1 + random.below(70);
    const std::uint32_t width = 1 + random.below(150);
    std::vector<Mask> masks;
    for (std::uint32_t i = random.below(150); i > 0; --i) {
      const std::uint32_t kind = random.below(10);
      if (kind == 0) {
        masks.push_back(filled(height, width, 0));
      } else if (kind == 1) {
        masks.push_back(make_noise_mask(height, width, random.below(257), random));
      } else {
        masks.push_back(
            make_disc(height, width, random.below(70), random.below(150), random.below(30)));
      }
    }
    check_round_trip(masks, height, width);
  }
}

TEST_CASE("mask codec: thousands of cells come back, one class alone as well") {
  Random random(6);
  std::vector<Mask> cells;
  for (int i = 0; i < 3000; ++i) {
    cells.push_back(make_disc(64, 64, random.below(64), random.below(64), 1 + random.below(4)));
  }
  check_round_trip(cells, 64, 64);
}

TEST_CASE("mask codec: noise is kept as bits, blobs as runs, nothing as nothing") {
  Random random(3);
  const Coded coded = encode(
      {make_noise_mask(64, 64, 128, random), make_disc(64, 64, 30, 30, 20), filled(64, 64, 0)}, 64,
      64);
  CHECK(coded.meta.encodings ==
        std::vector<MaskEncoding>{MaskEncoding::bits, MaskEncoding::runs, MaskEncoding::empty});
  CHECK(coded.section.size() < 64 * 64 / 8 + 200);
}

TEST_CASE("mask codec: a blob costs a small part of its bits") {
  const Coded coded = encode({make_disc(256, 256, 120, 130, 90)}, 256, 256);
  CHECK(coded.section.size() < 256 * 256 / 8 / 50);
}

// --- What a hostile writer may say about one mask in an image of 8 rows of 40 pixels.

using Numbers = std::vector<std::uint8_t>;

std::string complaint(MaskEncoding encoding, const Numbers& counts, const Numbers& ends,
                      const Box& box, std::uint64_t area) {
  std::vector<std::byte> section;
  append_varint(section, counts.size());
  append_varint(section, ends.size());
  append_varint(section, 0);
  append_bytes(section, std::as_bytes(std::span(counts)));
  append_bytes(section, std::as_bytes(std::span(ends)));
  RecordMeta meta;
  AnnotationInfo info;
  info.class_id = ClassId{1};
  info.box = box;
  info.area = area;
  meta.annotations.push_back(info);
  meta.encodings.push_back(encoding);
  try {
    decode_masks_section(section, meta, 8, 40, {});
  } catch (const Error& error) {
    CHECK(error.code() == ErrorCode::corrupt);
    return error.what();
  }
  return "none";
}

// Paints every mask into one picture.
class Painter : public MaskSink {
 public:
  explicit Painter(std::vector<std::uint8_t>& picture_hw) : picture_hw_(picture_hw) {}
  bool wants_mask(std::size_t) override { return true; }
  std::uint8_t foreground(std::size_t mask) override {
    return static_cast<std::uint8_t>(200 + mask);
  }
  std::span<std::uint8_t> begin_mask(std::size_t) override { return picture_hw_; }
  void end_mask(std::size_t) override {}

 private:
  std::vector<std::uint8_t>& picture_hw_;
};

TEST_CASE("mask codec: masks painted into one picture leave what is around them") {
  constexpr std::uint32_t kHeight = 70;
  constexpr std::uint32_t kWidth = 83;
  Random random(9);
  const std::vector<Mask> masks = {make_disc(kHeight, kWidth, 30, 30, 22),
                                   make_noise_mask(kHeight, kWidth, 128, random),
                                   make_disc(kHeight, kWidth, 40, 50, 9)};
  const Coded coded = encode(masks, kHeight, kWidth);
  CHECK(coded.meta.encodings[0] == MaskEncoding::runs);
  CHECK(coded.meta.encodings[1] == MaskEncoding::bits);
  std::vector<std::uint8_t> picture(std::size_t{kHeight} * kWidth);
  for (std::size_t i = 0; i < picture.size(); ++i) picture[i] = static_cast<std::uint8_t>(i % 97);
  std::vector<std::uint8_t> expected = picture;
  for (std::size_t mask = 0; mask < masks.size(); ++mask) {
    for (std::size_t i = 0; i < expected.size(); ++i) {
      if (masks[mask].mask_hw[i] != 0) expected[i] = static_cast<std::uint8_t>(200 + mask);
    }
  }

  Painter painter(picture);
  decode_masks_section(coded.section, coded.meta, kHeight, kWidth, painter);

  CHECK(picture == expected);
}

TEST_CASE("mask codec: every lie about runs is found") {
  constexpr Box kBox{3, 1, 7, 6};
  const auto lie = [&](const Numbers& counts, const Numbers& ends, std::uint64_t area = 20) {
    return complaint(MaskEncoding::runs, counts, ends, kBox, area);
  };
  const Numbers ones{1, 1, 1, 1, 1};
  CHECK(lie(ones, {3, 4, 0, 0, 0, 0, 0, 0, 0, 0}) == "none");
  CHECK(lie({1, 1, 0, 1, 1}, {3, 4, 0, 0, 3, 4, 0, 0}, 16) == "none");
  CHECK(lie({1, 1, 1, 1}, {3, 4, 0, 0, 0, 0, 0, 0}, 16) == "the runs of a mask end too early");
  CHECK(lie(ones, {3, 4, 0, 0, 0, 0, 0, 0, 0}) == "the runs of a mask end too early");
  CHECK(lie(ones, {3, 4, 0, 0, 0, 0, 0, 0, 0, 0x80}) == "the runs of a mask end too early");
  // A start or end one column to the left is 1 in zigzag, one to the right 2.
  CHECK(lie(ones, {3, 4, 1, 1, 0, 0, 0, 0, 0, 0}) == "a box is not that of its mask");
  CHECK(lie(ones, {3, 4, 0, 2, 0, 0, 0, 0, 0, 0}) == "a box is not that of its mask");
  CHECK(lie(ones, {3, 4, 7, 0, 0, 0, 0, 0, 0, 0}) == "runs are out of order");
  CHECK(lie(ones, {3, 4, 8, 0, 0, 0, 0, 0, 0, 0}) == "runs are out of order");
  CHECK(lie(ones, {3, 38, 0, 0, 0, 0, 0, 0, 0, 0}) == "runs are out of order");
  CHECK(lie(ones, {3, 0, 0, 0, 0, 0, 0, 0, 0, 0}) == "runs are out of order");
  // The second run touches the first.
  CHECK(lie({2, 1, 1, 1, 1}, {3, 1, 0, 3, 3, 4, 0, 0, 0, 0, 0, 0}) == "runs are out of order");
  CHECK(lie(ones, {3, 4, 0, 0, 0, 0, 0, 0, 0, 0}, 19) == "an area is not that of its mask");
  CHECK(lie({0, 1, 1, 1, 1}, {3, 4, 0, 0, 0, 0, 0, 0}, 16) == "a box is larger than its mask");
  CHECK(lie({1, 1, 1, 1, 0}, {3, 4, 0, 0, 0, 0, 0, 0}, 16) == "a box is larger than its mask");
  CHECK(lie(ones, {3, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0}) == "runs behind the last mask of a frame");
  CHECK(lie({1, 1, 1, 1, 1, 1}, {3, 4, 0, 0, 0, 0, 0, 0, 0, 0}) ==
        "runs behind the last mask of a frame");
  CHECK(lie({21, 1, 1, 1, 1}, {3, 4}) == "more runs than a row can have");
  CHECK(lie({0x81, 0, 1, 1, 1, 1}, {3, 4, 0, 0, 0, 0, 0, 0, 0, 0}) ==
        "a run is not in its shortest form");
  CHECK(lie({0xff, 0xff, 0xff, 1, 1, 1}, {3, 4}) == "a run is longer than any row");
  // Runs never take more bytes than the rows as bits: 25.
  CHECK(lie(ones, Numbers(21)) == "length of the run ends is 21");
  CHECK(lie(Numbers(26), {1}) == "length of the run counts is 26");
  CHECK(lie(ones, {}) == "length of the run ends is 0");
}

TEST_CASE("mask codec: every lie about bits is found") {
  constexpr Box kBox{3, 1, 6, 3};
  const auto lie = [&](const Numbers& ends, std::uint64_t area = 6) {
    return complaint(MaskEncoding::bits, {}, ends, kBox, area);
  };
  CHECK(lie({0x38, 0, 0, 0, 0, 0x38, 0, 0, 0, 0}) == "none");
  CHECK(lie({0x38, 0, 0, 0, 0, 0x38, 0, 0, 0}) == "the bits of a mask end too early");
  CHECK(lie({0x38, 0, 0, 0, 0, 0x18, 0, 0, 0, 0}) == "an area is not that of its mask");
  CHECK(lie({0x1c, 0, 0, 0, 0, 0x38, 0, 0, 0, 0}) == "a box is not that of its mask");
  CHECK(lie({0x38, 0, 0, 0, 0, 0x70, 0, 0, 0, 0}) == "a box is not that of its mask");
  CHECK(lie({0x38, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 3) == "a box is larger than its mask");
  CHECK(lie({0, 0, 0, 0, 0, 0x38, 0, 0, 0, 0}, 3) == "a box is larger than its mask");
  CHECK(complaint(MaskEncoding::bits, {1}, {0x38, 0, 0, 0, 0, 0x38, 0, 0, 0}, kBox, 6) ==
        "the bits of a mask end too early");
}

TEST_CASE("mask codec: bits behind the last pixel are found") {
  // Three rows of three pixels are nine bits; seven are left over.
  Coded coded = encode({from_text({"#.#", ".#.", "#.#"})}, 3, 3);
  REQUIRE(coded.meta.encodings[0] == MaskEncoding::bits);
  CHECK(decode_masks_section(coded.section, coded.meta, 3, 3, {}).size() == 1);
  coded.section.back() |= std::byte{0x80};
  coded.meta.annotations[0].area = 6;
  CHECK_THROWS_WITH_AS(decode_masks_section(coded.section, coded.meta, 3, 3, {}),
                       "bits behind the last row of a mask", Error);
}

TEST_CASE("mask codec: a frame that is longer or shorter than it says is found") {
  const Mask disc = make_disc(90, 90, 40, 40, 30);
  Coded coded = encode({disc}, 90, 90);
  ByteReader reader(coded.section);
  const auto counts = reader.varint(0, 1000, "counts");
  const auto ends = reader.varint(0, 1000, "ends");
  REQUIRE(reader.varint(1, 1000, "frame") > 0);
  std::vector<std::byte> content(counts + ends + 1);
  zstd::decompress_magicless(reader.rest(), nullptr, MutableBytes(content).first(counts + ends));
  for (const std::size_t size : {counts + ends - 1, counts + ends + 1}) {
    std::vector<std::byte> frame;
    zstd::append_frame(Bytes(content).first(size), {.magicless = true}, frame);
    std::vector<std::byte> section;
    append_varint(section, counts);
    append_varint(section, ends);
    append_varint(section, frame.size());
    append_bytes(section, frame);
    CHECK_THROWS_AS(decode_masks_section(section, coded.meta, 90, 90, {}), Error);
  }
  coded.section.push_back(std::byte{0});
  CHECK_THROWS_AS(decode_masks_section(coded.section, coded.meta, 90, 90, {}), Error);
}

}  // namespace
}  // namespace slicebank
