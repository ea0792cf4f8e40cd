// The prototype W4 behind the bench's interface. Built with the flags it was measured with;
// it trusts its input and keeps its scratch in globals.
#include "bench/peers/peers.h"

#ifdef SLICEBANK_PROTOTYPE_HEADER
#include SLICEBANK_PROTOTYPE_HEADER
#endif

namespace slicebank::bench {

#ifdef SLICEBANK_PROTOTYPE_HEADER
std::vector<Codec> prototype_codec() {
  return {{"prototype W4",
           [](const ImageShape& shape) {
             const auto pixel = pixel_bytes(shape.pixel_type);
             const bool planes = shape.channels == 1 || (shape.channels == 3 && pixel == 1);
             return planes && shape.width >= 48 && shape.pixel_type != PixelType::i8 &&
                    (pixel == 1 ? shape.height >= 16 : pixel == 2 && shape.height >= 8);
           },
           [](const Image& image) {
             const int width = static_cast<int>(image.shape.width);
             const int height = static_cast<int>(image.shape.height);
             const auto* pixels = reinterpret_cast<const u8*>(image.image_hwc.data());
             const auto bytes =
                 pixel_bytes(image.shape.pixel_type) == 2
                     ? w4_enc16(reinterpret_cast<const u16*>(pixels), width, height, 31, W4Opt())
                     : w4_enc8(pixels, width, height, static_cast<int>(image.shape.channels), 31,
                               W4Opt());
             const auto* from = reinterpret_cast<const std::byte*>(bytes.data());
             return std::vector<std::byte>(from, from + bytes.size());
           },
           [](const std::vector<std::byte>& bytes, Image& image) {
             const int width = static_cast<int>(image.shape.width);
             const int height = static_cast<int>(image.shape.height);
             const auto* from = reinterpret_cast<const u8*>(bytes.data());
             auto* pixels = reinterpret_cast<u8*>(image.image_hwc.data());
             if (pixel_bytes(image.shape.pixel_type) == 2) {
               w4_dec16(from, bytes.size(), reinterpret_cast<u16*>(pixels), width, height);
             } else {
               w4_dec8(from, bytes.size(), pixels, width, height,
                       static_cast<int>(image.shape.channels));
             }
           }}};
}
#else
std::vector<Codec> prototype_codec() { return {}; }
#endif

}  // namespace slicebank::bench
