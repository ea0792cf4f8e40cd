// Keeps the rows of `_facet`: what was added and taken away becomes new bitmaps at
// flush(), in the caller's transaction.
#pragma once

#include <cstdint>
#include <map>
#include <unordered_map>
#include <utility>
#include <vector>

#include "schema/ids.h"
#include "store/facets.h"
#include "store/internal/sqlite.h"

namespace slicebank {

// Samples of a row: id >> kFacetPartBits is its part, so that a batch writes only the end
// of what is there.
inline constexpr unsigned kFacetPartBits = 18;

class FacetWriter {
 public:
  explicit FacetWriter(sqlite::Connection& connection);

  // Ids beyond what a set holds are passed over: Facets::of() knows that, too.
  void add(FacetKind kind, std::int64_t value, SampleId id) { note(kind, value, id, true); }
  void remove(FacetKind kind, std::int64_t value, SampleId id) { note(kind, value, id, false); }

  // Makes these ids (any order) the value's only ones, at once.
  void replace(FacetKind kind, std::int64_t value, std::vector<std::uint32_t> ids);
  // Forgets all values of [first, end), at once.
  void erase(FacetKind kind, std::int64_t first, std::int64_t end);

  void flush();

 private:
  struct Key {
    FacetKind kind;
    std::int64_t value;
    friend bool operator==(const Key&, const Key&) = default;
  };
  struct KeyHash {
    std::size_t operator()(const Key& key) const noexcept {
      const auto mixed =
          (static_cast<std::uint64_t>(key.value) * 16 + static_cast<std::uint64_t>(key.kind)) *
          0x9e3779b97f4a7c15u;
      return static_cast<std::size_t>(mixed ^ mixed >> 29);
    }
  };
  // An id and what became of it: id << 1 | added. The last word on an id counts.
  using Notes = std::vector<std::uint64_t>;

  void note(FacetKind kind, std::int64_t value, SampleId id, bool added);
  void merge(const Key& key, Notes& notes);
  void merge_part(const Key& key, std::uint32_t part, const std::uint64_t* begin,
                  const std::uint64_t* end);
  void write_part(const Key& key, std::uint32_t part, const std::vector<std::uint32_t>& ids);

  sqlite::Connection& connection_;
  sqlite::Statement find_, put_, erase_;
  std::unordered_map<Key, Notes, KeyHash> notes_;
  std::size_t noted_ = 0;
};

}  // namespace slicebank
