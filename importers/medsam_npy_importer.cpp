// What LiteMedSAM trains on: imgs/*.npy and gts/*.npy, a pair a slice
// (docs/importers/medsam-npy.md).
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "formats/npy.h"
#include "importers/importer.h"
#include "importers/internal/array_volume.h"
#include "importers/internal/error_kind.h"
#include "importers/internal/file_walk.h"
#include "importers/internal/item_problem.h"
#include "importers/internal/medsam_labels.h"
#include "importers/internal/medsam_names.h"
#include "importers/internal/volume_item.h"
#include "schema/error.h"

namespace slicebank {
namespace {

namespace fs = std::filesystem;
using internal::shown_path;
using internal::skipped;

constexpr const char* kImages = "imgs";
constexpr const char* kLabels = "gts";
constexpr std::uint64_t kEntriesLooked = 100;
constexpr std::size_t kDatasetsMax = 10'000;
constexpr std::size_t kEndingBytes = 4;     // ".npy"
constexpr std::size_t kSliceDigitsMin = 3;  // "-007"
constexpr std::size_t kSliceDigitsMax = 9;

// "CT_Abd_amos_0004-012" is slice 12 of CT_Abd_amos_0004.
struct SliceName {
  std::string scan;
  std::optional<std::uint32_t> slice;
};

SliceName parse_slice(const std::string& stem) {
  const std::size_t at = stem.rfind('-');
  if (at == std::string::npos || at == 0) return {stem, std::nullopt};
  const std::size_t digits = stem.size() - at - 1;
  if (digits < kSliceDigitsMin || digits > kSliceDigitsMax) return {stem, std::nullopt};
  std::uint32_t slice = 0;
  const char* const end = stem.data() + stem.size();
  const auto [after, error] = std::from_chars(stem.data() + at + 1, end, slice);
  if (error != std::errc() || after != end) return {stem, std::nullopt};
  return {stem.substr(0, at), slice};
}

Array read_array(const SourceTree& source, const std::string& path) {
  return npy::decode(source.read(path), printable(path));
}

std::string labels_path(const std::string& image_path) {
  return kLabels + image_path.substr(std::string(kImages).size());
}

// Calls `found` with each file of one of the two folders, "imgs/x.npy", in order.
void for_each_array(const fs::path& root, const char* folder, std::uint64_t entries,
                    const std::function<bool(const std::string&)>& found) {
  internal::for_each_file(root / folder, ".npy", {0, entries}, [&](const std::string& name) {
    return found(std::string(folder) + "/" + name);
  });
}

// Reads the label map once, for which numbers are in it.
void add_masks(const SourceTree& source, SourceItem& item) {
  const std::string path = labels_path(item.image_paths.front());
  try {
    std::set<std::uint32_t> labels;
    internal::add_labels(read_array(source, path), printable(path), medsam::kLabelsMax, labels);
    medsam::add_masks(labels, {}, path, item);
  } catch (const Error& error) {
    item.problems.push_back(
        skipped(internal::problem_kind(error, "missing-mask", "bad-mask"), path, error.what()));
  }
}

SourceItem make_item(const SourceTree& source, const std::string& path) {
  const std::string stem = internal::stem_of(path, kEndingBytes);
  const SliceName slice = parse_slice(stem);
  const medsam::CaseName name = medsam::parse_case("", slice.scan, source.name());
  SourceItem item;
  item.key = path;
  item.dataset = name.dataset;
  item.patient_id = slice.scan;
  item.volume_key = slice.scan;
  item.modality = name.modality;
  item.official_split = name.split;
  item.image_paths = {path};
  add_masks(source, item);
  return item;
}

// Nothing where it cannot be used; then `decoded` says why, and which classes are lost.
std::optional<internal::LabelMap> read_map(const SourceTree& source, const SourceItem& item,
                                           const Volume& image, DecodedItem& decoded) {
  internal::LabelMap map{item.masks.front().path, {}, {}};
  for (std::size_t i = 0; i < item.masks.size(); ++i) map.masks.push_back(i);
  std::string kind;
  std::string message;
  try {
    map.map = internal::picture_of(read_array(source, map.path), printable(map.path));
    internal::check_label_map(map.map, printable(map.path));
    if (map.map.size_ijk == image.size_ijk && map.map.channels == 1) return map;
    kind = "mask-size";
    message = fmt::format("the label map is {} x {}, its image {} x {}", map.map.size_ijk[1],
                          map.map.size_ijk[0], image.size_ijk[1], image.size_ijk[0]);
  } catch (const Error& error) {
    kind = internal::problem_kind(error, "missing-image", "bad-mask");
    message = error.what();
  }
  decoded.problems.push_back(skipped(kind, map.path, message));
  for (const MaskSource& mask : item.masks) decoded.unread_classes.push_back(mask.class_id);
  return std::nullopt;
}

class MedsamNpyImporter final : public Importer {
 public:
  std::string_view name() const override { return "medsam-npy"; }
  std::string_view summary() const override {
    return "LiteMedSAM's training arrays: imgs/*.npy and gts/*.npy, one pair a slice";
  }

