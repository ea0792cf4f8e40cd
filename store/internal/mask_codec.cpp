#include "store/internal/mask_codec.h"

#include <algorithm>
#include <cassert>
#include <string>
#include <utility>

#include "schema/limits.h"
#include "store/internal/bytes.h"
#include "store/internal/mask_streams.h"
#include "store/internal/zstd.h"

namespace slicebank {
namespace {

constexpr std::size_t kMasksAFrame = 64;
constexpr std::size_t kPlainBelow = 64;  // bytes of both streams

void append_group(const MaskStreams& streams, Effort effort, std::vector<std::byte>& out) {
  std::vector<std::byte> content = streams.counts;
  append_bytes(content, streams.ends);
  std::vector<std::byte> frame;
  if (content.size() >= kPlainBelow) {
    const int level = effort == Effort::small ? 19 : 3;
    zstd::append_frame(content, {.level = level, .magicless = true}, frame);
  }
  const bool plain = frame.empty() || frame.size() >= content.size();
  append_varint(out, streams.counts.size());
  append_varint(out, streams.ends.size());
  append_varint(out, plain ? 0 : frame.size());
  append_bytes(out, plain ? content : frame);
}

// What the frames of up to 64 masks say about themselves.
struct GroupHead {
  std::uint64_t counts_bytes = 0;
  std::uint64_t ends_bytes = 0;
  Bytes stored;
  bool plain = false;
};

// `most` bounds both streams together: no mask takes more than its rows as bits.
GroupHead read_group(ByteReader& reader, std::uint64_t most) {
  GroupHead head;
  head.counts_bytes = reader.varint(0, most, "length of the run counts");
  head.ends_bytes = reader.varint(1, most - head.counts_bytes, "length of the run ends");
  const std::uint64_t total = head.counts_bytes + head.ends_bytes;
  const std::uint64_t frame_bytes = reader.varint(0, total - 1, "length of a frame of masks");
  head.plain = frame_bytes == 0;
  head.stored = reader.take(head.plain ? total : frame_bytes, "frame of masks");
  return head;
}

Mask mask_of(const AnnotationInfo& info, std::uint64_t pixels) {
  Mask mask;
  mask.class_id = info.class_id;
  mask.raw_class = info.raw_class;
  mask.instance = info.instance;
  mask.source_value = info.source_value;
  mask.mask_hw.resize(static_cast<std::size_t>(pixels));
  return mask;
}

// Masks of some classes as a list.
class MaskList : public MaskSink {
 public:
  MaskList(const RecordMeta& meta, std::uint64_t pixels, std::span<const ClassId> classes)
      : table_(meta.annotations.data(), meta.masks()), pixels_(pixels), classes_(classes) {
    std::size_t wanted = 0;
    for (std::size_t i = 0; i < table_.size(); ++i) wanted += wants_mask(i) ? 1u : 0u;
    if (wanted > limits::kMasksBytesMax / std::max<std::uint64_t>(pixels, 1)) {
      throw Error(ErrorCode::limit,
                  std::to_string(wanted) + " masks of " + std::to_string(pixels) +
                      " pixels are too much memory",
                  "Read some of the classes only.");
    }
    masks_.reserve(wanted);
  }

  bool wants_mask(std::size_t mask) override {
    return classes_.empty() ||
           std::binary_search(classes_.begin(), classes_.end(), table_[mask].class_id);
  }
  std::span<std::uint8_t> begin_mask(std::size_t mask) override {
    masks_.push_back(mask_of(table_[mask], pixels_));
    return masks_.back().mask_hw;
  }
  void end_mask(std::size_t) override {}

  std::vector<Mask> take() && { return std::move(masks_); }

 private:
  std::span<const AnnotationInfo> table_;
  std::uint64_t pixels_;
  std::span<const ClassId> classes_;
  std::vector<Mask> masks_;
};

}  // namespace

EncodedMasks encode_masks(std::span<const MaskRuns> masks, std::uint32_t width, Effort effort) {
  EncodedMasks encoded;
  encoded.encodings.reserve(masks.size());
  MaskStreams streams;
  std::size_t in_group = 0;
  for (const MaskRuns& mask : masks) {
    assert(mask.box.x1 <= width);
    if (mask.area == 0) {
      encoded.encodings.push_back(MaskEncoding::empty);
      continue;
    }
    encoded.encodings.push_back(append_mask(mask, width, streams));
    if (++in_group < kMasksAFrame) continue;
    append_group(streams, effort, encoded.section);
    streams = {};
    in_group = 0;
  }
  if (in_group > 0) append_group(streams, effort, encoded.section);
  return encoded;
}

void decode_masks_section(Bytes section, const RecordMeta& meta, std::uint32_t height,
                          std::uint32_t width, MaskSink& sink) {
  const std::span<const AnnotationInfo> table(meta.annotations.data(), meta.masks());
  ByteReader reader(section);
  std::vector<std::byte> scratch;
  std::size_t next = 0;
  while (next < table.size()) {
    // The masks of one frame are table[first, next), the empty ones between them apart.
    const std::size_t first = next;
    std::size_t in_group = 0;
    std::uint64_t most = 0;
    bool any_wanted = false;
    for (; next < table.size() && in_group < kMasksAFrame; ++next) {
      any_wanted = any_wanted || sink.wants_mask(next);
      if (meta.encodings[next] == MaskEncoding::empty) continue;
      ++in_group;
      most += bits_bytes(table[next].box, width);
    }
    GroupHead head;
    if (in_group > 0) head = read_group(reader, most);
    if (!any_wanted) continue;
    Bytes content = head.stored;
    if (in_group > 0 && !head.plain) {
      scratch.resize(static_cast<std::size_t>(head.counts_bytes + head.ends_bytes));
      zstd::decompress_magicless(head.stored, nullptr, scratch);
      content = scratch;
    }
    MaskStreamReader streams(content.first(static_cast<std::size_t>(head.counts_bytes)),
                             content.subspan(static_cast<std::size_t>(head.counts_bytes)), width);
    for (std::size_t i = first; i < next; ++i) {
      const bool empty = meta.encodings[i] == MaskEncoding::empty;
      if (!sink.wants_mask(i)) {
        if (!empty) streams.skip(table[i], meta.encodings[i]);
        continue;
      }
      if (std::vector<MaskRun>* const runs = sink.begin_runs(i)) {
        if (!empty) streams.read_as_runs(table[i], meta.encodings[i], *runs);
        sink.end_mask(i);
        continue;
      }
      const std::span<std::uint8_t> mask_hw = sink.begin_mask(i);
      if (mask_hw.size() != std::uint64_t{height} * width) {
        throw Error(ErrorCode::bad_argument, "memory of " + std::to_string(mask_hw.size()) +
                                                 " bytes for a mask of " + std::to_string(height) +
                                                 " x " + std::to_string(width) + " pixels");
      }
      if (!empty) streams.read(table[i], meta.encodings[i], sink.foreground(i), mask_hw);
      sink.end_mask(i);
    }
    streams.expect_end();
  }
  reader.expect_end("last frame of masks");
}

std::vector<Mask> decode_masks_section(Bytes section, const RecordMeta& meta, std::uint32_t height,
                                       std::uint32_t width, std::span<const ClassId> classes) {
  MaskList masks(meta, std::uint64_t{height} * width, classes);
  decode_masks_section(section, meta, height, width, masks);
  return std::move(masks).take();
}

}  // namespace slicebank
