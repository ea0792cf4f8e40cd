#include <algorithm>
#include <memory>
#include <string_view>
#include <vector>

#include "importers/importer.h"

namespace slicebank {

// One SLICEBANK_IMPORTER(stem) a file <stem>_importer.cpp; CMake writes the list.
#define SLICEBANK_IMPORTER(stem) std::unique_ptr<Importer> make_##stem##_importer();
#include "importer_list.inc"
#undef SLICEBANK_IMPORTER

const std::vector<std::unique_ptr<Importer>>& importers() {
  static const std::vector<std::unique_ptr<Importer>> all = [] {
    std::vector<std::unique_ptr<Importer>> made;
#define SLICEBANK_IMPORTER(stem) made.push_back(make_##stem##_importer());
#include "importer_list.inc"
#undef SLICEBANK_IMPORTER
    std::sort(made.begin(), made.end(),
              [](const auto& a, const auto& b) { return a->name() < b->name(); });
    return made;
  }();
  return all;
}

const Importer* find_importer(std::string_view name) {
  for (const auto& importer : importers()) {
    if (importer->name() == name) return importer.get();
  }
  return nullptr;
}

std::vector<Recognised> recognise(const std::filesystem::path& root) {
  std::vector<Recognised> found;
  for (const auto& importer : importers()) {
    Recognition recognition = importer->recognise(root);
    if (recognition.score > 0) found.push_back({importer.get(), std::move(recognition)});
  }
  std::stable_sort(found.begin(), found.end(), [](const Recognised& a, const Recognised& b) {
    return a.recognition.score > b.recognition.score;
  });
  return found;
}

}  // namespace slicebank
