// JPEG 2000 and high-throughput JPEG 2000 frames by OpenJPEG.
#include <fmt/format.h>
#include <openjpeg.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <new>

#include "formats/internal/dicom_child.h"
#include "formats/internal/dicom_frame.h"
#include "schema/error.h"

namespace slicebank::dicom::internal {
namespace {

constexpr std::uint32_t kSiz = 0xff4fff51;  // start of codestream, then SIZ
constexpr std::uint32_t kTilesMax = 16'384;
constexpr std::size_t kSizBytes = 40;  // up to and with the number of components

std::uint32_t number_at(Bytes bytes, std::size_t at, std::size_t size) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < size; ++i) {
    value = value << 8 | std::to_integer<std::uint32_t>(bytes[at + i]);
  }
  return value;
}

// The codestream inside the boxes of a .jp2 file, which some writers put into DICOM. Only
// the codestream counts: colours and palettes are the header's.
Bytes without_boxes(Bytes stream) {
  constexpr std::uint32_t kCodestreamBox = 0x6a703263;  // "jp2c"
  std::size_t at = 0;
  while (stream.size() - at >= 8) {
    if (number_at(stream, at, 4) == kSiz) return stream.subspan(at);
    const std::uint32_t length = number_at(stream, at, 4);
    const bool codestream = number_at(stream, at + 4, 4) == kCodestreamBox;
    const std::size_t head = length == 1 ? 16 : 8;
    if (stream.size() - at < head) break;
    if (codestream) return stream.subspan(at + head);
    if (length < 8 || length > stream.size() - at) break;
    at += length;
  }
  return stream;
}

struct MemoryStream {
  Bytes bytes;
  std::size_t at = 0;
};

extern "C" {

OPJ_SIZE_T slicebank_opj_read(void* buffer, OPJ_SIZE_T size, void* user) {
  auto& stream = *static_cast<MemoryStream*>(user);
  const std::size_t taken = std::min(size, stream.bytes.size() - stream.at);
  if (taken == 0) return static_cast<OPJ_SIZE_T>(-1);
  std::memcpy(buffer, stream.bytes.data() + stream.at, taken);
  stream.at += taken;
  return taken;
}

OPJ_OFF_T slicebank_opj_skip(OPJ_OFF_T size, void* user) {
  auto& stream = *static_cast<MemoryStream*>(user);
  if (size < 0 || static_cast<std::uint64_t>(size) > stream.bytes.size() - stream.at) return -1;
  stream.at += static_cast<std::size_t>(size);
  return size;
}

OPJ_BOOL slicebank_opj_seek(OPJ_OFF_T to, void* user) {
  auto& stream = *static_cast<MemoryStream*>(user);
  if (to < 0 || static_cast<std::uint64_t>(to) > stream.bytes.size()) return OPJ_FALSE;
  stream.at = static_cast<std::size_t>(to);
  return OPJ_TRUE;
}

}  // extern "C"

struct Freed {
  void operator()(opj_codec_t* codec) const { opj_destroy_codec(codec); }
  void operator()(opj_image_t* image) const { opj_image_destroy(image); }
};

struct StreamFreed {
  void operator()(opj_stream_t* stream) const { opj_stream_destroy(stream); }
};

