// Arrays of npy and npz files as the volumes that emit_slices() cuts. Any thread.
#pragma once

#include <cstdint>
#include <set>
#include <string>

#include "formats/array.h"
#include "formats/volume.h"

namespace slicebank::internal {

// One image: (H, W), or (H, W, C) with C channels. u64 and i64 are narrowed, boolean is u8;
// any other type stays. Throws Error(bad_format) or Error(limit), beginning with `what`,
// for another number of axes, a side of 0, too many channels, and a value too large.
Volume picture_of(Array array_hwc, const std::string& what);

// A scan: (D, H, W). The last axis is x.
Volume scan_of(Array array_dhw, const std::string& what);

// Throws Error(bad_format), beginning with `what`, when `map` holds other than whole numbers
// from 0 to 2^32 - 1: before the first slice of an item is out.
void check_label_map(const Volume& map, const std::string& what);

// Adds the labels of an array but 0. Throws as check_label_map(), and Error(limit) for more
// than `most`.
void add_labels(const Array& array, const std::string& what, std::size_t most,
                std::set<std::uint32_t>& labels);

// "(3, 512, 512)"
std::string shape_text(const std::vector<std::uint64_t>& shape);

}  // namespace slicebank::internal
