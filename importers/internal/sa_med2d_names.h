// The file names of SA-Med2D-20M, in which everything is said (docs/importers/sa-med2d.md).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "schema/sample.h"

namespace slicebank::sa_med2d {

// {modality_sub}--{dataset}--{case}--{axis_slice}.png; the case may hold "--" itself.
struct ImageName {
  std::string stem;          // the file name without ".png"
  std::string modality_sub;  // "ct_00", "mr_t1ce", "x_ray"
  std::string dataset;
  std::string case_name;
  Axis axis = Axis::none;
  std::uint32_t slice_index = 0;
};

// {image stem}--{class}_{instance}.png
struct MaskName {
  std::string image_stem;
  std::string modality_sub;
  std::string dataset;
  std::string class_code;  // verbatim: "0003"
  std::uint32_t instance = 0;
};

// Nothing for a name that is not of this grammar.
std::optional<ImageName> parse_image_name(const std::string& path);
std::optional<MaskName> parse_mask_name(const std::string& path);

// The person behind a case: the case, without the frame or time point that some datasets
// write at its end. The rules are a table in the .cpp.
std::string patient_of(std::string_view dataset, std::string_view case_name);

// "0003", "3" and "03" are the same class: the digits without leading zeros.
std::string plain_code(std::string_view code);

}  // namespace slicebank::sa_med2d
