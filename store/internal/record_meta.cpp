#include "store/internal/record_meta.h"

#include <bit>
#include <limits>

#include "schema/limits.h"
#include "store/internal/bytes.h"

namespace slicebank {
namespace {

// The first byte of an entry.
constexpr std::uint8_t kKindBits = 0x03;
constexpr unsigned kEncodingShift = 2;
constexpr std::uint8_t kEncodingBits = 0x0c;
constexpr std::uint8_t kSameClass = 0x10;   // class and raw class of the entry before
constexpr std::uint8_t kUsualValue = 0x20;  // source value of the mask before; label of 1
constexpr std::uint8_t kUnusedBits = 0xc0;
constexpr std::uint64_t kMost32 = std::numeric_limits<std::uint32_t>::max();

// What an entry may leave out because the one before it said it already.
struct Previous {
  ClassId class_id{};
  std::uint32_t raw_class = 0;
  std::uint8_t source_value = 255;

  bool same_class(const AnnotationInfo& info) const noexcept {
    return info.class_id == class_id && info.raw_class == raw_class;
  }
};

bool usual_value(const AnnotationInfo& info, const Previous& previous) noexcept {
  if (info.kind == AnnotationKind::mask) return info.source_value == previous.source_value;
  return std::bit_cast<std::uint64_t>(info.value) == std::bit_cast<std::uint64_t>(1.0);
}

[[noreturn]] void fail(const char* what) { throw Error(ErrorCode::corrupt, what); }

void append_entry(const AnnotationInfo& info, std::uint8_t encoding, Previous& previous,
                  std::vector<std::byte>& out) {
  const bool is_mask = info.kind == AnnotationKind::mask;
  auto form = static_cast<std::uint8_t>(static_cast<unsigned>(info.kind) |
                                        static_cast<unsigned>(encoding) << kEncodingShift);
  const bool same_class = previous.same_class(info);
  const bool usual = usual_value(info, previous);
  if (same_class) form |= kSameClass;
  if (usual) form |= kUsualValue;
  out.push_back(std::byte{form});
  if (!same_class) {
    append_varint(out, raw(info.class_id));
    append_varint(out, info.raw_class);
    previous.class_id = info.class_id;
    previous.raw_class = info.raw_class;
  }
  if (!is_mask) {
    if (!usual) append_little(out, std::bit_cast<std::uint64_t>(info.value));
    return;
  }
  append_varint(out, info.instance);
  if (!usual) out.push_back(std::byte{info.source_value});
  previous.source_value = info.source_value;
  if (static_cast<MaskEncoding>(encoding) == MaskEncoding::empty) return;
  append_varint(out, info.box.x0);
  append_varint(out, info.box.y0);
  append_varint(out, info.box.x1 - info.box.x0);
  append_varint(out, info.box.y1 - info.box.y0);
  append_varint(out, info.area);
}

void read_box(const RecordHeader& header, ByteReader& reader, AnnotationInfo& info) {
  const auto number = [&](std::uint64_t least, std::uint64_t most, const char* what) {
    return static_cast<std::uint32_t>(reader.varint(least, most, what));
  };
  info.box.x0 = number(0, header.width - 1, "left side of a box");
  info.box.y0 = number(0, header.height - 1, "upper side of a box");
  info.box.x1 = info.box.x0 + number(1, header.width - info.box.x0, "width of a box");
  info.box.y1 = info.box.y0 + number(1, header.height - info.box.y0, "height of a box");
  const std::uint64_t box_area =
      std::uint64_t{info.box.x1 - info.box.x0} * (info.box.y1 - info.box.y0);
  info.area = reader.varint(1, box_area, "area of a mask");
}

AnnotationInfo read_entry(const RecordHeader& header, ByteReader& reader, Previous& previous,
                          std::vector<MaskEncoding>& encodings) {
  const std::uint8_t form = reader.u8("form of an annotation");
  const std::uint8_t kind = form & kKindBits;
  const auto encoding = static_cast<std::uint8_t>((form & kEncodingBits) >> kEncodingShift);
  if ((form & kUnusedBits) != 0 || kind == 0 || kind > 2) fail("unknown form of an annotation");
  AnnotationInfo info;
  info.kind = static_cast<AnnotationKind>(kind);
  const bool is_mask = info.kind == AnnotationKind::mask;
  if (is_mask == (encoding == 0)) fail("an annotation's encoding does not suit its kind");
  info.class_id = previous.class_id;
  info.raw_class = previous.raw_class;
  if ((form & kSameClass) == 0) {
    info.class_id = static_cast<ClassId>(reader.varint(1, kMost32, "class of an annotation"));
    info.raw_class = static_cast<std::uint32_t>(reader.varint(0, kMost32, "raw class"));
    if (previous.same_class(info)) fail("an annotation's class is written twice");
    previous.class_id = info.class_id;
    previous.raw_class = info.raw_class;
  } else if (raw(info.class_id) == 0) {
    fail("the first annotation has no class");
  }
  const bool usual = (form & kUsualValue) != 0;
  if (!is_mask) {
    info.value =
        usual ? 1.0 : std::bit_cast<double>(reader.little<std::uint64_t>("value of a label"));
  } else {
    info.instance = static_cast<std::uint32_t>(reader.varint(0, kMost32, "instance"));
    info.source_value = usual ? previous.source_value : reader.u8("source value");
    encodings.push_back(static_cast<MaskEncoding>(encoding));
    if (encodings.back() != MaskEncoding::empty) read_box(header, reader, info);
  }
  if (!usual && usual_value(info, previous)) fail("an annotation's usual value is written out");
  if (is_mask) previous.source_value = info.source_value;
  return info;
}

}  // namespace

std::vector<std::byte> encode_meta(const RecordMeta& meta) {
  std::vector<std::byte> out;
  append_varint(out, meta.name.size());
  append_bytes(out, std::as_bytes(std::span(meta.name)));
  Previous previous;
  for (std::size_t i = 0; i < meta.annotations.size(); ++i) {
    const std::uint8_t encoding =
        i < meta.masks() ? static_cast<std::uint8_t>(meta.encodings[i]) : std::uint8_t{0};
    append_entry(meta.annotations[i], encoding, previous, out);
  }
  return out;
}

RecordMeta decode_meta(const RecordHeader& header, Bytes section) {
  ByteReader reader(section);
  RecordMeta meta;
  const std::uint64_t name_bytes = reader.varint(0, limits::kNameBytesMax, "length of the name");
  const Bytes name = reader.take(name_bytes, "name");
  for (const std::byte byte : name) meta.name.push_back(static_cast<char>(byte));
  // An entry takes a byte at least, so the section's own size bounds what is reserved.
  if (header.annotations > limits::kAnnotationsMax || header.annotations > reader.rest().size()) {
    fail("more annotations than there can be");
  }
  meta.annotations.reserve(header.annotations);
  Previous previous;
  for (std::uint32_t i = 0; i < header.annotations; ++i) {
    meta.annotations.push_back(read_entry(header, reader, previous, meta.encodings));
    const bool is_mask = meta.annotations.back().kind == AnnotationKind::mask;
    if (is_mask && meta.masks() != meta.annotations.size()) fail("a mask follows a label");
  }
  reader.expect_end("annotation table");
  return meta;
}

}  // namespace slicebank
