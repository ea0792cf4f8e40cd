#include "formats/internal/dicom_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "schema/error.h"

namespace slicebank::dicom::internal {

void Writer::put(std::uint64_t value, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) {
    data_.push_back(static_cast<std::byte>(value >> (8 * i) & 0xff));
  }
}

void Writer::head(Tag tag, std::string_view vr, std::size_t length) {
  put(tag >> 16, 2);
  put(tag & 0xffff, 2);
  for (const char letter : vr) data_.push_back(static_cast<std::byte>(letter));
  if (vr == "OB" || vr == "OW" || vr == "SQ" || vr == "UN" || vr == "UC") {
    if (length >= 0xffffffff) throw Error(ErrorCode::bad_argument, "a DICOM element beyond 4 GiB");
    put(0, 2);
    put(length, 4);
  } else {
    if (length > 0xfffe) throw Error(ErrorCode::bad_argument, "a DICOM text beyond 64 KiB");
    put(length, 2);
  }
}

void Writer::text(Tag tag, std::string_view vr, std::string_view value) {
  head(tag, vr, value.size() + value.size() % 2);
  for (const char letter : value) data_.push_back(static_cast<std::byte>(letter));
  if (value.size() % 2 != 0) data_.push_back(vr == "UI" ? std::byte{0} : std::byte{' '});
}

void Writer::number(Tag tag, std::string_view vr, std::uint32_t value) {
  numbers(tag, vr, {value});
}

void Writer::numbers(Tag tag, std::string_view vr, const std::vector<std::uint32_t>& values) {
  const std::size_t size = vr == "US" ? 2 : 4;
  head(tag, vr, size * values.size());
  for (const std::uint32_t value : values) put(value, size);
}

void Writer::decimals(Tag tag, const std::vector<double>& values) {
  std::string joined;
  for (const double value : values) {
    // At most 16 characters, says DICOM: ten digits, sign, point and exponent.
    joined += fmt::format("{}{:.10g}", joined.empty() ? "" : "\\", value);
  }
  text(tag, "DS", joined);
}

void Writer::bytes(Tag tag, std::string_view vr, Bytes value) {
  head(tag, vr, value.size() + value.size() % 2);
  data_.insert(data_.end(), value.begin(), value.end());
  if (value.size() % 2 != 0) data_.push_back(std::byte{0});
}

void Writer::sequence(Tag tag, const std::vector<Writer>& items) {
  std::size_t length = 0;
  for (const Writer& item : items) length += 8 + item.data_.size();
  head(tag, "SQ", length);
  for (const Writer& item : items) {
    put(tag::kItem >> 16, 2);
    put(tag::kItem & 0xffff, 2);
    put(item.data_.size(), 4);
    data_.insert(data_.end(), item.data_.begin(), item.data_.end());
  }
}

std::vector<std::byte> file_of(const std::string& sop_class_uid,
                               const std::string& sop_instance_uid, const Writer& data_set) {
  Writer meta;
  const std::array<std::byte, 2> version = {std::byte{0}, std::byte{1}};
  meta.bytes(0x00020001, "OB", version);
  meta.text(0x00020002, "UI", sop_class_uid);
  meta.text(0x00020003, "UI", sop_instance_uid);
  meta.text(0x00020010, "UI", "1.2.840.10008.1.2.1");
  meta.text(0x00020012, "UI", uid_from("slicebank"));
  meta.text(0x00020013, "SH", "SLICEBANK");
  Writer length;
  length.number(0x00020000, "UL", static_cast<std::uint32_t>(meta.data().size()));
  std::vector<std::byte> file(128);
  for (const char letter : std::string_view("DICM")) file.push_back(static_cast<std::byte>(letter));
  file.insert(file.end(), length.data().begin(), length.data().end());
  file.insert(file.end(), meta.data().begin(), meta.data().end());
  file.insert(file.end(), data_set.data().begin(), data_set.data().end());
  return file;
}

std::string uid_from(std::string_view text) {
  // Two FNV-1a sums from different starts, each mixed so that every bit counts.
  std::array<std::uint64_t, 2> sums = {0xcbf29ce484222325u, 0x84222325cbf29ce4u};
  for (std::uint64_t& sum : sums) {
    for (const char letter : text) {
      sum = (sum ^ static_cast<unsigned char>(letter)) * 0x100000001b3u;
    }
    for (const int shift : {33, 29, 32}) sum = (sum ^ sum >> shift) * 0xff51afd7ed558ccdu;
    sum ^= sum >> 33;
  }
  // As RFC 9562 marks a UUID of the maker's own kind: version 8, variant 2.
  sums[0] = (sums[0] & 0xffffffffffff0fffu) | 0x8000u;
  sums[1] = (sums[1] & 0x3fffffffffffffffu) | 0x8000000000000000u;
  std::array<std::uint32_t, 4> words = {
      static_cast<std::uint32_t>(sums[0] >> 32), static_cast<std::uint32_t>(sums[0]),
      static_cast<std::uint32_t>(sums[1] >> 32), static_cast<std::uint32_t>(sums[1])};
  std::string digits;
  while (std::any_of(words.begin(), words.end(), [](std::uint32_t word) { return word != 0; })) {
    std::uint64_t rest = 0;
    for (std::uint32_t& word : words) {
      const std::uint64_t value = rest << 32 | word;
      word = static_cast<std::uint32_t>(value / 10);
      rest = value % 10;
    }
    digits += static_cast<char>('0' + rest);
  }
  std::reverse(digits.begin(), digits.end());
  return "2.25." + digits;
}

}  // namespace slicebank::dicom::internal
