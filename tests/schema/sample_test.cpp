#include "schema/sample.h"

#include <doctest/doctest.h>

#include <string>

#include "schema/error.h"
#include "schema/limits.h"

namespace slicebank {
namespace {

ErrorCode code_of(const ImageShape& shape) {
  try {
    check_shape(shape, "slice 7");
  } catch (const Error& error) {
    CHECK(std::string(error.what()).rfind("slice 7: ", 0) == 0);
    return error.code();
  }
  return {};
}

TEST_CASE("sample: a shape within the limits is accepted and counts its bytes") {
  const ImageShape shape{PixelType::i16, 3, 5, 2};
  CHECK(code_of(shape) == ErrorCode{});
  CHECK(shape.pixels() == 15);
  CHECK(shape.bytes() == 60);
  CHECK(code_of({PixelType::u8, limits::kImageSideMax, 1, limits::kImageChannelsMax}) ==
        ErrorCode{});
}

TEST_CASE("sample: a shape out of the limits is refused with its reason") {
  CHECK(code_of({PixelType::u8, 0, 5, 1}) == ErrorCode::limit);
  CHECK(code_of({PixelType::u8, 5, limits::kImageSideMax + 1, 1}) == ErrorCode::limit);
  CHECK(code_of({PixelType::u8, 5, 5, 0}) == ErrorCode::limit);
  CHECK(code_of({PixelType::u8, 5, 5, limits::kImageChannelsMax + 1}) == ErrorCode::limit);
  CHECK(code_of({PixelType::f64, limits::kImageSideMax, limits::kImageSideMax, 1}) ==
        ErrorCode::limit);
  CHECK(code_of({static_cast<PixelType>(0), 5, 5, 1}) == ErrorCode::bad_argument);
  CHECK(code_of({static_cast<PixelType>(99), 5, 5, 1}) == ErrorCode::bad_argument);
}

TEST_CASE("sample: pixel types and axes have a size and a name each") {
  CHECK(pixel_bytes(PixelType::u8) == 1);
  CHECK(pixel_bytes(PixelType::f16) == 2);
  CHECK(pixel_bytes(PixelType::f32) == 4);
  CHECK(pixel_bytes(PixelType::f64) == 8);
  CHECK(pixel_bytes(static_cast<PixelType>(0)) == 0);
  CHECK(std::string(pixel_type_name(PixelType::i16)) == "i16");
  CHECK(std::string(pixel_type_name(static_cast<PixelType>(0))) == "?");
  CHECK(std::string(axis_name(Axis::none)) == "2d");
  CHECK(std::string(axis_name(Axis::z)) == "z");
}

TEST_CASE("sample: a box without width or height is empty") {
  CHECK(Box{}.empty());
  CHECK(Box{3, 3, 3, 9}.empty());
  CHECK_FALSE(Box{3, 3, 4, 4}.empty());
}

}  // namespace
}  // namespace slicebank
