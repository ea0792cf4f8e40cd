// The npz cases of CVPR-2024 "MedSAM on Laptop" (docs/importers/medsam-npz.md).
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <set>
#include <string>
#include <utility>

#include "formats/npz_reader.h"
#include "importers/importer.h"
#include "importers/internal/array_volume.h"
#include "importers/internal/error_kind.h"
#include "importers/internal/file_walk.h"
#include "importers/internal/item_problem.h"
#include "importers/internal/medsam_cases.h"
#include "importers/internal/medsam_labels.h"
#include "importers/internal/medsam_names.h"
#include "importers/internal/volume_item.h"
#include "schema/error.h"
#include "schema/limits.h"

namespace slicebank {
namespace {

namespace fs = std::filesystem;
using internal::note;
using internal::shown_path;
using internal::skipped;
using medsam::CaseLists;
using medsam::CaseName;
using medsam::ListedCase;

constexpr unsigned kFoldersDeep = 4;  // MedSAM_train/CT/CT_Abd/case.npz, and one more
constexpr std::uint64_t kEntriesLooked = 300;
constexpr int kFilesOpened = 4;
constexpr std::size_t kDatasetsMax = 10'000;
constexpr std::size_t kEndingBytes = 4;  // ".npz"

struct CaseFile {
  std::string path;
  std::string stem;
  CaseName name;
  const ListedCase* listed = nullptr;  // null: no list has it
};

CaseFile case_file(const SourceTree& source, const CaseLists& lists, const std::string& path) {
  CaseFile file;
  file.path = path;
  file.stem = internal::stem_of(path, kEndingBytes);
  file.name = medsam::parse_case(path, file.stem, source.name());
  const auto listed = lists.cases.find(path);
  if (listed != lists.cases.end()) {
    file.listed = &listed->second;
    file.name.dataset = listed->second.dataset;
  }
  return file;
}

const NpzMember* readable(const NpzReader& npz, const std::string& key) {
  const NpzMember* member = npz.find(key);
  return member != nullptr && member->refused.empty() ? member : nullptr;
}

// Whether the case is a scan: by its labels, which have an axis for each of it, then by
// what goes with scans alone, then by the name.
bool is_scan(const NpzReader& npz, const CaseName& name) {
  const NpzMember* images = readable(npz, "imgs");
  if (images->shape.size() != 3) return false;
  if (const NpzMember* labels = readable(npz, "gts")) {
    const std::size_t axes = labels->shape.size();
    if (axes == 2 || axes == 3) return axes == 3;
  }
  if (npz.find("spacing") != nullptr) return true;
  if (const NpzMember* boxes = readable(npz, "boxes")) {
    if (!boxes->shape.empty()) return boxes->shape.back() == 6;
  }
  return name.volume || images->shape.back() != 3;
}

std::set<std::uint32_t> labels_in(const NpzReader& npz, const NpzMember& member,
                                  const std::string& path) {
  std::set<std::uint32_t> labels;
  if (member.fortran_order || member.shape.front() == 0) {
    internal::add_labels(npz.read("gts"), path, medsam::kLabelsMax, labels);
    return labels;
  }
  npz.for_each_row("gts", 0, member.shape.front(), [&](std::uint64_t, const Array& row) {
    internal::add_labels(row, path, medsam::kLabelsMax, labels);
  });
  return labels;
}

// Reads the label map once, for which numbers are in it.
void add_masks(const NpzReader& npz, const CaseLists& lists, SourceItem& item) {
  const std::string& path = item.image_paths.front();
  const NpzMember* labels = npz.find("gts");
  if (labels == nullptr) return;
  if (!labels->refused.empty()) {
    item.problems.push_back(skipped("bad-mask", path, labels->refused));
    return;
  }
  const auto& image_shape = npz.find("imgs")->shape;
  const std::size_t axes = item.place == "3d" ? 3 : 2;
  if (labels->shape.size() != axes || image_shape.size() < axes ||
      !std::equal(labels->shape.begin(), labels->shape.end(), image_shape.begin())) {
    item.problems.push_back(skipped(
        "mask-size", path,
        fmt::format("gts is an array of {}, imgs one of {}", internal::shape_text(labels->shape),
                    internal::shape_text(image_shape))));
    return;
  }
  try {
    medsam::add_masks(labels_in(npz, *labels, path), lists.classes, path, item);
  } catch (const Error& error) {
    item.problems.push_back(
        skipped(internal::problem_kind(error, "missing-image", "bad-mask"), path, error.what()));
  }
}

SourceItem make_item(const SourceTree& source, const CaseLists& lists, const CaseFile& file) {
  try {
    const NpzReader npz(source.open(file.path), printable(file.path));
    const NpzMember* images = npz.find("imgs");
    if (images == nullptr) {
      const bool prediction = npz.find("segs") != nullptr;
      return internal::failed_item(file.path, prediction ? "prediction" : "missing-member",
                                   prediction ? "holds a prediction ('segs') and no image"
                                              : "'imgs' is not in it: no case of this layout");
    }
    if (!images->refused.empty()) {
      return internal::failed_item(file.path, "bad-npz", images->refused);
    }
    SourceItem item;
    item.key = file.path;
    item.dataset = file.name.dataset;
    item.patient_id = file.listed ? file.listed->patient : file.stem;
    item.volume_key =
        file.listed ? file.listed->volume : file.path.substr(0, file.path.size() - kEndingBytes);
    item.modality = file.name.modality;
    item.official_split = file.name.split;
    item.image_paths = {file.path};
    item.place = is_scan(npz, file.name) ? "3d" : "2d";
    if (npz.find("segs") != nullptr) {
      item.problems.push_back(note("segs", file.path, "its prediction ('segs') is not taken"));
    }
    if (npz.find("boxes") != nullptr) {
      item.problems.push_back(note("boxes", file.path, "its boxes are prompts, and are not taken"));
    }
    add_masks(npz, lists, item);
    return item;
  } catch (const Error& error) {
    return internal::failed_item(
        file.path, internal::problem_kind(error, "missing-image", "bad-npz"), error.what());
  }
}

// Along x, y, z, where `along` are those of the array's width, height and depth.
std::array<double, 3> in_order(const std::array<double, 3>& along_whd, Axis axis) {
  const auto& [width, height, depth] = along_whd;
  if (axis == Axis::x) return {depth, width, height};
  if (axis == Axis::y) return {width, depth, height};
  return along_whd;
}

void add_spacing(const NpzReader& npz, const SourceItem& item, Axis axis, Volume& volume,
                 std::vector<Problem>& problems) {
  if (npz.find("spacing") == nullptr) return;
  const std::string& path = item.image_paths.front();
  try {
    const NpzMember* member = readable(npz, "spacing");
    if (member != nullptr && member->shape == std::vector<std::uint64_t>{3}) {
      const Array array = npz.read("spacing");
      const std::array<double, 3> spacing = {element_at(array, 0), element_at(array, 1),
                                             element_at(array, 2)};
      if (std::all_of(spacing.begin(), spacing.end(),
                      [](double length) { return std::isfinite(length) && length > 0; })) {
        volume.spacing_ijk_mm = in_order(spacing, axis);
        return;
      }
    }
  } catch (const Error& error) {
    problems.push_back(note("spacing", path, error.what()));
    return;
  }
  problems.push_back(note("spacing", path, "'spacing' is not three lengths above 0"));
}

class MedsamNpzImporter final : public Importer {
 public:
  std::string_view name() const override { return "medsam-npz"; }
  std::string_view summary() const override {
    return "MedSAM on Laptop (CVPR 2024): one npz a case with imgs, gts and spacing";
  }

