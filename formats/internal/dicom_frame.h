// Steps between a frame's bytes in a DICOM file and an Image. Any thread.
//
// A decoder gives a RawFrame; finished() makes stored values of it. Decoders are told
// what the header claims and refuse a codestream that says otherwise, before they ask
// for memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "formats/dicom.h"
#include "formats/internal/dicom_dataset.h"
#include "schema/sample.h"

namespace slicebank::dicom::internal {

// What the header says of every frame.
struct FrameLayout {
  std::uint32_t rows = 0;
  std::uint32_t columns = 0;
  std::uint32_t samples = 1;
  int bits_allocated = 8;
  int bits_stored = 8;
  int high_bit = 7;
  bool is_signed = false;
  bool planar = false;
  std::string photometric;

  std::uint64_t pixels() const noexcept { return std::uint64_t{rows} * columns; }
};

// Samples one after the other, colour by pixel, each in `sample_bytes` little-endian bytes.
struct RawFrame {
  std::size_t sample_bytes = 1;
  int precision = 8;  // bits that carry something, counted from `lowest_bit`
  int lowest_bit = 0;
  bool signs_extended = false;  // the decoder knows signed numbers and gave them whole
  std::vector<std::byte> data;
};

// Throws Error(limit), beginning with `name`, where `raw_bytes` cannot come out of
// `stream_bytes`: nobody's empty slice shrinks that far.
void check_plausible(std::uint64_t raw_bytes, std::uint64_t stream_bytes, const std::string& name);

// Frame number `frame` of a value without compression. Its length has been checked.
RawFrame native_frame(const FrameLayout& layout, const PixelElement& pixels, bool big_endian,
                      std::uint32_t frame);

// Bytes of all frames of such a value, or of one where `frames` is 1.
std::uint64_t native_bytes(const FrameLayout& layout, std::uint64_t frames) noexcept;

// One frame as raw bytes (rows of packed bits, if one bit is allocated), little-endian.
RawFrame unpacked_bytes(const FrameLayout& layout, Bytes bytes, const std::string& name);

// The rest take one frame's stream and throw Error(bad_format), beginning with `name`.
RawFrame decode_rle(const FrameLayout& layout, Bytes stream, const std::string& name);
RawFrame decode_jpeg(const FrameLayout& layout, Bytes stream, const std::string& name);
RawFrame decode_jpeg_ls(const FrameLayout& layout, Bytes stream, const std::string& name);
RawFrame decode_jpeg_2000(const FrameLayout& layout, Bytes stream, const std::string& name);

// The fragments of each frame in order, as [first, last). Throws where fragments cannot
// be told apart into `frames` frames.
struct FragmentRange {
  std::size_t first = 0;
  std::size_t last = 0;
};
std::vector<FragmentRange> frame_fragments(const PixelElement& pixels, const DataSet& data,
                                           std::uint32_t frames, const std::string& name);

// Masks, extends signs, converts YBR to RGB.
Image finished(const FrameLayout& layout, RawFrame raw, const std::string& name);

// A PALETTE COLOR image of indices as RGB.
Image with_palette(const Image& indices, const Item& root, bool is_signed, const std::string& name);

// What ModalityLUTSequence holds; nothing where there is none.
std::optional<ModalityTable> modality_table_of(const Item& root, bool is_signed,
                                               const std::string& name);

}  // namespace slicebank::dicom::internal
