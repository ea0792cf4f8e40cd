#include "store/record.h"

#include <doctest/doctest.h>

#include <string>

#include "schema/error.h"
#include "schema/limits.h"
#include "tests/support/reseal.h"
#include "tests/support/samples.h"

namespace slicebank {
namespace {

using testing::kBank;
using testing::make_sample;
using testing::Random;
using testing::sealed;
using testing::Texture;

constexpr SampleId kId{42};

// The error a call ends with; fails the test when it ends without one.
template <typename Call>
Error error_of(const Call& call) {
  try {
    call();
  } catch (const Error& error) {
    return error;
  }
  FAIL("no error");
  return Error(ErrorCode::io, "");
}

TEST_CASE("record: samples of every type and many shapes come back as they were") {
  const ImageShape shapes[] = {
      {PixelType::u8, 1, 1, 1},    {PixelType::u8, 1, 9, 1},   {PixelType::u8, 9, 1, 2},
      {PixelType::u8, 28, 28, 1},  {PixelType::u8, 28, 28, 3}, {PixelType::u8, 64, 64, 1},
      {PixelType::u8, 200, 47, 1}, {PixelType::u8, 40, 47, 3}, {PixelType::u8, 7, 48, 1},
      {PixelType::u8, 8, 48, 4},   {PixelType::u8, 17, 49, 3}, {PixelType::u8, 61, 83, 1},
      {PixelType::u8, 33, 96, 2},  {PixelType::u8, 5, 6, 32},  {PixelType::u8, 20, 50, 32}};
  for (const PixelType type : testing::kPixelTypes) {
    for (ImageShape shape : shapes) {
      shape.pixel_type = type;
      for (const Texture texture :
           {Texture::smooth, Texture::noise, Texture::flat, Texture::extremes}) {
        for (const Effort effort : {Effort::fast, Effort::balanced, Effort::small}) {
          CAPTURE(std::string(pixel_type_name(type)));
          CAPTURE(shape.width);
          CAPTURE(shape.height);
          CAPTURE(shape.channels);
          CAPTURE(static_cast<int>(texture));
          CAPTURE(static_cast<int>(effort));
          Sample sample = make_sample(shape, 5);
          sample.image = testing::make_image(shape, texture, 11);
          const auto record = sealed(sample, kId, {effort, nullptr});
          CHECK(decode_sample(kBank, kId, record, nullptr) == sample);
        }
      }
    }
  }
}

TEST_CASE("record: random samples come back as they were") {
  const std::uint64_t seed = 20'240'611;
  CAPTURE(seed);
  Random random(seed);
  for (int round = 0; round < 300; ++round) {
    CAPTURE(round);
    Sample sample;
    sample.axis = static_cast<Axis>(1 + random.below(4));
    sample.slice_index = random.below(3) == 0 ? 0xffff'ffff : random.below(400);
    sample.name = std::string(random.below(5) == 0 ? limits::kNameBytesMax : random.below(30), 'n');
    const ImageShape shape{testing::kPixelTypes[random.below(9)], 1 + random.below(90),
                           1 + random.below(90), 1 + random.below(4)};
    sample.image = testing::make_image(shape, static_cast<Texture>(random.below(4)), random.bits());
    for (std::uint32_t i = random.below(90); i > 0; --i) {
      Mask mask =
          random.below(8) == 0
              ? testing::make_noise_mask(shape.height, shape.width, random.below(257), random)
              : testing::make_disc(shape.height, shape.width, random.below(90), random.below(90),
                                   random.below(40));
      mask.class_id = static_cast<ClassId>(1 + random.below(3) * 0x7fff'fffe);
      mask.raw_class = random.below(2) * 0xffff'ffff;
      mask.instance = random.below(4) == 0 ? 0xffff'ffff : random.below(300);
      mask.source_value = static_cast<std::uint8_t>(random.below(4) == 0 ? random.below(256) : 255);
      sample.masks.push_back(std::move(mask));
    }
    for (std::uint32_t i = random.below(4); i > 0; --i) {
      sample.labels.push_back({static_cast<ClassId>(1 + random.below(5)), random.below(9),
                               random.below(2) == 0 ? 1.0 : random.below(100) / 7.0});
    }
    const auto record = sealed(sample, kId);
    CHECK(decode_sample(kBank, kId, record, nullptr) == sample);
  }
}

TEST_CASE("record: bit patterns that are no ordinary numbers come back") {
  for (const PixelType type : {PixelType::f16, PixelType::f32, PixelType::f64}) {
    const std::size_t size = pixel_bytes(type);
    const int bits = static_cast<int>(size) * 8;
    const int exponent = type == PixelType::f16 ? 5 : type == PixelType::f32 ? 8 : 11;
    const std::uint64_t sign = std::uint64_t{1} << (bits - 1);
    const std::uint64_t infinity = ((std::uint64_t{1} << exponent) - 1) << (bits - 1 - exponent);
    const std::uint64_t odd[] = {sign,
                                 infinity,
                                 infinity | sign,
                                 infinity | 1,
                                 infinity | 0x5,
                                 sign | 1,
                                 1,
                                 infinity >> 1 | 3,
                                 ~std::uint64_t{0} >> (64 - bits)};
    for (const std::uint64_t pattern : odd) {
      // One such pixel among integers, and nothing but such pixels.
      for (const std::uint32_t step : {997u, 1u}) {
        CAPTURE(std::string(pixel_type_name(type)));
        CAPTURE(pattern);
        Sample sample = make_sample({type, 50, 60, 1}, 3);
        sample.image = testing::make_image(sample.image.shape, Texture::flat, 1);
        for (std::uint32_t i = 0; i < 3000; i += step) {
          for (std::size_t byte = 0; byte < size; ++byte) {
            sample.image.image_hwc[i * size + byte] =
                static_cast<std::byte>(pattern >> (8 * byte) & 0xff);
          }
        }
        const auto record = sealed(sample, kId);
        CHECK(decode_sample(kBank, kId, record, nullptr) == sample);
      }
    }
  }
}

TEST_CASE("record: the same sample gives the same bytes") {
  for (const PixelType type : testing::kPixelTypes) {
    const Sample sample = make_sample({type, 61, 83, 1}, 7);
    CHECK(sealed(sample, kId) == sealed(sample, kId));
  }
}

TEST_CASE("record: information needs no pixels and equals what the encoder said") {
  const Sample sample = make_sample({PixelType::i16, 61, 83, 1}, 7);
  EncodedSample encoded = encode_sample(sample);
  SampleInfo expected = encoded.info;
  const ContentHash annotations = encoded.masks_hash;
  expected.id = kId;
  expected.volume_id = VolumeId{3};
  auto record = seal_record(kBank, kId, VolumeId{3}, std::move(encoded));
  record.back() ^= std::byte{1};  // the image
  const SampleInfo info = decode_info(kBank, kId, record);
  CHECK(info == expected);
  CHECK(info.name == "case_0007");
  CHECK(info.annotations.size() == 6);
  CHECK(info.annotations[2].box == Box{});
  CHECK(info.annotations[4].value == 1.0);
  CHECK(info.image_hash == hash_image(sample.image.view()));
  CHECK(annotations == hash_annotations(sample.masks, sample.labels));
  CHECK(record_annotations_hash(kBank, kId, record) == annotations);
  CHECK(record_dictionary(kBank, kId, record) == 0);
}

TEST_CASE("record: image and masks are read without each other") {
  const Sample sample = make_sample({PixelType::u8, 61, 83, 1}, 7);
  const auto record = sealed(sample, kId);
  const RecordHeader header = get_record_header(record);
  auto bad_masks = record;
  bad_masks[RecordLayout::kHeaderBytes + header.meta_bytes] ^= std::byte{1};
  std::vector<std::byte> pixels(sample.image.image_hwc.size());
  decode_image(kBank, kId, bad_masks, nullptr, pixels);
  CHECK(pixels == sample.image.image_hwc);
  auto error = error_of([&] { decode_masks(kBank, kId, bad_masks); });
  CHECK(error.code() == ErrorCode::corrupt);
  CHECK(std::string(error.what()).find("sample 42, masks section") == 0);

  auto bad_image = record;
  bad_image.back() ^= std::byte{1};
  CHECK(decode_masks(kBank, kId, bad_image) == sample.masks);
  error = error_of([&] { decode_image(kBank, kId, bad_image, nullptr, pixels); });
  CHECK(error.code() == ErrorCode::corrupt);
  CHECK(std::string(error.what()).find("sample 42, image section") == 0);
}

TEST_CASE("record: masks of some classes only") {
  const Sample sample = make_sample({PixelType::u8, 61, 83, 1}, 7);
  const auto record = sealed(sample, kId);
  const ClassId liver[] = {ClassId{5}};
  CHECK(decode_masks(kBank, kId, record, liver) ==
        std::vector<Mask>(sample.masks.begin(), sample.masks.begin() + 2));
  const ClassId noise[] = {ClassId{6}, ClassId{1003}};
  CHECK(decode_masks(kBank, kId, record, noise) == std::vector<Mask>{sample.masks[3]});
  const ClassId nothing[] = {ClassId{4}};
  CHECK(decode_masks(kBank, kId, record, nothing).empty());
}

TEST_CASE("record: memory of another size is the caller's mistake") {
  const auto record = sealed(make_sample({PixelType::u8, 61, 83, 1}, 7), kId);
  std::vector<std::byte> pixels(61 * 83 - 1);
  const auto error = error_of([&] { decode_image(kBank, kId, record, nullptr, pixels); });
  CHECK(error.code() == ErrorCode::bad_argument);
}

TEST_CASE("record: a record of another bank or sample is refused") {
  const auto record = sealed(make_sample({PixelType::u8, 20, 20, 1}, 7), kId);
  BankUuid other = kBank;
  other[15] ^= 1;
  CHECK(error_of([&] { decode_info(other, kId, record); }).code() == ErrorCode::corrupt);
  const auto error = error_of([&] { decode_info(kBank, SampleId{43}, record); });
  CHECK(error.code() == ErrorCode::corrupt);
  CHECK(std::string(error.what()) == "sample 43, header: this is the record of sample 42");
}

TEST_CASE("record: a newer layout is told from damage") {
  auto record = sealed(make_sample({PixelType::u8, 20, 20, 1}, 7), kId);
  put_little(MutableBytes(record), RecordLayout::kVersion, std::uint16_t{2});
  CHECK(error_of([&] { decode_info(kBank, kId, record); }).code() == ErrorCode::corrupt);
  testing::reseal(kBank, record);
  CHECK(error_of([&] { decode_info(kBank, kId, record); }).code() == ErrorCode::wrong_version);
}

TEST_CASE("record: rebinding gives another identity to the same content") {
  const Sample sample = make_sample({PixelType::u16, 61, 83, 1}, 7);
  const auto record = sealed(sample, kId);
  BankUuid other{};
  other[3] = 9;
  const auto copy = rebind_record(kBank, kId, record, other, SampleId{7}, VolumeId{8});
  CHECK(decode_sample(other, SampleId{7}, copy, nullptr) == sample);
  CHECK(decode_info(other, SampleId{7}, copy).volume_id == VolumeId{8});
  CHECK(rebind_record(other, SampleId{7}, copy, kBank, kId, VolumeId{3}) == record);

  const auto renamed = rebind_record(kBank, kId, record, other, SampleId{7}, VolumeId{8}, 0,
                                     [](ClassId& class_id, std::uint32_t& raw_class) {
                                       class_id = static_cast<ClassId>(raw(class_id) + 70'000);
                                       raw_class += 200;
                                     });
  Sample expected = sample;
  for (auto& mask : expected.masks) {
    mask.class_id = static_cast<ClassId>(raw(mask.class_id) + 70'000);
    mask.raw_class += 200;
  }
  for (auto& label : expected.labels) {
    label.class_id = static_cast<ClassId>(raw(label.class_id) + 70'000);
    label.raw_class += 200;
  }
  CHECK(decode_sample(other, SampleId{7}, renamed, nullptr) == expected);
}

TEST_CASE("record: a damaged record cannot be given another identity") {
  const auto record = sealed(make_sample({PixelType::u8, 20, 20, 1}, 7), kId);
  for (std::size_t at = 0; at < record.size(); ++at) {
    auto damaged = record;
    damaged[at] ^= std::byte{0x10};
    CHECK_THROWS_AS(rebind_record(kBank, kId, damaged, kBank, SampleId{7}, VolumeId{8}), Error);
  }
}

TEST_CASE("record: samples that make no sense are refused") {
  const Sample good = make_sample({PixelType::u8, 20, 30, 1}, 7);
  const auto code_of = [&](const auto& change) {
    Sample sample = good;
    change(sample);
    return error_of([&] { encode_sample(sample); }).code();
  };
  CHECK(code_of([](Sample& s) { s.masks[1].mask_hw.pop_back(); }) == ErrorCode::bad_format);
  CHECK(code_of([](Sample& s) { s.masks[1].mask_hw[599] = 2; }) == ErrorCode::bad_format);
  CHECK(code_of([](Sample& s) { s.masks[1].mask_hw[0] = 255; }) == ErrorCode::bad_format);
  CHECK(code_of([](Sample& s) { s.image.image_hwc.pop_back(); }) == ErrorCode::bad_format);
  CHECK(code_of([](Sample& s) { s.masks[0].class_id = ClassId{0}; }) == ErrorCode::bad_argument);
  CHECK(code_of([](Sample& s) { s.labels[0].class_id = ClassId{0}; }) == ErrorCode::bad_argument);
  CHECK(code_of([](Sample& s) { s.axis = Axis{0}; }) == ErrorCode::bad_argument);
  CHECK(code_of([](Sample& s) { s.axis = Axis{5}; }) == ErrorCode::bad_argument);
  CHECK(code_of([](Sample& s) { s.image.shape.channels = 33; }) == ErrorCode::limit);
  CHECK(code_of([](Sample& s) { s.image.shape.width = 0; }) == ErrorCode::limit);
  CHECK(code_of([](Sample& s) { s.name.assign(limits::kNameBytesMax + 1, 'x'); }) ==
        ErrorCode::limit);
  CHECK(code_of([](Sample& s) { s.labels.resize(limits::kAnnotationsMax, s.labels[0]); }) ==
        ErrorCode::limit);
  CHECK(code_of([](Sample& s) { s.image.shape.pixel_type = PixelType{10}; }) ==
        ErrorCode::bad_argument);
}

TEST_CASE("record: content hashes follow the content and nothing else") {
  const Sample sample = make_sample({PixelType::u8, 20, 30, 1}, 7);
  const ContentHash before = hash_annotations(sample.masks, sample.labels);
  const auto changed = [&](const auto& change) {
    Sample other = sample;
    change(other);
    return hash_annotations(other.masks, other.labels) != before;
  };
  CHECK(changed([](Sample& s) { s.masks[0].mask_hw[599] ^= 1; }));
  CHECK(changed([](Sample& s) { s.masks[0].instance = 77; }));
  CHECK(changed([](Sample& s) { s.masks[0].source_value = 77; }));
  CHECK(changed([](Sample& s) { s.masks.pop_back(); }));
  CHECK(changed([](Sample& s) { std::swap(s.masks[0], s.masks[1]); }));
  CHECK(changed([](Sample& s) { s.labels[1].value = 2; }));
  CHECK_FALSE(changed([](Sample& s) { s.masks[0].class_id = ClassId{77}; }));
  CHECK_FALSE(changed([](Sample& s) { s.labels[0].raw_class = 77; }));

  const ContentHash pixels = hash_image(sample.image.view());
  Image turned = sample.image;
  std::swap(turned.shape.width, turned.shape.height);
  CHECK(hash_image(turned.view()) != pixels);
  turned = sample.image;
  turned.shape.pixel_type = PixelType::i8;
  CHECK(hash_image(turned.view()) != pixels);
  turned = sample.image;
  turned.image_hwc[5] ^= std::byte{1};
  CHECK(hash_image(turned.view()) != pixels);
}

}  // namespace
}  // namespace slicebank