// Dimensions, components and tiles, read before OpenJPEG makes room for them.
void check_size_marker(const FrameLayout& layout, Bytes stream, const std::string& name) {
  const auto fail = [&](const std::string& what) {
    return Error(ErrorCode::bad_format, fmt::format("{}: JPEG 2000 codestream {}", name, what));
  };
  // Offsets behind the start of codestream: marker 2, length 4, capabilities 6, then sizes.
  if (stream.size() < 2 + kSizBytes || number_at(stream, 0, 4) != kSiz) {
    throw fail("has no image size");
  }
  const std::uint32_t x1 = number_at(stream, 8, 4);
  const std::uint32_t y1 = number_at(stream, 12, 4);
  const std::uint32_t x0 = number_at(stream, 16, 4);
  const std::uint32_t y0 = number_at(stream, 20, 4);
  const std::uint32_t tile_width = number_at(stream, 24, 4);
  const std::uint32_t tile_height = number_at(stream, 28, 4);
  const std::uint32_t tile_x0 = number_at(stream, 32, 4);
  const std::uint32_t tile_y0 = number_at(stream, 36, 4);
  const std::uint32_t components = number_at(stream, 40, 2);
  if (x1 <= x0 || y1 <= y0 || x1 - x0 != layout.columns || y1 - y0 != layout.rows ||
      components != layout.samples) {
    throw fail(fmt::format("is {} x {} x {}, the header says {} x {} x {}", std::int64_t{y1} - y0,
                           std::int64_t{x1} - x0, components, layout.rows, layout.columns,
                           layout.samples));
  }
  if (tile_width == 0 || tile_height == 0 || tile_x0 > x0 || tile_y0 > y0) {
    throw fail("has impossible tiles");
  }
  const std::uint64_t across = (std::uint64_t{x1 - tile_x0} + tile_width - 1) / tile_width;
  const std::uint64_t down = (std::uint64_t{y1 - tile_y0} + tile_height - 1) / tile_height;
  if (across > kTilesMax || down > kTilesMax ||
      across * down > std::clamp<std::uint64_t>(layout.pixels() / 1024, 64, kTilesMax)) {
    throw fail(fmt::format("has {} tiles", across * down));
  }
}

// Whether every header of the codestream, its tiles' included, is of a kind that we know
// and says that its blocks are those of part 1. High-throughput blocks (part 15) are told by
// a bit of the code-block style. Offsets are those of T.800, annex A.
bool is_plain_part_1(Bytes stream) {
  constexpr std::uint32_t kSot = 0xff90;
  constexpr std::uint32_t kSod = 0xff93;
  constexpr std::uint32_t kEoc = 0xffd9;
  constexpr std::uint32_t kCod = 0xff52;
  constexpr std::uint32_t kCoc = 0xff53;
  constexpr std::uint32_t kHeaders[] = {0xff51, kCod,   kCoc,   0xff55, 0xff57,
                                        0xff58, 0xff5c, 0xff5d, 0xff5e, 0xff5f,
                                        0xff60, 0xff61, 0xff63, 0xff64, kSot};
  constexpr std::byte kHighThroughput{0xc0};  // or a mixture with it
  std::size_t at = 2;
  std::size_t part_begin = 0;
  std::size_t part_length = 0;
  while (stream.size() - at >= 2) {
    const std::uint32_t marker = number_at(stream, at, 2);
    if (marker == kEoc) return true;
    if (marker == kSod) {
      // A length of 0: this part reaches to the end.
      if (part_length == 0) return part_begin != 0;
      if (part_length > stream.size() - part_begin || part_begin + part_length < at + 2) {
        return false;
      }
      at = part_begin + part_length;
      part_length = 0;
      continue;
    }
    if (stream.size() - at < 4 ||
        std::find(std::begin(kHeaders), std::end(kHeaders), marker) == std::end(kHeaders)) {
      return false;
    }
    const std::size_t length = number_at(stream, at + 2, 2);
    if (length < 2 || length > stream.size() - at - 2) return false;
    if (marker == kSot) {
      if (length != 10) return false;
      part_begin = at;
      part_length = number_at(stream, at + 6, 4);
    }
    if (marker == kCod) {
      if (length < 12 || (stream[at + 12] & kHighThroughput) != std::byte{0}) return false;
    }
    if (marker == kCoc) {
      // One byte names the component while there are fewer than 257 of them.
      if (length < 9 || (stream[at + 9] & kHighThroughput) != std::byte{0}) return false;
    }
    at += 2 + length;
  }
  return false;
}

template <typename Sample>
void interleave(const opj_image_t& image, std::vector<std::byte>& data) {
  const std::size_t pixels = std::size_t{image.comps[0].w} * image.comps[0].h;
  for (std::size_t component = 0; component < image.numcomps; ++component) {
    const OPJ_INT32* in = image.comps[component].data;
    for (std::size_t pixel = 0; pixel < pixels; ++pixel) {
      const auto sample = static_cast<Sample>(static_cast<std::uint32_t>(in[pixel]));
      std::memcpy(data.data() + (pixel * image.numcomps + component) * sizeof sample, &sample,
                  sizeof sample);
    }
  }
}

