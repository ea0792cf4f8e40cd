// A set of sample ids: a Roaring bitmap. Counting, joining and intersecting sets of
// millions of ids takes microseconds to a few milliseconds.
//
// A value; const methods are safe from many threads. Ids below 2^32 only: any other is
// Error(limit).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "schema/ids.h"

namespace slicebank {

class IdSet {
 public:
  static constexpr std::uint64_t kIdEnd = std::uint64_t{1} << 32;

  IdSet();
  explicit IdSet(std::span<const SampleId> ids);  // in any order
  IdSet(const IdSet& other);
  IdSet& operator=(const IdSet& other);
  IdSet(IdSet&&) noexcept;
  IdSet& operator=(IdSet&&) noexcept;
  ~IdSet();

  std::uint64_t size() const;
  bool empty() const;
  bool contains(SampleId id) const;
  void add(SampleId id);

  IdSet& operator|=(const IdSet& other);
  IdSet& operator&=(const IdSet& other);
  IdSet& operator-=(const IdSet& other);
  IdSet& operator^=(const IdSet& other);
  friend bool operator==(const IdSet& left, const IdSet& right);

  // Faster than joining one after the other.
  static IdSet united(std::span<const IdSet* const> sets);

  // The ids that both have; cheaper than changing a copy of one.
  static IdSet common(const IdSet& left, const IdSet& right);

  // How many ids both have, without making their intersection.
  std::uint64_t count_common(const IdSet& other) const;

  std::vector<SampleId> ids() const;           // ascending
  std::vector<std::uint32_t> raw_ids() const;  // the same as plain numbers
  static IdSet from_raw(std::span<const std::uint32_t> ids);

  // Roaring's portable format. The same set gives the same bytes.
  std::vector<std::byte> to_bytes() const;
  // Error(corrupt) when the bytes end too early. They come from a place that checks their
  // hash: what they say is believed.
  static IdSet from_bytes(std::span<const std::byte> bytes);

 private:
  struct Bitmap;
  explicit IdSet(std::unique_ptr<Bitmap> bitmap);

  std::unique_ptr<Bitmap> bitmap_;  // null after a move only
};

}  // namespace slicebank
