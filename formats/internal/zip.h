// Zip files as foreign programs write them, read through their central directory: each
// member at random, stored or deflated, with zip64. Nothing is ever extracted to disk.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "formats/byte_source.h"

namespace slicebank::internal {

struct ZipEntry {
  std::string name;  // as the file has it, any bytes
  int method = 0;    // 0 stored, 8 deflated; whatever the file says
  bool encrypted = false;
  std::uint32_t crc = 0;
  std::uint64_t data_offset = 0;
  std::uint64_t stored_bytes = 0;
  std::uint64_t bytes = 0;  // inflated, as declared
};

// The members in the order of the directory. Throws Error(bad_format) or Error(limit),
// beginning with `what`: no directory, members that overlap or lie behind it, local headers
// that name another member, a ratio that deflate cannot reach, more than 10 000 members.
std::vector<ZipEntry> read_zip_directory(const ByteSource& file, const std::string& what);

// One member from its beginning to its end, in a fixed amount of memory.
class ZipStream {
 public:
  // Throws for an encrypted member and for a method other than stored and deflated. `file`
  // outlives the stream.
  ZipStream(const ByteSource& file, const ZipEntry& entry, std::string what);
  ~ZipStream();
  ZipStream(ZipStream&&) noexcept;
  ZipStream& operator=(ZipStream&&) noexcept;

  std::uint64_t left() const noexcept;  // bytes that the directory still promises

  // Fills `out`, which is at most left() bytes. Throws Error(bad_format) when the member
  // ends before or is damaged.
  void read(MutableBytes out);

  // After the last byte: throws unless the member ends here and its checksum is right.
  void finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace slicebank::internal
