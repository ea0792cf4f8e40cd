// SA-Med2D-20M, version 1: two flat folders of PNGs and two JSONs
// (docs/importers/sa-med2d.md).
#include <fmt/format.h>

#include <map>
#include <set>
#include <string>
#include <utility>

#include "formats/json_stream.h"
#include "importers/importer.h"
#include "importers/internal/item_problem.h"
#include "importers/internal/png_slice.h"
#include "importers/internal/sa_med2d_names.h"
#include "schema/error.h"
#include "schema/limits.h"

namespace slicebank {
namespace {

namespace fs = std::filesystem;
using internal::note;
using internal::shown_path;
using internal::skipped;
using sa_med2d::ImageName;
using sa_med2d::MaskName;

constexpr const char* kPairsFile = "SAMed2D_v1.json";
constexpr const char* kClassesFile = "SAMed2D_v1_class_mapping_id.json";

// Sources of a collection; far more would be a list that is not of this layout.
constexpr std::size_t kDatasetsMax = 10'000;

// Parts of the published collection that need a second look. Their pixels are imported as
// they are; a note says what was seen.
struct KnownDirt {
  std::string_view dataset_part;
  const char* message;
};
constexpr KnownDirt kKnownDirt[] = {
    {"ichallenge_adam_task2", "masks are known to be inverted (0 is the disc)"},
    {"Brain_PTM", "some images are known to be binary masks themselves"},
    {"brain-growth", "some images are known to be binary masks themselves"},
};

// Classes of one dataset by their code without leading zeros.
using ClassesByCode = std::map<std::string, RawClass>;

struct Mapping {
  std::vector<DatasetInfo> datasets;  // in the file's order
  std::map<std::string, ClassesByCode> by_code;
  std::vector<Problem> problems;
};

// The path is checked beneath the root first: a list that is a link to elsewhere is refused.
fs::path list_file(const SourceTree& source, const char* name) {
  if (!source.stamp(name)) {
    throw Error(ErrorCode::not_found, std::string(name) + " is not in the folder",
                "Give the folder SAMed2Dv1, which holds images/, masks/ and two JSON files.");
  }
  return source.root() / name;
}

Mapping read_mapping(const SourceTree& source) {
  Mapping mapping;
  std::map<std::string, std::size_t> places;
  json::for_each_string_map(list_file(source, kClassesFile), [&](const std::string& dataset,
                                                                 const std::string& name,
                                                                 const std::string& code) {
    if (dataset.empty() || name.empty() || dataset.size() > limits::kNameBytesMax ||
        name.size() > limits::kNameBytesMax || code.size() > limits::kNameBytesMax) {
      mapping.problems.push_back(skipped("bad-class", kClassesFile,
                                         fmt::format("class '{}' of dataset '{}' has no name or "
                                                     "too long a one",
                                                     shown_path(name), shown_path(dataset))));
      return true;
    }
    const auto [place, fresh] = places.emplace(dataset, mapping.datasets.size());
    if (fresh) {
      DatasetInfo info;
      info.name = dataset;
      mapping.datasets.push_back(std::move(info));
    }
    if (mapping.datasets.size() > kDatasetsMax) {
      throw Error(ErrorCode::limit, std::string(kClassesFile) + ": more than " +
                                        std::to_string(kDatasetsMax) + " datasets");
    }
    const RawClass raw{name, code, ClassId{}};
    const auto [known, new_code] =
        mapping.by_code[dataset].emplace(sa_med2d::plain_code(code), raw);
    if (!new_code) {
      mapping.problems.push_back(
          note("duplicate-code", kClassesFile,
               fmt::format("{}: '{}' and '{}' have the same code {}; masks of it are taken as "
                           "'{}'",
                           shown_path(dataset), shown_path(known->second.name), shown_path(name),
                           shown_path(code), shown_path(known->second.name))));
    }
    mapping.datasets[place->second].classes.push_back(raw);
    return true;
  });
  return mapping;
}

// What a list entry says about one mask, or why it cannot be used.
class MaskList {
 public:
  MaskList(const Mapping& mapping, const ImageName& image) : image_(image) {
    const auto found = mapping.by_code.find(image.dataset);
    if (found != mapping.by_code.end()) classes_ = &found->second;
  }

  void add(const std::string& listed, SourceItem& item) {
    std::string path;
    try {
      path = clean_relative_path(listed);
    } catch (const Error& error) {
      item.problems.push_back(skipped("bad-path", shown_path(listed), error.what()));
      return;
    }
    if (!seen_.insert(path).second) {
      item.problems.push_back(note("duplicate-mask", path, "listed twice for one image"));
      return;
    }
    const auto name = sa_med2d::parse_mask_name(path);
    if (!name || name->modality_sub != image_.modality_sub || name->dataset != image_.dataset) {
      item.problems.push_back(skipped(
          "bad-name", path, "not named as a mask of this image: {image}--{class}_{instance}.png"));
      return;
    }
    if (name->image_stem != image_.stem) {
      item.problems.push_back(note("mask-name", path, "named after another image of the dataset"));
    }
    add_class(path, *name, item);
  }

