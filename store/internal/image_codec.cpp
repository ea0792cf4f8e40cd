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

// How hard plain zstd tries.
struct ZstdWay {
  int level = 0;  // 0: not at all
  int least_match = 0;
};

ZstdWay zstd_way(Effort effort) {
  switch (effort) {
    case Effort::fast:
      return {1, 0};
    case Effort::balanced:
      // Smaller, and faster both ways, than level 6 with the matches it looks for by itself.
      return {5, 6};
    case Effort::small:
      break;
  }
  return {19, 0};
}

EncodedImage zstd_image(const ImageView& image, const ZstdWay& way) {
  EncodedImage encoded{ImageCodec::zstd, 0, 0, {}};
  zstd::append_frame(image.image_hwc, {.level = way.level, .least_match = way.least_match},
                     encoded.section);
  return encoded;
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
  std::uint32_t dictionary() const noexcept { return best_.dictionary_id; }
  EncodedImage take() { return std::move(best_); }

 private:
  EncodedImage best_;
};

// How much of an image equals the row above it, in 256ths of its bytes; every fourth row is
// looked at.
std::uint32_t repeated_share(const ImageView& image) {
  const std::size_t row =
      std::size_t{image.shape.width} * image.shape.channels * pixel_bytes(image.shape.pixel_type);
  const std::byte* pixels = image.image_hwc.data();
  std::uint64_t equal = 0;
  std::uint64_t seen = 0;
  for (std::size_t y = 1; y < image.shape.height; y += 4) {
    const std::byte* here = pixels + y * row;
    const std::byte* above = here - row;
    constexpr std::size_t kBlock = 240;  // counted in bytes, which compilers turn into vectors
    for (std::size_t x = 0; x < row; x += kBlock) {
      const std::size_t end = std::min(x + kBlock, row);
      std::uint8_t in_block = 0;
      for (std::size_t i = x; i < end; ++i) {
        in_block = static_cast<std::uint8_t>(in_block + (here[i] == above[i]));
      }
      equal += in_block;
    }
    seen += row;
  }
  return seen == 0 ? 0 : static_cast<std::uint32_t>(equal * 256 / seen);
}

// Estimates look at all of an image up to this size, at half as many bytes of a larger one.
constexpr std::size_t kSampledBytes = 32768;

// What plain zstd would make of an image, roughly: level 1 on a few pieces. Mostly too much, as
// a piece does not see the others.
std::uint64_t estimate_zstd(const ImageView& image) {
  constexpr std::size_t kPieces = 4;
  constexpr std::size_t kPieceBytes = kSampledBytes / 2 / kPieces;
  const Bytes pixels = image.image_hwc;
  std::vector<std::byte> sample;
  if (pixels.size() > kSampledBytes) {
    for (std::size_t piece = 0; piece < kPieces; ++piece) {
      const std::size_t begin = pixels.size() / kPieces * piece + pixels.size() / kPieces / 2;
      append_bytes(sample, pixels.subspan(begin - kPieceBytes / 2, kPieceBytes));
    }
  }
  const Bytes source = sample.empty() ? pixels : Bytes(sample);
  std::vector<std::byte> frame;
  zstd::append_frame(source, {.level = 1}, frame);
  return frame.size() * pixels.size() / source.size();
}

// Whether a tiny image that the wave codec suits goes to that codec, not to differences to the
// row above. Bands that are not full and pixels that repeat speak for the latter.
bool prefers_wave(const ImageShape& shape, std::uint32_t repeated) {
  constexpr std::uint32_t kBandRows = 16;
  constexpr std::uint32_t kManyRepeated = 100;
  return shape.height % kBandRows == 0 && repeated < kManyRepeated;
}

// Whether setting up the wave codec's frames takes longer than coding such an image at once.
bool is_small(const ImageShape& shape) {
  constexpr std::uint64_t kFewBytes = 8192;
  return pixel_bytes(shape.pixel_type) == 1 && shape.bytes() <= kFewBytes;
}

