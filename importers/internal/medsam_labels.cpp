#include "importers/internal/medsam_labels.h"

namespace slicebank::medsam {

void add_masks(const std::set<std::uint32_t>& labels,
               const std::map<std::uint32_t, std::string>& classes, const std::string& path,
               SourceItem& item) {
  for (const std::uint32_t label : labels) {
    MaskSource mask;
    mask.path = path;
    mask.class_code = std::to_string(label);
    mask.values = {label};
    const auto named = classes.find(label);
    if (named != classes.end()) {
      mask.class_name = named->second;
    } else {
      mask.class_name = "label " + mask.class_code;
      mask.meaning = item.dataset + " " + mask.class_name;
    }
    item.masks.push_back(std::move(mask));
  }
}

}  // namespace slicebank::medsam
