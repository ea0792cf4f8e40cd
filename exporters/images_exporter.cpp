// Plain folders of PNG images and masks with a table (docs/exporters/images.md).
#include <fmt/format.h>

#include <array>
#include <map>
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

constexpr const char* kIndexFile = "index.csv";
constexpr const char* kClassesFile = "classes.json";
constexpr std::string_view kIndexHeader =
    "image,mask,dataset,patient,volume,modality,sequence,source_modality,axis,slice,name,width,"
    "height,channels,pixel_type,spacing_x_mm,spacing_y_mm,spacing_z_mm,official_split,labels,"
    "class,raw_class,raw_code,instance,area,x0,y0,x1,y1,sample_id\r\n";

// A field of RFC 4180: in quotes where it must be.
std::string csv_field(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(text);
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"') quoted.push_back('"');
    quoted.push_back(c);
  }
  return quoted + '"';
}

std::string csv_row(const std::vector<std::string>& fields) {
  std::string row;
  for (const auto& field : fields) {
    if (&field != &fields.front()) row.push_back(',');
    row += csv_field(field);
  }
  return row + "\r\n";
}

std::string image_stem(const Loaded& loaded, unsigned attempt) {
  const SampleInfo& info = loaded.info;
  std::string stem = info.name;
  if (stem.empty() || attempt > 0) {
    stem = loaded.origin->volume.key;
    if (info.axis != Axis::none) {
      stem += fmt::format("_{}{:04}", axis_name(info.axis), info.slice_index);
    }
    if (attempt > 0 && !info.name.empty()) stem += "_" + info.name;
    if (attempt > 1) stem += fmt::format("_{}", attempt);
  }
  return safe_file_name(stem);
}

// One export. One thread.
class Run {
 public:
  Run(const ExportSource& source, ExportSink& sink) : source_(source), sink_(sink) {
    sink_.append(kIndexFile, kIndexHeader);
  }

  std::uint64_t take(SliceFiles&& files);
  void finish();

 private:
  std::vector<std::string> image_fields(const Loaded& loaded) const;
  std::string labels_of(const Loaded& loaded) const;

  const ExportSource& source_;
  ExportSink& sink_;
  std::map<std::string, std::shared_ptr<const Origin>> datasets_;  // by name; any of its volumes
  MetadataLosses metadata_{HeldMetadata{.modality = true,
                                        .position = true,
                                        .spacing = true,
                                        .official_split = true,
                                        .patient_id = true,
                                        .labels = true}};
};

// "pneumonia=1; edema=0"
std::string Run::labels_of(const Loaded& loaded) const {
  std::string text;
  for (const Label& label : loaded.sample.labels) {
    if (!text.empty()) text += "; ";
    text +=
        class_words(*loaded.origin->dataset, source_.taxonomy(), label.raw_class, label.class_id)
            .name +
        fmt::format("={}", label.value);
  }
  return text;
}

// The columns from dataset to labels.
std::vector<std::string> Run::image_fields(const Loaded& loaded) const {
  const SampleInfo& info = loaded.info;
  const VolumeInfo& volume = loaded.origin->volume;
  const ModalityInfo* modality = source_.taxonomy().modality(volume.modality);
  const SequenceInfo* sequence = source_.taxonomy().sequence(volume.sequence);
  std::array<std::string, 3> spacing;
  for (std::size_t i = 0; i < 3; ++i) {
    if (volume.spacing_xyz_mm) spacing[i] = fmt::format("{}", (*volume.spacing_xyz_mm)[i]);
  }
  return {loaded.origin->dataset->name,
          loaded.origin->patient_id,
          volume.key,
          modality == nullptr ? "" : modality->name,
          sequence == nullptr ? "" : sequence->name,
          volume.source_modality,
          axis_name(info.axis),
          fmt::format("{}", info.slice_index),
          info.name,
          fmt::format("{}", info.shape.width),
          fmt::format("{}", info.shape.height),
          fmt::format("{}", info.shape.channels),
          pixel_type_name(info.shape.pixel_type),
          spacing[0],
          spacing[1],
          spacing[2],
          volume.official_split,
          labels_of(loaded)};
}

