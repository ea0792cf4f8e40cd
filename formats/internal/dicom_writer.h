// Elements in Explicit VR Little Endian. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "formats/internal/dicom_tags.h"
#include "schema/sample.h"

namespace slicebank::dicom::internal {

// Elements are written in the order of the calls: ascending, as DICOM wants them.
class Writer {
 public:
  // `vr` is two letters. Text is padded to an even length: UIDs with NUL, others with a
  // space.
  void text(Tag tag, std::string_view vr, std::string_view value);
  void number(Tag tag, std::string_view vr, std::uint32_t value);  // US or UL
  void numbers(Tag tag, std::string_view vr, const std::vector<std::uint32_t>& values);
  void decimals(Tag tag, const std::vector<double>& values);  // DS
  void bytes(Tag tag, std::string_view vr, Bytes value);      // OB, OW, UN
  void sequence(Tag tag, const std::vector<Writer>& items);

  const std::vector<std::byte>& data() const noexcept { return data_; }

 private:
  void head(Tag tag, std::string_view vr, std::size_t length);
  void put(std::uint64_t value, std::size_t size);

  std::vector<std::byte> data_;
};

// A preamble, the meta group and the data set.
std::vector<std::byte> file_of(const std::string& sop_class_uid,
                               const std::string& sop_instance_uid, const Writer& data_set);

// "2.25." and a number of 128 bits made from the text: same text, same UID.
std::string uid_from(std::string_view text);

}  // namespace slicebank::dicom::internal
