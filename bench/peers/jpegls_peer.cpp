#include "bench/peers/peers.h"

#ifdef SLICEBANK_HAVE_CHARLS
#include <charls/charls.h>

#include <cstring>
#include <memory>
#include <stdexcept>
#endif

namespace slicebank::bench {

#ifdef SLICEBANK_HAVE_CHARLS
namespace {

struct FreeEncoder {
  void operator()(charls_jpegls_encoder* encoder) const { charls_jpegls_encoder_destroy(encoder); }
};
struct FreeDecoder {
  void operator()(charls_jpegls_decoder* decoder) const { charls_jpegls_decoder_destroy(decoder); }
};

void check(charls_jpegls_errc code) {
  if (code != charls::jpegls_errc::success) throw std::runtime_error("CharLS cannot do it");
}

// JPEG-LS has no signed samples: the sign bit is flipped on both sides.
void flip_signs(Image& image) {
  if (image.shape.pixel_type != PixelType::i16) return;
  for (std::size_t at = 1; at < image.image_hwc.size(); at += 2) {
    image.image_hwc[at] ^= std::byte{0x80};
  }
}

std::vector<std::byte> encode(const Image& source) {
  Image image = source;
  flip_signs(image);
  const std::unique_ptr<charls_jpegls_encoder, FreeEncoder> encoder(charls_jpegls_encoder_create());
  const charls_frame_info frame{image.shape.width, image.shape.height,
                                static_cast<int>(8 * pixel_bytes(image.shape.pixel_type)),
                                static_cast<int>(image.shape.channels)};
  check(charls_jpegls_encoder_set_frame_info(encoder.get(), &frame));
  if (frame.component_count == 3) {
    check(
        charls_jpegls_encoder_set_interleave_mode(encoder.get(), charls::interleave_mode::sample));
    check(charls_jpegls_encoder_set_color_transformation(encoder.get(),
                                                         charls::color_transformation::hp1));
  }
  std::size_t size = 0;
  check(charls_jpegls_encoder_get_estimated_destination_size(encoder.get(), &size));
  std::vector<std::byte> out(2 * size + 4096);  // noise grows past the estimate
  check(charls_jpegls_encoder_set_destination_buffer(encoder.get(), out.data(), out.size()));
  check(charls_jpegls_encoder_encode_from_buffer(encoder.get(), image.image_hwc.data(),
                                                 image.image_hwc.size(), 0));
  check(charls_jpegls_encoder_get_bytes_written(encoder.get(), &size));
  out.resize(size);
  return out;
}

void decode(const std::vector<std::byte>& bytes, Image& image) {
  const std::unique_ptr<charls_jpegls_decoder, FreeDecoder> decoder(charls_jpegls_decoder_create());
  check(charls_jpegls_decoder_set_source_buffer(decoder.get(), bytes.data(), bytes.size()));
  check(charls_jpegls_decoder_read_header(decoder.get()));
  check(charls_jpegls_decoder_decode_to_buffer(decoder.get(), image.image_hwc.data(),
                                               image.image_hwc.size(), 0));
  flip_signs(image);
}

}  // namespace

std::vector<Codec> jpegls_codec() {
  return {{"JPEG-LS (CharLS)",
           [](const ImageShape& shape) {
             return pixel_bytes(shape.pixel_type) <= 2 && shape.pixel_type != PixelType::i8 &&
                    (shape.channels == 1 || shape.channels == 3);
           },
           encode, decode}};
}
#else
std::vector<Codec> jpegls_codec() { return {}; }
#endif

}  // namespace slicebank::bench
