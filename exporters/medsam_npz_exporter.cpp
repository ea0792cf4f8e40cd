// The npz cases of CVPR-2024 "MedSAM on Laptop" (docs/exporters/medsam-npz.md).
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "exporters/exporter.h"
#include "exporters/internal/case_groups.h"
#include "exporters/internal/export_source.h"
#include "exporters/internal/file_names.h"
#include "exporters/internal/json_text.h"
#include "exporters/internal/label_map.h"
#include "exporters/internal/metadata_losses.h"
#include "exporters/internal/ordered.h"
#include "exporters/internal/origin.h"
#include "exporters/internal/settings.h"
#include "exporters/internal/slice_files.h"
#include "exporters/internal/window.h"
#include "formats/npz.h"

namespace slicebank::exporting {
namespace {

constexpr const char* kClassesFile = "classes.json";
constexpr const char* kCasesFile = "cases.json";

struct NpzOptions {
  std::optional<Window> window;
  bool keep_all = false;
  bool test_names = false;  // 2D_ and 3D_ in front, as the challenge's scorer wants
};

// One slice as the format holds it.
struct Slice {
  SampleInfo info;
  std::vector<std::byte> pixels;  // u8, (H, W) where gray, else (H, W, 3)
  bool gray = false;
  std::vector<std::byte> labels_hw;
  std::uint64_t masks = 0;
};

// One npz, not named yet.
struct CaseFile {
  std::vector<std::byte> npz;
  std::vector<SampleInfo> samples;
  std::uint64_t masks = 0;
  bool volume = false;
};

struct MadeCase {
  const CaseGroup* group = nullptr;
  std::shared_ptr<const Origin> origin;
  std::vector<CaseFile> files;
  std::vector<ExportLoss> losses;
};

std::vector<std::byte> first_of_three(const std::vector<std::byte>& pixels_hwc) {
  std::vector<std::byte> gray_hw(pixels_hwc.size() / 3);
  for (std::size_t i = 0; i < gray_hw.size(); ++i) gray_hw[i] = pixels_hwc[3 * i];
  return gray_hw;
}

bool channels_are_equal(const std::vector<std::byte>& pixels_hwc) {
  for (std::size_t i = 0; i < pixels_hwc.size(); i += 3) {
    if (pixels_hwc[i] != pixels_hwc[i + 1] || pixels_hwc[i] != pixels_hwc[i + 2]) return false;
  }
  return true;
}

std::vector<std::byte> three_times(const std::vector<std::byte>& gray_hw) {
  std::vector<std::byte> pixels_hwc(gray_hw.size() * 3);
  for (std::size_t i = 0; i < gray_hw.size(); ++i) {
    std::fill_n(pixels_hwc.begin() + static_cast<std::ptrdiff_t>(3 * i), 3, gray_hw[i]);
  }
  return pixels_hwc;
}

// Nothing, with a word in `losses`, when the format cannot hold the slice.
std::optional<Slice> make_slice(const ExportSource& source, const ClassNumbers& numbers,
                                SampleId id, const NpzOptions& options,
                                std::vector<ExportLoss>& losses) {
  auto loaded = source.load(id);
  if (!loaded) {
    losses.push_back({id, "left out: was deleted after the selection was made"});
    return std::nullopt;
  }
  Image& image = loaded->sample.image;
  if (image.shape.channels != 1 && image.shape.channels != 3) {
    losses.push_back({id, fmt::format("left out: {} channels; medsam-npz holds gray and RGB",
                                      image.shape.channels)});
    return std::nullopt;
  }
  if (image.shape.pixel_type != PixelType::u8) {
    if (!options.window || image.shape.channels != 1) {
      losses.push_back({id, fmt::format("left out: {} pixels; medsam-npz holds 8 bit (the setting "
                                        "window=level/width maps single-channel images)",
                                        pixel_type_name(image.shape.pixel_type))});
      return std::nullopt;
    }
    image = apply_window(image.view(), *options.window);
  }
  const auto name = [&](std::size_t i) {
    const AnnotationInfo& annotation = loaded->info.annotations[i];
    return canonical_class_name(source, *loaded->origin, annotation.raw_class, annotation.class_id);
  };
  auto map = paint_labels(
      *loaded,
      [&](std::size_t i) { return numbers.number(loaded->info.annotations[i].class_id, name(i)); },
      name);
  for (auto& message : map.losses) losses.push_back({id, std::move(message)});

  Slice slice;
  slice.info = std::move(loaded->info);
  slice.masks = map.masks;
  const auto labels = std::as_bytes(std::span(map.labels_hw));
  slice.labels_hw.assign(labels.begin(), labels.end());
  slice.pixels = std::move(image.image_hwc);
  slice.gray = image.shape.channels == 1;
  if (!slice.gray && channels_are_equal(slice.pixels)) {
    slice.pixels = first_of_three(slice.pixels);
    slice.gray = true;
  }
  return slice;
}

CaseFile flat_case(Slice&& slice) {
  const std::uint64_t height = slice.info.shape.height;
  const std::uint64_t width = slice.info.shape.width;
  if (slice.gray) slice.pixels = three_times(slice.pixels);
  CaseFile file;
  file.masks = slice.masks;
  file.npz = npz::encode_npz({{"imgs", {"|u1", {height, width, 3}, std::move(slice.pixels)}},
                              {"gts", {"|u1", {height, width}, std::move(slice.labels_hw)}}});
  file.samples.push_back(std::move(slice.info));
  return file;
}

// Millimetres along the array's axes in the order width, height, depth. An x slice is
// (z, y), a y slice (z, x), a z slice (y, x).
std::array<double, 3> spacing_whd(const VolumeInfo& volume, Axis axis) {
  if (!volume.spacing_xyz_mm) return {1, 1, 1};
  const auto& [x, y, z] = *volume.spacing_xyz_mm;
  if (axis == Axis::x) return {y, z, x};
  if (axis == Axis::y) return {x, z, y};
  return {x, y, z};
}

CaseFile volume_case(std::vector<Slice>&& slices, const Origin& origin) {
  CaseFile file;
  file.volume = true;
  const std::uint64_t depth = slices.size();
  const std::uint64_t height = slices.front().info.shape.height;
  const std::uint64_t width = slices.front().info.shape.width;
  const auto spacing = spacing_whd(origin.volume, slices.front().info.axis);
  npz::Array images{"|u1", {depth, height, width}, {}};
  npz::Array labels{"|u1", {depth, height, width}, {}};
  npz::Array spacings{"<f8", {3}, std::vector<std::byte>(sizeof spacing)};
  std::memcpy(spacings.data.data(), spacing.data(), sizeof spacing);
  images.data.reserve(depth * height * width);
  labels.data.reserve(depth * height * width);
  for (Slice& slice : slices) {
    images.data.insert(images.data.end(), slice.pixels.begin(), slice.pixels.end());
    labels.data.insert(labels.data.end(), slice.labels_hw.begin(), slice.labels_hw.end());
    file.masks += slice.masks;
    file.samples.push_back(std::move(slice.info));
    slice = {};
  }
  file.npz = npz::encode_npz(
      {{"imgs", std::move(images)}, {"gts", std::move(labels)}, {"spacing", std::move(spacings)}});
  return file;
}

MadeCase make_case(const ExportSource& source, const Cases& cases, const CaseGroup& group,
                   const NpzOptions& options) {
  MadeCase made;
  made.group = &group;
  made.origin = source.origin(group.volume_id);
  std::vector<Slice> slices;
  for (const SampleId id : group.samples) {
    auto slice = make_slice(source, cases.numbers, id, options, made.losses);
    if (slice) slices.push_back(std::move(*slice));
  }
  const bool gray =
      std::all_of(slices.begin(), slices.end(), [](const Slice& slice) { return slice.gray; });
  if (group.samples.size() > 1 && slices.size() > 1 && gray) {
    made.files.push_back(volume_case(std::move(slices), *made.origin));
  } else {
    for (Slice& slice : slices) made.files.push_back(flat_case(std::move(slice)));
  }
  return made;
}

// The word that begins a file name: what readers of the challenge's data look for.
std::string modality_word(const Origin& origin, const Taxonomy& taxonomy) {
  const ModalityInfo* modality = taxonomy.modality(origin.volume.modality);
  if (modality == nullptr) return "Unknown";
  if (modality->name == "X-ray") return "X-Ray";
  if (modality->name == "Ultrasound") return "US";
  return modality->name;
}

std::string case_stem(const MadeCase& made, const CaseFile& file, const Taxonomy& taxonomy,
                      const NpzOptions& options, unsigned attempt) {
  const VolumeInfo& volume = made.origin->volume;
  const SampleInfo& first = file.samples.front();
  std::string stem = fmt::format("{}_{}_{}", modality_word(*made.origin, taxonomy),
                                 made.origin->dataset->name, case_name(volume));
  if (const SequenceInfo* sequence = taxonomy.sequence(volume.sequence)) {
    stem += "_" + sequence->name;
  }
  if (file.volume) {
    if (first.axis != Axis::z) stem += fmt::format("_{}", axis_name(first.axis));
  } else {
    if (first.axis != Axis::none) {
      stem += fmt::format("_{}{:04}", axis_name(first.axis), first.slice_index);
    }
    if (made.group->one_of_many && !first.name.empty()) stem += "_" + first.name;
  }
  if (attempt > 0) stem += fmt::format("_{}", attempt + 1);
  if (options.test_names) stem.insert(0, file.volume ? "3D_" : "2D_");
  return safe_file_name(stem);
}

// One export. One thread.
class Run {
 public:
  Run(const ExportSource& source, const NpzOptions& options, ExportSink& sink)
      : source_(source), options_(options), sink_(sink) {
    sink_.append(kCasesFile, "{");
  }

