#include "store/dictionary.h"

#include <doctest/doctest.h>

#include <map>
#include <string>

#include "schema/error.h"
#include "schema/limits.h"
#include "schema/record_layout.h"
#include "tests/support/samples.h"

namespace slicebank {
namespace {

using testing::kBank;
using testing::Texture;

constexpr SampleId kId{5};
constexpr ImageShape kGray{PixelType::u8, 28, 28, 1};

class Shelf final : public DictionarySource {
 public:
  std::shared_ptr<const Dictionary> find(std::uint32_t dictionary_id) const override {
    const auto found = dictionaries.find(dictionary_id);
    return found == dictionaries.end() ? nullptr : found->second;
  }
  std::map<std::uint32_t, std::shared_ptr<const Dictionary>> dictionaries;
};

// Noise, but nearly the same in all of them, so that there is something to learn.
std::vector<Image> alike(const ImageShape& shape, std::uint64_t count, std::uint64_t seed = 1) {
  const Image pattern = testing::make_image(shape, Texture::noise, 1);
  std::vector<Image> images;
  for (std::uint64_t i = 0; i < count; ++i) {
    testing::Random random(seed + i);
    images.push_back(pattern);
    for (int change = 0; change < 20; ++change) {
      const std::size_t at = random.below(static_cast<std::uint32_t>(pattern.image_hwc.size()));
      images.back().image_hwc[at] = static_cast<std::byte>(random.below(256));
    }
  }
  return images;
}

Sample plain_sample(Image image) {
  Sample sample;
  sample.image = std::move(image);
  return sample;
}

TEST_CASE("dictionary: images coded with one come back and are smaller") {
  const auto dictionary = Dictionary::train(8, alike(kGray, 400));
  REQUIRE(dictionary);
  CHECK(dictionary->id() == 8);
  Shelf shelf;
  shelf.dictionaries[8] = dictionary;
  std::size_t with = 0;
  std::size_t without = 0;
  for (const Image& image : alike(kGray, 50, 9000)) {
    const Sample sample = plain_sample(image);
    const auto record = testing::sealed(sample, kId, {Effort::balanced, dictionary});
    CHECK(decode_sample(kBank, kId, record, &shelf) == sample);
    CHECK(record_dictionary(kBank, kId, record) == 8);
    with += record.size();
    without += testing::sealed(sample, kId).size();
  }
  CHECK(with < without);
}

TEST_CASE("dictionary: one that does not help is not used") {
  const auto dictionary = Dictionary::train(8, alike(kGray, 400));
  const Sample noise = plain_sample(testing::make_image(kGray, Texture::noise, 4));
  const auto record = testing::sealed(noise, kId, {Effort::balanced, dictionary});
  CHECK(record_dictionary(kBank, kId, record) == 0);
  CHECK(decode_sample(kBank, kId, record, nullptr) == noise);
}

TEST_CASE("dictionary: gray images stored as colour are learned from as well") {
  const ImageShape shape{PixelType::u8, 28, 28, 3};
  std::vector<Image> images;
  for (const Image& gray : alike(kGray, 300)) {
    Image image{shape, {}};
    for (const std::byte pixel : gray.image_hwc)
      image.image_hwc.insert(image.image_hwc.end(), 3, pixel);
    images.push_back(std::move(image));
  }
  const auto dictionary = Dictionary::train(1, images);
  REQUIRE(dictionary);
  Shelf shelf;
  shelf.dictionaries[1] = dictionary;
  const Sample sample = plain_sample(images[0]);
  const auto record = testing::sealed(sample, kId, {Effort::balanced, dictionary});
  CHECK(get_record_header(record).dictionary_id == 1);
  CHECK(decode_sample(kBank, kId, record, &shelf) == sample);
}

TEST_CASE("dictionary: too few images, or images with nothing in common, give none") {
  CHECK_FALSE(Dictionary::train(1, alike(kGray, 199)));
  CHECK_FALSE(Dictionary::train(1, {}));
}

TEST_CASE("dictionary: training twice gives the same bytes") {
  const auto first = Dictionary::train(1, alike(kGray, 250));
  const auto second = Dictionary::train(2, alike(kGray, 250));
  REQUIRE(first);
  REQUIRE(second);
  CHECK(std::equal(first->bytes().begin(), first->bytes().end(), second->bytes().begin(),
                   second->bytes().end()));
}

TEST_CASE("dictionary: images of several shapes cannot be learned from together") {
  auto images = alike(kGray, 250);
  images.push_back(testing::make_image({PixelType::u8, 28, 27, 1}, Texture::smooth, 1));
  CHECK_THROWS_AS(Dictionary::train(1, images), Error);
  CHECK_THROWS_AS(Dictionary::train(1, alike({PixelType::u16, 28, 28, 1}, 250)), Error);
}

TEST_CASE("dictionary: a record whose dictionary is missing or another one says so") {
  const auto dictionary = Dictionary::train(8, alike(kGray, 400));
  const auto other = Dictionary::train(8, alike(kGray, 400, 5000));
  REQUIRE(dictionary);
  REQUIRE(other);
  const Sample sample = plain_sample(alike(kGray, 1, 77)[0]);
  const auto record = testing::sealed(sample, kId, {Effort::balanced, dictionary});
  REQUIRE(get_record_header(record).dictionary_id == 8);
  const auto complaint = [&](const DictionarySource* source) {
    try {
      decode_sample(kBank, kId, record, source);
    } catch (const Error& error) {
      CHECK(error.code() == ErrorCode::corrupt);
      return std::string(error.what());
    }
    return std::string("none");
  };
  Shelf shelf;
  CHECK(complaint(nullptr) == "sample 5, image section: dictionary 8 is missing");
  CHECK(complaint(&shelf) == "sample 5, image section: dictionary 8 is missing");
  shelf.dictionaries[8] = other;
  CHECK(complaint(&shelf) ==
        "sample 5, image section: dictionary 8 is not the one the image was coded with");
  // What is not coded with the dictionary can be read without.
  CHECK(decode_info(kBank, kId, record).shape == kGray);

  // The same dictionary under the id of another bank.
  const auto moved = rebind_record(kBank, kId, record, kBank, SampleId{6}, VolumeId{1}, 20);
  const Bytes bytes = dictionary->bytes();
  shelf.dictionaries[20] = Dictionary::load(20, {bytes.begin(), bytes.end()});
  CHECK(decode_sample(kBank, SampleId{6}, moved, &shelf) == sample);
}

TEST_CASE("dictionary: bytes that are none are refused") {
  const auto code_of = [](std::uint32_t id, std::vector<std::byte> bytes) {
    try {
      Dictionary::load(id, std::move(bytes));
    } catch (const Error& error) {
      return error.code();
    }
    FAIL("no error");
    return ErrorCode::io;
  };
  const auto good = Dictionary::train(1, alike(kGray, 250));
  REQUIRE(good);
  const std::vector<std::byte> bytes(good->bytes().begin(), good->bytes().end());
  CHECK(code_of(1, {}) == ErrorCode::corrupt);
  CHECK(code_of(1, std::vector<std::byte>(500)) == ErrorCode::corrupt);
  CHECK(code_of(1, {bytes.begin(), bytes.begin() + 40}) == ErrorCode::corrupt);
  CHECK(code_of(0, bytes) == ErrorCode::bad_argument);
  auto longer = bytes;
  longer.resize(limits::kDictionaryBytesMax + 1);
  CHECK(code_of(1, longer) == ErrorCode::limit);
}

TEST_CASE("dictionary: suits 8-bit images of at most 4096 samples") {
  CHECK(Dictionary::suits(kGray));
  CHECK(Dictionary::suits({PixelType::u8, 64, 64, 1}));
  CHECK(Dictionary::suits({PixelType::u8, 28, 28, 3}));
  CHECK_FALSE(Dictionary::suits({PixelType::u8, 64, 65, 1}));
  CHECK_FALSE(Dictionary::suits({PixelType::u8, 64, 64, 3}));
  CHECK_FALSE(Dictionary::suits({PixelType::i8, 28, 28, 1}));
  CHECK_FALSE(Dictionary::suits({PixelType::u16, 28, 28, 1}));
}

}  // namespace
}  // namespace slicebank
