// Run lengths and polygons from somebody who means harm. The first bytes say which and how
// large the picture is.
#include <cstdlib>
#include <cstring>
#include <span>
#include <string_view>

#include "formats/coco_rle.h"
#include "schema/error.h"
#include "tests/fuzz/fuzz.h"

namespace slicebank {
namespace {

void run_lengths(std::string_view text, std::uint32_t height, std::uint32_t width) {
  const coco::Rle rle = coco::from_string(text, height, width, "fuzz.json");
  const std::vector<std::uint8_t> mask_hw = coco::to_mask(rle);
  if (coco::from_mask(mask_hw, height, width) != rle) std::abort();
  if (coco::from_string(coco::to_string(rle), height, width, "again.json") != rle) std::abort();
  if (coco::box(rle).empty() != (coco::area(rle) == 0)) std::abort();
}

void polygon(std::span<const std::uint8_t> bytes, std::uint32_t height, std::uint32_t width) {
  std::vector<double> numbers;
  for (; bytes.size() >= sizeof(float); bytes = bytes.subspan(sizeof(float))) {
    float number = 0;
    std::memcpy(&number, bytes.data(), sizeof number);
    numbers.push_back(static_cast<double>(number));
  }
  const std::vector<std::vector<double>> polygons = {numbers};
  const auto mask_hw = coco::mask_from_polygons(polygons, height, width, "fuzz.json");
  if (mask_hw.size() != std::uint64_t{height} * width) std::abort();
}

}  // namespace
}  // namespace slicebank

void fuzz_one(const std::uint8_t* data, std::size_t size) {
  using namespace slicebank;
  if (size < 3) return;
  const std::span<const std::uint8_t> rest(data + 3, size - 3);
  try {
    if (data[0] % 2 == 0) {
      run_lengths({reinterpret_cast<const char*>(rest.data()), rest.size()}, data[1], data[2]);
    } else {
      polygon(rest, data[1], data[2]);
    }
  } catch (const Error&) {
    // The only way out that is allowed.
  }
}
