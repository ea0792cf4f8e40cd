#include "importers/internal/dicom_masks.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>

#include "formats/rtstruct.h"
#include "importers/internal/dicom_place.h"
#include "importers/internal/item_problem.h"
#include "importers/internal/mask_pack.h"
#include "schema/error.h"
#include "schema/limits.h"
#include "schema/taxonomy.h"

namespace slicebank::internal {
namespace {

constexpr std::size_t kProblemsTold = 20;  // of one structure set

std::string mask_name(const std::string& label, const std::string& meaning, std::int64_t number) {
  const std::string name = !label.empty() ? label : meaning;
  if (name.empty()) return fmt::format("segment {}", number);
  return name.substr(0, limits::kNameBytesMax);
}

// Which item holds which instance, series and frame of reference.
class Finder {
 public:
  explicit Finder(const DicomTree& tree) : tree_(tree) {
    for (std::size_t i = 0; i < tree.items.size(); ++i) {
      for (const std::size_t file : tree.items[i].files) {
        const dicom::Instance& instance = tree.images[file].instance;
        by_instance_[instance.sop_instance_uid].push_back(i);
        add(by_series_, instance.series_instance_uid, i);
        add(by_frame_, instance.frame_of_reference_uid, i);
      }
    }
  }

  // The item with most of the instances.
  std::optional<std::size_t> of_instances(const std::set<std::string>& uids) const {
    std::map<std::size_t, std::size_t> votes;
    for (const std::string& uid : uids) {
      const auto found = by_instance_.find(uid);
      if (uid.empty() || found == by_instance_.end()) continue;
      for (const std::size_t item : found->second) ++votes[item];
    }
    return most(votes);
  }

  // The largest volume of a series.
  std::optional<std::size_t> of_series(const std::vector<std::string>& uids) const {
    std::map<std::size_t, std::size_t> votes;
    for (const std::string& uid : uids) count(by_series_, uid, votes);
    return most(votes);
  }

  // The volumes in a frame of reference, larger ones first.
  std::vector<std::size_t> in_frame(const std::string& uid) const {
    std::map<std::size_t, std::size_t> votes;
    count(by_frame_, uid, votes);
    std::vector<std::size_t> items;
    for (const auto& [item, slices] : votes) {
      if (tree_.items[item].kind == DicomImage::Kind::volume) items.push_back(item);
    }
    std::stable_sort(items.begin(), items.end(),
                     [&](std::size_t a, std::size_t b) { return votes[a] > votes[b]; });
    return items;
  }

 private:
  using Places = std::unordered_map<std::string, std::vector<std::size_t>>;

  static void add(Places& places, const std::string& uid, std::size_t item) {
    std::vector<std::size_t>& items = places[uid];
    if (items.empty() || items.back() != item) items.push_back(item);
  }

  void count(const Places& places, const std::string& uid,
             std::map<std::size_t, std::size_t>& votes) const {
    const auto found = places.find(uid);
    if (uid.empty() || found == places.end()) return;
    for (const std::size_t item : found->second) {
      const DicomImage& image = tree_.items[item];
      votes[item] += image.kind == DicomImage::Kind::volume ? image.volume.slices.size() : 1;
    }
  }

  static std::optional<std::size_t> most(const std::map<std::size_t, std::size_t>& votes) {
    const auto best =
        std::max_element(votes.begin(), votes.end(),
                         [](const auto& a, const auto& b) { return a.second < b.second; });
    if (best == votes.end()) return std::nullopt;
    return best->first;
  }

  const DicomTree& tree_;
  Places by_instance_;
  Places by_series_;
  Places by_frame_;
};

class Attaching {
 public:
  Attaching(const SourceTree& source, const DicomTree& tree, std::vector<SourceItem>& items)
      : source_(source), tree_(tree), finder_(tree), items_(items) {}

  void segmentation(const DicomFile& file) {
    guarded(file.path, [&] {
      const std::vector<std::byte> bytes = read_dicom_bytes(source_, file.path);
      const dicom::Segmentation seg(bytes, printable(file.path));
      std::set<std::string> uids;
      for (const dicom::SegmentationPlane& plane : seg.planes()) {
        for (const dicom::Source& from : plane.sources) uids.insert(from.sop_instance_uid);
      }
      auto place = finder_.of_instances(uids);
      if (!place) place = by_geometry(seg);
      if (!place) return orphan(file.path);
      for (const dicom::Segment& segment : seg.segments()) {
        add(items_[*place], file.path,
            mask_name(segment.label, segment.type.meaning, segment.number), segment.number,
            segment.type.meaning);
      }
      if (seg.type() == dicom::SegmentationType::fractional) {
        items_[*place].problems.push_back(
            note("fractional", file.path,
                 fmt::format("holds fractions of {}; from a half of it on a voxel is inside",
                             seg.maximum_fractional_value())));
      }
    });
  }

