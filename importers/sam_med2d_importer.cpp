// What SAM-Med2D trains on: images/, masks/ named with the class, and JSON lists
// (docs/importers/sam-med2d.md).
#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>

#include "importers/importer.h"
#include "importers/internal/hash_set.h"
#include "importers/internal/item_problem.h"
#include "importers/internal/png_slice.h"
#include "importers/internal/sam_med2d_lists.h"
#include "importers/internal/sam_med2d_names.h"
#include "schema/error.h"
#include "schema/limits.h"

namespace slicebank {
namespace {

namespace fs = std::filesystem;
using internal::HashSet;
using internal::note;
using internal::shown_path;
using internal::skipped;
using sam_med2d::List;
using sam_med2d::PathResolver;

constexpr const char* kImagesFolder = "images";
constexpr std::uint64_t kRecogniseEntriesMax = 500;
constexpr std::uint64_t kRootEntriesMax = 1'000'000;

// Names held at once where an image's masks are scattered over several lists. Larger
// sources are read in several passes, each for a part of the images.
constexpr std::uint64_t kNamesHeldMax = 500'000;

// One image with everything that was listed for it.
struct Listed {
  std::string image;               // relative to the root, or as written when `refused`
  std::string refused;             // why the path cannot be used; empty when it can
  std::set<std::string> modes;     // of the lists that name it
  std::vector<std::string> masks;  // as written
};

std::vector<List> lists_of(const SourceTree& source) {
  std::vector<List> lists = sam_med2d::find_lists(source.root(), kRootEntriesMax);
  if (lists.empty()) {
    throw Error(
        ErrorCode::not_found,
        "there is no image2label_*.json or label2image_*.json in " + printable(source.name()),
        "Give the folder that holds them, images/ and masks/.");
  }
  return lists;
}

std::string dataset_name(const SourceTree& source) {
  const std::string name = source.name();
  return name.empty() ? "sam-med2d" : name;
}

// PNGs in images/ that no list names, ascending.
std::vector<std::string> unlisted_images(const SourceTree& source, const HashSet& listed) {
  std::vector<std::string> found;
  std::error_code ignored;
  for (fs::directory_iterator entry(source.root() / kImagesFolder, ignored), end; entry != end;
       entry.increment(ignored)) {
    const std::string file = entry->path().filename().string();
    if (file.starts_with('.') || internal::png_stem(file).empty()) continue;
    std::string path = std::string(kImagesFolder) + "/" + file;
    if (!listed.contains(path)) found.push_back(std::move(path));
  }
  std::sort(found.begin(), found.end());
  return found;
}

class Scan {
 public:
  Scan(const SourceTree& source, const std::function<bool(SourceItem&&)>& emit)
      : source_(source), resolver_(source), dataset_(dataset_name(source)), emit_(emit) {}

  void run() {
    const std::vector<List> lists = lists_of(source_);
    const bool whole = lists.size() == 1 && lists.front().image_to_masks;
    if (!(whole ? stream(lists.front()) : merge(lists))) return;
    for (const std::string& path : unlisted_images(source_, images_)) {
      SourceItem item = make_item({path, {}, {}, {}});
      item.problems.push_back(
          note("unlisted-image", path, "no list names it; imported without masks"));
      if (!emit_(std::move(item))) return;
    }
  }

 private:
  Listed locate(const std::string& image) {
    try {
      return {resolver_.resolve(image), {}, {}, {}};
    } catch (const Error& error) {
      return {image, error.what(), {}, {}};
    }
  }

  // One list that has each image once, with all its masks.
  bool stream(const List& list) {
    bool more = true;
    sam_med2d::for_each_pair(source_, list, [&](const std::string& image, const auto& masks) {
      Listed listed = locate(image);
      listed.modes.insert(list.mode);
      listed.masks = masks;
      if (listed.refused.empty() && !images_.insert(listed.image)) {
        SourceItem again = internal::failed_item(image, "duplicate-image", "listed twice");
        again.key += " (again)";
        more = emit_(std::move(again));
      } else {
        more = emit_(make_item(listed));
      }
      return more;
    });
    return more;
  }

  // Any lists: entries of one image are brought together, in the order of its first.
  bool merge(const std::vector<List>& lists) {
    std::uint64_t names = 0;
    for (const List& list : lists) {
      sam_med2d::for_each_pair(source_, list, [&](const auto&, const auto& masks) {
        names += 1 + masks.size();
        return true;
      });
    }
    const std::uint64_t passes = names / kNamesHeldMax + 1;
    for (std::uint64_t pass = 0; pass < passes; ++pass) {
      std::vector<Listed> held;
      std::unordered_map<std::string, std::size_t> places;
      for (const List& list : lists) {
        sam_med2d::for_each_pair(source_, list, [&](const std::string& image, const auto& masks) {
          Listed listed = locate(image);
          if (internal::hash_of(listed.image) / 2 % passes != pass) return true;
          const auto [place, fresh] = places.emplace(listed.image, held.size());
          if (fresh) held.push_back(std::move(listed));
          Listed& found = held[place->second];
          found.modes.insert(list.mode);
          found.masks.insert(found.masks.end(), masks.begin(), masks.end());
          return true;
        });
      }
      for (const Listed& listed : held) {
        if (listed.refused.empty()) images_.insert(listed.image);
        if (!emit_(make_item(listed))) return false;
      }
    }
    return true;
  }

