// MetaImage (.mha, and .mhd with its data files), from memory; .mha to memory. Any thread.
//
// AnatomicalOrientation is often wrong and is ignored. World coordinates are LPS in the
// file and RAS+ in a Volume. Readers throw Error(bad_format) or Error(limit), beginning
// with `name`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "formats/volume.h"

namespace slicebank::metaimage {

// Gives the bytes of a file that the header names, relative to the header's own folder.
// The name is as hostile as the header: whoever opens it must see to it that nothing
// outside the import root is read (SourceTree does).
using OpenFile = std::function<std::vector<std::byte>(const std::string& relative)>;

// What the file says beside its Volume.
struct Header {
  std::vector<std::uint64_t> dims;  // DimSize: x first
  bool compressed = false;
  bool big_endian = false;
  bool text = false;                    // numbers written as text (BinaryData = False)
  std::vector<std::string> data_files;  // empty: the data follow the header (LOCAL)
};

struct Decoded {
  Header header;
  Volume volume;
};

// Whether the bytes look like a MetaImage header.
bool is_metaimage(Bytes file);

// 2-D, 3-D, and 4-D (frames); channels from ElementNumberOfChannels. Data may be LOCAL,
// one file, LIST, or a pattern with first, last and step; raw, compressed (zlib or gzip),
// or text. `open` may be empty where there are no data files. A header without spacing,
// or without offset and matrix, gives a Volume without them.
Decoded decode(Bytes file, const std::string& name, const OpenFile& open = {});

// The same without voxels; opens nothing.
Decoded scan(Bytes file, const std::string& name);

struct EncodeOptions {
  bool compressed = true;
  int level = 6;  // libdeflate's, 1 to 12
};

// A .mha. Spacing and offset are written with as many digits as their doubles need.
// Error(bad_argument) for f16 (MetaImage has none) and for a scaled volume (the file
// cannot say slope and intercept). Same volume and options, same bytes.
std::vector<std::byte> encode(const Volume& volume, const EncodeOptions& options = {});

}  // namespace slicebank::metaimage