  void structure_set(const DicomFile& file) {
    guarded(file.path, [&] {
      const std::vector<std::byte> bytes = read_dicom_bytes(source_, file.path);
      const dicom::StructureSet set = dicom::read_structure_set(bytes, printable(file.path));
      std::set<std::string> uids;
      for (const dicom::Roi& roi : set.rois) {
        for (const dicom::Contour& contour : roi.contours) uids.insert(contour.sop_instance_uid);
      }
      auto place = finder_.of_instances(uids);
      if (!place) place = finder_.of_series(set.series_uids);
      if (!place) {
        const std::vector<std::size_t> near = finder_.in_frame(set.frame_of_reference_uid);
        if (!near.empty()) place = near.front();
      }
      if (!place) return orphan(file.path);
      std::size_t told = 0;
      for (const std::string& problem : set.problems) {
        if (++told > kProblemsTold) break;
        items_[*place].problems.push_back(note("rtstruct", file.path, problem));
      }
      for (const dicom::Roi& roi : set.rois) {
        if (roi.contours.empty()) continue;
        add(items_[*place], file.path, mask_name(roi.name, {}, roi.number), roi.number, {});
      }
    });
  }

  std::vector<SourceItem> take_failed() { return std::move(failed_); }

 private:
  template <typename Work>
  void guarded(const std::string& path, const Work& work) {
    try {
      work();
    } catch (const Error& error) {
      failed_.push_back(failed_item(path, "bad-mask", error.what()));
    }
  }

  // The first volume in the same frame of reference on whose voxels it lies.
  std::optional<std::size_t> by_geometry(const dicom::Segmentation& seg) const {
    for (const std::size_t item : finder_.in_frame(seg.instance().frame_of_reference_uid)) {
      if (PlaneMap::of(seg, tree_.items[item].volume, {})) return item;
    }
    return std::nullopt;
  }

  void orphan(const std::string& path) {
    failed_.push_back(
        failed_item(path, "missing-image", "the images that it marks are not in this folder"));
  }

  static void add(SourceItem& item, const std::string& path, std::string name, std::int64_t number,
                  const std::string& meaning) {
    MaskSource mask;
    mask.path = path;
    mask.class_name = std::move(name);
    mask.class_code = std::to_string(number);
    // The label may say more than its code: "left kidney" of the type "Kidney".
    if (!Taxonomy::builtin().find_class(mask.class_name)) mask.meaning = meaning;
    mask.instance = static_cast<std::uint32_t>(std::count_if(
        item.masks.begin(), item.masks.end(),
        [&](const MaskSource& other) { return other.class_name == mask.class_name; }));
    if (mask.instance == 0) {
      item.covered_classes.push_back({mask.class_name, mask.class_code, mask.meaning});
    } else {
      // One class, whatever number its next object has.
      const auto first =
          std::find_if(item.covered_classes.begin(), item.covered_classes.end(),
                       [&](const ClassName& covered) { return covered.name == mask.class_name; });
      if (first != item.covered_classes.end()) mask.meaning = first->meaning;
    }
    item.masks.push_back(std::move(mask));
  }

  const SourceTree& source_;
  const DicomTree& tree_;
  const Finder finder_;
  std::vector<SourceItem>& items_;
  std::vector<SourceItem> failed_;
};

// The masks of one file.
class MaskReader {
 public:
  MaskReader(const SourceItem& item, const DicomGrid& grid, DecodedItem& decoded)
      : item_(item), grid_(grid), decoded_(decoded) {}

  void read(const SourceTree& source, const std::string& path,
            const std::vector<std::size_t>& masks) {
    const char* stage = "missing-mask";
    try {
      const std::vector<std::byte> bytes = read_dicom_bytes(source, path);
      stage = "bad-mask";
      const dicom::Instance header = dicom::read_header(bytes, printable(path));
      if (header.sop_class_uid == dicom::kStructureSetStorage) {
        structure_set(bytes, path, masks);
      } else {
        segmentation(bytes, path, masks);
      }
    } catch (const Error& error) {
      refuse(masks, stage, path, error.what());
    }
  }

