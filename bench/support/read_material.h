// The same pictures twice: in a bank, and as a folder of PNG files. Made once below a
// work folder and reused while nothing they depend on has changed.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "bench/support/slices.h"
#include "store/bank.h"

namespace slicebank::bench {

struct MaterialOptions {
  std::filesystem::path work;
  std::filesystem::path shared_data;
  std::string python = "python3";
  double gigabytes = 2.1;  // of decoded pixels, all kinds together
  std::uint32_t side = 512;
  std::uint64_t seed = 7;
};

// One picture in both forms.
struct Picture {
  SliceKind kind{};
  SampleId id{};
  std::filesystem::path png;
  std::uint64_t decoded_bytes = 0;
  std::uint64_t record_bytes = 0;
  std::uint64_t png_bytes = 0;
};

struct Material {
  Bank bank;
  std::filesystem::path list;     // the PNG paths, one a line, in the order of `pictures`
  std::vector<Picture> pictures;  // kinds take turns
  std::vector<std::string> sources;
  std::uint64_t bank_file_bytes = 0;  // records and index
  bool reused = false;
};

// Throws Error when the work folder cannot be written. Talks on standard error.
Material prepare_material(const MaterialOptions& options);

// What of these pixels goes into a PNG: int16 moved up by 32768, which PNG can hold.
Image png_form(const Image& image);

}  // namespace slicebank::bench
