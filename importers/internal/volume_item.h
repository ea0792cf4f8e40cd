// A volume with its label maps, cut into slices: what the volume layouts have in common.
// Any thread.
//
// Slices keep the voxel order of the image file: along z they are (j, i) as (height,
// width), along y (k, i), along x (k, j), and slice_index is the index along the axis; so
// the volume comes back exactly. A mask is made for each slice on which its class is.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "formats/volume.h"
#include "importers/importer.h"

namespace slicebank::internal {

// What to make of the fourth dimension of an image.
enum class Frames {
  refuse,    // more than one is an error
  one,       // the frame that is asked for; maps may have a map for each
  channels,  // each frame is a channel: MSD's multi-modal images
};

struct VolumeRequest {
  Frames frames = Frames::refuse;
  std::uint32_t frame = 0;
  std::vector<std::string> channel_names{};   // of the channels, where the layout names them
  bool class_is_first_dimension = false;      // of 4-D maps: (c, x, y, z), as SAT-DS has them
  std::vector<std::uint32_t> other_values{};  // in maps, declared, and of no class: not told
};

// One file of labels, read.
struct LabelMap {
  std::string path;
  Volume map;                      // as stored
  std::vector<std::size_t> masks;  // places in SourceItem::masks of what lies in it

  // The component that the first map in `map` is, where others of the file were left out.
  std::uint32_t first_component = 0;

  // Of each of `masks`, the value under which it lies; empty: as the masks themselves say.
  std::vector<std::uint32_t> packed_values{};
  std::vector<std::uint32_t> other_values{};  // see VolumeRequest
};

// Reads the image files of `item` (several are channels, in their order, and must be on
// one grid) and the files of its masks, and emits the slices. Throws ItemError for an
// image: missing-image, bad-volume, too-large, unreadable, bad-path, frames, image-grid. A
// map that cannot be used becomes a problem, and its classes unread: missing-mask,
// bad-mask, mask-size, ...; a value in a map that no mask of the item asks for is told as
// unknown-class. Notes: mask-order, mask-grid, mask-maps (more in a stack than classes),
// volume.
DecodedItem decode_volume_item(const SourceTree& source, const SourceItem& item,
                               const VolumeRequest& request, const DecodeOptions& options,
                               const SampleSink& emit);

// What the channels of a slice are made of: each volume gives its channels, frame by
// frame. Rescaled, all on one grid; where their types differ the slices are i32, or f32
// where i32 cannot hold one of them.
struct ImageParts {
  std::vector<Volume> volumes{};
  std::optional<std::uint32_t> frame{};  // that one only
};

// A slice of all channels. Throws as values_of() does.
Image slice_of(const ImageParts& image, Axis axis, std::uint32_t index);

// The second half of it, for layouts that read their arrays otherwise. Maps are on the
// grid of the image.
void emit_slices(const SourceItem& item, const DecodeOptions& options, const ImageParts& image,
                 const std::vector<LabelMap>& maps, const SampleSink& emit, DecodedItem& decoded);

}  // namespace slicebank::internal