  std::vector<LabelMap> take() { return pack_.take(); }

 private:
  void refuse(const std::vector<std::size_t>& masks, const char* kind, const std::string& path,
              const std::string& message) {
    decoded_.problems.push_back(skipped(kind, path, message));
    for (const std::size_t mask : masks) {
      decoded_.unread_classes.push_back(item_.masks[mask].class_id);
    }
  }

  std::int64_t number_of(std::size_t mask) const {
    std::int64_t number = 0;
    const std::string& code = item_.masks[mask].class_code;
    std::from_chars(code.data(), code.data() + code.size(), number);
    return number;
  }

  void add(std::size_t mask, const std::string& path, std::vector<std::byte> voxels_kji) {
    LabelMap map;
    map.path = path;
    map.map.type = ElementType::u8;
    map.map.size_ijk = grid_.volume.size_ijk;
    map.map.dimensions = grid_.volume.size_ijk[2] == 1 ? 2 : 3;
    map.map.voxels = std::move(voxels_kji);
    map.masks = {mask};
    pack_.add(map);
  }

  void segmentation(Bytes bytes, const std::string& path, const std::vector<std::size_t>& masks) {
    const dicom::Segmentation seg(bytes, printable(path), grid_.instances);
    const auto place = PlaneMap::of(seg, grid_.volume, grid_.instances);
    if (!place) {
      return refuse(masks, "mask-grid", path,
                    "its planes do not lie on the slices of the image voxel by voxel");
    }
    bool outside = false;
    for (const std::size_t mask : masks) {
      const auto number = static_cast<std::uint32_t>(number_of(mask));
      add(mask, path, place->voxels(seg, number, outside));
    }
    if (outside) {
      decoded_.problems.push_back(
          note("mask-outside", path, "some of it lies outside of the image and is left out"));
    }
  }

  void structure_set(Bytes bytes, const std::string& path, const std::vector<std::size_t>& masks) {
    const dicom::StructureSet set = dicom::read_structure_set(bytes, printable(path));
    const std::array<std::uint32_t, 3>& size = grid_.volume.size_ijk;
    const std::size_t plane = std::size_t{size[0]} * size[1];
    std::set<std::string> told;
    for (const std::size_t mask : masks) {
      const auto roi = std::find_if(set.rois.begin(), set.rois.end(), [&](const dicom::Roi& each) {
        return each.number == number_of(mask);
      });
      if (roi == set.rois.end()) {
        refuse({mask}, "bad-mask", path, "the region is not there any more");
        continue;
      }
      const dicom::RoiMask region = dicom::rasterise(*roi, grid_.volume);
      for (const std::string& problem : region.problems) {
        if (told.size() < kProblemsTold && told.insert(problem).second) {
          decoded_.problems.push_back(
              note("rtstruct", path, fmt::format("{}: {}", printable(roi->name), problem)));
        }
      }
      std::vector<std::byte> voxels(plane * size[2]);
      for (const auto& [k, mask_hw] : region.mask_hw_of_slice) {
        std::transform(mask_hw.begin(), mask_hw.end(),
                       voxels.begin() + static_cast<std::ptrdiff_t>(k * plane),
                       [](std::uint8_t value) { return std::byte{value}; });
      }
      add(mask, path, std::move(voxels));
    }
  }

  const SourceItem& item_;
  const DicomGrid& grid_;
  DecodedItem& decoded_;
  MaskPack pack_;
};

}  // namespace

std::vector<SourceItem> attach_dicom_masks(const SourceTree& source, const DicomTree& tree,
                                           std::vector<SourceItem>& items) {
  Attaching attaching(source, tree, items);
  for (const DicomFile& file : tree.segmentations) attaching.segmentation(file);
  for (const DicomFile& file : tree.structure_sets) attaching.structure_set(file);
  return attaching.take_failed();
}

std::vector<LabelMap> read_dicom_masks(const SourceTree& source, const SourceItem& item,
                                       const DicomGrid& grid, DecodedItem& decoded) {
  std::map<std::string, std::vector<std::size_t>> files;
  for (std::size_t i = 0; i < item.masks.size(); ++i) files[item.masks[i].path].push_back(i);
  MaskReader reader(item, grid, decoded);
  for (const auto& [path, masks] : files) reader.read(source, path, masks);
  return reader.take();
}

}  // namespace slicebank::internal
