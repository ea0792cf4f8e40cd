// What one slice is: pixels, masks, labels, and where it belongs.
//
// Plain data. Arrays carry their axes in the name and own their memory; everything is
// C order (the last axis is the fastest). Boxes are half-open, in pixels. Spacing is
// millimetres.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "schema/ids.h"

namespace slicebank {

using Bytes = std::span<const std::byte>;
using MutableBytes = std::span<std::byte>;

// Values are stored on disk; only ever append.
enum class PixelType : std::uint8_t { u8 = 1, i8, u16, i16, u32, i32, f16, f32, f64 };

// Bytes a pixel and channel; 0 for a value that is no PixelType.
constexpr std::size_t pixel_bytes(PixelType type) noexcept {
  switch (type) {
    case PixelType::u8:
    case PixelType::i8:
      return 1;
    case PixelType::u16:
    case PixelType::i16:
    case PixelType::f16:
      return 2;
    case PixelType::u32:
    case PixelType::i32:
    case PixelType::f32:
      return 4;
    case PixelType::f64:
      return 8;
  }
  return 0;
}

const char* pixel_type_name(PixelType type) noexcept;  // "u8", ... ; "?" for no PixelType

struct ImageShape {
  PixelType pixel_type = PixelType::u8;
  std::uint32_t height = 0;
  std::uint32_t width = 0;
  std::uint32_t channels = 1;  // 1 to 32; their names are the volume's

  friend bool operator==(const ImageShape&, const ImageShape&) = default;

  std::uint64_t pixels() const noexcept { return std::uint64_t{height} * width; }
  std::uint64_t bytes() const noexcept { return pixels() * channels * pixel_bytes(pixel_type); }
};

// Throws Error(limit) or Error(bad_argument) when a side, the channels, the type or the
// byte count is out of the bounds of schema/limits.h. `what` begins the message.
void check_shape(const ImageShape& shape, const std::string& what);

// One slice, borrowed. bytes.size() == shape.bytes(); samples are little-endian.
struct ImageView {
  ImageShape shape;
  Bytes image_hwc;
};

// One slice, owned: image_hwc.size() == shape.bytes(); samples are little-endian.
struct Image {
  ImageShape shape;
  std::vector<std::byte> image_hwc;

  ImageView view() const noexcept { return {shape, image_hwc}; }
  friend bool operator==(const Image&, const Image&) = default;
};

// Half-open box in pixels: x0 <= x < x1, y0 <= y < y1. Empty when x0 == x1.
struct Box {
  std::uint32_t x0 = 0;
  std::uint32_t y0 = 0;
  std::uint32_t x1 = 0;
  std::uint32_t y1 = 0;

  bool empty() const noexcept { return x0 >= x1 || y0 >= y1; }
  friend bool operator==(const Box&, const Box&) = default;
};

// One annotated region: 1 inside, 0 outside, height x width of its image. Masks of a
// sample may overlap, and may be empty.
struct Mask {
  ClassId class_id{};
  std::uint32_t raw_class = 0;      // 1-based place in DatasetInfo::classes; 0 is "none kept"
  std::uint32_t instance = 0;       // as the source numbers it; (class, instance) may repeat
  std::uint8_t source_value = 255;  // what foreground was in the source file: 1, 255, ...
  std::vector<std::uint8_t> mask_hw;

  friend bool operator==(const Mask&, const Mask&) = default;
};

// One statement about the whole image: class present (1), absent (0), or a grade.
struct Label {
  ClassId class_id{};
  std::uint32_t raw_class = 0;
  double value = 1;

  friend bool operator==(const Label&, const Label&) = default;
};

// The axis a slice was cut along. Values are stored on disk; only ever append.
enum class Axis : std::uint8_t { none = 1, x, y, z };  // none: a 2-D image

const char* axis_name(Axis axis) noexcept;  // "2d", "x", "y", "z"; "?" for no Axis

// One slice of a volume with what the annotators drew on it. (axis, slice_index, name)
// is unique inside a volume.
struct Sample {
  Axis axis = Axis::none;
  std::uint32_t slice_index = 0;  // along `axis`; 0 for a 2-D image
  std::string name;               // stem of the source file, or empty where there is none
  Image image;
  std::vector<Mask> masks;
  std::vector<Label> labels;

