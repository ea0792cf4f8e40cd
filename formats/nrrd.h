// NRRD (attached, and detached .nhdr with its data files), from memory. Any thread.
//
// Readers throw Error(bad_format) or Error(limit), beginning with `name`.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "formats/volume.h"

namespace slicebank::nrrd {

// As metaimage::OpenFile: the name is hostile, and the one who opens it must see to it.
using OpenFile = std::function<std::vector<std::byte>(const std::string& relative)>;

// One segment of a Slicer .seg.nrrd: the voxels of frame `layer` that are `label_value`.
struct Segment {
  std::string id;
  std::string name;
  std::uint32_t layer = 0;
  std::uint32_t label_value = 1;
  std::optional<std::array<double, 3>> colour;  // red, green, blue, 0 to 1
  std::string tags;                             // terminology, verbatim
};

// What the file says beside its Volume.
struct Header {
  std::vector<std::uint64_t> dims;  // sizes, the fastest axis first
  std::vector<std::string> kinds;   // one an axis, or empty
  std::string encoding;             // raw, gzip, bzip2, ascii, hex
  std::string space;                // verbatim, or empty
  bool big_endian = false;
  std::vector<std::string> data_files;            // empty: the data follow the header
  std::map<std::string, std::string> key_values;  // "key:=value" lines, unescaped
  std::vector<Segment> segments;

  // Slicer, of what it cropped: the voxel of the whole image, along i, j, k, at which the
  // first one here lies.
  std::optional<std::array<std::uint32_t, 3>> extent_offset;
};

struct Decoded {
  Header header;
  Volume volume;
};

bool is_nrrd(Bytes file);

// Axes with a direction in space, or of kind domain or space, are i, j, k as they come. A
// list or time axis becomes frames, a vector, colour or tensor axis channels, wherever it
// stands. One of each at most; complex numbers and blocks are refused. The affine needs a
// space that says where left is (RAS, LAS, LPS); otherwise there is spacing only.
Decoded decode(Bytes file, const std::string& name, const OpenFile& open = {});

// The same without voxels; opens nothing.
Decoded scan(Bytes file, const std::string& name);

}  // namespace slicebank::nrrd
