#include "importers/internal/dicom_tree.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "formats/gzip.h"
#include "importers/internal/file_walk.h"
#include "importers/internal/item_problem.h"
#include "importers/internal/volume_file.h"
#include "schema/error.h"
#include "schema/limits.h"

namespace slicebank::internal {
namespace {

constexpr unsigned kDepthMax = 32;
constexpr std::size_t kFrontBytes = std::size_t{1} << 16;  // holds most headers
constexpr std::size_t kLookBytes = 256;
constexpr std::uint64_t kEntriesPeeked = 400;
// What comes out of a gzipped file at most: so many bytes, or so many times what goes in.
constexpr std::uint64_t kUnpackedBytes = 64u << 20;
constexpr std::uint64_t kRatioMax = 100;
constexpr std::size_t kNamedMax = 20;  // of files that are left out for one reason

// One image a file, each by itself, whatever their places say.
constexpr std::array<std::string_view, 16> kPictureModalities = {
    "CR", "DX", "MG", "IO", "PX",  "RF", "XA", "US",
    "OP", "XC", "ES", "GM", "DMS", "SC", "OT", "RG"};

// Slices of these are a stack even where they say nothing of their places.
constexpr std::array<std::string_view, 5> kStackModalities = {"CT", "MR", "PT", "NM", "OPT"};

// Pixels that are no picture of anything: doses, waveforms, presentation states, maps.
constexpr std::array<std::string_view, 12> kNoImages = {
    "RTDOSE", "RTPLAN", "SR", "PR", "KO", "REG", "ECG", "AU", "PLAN", "DOC", "RTRECORD", "KER"};

template <typename Words>
bool is_one_of(const Words& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

std::vector<std::byte> read_front(const ByteSource& file, std::size_t bytes,
                                  const std::string& name) {
  std::vector<std::byte> front(
      static_cast<std::size_t>(std::min<std::uint64_t>(file.size(), bytes)));
  file.read_at(0, front, name);
  return front;
}

bool has_preamble(Bytes file) {
  constexpr std::string_view kMagic = "DICM";
  constexpr std::size_t kPreamble = 128;
  if (file.size() < kPreamble + kMagic.size()) return false;
  return std::equal(kMagic.begin(), kMagic.end(), file.begin() + kPreamble,
                    [](char c, std::byte b) { return static_cast<std::byte>(c) == b; });
}

class Reader {
 public:
  explicit Reader(const SourceTree& source) : source_(source) {}

  DicomTree run() {
    for_each_file(source_.root(), "", {kDepthMax}, [&](const std::string& path) {
      take(path);
      return true;
    });
    std::sort(tree_.images.begin(), tree_.images.end(),
              [](const DicomFile& a, const DicomFile& b) { return a.path < b.path; });
    tell_left_out();
    make_items();
    return std::move(tree_);
  }

 private:
  void take(const std::string& path) {
    std::optional<dicom::Instance> instance;
    try {
      instance = read_header(path);
    } catch (const Error& error) {
      tree_.failed.push_back(failed_item(path, "bad-dicom", error.what()));
      return;
    }
    if (!instance) {
      if (others_++ == 0) first_other_ = path;
      return;
    }
    if (instance->sop_class_uid == dicom::kSegmentationStorage ||
        instance->sop_class_uid == dicom::kLabelMapStorage) {
      tree_.segmentations.push_back({path, *std::move(instance)});
    } else if (instance->sop_class_uid == dicom::kStructureSetStorage) {
      tree_.structure_sets.push_back({path, *std::move(instance)});
    } else if (!instance->has_pixels || is_one_of(kNoImages, instance->modality)) {
      const bool directory = instance->sop_class_uid == dicom::kDirectoryStorage;
      leave_out(directory                    ? "DICOMDIR"
                : instance->modality.empty() ? "of no modality"
                                             : instance->modality,
                path);
    } else {
      tree_.images.push_back({path, *std::move(instance)});
    }
  }

  // Nothing for a file that is no DICOM.
  std::optional<dicom::Instance> read_header(const std::string& path) const {
    const std::string name = printable(path);
    const auto file = source_.open(path);
    std::vector<std::byte> front = read_front(*file, kFrontBytes, name);
    const bool packed = gzip::is_gzip(front);
    if (packed) {
      try {
        front = gzip::inflate_prefix(front, kFrontBytes / 2, name);
      } catch (const Error&) {
        return std::nullopt;  // some other compressed file
      }
    }
    if (!dicom::looks_like(front)) return std::nullopt;
    try {
      return dicom::read_header(front, name);
    } catch (const Error&) {
      const bool all = !packed && file->size() <= kFrontBytes;
      try {
        if (!all) return dicom::read_header(read_dicom_bytes(source_, path), name);
      } catch (const Error&) {
        if (has_preamble(front)) throw;
        return std::nullopt;
      }
      if (has_preamble(front)) throw;
      return std::nullopt;
    }
  }

  void leave_out(const std::string& what, const std::string& path) {
    left_out_[what].push_back(path);
  }

  void tell_left_out() {
    for (const auto& [what, paths] : left_out_) {
      tree_.problems.push_back(
          note("no-image", paths.front(),
               fmt::format("{} {} no image that can be kept: {}{}", paths.size(),
                           paths.size() == 1 ? "file is" : "files are", printable(what),
                           paths.size() == 1 ? "" : "; this is the first")));
    }
    if (others_ > 0) {
      tree_.problems.push_back(
          note("not-dicom", first_other_,
               fmt::format("{} {} no DICOM{}", others_, others_ == 1 ? "file is" : "files are",
                           others_ == 1 ? "" : "; this is the first")));
    }
  }

  static bool is_picture(const dicom::Instance& instance) {
    if (instance.frames != 1) return false;
    if (is_one_of(kPictureModalities, instance.modality)) return true;
    const bool placed = instance.first.position && instance.first.orientation;
    return !placed && !is_one_of(kStackModalities, instance.modality);
  }

  void make_items() {
    std::vector<std::size_t> stacked;
    std::set<std::string> seen;
    for (std::size_t i = 0; i < tree_.images.size(); ++i) {
      const dicom::Instance& instance = tree_.images[i].instance;
      const bool loop = instance.frames > 1 && instance.frame_list.empty();
      const bool tiled = instance.frames > 0 && instance.frame(0).tile_yx.has_value();
      if (tiled || instance.modality == "SM") {
        tree_.problems.push_back(skipped("slide", tree_.images[i].path,
                                         "a tile or level of a whole slide; slides are not read"));
      } else if (loop || is_picture(instance)) {
        const std::string& uid = instance.sop_instance_uid;
        if (!uid.empty() && !seen.insert(uid).second) {
          tree_.problems.push_back(
              note("duplicate-instance", tree_.images[i].path, "the same image is there twice"));
          continue;
        }
        DicomImage image;
        image.kind = loop ? DicomImage::Kind::loop : DicomImage::Kind::picture;
        image.key = uid.empty() ? tree_.images[i].path : uid;
        image.files = {i};
        tree_.items.push_back(std::move(image));
      } else {
        stacked.push_back(i);
      }
    }
    make_volumes(stacked);
  }

  void make_volumes(const std::vector<std::size_t>& stacked) {
    std::vector<dicom::Instance> instances;
    for (const std::size_t i : stacked) instances.push_back(tree_.images[i].instance);
    dicom::Grouping grouping = dicom::group_series(instances);
    std::map<std::string, unsigned> numbers;
    std::set<std::string> used;
    for (dicom::SeriesVolume& volume : grouping.volumes) {
      DicomImage image;
      image.kind = DicomImage::Kind::volume;
      const unsigned number = ++numbers[volume.series_instance_uid];
      image.key = volume.series_instance_uid;
      if (image.key.empty()) image.key = tree_.images[stacked[volume.slices[0].instance]].path;
      if (number > 1) image.key += fmt::format(" {}", number);
      std::map<std::size_t, std::size_t> places;
      for (dicom::Slice& slice : volume.slices) {
        const auto [place, fresh] = places.emplace(slice.instance, image.files.size());
        if (fresh) image.files.push_back(stacked[slice.instance]);
        used.insert(instances[slice.instance].sop_instance_uid);
        slice.instance = place->second;
      }
      const std::string& first = tree_.images[image.files.front()].path;
      for (const dicom::Problem& problem : volume.problems) {
        if (problem.kind == dicom::ProblemKind::duplicate_instance) continue;  // told by file
        std::string kind = dicom::problem_name(problem.kind);
        std::replace(kind.begin(), kind.end(), '_', '-');
        image.problems.push_back(note(std::move(kind), first, problem.message));
      }
      image.volume = std::move(volume);
      tree_.items.push_back(std::move(image));
    }
    std::map<std::string, std::size_t> told;
    for (const dicom::LeftOut& left : grouping.left_out) {
      const std::size_t number = ++told[left.reason];
      if (number > kNamedMax) continue;
      const bool twin = used.contains(instances[left.instance].sop_instance_uid);
      const std::string& path = tree_.images[stacked[left.instance]].path;
      const std::string message =
          left.reason + (number == kNamedMax ? "; more of them are not named" : "");
      tree_.problems.push_back(twin ? note("duplicate-instance", path, message)
                                    : skipped("left-out", path, message));
    }
  }

  const SourceTree& source_;
  DicomTree tree_;
  std::size_t others_ = 0;
  std::string first_other_;
  std::map<std::string, std::vector<std::string>> left_out_;
};

}  // namespace

std::vector<std::byte> read_dicom_bytes(const SourceTree& source, const std::string& path) {
  std::vector<std::byte> bytes = source.read(path);
  if (!gzip::is_gzip(bytes)) return bytes;
  const std::uint64_t most = std::max<std::uint64_t>(kUnpackedBytes, kRatioMax * bytes.size());
  return gzip::inflate(bytes, std::min(most, limits::kSourceFileBytesMax), printable(path));
}

DicomTree read_dicom_tree(const SourceTree& source) { return Reader(source).run(); }

DicomPeek peek_dicom(const std::filesystem::path& root) {
  DicomPeek peek;
  try {
    const SourceTree source(root);
    for_each_file(root, "", {kDepthMax, kEntriesPeeked}, [&](const std::string& path) {
      if (!volume_ending(path).empty()) {
        ++peek.others;
        return true;
      }
      try {
        const auto file = source.open(path);
        std::vector<std::byte> front = read_front(*file, kLookBytes, path);
        const bool packed = gzip::is_gzip(front);
        if (packed) {
          front = gzip::inflate_prefix(read_front(*file, kFrontBytes, path), kLookBytes, path);
        }
        const bool named = path.ends_with(".dcm") || path.ends_with(".DCM");
        if (dicom::looks_like(front) && (has_preamble(front) || named)) {
          if (peek.files++ == 0) peek.first = path;
        }
      } catch (const Error&) {
        // Not to be read: of no layout.
      }
      return true;
    });
  } catch (const Error&) {
    return {};
  }
  return peek;
}

}  // namespace slicebank::internal