// 8- and 16-bit integers; `repeated` as repeated_share() gives it.
EncodedImage encode_integers(const ImageView& image, std::uint32_t repeated,
                             const CodecOptions& options) {
  Smallest smallest;
  const bool tiny = Dictionary::suits(image.shape);
  bool waves = wave::suits(image.shape);
  bool deltas = tiny || !waves || (options.effort == Effort::fast && is_small(image.shape));
  if (waves && deltas && options.effort != Effort::small) {
    waves = options.effort == Effort::balanced && prefers_wave(image.shape, repeated);
    deltas = !waves;
  }
  if (waves) smallest.offer({ImageCodec::wave, 0, 0, wave::encode(image, options.effort)});
  const Dictionary* dictionary = tiny ? options.dictionary.get() : nullptr;
  if (!deltas && dictionary == nullptr) return smallest.take();
  const ImageCodec codec = tiny ? ImageCodec::tiny : ImageCodec::updelta;
  const DeltaPlanes planes = delta_transform(image);
  if (dictionary != nullptr) {
    smallest.offer({codec, dictionary->id(), dictionary->digested().check,
                    encode_delta(planes, options.effort, &dictionary->digested().tables)});
    // A dictionary nearly always wins; where it saves little, a code that is at hand shows
    // whether one without would do better.
    if (options.effort != Effort::small) {
      deltas = deltas && smallest.bytes() * 2 > planes.content.size();
      if (deltas) smallest.offer({codec, 0, 0, encode_delta(planes, Effort::fast, nullptr)});
      deltas = deltas && smallest.dictionary() == 0;
    }
  }
  if (deltas) smallest.offer({codec, 0, 0, encode_delta(planes, options.effort, nullptr)});
  return smallest.take();
}

EncodedImage encode_mapped(const MappedImage& mapped, const CodecOptions& options) {
  EncodedImage encoded{ImageCodec::mapped, 0, 0, {}};
  encoded.section.push_back(static_cast<std::byte>(mapped.mapping));
  EncodedImage inner;
  if (mapped.image.shape.pixel_type == PixelType::f32) {
    inner = {ImageCodec::planes, 0, 0, encode_planes(mapped.image.view(), options.effort)};
  } else {
    inner = encode_integers(mapped.image.view(), 0, {options.effort, nullptr});
  }
  if (inner.section.size() >= mapped.image.image_hwc.size()) {
    inner = {ImageCodec::raw, 0, 0, mapped.image.image_hwc};
  }
  encoded.section.push_back(static_cast<std::byte>(inner.codec));
  if (mapped.mapping == Mapping::integers) append_little(encoded.section, mapped.bias);
  append_bytes(encoded.section, inner.section);
  return encoded;
}

// The rows of an image, cut to those it has.
struct RowBytes {
  std::size_t begin = 0;
  std::size_t size = 0;
};
RowBytes bytes_of(const ImageShape& shape, RowRange rows) {
  const std::size_t row = std::size_t{shape.width} * shape.channels * pixel_bytes(shape.pixel_type);
  const std::size_t end = std::min(rows.end, shape.height);
  const std::size_t begin = std::min<std::size_t>(rows.begin, end);
  return {begin * row, (end - begin) * row};
}

void decode_inner(const ImageShape& shape, ImageCodec codec, Bytes section,
                  const Dictionary* dictionary, MutableBytes out_hwc, RowRange rows);

void decode_mapped(const ImageShape& shape, Bytes section, MutableBytes out_hwc, RowRange rows) {
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
  decode_inner(narrow, codec, reader.rest(), nullptr, mapped, rows);
  const RowBytes from = bytes_of(narrow, rows);
  const RowBytes to = bytes_of(shape, rows);
  unmap_image(shape.pixel_type, mapping, bias, Bytes(mapped).subspan(from.begin, from.size),
              out_hwc.subspan(to.begin, to.size));
}

void decode_inner(const ImageShape& shape, ImageCodec codec, Bytes section,
                  const Dictionary* dictionary, MutableBytes out_hwc, RowRange rows) {
  const PixelType type = shape.pixel_type;
  if (dictionary != nullptr && codec != ImageCodec::tiny) fail("a dictionary nobody asked for");
  switch (codec) {
    case ImageCodec::raw: {
      if (section.size() != out_hwc.size()) fail("the pixels are not as many as the image has");
      const RowBytes part = bytes_of(shape, rows);
      std::memcpy(out_hwc.data() + part.begin, section.data() + part.begin, part.size);
      return;
    }
    case ImageCodec::zstd:
      return decode_zstd(section, out_hwc);
    case ImageCodec::wave:
      if (!wave::suits(shape)) fail("the wave codec does not suit the image");
      return wave::decode(shape, section, out_hwc, rows);
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
      return decode_mapped(shape, section, out_hwc, rows);
    case ImageCodec::jpeg:
      break;
  }
  fail("unknown image codec " + std::to_string(static_cast<int>(codec)));
}

}  // namespace

