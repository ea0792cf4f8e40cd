// MedSegBench: one npz a dataset and size, images with label maps
// (docs/importers/medsegbench.md).
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "importers/importer.h"
#include "importers/internal/array_volume.h"
#include "importers/internal/item_problem.h"
#include "importers/internal/medsegbench_sets.h"
#include "importers/internal/medsegbench_split.h"
#include "importers/internal/npz_splits.h"
#include "importers/internal/row_digests.h"
#include "importers/internal/volume_item.h"
#include "schema/error.h"
#include "schema/licence.h"
#include "schema/taxonomy.h"

namespace slicebank {
namespace {

namespace fs = std::filesystem;
using internal::note;
using internal::shown_path;
using internal::skipped;
using internal::SplitFile;
using medsegbench::Categories;
using medsegbench::Pixels;
using medsegbench::Set;
using medsegbench::SetFile;
using medsegbench::SplitScan;

constexpr std::uint64_t kEntriesLooked = 300;

constexpr const char* kCitation =
    "Kus Z, Aydin M. MedSegBench: A comprehensive benchmark for medical image segmentation in "
    "diverse data modalities. Scientific Data 11, 1283 (2024). doi:10.1038/s41597-024-04159-2. "
    "Origin: ";

std::vector<SetFile> set_files(const SourceTree& source) {
  std::vector<SetFile> files;
  const auto known = [](const std::string& flag) { return medsegbench::find_set(flag) != nullptr; };
  for (SplitFile& file : internal::split_files_of(source, "_label", known)) {
    const Set* set = medsegbench::find_set(file.flag);
    files.push_back({std::move(file), set});
  }
  return files;
}

DatasetInfo dataset_of(const SetFile& file) {
  DatasetInfo info;
  info.name = file.dataset();
  if (file.set == nullptr) return info;
  const Set& set = *file.set;
  info.source_url = "https://github.com/zekikus/MedSegBench";
  info.citation = kCitation + std::string(set.reference);
  info.image_licence.text = std::string(set.licence);
  info.image_licence.tag = licence_tag(info.image_licence.text);
  info.image_licence.source = "medsegbench/info.py";
  info.label_licence = info.image_licence;
  if (const auto region = Taxonomy::builtin().find_region(set.region)) info.region = *region;
  const auto add = [&](const medsegbench::Word& word, const std::string& code) {
    info.classes.push_back({std::string(word.name), code, ClassId{}, std::string(word.meaning)});
  };
  for (std::size_t i = 0; i < set.classes.size(); ++i) add(set.classes[i], std::to_string(i + 1));
  for (std::size_t i = 0; i < set.category_names.size(); ++i) {
    add(set.category_names[i], medsegbench::category_code(i + 1));
  }
  return info;
}

// The label maps of one image, and which masks of the item lie in each.
class Maps {
 public:
  Maps(const SourceTree& source, const SourceItem& item, const internal::RowPlace& place)
      : source_(source), item_(item), place_(place) {}

  std::vector<internal::LabelMap> read(const Volume& image, DecodedItem& decoded) const {
    std::vector<internal::LabelMap> maps;
    std::map<std::string, std::vector<std::size_t>> masks_of;
    for (std::size_t i = 0; i < item_.masks.size(); ++i) masks_of[member_of(i)].push_back(i);
    for (const auto& [member, masks] : masks_of) {
      internal::LabelMap map{item_.image_paths.front(), {}, masks};
      try {
        const std::string what = fmt::format("{}, {}", item_.key, member);
        map.map = internal::picture_of(internal::row_of(source_, item_, member, place_.row), what);
        internal::check_label_map(map.map, what);
        if (map.map.size_ijk != image.size_ijk || map.map.channels != 1) {
          throw Error(ErrorCode::bad_format, what + ": has another size than its image");
        }
        maps.push_back(std::move(map));
      } catch (const Error& error) {
        decoded.problems.push_back(skipped("bad-mask", item_.image_paths.front(), error.what()));
        for (const std::size_t i : masks) decoded.unread_classes.push_back(item_.masks[i].class_id);
      }
    }
    return maps;
  }

 private:
  // "train_label", or "train_label_C2" for a mask of the code "C2".
  std::string member_of(std::size_t mask) const {
    const std::string& code = item_.masks[mask].class_code;
    if (code.starts_with('C')) {
      for (const std::string& member : place_.members) {
        if (member.ends_with("_label_" + code)) return member;
      }
    }
    return place_.members[1];
  }

