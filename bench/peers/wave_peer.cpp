#include "bench/peers/peers.h"
#include "store/internal/wave/wave.h"
#include "store/record.h"

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
