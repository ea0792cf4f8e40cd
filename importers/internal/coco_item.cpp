#include "importers/internal/coco_item.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "importers/internal/coco_file.h"
#include "importers/internal/coco_paths.h"
#include "importers/internal/coco_place.h"
#include "importers/internal/hash_set.h"
#include "importers/internal/item_problem.h"
#include "importers/internal/picture_item.h"
#include "schema/error.h"
#include "schema/licence.h"
#include "schema/limits.h"

namespace slicebank::internal {
namespace {

ClassName class_name_of(const CocoCategory& category) {
  ClassName name;
  name.name = category.name;
  name.code = category.id;
  return name;
}

class CocoScan {
 public:
  CocoScan(const SourceTree& source, const std::function<bool(SourceItem&&)>& emit)
      : source_(source), plan_(PicturePlan::of_listed(source)), emit_(emit) {}

  void run(const std::vector<std::string>& files) {
    for (const std::string& file : files) {
      if (!scan_file(file)) return;
    }
    emit_unlisted();
  }

 private:
  bool scan_file(const std::string& path) {
    const CocoFile file(source_, path);
    CocoPaths paths(source_, path);
    bool more = true;
    std::uint64_t number = 0;
    std::uint64_t met = 0;
    file.for_each_image([&](const CocoImage& image, const std::string& refused) {
      ++number;
      met += image.annotations.size();
      more = emit_(refused.empty() ? item_of(file, image, paths)
                                   : failed_item(fmt::format("{} image {}", path, number),
                                                 "bad-image", refused));
      return more;
    });
    if (!more || met == file.annotations()) return more;
    const std::uint64_t lost = file.annotations() > met ? file.annotations() - met : 0;
    if (lost == 0) return true;
    return emit_(failed_item(path, "unpaired-mask",
                             fmt::format("{}: {} annotations are of images that it does not list",
                                         printable(path), lost)));
  }

  SourceItem item_of(const CocoFile& file, const CocoImage& image, CocoPaths& paths) {
    const std::string shown = file.path() + " " + image.file_name;
    std::string path;
    try {
      const auto found = paths.find(image.file_name);
      if (!found) {
        return failed_item(
            shown, "missing-image",
            fmt::format("{}: there is no such picture", printable(shown_path(image.file_name))));
      }
      path = *found;
    } catch (const Error& error) {
      return failed_item(shown, "bad-path", error.what());
    }
    if (!images_.insert(path)) {
      return failed_item(shown, "duplicate-image",
                         fmt::format("{} was listed before", printable(path)));
    }
    SourceItem item;
    plan_.describe_picture(path, paths.split(), item);
    CocoItemPlace place{image.height, image.width, {}, PicturePlace::parse(item.place)};
    std::map<std::string, std::uint32_t> instances;
    std::set<std::string> present;
    for (const CocoPlace& at : image.annotations) {
      add_annotation(file, at, item, place, instances, present);
    }
    item.place = place.text();
    add_coverage(file, image, present, item);
    return item;
  }

  static void add_annotation(const CocoFile& file, const CocoPlace& at, SourceItem& item,
                             CocoItemPlace& place, std::map<std::string, std::uint32_t>& instances,
                             std::set<std::string>& present) {
    const auto tell = [&](const char* kind, const std::string& why) {
      item.problems.push_back(
          skipped(kind, item.key,
                  fmt::format("{}, at byte {}: {}", printable(file.path()), at.offset, why)));
    };
    Json annotation;
    try {
      annotation = file.annotation(at);
    } catch (const Error& error) {
      tell("bad-mask", error.what());
      return;
    }
    const std::string id = json_word(annotation, "category_id");
    const CocoCategory* category = file.category(id);
    if (category == nullptr) {
      tell("unknown-class", fmt::format("there is no category '{}'", shown_path(id)));
      return;
    }
    present.insert(category->id);
    if (has_coco_mask(annotation)) {
      MaskSource mask;
      mask.path = file.path();
      mask.class_name = category->name;
      mask.class_code = category->id;
      mask.instance = instances[category->id]++;
      item.masks.push_back(std::move(mask));
      place.annotations.push_back(at);
      return;
    }
    const auto same = [&](const LabelSource& label) { return label.class_code == category->id; };
    if (std::none_of(item.labels.begin(), item.labels.end(), same)) {
      LabelSource label;
      label.class_name = category->name;
      label.class_code = category->id;
      item.labels.push_back(std::move(label));
    }
    if (const Json* box = annotation.find("bbox"); box != nullptr && !box->items.empty()) {
      item.problems.push_back(
          note("box-only", item.key,
               fmt::format("'{}' has a box but no segmentation; kept as a label of the image",
                           printable(category->name))));
    }
  }

  static void add_coverage(const CocoFile& file, const CocoImage& image,
                           const std::set<std::string>& present, SourceItem& item) {
    if (file.annotations() == 0) return;
    for (const CocoCategory& category : file.categories()) {
      const bool looked_for = !image.lists_negative || present.contains(category.id) ||
                              std::find(image.negative.begin(), image.negative.end(),
                                        category.id) != image.negative.end();
      if (looked_for) item.covered_classes.push_back(class_name_of(category));
    }
  }

  void emit_unlisted() {
    const PictureLayout layout = PictureLayout::of(source_.root(), plan_.sidecar);
    for (const PictureFolder& folder : layout.folders) {
      std::uint64_t unlisted = 0;
      for (const std::string& name : picture_names(source_.root(), folder.path)) {
        const std::string path = folder.path.empty() ? name : folder.path + "/" + name;
        if (!images_.contains(path)) ++unlisted;
      }
      if (unlisted == 0) continue;
      const std::string shown = folder.path.empty() ? "." : folder.path;
      if (!emit_(failed_item(
              shown, "unlisted-images",
              fmt::format("{} pictures of the folder are in no COCO file; left out", unlisted)))) {
        return;
      }
    }
  }

  const SourceTree& source_;
  const PicturePlan plan_;
  const std::function<bool(SourceItem&&)>& emit_;
  HashSet images_;
};

}  // namespace

SourceDescription describe_coco(const SourceTree& source, const std::vector<std::string>& files) {
  PicturePlan plan = PicturePlan::of_listed(source);
  SourceDescription description;
  description.problems = std::move(plan.problems);
  DatasetInfo& info = plan.dataset;
  std::set<std::pair<std::string, std::string>> known;
  for (const std::string& path : files) {
    const CocoFile file(source, path);
    for (const CocoCategory& category : file.categories()) {
      if (!known.emplace(category.name, category.id).second) continue;
      RawClass raw;
      raw.name = category.name;
      raw.code = category.id;
      info.classes.push_back(std::move(raw));
    }
    if (info.source_url.empty()) info.source_url = file.url().substr(0, limits::kTextBytesMax);
    if (info.image_licence.text.empty() && !file.licence().empty()) {
      const std::string text = file.licence().substr(0, limits::kTextBytesMax);
      info.image_licence = {text, licence_tag(text), path};
      info.label_licence = info.image_licence;
    }
  }
  description.datasets.push_back(std::move(info));
  return description;
}

void scan_coco(const SourceTree& source, const std::vector<std::string>& files,
               const std::function<bool(SourceItem&&)>& emit) {
  CocoScan(source, emit).run(files);
}

}  // namespace slicebank::internal