  friend bool operator==(const Sample&, const Sample&) = default;
};

enum class AnnotationKind : std::uint8_t { mask = 1, label };

// An annotation without its pixels: what the record's table and the index hold.
struct AnnotationInfo {
  AnnotationKind kind = AnnotationKind::mask;
  ClassId class_id{};
  std::uint32_t raw_class = 0;
  std::uint32_t instance = 0;
  std::uint8_t source_value = 0;
  std::uint64_t area = 0;  // foreground pixels
  Box box;                 // smallest box that holds them; all 0 when empty
  double value = 0;        // labels only

  friend bool operator==(const AnnotationInfo&, const AnnotationInfo&) = default;
};

// Identity of decoded pixels, the same under any name, dataset or codec: XXH3-128 over
// the shape and the image bytes (docs/format.md, "Content hash").
struct ContentHash {
  std::uint64_t high = 0;
  std::uint64_t low = 0;

  friend bool operator==(const ContentHash&, const ContentHash&) = default;
  friend auto operator<=>(const ContentHash&, const ContentHash&) = default;
};

// A sample without its pixels.
struct SampleInfo {
  SampleId id{};
  VolumeId volume_id{};
  Axis axis = Axis::none;
  std::uint32_t slice_index = 0;
  std::string name;
  ImageShape shape;
  ContentHash image_hash;
  std::vector<AnnotationInfo> annotations;  // masks first, in the order they were given

  friend bool operator==(const SampleInfo&, const SampleInfo&) = default;
};

// One class under the name its dataset gives it.
struct RawClass {
  std::string name;  // verbatim: "kidney_left"
  std::string code;  // the number the format writes, verbatim: "0003"; may be empty
  ClassId class_id{};

  // What the taxonomy is asked for when the class is first made, where the name alone says
  // too little: "colon cancer" for a dataset's "cancer". Never stored.
  std::string meaning{};

  friend bool operator==(const RawClass&, const RawClass&) = default;
};

struct Licence {
  std::string text;    // as the source says it
  std::string tag;     // normalised: CC-BY-4.0, research-only, unknown, ... (schema/licence.h)
  std::string source;  // where it was read

  friend bool operator==(const Licence&, const Licence&) = default;
};

// A named source of data. `classes` only ever grows at its end.
struct DatasetInfo {
  DatasetId id{};
  std::string name;
  std::string version;
  std::string source_url;
  std::string citation;
  Licence image_licence;
  Licence label_licence;
  RegionId region{};  // of the dataset; 0 when unknown. A class has its own
  std::vector<RawClass> classes;

  friend bool operator==(const DatasetInfo&, const DatasetInfo&) = default;
};

// A person: patient_id is unique inside its dataset, and says nothing outside it.
// Subjects with the same non-zero alias group are the same person.
struct SubjectInfo {
  SubjectId id{};
  DatasetId dataset_id{};
  std::string patient_id;
  std::uint64_t alias_group = 0;

  friend bool operator==(const SubjectInfo&, const SubjectInfo&) = default;
};

// One scan of a subject, or a stand-alone 2-D image. `key` is unique inside the dataset.
struct VolumeInfo {
  VolumeId id{};
  DatasetId dataset_id{};
  SubjectId subject_id{};
  ImportId import_id{};
  std::string key;
  ModalityId modality{};
  SequenceId sequence{};
  std::string source_modality;  // verbatim: "mr_t1ce"
  std::string official_split;   // verbatim: "train", "valid"; empty when none
  std::vector<std::string> channel_names;
  std::optional<std::array<double, 3>> spacing_xyz_mm;
  std::vector<double> affine_4x4;  // row-major voxel (x,y,z) to RAS+ world, or empty
  std::string source_path;         // relative to the import root
  std::vector<ClassId> coverage;   // classes the annotators looked for, ascending; empty: unknown

  friend bool operator==(const VolumeInfo&, const VolumeInfo&) = default;
};

// How bad a problem is. skipped: something was left out of the bank (exit code 3).
// note: everything was kept, but somebody should look.
enum class Severity : std::uint8_t { note = 1, skipped };

// Something an importer met. `path` is relative to the import root.
struct Problem {
  ImportId import_id{};
  Severity severity = Severity::skipped;
  std::string kind;  // short and stable: "missing-mask", "bad-png", "unknown-class"
  std::string path;
  std::string message;

  friend bool operator==(const Problem&, const Problem&) = default;
};

// One run of an importer.
struct ImportInfo {
  ImportId id{};
  std::string importer;      // "sa-med2d"
  std::string source_root;   // name of the folder, not its absolute path
  std::string options_json;  // what was asked for
  std::string tool_version;

  friend bool operator==(const ImportInfo&, const ImportInfo&) = default;
};

}  // namespace slicebank
