// Real slices: bit-exact with every kernel, and as small as the method promises.
#include <doctest/doctest.h>

#include <fstream>
#include <iterator>

#include "store/internal/wave/wave.h"
#include "tests/support/shared_data.h"

using namespace slicebank;

namespace {

// A file that ends with the rows of one uncompressed slice, as plain DICOM files do.
Image trailing_slice(const std::filesystem::path& path, const ImageShape& shape) {
  std::ifstream file(path, std::ios::binary);
  const std::string content{std::istreambuf_iterator<char>(file), {}};
  REQUIRE(content.size() > shape.bytes());
  const auto* begin = reinterpret_cast<const std::byte*>(content.data());
  return {shape, {begin + (content.size() - shape.bytes()), begin + content.size()}};
}

void check_exact(const Image& image, double at_most_of_raw) {
  const std::string before(wave::kernels());
  for (const Effort effort : {Effort::fast, Effort::balanced, Effort::small}) {
    const auto section = wave::encode(image.view(), effort);
    CHECK(static_cast<double>(section.size()) <
          at_most_of_raw * static_cast<double>(image.image_hwc.size()));
    for (const char* kernels : {"scalar", "sse4.1", "avx2"}) {
      if (!wave::set_kernels(kernels)) continue;
      std::vector<std::byte> back(image.image_hwc.size());
      wave::decode(image.shape, section, back);
      CHECK(back == image.image_hwc);
      CHECK(wave::encode(image.view(), effort) == section);
    }
    wave::set_kernels(before);
  }
}

// Hounsfield units in a window, as 8 bits.
Image windowed(const Image& slice, double slope, double intercept, double level, double width) {
  Image out{slice.shape, {}};
  out.shape.pixel_type = PixelType::u8;
  for (std::size_t at = 0; at < slice.image_hwc.size(); at += 2) {
    const int stored = static_cast<std::int16_t>(static_cast<int>(slice.image_hwc[at]) |
                                                 static_cast<int>(slice.image_hwc[at + 1]) << 8);
    const double share = (stored * slope + intercept - (level - width / 2)) / width;
    out.image_hwc.push_back(static_cast<std::byte>(share <= 0   ? 0
                                                   : share >= 1 ? 255
                                                                : static_cast<int>(share * 255)));
  }
  return out;
}

}  // namespace

TEST_CASE("wave: a real CT slice in 16 bits is exact and below two fifths of its size") {
  SLICEBANK_SHARED_OR_SKIP(path, "dcmqi/ct-3slice/01.dcm");
  check_exact(trailing_slice(path, {PixelType::i16, 512, 512, 1}), 0.40);
}

TEST_CASE("wave: a real CT slice seen through windows is exact") {
  SLICEBANK_SHARED_OR_SKIP(path, "rt-utils/mock_data/ct_1.dcm");
  const Image slice = trailing_slice(path, {PixelType::i16, 512, 512, 1});
  check_exact(slice, 0.6);
  check_exact(windowed(slice, 1, -1024, 40, 400), 0.6);
  check_exact(windowed(slice, 1, -1024, 40, 80), 0.6);
  check_exact(windowed(slice, 1, -1024, -160, 1500), 0.6);
}
