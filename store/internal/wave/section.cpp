#include "store/internal/wave/section.h"

#include <algorithm>
#include <string>

#include "schema/error.h"
#include "store/internal/bytes.h"

namespace slicebank::wave {
namespace {

// Bits that may be set in either half of the class mask: classes 1 to 13.
constexpr std::uint32_t kClassBits = (1u << kClassIdMax) - 1;
constexpr std::uint32_t kFrameBytesMax = 1u << 31;

[[noreturn]] void fail(const std::string& what) {
  throw Error(ErrorCode::corrupt, "image section: " + what);
}

bool is_wide(const ImageShape& shape) { return pixel_bytes(shape.pixel_type) == 2; }

std::uint32_t slots_per_tile(const ImageShape& shape) {
  return is_wide(shape) ? kSlotsPerTile<std::uint16_t> : kSlotsPerTile<std::uint8_t>;
}

// Slots of classes in the order of the class mask: plain 1 to 13, flat-coded 1 to 13.
template <class Visit>
void for_each_class(Visit visit) {
  for (std::uint32_t id = 1; id <= kClassIdMax; ++id) visit(id);
  for (std::uint32_t id = 1; id <= kClassIdMax; ++id) visit(kFlatFamily + id);
}

void parse_channels(const ImageShape& shape, ByteReader& reader, SectionHeader& header) {
  const std::uint32_t channels = shape.channels;
  const bool equal = (header.flags & kFlagEqual) != 0;
  const bool references = (header.flags & kFlagReferences) != 0;
  if (equal && (references || header.planes != 1 || channels < 2)) fail("equal channels");
  if (references) {
    std::uint32_t seen = 0;
    for (std::uint32_t channel = 0; channel < channels; ++channel) {
      const std::uint8_t plane = reader.u8("plane references");
      header.plane_of_channel[channel] = plane;
      if (plane > seen || plane >= header.planes) fail("plane reference");
      if (plane == seen) ++seen;
    }
    if (seen != header.planes || seen == channels) fail("plane references");
  } else if (!equal) {
    if (header.planes != channels) fail("number of planes");
    for (std::uint32_t channel = 0; channel < channels; ++channel) {
      header.plane_of_channel[channel] = static_cast<std::uint8_t>(channel);
    }
  }
  if (header.transform == Transform::subtract_green &&
      (is_wide(shape) || channels != 3 || header.planes != 3)) {
    fail("colour transform");
  }
  if ((header.flags & kFlagRanks) != 0 && (is_wide(shape) || header.planes != 1)) {
    fail("rank map");
  }
}

// Ranks pay, and are below 128, where fewer than half of the values in the range are used.
void check_ranks(const std::array<std::uint8_t, 32>& used_values) {
  int used = 0;
  int lowest = 256;
  int highest = -1;
  for (int value = 0; value < 256; ++value) {
    if ((used_values[static_cast<std::size_t>(value) / 8] >> value % 8 & 1) == 0) continue;
    ++used;
    lowest = std::min(lowest, value);
    highest = value;
  }
  if (used == 0 || 2 * used > highest - lowest) fail("rank map");
}

SectionHeader parse_header(const ImageShape& shape, ByteReader& reader) {
  SectionHeader header;
  if (reader.u8("profile") != kProfile) fail("unknown profile");
  const std::uint8_t transform = reader.u8("transform");
  if (transform > 1) fail("unknown transform");
  header.transform = static_cast<Transform>(transform);
  header.planes = reader.u8("planes");
  if (header.planes < 1 || header.planes > shape.channels) fail("number of planes");
  header.flags = reader.u8("flags");
  if ((header.flags & ~kFlagsKnown) != 0) fail("unknown flags");
  if (reader.u8("strips") != 1) fail("number of strips");
  parse_channels(shape, reader, header);
  if (is_wide(shape)) {
    for (std::uint32_t plane = 0; plane < header.planes; ++plane) {
      header.bias_of_plane[plane] = reader.little<std::uint16_t>("bias");
    }
  } else if (shape.pixel_type == PixelType::i8) {
    header.bias_of_plane.fill(0x80);
  }
  if ((header.flags & kFlagRanks) != 0) {
    for (auto& byte : header.used_values) byte = reader.u8("rank map");
    check_ranks(header.used_values);
  }
  return header;
}

StreamSizes parse_sizes(const Section& section, std::uint32_t slots, bool wide,
                        ByteReader& reader) {
  StreamSizes sizes;
  const auto mask = reader.little<std::uint32_t>("class mask");
  if ((mask & ~(kClassBits | kClassBits << 16)) != 0) fail("class mask");
  std::uint64_t tiles_left = section.tiles;
  std::uint64_t flat_tiles = 0;
  for_each_class([&](std::uint32_t slot) {
    const bool flat = slot >= kFlatFamily;
    if ((mask >> (slot - 1) & 1) == 0) return;
    sizes.tiles[slot] = reader.varint(1, tiles_left, "tiles of a class");
    tiles_left -= sizes.tiles[slot];
    if (!flat) return;
    flat_tiles += sizes.tiles[slot];
    std::uint64_t symbols_left = sizes.tiles[slot] * slots;
    for (std::uint32_t plane = 0; plane < section.header.planes; ++plane) {
      const std::uint64_t symbols = reader.varint(0, symbols_left, "symbols of a class");
      sizes.plane_symbols(slot - kFlatFamily, plane) = symbols;
      symbols_left -= symbols;
      sizes.symbols[slot] += symbols;
    }
  });
  if (flat_tiles > 0) {
    sizes.exceptions = reader.varint(0, flat_tiles * slots, "exceptions");
    if (sizes.exceptions > 0) {
      // Continuing gap bytes move 255 slots each.
      const std::uint64_t most = sizes.exceptions + flat_tiles * slots / kGapContinues;
      sizes.gap_bytes = reader.varint(sizes.exceptions, most, "gap bytes");
    }
  }
  if (wide) {
    std::uint64_t most = sizes.exceptions;
    for_each_class([&](std::uint32_t slot) {
      const std::uint32_t id = slot % kFlatFamily;
      if (kind_of_class(id) != Kind::full) return;
      most += slot < kFlatFamily ? sizes.tiles[slot] * slots : sizes.symbols[slot];
    });
    sizes.escapes = reader.varint(0, most, "escapes");
  }
  return sizes;
}

}  // namespace

std::uint64_t StreamSizes::coded_bytes(std::uint32_t slot, std::uint32_t slots_per_tile) const {
  const std::uint32_t bits = coded_bits(kind_of_class(slot % kFlatFamily));
  if (slot < kFlatFamily) return tiles[slot] * slots_per_tile * bits / 8;
  return packed_bytes(symbols[slot], bits);
}

std::uint64_t StreamSizes::raw_bytes(std::uint32_t slot, std::uint32_t slots_per_tile) const {
  const std::uint32_t bits = raw_bits(kind_of_class(slot % kFlatFamily));
  if (slot < kFlatFamily) return tiles[slot] * slots_per_tile * bits / 8;
  return packed_bytes(symbols[slot], bits);
}

std::array<std::uint64_t, kFrames> frame_sizes(const StreamSizes& sizes, std::uint64_t tiles,
                                               std::uint32_t slots_per_tile) {
  std::array<std::uint64_t, kFrames> bytes{};
  bytes[kFrameMap] = tiles;
  bytes[kFrameEscapes] = 2 * sizes.escapes;
  bytes[kFrameGaps] = sizes.gap_bytes;
  bytes[kFrameValues] = sizes.exceptions;
  for_each_class([&](std::uint32_t slot) {
    if (sizes.has(slot)) bytes[kFrameClasses + slot] = sizes.coded_bytes(slot, slots_per_tile);
  });
  return bytes;
}

Section parse_section(const ImageShape& shape, Bytes bytes) {
  ByteReader reader(bytes);
  const bool wide = is_wide(shape);
  const std::uint32_t slots = slots_per_tile(shape);
  Section section;
  section.header = parse_header(shape, reader);
  section.geometry =
      make_geometry(shape.width, shape.height, wide ? kLanes<std::uint16_t> : kLanes<std::uint8_t>);
  section.tiles = section.geometry.tiles * section.header.planes;
  section.sizes = parse_sizes(section, slots, wide, reader);
  section.frame_sizes = frame_sizes(section.sizes, section.tiles, slots);
  std::array<std::uint64_t, kFrames> compressed{};
  for (std::size_t frame = 0; frame < kFrames; ++frame) {
    if (section.frame_sizes[frame] == 0) continue;
    compressed[frame] = reader.varint(1, kFrameBytesMax, "frame size");
  }
  std::uint64_t raw2 = 0;
  std::uint64_t raw4 = 0;
  for (std::uint32_t id = 1; id <= kClassIdMax; ++id) {
    const std::uint64_t raw = section.sizes.raw_bytes(id, slots);
    (raw_bits(kind_of_class(id)) == 2 ? raw2 : raw4) += raw;
  }
  section.raw2 = reader.take(raw2, "raw bits");
  section.raw4 = reader.take(raw4, "raw bits");
  for (std::uint32_t id = 1; id <= kClassIdMax; ++id) {
    section.flat_raw[id] =
        reader.take(section.sizes.raw_bytes(kFlatFamily + id, slots), "raw bits");
  }
  for (std::size_t frame = 0; frame < kFrames; ++frame) {
    section.frames[frame] = reader.take(compressed[frame], "frame");
  }
  reader.expect_end("image section");
  return section;
}

std::vector<std::byte> write_section(const ImageShape& shape, const Section& section) {
  const SectionHeader& header = section.header;
  const StreamSizes& sizes = section.sizes;
  std::vector<std::byte> out;
  append_little(out, kProfile);
  append_little(out, static_cast<std::uint8_t>(header.transform));
  append_little(out, static_cast<std::uint8_t>(header.planes));
  append_little(out, header.flags);
  append_little(out, std::uint8_t{1});  // strips
  if ((header.flags & kFlagReferences) != 0) {
    for (std::uint32_t channel = 0; channel < shape.channels; ++channel) {
      append_little(out, header.plane_of_channel[channel]);
    }
  }
  if (is_wide(shape)) {
    for (std::uint32_t plane = 0; plane < header.planes; ++plane) {
      append_little(out, header.bias_of_plane[plane]);
    }
  }
  if ((header.flags & kFlagRanks) != 0) {
    for (const std::uint8_t byte : header.used_values) append_little(out, byte);
  }
  std::uint32_t mask = 0;
  std::uint64_t flat_tiles = 0;
  for_each_class([&](std::uint32_t slot) {
    if (sizes.has(slot)) mask |= 1u << (slot - 1);
    if (slot >= kFlatFamily) flat_tiles += sizes.tiles[slot];
  });
  append_little(out, mask);
  for_each_class([&](std::uint32_t slot) {
    if (!sizes.has(slot)) return;
    append_varint(out, sizes.tiles[slot]);
    if (slot < kFlatFamily) return;
    for (std::uint32_t plane = 0; plane < header.planes; ++plane) {
      append_varint(out, sizes.plane_symbols(slot - kFlatFamily, plane));
    }
  });
  if (flat_tiles > 0) {
    append_varint(out, sizes.exceptions);
    if (sizes.exceptions > 0) append_varint(out, sizes.gap_bytes);
  }
  if (is_wide(shape)) append_varint(out, sizes.escapes);
  for (const Bytes frame : section.frames) {
    if (!frame.empty()) append_varint(out, frame.size());
  }
  append_bytes(out, section.raw2);
  append_bytes(out, section.raw4);
  for (const Bytes raw : section.flat_raw) append_bytes(out, raw);
  for (const Bytes frame : section.frames) append_bytes(out, frame);
  return out;
}

}  // namespace slicebank::wave
