// The peer: a folder of PNG files, read with libpng as plainly as its manual shows.
#pragma once

#include <filesystem>
#include <vector>

#include "schema/sample.h"

namespace slicebank::bench {

// Reads and decodes files into memory it keeps. One thread uses one reader.
class PngFolderReader {
 public:
  // Writes the pixels to `out_hwc`, which must have exactly their size; 16 bit comes
  // little-endian.
  void read_into(const std::filesystem::path& path, MutableBytes out_hwc);

 private:
  std::vector<std::byte> file_;
  std::vector<unsigned char*> rows_;
};

}  // namespace slicebank::bench