  SourceItem make_item(const Listed& listed) {
    if (!listed.refused.empty()) {
      return internal::failed_item(listed.image, "bad-path", listed.refused);
    }
    const std::string stem = internal::png_stem(listed.image);
    if (stem.empty() || stem.size() > limits::kNameBytesMax) {
      return internal::failed_item(listed.image, "bad-name", "not the name of a PNG file");
    }
    const sam_med2d::ImageName name = sam_med2d::parse_image_stem(stem);
    SourceItem item;
    item.key = listed.image;
    item.dataset = dataset_;
    item.patient_id = name.scan;
    item.volume_key = name.scan;
    item.modality = sam_med2d::known_modality(name.scan);
    if (listed.modes.size() == 1) item.official_split = *listed.modes.begin();
    // A volume has one official split: slices of one scan on two sides are two volumes of
    // one subject, so that nothing is put on a side where it does not belong.
    if (!item.official_split.empty()) item.volume_key += "." + item.official_split;
    item.image_paths = {listed.image};
    std::set<std::string> seen;
    for (const std::string& mask : listed.masks) add_mask(mask, stem, seen, item);
    return item;
  }

  void add_mask(const std::string& listed, const std::string& image_stem,
                std::set<std::string>& seen, SourceItem& item) {
    std::string path;
    try {
      path = resolver_.resolve(listed);
    } catch (const Error& error) {
      item.problems.push_back(skipped("bad-path", shown_path(listed), error.what()));
      return;
    }
    if (!seen.insert(path).second) return;  // the other direction's list says the same
    const auto name = sam_med2d::parse_mask_stem(internal::png_stem(path), image_stem);
    if (!name) {
      item.problems.push_back(skipped(
          "bad-name", path, "not named as a mask of this image: {image}_{class}_{instance}.png"));
      return;
    }
    item.masks.push_back({path, name->class_name, "", name->instance});
  }

  const SourceTree& source_;
  PathResolver resolver_;
  std::string dataset_;
  const std::function<bool(SourceItem&&)>& emit_;
  HashSet images_;
};

class SamMed2dImporter final : public Importer {
 public:
  std::string_view name() const override { return "sam-med2d"; }
  std::string_view summary() const override {
    return "SAM-Med2D training folder: images/, masks/ and image2label or label2image JSONs";
  }

  Recognition recognise(const fs::path& root) const override {
    const std::vector<List> lists = sam_med2d::find_lists(root, kRecogniseEntriesMax);
    if (lists.empty()) return {};
    std::error_code ignored;
    const bool images = fs::is_directory(root / kImagesFolder, ignored);
    return {images ? 100 : 60, fmt::format("{} is there{}", printable(lists.front().file),
                                           images ? ", and images/" : "")};
  }

  SourceDescription describe(const SourceTree& source) const override {
    SourceDescription description;
    DatasetInfo dataset;
    dataset.name = dataset_name(source);
    description.datasets.push_back(std::move(dataset));

    HashSet images;
    HashSet in_modes;  // "mode:image"
    std::uint64_t on_two_sides = 0;
    std::uint64_t refused = 0;
    PathResolver resolver(source);
    for (const List& list : lists_of(source)) {
      sam_med2d::for_each_pair(source, list, [&](const std::string& image, const auto&) {
        std::string path;
        try {
          path = resolver.resolve(image);
        } catch (const Error&) {
          refused += list.image_to_masks ? 1 : 0;
          return true;
        }
        const bool first_in_mode = in_modes.insert(list.mode + ":" + path);
        if (!images.insert(path) && first_in_mode) ++on_two_sides;
        return true;
      });
    }
    if (on_two_sides > 0) {
      description.problems.push_back(
          note("on-two-sides", printable(source.name()),
               fmt::format("{} images are listed for more than one of train, test, ...; no "
                           "official split is kept for them",
                           on_two_sides)));
    }
    description.items = images.size() + refused + unlisted_images(source, images).size();
    return description;
  }

  void scan(const SourceTree& source,
            const std::function<bool(SourceItem&&)>& emit) const override {
    Scan(source, emit).run();
  }

  DecodedItem decode(const SourceTree& source, const SourceItem& item, const DecodeOptions&,
                     const SampleSink& emit) const override {
    const std::string stem = internal::png_stem(item.image_paths.front());
    const sam_med2d::ImageName name = sam_med2d::parse_image_stem(stem);
    // The layout does not say along which axis a slice was cut; scans are cut along z.
    const Axis axis = name.slice_index ? Axis::z : Axis::none;
    return internal::decode_png_slice(source, item, {axis, name.slice_index.value_or(0), stem},
                                      emit);
  }
};

}  // namespace

std::unique_ptr<Importer> make_sam_med2d_importer() { return std::make_unique<SamMed2dImporter>(); }

}  // namespace slicebank
