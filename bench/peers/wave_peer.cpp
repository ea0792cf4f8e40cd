#include "bench/peers/peers.h"
#include "store/record.h"

// The bench measures the image section below the record, beside codecs that have no record
// around them either. It declares what it calls; the section stays private to its room.
namespace slicebank::wave {
bool suits(const ImageShape& shape) noexcept;
std::vector<std::byte> encode(const ImageView& image, Effort effort);
void decode(const ImageShape& shape, Bytes section, MutableBytes out_hwc, RowRange rows);
std::string_view kernels();
}  // namespace slicebank::wave

namespace slicebank::bench {

Codec wave_codec(int effort) {
  static const char* const kNames[] = {"wave fast", "wave balanced", "wave small"};
  return {kNames[effort - 1], [](const ImageShape& shape) { return wave::suits(shape); },
          [effort](const Image& image) {
            return wave::encode(image.view(), static_cast<Effort>(effort));
          },
          [](const std::vector<std::byte>& bytes, Image& image) {
            wave::decode(image.shape, bytes, image.image_hwc, {});
          }};
}

std::string wave_kernels() { return std::string(wave::kernels()); }

}  // namespace slicebank::bench
