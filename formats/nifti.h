// NIfTI-1, NIfTI-2 and Analyze 7.5, from memory; NIfTI-1 and -2 to memory. Any thread.
//
// Both byte orders; .nii, .nii.gz (the bytes tell, not the name), and pairs of .hdr and
// .img, each gzipped or not. Every reader throws Error(bad_format) or Error(limit),
// beginning with `name`; complex numbers, 128-bit floats and single bits are refused.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "formats/array.h"
#include "formats/byte_source.h"
#include "formats/gzip.h"
#include "formats/volume.h"

namespace slicebank::nifti {

enum class Kind { nifti1, nifti2, analyze };

// Where the affine came from. base: neither sform nor qform; voxel size, x to the left,
// the origin in the middle (as nibabel and SPM have it), so only a guess.
enum class AffineSource { none, sform, qform, base };

// What may stand between header and voxels. Code 0 unknown, 2 DICOM, 4 AFNI, 6 comment.
struct Extension {
  std::int32_t code = 0;
  std::vector<std::byte> bytes;  // padding included
};

// What the file says beside its Volume.
struct Header {
  Kind kind = Kind::nifti1;
  bool pair = false;        // voxels lie in a file of their own
  bool big_endian = false;  // in the file; a Volume never is

  // Every dimension as it is counted in the file, x first. A stack whose channels come
  // first (c, x, y, z) cannot be told from a series (x, y, z, t): the caller must know.
  std::vector<std::uint64_t> dims;
  std::vector<double> pixdims;  // one for each of dims, as stored

  int datatype = 0;
  int intent_code = 0;  // 1002 labels, 1007 vectors, 2003 RGB
  std::string intent_name;
  std::string description;
  int xyzt_units = 0;  // as stored; the Volume is in mm already
  int qform_code = 0;
  int sform_code = 0;
  AffineSource affine_source = AffineSource::none;
  std::uint64_t voxels_at = 0;  // where they begin in their (inflated) file
  std::vector<Extension> extensions;

  // What was odd and mended, or left out: "the sform is singular: no affine".
  std::vector<std::string> notes;
};

struct Decoded {
  Header header;
  Volume volume;
};

// Whether the bytes, inflated where they are gzip, begin as a header of these kinds does.
bool is_nifti(Bytes file);

// A .nii or .nii.gz. x, y, z are i, j, k; a fourth dimension is frames; a fifth is
// channels when the intent says vectors; RGB and RGBA are channels. More than one element
// along any other dimension is refused. Slope 0 or not finite is none. Metres and microns
// come out as mm. The affine is nibabel's; an Analyze file has none.
Decoded decode(Bytes file, const std::string& name);

// A pair; `header` is what the .hdr holds, `image` the .img.
Decoded decode_pair(Bytes header, Bytes image, const std::string& name);

// The same without voxels, for a .nii or a .hdr: cheap, also for a gzipped file.
Decoded scan(Bytes file, const std::string& name);

// A .nii or .nii.gz from front to back, of which no more is held than was asked for. One
// thread at a time.
class Reader {
 public:
  // Reads the header; `file` is borrowed. Throws as decode() does of a header, and where
  // the file is too small for what its header announces.
  Reader(const ByteSource& file, std::string name);
  ~Reader();
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  const Header& header() const noexcept { return decoded_.header; }
  const Volume& volume() const noexcept { return decoded_.volume; }  // without voxels

  // Whether the voxels lie in the file as in a Volume. Where not (vectors), read() gives
  // them in the order of the file.
  bool in_order() const noexcept { return in_order_; }

  // The next voxels, whole elements, in the byte order of a Volume; no more than are left.
  // Throws as decode(): what it gave before must then not be kept.
  void read(MutableBytes voxels);
  void skip(std::uint64_t bytes);

  // Reads what is left. Only after it has every checksum held, and no bomb follows.
  void finish();

 private:
  Bytes front(std::size_t bytes);
  std::size_t read_raw(MutableBytes out);
  void skip_raw(std::uint64_t bytes);
  [[noreturn]] void refuse_short() const;

  const ByteSource& file_;
  std::string name_;
  std::optional<gzip::Reader> gzip_;
  std::vector<std::byte> front_;  // the first bytes of the (inflated) file
  std::size_t front_read_ = 0;
  std::uint64_t at_ = 0;    // bytes of the (inflated) file that were read
  std::uint64_t left_ = 0;  // bytes of voxels that were not given yet
  bool swapped_ = false;
  bool in_order_ = true;
  Decoded decoded_;
};

// Names of label values, from the first extension that holds Caret's XML LabelTable
// (TotalSegmentator and wb_command write it); empty where there is none.
std::map<std::uint32_t, std::string> label_names(const Header& header);

struct EncodeOptions {
  bool compressed = true;  // .nii.gz
  int level = 6;           // libdeflate's, 1 to 12
  int version = 0;         // 1 or 2; 0 is 1 where it can hold the volume
  int xform_code = 1;      // of sform and qform: 1 scanner, 2 aligned, 3 Talairach, 4 MNI
  int intent_code = 0;     // 1002 for labels
  std::string description = {};
  std::vector<Extension> extensions = {};
};

// One file. sform and qform are set alike, but for an affine with shear, which a qform
// cannot hold; a volume without affine has neither (and is read back with the base one).
// NIfTI-1 keeps affine and spacing in 32-bit floats. Error(bad_argument) for f16 and for
// what the version cannot hold. Same volume and options, same bytes.
std::vector<std::byte> encode(const Volume& volume, const EncodeOptions& options = {});

}  // namespace slicebank::nifti
