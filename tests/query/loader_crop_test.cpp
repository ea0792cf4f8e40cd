// Crops and patches of slices that are large enough for every codec: parts equal the whole.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <utility>
#include <vector>

#include "query/loader.h"
#include "query/loader_volume.h"
#include "query/volume_foreground.h"
#include "tests/query/loader_bank.h"

namespace slicebank {
namespace {

using testing::blob;
using testing::DrawnSample;
using testing::image_of;
using testing::LoaderBank;

constexpr std::uint32_t kHeight = 90;
constexpr std::uint32_t kWidth = 70;

// Smooth, so that the wave codec takes it where it can.
template <typename T>
Image smooth(PixelType type, std::uint32_t channels, std::uint64_t seed) {
  SplitMix random(seed);
  std::vector<T> values(std::size_t{kHeight} * kWidth * channels);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::size_t x = i / channels % kWidth;
    const std::size_t y = i / channels / kWidth;
    values[i] = static_cast<T>(x / 2 + y / 3 + seed + random.below(4));
  }
  return image_of(type, kHeight, kWidth, channels, values);
}

std::vector<Image> images() {
  return {smooth<std::uint8_t>(PixelType::u8, 1, 1),  smooth<std::uint8_t>(PixelType::u8, 3, 2),
          smooth<std::int16_t>(PixelType::i16, 1, 3), smooth<std::uint16_t>(PixelType::u16, 3, 4),
          smooth<float>(PixelType::f32, 1, 5),        smooth<double>(PixelType::f64, 1, 6),
          smooth<std::int32_t>(PixelType::i32, 3, 7)};
}

// Rows and columns of a plane that a crop shows.
template <typename T>
std::vector<T> part(std::span<const T> plane, const Box& box) {
  std::vector<T> cut;
  for (std::uint32_t y = box.y0; y < box.y1; ++y) {
    for (std::uint32_t x = box.x0; x < box.x1; ++x) cut.push_back(plane[y * kWidth + x]);
  }
  return cut;
}

TEST_CASE("loader crop: a crop shows what the whole slice shows there, whatever intensities mean") {
  LoaderBank drawn;
  for (Image& image : images()) {
    DrawnSample sample;
    sample.image = std::move(image);
    sample.masks.push_back({"liver", 0, blob(kHeight, kWidth, {10, 20, 60, 80})});
    sample.masks.push_back({"liver", 1, blob(kHeight, kWidth, {1, 1, 30, 40})});
    sample.masks.push_back({"spleen", 0, blob(kHeight, kWidth, {40, 5, 65, 30})});
    drawn.add(std::move(sample));
  }
  const Bank bank = drawn.bank();
  std::size_t wrong = 0;
  for (const IntensitySpec::Kind kind :
       {IntensitySpec::Kind::none, IntensitySpec::Kind::window, IntensitySpec::Kind::percentile,
        IntensitySpec::Kind::min_max, IntensitySpec::Kind::z_score}) {
    for (const ChannelPolicy policy : {ChannelPolicy::keep, ChannelPolicy::gray}) {
      BatchSpec spec;
      spec.intensity.kind = kind;
      spec.channels = policy;
      spec.targets.classes = {drawn.class_id("liver"), drawn.class_id("spleen")};
      spec.targets.mask_channels = true;
      BatchSpec crop = spec;
      crop.crop.where = CropSpec::Where::random;
      crop.crop.size = Size{24, 33};
      const BatchMaker whole_maker(bank, spec);
      const BatchMaker crop_maker(bank, crop);
      for (const SampleId id : drawn.ids()) {
        const auto whole = whole_maker.sample(id);
        for (std::uint64_t position = 0; position < 6; ++position) {
          const auto shown = crop_maker.sample(id, position);
          const Box box = shown->items[0].placement.crop;
          for (std::uint32_t c = 0; c < shown->channels; ++c) {
            const auto all = whole->images.as<float>().subspan(c * kHeight * kWidth);
            const auto some = shown->images.as<float>().subspan(c * 24 * 33, 24 * 33);
            const std::vector<float> expected = part<float>(all, box);
            wrong += std::equal(some.begin(), some.end(), expected.begin()) ? 0u : 1u;
          }
          for (std::uint32_t k = 0; k < 2; ++k) {
            const auto all = whole->masks.as<std::uint8_t>().subspan(k * kHeight * kWidth);
            const auto some = shown->masks.as<std::uint8_t>().subspan(k * 24 * 33, 24 * 33);
            const std::vector<std::uint8_t> expected = part<std::uint8_t>(all, box);
            wrong += std::equal(some.begin(), some.end(), expected.begin()) ? 0u : 1u;
          }
        }
      }
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("loader crop: random patches of a volume are parts of the whole volume") {
  LoaderBank drawn;
  for (std::uint32_t z = 0; z < 9; ++z) {
    DrawnSample sample;
    sample.image = smooth<std::int16_t>(PixelType::i16, 1, z);
    sample.axis = Axis::z;
    sample.slice = z;
    sample.masks.push_back({"liver", 0, blob(kHeight, kWidth, {5, 10 + z, 40, 60 + z})});
    sample.masks.push_back({"left kidney", 0, blob(kHeight, kWidth, {30, 30, 69, 50 + z})});
    std::vector<std::uint8_t> noise(std::size_t{kHeight} * kWidth);
    SplitMix random(z);
    for (auto& pixel : noise) pixel = static_cast<std::uint8_t>(random.below(2));
    sample.masks.push_back({"spleen", 0, std::move(noise)});
    drawn.add(std::move(sample));
  }
  const Bank bank = drawn.bank();
  const VolumeSlices slices = volume_slices(bank, drawn.samples().front().volume_id);
  VolumeSpec spec;
  spec.classes = {drawn.class_id("spleen"), drawn.class_id("liver"), drawn.class_id("kidney")};
  spec.label_map = true;
  spec.mask_channels = true;
  const LoadedVolume whole = load_volume(bank, slices, spec);
  SplitMix random(3);
  std::size_t wrong = 0;
  for (int time = 0; time < 150; ++time) {
    std::array<std::uint32_t, 3> size{};
    std::array<std::int64_t, 3> origin{};
    const std::array<std::uint32_t, 3> sides{9, kHeight, kWidth};
    for (std::size_t i = 0; i < 3; ++i) {
      size[i] = 1 + static_cast<std::uint32_t>(random.below(sides[i]));
      origin[i] = static_cast<std::int64_t>(random.below(sides[i] - size[i] + 1));
    }
    const LoadedVolume patch = load_patch(bank, slices, origin, size, spec);
    for (std::uint32_t d = 0; d < size[0]; ++d) {
      const std::size_t z = d + static_cast<std::size_t>(origin[0]);
      const Box box{static_cast<std::uint32_t>(origin[2]), static_cast<std::uint32_t>(origin[1]),
                    static_cast<std::uint32_t>(origin[2]) + size[2],
                    static_cast<std::uint32_t>(origin[1]) + size[1]};
      const std::size_t plane = std::size_t{size[1]} * size[2];
      const auto same = [&]<typename T>(std::span<const T> all, std::span<const T> some) {
        const std::vector<T> expected = part<T>(all, box);
        return std::equal(expected.begin(), expected.end(), some.begin());
      };
      const std::size_t slice = std::size_t{kHeight} * kWidth;
      wrong +=
          same(
              std::span<const std::int16_t>(whole.image_cdhw.as<std::int16_t>()).subspan(z * slice),
              std::span<const std::int16_t>(patch.image_cdhw.as<std::int16_t>()).subspan(d * plane))
              ? 0u
              : 1u;
      wrong +=
          same(
              std::span<const std::uint8_t>(whole.labels_dhw.as<std::uint8_t>()).subspan(z * slice),
              std::span<const std::uint8_t>(patch.labels_dhw.as<std::uint8_t>()).subspan(d * plane))
              ? 0u
              : 1u;
      for (std::size_t k = 0; k < 3; ++k) {
        wrong += same(std::span<const std::uint8_t>(whole.masks_kdhw.as<std::uint8_t>())
                          .subspan((k * 9 + z) * slice),
                      std::span<const std::uint8_t>(patch.masks_kdhw.as<std::uint8_t>())
                          .subspan((k * size[0] + d) * plane))
                     ? 0u
                     : 1u;
      }
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("loader crop: every pixel of a class is aimed at equally often, also under two masks") {
  LoaderBank drawn;
  DrawnSample sample;
  sample.image = smooth<std::uint8_t>(PixelType::u8, 1, 9);
  // Runs that overlap, touch and lie apart; noise is kept as bits.
  std::vector<std::uint8_t> united(std::size_t{kHeight} * kWidth);
  const auto add = [&](const char* name, std::uint32_t instance, std::vector<std::uint8_t> mask) {
    if (std::string(name) != "spleen") {
      for (std::size_t i = 0; i < united.size(); ++i) united[i] |= mask[i];
    }
    sample.masks.push_back({name, instance, std::move(mask)});
  };
  add("left kidney", 0, blob(kHeight, kWidth, {3, 3, 8, 9}));
  add("spleen", 0, blob(kHeight, kWidth, {0, 0, 70, 90}));
  add("right kidney", 0, blob(kHeight, kWidth, {6, 5, 12, 11}));
  std::vector<std::uint8_t> noise(united.size());
  for (std::uint32_t y = 80; y < 84; ++y) {
    for (std::uint32_t x = y % 2; x < kWidth; x += 2) noise[y * kWidth + x] = 1;
  }
  add("left kidney", 1, noise);
  const SampleId id = drawn.add(std::move(sample));
  const Bank bank = drawn.bank();
  BatchSpec spec;
  spec.crop.where = CropSpec::Where::foreground;
  spec.crop.size = Size{1, 1};
  spec.crop.classes = {drawn.class_id("kidney")};
  spec.crop.probability = 1;
  const BatchMaker maker(bank, spec);
  const auto area = static_cast<std::size_t>(std::count(united.begin(), united.end(), 1));
  const std::size_t draws = area * 100;
  std::map<std::size_t, int> counts;
  for (std::uint64_t position = 0; position < draws; ++position) {
    const Box crop = maker.sample(id, position)->items[0].placement.crop;
    ++counts[std::size_t{crop.y0} * kWidth + crop.x0];
  }
  CHECK(counts.size() == area);
  double chi_square = 0;
  for (const auto& [pixel, count] : counts) {
    CHECK(united[pixel] == 1);
    chi_square += (count - 100.0) * (count - 100.0) / 100.0;
  }
  const auto freedom = static_cast<double>(area - 1);
  CHECK(std::abs(chi_square - freedom) < 5 * std::sqrt(2 * freedom));
}

TEST_CASE("volume foreground: every voxel of a class is drawn equally often, over all slices") {
  LoaderBank drawn;
  std::map<std::array<std::uint32_t, 3>, int> counts;  // of every kidney voxel
  for (std::uint32_t z = 0; z < 5; ++z) {
    DrawnSample sample;
    sample.image = smooth<std::uint8_t>(PixelType::u8, 1, z);
    sample.axis = Axis::z;
    sample.slice = 2 + 3 * z;
    // More and more overlap from slice to slice; none in slice 1.
    const auto left = blob(kHeight, kWidth, {10, 10, 16, 17});
    const auto right = blob(kHeight, kWidth, {20 - 2 * z, 10, 26 - 2 * z, 16 + z});
    if (z != 1) {
      for (std::uint32_t i = 0; i < left.size(); ++i) {
        if ((left[i] | right[i]) != 0) counts[{3 * z, i / kWidth, i % kWidth}] = 0;
      }
      sample.masks.push_back({"left kidney", 0, left});
      sample.masks.push_back({"right kidney", 0, right});
    }
    sample.masks.push_back({"liver", 0, blob(kHeight, kWidth, {0, 0, 70, 90})});
    drawn.add(std::move(sample));
  }
  const Bank bank = drawn.bank();
  const VolumeSlices slices = volume_slices(bank, drawn.samples().front().volume_id);
  const VolumeForeground kidneys(bank, slices, {drawn.class_id("kidney")});
  const std::size_t draws = counts.size() * 100;
  std::size_t outside = 0;
  for (std::uint64_t position = 0; position < draws; ++position) {
    const auto found = counts.find(kidneys.draw({7, 0}, position).value());
    if (found == counts.end()) {
      ++outside;
    } else {
      ++found->second;
    }
  }
  CHECK(outside == 0);
  double chi_square = 0;
  for (const auto& [voxel, count] : counts) {
    chi_square += (count - 100.0) * (count - 100.0) / 100.0;
  }
  const auto freedom = static_cast<double>(counts.size() - 1);
  CHECK(std::abs(chi_square - freedom) < 5 * std::sqrt(2 * freedom));

  CHECK(kidneys.draw({7, 1}, 3) == kidneys.draw({7, 1}, 3));
  const VolumeForeground closed(bank, slices, {drawn.class_id("kidney")}, MissingSlices::close);
  for (std::uint64_t position = 0; position < 50; ++position) {
    const auto apart = kidneys.draw({1, 1}, position).value();
    CHECK(closed.draw({1, 1}, position).value() ==
          std::array<std::uint32_t, 3>{apart[0] / 3, apart[1], apart[2]});
  }
  CHECK(!VolumeForeground(bank, slices, {drawn.class_id("spleen")}).draw({}, 0));
  // Of two classes each is as likely, however large; without any, all masks are one.
  const VolumeForeground both(
      bank, slices,
      {drawn.class_id("left kidney"), drawn.class_id("spleen"), drawn.class_id("liver")});
  const VolumeForeground any(bank, slices, {});
  int of_both = 0;
  int of_any = 0;
  const auto in_box = [](const std::array<std::uint32_t, 3>& voxel) {
    return voxel[1] >= 10 && voxel[1] < 17 && voxel[2] >= 10 && voxel[2] < 16;
  };
  for (std::uint64_t position = 0; position < 1000; ++position) {
    of_both += in_box(both.draw({3, 0}, position).value()) ? 1 : 0;
    of_any += in_box(any.draw({3, 0}, position).value()) ? 1 : 0;
  }
  CHECK(std::abs(of_both - 504) < 80);
  CHECK(of_any < 40);
}

TEST_CASE("volume foreground: a patch lies around its voxel and inside of the volume") {
  CHECK(patch_around({5, 50, 69}, {4, 20, 20}, {9, 90, 70}) ==
        std::array<std::int64_t, 3>{3, 40, 50});
  CHECK(patch_around({0, 0, 0}, {4, 20, 20}, {9, 90, 70}) == std::array<std::int64_t, 3>{0, 0, 0});
  CHECK(patch_around({8, 1, 1}, {13, 90, 75}, {9, 90, 70}) ==
        std::array<std::int64_t, 3>{-2, 0, -2});
}

}  // namespace
}  // namespace slicebank
