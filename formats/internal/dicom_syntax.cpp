#include "formats/internal/dicom_syntax.h"

#include "formats/dicom.h"
#include "formats/source_tree.h"

namespace slicebank::dicom {

using internal::Packing;

namespace {

constexpr std::size_t kUidBytesMax = 64;  // of PS3.5, so also of what a message quotes

struct Syntax {
  const char* uid;  // behind "1.2.840.10008.1.2"
  Packing packing;
  const char* name;
};

// PS3.6, table A-1.
constexpr Syntax kSyntaxes[] = {
    {"", Packing::native, "Implicit VR Little Endian"},
    {".1", Packing::native, "Explicit VR Little Endian"},
    {".1.98", Packing::unsupported, "Encapsulated Uncompressed Explicit VR Little Endian"},
    {".1.99", Packing::native, "Deflated Explicit VR Little Endian"},
    {".2", Packing::native, "Explicit VR Big Endian"},
    {".4.50", Packing::jpeg, "JPEG Baseline (Process 1)"},
    {".4.51", Packing::jpeg, "JPEG Extended (Process 2 and 4)"},
    {".4.52", Packing::jpeg, "JPEG Extended (Process 3 and 5)"},
    {".4.53", Packing::jpeg, "JPEG Spectral Selection (Process 6 and 8)"},
    {".4.54", Packing::jpeg, "JPEG Spectral Selection (Process 7 and 9)"},
    {".4.55", Packing::jpeg, "JPEG Full Progression (Process 10 and 12)"},
    {".4.56", Packing::jpeg, "JPEG Full Progression (Process 11 and 13)"},
    {".4.57", Packing::jpeg, "JPEG Lossless (Process 14)"},
    {".4.58", Packing::unsupported, "JPEG Lossless with arithmetic coding (Process 15)"},
    {".4.70", Packing::jpeg, "JPEG Lossless, First-Order Prediction (Process 14, Selection 1)"},
    {".4.80", Packing::jpeg_ls, "JPEG-LS Lossless"},
    {".4.81", Packing::jpeg_ls, "JPEG-LS Near-Lossless"},
    {".4.90", Packing::jpeg_2000, "JPEG 2000 (Lossless Only)"},
    {".4.91", Packing::jpeg_2000, "JPEG 2000"},
    {".4.92", Packing::unsupported, "JPEG 2000 Part 2 Multi-component (Lossless Only)"},
    {".4.93", Packing::unsupported, "JPEG 2000 Part 2 Multi-component"},
    {".4.94", Packing::unsupported, "JPIP Referenced"},
    {".4.95", Packing::unsupported, "JPIP Referenced Deflate"},
    {".4.100", Packing::unsupported, "MPEG2 Main Profile / Main Level"},
    {".4.100.1", Packing::unsupported, "Fragmentable MPEG2 Main Profile / Main Level"},
    {".4.101", Packing::unsupported, "MPEG2 Main Profile / High Level"},
    {".4.101.1", Packing::unsupported, "Fragmentable MPEG2 Main Profile / High Level"},
    {".4.102", Packing::unsupported, "MPEG-4 AVC/H.264 High Profile / Level 4.1"},
    {".4.102.1", Packing::unsupported, "Fragmentable MPEG-4 AVC/H.264 High Profile / Level 4.1"},
    {".4.103", Packing::unsupported, "MPEG-4 AVC/H.264 BD-compatible High Profile / Level 4.1"},
    {".4.104", Packing::unsupported, "MPEG-4 AVC/H.264 High Profile for 2D Video / Level 4.2"},
    {".4.105", Packing::unsupported, "MPEG-4 AVC/H.264 High Profile for 3D Video / Level 4.2"},
    {".4.106", Packing::unsupported, "MPEG-4 AVC/H.264 Stereo High Profile / Level 4.2"},
    {".4.107", Packing::unsupported, "HEVC/H.265 Main Profile / Level 5.1"},
    {".4.108", Packing::unsupported, "HEVC/H.265 Main 10 Profile / Level 5.1"},
    {".4.110", Packing::unsupported, "JPEG XL Lossless"},
    {".4.111", Packing::unsupported, "JPEG XL JPEG Recompression"},
    {".4.112", Packing::unsupported, "JPEG XL"},
    {".4.201", Packing::jpeg_2000, "High-Throughput JPEG 2000 (Lossless Only)"},
    {".4.202", Packing::jpeg_2000, "High-Throughput JPEG 2000 with RPCL (Lossless Only)"},
    {".4.203", Packing::jpeg_2000, "High-Throughput JPEG 2000"},
    {".4.204", Packing::unsupported, "JPIP HTJ2K Referenced"},
    {".4.205", Packing::unsupported, "JPIP HTJ2K Referenced Deflate"},
    {".5", Packing::rle, "RLE Lossless"},
    {".8.1", Packing::deflated_frames, "Deflated Image Frame Compression"},
};

const Syntax* find(const std::string& uid) noexcept {
  constexpr std::string_view kRoot = "1.2.840.10008.1.2";
  if (uid.compare(0, kRoot.size(), kRoot) != 0) return nullptr;
  const std::string_view rest = std::string_view(uid).substr(kRoot.size());
  for (const Syntax& syntax : kSyntaxes) {
    if (rest == syntax.uid) return &syntax;
  }
  return nullptr;
}

}  // namespace

namespace internal {

Packing packing_of(const std::string& transfer_syntax_uid) noexcept {
  const Syntax* syntax = find(transfer_syntax_uid);
  return syntax == nullptr ? Packing::unsupported : syntax->packing;
}

}  // namespace internal

std::string transfer_syntax_name(const std::string& uid) {
  const Syntax* syntax = find(uid);
  return syntax == nullptr ? printable(uid.substr(0, kUidBytesMax)) : syntax->name;
}

bool can_decode(const std::string& transfer_syntax_uid) noexcept {
  return internal::packing_of(transfer_syntax_uid) != Packing::unsupported;
}

}  // namespace slicebank::dicom