namespace {

// How plain zstd races `best` bytes of another codec. It wins where most of an image repeats:
// on label maps, masks, screens and narrow windows.
ZstdWay racing_way(const ImageView& image, bool repeats, std::uint64_t best, Effort effort) {
  const std::uint64_t bytes = image.image_hwc.size();
  const bool below_a_bit = best * 8 < image.shape.pixels() * image.shape.channels;
  switch (effort) {
    case Effort::fast:
      return {};
    case Effort::balanced:
      // Where next to nothing is left, the higher levels take long over it.
      if (repeats && best * 64 < bytes) return {3, 0};
      if (repeats) return estimate_zstd(image) * 10 < best * 11 ? zstd_way(effort) : ZstdWay{};
      return below_a_bit && estimate_zstd(image) < best * 2 ? zstd_way(effort) : ZstdWay{};
    case Effort::small:
      break;
  }
  return repeats || below_a_bit ? zstd_way(effort) : ZstdWay{};
}

// How a small image that repeats is tried first.
ZstdWay first_way(const ImageShape& shape, Effort effort) {
  if (effort == Effort::fast) return zstd_way(effort);
  // The matches of higher levels in colour, a pixel away, decode slowly.
  return shape.channels > 1 ? ZstdWay{3, 0} : ZstdWay{6, 0};
}

// Whether an image of so many bytes is done with a zstd frame of `size`: what other codecs
// would save is not worth their time.
bool is_enough(std::size_t size, std::size_t bytes) {
  constexpr std::size_t kFewBytes = 512;
  return size * 32 < bytes || (size <= kFewBytes && size * 8 < bytes && bytes <= kSampledBytes);
}

// 8- and 16-bit integers, plain zstd among the ways. Of an image that mostly repeats, a small
// one and any at fast effort are tried with zstd first.
EncodedImage encode_any_integers(const ImageView& image, const CodecOptions& options) {
  constexpr std::uint32_t kMostlyRepeated = 160;
  // Gray ones below this are never next to nothing; screens in colour may be.
  const std::uint32_t promising = image.shape.channels > 1 ? kMostlyRepeated : 224;
  // And below this no large one is.
  constexpr std::uint32_t kNextToNothing = 250;
  constexpr std::size_t kZstdFirst = 65536;
  const std::size_t bytes = image.image_hwc.size();
  const std::uint32_t share = repeated_share(image);
  const bool repeats = share >= kMostlyRepeated;
  Smallest smallest;
  if (share >= promising && options.effort != Effort::small) {
    const bool fast = options.effort == Effort::fast;
    const bool promises =
        bytes <= kSampledBytes || (bytes <= kZstdFirst ? is_enough(estimate_zstd(image), bytes)
                                                       : fast && share >= kNextToNothing &&
                                                             estimate_zstd(image) * 64 < bytes);
    if (promises) {
      smallest.offer(zstd_image(image, first_way(image.shape, options.effort)));
      if (is_enough(smallest.bytes(), bytes)) return smallest.take();
    }
  }
  const bool tried = !smallest.empty();
  smallest.offer(encode_integers(image, share, options));
  if (!tried) {
    const ZstdWay way = racing_way(image, repeats, smallest.bytes(), options.effort);
    if (way.level != 0) smallest.offer(zstd_image(image, way));
  }
  return smallest.take();
}

}  // namespace

EncodedImage encode_image(const ImageView& image, const CodecOptions& options) {
  const PixelType type = image.shape.pixel_type;
  Smallest smallest;
  if (is_delta_type(type)) {
    smallest.offer(encode_any_integers(image, options));
  } else if (const auto mapped = map_image(image)) {
    smallest.offer(encode_mapped(*mapped, options));
  } else {
    smallest.offer({ImageCodec::planes, 0, 0, encode_planes(image, options.effort)});
    // Floats of few different values repeat themselves more than they change smoothly.
    const std::uint64_t samples = image.shape.pixels() * image.shape.channels;
    if (options.effort != Effort::fast || smallest.bytes() * 8 < samples) {
      smallest.offer(zstd_image(image, zstd_way(options.effort)));
    }
  }
  if (smallest.bytes() >= image.image_hwc.size()) {
    return {ImageCodec::raw, 0, 0, {image.image_hwc.begin(), image.image_hwc.end()}};
  }
  return smallest.take();
}

void decode_image_section(const ImageShape& shape, ImageCodec codec, Bytes section,
                          const Dictionary* dictionary, MutableBytes out_hwc, RowRange rows) {
  decode_inner(shape, codec, section, dictionary, out_hwc, rows);
}

}  // namespace slicebank
