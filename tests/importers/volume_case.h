// Volumes with maps, decoded as a volume layout decodes them: read along and read whole.
#pragma once

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "formats/nifti.h"
#include "importers/internal/volume_item.h"
#include "importers/internal/volume_stream.h"
#include "source_builder.h"

namespace slicebank::testing {

// What decode_volume_item() gave, and whether it asked to start again.
struct Decoding {
  std::vector<Sample> samples;
  DecodedItem item;
  bool started_again = false;
};

inline Decoding decoded(const SourceTree& source, const SourceItem& item,
                        const internal::VolumeRequest& request, bool may_start_again,
                        const std::vector<Axis>& axes = {Axis::z}) {
  Decoding result;
  DecodeOptions options;
  options.axes = axes;
  options.may_start_again = may_start_again;
  try {
    result.item = internal::decode_volume_item(
        source, item, request, options,
        [&](Sample&& sample) { result.samples.push_back(std::move(sample)); });
  } catch (const StartAgain&) {
    result.started_again = true;
  }
  return result;
}

inline std::vector<std::string> told(const DecodedItem& item) {
  std::vector<std::string> lines;
  for (const Problem& problem : item.problems) {
    lines.push_back(problem.kind + " " + problem.path + " " + problem.message);
  }
  return lines;
}

inline bool same(const Decoding& a, const Decoding& b) {
  if (a.samples.size() != b.samples.size()) return false;
  for (std::size_t i = 0; i < a.samples.size(); ++i) {
    const Sample& x = a.samples[i];
    const Sample& y = b.samples[i];
    if (x.axis != y.axis || x.slice_index != y.slice_index || x.image != y.image ||
        x.masks != y.masks || x.labels.size() != y.labels.size()) {
      return false;
    }
  }
  return told(a.item) == told(b.item) && a.item.spacing_xyz_mm == b.item.spacing_xyz_mm &&
         a.item.affine_4x4 == b.item.affine_4x4 && a.item.channel_names == b.item.channel_names &&
         a.item.unread_classes == b.item.unread_classes;
}

inline Volume random_volume(ElementType type, std::uint32_t frames, std::uint32_t channels,
                            unsigned below, std::mt19937_64& random) {
  Volume volume;
  volume.type = type;
  volume.size_ijk = {6, 5, 4};
  volume.frames = frames;
  volume.channels = channels;
  volume.dimensions = frames > 1 ? 4 : 3;
  volume.spacing_ijk_mm = {0.5, 0.75, 2};
  volume.affine = Affine{0.5, 0, 0, 1, 0, 0.75, 0, 2, 0, 0, 2, 3, 0, 0, 0, 1};
  const std::size_t size = element_bytes(type);
  volume.voxels.resize(voxel_bytes(volume));
  for (std::size_t at = 0; at < volume.voxels.size(); at += size) {
    volume.voxels[at] = static_cast<std::byte>(random() % below);
  }
  return volume;
}

inline MaskSource mask_of(std::uint32_t value, const std::string& path = "label.nii.gz") {
  MaskSource mask;
  mask.path = path;
  mask.class_name = "class " + std::to_string(value);
  mask.raw_class = value;
  mask.class_id = ClassId{100 + value};
  if (value != 0) mask.values = {value};
  return mask;
}

// One image and one map with the values 0 to 4, of which 1, 2 and 3 have classes.
struct Case {
  SourceBuilder source;
  SourceItem item;
  internal::VolumeRequest request;

  Case() {
    item.key = "case";
    item.image_paths = {"image.nii.gz"};
    item.labels.push_back({"seen", "", 1});
    for (const std::uint32_t value : {1u, 2u, 3u}) item.masks.push_back(mask_of(value));
  }

  void put(const std::string& path, const Volume& volume) {
    source.bytes(path, nifti::encode(volume, {.compressed = path.ends_with(".gz")}));
  }

  // Whether reading along gives what reading whole gives, and did read along.
  void check_streamed() {
    const SourceTree tree(source.root());
    DecodeOptions options;
    options.may_start_again = true;
    std::size_t emitted = 0;
    const auto read_none = [](const Volume&, DecodedItem&) {
      return std::vector<internal::LabelMap>();
    };
    CHECK(internal::stream_volume_item(
        tree, item, request, options, [&](Sample&&) { ++emitted; }, read_none));
    check_same();
    CHECK(emitted == decoded(tree, item, request, true).samples.size());
    CHECK(emitted > 0);
  }

  void check_same(const std::vector<Axis>& axes = {Axis::z}) {
    const SourceTree tree(source.root());
    const Decoding streamed = decoded(tree, item, request, true, axes);
    CHECK(!streamed.started_again);
    CHECK(same(streamed, decoded(tree, item, request, false, axes)));
  }
};

}  // namespace slicebank::testing
