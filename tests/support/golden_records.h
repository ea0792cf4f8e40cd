// The samples behind tests/golden/records: one for every way a record can be coded. The
// files there are the bytes that one release wrote; each later one must read them.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "tests/support/samples.h"

namespace slicebank::testing {

struct GoldenRecord {
  std::string name;  // of the file, without .record
  ImageCodec codec = ImageCodec::raw;
  Sample sample;
};

inline constexpr SampleId kGoldenId{258};
inline constexpr VolumeId kGoldenVolume{77};

// Small enough to be explained byte by byte: docs/format-record.md, "A worked example".
inline Sample worked_example() {
  Sample sample;
  sample.axis = Axis::z;
  sample.slice_index = 40;
  sample.name = "liver_007";
  sample.image.shape = {PixelType::u8, 4, 32, 1};
  Random random(1);
  for (int i = 0; i < 128; ++i) {
    sample.image.image_hwc.push_back(static_cast<std::byte>(random.below(256)));
  }
  const auto mask = [](std::uint32_t class_id, std::uint32_t instance, const char* rows) {
    Mask made;
    made.class_id = static_cast<ClassId>(class_id);
    made.raw_class = 3;
    made.instance = instance;
    for (; *rows != 0; ++rows) made.mask_hw.push_back(*rows == '#' ? 1 : 0);
    return made;
  };
  sample.masks.push_back(mask(300, 1,
                              "................................"
                              "....#####......................."
                              "...######......................."
                              "...###.##......................."));
  sample.masks.push_back(mask(300, 2,
                              "................................"
                              "................................"
                              "................................"
                              "................................"));
  sample.labels.push_back({ClassId{9}, 1, 0.5});
  return sample;
}

inline std::vector<GoldenRecord> golden_records() {
  std::vector<GoldenRecord> records;
  const auto add = [&](std::string name, ImageCodec codec, const ImageShape& shape,
                       Texture texture) {
    Sample sample = make_sample(shape, 5);
    sample.image = make_image(shape, texture, 12);
    records.push_back({std::move(name), codec, std::move(sample)});
  };
  records.push_back({"worked_example", ImageCodec::raw, worked_example()});
  add("u8_tiny", ImageCodec::tiny, {PixelType::u8, 28, 28, 1}, Texture::smooth);
  add("u8_tiny_colour", ImageCodec::tiny, {PixelType::u8, 28, 28, 3}, Texture::smooth);
  add("u8_updelta", ImageCodec::updelta, {PixelType::u8, 120, 40, 1}, Texture::smooth);
  add("i8_updelta", ImageCodec::updelta, {PixelType::i8, 30, 31, 2}, Texture::smooth);
  add("i16_updelta", ImageCodec::updelta, {PixelType::i16, 30, 31, 2}, Texture::smooth);
  add("u8_wave", ImageCodec::wave, {PixelType::u8, 60, 70, 1}, Texture::smooth);
  add("u8_wave_colour", ImageCodec::wave, {PixelType::u8, 40, 70, 3}, Texture::smooth);
  add("i16_wave", ImageCodec::wave, {PixelType::i16, 40, 70, 1}, Texture::smooth);
  add("u16_wave_channels", ImageCodec::wave, {PixelType::u16, 20, 60, 4}, Texture::smooth);
  add("i32_mapped", ImageCodec::mapped, {PixelType::i32, 20, 30, 1}, Texture::smooth);
  add("f32_mapped", ImageCodec::mapped, {PixelType::f32, 20, 30, 1}, Texture::smooth);
  add("f16_mapped", ImageCodec::mapped, {PixelType::f16, 20, 30, 2}, Texture::smooth);
  add("u16_raw", ImageCodec::raw, {PixelType::u16, 20, 30, 1}, Texture::noise);

  // Doubles whose last bits are noise, and such as were floats once.
  Random random(9);
  Sample doubles = make_sample({PixelType::f64, 20, 30, 1}, 5);
  Sample floats = doubles;
  for (std::size_t i = 0; i < 600; ++i) {
    const auto slope = static_cast<double>(1000 + i % 30 + i / 30);
    const std::uint64_t noisy =
        std::bit_cast<std::uint64_t>(slope) ^ (random.bits() & 0xfff'ffff'ffff);
    put_little(MutableBytes(doubles.image.image_hwc), i * 8, noisy);
    const float single = static_cast<float>(slope) + static_cast<float>(random.below(1024)) / 1024;
    put_little(MutableBytes(floats.image.image_hwc), i * 8,
               std::bit_cast<std::uint64_t>(double{single}));
  }
  records.push_back({"f64_planes", ImageCodec::planes, std::move(doubles)});
  records.push_back({"f64_as_f32", ImageCodec::mapped, std::move(floats)});

  // A noisy row again and again: a copy is shorter than any prediction.
  Sample repeats = make_sample({PixelType::u32, 40, 40, 1}, 5);
  for (std::size_t i = 0; i < 40; ++i) {
    put_little(MutableBytes(repeats.image.image_hwc), i * 4,
               static_cast<std::uint32_t>(random.bits()));
  }
  for (std::size_t i = 160; i < repeats.image.image_hwc.size(); ++i) {
    repeats.image.image_hwc[i] = repeats.image.image_hwc[(i - 160 + i / 160 * 4) % 160];
  }
  records.push_back({"u32_zstd", ImageCodec::zstd, std::move(repeats)});

  // More masks than a frame holds, many of them empty, and no label.
  Sample cells = make_sample({PixelType::u8, 24, 24, 1}, 5);
  cells.labels.clear();
  for (std::uint32_t i = 0; i < 150; ++i) {
    // One after another: in which order arguments are evaluated is the compiler's choice.
    const std::uint32_t centre_y = random.below(40);
    const std::uint32_t centre_x = random.below(40);
    Mask cell = make_disc(24, 24, centre_y, centre_x, 1 + random.below(3));
    cell.class_id = static_cast<ClassId>(1 + i % 3);
    cell.instance = i;
    cells.masks.push_back(std::move(cell));
  }
  records.push_back({"cells", ImageCodec::tiny, std::move(cells)});
  return records;
}

}  // namespace slicebank::testing
