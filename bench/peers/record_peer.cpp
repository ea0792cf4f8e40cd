// Whole records, as a bank keeps and checks them: header, hashes and all.
#include <cstring>
#include <map>
#include <stdexcept>

#include "bench/peers/peers.h"
#include "store/dictionary.h"
#include "store/record.h"

namespace slicebank::bench {
namespace {

constexpr BankUuid kBank = {1, 2, 3};
constexpr SampleId kSample{1};
constexpr VolumeId kVolume{1};

std::vector<std::byte> record_of(const Sample& sample, const CodecOptions& options) {
  return seal_record(kBank, kSample, kVolume, encode_sample(sample, options));
}

class OneDictionary final : public DictionarySource {
 public:
  explicit OneDictionary(std::shared_ptr<const Dictionary> dictionary)
      : dictionary_(std::move(dictionary)) {}
  std::shared_ptr<const Dictionary> find(std::uint32_t id) const override {
    return dictionary_ && dictionary_->id() == id ? dictionary_ : nullptr;
  }

 private:
  std::shared_ptr<const Dictionary> dictionary_;
};

}  // namespace

Codec record_codec(const std::vector<Image>& images) {
  std::shared_ptr<const Dictionary> dictionary;
  if (!images.empty() && Dictionary::suits(images.front().shape)) {
    dictionary = Dictionary::train(1, images);
  }
  const auto source = std::make_shared<OneDictionary>(dictionary);
  return {dictionary ? "record, dictionary" : "record", [](const ImageShape&) { return true; },
          [dictionary](const Image& image) {
            Sample sample;
            sample.image = image;
            return record_of(sample, {Effort::balanced, dictionary});
          },
          [source](const std::vector<std::byte>& record, Image& image) {
            decode_image(kBank, kSample, record, source.get(), image.image_hwc);
          }};
}

Codec mask_codec() {
  return {"masks of a record",
          [](const ImageShape& shape) {
            return shape.channels == 1 && shape.pixel_type == PixelType::u8;
          },
          [](const Image& image) {
            Sample sample;
            sample.image = {{PixelType::u8, image.shape.height, image.shape.width, 1}, {}};
            sample.image.image_hwc.resize(image.image_hwc.size());
            std::map<std::byte, std::size_t> places;
            for (std::size_t i = 0; i < image.image_hwc.size(); ++i) {
              const std::byte value = image.image_hwc[i];
              if (value == std::byte{0}) continue;
              const auto [place, fresh] = places.emplace(value, sample.masks.size());
              if (fresh) {
                sample.masks.push_back({ClassId{std::to_integer<std::uint32_t>(value)}, 0, 0,
                                        std::to_integer<std::uint8_t>(value),
                                        std::vector<std::uint8_t>(image.image_hwc.size())});
              }
              sample.masks[place->second].mask_hw[i] = 1;
            }
            return record_of(sample, {});
          },
          [](const std::vector<std::byte>& record, Image& image) {
            std::memset(image.image_hwc.data(), 0, image.image_hwc.size());
            const std::vector<Mask> masks = decode_masks(kBank, kSample, record);
            for (const Mask& mask : masks) {
              const auto value = static_cast<std::byte>(mask.source_value);
              for (std::size_t i = 0; i < mask.mask_hw.size(); ++i) {
                if (mask.mask_hw[i] != 0) image.image_hwc[i] = value;
              }
            }
          }};
}

}  // namespace slicebank::bench
