// The two streams a frame of masks consists of: how many runs each row has, and where the
// runs begin and end.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "schema/sample.h"
#include "store/internal/mask_codec.h"

namespace slicebank {

struct MaskStreams {
  std::vector<std::byte> counts;
  std::vector<std::byte> ends;
};

// Bytes that the rows of a box take as bits, full width, rows not padded.
constexpr std::uint64_t bits_bytes(const Box& box, std::uint32_t width) noexcept {
  return (std::uint64_t{box.y1 - box.y0} * width + 7) / 8;
}

// Appends a mask that is not empty, as runs or, where these take more bytes, as bits.
MaskEncoding append_mask(const MaskRuns& mask, std::uint32_t width, MaskStreams& streams);

// Reads masks in the order they were appended. Throws Error(corrupt).
class MaskStreamReader {
 public:
  // Both streams are borrowed for the reader's life.
  MaskStreamReader(Bytes counts, Bytes ends, std::uint32_t width);

  // Sets the mask's pixels in `plane_hw`, which has the whole mask's size, to `foreground`, and
  // leaves all others as they are.
  void read(const AnnotationInfo& info, MaskEncoding encoding, std::uint8_t foreground,
            std::span<std::uint8_t> plane_hw);

  // Appends the foreground as runs, row by row.
  void read_as_runs(const AnnotationInfo& info, MaskEncoding encoding, std::vector<MaskRun>& runs);

  // Passes over a mask. Checks no more than that the streams do not end.
  void skip(const AnnotationInfo& info, MaskEncoding encoding);

  void expect_end() const;

 private:
  template <typename Visit>
  void walk_runs(const AnnotationInfo& info, const Visit& visit);
  void read_bits(const AnnotationInfo& info, std::uint8_t foreground,
                 std::span<std::uint8_t> plane_hw);
  Bytes take_bits(const Box& box);
  void check_bits(Bytes bits, const AnnotationInfo& info) const;

  const std::byte* count_;
  const std::byte* counts_end_;
  const std::byte* end_;
  const std::byte* ends_end_;
  std::uint32_t width_;
  std::vector<std::uint32_t> edges_;  // of the row above
};

}  // namespace slicebank
