// The fixed header of a record, byte by byte. docs/format-record.md explains the fields.
//
// A record is: header, meta section, masks section, image section; nothing in between
// and nothing behind. All integers are little-endian. Zero is never a valid code, so a
// page of zeros is no record. Whatever later layouts add, magic, layout version and the
// header hash stay where they are: that is how an old reader tells new from damaged.
#pragma once

#include <array>
#include <cassert>
#include <cstddef>
#include <cstdint>

#include "schema/sample.h"

namespace slicebank {

inline constexpr std::array<std::uint8_t, 4> kRecordMagic = {'S', 'L', 'B', 'R'};
inline constexpr std::uint16_t kRecordLayoutVersion = 1;

// How the image section is coded. Values are stored on disk; only ever append.
enum class ImageCodec : std::uint8_t {
  raw = 1,  // the pixels as they are
  zstd,     // one zstd frame of the pixels
  wave,     // 8- and 16-bit integers: docs/format-wave.md
  updelta,  // 8- and 16-bit integers too narrow for wave
  tiny,     // as updelta, for 8-bit images of a few kB; may need a dictionary
  planes,   // 32- and 64-bit pixels: byte planes
  mapped,   // wider pixels that fit a narrower type, coded as that type
  jpeg,     // reserved: the JPEG stream of the source
};

// Where each field lies in the header: bytes from the record's start.
struct RecordLayout {
  static constexpr std::size_t kMagic = 0;             // 4 bytes
  static constexpr std::size_t kVersion = 4;           // u16
  static constexpr std::size_t kFlags = 6;             // u16, 0 in this version
  static constexpr std::size_t kPixelType = 8;         // u8, PixelType
  static constexpr std::size_t kImageCodec = 9;        // u8, ImageCodec
  static constexpr std::size_t kAxis = 10;             // u8, Axis
  static constexpr std::size_t kChannels = 11;         // u8
  static constexpr std::size_t kHeight = 12;           // u32
  static constexpr std::size_t kWidth = 16;            // u32
  static constexpr std::size_t kAnnotations = 20;      // u32, masks and labels
  static constexpr std::size_t kSliceIndex = 24;       // u32
  static constexpr std::size_t kDictionaryId = 28;     // u32, 0: none
  static constexpr std::size_t kDictionaryCheck = 32;  // u32, of the dictionary's hash
  static constexpr std::size_t kMetaBytes = 36;        // u32
  static constexpr std::size_t kMasksBytes = 40;       // u32
  static constexpr std::size_t kImageBytes = 44;       // u32
  static constexpr std::size_t kImageContent = 48;     // 128 bit, over the decoded pixels
  static constexpr std::size_t kMasksContent = 64;     // 128 bit, over the decoded annotations
  static constexpr std::size_t kMetaHash = 80;         // u64, XXH3-64 of the section
  static constexpr std::size_t kMasksHash = 88;        // u64
  static constexpr std::size_t kImageHash = 96;        // u64
  static constexpr std::size_t kSampleId = 104;        // u64
  static constexpr std::size_t kVolumeId = 112;        // u64
  static constexpr std::size_t kHeaderHash = 120;      // u64, over bank uuid and all before
  static constexpr std::size_t kHeaderBytes = 128;
};

static_assert(RecordLayout::kVersion == RecordLayout::kMagic + kRecordMagic.size());
static_assert(RecordLayout::kHeight % 4 == 0 && RecordLayout::kMetaBytes % 4 == 0);
static_assert(RecordLayout::kImageContent == RecordLayout::kImageBytes + 4);
static_assert(RecordLayout::kMetaHash == RecordLayout::kMasksContent + 16);
static_assert(RecordLayout::kHeaderHash + 8 == RecordLayout::kHeaderBytes);
static_assert(static_cast<int>(ImageCodec::raw) == 1 && static_cast<int>(ImageCodec::jpeg) == 8);
static_assert(static_cast<int>(PixelType::u8) == 1 && static_cast<int>(PixelType::f64) == 9);
static_assert(static_cast<int>(Axis::none) == 1 && static_cast<int>(Axis::z) == 4);

// The header's fields as numbers. Plain copies: nothing is checked here but the size.
struct RecordHeader {
  bool magic_ok = true;  // get only: whether the first four bytes are kRecordMagic
  std::uint16_t version = kRecordLayoutVersion;
  std::uint16_t flags = 0;
  PixelType pixel_type = PixelType::u8;
  ImageCodec image_codec = ImageCodec::raw;
  Axis axis = Axis::none;
  std::uint8_t channels = 0;
  std::uint32_t height = 0;
  std::uint32_t width = 0;
  std::uint32_t annotations = 0;
  std::uint32_t slice_index = 0;
  std::uint32_t dictionary_id = 0;
  std::uint32_t dictionary_check = 0;
  std::uint32_t meta_bytes = 0;
  std::uint32_t masks_bytes = 0;
  std::uint32_t image_bytes = 0;
  ContentHash image_content;
  ContentHash masks_content;
  std::uint64_t meta_hash = 0;
  std::uint64_t masks_hash = 0;
  std::uint64_t image_hash = 0;
  SampleId sample_id{};
  VolumeId volume_id{};
  std::uint64_t header_hash = 0;

  ImageShape shape() const noexcept { return {pixel_type, height, width, channels}; }

  // Size of the whole record in bytes, as its header says.
  std::uint64_t record_bytes() const noexcept {
    return std::uint64_t{RecordLayout::kHeaderBytes} + meta_bytes + masks_bytes + image_bytes;
  }
};

// Little-endian integers at any address, on any machine.
template <typename Integer>
Integer get_little(Bytes bytes, std::size_t offset) noexcept {
  assert(offset + sizeof(Integer) <= bytes.size());
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < sizeof(Integer); ++i) {
    value |= std::to_integer<std::uint64_t>(bytes[offset + i]) << (8 * i);
  }
  return static_cast<Integer>(value);
}

