#include "importers/internal/row_digests.h"

#include <xxhash.h>

#include <cassert>
#include <utility>

#include "formats/npz_reader.h"

namespace slicebank::internal {
namespace {

// Of very many rows two share 64 bits once in ten million runs; what hangs on it is a label
// that is wrong for one picture.
std::uint64_t digest_of(const Array& row) {
  std::uint64_t seed = static_cast<std::uint64_t>(row.type);
  for (const std::uint64_t side : row.shape) seed = seed * 0x9e3779b97f4a7c15ull + side;
  return XXH3_64bits_withSeed(row.data.data(), row.data.size(), seed);
}

}  // namespace

std::shared_ptr<RowDigests> RowDigests::of(const SourceTree& source, const std::string& path,
                                           const std::vector<std::string>& members) {
  std::string slot = "row-digests:" + path;
  for (const std::string& member : members) slot += ":" + member;
  return std::static_pointer_cast<RowDigests>(
      source.shared(slot, [&] { return std::make_shared<RowDigests>(path, members); }));
}

std::uint64_t RowDigests::members_with(const SourceTree& source, const Array& row) {
  const std::uint64_t digest = digest_of(row);
  const std::lock_guard lock(mutex_);
  if (damage_) throw Error(*damage_);
  if (!read_) {
    try {
      read(source);
    } catch (const Error& error) {
      damage_ = error;
      throw;
    }
  }
  const auto found = members_of_.find(digest);
  return found == members_of_.end() ? 0 : found->second;
}

void RowDigests::read(const SourceTree& source) {
  assert(members_.size() <= 64);
  const NpzReader npz(source.open(path_), printable(path_));
  std::unordered_map<std::uint64_t, std::uint64_t> members_of;
  for (std::size_t i = 0; i < members_.size(); ++i) {
    NpzRows rows = npz.rows(members_[i]);
    while (rows.row() < rows.rows()) members_of[digest_of(rows.next())] |= std::uint64_t{1} << i;
  }
  members_of_ = std::move(members_of);
  read_ = true;
}

}  // namespace slicebank::internal
