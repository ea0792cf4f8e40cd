// Seeded synthetic datasets, realistic enough to look at, in the SA-Med2D v1 layout.
//
// CT-, MR-, fundus- and ultrasound-like slices with organs as masks: overlapping
// (`union_` classes, lesions inside organs), several instances a class, empty cases.
// Same options, same names and pixels, on every machine (and the same bytes where libpng
// and zlib are of one release). Used by the demo, the tests and the benches.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "schema/sample.h"

namespace slicebank::phantom {

struct Options {
  std::uint64_t seed = 7;
  std::uint32_t subjects = 24;  // in all; spread over the datasets
  std::uint32_t slices_per_subject = 4;
  std::uint32_t side = 256;  // pixels; fundus slices are this square too
};

struct Report {
  std::uint64_t images = 0;
  std::uint64_t masks = 0;
  std::vector<std::string> datasets;
};

// Writes images/, masks/, SAMed2D_v1.json and SAMed2D_v1_class_mapping_id.json below
// `root`, which is made. Error(already_exists) when it is there and not empty.
Report write_sa_med2d(const std::filesystem::path& root, const Options& options);

// One slice as arrays: the same pictures without files. `kind` is "ct", "mr", "fundus"
// or "ultrasound"; 8 bit, gray or (fundus) RGB. Masks carry raw_class 1, 2, ... and
// class_id 0; class_names()[raw_class - 1] is their name.
Sample make_slice(const std::string& kind, std::uint64_t seed, std::uint32_t subject,
                  std::uint32_t slice, std::uint32_t side);
const std::vector<std::string>& class_names(const std::string& kind);

// A CT slice in Hounsfield units, i16, for the benches.
Image make_ct_hounsfield(std::uint64_t seed, std::uint32_t subject, std::uint32_t slice,
                         std::uint32_t side);

}  // namespace slicebank::phantom
