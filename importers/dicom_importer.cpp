// A tree of DICOM files: series, multiframe images, 2-D images, with the SEG and RTSTRUCT
// objects that refer to them (docs/importers/dicom.md).
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <memory>
#include <utility>

#include "importers/importer.h"
#include "importers/internal/dicom_masks.h"
#include "importers/internal/dicom_pixels.h"
#include "importers/internal/dicom_tree.h"
#include "importers/internal/item_problem.h"
#include "schema/error.h"

namespace slicebank {
namespace {

// Below every layout that says more of itself, above the other general ones: reports and
// derived files often lie beside DICOM.
constexpr int kScore = 38;

constexpr int kMinorityScore = 26;

constexpr const char* kVolume = "volume";
constexpr const char* kPicture = "picture";
constexpr const char* kLoop = "loop";

using internal::DicomGrid;
using internal::DicomImage;
using internal::DicomTree;

std::string dataset_name(const SourceTree& source) {
  return source.name().empty() ? "dicom" : source.name();
}

// Read once for describe() and scan().
struct Listed {
  DicomTree tree;
  std::vector<SourceItem> items;  // failed ones behind the others
};

SourceItem make_item(const DicomTree& tree, const DicomImage& image, const std::string& dataset) {
  const dicom::Instance& first = tree.images[image.files.front()].instance;
  SourceItem item;
  item.key = image.key;
  item.dataset = dataset;
  item.patient_id = !first.patient_id.empty()           ? first.patient_id
                    : !first.study_instance_uid.empty() ? first.study_instance_uid
                                                        : image.key;
  item.volume_key = image.key;
  item.modality = first.modality;
  item.identifying = true;
  for (const std::size_t file : image.files) item.image_paths.push_back(tree.images[file].path);
  item.problems = image.problems;
  switch (image.kind) {
    case DicomImage::Kind::volume:
      item.place = fmt::format("{} {} {}", kVolume, image.volume.slices.size(),
                               image.volume.slices.front().frame);
      break;
    case DicomImage::Kind::picture:
      item.place = kPicture;
      break;
    case DicomImage::Kind::loop:
      item.place = kLoop;
      break;
  }
  return item;
}

std::shared_ptr<const Listed> listed(const SourceTree& source) {
  return std::static_pointer_cast<const Listed>(source.shared("dicom listed", [&] {
    auto made = std::make_shared<Listed>();
    made->tree = internal::read_dicom_tree(source);
    const std::string dataset = dataset_name(source);
    for (const DicomImage& image : made->tree.items) {
      made->items.push_back(make_item(made->tree, image, dataset));
    }
    for (SourceItem& item : internal::attach_dicom_masks(source, made->tree, made->items)) {
      made->items.push_back(std::move(item));
    }
    for (SourceItem& item : made->tree.failed) made->items.push_back(std::move(item));
    // The headers have said what there is to say.
    made->tree.images.clear();
    made->tree.items.clear();
    return std::static_pointer_cast<void>(std::move(made));
  }));
}

class DicomImporter final : public Importer {
 public:
  std::string_view name() const override { return "dicom"; }
  std::string_view summary() const override {
    return "DICOM: series, multiframe and 2-D images, with SEG and RTSTRUCT as masks";
  }

  Recognition recognise(const std::filesystem::path& root) const override {
    const internal::DicomPeek peek = internal::peek_dicom(root);
    if (peek.files == 0) return {};
    if (peek.files < peek.others) {
      return {kMinorityScore, fmt::format("{} is a DICOM file, though there are more volumes of "
                                          "other formats",
                                          printable(peek.first))};
    }
    return {kScore, fmt::format("{} is a DICOM file", printable(peek.first))};
  }

  SourceDescription describe(const SourceTree& source) const override {
    const auto list = listed(source);
    if (list->items.empty()) {
      std::string why;
      for (const Problem& problem : list->tree.problems) {
        if (problem.severity == Severity::skipped && why.empty()) {
          why = fmt::format("; {}: {}", printable(problem.path), problem.message);
        }
      }
      throw Error(ErrorCode::not_found, fmt::format("there is no DICOM image that can be kept in "
                                                    "{}{}",
                                                    printable(source.name()), why));
    }
    SourceDescription description;
    DatasetInfo info;
    info.name = dataset_name(source);
    description.datasets.push_back(std::move(info));
    description.problems = list->tree.problems;
    description.items = list->items.size();
    return description;
  }

  void scan(const SourceTree& source,
            const std::function<bool(SourceItem&&)>& emit) const override {
    for (const SourceItem& item : listed(source)->items) {
      if (!emit(SourceItem(item))) return;
    }
  }

  DecodedItem decode(const SourceTree& source, const SourceItem& item, const DecodeOptions& options,
                     const SampleSink& emit) const override {
    DecodedItem decoded;
    if (item.place == kLoop) {
      internal::decode_dicom_loop(source, item, emit);
      return decoded;
    }
    DicomGrid grid;
    internal::ImageParts image;
    image.volumes.push_back(item.place == kPicture
                                ? internal::read_dicom_picture(source, item, grid)
                                : internal::read_dicom_volume(source, item, place_of(item), grid));
    const std::vector<internal::LabelMap> maps =
        internal::read_dicom_masks(source, item, grid, decoded);
    internal::emit_slices(item, options, image, maps, emit, decoded);
    return decoded;
  }

 private:
  static internal::DicomVolumePlace place_of(const SourceItem& item) {
    internal::DicomVolumePlace place;
    const char* const end = item.place.data() + item.place.size();
    const char* const number = item.place.data() + std::string_view(kVolume).size() + 1;
    const auto [next, error] = std::from_chars(number, end, place.slices);
    if (error == std::errc() && next < end) std::from_chars(next + 1, end, place.first_frame);
    return place;
  }
};

}  // namespace

std::unique_ptr<Importer> make_dicom_importer() { return std::make_unique<DicomImporter>(); }

}  // namespace slicebank
