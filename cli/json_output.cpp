#include "cli/json_output.h"

namespace slicebank::cli {
namespace {

Json text_or_null(const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); }

}  // namespace

Json to_json(const SampleRow& row) {
  Json masks = Json::array();
  for (const MaskRow& mask : row.masks) {
    masks.push_back({{"class", mask.class_name},
                     {"raw_class", mask.raw_class},
                     {"instance", mask.instance},
                     {"area", mask.area},
                     {"box", to_json(mask.box)}});
  }
  return {{"id", raw(row.id)},
          {"dataset", row.dataset},
          {"modality", text_or_null(row.modality)},
          {"sequence", text_or_null(row.sequence)},
          {"region", text_or_null(row.region)},
          {"patient", row.patient},
          {"volume", row.volume},
          {"axis", row.axis},
          {"slice", row.slice},
          {"name", row.name},
          {"width", row.shape.width},
          {"height", row.shape.height},
          {"channels", row.shape.channels},
          {"pixel_type", pixel_type_name(row.shape.pixel_type)},
          {"official_split", text_or_null(row.official_split)},
          {"masks", std::move(masks)}};
}

Json to_json(const SqlValue& value) {
  return std::visit(
      [](const auto& held) -> Json {
        if constexpr (std::is_same_v<std::decay_t<decltype(held)>, std::monostate>) {
          return nullptr;
        } else {
          return held;
        }
      },
      value);
}

}  // namespace slicebank::cli
