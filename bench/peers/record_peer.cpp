// Whole records, as a bank keeps and checks them: header, hashes and all.
#include <algorithm>
#include <cstring>
#include <map>
#include <span>
#include <stdexcept>
#include <utility>
#include <vector>

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

Sample black(const ImageShape& shape) {
  Sample sample;
  sample.image = {{PixelType::u8, shape.height, shape.width, 1}, {}};
  sample.image.image_hwc.resize(sample.image.shape.bytes());
  return sample;
}

// Masks into one picture of their source values, as a loader makes a label map.
class MaskPainter final : public DecodeSink {
 public:
  explicit MaskPainter(Image& picture) : picture_(picture) {
    std::memset(picture.image_hwc.data(), 0, picture.image_hwc.size());
  }

  MutableBytes begin(SampleInfo&& info) override {
    info_ = std::move(info);
    return {};
  }
  bool wants_mask(std::size_t) override { return true; }
  std::uint8_t foreground(std::size_t mask) override {
    return info_.annotations[mask].source_value;
  }
  std::span<std::uint8_t> begin_mask(std::size_t) override {
    return {reinterpret_cast<std::uint8_t*>(picture_.image_hwc.data()), picture_.image_hwc.size()};
  }
  void end_mask(std::size_t) override {}

 private:
  Image& picture_;
  SampleInfo info_;
};

}  // namespace

std::vector<Codec> record_codecs(const std::vector<Image>& images) {
  std::shared_ptr<const Dictionary> dictionary;
  const bool tiny = !images.empty() && Dictionary::suits(images.front().shape);
  if (tiny) dictionary = Dictionary::train(1, images);
  const auto source = std::make_shared<OneDictionary>(dictionary);
  Codec whole{"record", [](const ImageShape&) { return true; },
              [dictionary](const Image& image) {
                Sample sample;
                sample.image = image;
                return record_of(sample, {Effort::balanced, dictionary});
              },
              [source](const std::vector<std::byte>& record, Image& image) {
                decode_image(kBank, kSample, record, source.get(), image.image_hwc);
              }};
  if (!tiny) return {whole};
  Codec section = whole;
  section.name = "tiny section";
  section.around = [](const Image&) {
    Sample sample;
    sample.image = {{PixelType::u8, 1, 1, 1}, {std::byte{0}}};
    return record_of(sample, {}).size() - 1;
  };
  return {whole, section};
}

Codec mask_codec() {
  return {"masks section",
          [](const ImageShape& shape) {
            return shape.channels == 1 && shape.pixel_type == PixelType::u8;
          },
          [](const Image& image) {
            Sample sample = black(image.shape);
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
            MaskPainter painter(image);
            decode_into(kBank, kSample, record, nullptr, painter);
          },
          [](const Image& image) { return record_of(black(image.shape), {}).size(); }};
}

}  // namespace slicebank::bench
