#include "store/internal/image_codec.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "store/dictionary.h"
#include "store/internal/bytes.h"
#include "store/internal/delta_codec.h"
#include "store/internal/dictionary_tables.h"
#include "store/internal/plane_codec.h"
#include "store/internal/wave/wave.h"
#include "store/internal/zstd.h"

namespace slicebank {
namespace {

// A bias this large can only come from a writer with bad intentions.
constexpr std::int64_t kBiasMost = std::int64_t{1} << 32;

[[noreturn]] void fail(const std::string& what) { throw Error(ErrorCode::corrupt, what); }

bool is_delta_type(PixelType type) noexcept { return type <= PixelType::i16; }

std::vector<std::byte> encode_zstd(const ImageView& image, Effort effort) {
  std::vector<std::byte> section;
  const int level = effort == Effort::fast ? 1 : effort == Effort::balanced ? 3 : 19;
  zstd::append_frame(image.image_hwc, {.level = level}, section);
  return section;
}

void decode_zstd(Bytes section, MutableBytes out_hwc) {
  const auto frame = zstd::frame_size(section);
  if (!frame || frame->compressed != section.size() || frame->content != out_hwc.size()) {
    fail("the zstd frame is not that of the image");
  }
  zstd::decompress_frames(section, out_hwc);
}

// Keeps the smallest of what it is offered; of equals the first.
class Smallest {
 public:
  void offer(EncodedImage candidate) {
    if (best_.section.empty() || candidate.section.size() < best_.section.size()) {
      best_ = std::move(candidate);
    }
  }
  std::size_t bytes() const noexcept { return best_.section.size(); }
  bool empty() const noexcept { return best_.section.empty(); }
  EncodedImage take() { return std::move(best_); }

