#include "query/internal/filter_fields.h"

#include "query/filter.h"

namespace slicebank {

const std::vector<Field>& field_table() {
  using T = FieldType;
  using P = FieldPlace;
  static const std::vector<Field> table = {
      {"modality", T::text, P::sample, "CT, MR, X-ray, ...; aliases such as 'mri' are understood"},
      {"sequence", T::text, P::sample, "what was weighted: T1, T1ce, FLAIR, ADC"},
      {"region", T::text, P::sample,
       "body region of the dataset, or, where that is unknown, of the sample's classes"},
      {"dataset", T::text, P::sample, "name of the dataset, as it was imported"},
      {"patient", T::text, P::sample, "the dataset's own id of the person"},
      {"subject", T::number, P::sample, "the bank's number of the person in that dataset"},
      {"volume", T::text, P::sample, "key of the scan inside its dataset"},
      {"name", T::text, P::sample, "stem of the file the sample came from"},
      {"id", T::number, P::sample, "the sample's number in this bank"},
      {"axis", T::text, P::sample, "'2d' for an image, else the axis it was cut along: x, y, z"},
      {"slice", T::number, P::sample, "place along the axis, from 0"},
      {"width", T::number, P::sample, "pixels"},
      {"height", T::number, P::sample, "pixels"},
      {"channels", T::number, P::sample, "1 to 32"},
      {"pixel_type", T::text, P::sample, "u8, i8, u16, i16, u32, i32, f16, f32, f64"},
      {"masks", T::number, P::sample, "how many masks it has"},
      {"labels", T::number, P::sample, "how many image-level labels it has"},
      {"spacing_x", T::number, P::sample, "millimetres"},
      {"spacing_y", T::number, P::sample, "millimetres"},
      {"spacing_z", T::number, P::sample, "millimetres"},
      {"official_split", T::text, P::sample, "the side its dataset gives it: train, valid, ..."},
      {"class", T::text, P::finding, "canonical class; finds the classes below it, too"},
      {"raw_class", T::text, P::finding, "the dataset's own name of the class"},
      {"class_region", T::text, P::finding, "body region of the class"},
      {"side", T::text, P::finding, "'left' or 'right' of the class"},
      {"lesion", T::flag, P::finding, "a finding rather than anatomy"},
      {"area", T::number, P::mask, "pixels of the mask"},
      {"area_fraction", T::number, P::mask, "area / (width * height), 0 to 1"},
      {"instance", T::number, P::mask, "number of the object, as the source counts"},
      {"touches_border", T::flag, P::mask, "the mask's box reaches an edge of the image"},
      {"box_width", T::number, P::mask, "pixels"},
      {"box_height", T::number, P::mask, "pixels"},
      {"x0", T::number, P::mask, "left column of the mask's box"},
      {"y0", T::number, P::mask, "top row of the mask's box"},
      {"x1", T::number, P::mask, "column right of the mask's box"},
      {"y1", T::number, P::mask, "row below the mask's box"},
  };
  return table;
}

const Field* find_field(std::string_view name) {
  for (const Field& field : field_table()) {
    if (field.name == name) return &field;
  }
  return nullptr;
}

const std::vector<FieldInfo>& filter_fields() {
  static const std::vector<FieldInfo> fields = [] {
    std::vector<FieldInfo> all;
    for (const Field& field : field_table()) {
      const char* type = field.type == FieldType::text     ? "text"
                         : field.type == FieldType::number ? "number"
                                                           : "yes/no";
      all.push_back({std::string(field.name), type, field.place != FieldPlace::sample,
                     std::string(field.meaning)});
    }
    return all;
  }();
  return fields;
}

}  // namespace slicebank
