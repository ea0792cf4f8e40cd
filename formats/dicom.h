// One DICOM file: what its header says, and its pixels as stored.
//
// Privacy: Instance holds everything that ever leaves a file. Names, dates, addresses and
// private elements are not parsed at all. Of what is here, the UIDs, patient_id and
// series_description identify people: who stores them hashes or drops them first.
//
// Files: a preamble and meta group or none; implicit, explicit, big-endian and deflated
// encodings. Not gzip: the caller unpacks that. Any thread; one File, one thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "schema/sample.h"

namespace slicebank::dicom {

// A DICOM image that this one was made from or lies on.
struct Source {
  std::string sop_instance_uid;
  std::vector<std::uint32_t> frames;  // from 1; empty: all of it

  friend bool operator==(const Source&, const Source&) = default;
};

// Where one frame lies and how its numbers are meant. For a single-frame file this is the
// file's own; for a multiframe file the shared groups, overruled by the frame's own.
// Millimetres, LPS (DICOM's axes: x to the left of the patient, y to the back, z up).
struct Frame {
  std::optional<std::array<double, 3>> position;     // centre of the first pixel
  std::optional<std::array<double, 6>> orientation;  // along a row (column + 1), then a column
  std::optional<std::array<double, 2>> spacing_yx;   // between rows, between columns; positive
  std::optional<double> slice_thickness;
  std::optional<double> spacing_between_slices;
  double slope = 1;  // value = slope * stored + intercept
  double intercept = 0;
  std::optional<std::int64_t> temporal_position;
  std::vector<std::uint32_t> dimension_index;          // DimensionIndexValues
  std::uint32_t segment = 0;                           // of a SEG, from 1
  std::optional<std::array<std::int64_t, 2>> tile_yx;  // of a slide: row, column, from 1
  std::vector<Source> sources;
};

struct Instance {
  std::string sop_class_uid;
  std::string transfer_syntax_uid;
  std::string study_instance_uid;
  std::string series_instance_uid;
  std::string sop_instance_uid;
  std::string frame_of_reference_uid;
  std::string patient_id;  // UTF-8, trimmed, may be empty
  std::string modality;    // "CT", "MR", "SEG", ...
  std::string body_part_examined;
  std::string series_description;  // UTF-8
  std::vector<std::string> image_type;
  std::optional<bool> burned_in_annotation;
  std::optional<std::int64_t> series_number;
  std::optional<std::int64_t> instance_number;
  std::optional<std::int64_t> acquisition_number;
  std::optional<double> echo_time_ms;

  // 0 where the file has no pixels (RTSTRUCT, reports).
  std::uint32_t rows = 0;
  std::uint32_t columns = 0;
  std::uint32_t frames = 0;
  std::uint32_t samples = 0;
  std::string photometric;  // as the file says: "MONOCHROME2", "YBR_FULL_422", ...
  int bits_allocated = 0;
  int bits_stored = 0;
  int high_bit = 0;
  bool is_signed = false;
  bool planar = false;  // colours in planes one after the other
  bool has_pixels = false;
  std::optional<std::int64_t> pixel_padding_value;  // stored value that is no measurement
  std::vector<double> window_centre;
  std::vector<double> window_width;
  // Values are meant through File::modality_table() and not by slope and intercept.
  bool has_modality_lut = false;

  Frame first;  // a single-frame file's, or what all frames share
  // One a frame where the file says so of every frame; empty otherwise.
  std::vector<Frame> frame_list;
  const Frame& frame(std::uint32_t index) const;

  bool inverted() const noexcept { return photometric == "MONOCHROME1"; }
};

// Whether the bytes begin like DICOM, with or without a preamble. The first 256 do.
bool looks_like(Bytes file) noexcept;

// The header alone: stops where pixel data begin, so `file` may be cut off behind that.
// Throws Error(bad_format) or Error(limit), beginning with `name`.
Instance read_header(Bytes file, const std::string& name);

// The header of a whole file, whose pixel data must be all there.
Instance read(Bytes file, const std::string& name);

enum class PaletteAs { colours, indices };

// What stored numbers of one channel mean: stored number `first` and all below it is
// values[0], the next values[1], and all beyond the last one the last.
struct ModalityTable {
  std::int32_t first = 0;
  int bits = 0;  // of a value, 1 to 16
  std::vector<std::uint16_t> values;
};

namespace internal {
struct DataSet;
}

// A file opened for its pixels. Borrows the bytes.
class File {
 public:
  // Throws as read(). Dimensions are compared with schema/limits.h here.
  File(Bytes file, const std::string& name);
  ~File();
  File(File&&) noexcept;
  File& operator=(File&&) noexcept;

  const Instance& instance() const noexcept;

  // For the readers of this room that need more of the file than its Instance.
  const internal::DataSet& data_set() const noexcept;

  // Stored numbers of one frame, in the smallest type that holds bits_stored: bits above
  // (old overlays) are dropped, signs extended. MONOCHROME1 stays as it is: see
  // Instance::inverted() and invert(). Palettes become RGB unless indices are wanted; YBR
  // becomes RGB. One-bit frames are u8 of 0 and 1. FloatPixelData is f32, DoubleFloatPixelData
  // f64.
  //
  // Throws Error(bad_format), beginning with the file's name, for truncated or damaged
  // pixels, for a codestream that disagrees with the header, and for a transfer syntax
  // that is not supported (the message names it in words); Error(limit) for too large a
  // frame; Error(bad_argument) for a frame that is not there.
  Image decode(std::uint32_t frame, PaletteAs palette = PaletteAs::colours) const;

  // Nothing where slope and intercept count. Throws Error(bad_format) for a table that is cut
  // off.
  std::optional<ModalityTable> modality_table() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Stored numbers as a table has them: u8, or u16 where values have more than 8 bits. Throws
// Error(bad_format), beginning with `name`, for colours and for more than 16 bits stored.
Image through_table(const Image& stored, const ModalityTable& table, const std::string& name);

// Turns black to white, inside the range of `bits_stored` of integers: v -> max + min - v.
void invert(Image& image, int bits_stored);

// "JPEG 2000 Image Compression (Lossless Only)"; the UID itself, made printable, when it is
// unknown.
std::string transfer_syntax_name(const std::string& uid);

// Whether frames in this transfer syntax can be decoded.
bool can_decode(const std::string& transfer_syntax_uid) noexcept;

inline constexpr const char* kSegmentationStorage = "1.2.840.10008.5.1.4.1.1.66.4";
inline constexpr const char* kLabelMapStorage = "1.2.840.10008.5.1.4.1.1.66.7";
inline constexpr const char* kStructureSetStorage = "1.2.840.10008.5.1.4.1.1.481.3";
inline constexpr const char* kDirectoryStorage = "1.2.840.10008.1.3.10";

}  // namespace slicebank::dicom
