// A record: the bytes of one sample in records.lmdb. Pure functions, any thread.
//
// docs/format-record.md specifies every byte. Encoding is in two steps so that
// many threads can do the work before ids are known: encode_sample() makes everything
// that does not depend on the bank, seal_record() adds the ids and the header hash.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "schema/ids.h"
#include "schema/sample.h"

namespace slicebank {

using BankUuid = std::array<std::uint8_t, 16>;

// How much time the encoder may take. Decoding is equally fast after any of them.
enum class Effort : std::uint8_t { fast = 1, balanced = 2, small = 3 };

// A trained zstd dictionary for the tiny images of one (dataset, width, height,
// channels). Immutable; safe from many threads. See store/dictionary.h.
class Dictionary;

// Where a decoder finds the dictionary a record names.
class DictionarySource {
 public:
  virtual ~DictionarySource() = default;
  // Null when there is none of that id; the decoder then throws Error(corrupt).
  virtual std::shared_ptr<const Dictionary> find(std::uint32_t dictionary_id) const = 0;
};

struct CodecOptions {
  Effort effort = Effort::balanced;
  std::shared_ptr<const Dictionary> dictionary;  // used where it helps; may be null
};

// A sample encoded, still without ids. `info.id` and `info.volume_id` are 0.
struct EncodedSample {
  SampleInfo info;
  ContentHash masks_hash;         // over the decoded annotations, for the logical digest
  std::vector<std::byte> record;  // header with ids and header hash still 0, then sections
};

// Throws Error(bad_format) when a mask is not height x width or holds other values than
// 0 and 1, Error(limit) when the sample is larger than schema/limits.h allows,
// Error(bad_argument) for an annotation of class 0 or a code that there is not.
// Same sample, same options, same zstd release: same bytes, on every machine.
EncodedSample encode_sample(const Sample& sample, const CodecOptions& options = {});

// Gives the record its identity. Returns the finished bytes (moved out of `sample`).
std::vector<std::byte> seal_record(const BankUuid& bank, SampleId id, VolumeId volume,
                                   EncodedSample&& sample);

// --- Reading. `record` is borrowed for the call only; results own their memory. Each
// call checks the hashes of what it touches, before it decompresses anything. Throws
// Error(corrupt), naming the sample and the section, when a byte is not as it was
// written; Error(wrong_version) for a layout newer than this build.

SampleInfo decode_info(const BankUuid& bank, SampleId id, Bytes record);

// Writes shape.bytes() bytes of pixels, (height, width, channels). `out` must have
// exactly that size (ask decode_info).
void decode_image(const BankUuid& bank, SampleId id, Bytes record,
                  const DictionarySource* dictionaries, MutableBytes out_hwc);

// All masks, or those whose class is in `classes` (ascending) when it is not empty.
std::vector<Mask> decode_masks(const BankUuid& bank, SampleId id, Bytes record,
                               std::span<const ClassId> classes = {});

// Foreground of one row of a mask: columns [x0, x1) of row y.
struct MaskRun {
  std::uint32_t y = 0;
  std::uint32_t x0 = 0;
  std::uint32_t x1 = 0;

  friend auto operator<=>(const MaskRun&, const MaskRun&) = default;  // NOLINT
};

// Rows [begin, end) of an image; an end beyond it is its last row.
struct RowRange {
  std::uint32_t begin = 0;
  std::uint32_t end = 0xffff'ffff;
};

// Where decode_into() puts what it decodes: memory of the caller's, asked for when it is
// needed. Masks are numbered as in SampleInfo::annotations, where they come first.
class MaskSink {
 public:
  virtual ~MaskSink() = default;
  // Whether to decode a mask. May be asked more than once, and has to say the same.
  virtual bool wants_mask(std::size_t mask) = 0;
  // Where to append the mask as runs, row by row and from left to right, instead of painting
  // it; null paints. Then end_mask() follows, and begin_mask() is not asked.
  virtual std::vector<MaskRun>* begin_runs(std::size_t /*mask*/) { return nullptr; }
  // What foreground becomes. Other values paint masks into one picture; asked after begin.
  virtual std::uint8_t foreground(std::size_t) { return 1; }
  // Memory for height x width pixels; the decoder sets foreground and leaves the rest as it
  // is. Between begin and end no other mask is begun, so one plane, all 0, serves all masks
  // if end clears it; a plane that is not cleared shows them all, the later ones on top.
  virtual std::span<std::uint8_t> begin_mask(std::size_t mask) = 0;
  virtual void end_mask(std::size_t mask) = 0;
};

class DecodeSink : public MaskSink {
 public:
  // Comes first. Memory for info.shape.bytes() of pixels; empty leaves them undecoded.
  // `info` is the sink's to keep.
  virtual MutableBytes begin(SampleInfo&& info) = 0;
  // Comes next where there is memory: the rows that are needed. The others may hold anything
  // afterwards; codecs that can leave them out do.
  virtual RowRange rows() { return {}; }
};

// Image and masks into the sink's memory; the image first. When it throws, what the sink
// has given holds anything.
void decode_into(const BankUuid& bank, SampleId id, Bytes record,
                 const DictionarySource* dictionaries, DecodeSink& sink);

// Everything at once.
Sample decode_sample(const BankUuid& bank, SampleId id, Bytes record,
                     const DictionarySource* dictionaries);

// The dictionary the image was coded with; 0 for none. Reads only the header.
std::uint32_t record_dictionary(const BankUuid& bank, SampleId id, Bytes record);

// What hash_annotations() gives for the decoded annotations. Reads only the header.
ContentHash record_annotations_hash(const BankUuid& bank, SampleId id, Bytes record);

// Changes a class id and a raw class to what another bank calls them.
using ClassMap = std::function<void(ClassId& class_id, std::uint32_t& raw_class)>;

// The same record under another identity; pixels and masks are copied without
// re-encoding. Checks all of it first. `to_dictionary` is the id of its dictionary in the
// other bank, 0 keeps the id it has; `to_class` is called for every annotation.
std::vector<std::byte> rebind_record(const BankUuid& from_bank, SampleId from_id, Bytes record,
                                     const BankUuid& to_bank, SampleId to_id, VolumeId to_volume,
                                     std::uint32_t to_dictionary = 0,
                                     const ClassMap& to_class = {});

// Hash of decoded pixels and of decoded annotations (docs/format-record.md, "Content
// hash"). Classes are no part of it, because their ids differ between banks.
ContentHash hash_image(const ImageView& image);
ContentHash hash_annotations(const std::vector<Mask>& masks, const std::vector<Label>& labels);

}  // namespace slicebank
