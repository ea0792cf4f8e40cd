// Makes a changed record look as if its writer had meant it: all hashes computed again.
// What a hostile writer would do, who knows the format.
#pragma once

#include <algorithm>
#include <array>
#include <vector>

#include "schema/record_layout.h"
#include "store/internal/hash.h"
#include "store/record.h"

namespace slicebank::testing {

// Sections that would lie outside of the record keep the hash they have.
inline void reseal(const BankUuid& bank, std::vector<std::byte>& record) {
  if (record.size() < RecordLayout::kHeaderBytes) return;
  const RecordHeader header = get_record_header(record);
  const Bytes all(record);
  std::uint64_t offset = RecordLayout::kHeaderBytes;
  const auto section = [&](std::size_t hash_at, std::uint64_t size) {
    if (offset + size <= all.size()) {
      put_little(
          MutableBytes(record), hash_at,
          hash64(all.subspan(static_cast<std::size_t>(offset), static_cast<std::size_t>(size))));
    }
    offset += size;
  };
  section(RecordLayout::kMetaHash, header.meta_bytes);
  section(RecordLayout::kMasksHash, header.masks_bytes);
  section(RecordLayout::kImageHash, header.image_bytes);
  std::array<std::byte, 16 + RecordLayout::kHeaderHash> hashed;
  for (std::size_t i = 0; i < bank.size(); ++i) hashed[i] = std::byte{bank[i]};
  std::copy_n(record.begin(), RecordLayout::kHeaderHash, hashed.begin() + 16);
  put_little(MutableBytes(record), RecordLayout::kHeaderHash, hash64(hashed));
}

}  // namespace slicebank::testing
