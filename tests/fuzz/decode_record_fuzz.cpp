// A record from a writer who knows the format and means harm: the hashes are computed
// again, so that they stop nothing.
#include <algorithm>
#include <memory>
#include <vector>

#include "schema/error.h"
#include "schema/record_layout.h"
#include "store/dictionary.h"
#include "store/internal/hash.h"
#include "store/record.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/reseal.h"

namespace slicebank {
namespace {

constexpr BankUuid kUuid{1, 2, 3};

// Any id leads to the same dictionary, so that the reader gets as far as to use it.
class AnyDictionary final : public DictionarySource {
 public:
  AnyDictionary() {
    const ImageShape shape{PixelType::u8, 8, 8, 1};
    std::vector<Image> images;
    for (std::uint32_t i = 0; i < 300; ++i) {
      Image image{shape, {}};
      for (std::uint32_t pixel = 0; pixel < 64; ++pixel) {
        image.image_hwc.push_back(static_cast<std::byte>(pixel * pixel * 7 + i * pixel));
      }
      images.push_back(std::move(image));
    }
    dictionary_ = Dictionary::train(1, images);
  }
  std::shared_ptr<const Dictionary> find(std::uint32_t) const override { return dictionary_; }

  std::uint32_t check() const {
    return static_cast<std::uint32_t>(hash64(dictionary_->bytes()) & 0xffff'ffff);
  }

 private:
  std::shared_ptr<const Dictionary> dictionary_;
};

// What a record may ask of memory is the caller's decision, not a finding.
bool affordable(const RecordHeader& header) {
  const std::uint64_t pixels = header.shape().pixels();
  return pixels <= 1u << 18 && header.shape().bytes() <= 1u << 22 &&
         pixels * header.annotations <= 1u << 24;
}

}  // namespace
}  // namespace slicebank

void fuzz_one(const std::uint8_t* data, std::size_t size) {
  using namespace slicebank;
  static const AnyDictionary dictionaries;
  if (size < RecordLayout::kHeaderBytes) return;
  const auto bytes = std::as_bytes(std::span(data, size));
  std::vector<std::byte> record(bytes.begin(), bytes.end());
  // Fields without a choice are set right; so is the size, by way of the last section.
  RecordHeader header = get_record_header(record);
  if (!affordable(header)) return;
  const std::uint64_t behind = size - RecordLayout::kHeaderBytes;
  header.version = kRecordLayoutVersion;
  header.flags = 0;
  if (header.dictionary_id != 0) header.dictionary_check = dictionaries.check();
  header.meta_bytes =
      static_cast<std::uint32_t>(std::min<std::uint64_t>(header.meta_bytes, behind));
  header.masks_bytes = static_cast<std::uint32_t>(
      std::min<std::uint64_t>(header.masks_bytes, behind - header.meta_bytes));
  header.image_bytes = static_cast<std::uint32_t>(behind - header.meta_bytes - header.masks_bytes);
  put_record_header(header, record);
  testing::reseal(kUuid, record);
  const auto attempt = [](const auto& read) {
    try {
      read();
    } catch (const Error&) {
      // The only way out that is allowed.
    }
  };
  const SampleId id = header.sample_id;
  attempt([&] { decode_info(kUuid, id, record); });
  attempt([&] {
    const ClassId classes[] = {ClassId{1}, ClassId{5}};
    decode_masks(kUuid, id, record, classes);
  });
  attempt([&] {
    const Sample sample = decode_sample(kUuid, id, record, &dictionaries);
    // What was read can be written again.
    encode_sample(sample, {Effort::fast, nullptr});
  });
  attempt([&] { rebind_record(kUuid, id, record, kUuid, SampleId{9}, VolumeId{9}); });
  attempt([&] {
    std::vector<std::byte> pixels(static_cast<std::size_t>(header.shape().bytes()));
    decode_image(kUuid, id, record, &dictionaries, pixels);
  });
}
