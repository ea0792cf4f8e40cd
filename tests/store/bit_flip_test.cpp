// Every wrong byte of a record is an error that names the sample, never a wrong pixel;
// and a record made with bad intentions harms nobody.
#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

#include "schema/error.h"
#include "store/dictionary.h"
#include "store/record.h"
#include "tests/support/reseal.h"
#include "tests/support/samples.h"

namespace slicebank {
namespace {

using testing::kBank;

constexpr SampleId kId{9};

class OneDictionary final : public DictionarySource {
 public:
  explicit OneDictionary(std::shared_ptr<const Dictionary> dictionary)
      : dictionary_(std::move(dictionary)) {}
  std::shared_ptr<const Dictionary> find(std::uint32_t dictionary_id) const override {
    return dictionary_ && dictionary_->id() == dictionary_id ? dictionary_ : nullptr;
  }

 private:
  std::shared_ptr<const Dictionary> dictionary_;
};

struct Case {
  std::string name;
  std::vector<std::byte> record;
  Sample sample;
  OneDictionary dictionaries{nullptr};
};

Sample small_sample(const ImageShape& shape) {
  Sample sample = testing::make_sample(shape, 31);
  sample.masks.resize(3);
  return sample;
}

Case make_case(const std::string& name, const Sample& sample,
               std::shared_ptr<const Dictionary> dictionary = nullptr) {
  return {name, testing::sealed(sample, kId, {Effort::balanced, dictionary}), sample,
          OneDictionary(dictionary)};
}

std::vector<Case> make_cases() {
  std::vector<Case> cases;
  cases.push_back(make_case("gray with masks", small_sample({PixelType::u8, 18, 50, 1})));
  cases.push_back(make_case("colour", small_sample({PixelType::u8, 17, 20, 3})));
  cases.push_back(make_case("colour, wave", small_sample({PixelType::u8, 16, 48, 3})));
  cases.push_back(make_case("16 bit", small_sample({PixelType::i16, 12, 30, 1})));
  cases.push_back(make_case("16 bit, wave", small_sample({PixelType::u16, 8, 48, 1})));
  cases.push_back(make_case("f32 as integers", small_sample({PixelType::f32, 12, 30, 1})));
  Sample planes = small_sample({PixelType::f64, 16, 30, 1});
  planes.image = testing::make_image(planes.image.shape, testing::Texture::smooth, 4);
  planes.image.image_hwc[0] ^= std::byte{1};
  cases.push_back(make_case("byte planes", planes));
  Sample raw = small_sample({PixelType::u8, 12, 14, 1});
  raw.image = testing::make_image(raw.image.shape, testing::Texture::noise, 4);
  cases.push_back(make_case("raw", raw));
  Sample flat = small_sample({PixelType::u8, 40, 60, 1});
  flat.image = testing::make_image(flat.image.shape, testing::Texture::flat, 4);
  testing::Random random(2);
  flat.masks.push_back(testing::make_noise_mask(40, 60, 100, random));
  flat.masks.back().class_id = ClassId{4};
  cases.push_back(make_case("flat, mask as bits", flat));
  const Image pattern = testing::make_image({PixelType::u8, 20, 20, 1}, testing::Texture::noise, 1);
  std::vector<Image> images(250, pattern);
  for (std::size_t i = 0; i < images.size(); ++i) images[i].image_hwc[i] ^= std::byte{0x55};
  Sample tiny = small_sample(pattern.shape);
  tiny.image = images[7];
  cases.push_back(make_case("tiny with dictionary", tiny, Dictionary::train(3, images)));
  REQUIRE(get_record_header(cases.back().record).dictionary_id == 3);
  return cases;
}

// Everything a reader can ask of a record. Errors are passed on.
void read_all(const Case& c, Bytes record) {
  const SampleInfo info = decode_info(kBank, kId, record);
  const ClassId some[] = {ClassId{1002}};
  decode_masks(kBank, kId, record, some);
  decode_sample(kBank, kId, record, &c.dictionaries);
}

TEST_CASE("bit flip: each flipped bit of a record is reported") {
  for (const Case& c : make_cases()) {
    CAPTURE(c.name);
    REQUIRE(decode_sample(kBank, kId, c.record, &c.dictionaries) == c.sample);
    std::size_t silent = 0;
    auto record = c.record;
    for (std::size_t bit = 0; bit < record.size() * 8; ++bit) {
      const std::byte flip = std::byte{1} << static_cast<int>(bit % 8);
      record[bit / 8] ^= flip;
      try {
        decode_sample(kBank, kId, record, &c.dictionaries);
        ++silent;
      } catch (const Error& error) {
        const bool named = std::string(error.what()).find("sample 9, ") == 0;
        if (error.code() != ErrorCode::corrupt || !named) FAIL_CHECK(bit << ": " << error.what());
      }
      record[bit / 8] ^= flip;
    }
    CHECK(silent == 0);
  }
}

TEST_CASE("bit flip: a record cut off anywhere is reported") {
  for (const Case& c : make_cases()) {
    CAPTURE(c.name);
    for (std::size_t size = 0; size < c.record.size(); ++size) {
      const Bytes cut = Bytes(c.record).first(size);
      CHECK_THROWS_AS(decode_info(kBank, kId, cut), Error);
      CHECK_THROWS_AS(decode_sample(kBank, kId, cut, &c.dictionaries), Error);
    }
    auto longer = c.record;
    longer.push_back(std::byte{0});
    CHECK_THROWS_AS(decode_info(kBank, kId, longer), Error);
  }
}

// A sample that is larger than the memory of a test is no finding.
bool affordable(Bytes record) {
  const RecordHeader header = get_record_header(record);
  return header.shape().pixels() <= 1'000'000 && header.channels <= 64 &&
         header.shape().pixels() * header.annotations <= 4'000'000;
}

void read_hostile(const Case& c, std::vector<std::byte>& record) {
  testing::reseal(kBank, record);
  if (!affordable(record)) return;
  try {
    read_all(c, record);
  } catch (const Error& error) {
    const bool expected = error.code() == ErrorCode::corrupt ||
                          error.code() == ErrorCode::wrong_version ||
                          error.code() == ErrorCode::limit;
    if (!expected) FAIL_CHECK(error.what());
  }
}

TEST_CASE("bit flip: flips that the hashes cover up harm nobody") {
  for (const Case& c : make_cases()) {
    CAPTURE(c.name);
    for (std::size_t bit = 0; bit < c.record.size() * 8; ++bit) {
      auto record = c.record;
      record[bit / 8] ^= std::byte{1} << static_cast<int>(bit % 8);
      read_hostile(c, record);
    }
  }
}

TEST_CASE("bit flip: random bytes that the hashes cover up harm nobody") {
  const std::uint64_t seed = 77;
  CAPTURE(seed);
  testing::Random random(seed);
  for (const Case& c : make_cases()) {
    CAPTURE(c.name);
    for (int round = 0; round < 3000; ++round) {
      auto record = c.record;
      for (std::uint32_t i = 1 + random.below(4); i > 0; --i) {
        const std::size_t at =
            RecordLayout::kPixelType + random.below(static_cast<std::uint32_t>(record.size() - 8));
        record[at] = static_cast<std::byte>(random.below(256));
      }
      read_hostile(c, record);
    }
  }
}

TEST_CASE("bit flip: a section cut off under a right header harms nobody") {
  for (const Case& c : make_cases()) {
    CAPTURE(c.name);
    for (std::size_t size = RecordLayout::kHeaderBytes; size < c.record.size(); ++size) {
      // Shorten the image, then masks, then meta, as the size demands.
      std::vector<std::byte> record(c.record.begin(),
                                    c.record.begin() + static_cast<std::ptrdiff_t>(size));
      std::size_t missing = c.record.size() - size;
      for (const std::size_t field :
           {RecordLayout::kImageBytes, RecordLayout::kMasksBytes, RecordLayout::kMetaBytes}) {
        const std::size_t have = get_little<std::uint32_t>(record, field);
        const std::size_t less = std::min(have, missing);
        put_little(MutableBytes(record), field, static_cast<std::uint32_t>(have - less));
        missing -= less;
      }
      testing::reseal(kBank, record);
      CHECK_THROWS_AS(read_all(c, record), Error);
    }
  }
}

}  // namespace
}  // namespace slicebank