  Recognition recognise(const fs::path& root) const override {
    Recognition found;
    int opened = 0;
    internal::for_each_file(
        root, ".npz", {kFoldersDeep, kEntriesLooked}, [&](const std::string& path) {
          if (medsam::names_a_modality(internal::stem_of(path, kEndingBytes)) && found.score == 0) {
            found = {55, shown_path(path) + " begins with a modality"};
          }
          try {
            const NpzReader npz(SourceTree(root).open(path), path);
            if (npz.find("imgs") != nullptr &&
                (npz.find("gts") != nullptr || npz.find("boxes") != nullptr)) {
              found = {95, fmt::format("{} holds imgs and gts or boxes", shown_path(path))};
            }
          } catch (const Error&) {  // scan() says what is wrong with it
          }
          return ++opened < kFilesOpened && found.score < 95;
        });
    return found;
  }

  SourceDescription describe(const SourceTree& source) const override {
    SourceDescription description;
    const auto lists = medsam::case_lists(source);
    description.problems = lists->problems;
    std::set<std::string> known;
    std::uint64_t items = 0;
    internal::for_each_file(source.root(), ".npz", {kFoldersDeep}, [&](const std::string& path) {
      ++items;
      const std::string dataset = case_file(source, *lists, path).name.dataset;
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
    const auto lists = medsam::case_lists(source);
    internal::for_each_file(source.root(), ".npz", {kFoldersDeep}, [&](const std::string& path) {
      return emit(make_item(source, *lists, case_file(source, *lists, path)));
    });
  }

  DecodedItem decode(const SourceTree& source, const SourceItem& item, const DecodeOptions& options,
                     const SampleSink& emit) const override {
    const std::string& path = item.image_paths.front();
    const auto lists = medsam::case_lists(source);
    const CaseFile file = case_file(source, *lists, path);
    const bool scan = item.place == "3d";
    DecodedItem decoded;
    internal::ImageParts image;
    std::vector<internal::LabelMap> maps;
    try {
      const NpzReader npz(source.open(path), printable(path));
      image.volumes.push_back(scan ? internal::scan_of(npz.read("imgs"), printable(path))
                                   : internal::picture_of(npz.read("imgs"), printable(path)));
      const Axis axis = scan && file.listed ? file.listed->axis : Axis::z;
      if (scan) add_spacing(npz, item, axis, image.volumes.front(), decoded.problems);
      if (!item.masks.empty()) {
        Array labels = npz.read("gts");
        internal::LabelMap map{path, {}, {}};
        map.map = scan ? internal::scan_of(std::move(labels), printable(path))
                       : internal::picture_of(std::move(labels), printable(path));
        for (std::size_t i = 0; i < item.masks.size(); ++i) map.masks.push_back(i);
        maps.push_back(std::move(map));
      }
    } catch (const Error& error) {
      throw ItemError(error.code(), internal::problem_kind(error, "missing-image", "bad-npz"), path,
                      error.what());
    }
    const Volume& volume = image.volumes.front();
    DecodeOptions cut = options;
    const bool placed = file.listed && file.listed->slices.size() == slices(volume, Axis::z);
    if (placed) cut.axes = {Axis::z};
    emit_slices(
        item, cut, image, maps,
        [&](Sample&& sample) {
          if (placed) {
            sample.axis = file.listed->axis;
            sample.slice_index = file.listed->slices[sample.slice_index];
          }
          if (sample.axis == Axis::none) sample.name = file.stem;
          emit(std::move(sample));
        },
        decoded);
    return decoded;
  }
};

}  // namespace

std::unique_ptr<Importer> make_medsam_npz_importer() {
  return std::make_unique<MedsamNpzImporter>();
}

}  // namespace slicebank
