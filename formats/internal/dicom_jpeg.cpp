// JPEG (8, 12, 16 bit, lossless) and JPEG-LS frames by DCMTK's codecs. DCMTK sees the
// codestream and a data set that is written here; never the file.
#include <dcmtk/config/osconfig.h>
// The order matters: osconfig.h goes first.
#include <dcmtk/dcmdata/dccodec.h>
#include <dcmtk/dcmdata/dcdatset.h>
#include <dcmtk/dcmdata/dcdeftag.h>
#include <dcmtk/dcmdata/dcpixel.h>
#include <dcmtk/dcmdata/dcpixseq.h>
#include <dcmtk/dcmdata/dcpxitem.h>
#include <dcmtk/dcmdata/dcvrcs.h>
#include <dcmtk/dcmdata/dcvrus.h>
#include <dcmtk/dcmjpeg/djdecode.h>
#include <dcmtk/dcmjpls/djdecode.h>
#include <dcmtk/oflog/oflog.h>
#include <fmt/format.h>

#include <limits>
#include <memory>
#include <mutex>
#include <new>

#include "formats/internal/dicom_frame.h"
#include "schema/error.h"

namespace slicebank::dicom::internal {
namespace {

void register_codecs() {
  static std::once_flag once;
  std::call_once(once, [] {
    OFLog::configure(OFLogger::OFF_LOG_LEVEL);
    DJDecoderRegistration::registerCodecs(EDC_never, EUC_never, EPC_colorByPixel);
    DJLSDecoderRegistration::registerCodecs(EJLSUC_never, EJLSPC_colorByPixel);
  });
}

// What a codestream says of itself in its frame header.
struct StreamHeader {
  unsigned marker = 0;  // the second byte: 0xc0, 0xc1, 0xc3, 0xf7, ...
  int precision = 0;
  std::uint32_t rows = 0;
  std::uint32_t columns = 0;
  std::uint32_t samples = 0;
};

std::uint32_t u16_at(Bytes bytes, std::size_t at) {
  return std::to_integer<std::uint32_t>(bytes[at]) << 8 |
         std::to_integer<std::uint32_t>(bytes[at + 1]);
}

std::optional<StreamHeader> find_header(Bytes stream) {
  std::size_t at = 2;
  if (stream.size() < 4 || u16_at(stream, 0) != 0xffd8) return std::nullopt;
  while (stream.size() - at >= 4) {
    if (stream[at] != std::byte{0xff}) return std::nullopt;
    const auto marker = std::to_integer<unsigned>(stream[at + 1]);
    if (marker == 0xff) {  // a filler
      ++at;
      continue;
    }
    if (marker == 0xda || marker == 0xd9) return std::nullopt;
    const std::uint32_t length = u16_at(stream, at + 2);
    const bool tables = marker == 0xc4 || marker == 0xc8 || marker == 0xcc;
    if ((marker >= 0xc0 && marker <= 0xcf && !tables) || marker == 0xf7) {
      if (length < 8 || stream.size() - at < 10) return std::nullopt;
      StreamHeader header;
      header.marker = marker;
      header.precision = std::to_integer<int>(stream[at + 4]);
      header.rows = u16_at(stream, at + 5);
      header.columns = u16_at(stream, at + 7);
      header.samples = std::to_integer<std::uint32_t>(stream[at + 9]);
      return header;
    }
    if (length < 2 || length > stream.size() - at - 2) return std::nullopt;
    at += 2 + length;
  }
  return std::nullopt;
}

std::optional<E_TransferSyntax> syntax_of(unsigned marker) {
  switch (marker) {
    case 0xc0:
      return EXS_JPEGProcess1;
    case 0xc1:
      return EXS_JPEGProcess2_4;
    case 0xc2:
      return EXS_JPEGProcess10_12;
    case 0xc3:
      return EXS_JPEGProcess14;
    case 0xf7:
      return EXS_JPEGLSLossless;
    default:
      return std::nullopt;
  }
}

void insert(DcmDataset& data, const DcmTagKey& key, DcmEVR vr, Uint16 value) {
  auto element = std::make_unique<DcmUnsignedShort>(DcmTag(key, vr));
  if (element->putUint16(value, 0).good() && data.insert(element.get()).good()) element.release();
}

RawFrame decode(const FrameLayout& layout, Bytes stream, bool jpeg_ls, const std::string& name) {
  const char* kind = jpeg_ls ? "JPEG-LS" : "JPEG";
  const auto fail = [&](const std::string& what) {
    return Error(ErrorCode::bad_format, fmt::format("{}: {} codestream {}", name, kind, what));
  };
  // Writers fill up to an even length with 00 or ff. A stream without an end of image is
  // cut off, and the codecs would make up the rest.
  const auto ends = [&](std::size_t size) {
    return stream[size - 2] == std::byte{0xff} && stream[size - 1] == std::byte{0xd9};
  };
  std::size_t size = stream.size();
  while (size > 4 && !ends(size) &&
         (stream[size - 1] == std::byte{0} || stream[size - 1] == std::byte{0xff})) {
    --size;
  }
  if (size < 4 || !ends(size)) throw fail("is truncated: it has no end of image");
  const std::optional<StreamHeader> header = find_header(stream);
  if (!header) throw fail("has no frame header");
  const std::optional<E_TransferSyntax> syntax = syntax_of(header->marker);
  if (!syntax || (header->marker == 0xf7) != jpeg_ls) {
    throw fail(
        fmt::format("is of a process that is not supported (marker ff{:02x})", header->marker));
  }
  if (header->rows != layout.rows || header->columns != layout.columns ||
      header->samples != layout.samples) {
    throw fail(fmt::format("is {} x {} x {}, the header says {} x {} x {}", header->rows,
                           header->columns, header->samples, layout.rows, layout.columns,
                           layout.samples));
  }
  if (header->precision < 2 || header->precision > 16 ||
      header->precision > layout.bits_allocated || layout.bits_allocated > 16) {
    throw fail(fmt::format("has {} bits, the header allocates {}", header->precision,
                           layout.bits_allocated));
  }
  if (layout.samples != 1 && layout.samples != 3) throw fail("has neither one nor three samples");
  RawFrame raw;
  raw.precision = header->precision;
  raw.sample_bytes = header->precision > 8 ? 2 : 1;
  const std::uint64_t bytes = layout.pixels() * layout.samples * raw.sample_bytes;
  check_plausible(bytes, stream.size(), name);
  if (stream.size() >= std::numeric_limits<Uint32>::max() ||
      bytes >= std::numeric_limits<Uint32>::max()) {
    throw Error(ErrorCode::limit, fmt::format("{}: a frame is too large", name));
  }

  register_codecs();
  DcmDataset data;
  const auto narrow = [](std::uint32_t value) { return static_cast<Uint16>(value); };
  insert(data, DCM_SamplesPerPixel, EVR_US, narrow(layout.samples));
  insert(data, DCM_Rows, EVR_US, narrow(layout.rows));
  insert(data, DCM_Columns, EVR_US, narrow(layout.columns));
  insert(data, DCM_BitsAllocated, EVR_US, raw.sample_bytes == 2 ? 16 : 8);
  insert(data, DCM_BitsStored, EVR_US, static_cast<Uint16>(header->precision));
  insert(data, DCM_HighBit, EVR_US, static_cast<Uint16>(header->precision - 1));
  insert(data, DCM_PixelRepresentation, EVR_US, 0);
  if (layout.samples > 1) insert(data, DCM_PlanarConfiguration, EVR_US, 0);
  auto photometric = std::make_unique<DcmCodeString>(DcmTag(DCM_PhotometricInterpretation, EVR_CS));
  photometric->putString(layout.samples == 1 ? "MONOCHROME2" : "RGB");
  if (data.insert(photometric.get()).good()) photometric.release();

  auto sequence = std::make_unique<DcmPixelSequence>(DcmTag(DCM_PixelData, EVR_OB));
  auto table = std::make_unique<DcmPixelItem>(DcmTag(DCM_Item, EVR_OB));
  if (sequence->insert(table.get()).good()) table.release();
  auto fragment = std::make_unique<DcmPixelItem>(DcmTag(DCM_Item, EVR_OB));
  std::vector<std::byte> even(stream.begin(), stream.end());
  if (even.size() % 2 != 0) even.push_back(std::byte{0});
  const OFCondition put = fragment->putUint8Array(reinterpret_cast<const Uint8*>(even.data()),
                                                  static_cast<unsigned long>(even.size()));
  if (put.bad()) throw std::bad_alloc();
  if (sequence->insert(fragment.get()).good()) fragment.release();
  auto pixels = std::make_unique<DcmPixelData>(DcmTag(DCM_PixelData, EVR_OB));
  pixels->putOriginalRepresentation(*syntax, nullptr, sequence.release());
  DcmPixelData* borrowed = pixels.get();
  if (data.insert(pixels.get()).good()) pixels.release();

  raw.data.resize(bytes + bytes % 2);
  Uint32 first_fragment = 1;
  OFString colours;
  OFCondition status = EC_Normal;
  try {
    status = borrowed->getUncompressedFrame(&data, 0, first_fragment, raw.data.data(),
                                            static_cast<Uint32>(raw.data.size()), colours);
  } catch (const std::bad_alloc&) {
    throw;
  } catch (...) {
    throw fail("is damaged");
  }
  if (status.bad()) throw fail(fmt::format("is damaged: {}", status.text()));
  raw.data.resize(bytes);
  return raw;
}

}  // namespace

RawFrame decode_jpeg(const FrameLayout& layout, Bytes stream, const std::string& name) {
  return decode(layout, stream, false, name);
}

RawFrame decode_jpeg_ls(const FrameLayout& layout, Bytes stream, const std::string& name) {
  return decode(layout, stream, true, name);
}

}  // namespace slicebank::dicom::internal
