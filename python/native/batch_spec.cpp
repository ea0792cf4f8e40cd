// A BatchSpec out of the dictionary that slicebank/_spec.py checks and makes.
#include "python/native/batch_spec.h"

#include <nanobind/stl/array.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <map>

#include "schema/error.h"

namespace slicebank::python {
namespace {

template <typename Value>
Value get(const nb::dict& dict, const char* key) {
  return nb::cast<Value>(dict[key]);
}

template <typename Choice>
Choice choose(const nb::dict& dict, const char* key, const std::map<std::string, Choice>& words) {
  const auto word = get<std::string>(dict, key);
  const auto found = words.find(word);
  if (found != words.end()) return found->second;
  std::string known;
  for (const auto& [name, choice] : words) known += (known.empty() ? "" : ", ") + name;
  throw Error(ErrorCode::bad_argument, std::string(key) + ": '" + word + "'", "one of: " + known);
}

std::optional<Size> size_of(const nb::dict& dict, const char* key) {
  using Sides = std::pair<std::uint32_t, std::uint32_t>;
  const auto sides = get<std::optional<Sides>>(dict, key);
  if (!sides) return std::nullopt;
  return Size{sides->first, sides->second};
}

std::vector<ClassId> classes_of(const nb::dict& dict, const char* key) {
  return class_ids_of(get<std::vector<std::uint32_t>>(dict, key));
}

CropSpec crop_of(const nb::dict& dict) {
  using Where = CropSpec::Where;
  CropSpec crop;
  crop.where = choose<Where>(dict, "crop",
                             {{"none", Where::none},
                              {"center", Where::centre},
                              {"random", Where::random},
                              {"foreground", Where::foreground}});
  crop.size = size_of(dict, "crop_size");
  crop.classes = classes_of(dict, "crop_classes");
  crop.probability = get<double>(dict, "crop_probability");
  return crop;
}

IntensitySpec intensity_of(const nb::dict& dict) {
  using Kind = IntensitySpec::Kind;
  IntensitySpec intensity;
  intensity.kind = choose<Kind>(dict, "intensity",
                                {{"none", Kind::none},
                                 {"window", Kind::window},
                                 {"percentile", Kind::percentile},
                                 {"min_max", Kind::min_max},
                                 {"z_score", Kind::z_score},
                                 {"mean_std", Kind::mean_std}});
  std::tie(intensity.level, intensity.width) = get<std::pair<double, double>>(dict, "window");
  std::tie(intensity.lower, intensity.upper) = get<std::pair<double, double>>(dict, "percentiles");
  intensity.mean = get<std::vector<double>>(dict, "mean");
  intensity.std = get<std::vector<double>>(dict, "std");
  intensity.range = get<std::optional<std::array<double, 2>>>(dict, "range");
  return intensity;
}

TargetSpec targets_of(const nb::dict& dict) {
  TargetSpec targets;
  targets.classes = classes_of(dict, "classes");
  targets.mask_channels = get<bool>(dict, "masks");
  targets.label_map = get<bool>(dict, "label_map");
  targets.labels = get<bool>(dict, "labels");
  targets.instances = get<bool>(dict, "instances");
  targets.instance.one_random = get<bool>(dict, "one_instance");
  targets.instance.area_min = get<std::uint64_t>(dict, "min_area");
  targets.instance.positive_points = get<std::uint32_t>(dict, "positive_points");
  targets.instance.negative_points = get<std::uint32_t>(dict, "negative_points");
  targets.instance.box_jitter = get<std::uint32_t>(dict, "box_jitter");
  return targets;
}

}  // namespace

PixelType pixel_type_of(const std::string& numpy_name) {
  static const std::map<std::string, PixelType> kNames = {
      {"uint8", PixelType::u8},    {"int8", PixelType::i8},     {"uint16", PixelType::u16},
      {"int16", PixelType::i16},   {"uint32", PixelType::u32},  {"int32", PixelType::i32},
      {"float16", PixelType::f16}, {"float32", PixelType::f32}, {"float64", PixelType::f64}};
  const auto found = kNames.find(numpy_name);
  if (found == kNames.end()) {
    throw Error(ErrorCode::bad_argument, "dtype: '" + numpy_name + "' is no pixel type");
  }
  return found->second;
}

BatchSpec batch_spec_of(const nb::dict& dict) {
  BatchSpec spec;
  spec.size = size_of(dict, "size");
  spec.image = get<bool>(dict, "image");
  spec.pixel_type = pixel_type_of(get<std::string>(dict, "dtype"));
  spec.layout = choose<Layout>(dict, "layout", {{"chw", Layout::nchw}, {"hwc", Layout::nhwc}});
  spec.channels = choose<ChannelPolicy>(
      dict, "channels",
      {{"keep", ChannelPolicy::keep}, {"rgb", ChannelPolicy::rgb}, {"gray", ChannelPolicy::gray}});
  spec.crop = crop_of(dict);
  spec.resize = choose<ResizeKind>(
      dict, "resize",
      {{"none", ResizeKind::none}, {"fit", ResizeKind::fit}, {"stretch", ResizeKind::stretch}});
  spec.filter = choose<ImageFilter>(dict, "interpolation",
                                    {{"bilinear", ImageFilter::bilinear},
                                     {"area", ImageFilter::area},
                                     {"nearest", ImageFilter::nearest}});
  spec.pad.value = get<double>(dict, "pad_value");
  spec.pad.align = choose<PadSpec::Align>(
      dict, "pad_align",
      {{"center", PadSpec::Align::centre}, {"top_left", PadSpec::Align::top_left}});
  spec.augment.flip_horizontal = get<double>(dict, "flip_horizontal");
  spec.augment.flip_vertical = get<double>(dict, "flip_vertical");
  spec.augment.rot90 = get<bool>(dict, "rot90");
  spec.intensity = intensity_of(dict);
  spec.targets = targets_of(dict);
  return spec;
}

}  // namespace slicebank::python
