// Crops: what is read of a part equals that part of the whole, whatever the codec.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "schema/error.h"
#include "store/internal/wave/wave.h"
#include "tests/store/bank_fixture.h"
#include "tests/support/golden_records.h"
#include "tests/support/samples.h"
#include "tests/support/temp_dir.h"

namespace {

using namespace slicebank;
using testing::Random;
using testing::Texture;

// The part of a whole read.
Sample cut(const Sample& whole, const Box& box) {
  Sample part = whole;
  const std::size_t pixel = whole.image.shape.channels * pixel_bytes(whole.image.shape.pixel_type);
  const std::uint32_t width = whole.image.shape.width;
  part.image.shape.height = box.y1 - box.y0;
  part.image.shape.width = box.x1 - box.x0;
  part.image.image_hwc.clear();
  for (Mask& mask : part.masks) mask.mask_hw.clear();
  for (std::uint32_t y = box.y0; y < box.y1; ++y) {
    const std::size_t from = std::size_t{y} * width + box.x0;
    const std::size_t to = std::size_t{y} * width + box.x1;
    part.image.image_hwc.insert(
        part.image.image_hwc.end(),
        whole.image.image_hwc.begin() + static_cast<std::ptrdiff_t>(from * pixel),
        whole.image.image_hwc.begin() + static_cast<std::ptrdiff_t>(to * pixel));
    for (std::size_t i = 0; i < part.masks.size(); ++i) {
      const auto& in = whole.masks[i].mask_hw;
      auto& out = part.masks[i].mask_hw;
      out.insert(out.end(), in.begin() + static_cast<std::ptrdiff_t>(from),
                 in.begin() + static_cast<std::ptrdiff_t>(to));
    }
  }
  return part;
}

Box random_box(const ImageShape& shape, Random& random) {
  Box box;
  box.x0 = random.below(shape.width);
  box.y0 = random.below(shape.height);
  box.x1 = box.x0 + 1 + random.below(shape.width - box.x0);
  box.y1 = box.y0 + 1 + random.below(shape.height - box.y0);
  return box;
}

std::vector<Sample> all_kinds() {
  std::vector<Sample> samples;
  for (const auto& golden : testing::golden_records()) samples.push_back(golden.sample);
  std::uint64_t seed = 1;
  // Steps that are rare and large: escapes of the wave codec, in one plane and in several.
  for (const PixelType type : {PixelType::u16, PixelType::i16, PixelType::u8}) {
    for (const std::uint32_t channels : {1u, 2u, 3u, 5u}) {
      const ImageShape shape{type, 93, 64, channels};
      Sample sample = testing::make_sample(shape, ++seed);
      Random random(seed);
      for (int spike = 0; spike < 60; ++spike) {
        const std::size_t at = random.below(static_cast<std::uint32_t>(shape.bytes()));
        sample.image.image_hwc[at] = static_cast<std::byte>(random.below(256));
      }
      samples.push_back(std::move(sample));
    }
  }
  for (const PixelType type : testing::kPixelTypes) {
    for (const Texture texture :
         {Texture::smooth, Texture::noise, Texture::flat, Texture::extremes}) {
      for (const std::uint32_t channels : {1u, 2u, 3u}) {
        // Several bands of the wave codec, the last of them not full.
        const ImageShape shape{type, 77, 61, channels};
        Sample sample = testing::make_sample(shape, ++seed);
        sample.image = testing::make_image(shape, texture, seed);
        samples.push_back(std::move(sample));
      }
    }
  }
  return samples;
}

}  // namespace

TEST_CASE("crop: every pixel type, codec and kernel gives the part of the whole for random boxes") {
  testing::TempDir folder;
  { const Bank bank = Bank::create(folder / "a.bank"); }
  std::size_t count = 0;
  ClassId liver{};
  {
    Writer writer = Writer::open(folder / "a.bank");
    testing::Feeder feeder(writer);
    liver = feeder.classes()[0];
    const VolumeId volume = feeder.volume("p", "v");
    for (Sample& sample : all_kinds()) {
      for (std::size_t i = 0; i < sample.masks.size(); ++i) {
        sample.masks[i].class_id = feeder.classes()[i % 3];
      }
      for (Label& label : sample.labels) label.class_id = feeder.classes()[2];
      writer.add(encode_sample(sample), volume);
      ++count;
    }
    writer.commit();
  }
  const Bank bank = Bank::open(folder / "a.bank");
  const Reader reader = bank.reader();
  const std::string fastest(wave::kernels());
  std::size_t wrong = 0;
  for (const char* const kernels : {"avx2", "sse4.1", "scalar"}) {
    if (!wave::set_kernels(kernels)) continue;
    Random random(11);
    for (std::size_t i = 1; i <= count; ++i) {
      const SampleId id{i};
      const Sample whole = reader.sample(id);
      const ReadParts livers{true, true, {liver}};
      const Sample some = reader.sample(id, livers);
      for (int time = 0; time < 12; ++time) {
        Box box = random_box(whole.image.shape, random);
        if (time == 0) box = {0, 0, whole.image.shape.width, whole.image.shape.height};
        wrong += reader.crop(id, box) == cut(whole, box) ? 0u : 1u;
        wrong += reader.crop(id, box, livers) == cut(some, box) ? 0u : 1u;
      }
    }
  }
  CHECK(wrong == 0);
  wave::set_kernels(fastest);
}

TEST_CASE("crop: a box that is empty or reaches out of the image is refused by name") {
  testing::TempDir folder;
  { const Bank bank = Bank::create(folder / "a.bank"); }
  {
    Writer writer = Writer::open(folder / "a.bank");
    testing::Feeder feeder(writer);
    feeder.add(3);
    writer.commit();
  }
  const Reader reader = Bank::open(folder / "a.bank").reader();
  for (const Box& box : {Box{3, 3, 3, 9}, Box{0, 0, 33, 2}, Box{0, 31, 2, 33}, Box{5, 5, 4, 4}}) {
    CHECK_THROWS_WITH_AS(reader.crop(SampleId{1}, box), doctest::Contains("of sample 1, which is"),
                         Error);
  }
  CHECK_THROWS_AS(reader.crop(SampleId{2}, {0, 0, 1, 1}), Error);
}

TEST_CASE("crop: a damaged record is an error, also where the damage lies outside of the box") {
  const Sample sample = testing::make_sample({PixelType::u8, 96, 64, 1}, 4);
  std::vector<std::byte> record = testing::sealed(sample, SampleId{5});
  class TopRow : public DecodeSink {
   public:
    MutableBytes begin(SampleInfo&& info) override {
      pixels.resize(static_cast<std::size_t>(info.shape.bytes()));
      return pixels;
    }
    RowRange rows() override { return {0, 1}; }
    bool wants_mask(std::size_t) override { return false; }
    std::span<std::uint8_t> begin_mask(std::size_t) override { return {}; }
    void end_mask(std::size_t) override {}
    std::vector<std::byte> pixels;
  };
  TopRow sink;
  decode_into(testing::kBank, SampleId{5}, record, nullptr, sink);
  CHECK(std::equal(sink.pixels.begin(), sink.pixels.begin() + 64, sample.image.image_hwc.begin()));
  record.back() ^= std::byte{1};
  CHECK_THROWS_AS(decode_into(testing::kBank, SampleId{5}, record, nullptr, sink), Error);
}
