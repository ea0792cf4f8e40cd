// Which of very many names were seen: 64-bit hashes in one flat table, 16 to 32 bytes a
// name. Two of four million names share a hash once in two million runs. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace slicebank::internal {

class HashSet {
 public:
  // False when the name was there already.
  bool insert(std::string_view name);
  bool contains(std::string_view name) const;
  std::uint64_t size() const noexcept { return used_; }

 private:
  // Where the hash is, or where it would be put.
  std::size_t slot_of(std::uint64_t hash) const;

  std::vector<std::uint64_t> slots_ = std::vector<std::uint64_t>(64, 0);
  std::uint64_t used_ = 0;
};

// The same on every machine, never 0.
std::uint64_t hash_of(std::string_view name);

}  // namespace slicebank::internal