 private:
  EncodedImage best_;
};

// 8- and 16-bit integers.
EncodedImage encode_integers(const ImageView& image, const CodecOptions& options) {
  Smallest smallest;
  if (wave::suits(image.shape)) {
    smallest.offer({ImageCodec::wave, 0, 0, wave::encode(image, options.effort)});
  }
  const bool tiny = Dictionary::suits(image.shape);
  if (tiny || smallest.empty()) {
    const ImageCodec codec = tiny ? ImageCodec::tiny : ImageCodec::updelta;
    const DeltaPlanes planes = delta_transform(image);
    smallest.offer({codec, 0, 0, encode_delta(planes, options.effort, nullptr)});
    if (tiny && options.dictionary) {
      const Dictionary& dictionary = *options.dictionary;
      smallest.offer({codec, dictionary.id(), dictionary.digested().check,
                      encode_delta(planes, options.effort, &dictionary.digested().tables)});
    }
  }
  return smallest.take();
}

EncodedImage encode_mapped(const MappedImage& mapped, const CodecOptions& options) {
  EncodedImage encoded{ImageCodec::mapped, 0, 0, {}};
  encoded.section.push_back(static_cast<std::byte>(mapped.mapping));
  EncodedImage inner;
  if (mapped.image.shape.pixel_type == PixelType::f32) {
    inner = {ImageCodec::planes, 0, 0, encode_planes(mapped.image.view(), options.effort)};
  } else {
    inner = encode_integers(mapped.image.view(), {options.effort, nullptr});
  }
  if (inner.section.size() >= mapped.image.image_hwc.size()) {
    inner = {ImageCodec::raw, 0, 0, mapped.image.image_hwc};
  }
  encoded.section.push_back(static_cast<std::byte>(inner.codec));
  if (mapped.mapping == Mapping::integers) append_little(encoded.section, mapped.bias);
  append_bytes(encoded.section, inner.section);
  return encoded;
}

void decode_inner(const ImageShape& shape, ImageCodec codec, Bytes section,
                  const Dictionary* dictionary, MutableBytes out_hwc);

void decode_mapped(const ImageShape& shape, Bytes section, MutableBytes out_hwc) {
  ByteReader reader(section);
  const auto mapping = static_cast<Mapping>(reader.u8("mapping"));
  const auto type = mapped_type(mapping, shape.pixel_type);
  if (!type) fail("a mapping that does not suit the pixels");
  const auto codec = static_cast<ImageCodec>(reader.u8("codec of the mapped pixels"));
  if (codec == ImageCodec::mapped || codec == ImageCodec::tiny) {
    fail("a codec that is none for mapped pixels");
  }
  std::int64_t bias = 0;
  if (mapping == Mapping::integers) bias = reader.little<std::int64_t>("bias");
  if (bias < -kBiasMost || bias > kBiasMost) fail("a bias no pixel can have");
  ImageShape narrow = shape;
  narrow.pixel_type = *type;
  thread_local std::vector<std::byte> mapped;
  mapped.resize(static_cast<std::size_t>(narrow.bytes()));
  decode_inner(narrow, codec, reader.rest(), nullptr, mapped);
  unmap_image(shape.pixel_type, mapping, bias, mapped, out_hwc);
}

void decode_inner(const ImageShape& shape, ImageCodec codec, Bytes section,
                  const Dictionary* dictionary, MutableBytes out_hwc) {
  const PixelType type = shape.pixel_type;
  if (dictionary != nullptr && codec != ImageCodec::tiny) fail("a dictionary nobody asked for");
  switch (codec) {
    case ImageCodec::raw:
      if (section.size() != out_hwc.size()) fail("the pixels are not as many as the image has");
      std::memcpy(out_hwc.data(), section.data(), section.size());
      return;
    case ImageCodec::zstd:
      return decode_zstd(section, out_hwc);
    case ImageCodec::wave:
      if (!wave::suits(shape)) fail("the wave codec does not suit the image");
      return wave::decode(shape, section, out_hwc);
    case ImageCodec::updelta:
      if (!is_delta_type(type)) fail("the codec does not suit the pixels");
      return decode_delta(shape, section, nullptr, out_hwc);
    case ImageCodec::tiny:
      if (!Dictionary::suits(shape)) fail("the image is too large for its codec");
      return decode_delta(shape, section,
                          dictionary == nullptr ? nullptr : &dictionary->digested().tables,
                          out_hwc);
    case ImageCodec::planes:
      if (pixel_bytes(type) < 4) fail("the codec does not suit the pixels");
      return decode_planes(shape, section, out_hwc);
    case ImageCodec::mapped:
      return decode_mapped(shape, section, out_hwc);
    case ImageCodec::jpeg:
      break;
  }
  fail("unknown image codec " + std::to_string(static_cast<int>(codec)));
}

}  // namespace

EncodedImage encode_image(const ImageView& image, const CodecOptions& options) {
  const PixelType type = image.shape.pixel_type;
  Smallest smallest;
  bool try_zstd = false;
  if (is_delta_type(type)) {
    smallest.offer(encode_integers(image, options));
  } else if (const auto mapped = map_image(image)) {
    smallest.offer(encode_mapped(*mapped, options));
  } else {
    smallest.offer({ImageCodec::planes, 0, 0, encode_planes(image, options.effort)});
    // Floats of few different values repeat themselves more than they change smoothly.
    try_zstd = options.effort != Effort::fast;
  }
  // Below one bit a sample, repeats may be worth more than prediction.
  const std::uint64_t samples = image.shape.pixels() * image.shape.channels;
  if (try_zstd || smallest.bytes() * 8 < samples) {
    smallest.offer({ImageCodec::zstd, 0, 0, encode_zstd(image, options.effort)});
  }
  if (smallest.bytes() >= image.image_hwc.size()) {
    return {ImageCodec::raw, 0, 0, {image.image_hwc.begin(), image.image_hwc.end()}};
  }
  return smallest.take();
}

void decode_image_section(const ImageShape& shape, ImageCodec codec, Bytes section,
                          const Dictionary* dictionary, MutableBytes out_hwc) {
  decode_inner(shape, codec, section, dictionary, out_hwc);
}

}  // namespace slicebank
