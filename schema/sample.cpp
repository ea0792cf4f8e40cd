#include "schema/sample.h"

#include <string>

#include "schema/error.h"
#include "schema/limits.h"

namespace slicebank {

const char* pixel_type_name(PixelType type) noexcept {
  switch (type) {
    case PixelType::u8:
      return "u8";
    case PixelType::i8:
      return "i8";
    case PixelType::u16:
      return "u16";
    case PixelType::i16:
      return "i16";
    case PixelType::u32:
      return "u32";
    case PixelType::i32:
      return "i32";
    case PixelType::f16:
      return "f16";
    case PixelType::f32:
      return "f32";
    case PixelType::f64:
      return "f64";
  }
  return "?";
}

const char* axis_name(Axis axis) noexcept {
  switch (axis) {
    case Axis::none:
      return "2d";
    case Axis::x:
      return "x";
    case Axis::y:
      return "y";
    case Axis::z:
      return "z";
  }
  return "?";
}

void check_shape(const ImageShape& shape, const std::string& what) {
  if (pixel_bytes(shape.pixel_type) == 0) {
    throw Error(ErrorCode::bad_argument, what + ": unknown pixel type " +
                                             std::to_string(static_cast<int>(shape.pixel_type)));
  }
  if (shape.height == 0 || shape.width == 0 || shape.height > limits::kImageSideMax ||
      shape.width > limits::kImageSideMax) {
    throw Error(ErrorCode::limit,
                what + ": " + std::to_string(shape.width) + " x " + std::to_string(shape.height) +
                    " pixels; a side must be 1 to " + std::to_string(limits::kImageSideMax));
  }
  if (shape.channels == 0 || shape.channels > limits::kImageChannelsMax) {
    throw Error(ErrorCode::limit, what + ": " + std::to_string(shape.channels) +
                                      " channels; 1 to " +
                                      std::to_string(limits::kImageChannelsMax) + " are possible");
  }
  if (shape.bytes() > limits::kImageBytesMax) {
    throw Error(ErrorCode::limit, what + ": " + std::to_string(shape.bytes()) +
                                      " bytes decoded; the limit for one slice is " +
                                      std::to_string(limits::kImageBytesMax));
  }
}

}  // namespace slicebank
