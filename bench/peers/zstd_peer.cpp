#include <zstd.h>

#include <memory>
#include <stdexcept>

#include "bench/peers/peers.h"

namespace slicebank::bench {

Codec zstd_codec() {
  const auto encoder = std::shared_ptr<ZSTD_CCtx>(ZSTD_createCCtx(), ZSTD_freeCCtx);
  const auto decoder = std::shared_ptr<ZSTD_DCtx>(ZSTD_createDCtx(), ZSTD_freeDCtx);
  return {"zstd level 3", [](const ImageShape&) { return true; },
          [encoder](const Image& image) {
            const auto& source = image.image_hwc;
            std::vector<std::byte> out(ZSTD_compressBound(source.size()));
            const std::size_t size = ZSTD_compressCCtx(encoder.get(), out.data(), out.size(),
                                                       source.data(), source.size(), 3);
            if (ZSTD_isError(size) != 0) throw std::runtime_error("zstd cannot compress");
            out.resize(size);
            return out;
          },
          [decoder](const std::vector<std::byte>& bytes, Image& image) {
            const std::size_t size =
                ZSTD_decompressDCtx(decoder.get(), image.image_hwc.data(), image.image_hwc.size(),
                                    bytes.data(), bytes.size());
            if (size != image.image_hwc.size()) throw std::runtime_error("zstd cannot read");
          }};
}

}  // namespace slicebank::bench