 private:
  void add_class(const std::string& path, const MaskName& name, SourceItem& item) {
    const auto found = classes_ == nullptr ? ClassesByCode::const_iterator{}
                                           : classes_->find(sa_med2d::plain_code(name.class_code));
    if (classes_ == nullptr || found == classes_->end()) {
      item.problems.push_back(skipped("unknown-class", path,
                                      fmt::format("{} has no class {} for '{}'", kClassesFile,
                                                  name.class_code, printable(image_.dataset))));
      return;
    }
    item.masks.push_back({path, found->second.name, found->second.code, name.instance});
  }

  const ImageName& image_;
  const ClassesByCode* classes_ = nullptr;
  std::set<std::string> seen_;
};

SourceItem make_item(const Mapping& mapping, const std::string& listed,
                     const std::vector<std::string>& masks) {
  std::string path;
  try {
    path = clean_relative_path(listed);
  } catch (const Error& error) {
    return internal::failed_item(listed, "bad-path", error.what());
  }
  const auto name = sa_med2d::parse_image_name(path);
  if (!name) {
    return internal::failed_item(path, "bad-name",
                                 "not named {modality}--{dataset}--{case}--{axis}_{slice}.png");
  }
  SourceItem item;
  item.key = path;
  item.dataset = name->dataset;
  item.patient_id = sa_med2d::patient_of(name->dataset, name->case_name);
  item.volume_key = name->modality_sub + "--" + name->case_name;
  item.modality = name->modality_sub;
  item.image_paths = {path};
  item.covers_dataset_classes = true;
  MaskList list(mapping, *name);
  for (const std::string& mask : masks) list.add(mask, item);
  return item;
}

class SaMed2dImporter final : public Importer {
 public:
  std::string_view name() const override { return "sa-med2d"; }
  std::string_view summary() const override {
    return "SA-Med2D-20M: images/, masks/, SAMed2D_v1.json and its class mapping";
  }

  Recognition recognise(const fs::path& root) const override {
    std::error_code ignored;
    const bool pairs = fs::is_regular_file(root / kPairsFile, ignored);
    const bool classes = fs::is_regular_file(root / kClassesFile, ignored);
    if (pairs && classes)
      return {100, fmt::format("{} and {} are there", kPairsFile, kClassesFile)};
    if (pairs) return {50, fmt::format("{} is there, but {} is not", kPairsFile, kClassesFile)};
    return {};
  }

  SourceDescription describe(const SourceTree& source) const override {
    Mapping mapping = read_mapping(source);
    SourceDescription description;
    description.datasets = std::move(mapping.datasets);
    description.problems = std::move(mapping.problems);
    std::set<std::string> known;
    for (const DatasetInfo& dataset : description.datasets) known.insert(dataset.name);
    std::set<std::string> met;
    std::uint64_t items = 0;
    json::for_each_string_list(list_file(source, kPairsFile),
                               [&](const std::string& image, const auto&) {
                                 ++items;
                                 const auto parsed = sa_med2d::parse_image_name(image);
                                 if (parsed && met.size() <= kDatasetsMax)
                                   met.insert(parsed->dataset);
                                 return true;
                               });
    description.items = items;
    for (const std::string& dataset : met) {
      if (!known.contains(dataset)) add_unmapped(dataset, description);
      for (const KnownDirt& dirt : kKnownDirt) {
        if (dataset.find(dirt.dataset_part) == std::string::npos) continue;
        description.problems.push_back(note("known-dirt", printable(dataset),
                                            std::string(dirt.message) + "; imported as they are"));
      }
    }
    return description;
  }

  void scan(const SourceTree& source,
            const std::function<bool(SourceItem&&)>& emit) const override {
    const Mapping mapping = read_mapping(source);
    json::for_each_string_list(
        list_file(source, kPairsFile),
        [&](const std::string& image, const std::vector<std::string>& masks) {
          return emit(make_item(mapping, image, masks));
        });
  }

  DecodedItem decode(const SourceTree& source, const SourceItem& item, const DecodeOptions&,
                     const SampleSink& emit) const override {
    const auto name = sa_med2d::parse_image_name(item.image_paths.front());
    if (!name) {
      throw ItemError(ErrorCode::bad_format, "bad-name", item.key,
                      item.key + ": not of the layout");
    }
    return internal::decode_png_slice(source, item, {name->axis, name->slice_index, name->stem},
                                      emit);
  }

 private:
  static void add_unmapped(const std::string& dataset, SourceDescription& description) {
    if (description.datasets.size() >= kDatasetsMax) {
      throw Error(ErrorCode::limit, std::string(kPairsFile) + ": more than " +
                                        std::to_string(kDatasetsMax) + " datasets");
    }
    DatasetInfo info;
    info.name = dataset;
    description.datasets.push_back(std::move(info));
    description.problems.push_back(
        note("no-classes", printable(dataset),
             fmt::format("{} has no classes for this dataset", kClassesFile)));
  }
};

}  // namespace

std::unique_ptr<Importer> make_sa_med2d_importer() { return std::make_unique<SaMed2dImporter>(); }

}  // namespace slicebank