  void take(MadeCase&& made);
  ExportCounts finish(const ClassNumbers& numbers);

 private:
  void list(const std::string& file_name, const MadeCase& made, const CaseFile& file);

  const ExportSource& source_;
  const NpzOptions& options_;
  ExportSink& sink_;
  ExportCounts counts_;
  bool first_ = true;
  MetadataLosses flat_{HeldMetadata{.modality = true, .position = true}};
  MetadataLosses volumes_{HeldMetadata{.modality = true, .position = true, .spacing = true}};
};

void Run::take(MadeCase&& made) {
  for (const auto& loss : made.losses) sink_.loss(loss.sample, loss.message);
  for (const CaseFile& file : made.files) {
    const std::string stem = write_under_free_stem(
        sink_, file.samples.front().id, "",
        [&](unsigned attempt) {
          return case_stem(made, file, source_.taxonomy(), options_, attempt);
        },
        file.npz, ".npz");
    for (const auto& info : file.samples) {
      (file.volume ? volumes_ : flat_).observe(info, *made.origin);
    }
    if (file.volume && !made.origin->volume.spacing_xyz_mm) {
      sink_.loss(file.samples.front().id,
                 stem + ": its voxel spacing is not known; 1 mm is written");
    }
    list(stem + ".npz", made, file);
    counts_.samples += file.samples.size();
    counts_.masks += file.masks;
  }
}

// The format loses which slices of the volume a case holds; cases.json keeps it.
void Run::list(const std::string& file_name, const MadeCase& made, const CaseFile& file) {
  std::string slices;
  std::string samples;
  for (const auto& info : file.samples) {
    slices += fmt::format("{}{}", slices.empty() ? "" : ", ", info.slice_index);
    samples += fmt::format("{}{}", samples.empty() ? "" : ", ", raw(info.id));
  }
  sink_.append(
      kCasesFile,
      fmt::format("{}\n  {}: {{\"dataset\": {}, \"volume\": {}, \"patient\": {}, \"axis\": \"{}\", "
                  "\"slices\": [{}], \"samples\": [{}]}}",
                  first_ ? "" : ",", json_string(file_name),
                  json_string(made.origin->dataset->name), json_string(made.origin->volume.key),
                  json_string(made.origin->patient_id), axis_name(made.group->axis), slices,
                  samples));
  first_ = false;
}

ExportCounts Run::finish(const ClassNumbers& numbers) {
  sink_.append(kCasesFile, "\n}\n");
  std::string text = "{";
  for (const auto& [number, name] : numbers.names()) {
    text += fmt::format("{}\n  \"{}\": {}", text.size() == 1 ? "" : ",", number, json_string(name));
  }
  sink_.append(kClassesFile, text + "\n}\n");
  flat_.say(sink_, "a 2-D npz");
  volumes_.say(sink_, "a 3-D npz");
  return counts_;
}

class MedsamNpzExporter final : public Exporter {
 public:
  std::string_view name() const override { return "medsam-npz"; }
  std::string_view summary() const override {
    return "MedSAM on Laptop (CVPR 2024): one npz a case with imgs, gts and spacing";
  }