  const SourceTree& source_;
  const SourceItem& item_;
  const internal::RowPlace& place_;
};

// Of the labels that an image may have, those it has: the image is found again among those
// of the categories. Where it is in none, nothing is known of them.
std::vector<LabelSource> labels_of(const SourceTree& source, const SourceItem& item,
                                   const internal::RowPlace& place, const Array& row,
                                   DecodedItem& decoded) {
  std::vector<std::string> subsets;
  for (std::size_t i = 1; i < place.members.size(); ++i) {
    if (place.members[i].find("_images_") != std::string::npos) subsets.push_back(place.members[i]);
  }
  if (subsets.empty()) return item.labels;
  const std::string& path = item.image_paths.front();
  std::vector<LabelSource> labels;
  try {
    const auto digests = internal::RowDigests::of(source, path, subsets);
    const std::uint64_t found = digests->members_with(source, row);
    for (std::size_t i = 0; i < item.labels.size() && i < subsets.size(); ++i) {
      if ((found >> i & 1) != 0) labels.push_back(item.labels[i]);
    }
    if (labels.empty()) {
      decoded.problems.push_back(
          note("no-category", path,
               item.key + ": the image is in none of the categories; they are not known of it"));
    }
  } catch (const Error& error) {
    decoded.problems.push_back(skipped("bad-category", path, error.what()));
  }
  if (labels.empty()) {
    for (const LabelSource& label : item.labels) decoded.unread_classes.push_back(label.class_id);
  }
  return labels;
}

class MedsegbenchImporter final : public Importer {
 public:
  std::string_view name() const override { return "medsegbench"; }
  std::string_view summary() const override {
    return "MedSegBench: kvasir_256.npz, wbc_512.npz, ... with a label map an image";
  }

  Recognition recognise(const fs::path& root) const override {
    const auto files = internal::split_files(root, kEntriesLooked);
    for (const SplitFile& file : files) {
      const Set* set = medsegbench::find_set(file.flag);
      if (set != nullptr && !file.size.empty()) {
        return {95, fmt::format("{} is the name of {}", shown_path(file.path), set->name)};
      }
    }
    if (files.empty()) return {};
    const std::string& first = files.front().path;
    try {
      if (!internal::has_split_member(SourceTree(root), first, "_label")) return {};
    } catch (const Error&) {
      return {};
    }
    return {70, fmt::format("{} holds images and label maps by split", shown_path(first))};
  }

  SourceDescription describe(const SourceTree& source) const override {
    SourceDescription description;
    std::set<std::string> known;
    for (const SetFile& file : set_files(source)) {
      if (known.insert(file.dataset()).second) description.datasets.push_back(dataset_of(file));
      if (file.set != nullptr && !file.set->complete) {
        description.problems.push_back(
            note("partial", file.file.path,
                 "pixels of value 0 are unknown, not background: a class without a mask is "
                 "unknown, too"));
      }
    }
    return description;
  }

  void scan(const SourceTree& source,
            const std::function<bool(SourceItem&&)>& emit) const override {
    for (const SetFile& file : set_files(source)) {
      const std::string& path = file.file.path;
      std::optional<NpzReader> npz;
      try {
        npz.emplace(source.open(path), printable(path));
      } catch (const Error& error) {
        if (!emit(internal::failed_item(path, "bad-npz", error.what()))) return;
        continue;
      }
      for (std::size_t split = 0; split < internal::kSplits.size(); ++split) {
        if (!SplitScan(source, file, split).run(*npz, emit)) return;
      }
    }
  }

  DecodedItem decode(const SourceTree& source, const SourceItem& item, const DecodeOptions& options,
                     const SampleSink& emit) const override {
    const internal::RowPlace place = internal::row_place(item);
    Array row = internal::row_of(source, item, place.members.front(), place.row);
    DecodedItem decoded;
    SourceItem own = item;
    own.labels = labels_of(source, item, place, row, decoded);
    internal::ImageParts image;
    image.volumes.push_back(internal::picture_of(std::move(row), item.key));
    const auto maps = Maps(source, item, place).read(image.volumes.front(), decoded);
    internal::emit_slices(own, options, image, maps, emit, decoded);
    return decoded;
  }
};

}  // namespace

std::unique_ptr<Importer> make_medsegbench_importer() {
  return std::make_unique<MedsegbenchImporter>();
}

}  // namespace slicebank
