// The pixels that benches read: real slices where sample data is at hand, the phantom's
// otherwise, multiplied by shifts and flips. Same seed, same pixels.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "schema/sample.h"

namespace slicebank::bench {

enum class SliceKind : std::uint8_t { gray, rgb, int16 };

inline constexpr SliceKind kSliceKinds[] = {SliceKind::gray, SliceKind::rgb, SliceKind::int16};

const char* kind_name(SliceKind kind);

struct SourceSlice {
  std::string name;
  Image image;  // at least as large as the slices that are cut from it
};

// Real slices of one kind below `shared_data` (a folder of sample files; may be absent):
// CT as gray PNG and windowed from DICOM, retina photographs through `python` with cv2,
// CT as int16. Where fewer than one is found: phantom slices. `side` is the smallest
// height and width that counts.
std::vector<SourceSlice> load_sources(SliceKind kind, const std::filesystem::path& shared_data,
                                      const std::string& python,
                                      const std::filesystem::path& scratch, std::uint32_t side,
                                      std::uint64_t seed);

// A side x side picture number `index`: a random window of its source, around the
// source's edges where it has no room to move, flipped in 0 to 2 directions.
Image vary(const std::vector<SourceSlice>& sources, std::uint64_t seed, std::uint32_t index,
           std::uint32_t side);

}  // namespace slicebank::bench