  ExportCounts write(const Selection& selection, const ExportOptions& options,
                     ExportSink& sink) const override {
    check_settings(options, {"names", "slices", "window"});
    NpzOptions npz;
    npz.window = window_setting(options);
    npz.keep_all = choice_setting(options, "slices", "labelled", {"labelled", "all"}) == "all";
    npz.test_names = choice_setting(options, "names", "train", {"train", "test"}) == "test";
    const ExportSource source(selection);
    const Cases cases = group_cases(selection, source, npz.keep_all, options.stop, sink);
    Run run(source, npz, sink);
    std::uint64_t done = 0;
    const unsigned jobs = export_threads(options.jobs);
    for_each_ordered<MadeCase>(
        cases.groups.size(), jobs, jobs, options.stop,
        [&](std::size_t i) { return make_case(source, cases, cases.groups[i], npz); },
        [&](MadeCase&& made) {
          done += made.group->samples.size();
          run.take(std::move(made));
          if (options.progress) options.progress(done, cases.samples);
        });
    return run.finish(cases.numbers);
  }
};

}  // namespace

}  // namespace slicebank::exporting

namespace slicebank {

std::unique_ptr<Exporter> make_medsam_npz_exporter() {
  return std::make_unique<exporting::MedsamNpzExporter>();
}

}  // namespace slicebank
