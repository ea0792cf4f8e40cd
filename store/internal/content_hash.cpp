#include "store/internal/content_hash.h"

#include <array>
#include <bit>
#include <cassert>
#include <limits>

#include "store/internal/bytes.h"
#include "store/internal/hash.h"
#include "store/record.h"

namespace slicebank {

AnnotationHasher::AnnotationHasher(std::size_t masks, std::size_t labels) {
  append_little(bytes_, std::uint64_t{masks});
  append_little(bytes_, std::uint64_t{labels});
}

void AnnotationHasher::add(const Mask& mask, const MaskRuns& runs, std::uint32_t width) {
  append_little(bytes_, mask.instance);
  append_little(bytes_, std::uint32_t{mask.source_value});
  append_little(bytes_, std::uint64_t{mask.mask_hw.size()});
  append_little(bytes_, runs.area);
  // Runs of the pixels as one row: what touches across the end of a row is one run.
  std::uint64_t row = std::uint64_t{runs.box.y0} * width;
  std::size_t edge = 0;
  std::uint64_t start = 0;
  std::uint64_t end = 0;
  const auto append_run = [&] {
    if (end == start) return;
    append_little(bytes_, static_cast<std::uint32_t>(start));
    append_little(bytes_, static_cast<std::uint32_t>(end));
  };
  for (const std::uint32_t in_row : runs.row_runs) {
    for (const std::size_t last = edge + std::size_t{in_row} * 2; edge < last; edge += 2) {
      if (end != start && row + runs.edges[edge] == end) {
        end = row + runs.edges[edge + 1];
        continue;
      }
      append_run();
      start = row + runs.edges[edge];
      end = row + runs.edges[edge + 1];
    }
    row += width;
  }
  append_run();
}

void AnnotationHasher::add(const Label& label) {
  append_little(bytes_, std::bit_cast<std::uint64_t>(label.value));
}

ContentHash AnnotationHasher::digest() const { return hash128({Bytes(bytes_)}); }

ContentHash hash_image(const ImageView& image) {
  std::array<std::byte, 16> head{};
  put_little(MutableBytes(head), 0, static_cast<std::uint32_t>(image.shape.pixel_type));
  put_little(MutableBytes(head), 4, image.shape.height);
  put_little(MutableBytes(head), 8, image.shape.width);
  put_little(MutableBytes(head), 12, image.shape.channels);
  return hash128({Bytes(head), image.image_hwc});
}

ContentHash hash_annotations(const std::vector<Mask>& masks, const std::vector<Label>& labels) {
  AnnotationHasher hasher(masks.size(), labels.size());
  for (const Mask& mask : masks) {
    // The pixels' order alone counts, so any mask may be looked at as a single row.
    assert(mask.mask_hw.size() <= std::numeric_limits<std::uint32_t>::max());
    const auto pixels = static_cast<std::uint32_t>(mask.mask_hw.size());
    hasher.add(mask, scan_mask(mask.mask_hw, 1, pixels), pixels);
  }
  for (const Label& label : labels) hasher.add(label);
  return hasher.digest();
}

}  // namespace slicebank
