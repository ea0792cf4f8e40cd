// What the file names of the SAM-Med2D training layout say (docs/importers/sam-med2d.md).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace slicebank::sam_med2d {

// "amos_0006_90" is slice 90 of amos_0006: a last number is a slice where a number stands
// before it as well. "ISIC_0012345" is an image by itself.
struct ImageName {
  std::string scan;  // what splits group by
  std::optional<std::uint32_t> slice_index;
};
ImageName parse_image_stem(const std::string& stem);

// The modality of scans whose numbers are known, or empty: AMOS up to 500 is CT, above it
// MR; s0000 to s9999 is TotalSegmentator, CT.
std::string known_modality(const std::string& scan);

struct MaskName {
  std::string class_name;
  std::uint32_t instance = 0;
};

// {image stem}_{class_name}_{instance}: class names hold '_' themselves, so the image's
// stem and the last number are taken away. Nothing when the name is not of this form.
std::optional<MaskName> parse_mask_stem(const std::string& stem, const std::string& image_stem);

}  // namespace slicebank::sam_med2d
