#include <algorithm>
#include <memory>
#include <string_view>
#include <vector>

#include "exporters/exporter.h"

namespace slicebank {

#define SLICEBANK_EXPORTER(stem) std::unique_ptr<Exporter> make_##stem##_exporter();
#include "exporter_list.inc"
#undef SLICEBANK_EXPORTER

const std::vector<std::unique_ptr<Exporter>>& exporters() {
  static const std::vector<std::unique_ptr<Exporter>> all = [] {
    std::vector<std::unique_ptr<Exporter>> made;
#define SLICEBANK_EXPORTER(stem) made.push_back(make_##stem##_exporter());
#include "exporter_list.inc"
#undef SLICEBANK_EXPORTER
    std::sort(made.begin(), made.end(),
              [](const auto& a, const auto& b) { return a->name() < b->name(); });
    return made;
  }();
  return all;
}

const Exporter* find_exporter(std::string_view name) {
  for (const auto& exporter : exporters()) {
    if (exporter->name() == name) return exporter.get();
  }
  return nullptr;
}

}  // namespace slicebank
