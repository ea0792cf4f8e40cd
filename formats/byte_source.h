// Bytes that can be read at any offset: a file on disk, or memory. For formats whose files
// are larger than anybody wants to hold.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "schema/sample.h"

namespace slicebank {

class ByteSource {
 public:
  virtual ~ByteSource() = default;

  virtual std::uint64_t size() const noexcept = 0;

  // Fills `out` from `offset`, whole or not at all; safe from many threads. Throws
  // Error(bad_format) behind the end (the file became shorter), Error(io) when the disk
  // does not answer; both begin with `what`.
  virtual void read_at(std::uint64_t offset, MutableBytes out, const std::string& what) const = 0;
};

// Borrows `bytes`, which must outlive it.
class MemorySource final : public ByteSource {
 public:
  explicit MemorySource(Bytes bytes) noexcept : bytes_(bytes) {}

  std::uint64_t size() const noexcept override { return bytes_.size(); }
  void read_at(std::uint64_t offset, MutableBytes out, const std::string& what) const override;

 private:
  Bytes bytes_;
};

}  // namespace slicebank
