// What SAM-Med2D trains on: images/, masks/ and a JSON for each direction
// (docs/exporters/sam-med2d.md).
#include <fmt/format.h>

#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "exporters/exporter.h"
#include "exporters/internal/export_source.h"
#include "exporters/internal/file_names.h"
#include "exporters/internal/json_text.h"
#include "exporters/internal/metadata_losses.h"
#include "exporters/internal/origin.h"
#include "exporters/internal/settings.h"
#include "exporters/internal/slice_files.h"
#include "exporters/internal/window.h"

namespace slicebank::exporting {
namespace {

constexpr const char* kTrainFile = "image2label_train.json";
constexpr const char* kTestFile = "label2image_test.json";

// Where the paths in the JSONs begin: "" or a folder with a slash behind it.
std::string path_prefix(const ExportOptions& options, const ExportSink& sink) {
  std::string prefix = setting(options, "prefix", sink.destination_name());
  if (!prefix.empty() && prefix.back() != '/') prefix += '/';
  return prefix;
}

// Stem of an image: the sample's own name, else volume, axis and slice.
std::string image_stem(const Loaded& loaded, unsigned attempt) {
  const SampleInfo& info = loaded.info;
  const VolumeInfo& volume = loaded.origin->volume;
  std::string stem = plain_or_safe(info.name);
  if (info.name.empty() || attempt > 0) {
    stem = volume.key;
    if (attempt > 0) stem = loaded.origin->dataset->name + "_" + stem;
    if (info.axis != Axis::none) {
      stem += fmt::format("_{}{:04}", axis_name(info.axis), info.slice_index);
    }
    if (attempt > 0 && !info.name.empty()) stem += "_" + info.name;
    if (attempt > 1) stem += fmt::format("_{}", attempt);
    stem = plain_or_safe(stem);
  }
  return stem;
}

// One export. One thread.
class Run {
 public:
  Run(const ExportSource& source, const ExportOptions& options, ExportSink& sink)
      : source_(source),
        sink_(sink),
        prefix_(path_prefix(options, sink)),
        mode_(choice_setting(options, "mode", "both", {"train", "test", "both"})),
        train_(mode_ != "test"),
        test_(mode_ != "train"),
        metadata_(HeldMetadata{.split_said = mode_}) {
    if (train_) sink_.append(kTrainFile, "{");
    if (test_) sink_.append(kTestFile, "{");
  }

  std::uint64_t take(SliceFiles&& files);
  void finish();

 private:
  std::vector<std::string> write_masks(const std::string& stem, const SliceFiles& files);
  void list(const std::string& stem, const std::vector<std::string>& mask_paths);

  const ExportSource& source_;
  ExportSink& sink_;
  std::string prefix_;
  std::string mode_;
  bool train_;
  bool test_;
  bool first_image_ = true;
  bool first_mask_ = true;
  MetadataLosses metadata_;
};

// Paths relative to the destination.
std::vector<std::string> Run::write_masks(const std::string& stem, const SliceFiles& files) {
  const auto& masks = files.loaded.sample.masks;
  const SampleId id = files.loaded.info.id;
  std::vector<std::string> paths;
  std::set<std::pair<std::string, std::uint32_t>> taken;
  for (std::size_t i = 0; i < masks.size(); ++i) {
    if (files.mask_pngs[i].empty()) continue;
    const std::string word = class_words(*files.loaded.origin->dataset, source_.taxonomy(),
                                         masks[i].raw_class, masks[i].class_id)
                                 .name;
    std::string name = plain_or_safe(word);
    if (stem.size() + name.size() + 20 > kFileNameBytesMax) name = safe_file_name(word + "\n");
    if (name != word) {
      sink_.loss(
          id, fmt::format("the class '{}' is called {}: its name cannot stand in a file name", word,
                          name));
    }
    std::uint32_t instance = masks[i].instance;
    while (!taken.emplace(name, instance).second) ++instance;
    // Class names hold '_', so masks of two images can want one name: a + b_c, a_b + c.
    const std::string mask_stem = write_under_free_stem(
        sink_, id, "masks/",
        [&](unsigned attempt) {
          return fmt::format("{}_{}_{:03}", stem, name, instance + 100 * attempt);
        },
        files.mask_pngs[i]);
    if (instance != masks[i].instance) {
      sink_.loss(id, fmt::format("instance {} of {} stands there twice; one is renumbered {}",
                                 masks[i].instance, word, instance));
    }
    paths.push_back("masks/" + mask_stem + ".png");
  }
  return paths;
}

void Run::list(const std::string& stem, const std::vector<std::string>& mask_paths) {
  const std::string image = json_string(prefix_ + "images/" + stem + ".png");
  if (train_ && !mask_paths.empty()) {
    std::string text = fmt::format("{}\n    {}: [", first_image_ ? "" : ",", image);
    for (std::size_t i = 0; i < mask_paths.size(); ++i) {
      text +=
          fmt::format("{}\n        {}", i == 0 ? "" : ",", json_string(prefix_ + mask_paths[i]));
    }
    sink_.append(kTrainFile, text + "\n    ]");
    first_image_ = false;
  }
  if (!test_) return;
  for (const auto& path : mask_paths) {
    sink_.append(kTestFile, fmt::format("{}\n    {}: {}", first_mask_ ? "" : ",",
                                        json_string(prefix_ + path), image));
    first_mask_ = false;
  }
}

std::uint64_t Run::take(SliceFiles&& files) {
  const SampleInfo& info = files.loaded.info;
  metadata_.observe(info, *files.loaded.origin);
  const std::string stem = write_under_free_stem(
      sink_, info.id, "images/",
      [&](unsigned attempt) { return image_stem(files.loaded, attempt); }, files.image_png);
  if (!info.name.empty() && stem != info.name && !is_plain_name(info.name)) {
    sink_.loss(info.id, fmt::format("renamed to {}: its name cannot be a file name", stem));
  }
  const auto mask_paths = write_masks(stem, files);
  if (mask_paths.empty()) {
    sink_.loss(info.id,
               "has no mask: the image is written but not listed, because SAM-Med2D "
               "fails on an image without one");
  }
  list(stem, mask_paths);
  return mask_paths.size();
}

void Run::finish() {
  if (train_) sink_.append(kTrainFile, "\n}\n");
  if (test_) sink_.append(kTestFile, "\n}\n");
  metadata_.say(sink_, "sam-med2d");
}

class SamMed2dExporter final : public Exporter {
 public:
  std::string_view name() const override { return "sam-med2d"; }
  std::string_view summary() const override {
    return "SAM-Med2D training folder: 8-bit PNGs, image2label and label2image JSONs";
  }

  ExportCounts write(const Selection& selection, const ExportOptions& options,
                     ExportSink& sink) const override {
    check_settings(options, {"mode", "prefix", "window"});
    SliceRules rules;
    rules.layout = "sam-med2d";
    rules.window = window_setting(options);
    rules.source_values = true;
    const ExportSource source(selection);
    Run run(source, options, sink);
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

std::unique_ptr<Exporter> make_sam_med2d_exporter() {
  return std::make_unique<exporting::SamMed2dExporter>();
}

}  // namespace slicebank