template <typename Integer>
void put_little(MutableBytes bytes, std::size_t offset, Integer value) noexcept {
  assert(offset + sizeof(Integer) <= bytes.size());
  const auto wide = static_cast<std::uint64_t>(value);
  for (std::size_t i = 0; i < sizeof(Integer); ++i) {
    bytes[offset + i] = static_cast<std::byte>(wide >> (8 * i) & 0xff);
  }
}

// A 128-bit hash as one little-endian number.
inline ContentHash get_content_hash(Bytes bytes, std::size_t offset) noexcept {
  return {get_little<std::uint64_t>(bytes, offset + 8), get_little<std::uint64_t>(bytes, offset)};
}

inline void put_content_hash(MutableBytes bytes, std::size_t offset,
                             const ContentHash& hash) noexcept {
  put_little(bytes, offset, hash.low);
  put_little(bytes, offset + 8, hash.high);
}

// `record` holds at least kHeaderBytes. Nothing that was read may be trusted before the
// header hash has been compared: store/record.h does that.
inline RecordHeader get_record_header(Bytes record) noexcept {
  RecordHeader header;
  for (std::size_t i = 0; i < kRecordMagic.size(); ++i) {
    header.magic_ok &= record[RecordLayout::kMagic + i] == std::byte{kRecordMagic[i]};
  }
  const auto u8 = [&](std::size_t at) { return get_little<std::uint8_t>(record, at); };
  const auto u32 = [&](std::size_t at) { return get_little<std::uint32_t>(record, at); };
  const auto u64 = [&](std::size_t at) { return get_little<std::uint64_t>(record, at); };
  header.version = get_little<std::uint16_t>(record, RecordLayout::kVersion);
  header.flags = get_little<std::uint16_t>(record, RecordLayout::kFlags);
  header.pixel_type = static_cast<PixelType>(u8(RecordLayout::kPixelType));
  header.image_codec = static_cast<ImageCodec>(u8(RecordLayout::kImageCodec));
  header.axis = static_cast<Axis>(u8(RecordLayout::kAxis));
  header.channels = u8(RecordLayout::kChannels);
  header.height = u32(RecordLayout::kHeight);
  header.width = u32(RecordLayout::kWidth);
  header.annotations = u32(RecordLayout::kAnnotations);
  header.slice_index = u32(RecordLayout::kSliceIndex);
  header.dictionary_id = u32(RecordLayout::kDictionaryId);
  header.dictionary_check = u32(RecordLayout::kDictionaryCheck);
  header.meta_bytes = u32(RecordLayout::kMetaBytes);
  header.masks_bytes = u32(RecordLayout::kMasksBytes);
  header.image_bytes = u32(RecordLayout::kImageBytes);
  header.image_content = get_content_hash(record, RecordLayout::kImageContent);
  header.masks_content = get_content_hash(record, RecordLayout::kMasksContent);
  header.meta_hash = u64(RecordLayout::kMetaHash);
  header.masks_hash = u64(RecordLayout::kMasksHash);
  header.image_hash = u64(RecordLayout::kImageHash);
  header.sample_id = static_cast<SampleId>(u64(RecordLayout::kSampleId));
  header.volume_id = static_cast<VolumeId>(u64(RecordLayout::kVolumeId));
  header.header_hash = u64(RecordLayout::kHeaderHash);
  return header;
}

inline void put_record_header(const RecordHeader& header, MutableBytes record) noexcept {
  for (std::size_t i = 0; i < kRecordMagic.size(); ++i) {
    record[RecordLayout::kMagic + i] = std::byte{kRecordMagic[i]};
  }
  put_little(record, RecordLayout::kVersion, header.version);
  put_little(record, RecordLayout::kFlags, header.flags);
  put_little(record, RecordLayout::kPixelType, static_cast<std::uint8_t>(header.pixel_type));
  put_little(record, RecordLayout::kImageCodec, static_cast<std::uint8_t>(header.image_codec));
  put_little(record, RecordLayout::kAxis, static_cast<std::uint8_t>(header.axis));
  put_little(record, RecordLayout::kChannels, header.channels);
  put_little(record, RecordLayout::kHeight, header.height);
  put_little(record, RecordLayout::kWidth, header.width);
  put_little(record, RecordLayout::kAnnotations, header.annotations);
  put_little(record, RecordLayout::kSliceIndex, header.slice_index);
  put_little(record, RecordLayout::kDictionaryId, header.dictionary_id);
  put_little(record, RecordLayout::kDictionaryCheck, header.dictionary_check);
  put_little(record, RecordLayout::kMetaBytes, header.meta_bytes);
  put_little(record, RecordLayout::kMasksBytes, header.masks_bytes);
  put_little(record, RecordLayout::kImageBytes, header.image_bytes);
  put_content_hash(record, RecordLayout::kImageContent, header.image_content);
  put_content_hash(record, RecordLayout::kMasksContent, header.masks_content);
  put_little(record, RecordLayout::kMetaHash, header.meta_hash);
  put_little(record, RecordLayout::kMasksHash, header.masks_hash);
  put_little(record, RecordLayout::kImageHash, header.image_hash);
  put_little(record, RecordLayout::kSampleId, raw(header.sample_id));
  put_little(record, RecordLayout::kVolumeId, raw(header.volume_id));
  put_little(record, RecordLayout::kHeaderHash, header.header_hash);
}

}  // namespace slicebank