std::uint64_t Run::take(SliceFiles&& files) {
  const Loaded& loaded = files.loaded;
  const Origin& origin = *loaded.origin;
  metadata_.observe(loaded.info, origin);
  datasets_.emplace(origin.dataset->name, loaded.origin);
  const std::string folder = safe_file_name(origin.dataset->name) + "/";
  const std::string stem = write_under_free_stem(
      sink_, loaded.info.id, "images/" + folder,
      [&](unsigned attempt) { return image_stem(loaded, attempt); }, files.image_png);

  const std::vector<std::string> middle = image_fields(loaded);
  const auto row = [&](const std::string& mask, const std::vector<std::string>& end) {
    std::vector<std::string> fields = {"images/" + folder + stem + ".png", mask};
    fields.insert(fields.end(), middle.begin(), middle.end());
    fields.insert(fields.end(), end.begin(), end.end());
    fields.push_back(fmt::format("{}", raw(loaded.info.id)));
    sink_.append(kIndexFile, csv_row(fields));
  };

  std::set<std::pair<std::string, std::uint32_t>> taken;
  const auto& masks = loaded.sample.masks;
  for (std::size_t i = 0; i < masks.size(); ++i) {
    const auto words =
        class_words(*origin.dataset, source_.taxonomy(), masks[i].raw_class, masks[i].class_id);
    const ClassInfo* info = source_.taxonomy().class_info(masks[i].class_id);
    const std::string name = safe_file_name(words.name);
    std::uint32_t instance = masks[i].instance;
    while (!taken.emplace(name, instance).second) ++instance;
    if (instance != masks[i].instance) {
      sink_.loss(loaded.info.id,
                 fmt::format("instance {} of {} stands there twice; one is renumbered {}",
                             masks[i].instance, words.name, instance));
    }
    // Names may hold "--" themselves, so masks of two images can want one name.
    const std::string mask_stem = write_under_free_stem(
        sink_, loaded.info.id, "masks/" + folder,
        [&](unsigned attempt) {
          const std::string again = attempt == 0 ? "" : fmt::format("_{}", attempt + 1);
          return fmt::format("{}--{}_{}{}", stem, name, instance, again);
        },
        files.mask_pngs[i]);
    const std::string path = fmt::format("masks/{}{}.png", folder, mask_stem);
    const AnnotationInfo& annotation = loaded.info.annotations[i];
    row(path, {info == nullptr ? "" : info->name, words.name, words.code,
               fmt::format("{}", instance), fmt::format("{}", annotation.area),
               fmt::format("{}", annotation.box.x0), fmt::format("{}", annotation.box.y0),
               fmt::format("{}", annotation.box.x1), fmt::format("{}", annotation.box.y1)});
  }
  if (masks.empty()) row("", {"", "", "", "", "", "", "", "", ""});
  return masks.size();
}

void Run::finish() {
  std::string text = "{";
  for (const auto& [name, origin] : datasets_) {
    text += fmt::format("{}\n  {}: [", text.size() == 1 ? "" : ",", json_string(name));
    bool first = true;
    for (const RawClass& words : origin->dataset->classes) {
      const ClassInfo* info = source_.taxonomy().class_info(words.class_id);
      text += fmt::format("{}\n    {{\"name\": {}, \"code\": {}, \"class\": {}}}", first ? "" : ",",
                          json_string(words.name), json_string(words.code),
                          json_string(info == nullptr ? "" : info->name));
      first = false;
    }
    text += "\n  ]";
  }
  sink_.append(kClassesFile, text + "\n}\n");
  metadata_.say(sink_, "images");
}

class ImagesExporter final : public Exporter {
 public:
  std::string_view name() const override { return "images"; }
  std::string_view summary() const override {
    return "plain folders: PNG images and masks by dataset, a CSV table, a class list";
  }

  ExportCounts write(const Selection& selection, const ExportOptions& options,
                     ExportSink& sink) const override {
    check_settings(options, {"window"});
    SliceRules rules;
    rules.layout = "images";
    rules.window = window_setting(options);
    rules.sixteen_bit = true;
    rules.empty_masks = true;
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

std::unique_ptr<Exporter> make_images_exporter() {
  return std::make_unique<exporting::ImagesExporter>();
}

}  // namespace slicebank