  Recognition recognise(const fs::path& root) const override {
    std::error_code ignored;
    Recognition found;
    for_each_array(root, kImages, kEntriesLooked, [&](const std::string& path) {
      if (fs::is_regular_file(root / labels_path(path), ignored)) {
        found = {95, fmt::format("{} has its labels in {}/", shown_path(path), kLabels)};
      } else if (found.score == 0 && fs::is_directory(root / kLabels, ignored)) {
        found = {60, fmt::format("{}/ holds npy files, and {}/ is there", kImages, kLabels)};
      }
      return found.score < 95;
    });
    return found;
  }

  SourceDescription describe(const SourceTree& source) const override {
    SourceDescription description;
    std::set<std::string> known;
    std::uint64_t items = 0;
    for_each_array(source.root(), kImages, ~0ull, [&](const std::string& path) {
      ++items;
      const SliceName slice = parse_slice(internal::stem_of(path, kEndingBytes));
      const std::string dataset = medsam::parse_case("", slice.scan, source.name()).dataset;
      if (known.size() >= kDatasetsMax || !known.insert(dataset).second) return true;
      DatasetInfo info;
      info.name = dataset;
      description.datasets.push_back(std::move(info));
      return true;
    });
    description.items = items;
    return description;
  }

  void scan(const SourceTree& source,
            const std::function<bool(SourceItem&&)>& emit) const override {
    bool wanted = true;
    for_each_array(source.root(), kImages, ~0ull, [&](const std::string& path) {
      wanted = emit(make_item(source, path));
      return wanted;
    });
    if (!wanted) return;
    std::error_code ignored;
    for_each_array(source.root(), kLabels, ~0ull, [&](const std::string& path) {
      const std::string image = kImages + path.substr(std::string(kLabels).size());
      if (fs::exists(source.root() / image, ignored)) return true;
      return emit(internal::failed_item(path, "missing-image", image + " is not there"));
    });
  }

  DecodedItem decode(const SourceTree& source, const SourceItem& item, const DecodeOptions& options,
                     const SampleSink& emit) const override {
    const std::string& path = item.image_paths.front();
    DecodedItem decoded;
    internal::ImageParts image;
    try {
      image.volumes.push_back(internal::picture_of(read_array(source, path), printable(path)));
    } catch (const Error& error) {
      throw ItemError(error.code(), internal::problem_kind(error, "missing-image", "bad-npy"), path,
                      error.what());
    }
    std::vector<internal::LabelMap> maps;
    if (!item.masks.empty()) {
      auto map = read_map(source, item, image.volumes.front(), decoded);
      if (map) maps.push_back(*std::move(map));
    }
    const std::string stem = internal::stem_of(path, kEndingBytes);
    const SliceName slice = parse_slice(stem);
    internal::emit_slices(
        item, options, image, maps,
        [&](Sample&& sample) {
          if (slice.slice) {
            sample.axis = Axis::z;
            sample.slice_index = *slice.slice;
          } else {
            sample.name = stem;
          }
          emit(std::move(sample));
        },
        decoded);
    return decoded;
  }
};

}  // namespace

std::unique_ptr<Importer> make_medsam_npy_importer() {
  return std::make_unique<MedsamNpyImporter>();
}

}  // namespace slicebank
