// Volumes and patches out of slices.
#include "query/loader_volume.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "schema/error.h"
#include "tests/query/loader_bank.h"

namespace slicebank {
namespace {

using testing::blob;
using testing::DrawnSample;
using testing::LoaderBank;
using testing::random_image;

// Slices 3 .. 3 + depth - 1, those in `gaps` not stored, in an order of their own.
struct Scan {
  LoaderBank drawn;
  VolumeId id{};

  Scan(std::uint32_t depth, std::uint32_t channels, Axis axis,
       const std::vector<std::uint32_t>& gaps = {}) {
    SplitMix random(17);
    for (std::uint32_t i = 0; i < depth; ++i) {
      const std::uint32_t slice = (i * 5) % depth;  // depth is no multiple of 5
      DrawnSample sample;
      sample.image = random_image<std::int16_t>(PixelType::i16, 14, 11, channels, 3000, random);
      sample.axis = axis;
      sample.slice = 3 + slice;
      sample.spacing = std::array<double, 3>{0.5, 0.75, 2.5};
      sample.coverage = {"spleen"};
      if (slice % 2 == 0) sample.masks.push_back({"liver", 0, blob(14, 11, {1, 2, 9, 12})});
      sample.masks.push_back({"left kidney", 0, blob(14, 11, {0, slice, 5, slice + 6})});
      if (std::find(gaps.begin(), gaps.end(), sample.slice) != gaps.end()) continue;
      id = VolumeId{1};
      drawn.add(std::move(sample));
    }
    id = drawn.samples().front().volume_id;
  }

  const DrawnSample* slice(std::uint32_t index) const {
    for (const DrawnSample& each : drawn.samples()) {
      if (each.slice == index) return &each;
    }
    return nullptr;
  }

