// SA-Med2D-20M, version 1: images/, masks/ and two JSONs (docs/exporters/sa-med2d.md).
#include <fmt/format.h>

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "exporters/exporter.h"
#include "exporters/internal/export_source.h"
#include "exporters/internal/json_text.h"
#include "exporters/internal/metadata_losses.h"
#include "exporters/internal/origin.h"
#include "exporters/internal/sa_med2d_names.h"
#include "exporters/internal/settings.h"
#include "exporters/internal/slice_files.h"
#include "exporters/internal/window.h"

namespace slicebank::exporting {
namespace {

constexpr const char* kPairsFile = "SAMed2D_v1.json";
constexpr const char* kClassesFile = "SAMed2D_v1_class_mapping_id.json";
constexpr std::uint32_t kInstancesMax = 1000;  // three digits

struct DatasetNames {
  std::string field;
  sa_med2d::ClassCodes codes;
};

// One export: what is known so far of names and codes. One thread.
class Run {
 public:
  Run(const ExportSource& source, ExportSink& sink) : source_(source), sink_(sink) {
    sink_.append(kPairsFile, "{");
  }

  std::uint64_t take(SliceFiles&& files);
  void finish();

 private:
  DatasetNames& names_of(const DatasetInfo& dataset);

  const ExportSource& source_;
  ExportSink& sink_;
  MetadataLosses metadata_{HeldMetadata{.modality = true, .position = true, .all_covered = true}};
  std::map<DatasetId, DatasetNames> datasets_;
  std::set<std::string> fields_;
  bool first_ = true;
};

DatasetNames& Run::names_of(const DatasetInfo& dataset) {
  const auto known = datasets_.find(dataset.id);
  if (known != datasets_.end()) return known->second;
  std::string field = sa_med2d::dataset_field(dataset.name);
  while (!fields_.insert(field).second) field += "_2";
  if (field != dataset.name) {
    sink_.loss({},
               fmt::format("the dataset '{}' is called {}: its name cannot stand in a file name",
                           dataset.name, field));
  }
  DatasetNames names{field, sa_med2d::ClassCodes(dataset)};
  for (const auto& renamed : names.codes.renamed()) {
    sink_.loss({}, fmt::format("{}: two classes share a name; one is called '{}'", field, renamed));
  }
  return datasets_.emplace(dataset.id, std::move(names)).first->second;
}

std::uint64_t Run::take(SliceFiles&& files) {
  const Origin& origin = *files.loaded.origin;
  const SampleInfo& info = files.loaded.info;
  metadata_.observe(info, origin);
  DatasetNames& names = names_of(*origin.dataset);
  const std::string stem = write_under_free_stem(
      sink_, info.id, "images/",
      [&](unsigned attempt) {
        return sa_med2d::image_stem(origin, names.field, info, source_.taxonomy(), attempt);
      },
      files.image_png);

  std::vector<std::string> mask_paths;
  std::set<std::pair<std::string, std::uint32_t>> taken;
  const auto& masks = files.loaded.sample.masks;
  for (std::size_t i = 0; i < masks.size(); ++i) {
    if (files.mask_pngs[i].empty()) continue;
    const auto words =
        class_words(*origin.dataset, source_.taxonomy(), masks[i].raw_class, masks[i].class_id);
    const auto code = names.codes.code(masks[i].raw_class, words);
    if (!code) {
      sink_.loss(info.id,
                 fmt::format("the mask of {} is left out: all class codes are taken", words.name));
      continue;
    }
    std::uint32_t instance = masks[i].instance;
    while (!taken.emplace(*code, instance).second) ++instance;
    if (instance != masks[i].instance) {
      sink_.loss(info.id, fmt::format("instance {} of {} stands there twice; one is renumbered {}",
                                      masks[i].instance, words.name, instance));
    }
    if (instance >= kInstancesMax) {
      sink_.loss(info.id, fmt::format("instance {} of {} has more than the layout's three digits",
                                      instance, words.name));
    }
    mask_paths.push_back(fmt::format("masks/{}--{}_{:03}.png", stem, *code, instance));
    sink_.write(mask_paths.back(), files.mask_pngs[i]);
  }
  sink_.append(kPairsFile,
               fmt::format("{}\n  {}: {}", first_ ? "" : ",",
                           json_string("images/" + stem + ".png"), json_list(mask_paths)));
  first_ = false;
  return mask_paths.size();
}

void Run::finish() {
  sink_.append(kPairsFile, "\n}\n");
  std::map<std::string, const DatasetNames*> by_field;
  for (const auto& [id, names] : datasets_) by_field.emplace(names.field, &names);
  std::string text = "{";
  for (const auto& [field, names] : by_field) {
    text += fmt::format("{}\n  {}: {{", text.size() == 1 ? "" : ",", json_string(field));
    bool first = true;
    for (const auto& [name, code] : names->codes.entries()) {
      text += fmt::format("{}\n    {}: \"{}\"", first ? "" : ",", json_string(name), code);
      first = false;
    }
    text += "\n  }";
  }
  sink_.append(kClassesFile, text + "\n}\n");
  metadata_.say(sink_, "sa-med2d");
}

class SaMed2dExporter final : public Exporter {
 public:
  std::string_view name() const override { return "sa-med2d"; }
  std::string_view summary() const override {
    return "SA-Med2D-20M: 8-bit PNG slices, one PNG a mask, two JSONs";
  }

  ExportCounts write(const Selection& selection, const ExportOptions& options,
                     ExportSink& sink) const override {
    check_settings(options, {"window"});
    SliceRules rules;
    rules.layout = "sa-med2d";
    rules.window = window_setting(options);
    rules.source_values = true;
    const ExportSource source(selection);
    Run run(source, sink);
    const auto counts =
        for_each_slice(selection, source, options, rules, sink,
                       [&](SliceFiles&& files) { return run.take(std::move(files)); });
    run.finish();
    return counts;
  }
};

}  // namespace

}  // namespace slicebank::exporting

namespace slicebank {

std::unique_ptr<Exporter> make_sa_med2d_exporter() {
  return std::make_unique<exporting::SaMed2dExporter>();
}

}  // namespace slicebank
