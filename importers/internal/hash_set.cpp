#include "importers/internal/hash_set.h"

#include <xxhash.h>

#include <utility>

namespace slicebank::internal {

std::uint64_t hash_of(std::string_view name) { return XXH3_64bits(name.data(), name.size()) | 1; }

std::size_t HashSet::slot_of(std::uint64_t hash) const {
  const std::size_t mask = slots_.size() - 1;
  std::size_t at = static_cast<std::size_t>(hash >> 1) & mask;
  while (slots_[at] != 0 && slots_[at] != hash) at = (at + 1) & mask;
  return at;
}

bool HashSet::contains(std::string_view name) const { return slots_[slot_of(hash_of(name))] != 0; }

bool HashSet::insert(std::string_view name) {
  if ((used_ + 1) * 2 > slots_.size()) {
    const std::vector<std::uint64_t> old =
        std::exchange(slots_, std::vector<std::uint64_t>(slots_.size() * 2, 0));
    for (const std::uint64_t hash : old) {
      if (hash != 0) slots_[slot_of(hash)] = hash;
    }
  }
  const std::uint64_t hash = hash_of(name);
  std::uint64_t& slot = slots_[slot_of(hash)];
  if (slot != 0) return false;
  slot = hash;
  ++used_;
  return true;
}

}  // namespace slicebank::internal