  VolumeSpec spec() const {
    VolumeSpec spec;
    spec.classes = {drawn.class_id("kidney"), drawn.class_id("liver"), drawn.class_id("spleen")};
    spec.label_map = true;
    spec.mask_channels = true;
    spec.pad = -1000;
    return spec;
  }
};

// Every voxel of what was loaded against the slices; `first` is the slice at index 0.
void check(const Scan& scan, const LoadedVolume& loaded, std::uint32_t first,
           const std::array<std::int64_t, 3>& origin) {
  const bool floats = loaded.pixel_type == PixelType::f32;
  const std::size_t plane = std::size_t{loaded.height} * loaded.width;
  REQUIRE(loaded.image_cdhw.size() == plane * loaded.depth * loaded.channels * (floats ? 4u : 2u));
  std::size_t wrong = 0;
  for (std::uint32_t d = 0; d < loaded.depth; ++d) {
    const std::int64_t index = first + origin[0] + d;
    const DrawnSample* slice = index < 0 ? nullptr : scan.slice(static_cast<std::uint32_t>(index));
    for (std::uint32_t h = 0; h < loaded.height; ++h) {
      for (std::uint32_t w = 0; w < loaded.width; ++w) {
        const std::int64_t y = origin[1] + h;
        const std::int64_t x = origin[2] + w;
        const bool inside = slice != nullptr && y >= 0 && y < 14 && x >= 0 && x < 11;
        const auto pixel = static_cast<std::size_t>(inside ? y * 11 + x : 0);
        const std::size_t voxel = d * plane + std::size_t{h} * loaded.width + w;
        for (std::uint32_t c = 0; c < loaded.channels; ++c) {
          std::int16_t wanted = -1000;
          if (inside) {
            std::memcpy(&wanted, slice->image.image_hwc.data() + (pixel * loaded.channels + c) * 2,
                        2);
          }
          const std::size_t at = c * plane * loaded.depth + voxel;
          const double found = floats
                                   ? static_cast<double>(loaded.image_cdhw.as<float>()[at])
                                   : static_cast<double>(loaded.image_cdhw.as<std::int16_t>()[at]);
          wrong += found != wanted;
        }
        std::array<bool, 3> classes{};
        for (std::size_t m = 0; inside && m < slice->masks.size(); ++m) {
          const auto& mask = slice->masks[m];
          if (mask.mask_hw[pixel] != 0) classes[mask.class_name == "liver" ? 1 : 0] = true;
        }
        const int label = classes[1] ? 2 : classes[0] ? 1 : 0;
        wrong += loaded.labels_dhw.as<std::uint8_t>()[voxel] != label;
        for (std::size_t k = 0; k < 3; ++k) {
          wrong += (loaded.masks_kdhw.as<std::uint8_t>()[k * plane * loaded.depth + voxel] != 0) !=
                   classes[k];
        }
      }
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("loader: a volume is its slices in their order, for any threads and channels") {
  for (const std::uint32_t channels : {1u, 3u}) {
    Scan scan(8, channels, Axis::z);
    const Bank bank = scan.drawn.bank();
    for (const std::uint32_t threads : {1u, 3u}) {
      for (const bool floats : {false, true}) {
        VolumeSpec spec = scan.spec();
        spec.threads = threads;
        if (floats) spec.pixel_type = PixelType::f32;
        const LoadedVolume loaded = load_volume(bank, scan.id, spec);
        CHECK(std::array{loaded.depth, loaded.height, loaded.width} ==
              std::array<std::uint32_t, 3>{8, 14, 11});
        CHECK(loaded.slice_indices == std::vector<std::uint32_t>{3, 4, 5, 6, 7, 8, 9, 10});
        CHECK(loaded.spacing_dhw_mm == std::array<double, 3>{2.5, 0.75, 0.5});
        check(scan, loaded, 3, {0, 0, 0});
        // Nobody looked for the right kidney where only the left is; liver not in all slices.
        const auto known = loaded.label_mask.as<std::uint8_t>();
        CHECK(std::vector<int>(known.begin(), known.end()) == std::vector<int>{1, 0, 1});
      }
    }
  }
}

TEST_CASE("loader: spacing follows the axis that was cut along") {
  Scan along_x(4, 1, Axis::x);
  CHECK(volume_slices(along_x.drawn.bank(), along_x.id).spacing_dhw_mm ==
        std::array<double, 3>{0.5, 2.5, 0.75});
  Scan along_y(4, 1, Axis::y);
  CHECK(volume_slices(along_y.drawn.bank(), along_y.id).spacing_dhw_mm ==
        std::array<double, 3>{0.75, 2.5, 0.5});
}

TEST_CASE("loader: patches inside, across the border and outside of a volume") {
  Scan scan(8, 2, Axis::z);
  const Bank bank = scan.drawn.bank();
  const VolumeSlices slices = volume_slices(bank, scan.id);
  SplitMix random(5);
  for (int i = 0; i < 120; ++i) {
    const auto at = [&](std::uint32_t side) {
      return static_cast<std::int64_t>(random.below(side + 8)) - 4;
    };
    const std::array<std::int64_t, 3> origin{at(8), at(14), at(11)};
    const auto length = [&](std::uint32_t most) {
      return static_cast<std::uint32_t>(1 + random.below(most));
    };
    const std::array<std::uint32_t, 3> size{length(6), length(12), length(12)};
    VolumeSpec spec = scan.spec();
    if (i % 2 == 0) spec.pixel_type = PixelType::f32;
    const LoadedVolume loaded = load_patch(bank, slices, origin, size, spec);
    CHECK(std::array{loaded.depth, loaded.height, loaded.width} == size);
    check(scan, loaded, 3, origin);
  }
  const LoadedVolume far = load_patch(bank, scan.id, {500, -500, 500}, {2, 2, 2}, scan.spec());
  check(scan, far, 3, {500, -500, 500});
}

TEST_CASE("loader: slices that are not stored are an error, blank, or left out") {
  Scan scan(8, 1, Axis::z, {5, 6});
  const Bank bank = scan.drawn.bank();
  VolumeSpec spec = scan.spec();
  try {
    load_volume(bank, scan.id, spec);
    FAIL("no error");
  } catch (const Error& error) {
    CHECK(error.code() == ErrorCode::not_found);
    CHECK(std::string(error.what()).find("slice 5 along axis z") == 0);
  }
  // A patch that does not meet the gap is none the worse.
  check(scan, load_patch(bank, scan.id, {4, 0, 0}, {4, 14, 11}, spec), 3, {4, 0, 0});

  spec.missing = MissingSlices::blank;
  const LoadedVolume blank = load_volume(bank, scan.id, spec);
  CHECK(blank.depth == 8);
  check(scan, blank, 3, {0, 0, 0});

  spec.missing = MissingSlices::close;
  const LoadedVolume closed = load_volume(bank, scan.id, spec);
  CHECK(closed.slice_indices == std::vector<std::uint32_t>{3, 4, 7, 8, 9, 10});
  REQUIRE(closed.depth == 6);
  const std::size_t bytes = 14 * 11 * 2;
  for (std::size_t d = 0; d < 6; ++d) {
    CHECK(std::memcmp(closed.image_cdhw.data() + bytes * d,
                      scan.slice(closed.slice_indices[d])->image.image_hwc.data(), bytes) == 0);
  }
}

TEST_CASE("loader: what is no volume is an error that says why") {
  Scan scan(4, 1, Axis::z);
  DrawnSample twice = *scan.slice(4);
  scan.drawn.add(twice);
  DrawnSample odd;
  odd.volume = "odd";
  SplitMix random(3);
  odd.axis = Axis::z;
  odd.image = random_image<std::int16_t>(PixelType::i16, 5, 5, 1, 9, random);
  scan.drawn.add(odd);
  odd.slice = 1;
  odd.image = random_image<std::int16_t>(PixelType::i16, 5, 6, 1, 9, random);
  scan.drawn.add(odd);
  const VolumeId odd_id = scan.drawn.samples().back().volume_id;
  const Bank bank = scan.drawn.bank();
  const auto code_of = [](auto&& work) {
    try {
      work();
    } catch (const Error& error) {
      return error.code();
    }
    return ErrorCode{};
  };
  CHECK(code_of([&] { volume_slices(bank, VolumeId{4711}); }) == ErrorCode::not_found);
  CHECK(code_of([&] { volume_slices(bank, scan.id, Axis::x); }) == ErrorCode::not_found);
  CHECK(code_of([&] { volume_slices(bank, scan.id); }) == ErrorCode::bad_argument);
  CHECK(code_of([&] { load_volume(bank, odd_id); }) == ErrorCode::bad_format);
  CHECK(code_of([&] {
          load_patch(bank, odd_id, {0, 0, 0}, {1, 0, 1});
        }) == ErrorCode::bad_argument);
  VolumeSpec spec;
  spec.pixel_type = PixelType::u8;
  CHECK(code_of([&] {
          load_patch(bank, odd_id, {0, 0, 0}, {1, 1, 1}, spec);
        }) == ErrorCode::bad_argument);
}

}  // namespace
}  // namespace slicebank
