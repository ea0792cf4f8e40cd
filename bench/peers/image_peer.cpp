#include "bench/peers/peers.h"
#include "schema/record_layout.h"
#include "store/record.h"

// As in wave_peer.cpp: the bench measures the section below the record and declares what it
// calls, word for word as store/internal/image_codec.h does; it stays private to its room.
namespace slicebank {

struct EncodedImage {
  ImageCodec codec = ImageCodec::raw;
  std::uint32_t dictionary_id = 0;  // 0: none
  std::uint32_t dictionary_check = 0;
  std::vector<std::byte> section;
};

EncodedImage encode_image(const ImageView& image, const CodecOptions& options);
void decode_image_section(const ImageShape& shape, ImageCodec codec, Bytes section,
                          const Dictionary* dictionary, MutableBytes out_hwc, RowRange rows);

namespace bench {

Codec image_codec(int effort) {
  static const char* const kNames[] = {"image fast", "image balanced", "image small"};
  return {
      kNames[effort - 1], [](const ImageShape&) { return true; },
      [effort](const Image& image) {
        EncodedImage encoded = encode_image(image.view(), {static_cast<Effort>(effort), nullptr});
        // The codec goes behind the section, where it need not be moved for it.
        encoded.section.push_back(static_cast<std::byte>(encoded.codec));
        return std::move(encoded.section);
      },
      [](const std::vector<std::byte>& bytes, Image& image) {
        decode_image_section(image.shape, static_cast<ImageCodec>(bytes.back()),
                             Bytes(bytes).first(bytes.size() - 1), nullptr, image.image_hwc, {});
      },
      [](const Image&) { return std::size_t{1}; }};
}

}  // namespace bench
}  // namespace slicebank