std::size_t sample_bytes_of(const FrameLayout& layout) {
  return layout.bits_allocated > 16 ? 4 : layout.bits_allocated > 8 ? 2 : 1;
}

// A codestream whose sizes have been checked.
RawFrame decode_codestream(const FrameLayout& layout, Bytes stream, const std::string& name) {
  const auto fail = [&](const std::string& what) {
    return Error(ErrorCode::bad_format, fmt::format("{}: JPEG 2000 codestream {}", name, what));
  };
  MemoryStream memory{stream, 0};
  std::unique_ptr<opj_stream_t, StreamFreed> input(opj_stream_default_create(OPJ_TRUE));
  std::unique_ptr<opj_codec_t, Freed> codec(opj_create_decompress(OPJ_CODEC_J2K));
  if (!input || !codec) throw std::bad_alloc();
  opj_stream_set_user_data(input.get(), &memory, nullptr);
  opj_stream_set_user_data_length(input.get(), stream.size());
  opj_stream_set_read_function(input.get(), slicebank_opj_read);
  opj_stream_set_skip_function(input.get(), slicebank_opj_skip);
  opj_stream_set_seek_function(input.get(), slicebank_opj_seek);
  opj_dparameters_t parameters;
  opj_set_default_decoder_parameters(&parameters);
  if (opj_setup_decoder(codec.get(), &parameters) == OPJ_FALSE) throw std::bad_alloc();
  opj_decoder_set_strict_mode(codec.get(), OPJ_TRUE);
  opj_image_t* raw_image = nullptr;
  const bool read = opj_read_header(input.get(), codec.get(), &raw_image) != OPJ_FALSE;
  std::unique_ptr<opj_image_t, Freed> image(raw_image);
  if (!read || !image) throw fail("has a damaged header");
  if (image->numcomps != layout.samples) throw fail("has an unexpected number of components");
  const opj_image_comp_t& first = image->comps[0];
  for (std::uint32_t i = 0; i < image->numcomps; ++i) {
    const opj_image_comp_t& component = image->comps[i];
    if (component.dx != 1 || component.dy != 1 || component.prec != first.prec ||
        component.sgnd != first.sgnd) {
      throw fail("has components of different kinds");
    }
  }
  if (first.prec < 1 || static_cast<int>(first.prec) > layout.bits_allocated || first.prec > 32) {
    throw fail(
        fmt::format("has {} bits, the header allocates {}", first.prec, layout.bits_allocated));
  }
  if (opj_decode(codec.get(), input.get(), image.get()) == OPJ_FALSE ||
      opj_end_decompress(codec.get(), input.get()) == OPJ_FALSE) {
    throw fail("is damaged or truncated");
  }
  for (std::uint32_t i = 0; i < image->numcomps; ++i) {
    const opj_image_comp_t& component = image->comps[i];
    if (component.data == nullptr || component.w != layout.columns || component.h != layout.rows) {
      throw fail("is damaged");
    }
  }
  RawFrame raw;
  raw.precision = static_cast<int>(first.prec);
  raw.signs_extended = first.sgnd != 0;
  raw.sample_bytes = sample_bytes_of(layout);
  raw.data.resize(layout.pixels() * layout.samples * raw.sample_bytes);
  if (raw.sample_bytes == 4) {
    interleave<std::uint32_t>(*image, raw.data);
  } else if (raw.sample_bytes == 2) {
    interleave<std::uint16_t>(*image, raw.data);
  } else {
    interleave<std::uint8_t>(*image, raw.data);
  }
  return raw;
}

}  // namespace

RawFrame decode_jpeg_2000(const FrameLayout& layout, Bytes stream, const std::string& name) {
  stream = without_boxes(stream);
  check_size_marker(layout, stream, name);
  check_plausible(layout.pixels() * layout.samples * 4, stream.size(), name);
  if (is_plain_part_1(stream)) return decode_codestream(layout, stream, name);
  return decoded_in_child([&] { return decode_codestream(layout, stream, name); },
                          layout.pixels() * layout.samples * sample_bytes_of(layout), name);
}

}  // namespace slicebank::dicom::internal
