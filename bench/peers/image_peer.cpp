#include "bench/peers/peers.h"
#include "schema/record_layout.h"
#include "store/internal/image_codec.h"
#include "store/record.h"

namespace slicebank::bench {

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

}  // namespace slicebank::bench
