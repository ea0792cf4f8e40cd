// XXH3 hashes as text: of whole files as they are written, and of names.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "schema/sample.h"

namespace slicebank::exporting {

// XXH3-128 of a stream, as `xxhsum -H2` prints it. One thread.
class Xxh3Stream {
 public:
  Xxh3Stream();
  ~Xxh3Stream();
  Xxh3Stream(Xxh3Stream&&) noexcept;
  Xxh3Stream& operator=(Xxh3Stream&&) noexcept;
  Xxh3Stream(const Xxh3Stream&) = delete;
  Xxh3Stream& operator=(const Xxh3Stream&) = delete;

  void update(Bytes bytes);
  std::string hex() const;  // 32 digits

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// XXH3-64 of a text: 16 hex digits.
std::string xxh3_64_hex(std::string_view text);

}  // namespace slicebank::exporting
