// Folders of pictures: PNG, JPEG, TIFF with masks beside them, or a COCO file
// (docs/importers/images.md).
#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>

#include "importers/importer.h"
#include "importers/internal/coco_file.h"
#include "importers/internal/coco_item.h"
#include "importers/internal/exported_pictures.h"
#include "importers/internal/item_problem.h"
#include "importers/internal/picture_item.h"
#include "importers/internal/picture_plan.h"
#include "importers/internal/picture_words.h"
#include "schema/error.h"

namespace slicebank {
namespace {

namespace fs = std::filesystem;
using internal::FolderPairs;
using internal::PairedPicture;
using internal::PictureFolder;
using internal::PictureLayout;
using internal::PicturePlan;
using internal::Sidecar;

constexpr std::uint64_t kRecogniseEntriesMax = 500;

// imagesTr beside a dataset.json is nnU-Net's or MSD's, also where that file is damaged: then
// it must be told, rather than the pictures taken without what it says of them.
bool belongs_to_dataset_json(const fs::path& root, const PictureLayout& layout) {
  return std::any_of(layout.folders.begin(), layout.folders.end(), [&](const PictureFolder& one) {
    std::error_code ignored;
    return internal::ascii_lower(internal::file_name_of(one.path)).starts_with("imagest") &&
           fs::is_regular_file((root / one.path).parent_path() / "dataset.json", ignored);
  });
}

// How sure the names alone make it.
Recognition recognised_by_names(const PictureLayout& layout) {
  if (layout.folders.empty()) return {};
  for (const PictureFolder& folder : layout.folders) {
    if (folder.masks || folder.mask_folders.empty()) continue;
    const PictureFolder& masks = layout.folders[folder.mask_folders.front()];
    return {60, fmt::format("pictures in {}, masks in {}",
                            folder.path.empty() ? "the folder" : printable(folder.path),
                            printable(masks.path))};
  }
  if (layout.any_masks()) return {50, "pictures with masks of the same name and _mask beside them"};
  return {30, "pictures, without masks"};
}

// Masks that no picture is for, in a folder that has none.
bool emit_unowned(const SourceTree& source, const PictureFolder& folder,
                  const std::function<bool(SourceItem&&)>& emit) {
  for (const std::string& name : internal::picture_names(source.root(), folder.path)) {
    if (!emit(internal::failed_item(folder.path + "/" + name, "unpaired-mask",
                                    "there is no folder of pictures for the mask"))) {
      return false;
    }
  }
  return true;
}

bool emit_folder(const SourceTree& source, const PicturePlan& plan, std::size_t folder,
                 const std::function<bool(SourceItem&&)>& emit) {
  const FolderPairs pairs = internal::pair_folder(source.root(), plan.layout, folder, plan.sidecar);
  for (const PairedPicture& picture : pairs.pictures) {
    if (!emit(plan.item_of(folder, picture))) return false;
  }
  for (const Problem& problem : pairs.unpaired) {
    if (!emit(internal::failed_item(problem.path, problem.kind, problem.message))) return false;
  }
  return true;
}

// Unless slicebank.json says otherwise.
bool is_exported(const SourceTree& source) {
  std::error_code ignored;
  return !fs::is_regular_file(source.root() / internal::kSidecarFile, ignored) &&
         internal::is_exported_folder(source.root());
}

class ImagesImporter final : public Importer {
 public:
  std::string_view name() const override { return "images"; }
  std::string_view summary() const override {
    return "folders of PNG, JPEG and TIFF pictures with masks, classes by folder, or COCO";
  }

  Recognition recognise(const fs::path& root) const override {
    std::error_code ignored;
    if (fs::is_regular_file(root / internal::kSidecarFile, ignored)) {
      return {100, fmt::format("{} is there", internal::kSidecarFile)};
    }
    if (internal::is_exported_folder(root)) {
      return {95, "index.csv says which picture is what, as slicebank exports them"};
    }
    const std::vector<std::string> coco = internal::find_coco_files(root);
    if (!coco.empty()) return {90, fmt::format("{} is a COCO file", printable(coco.front()))};
    const PictureLayout layout = PictureLayout::of(root, Sidecar(), kRecogniseEntriesMax);
    if (belongs_to_dataset_json(root, layout)) return {};
    return recognised_by_names(layout);
  }

  SourceDescription describe(const SourceTree& source) const override {
    if (is_exported(source)) return internal::describe_exported(source);
    const std::vector<std::string> coco = internal::find_coco_files(source.root());
    if (!coco.empty()) return internal::describe_coco(source, coco);
    PicturePlan plan = PicturePlan::of(source);
    SourceDescription description;
    if (plan.layout.folders.empty()) {
      throw Error(ErrorCode::not_found,
                  "there are no PNG, JPEG or TIFF files in " + printable(source.name()),
                  "Give the folder that holds images/ and masks/.");
    }
    description.problems = std::move(plan.problems);
    if (!plan.layout.any_masks()) {
      std::uint64_t items = 0;
      for (const PictureFolder& folder : plan.layout.folders) items += folder.pictures;
      description.items = items;
    }
    description.datasets.push_back(std::move(plan.dataset));
    return description;
  }

  void scan(const SourceTree& source,
            const std::function<bool(SourceItem&&)>& emit) const override {
    if (is_exported(source)) {
      internal::scan_exported(source, emit);
      return;
    }
    const std::vector<std::string> coco = internal::find_coco_files(source.root());
    if (!coco.empty()) {
      internal::scan_coco(source, coco, emit);
      return;
    }
    const PicturePlan plan = PicturePlan::of(source);
    for (std::size_t i = 0; i < plan.layout.folders.size(); ++i) {
      const PictureFolder& folder = plan.layout.folders[i];
      if (folder.shadowed || (folder.masks && folder.owned)) continue;
      const bool more =
          folder.masks ? emit_unowned(source, folder, emit) : emit_folder(source, plan, i, emit);
      if (!more) return;
    }
  }

  DecodedItem decode(const SourceTree& source, const SourceItem& item, const DecodeOptions& options,
                     const SampleSink& emit) const override {
    if (internal::is_exported_place(item.place)) {
      return internal::decode_exported(source, item, options, emit);
    }
    if (internal::is_coco_place(item.place)) {
      return internal::decode_coco_item(source, item, emit);
    }
    return internal::decode_picture_item(source, item, internal::PicturePlace::parse(item.place),
                                         options, emit);
  }
};

}  // namespace

std::unique_ptr<Importer> make_images_importer() { return std::make_unique<ImagesImporter>(); }

}  // namespace slicebank
