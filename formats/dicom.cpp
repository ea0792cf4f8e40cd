#include "formats/dicom.h"

#include <fmt/format.h>

#include <cstring>

#include "formats/internal/dicom_dataset.h"
#include "formats/internal/dicom_frame.h"
#include "formats/internal/dicom_inflate.h"
#include "formats/internal/dicom_instance.h"
#include "formats/internal/dicom_syntax.h"
#include "schema/error.h"
#include "schema/limits.h"

namespace slicebank::dicom {

using namespace internal;  // NOLINT(google-build-using-namespace): this file's other half

struct File::State {
  std::string name;
  DataSet data;
  Instance instance;
  FrameLayout layout;
  PixelType float_type = PixelType::u8;  // f32 or f64 where pixels are floating
  std::vector<FragmentRange> fragments;  // of each frame, where pixels are encapsulated
};

namespace {

FrameLayout checked_layout(const Instance& instance, const std::string& name) {
  const auto fail = [&](const std::string& what) {
    return Error(ErrorCode::bad_format, fmt::format("{}: {}", name, what));
  };
  FrameLayout layout;
  layout.rows = instance.rows;
  layout.columns = instance.columns;
  layout.samples = instance.samples;
  layout.bits_allocated = instance.bits_allocated;
  layout.bits_stored = instance.bits_stored;
  layout.high_bit = instance.high_bit;
  layout.is_signed = instance.is_signed;
  layout.planar = instance.planar;
  layout.photometric = instance.photometric;
  if (layout.rows == 0 || layout.columns == 0) {
    throw fail(fmt::format("an image of {} x {} pixels", layout.rows, layout.columns));
  }
  if (layout.samples < 1 || layout.samples > 4) {
    throw fail(fmt::format("{} samples a pixel", layout.samples));
  }
  const int bits = layout.bits_allocated;
  if (bits != 1 && bits != 8 && bits != 16 && bits != 32 && bits != 64) {
    throw fail(fmt::format("{} bits allocated", bits));
  }
  if (layout.bits_stored < 1 || layout.bits_stored > bits || layout.high_bit >= bits) {
    throw fail(fmt::format("{} bits stored up to bit {} of {}", layout.bits_stored, layout.high_bit,
                           bits));
  }
  if (bits == 1 && layout.samples != 1) throw fail("one-bit colours");
  if (layout.photometric == "YBR_PARTIAL_420" || layout.photometric == "YBR_PARTIAL_422") {
    throw fail(layout.photometric + " is not supported");
  }
  return layout;
}

PixelType widest_type(const FrameLayout& layout) {
  if (layout.bits_allocated <= 8) return PixelType::u8;
  if (layout.bits_allocated <= 16) return PixelType::u16;
  return layout.bits_allocated == 64 ? PixelType::f64 : PixelType::u32;
}

}  // namespace

const Frame& Instance::frame(std::uint32_t index) const {
  return index < frame_list.size() ? frame_list[index] : first;
}

bool looks_like(Bytes file) noexcept { return looks_like_dicom(file); }

Instance read_header(Bytes file, const std::string& name) {
  return instance_of(parse(file, Extent::header_only, name), name);
}

Instance read(Bytes file, const std::string& name) { return File(file, name).instance(); }

File::File(Bytes file, const std::string& name) : state_(std::make_unique<State>()) {
  State& state = *state_;
  state.name = name;
  state.data = parse(file, Extent::whole, name);
  state.instance = instance_of(state.data, name);
  if (!state.data.pixels) return;
  state.layout = checked_layout(state.instance, name);
  const PixelElement& pixels = *state.data.pixels;
  const FrameLayout& layout = state.layout;
  check_shape({widest_type(layout), layout.rows, layout.columns, layout.samples}, name);
  if (pixels.tag == tag::kFloatPixelData) state.float_type = PixelType::f32;
  if (pixels.tag == tag::kDoubleFloatPixelData) state.float_type = PixelType::f64;
  if (layout.bits_allocated == 64 && state.float_type != PixelType::f64) {
    throw Error(ErrorCode::bad_format, name + ": whole numbers of 64 bits");
  }
  const std::uint32_t frames = state.instance.frames;
  if (pixels.encapsulated) {
    const Packing packing = packing_of(state.data.transfer_syntax);
    if (state.float_type != PixelType::u8 || packing == Packing::native) {
      throw Error(ErrorCode::bad_format,
                  fmt::format("{}: the pixels are in fragments, but the transfer syntax is {}",
                              name, transfer_syntax_name(state.data.transfer_syntax)));
    }
    // A syntax that cannot be decoded (video) has its own idea of fragments.
    if (packing != Packing::unsupported) {
      state.fragments = frame_fragments(pixels, state.data, frames, name);
      std::uint64_t stream_bytes = 0;
      for (const Bytes fragment : pixels.fragments) stream_bytes += fragment.size();
      check_plausible(native_bytes(layout, 1), stream_bytes, name);
    }
    return;
  }
  const std::uint64_t one = native_bytes(layout, 1);
  const std::uint64_t bytes = pixels.value.size();
  if (bytes < one || bytes < native_bytes(layout, frames) || frames > bytes * 8) {
    throw Error(ErrorCode::bad_format,
                fmt::format("{}: {} bytes of pixels where {} frames of {} x {} x {} x {} bits must "
                            "be: truncated or damaged",
                            name, bytes, frames, layout.rows, layout.columns, layout.samples,
                            layout.bits_allocated));
  }
  if (state.data.big_endian && bytes % 2 != 0) {
    throw Error(ErrorCode::bad_format, name + ": an odd number of big-endian bytes");
  }
}

File::~File() = default;
File::File(File&&) noexcept = default;
File& File::operator=(File&&) noexcept = default;

const Instance& File::instance() const noexcept { return state_->instance; }
const DataSet& File::data_set() const noexcept { return state_->data; }

namespace {

RawFrame decode_stream(const FrameLayout& layout, Packing packing, Bytes stream,
                       const std::string& name) {
  switch (packing) {
    case Packing::rle:
      return decode_rle(layout, stream, name);
    case Packing::jpeg:
      return decode_jpeg(layout, stream, name);
    case Packing::jpeg_ls:
      return decode_jpeg_ls(layout, stream, name);
    case Packing::jpeg_2000:
      return decode_jpeg_2000(layout, stream, name);
    default: {
      // One byte more than needed may be there, to make the length even.
      const std::vector<std::byte> bytes = inflate_whole(stream, native_bytes(layout, 1) + 2, name);
      return unpacked_bytes(layout, bytes, name);
    }
  }
}

}  // namespace

Image File::decode(std::uint32_t frame, PaletteAs palette) const {
  const State& state = *state_;
  const std::string& name = state.name;
  if (!state.data.pixels) throw Error(ErrorCode::bad_format, name + ": the file has no pixels");
  if (frame >= state.instance.frames) {
    throw Error(ErrorCode::bad_argument,
                fmt::format("{}: there is no frame {} of {}", name, frame, state.instance.frames));
  }
  const PixelElement& pixels = *state.data.pixels;
  const Packing packing = packing_of(state.data.transfer_syntax);
  if (packing == Packing::unsupported) {
    throw Error(ErrorCode::bad_format,
                fmt::format("{}: the transfer syntax {} is not supported", name,
                            transfer_syntax_name(state.data.transfer_syntax)),
                "Convert the file to Explicit VR Little Endian, with dcmdjpeg or gdcmconv.");
  }
  if (!pixels.encapsulated && packing != Packing::native && packing != Packing::deflated_frames) {
    throw Error(ErrorCode::bad_format,
                fmt::format("{}: the transfer syntax is {}, but the pixels are in no fragments",
                            name, transfer_syntax_name(state.data.transfer_syntax)));
  }
  RawFrame raw;
  FrameLayout layout = state.layout;
  if (!pixels.encapsulated) {
    raw = native_frame(layout, pixels, state.data.big_endian, frame);
  } else {
    const FragmentRange range = state.fragments[frame];
    Bytes stream = pixels.fragments[range.first];
    std::vector<std::byte> joined;
    if (range.last - range.first > 1) {
      for (std::size_t i = range.first; i < range.last; ++i) {
        joined.insert(joined.end(), pixels.fragments[i].begin(), pixels.fragments[i].end());
      }
      stream = joined;
    }
    raw = decode_stream(layout, packing, stream, name);
  }
  if (state.float_type != PixelType::u8) {
    Image image{{state.float_type, layout.rows, layout.columns, layout.samples},
                std::move(raw.data)};
    return image;
  }
  Image image = finished(layout, std::move(raw), name);
  if (layout.photometric == "PALETTE COLOR" && palette == PaletteAs::colours) {
    return with_palette(image, state.data.root, layout.is_signed, name);
  }
  return image;
}

std::optional<ModalityTable> File::modality_table() const {
  return modality_table_of(state_->data.root, state_->instance.is_signed, state_->name);
}

namespace {

template <typename Value>
void invert_as(std::vector<std::byte>& data, int bits, bool is_signed) {
  const std::int64_t span = (std::int64_t{1} << bits) - 1;
  const std::int64_t sum = is_signed ? -1 : span;  // lowest + highest
  for (std::size_t at = 0; at + sizeof(Value) <= data.size(); at += sizeof(Value)) {
    Value value;
    std::memcpy(&value, data.data() + at, sizeof value);
    value = static_cast<Value>(sum - static_cast<std::int64_t>(value));
    std::memcpy(data.data() + at, &value, sizeof value);
  }
}

}  // namespace

void invert(Image& image, int bits_stored) {
  switch (image.shape.pixel_type) {
    case PixelType::u8:
      return invert_as<std::uint8_t>(image.image_hwc, bits_stored, false);
    case PixelType::i8:
      return invert_as<std::int8_t>(image.image_hwc, bits_stored, true);
    case PixelType::u16:
      return invert_as<std::uint16_t>(image.image_hwc, bits_stored, false);
    case PixelType::i16:
      return invert_as<std::int16_t>(image.image_hwc, bits_stored, true);
    case PixelType::u32:
      return invert_as<std::uint32_t>(image.image_hwc, bits_stored, false);
    case PixelType::i32:
      return invert_as<std::int32_t>(image.image_hwc, bits_stored, true);
    default:
      throw Error(ErrorCode::bad_argument, "only whole numbers can be inverted");
  }
}

}  // namespace slicebank::dicom
