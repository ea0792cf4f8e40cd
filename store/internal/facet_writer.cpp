#include "store/internal/facet_writer.h"

#include <algorithm>
#include <iterator>
#include <tuple>

#include "store/internal/hash.h"

namespace slicebank {
namespace {

constexpr std::size_t kNotesMax = std::size_t{1} << 22;  // 32 MB, then they are merged

}  // namespace

FacetWriter::FacetWriter(sqlite::Connection& connection)
    : connection_(connection),
      find_(connection.prepare("SELECT ids FROM _facet WHERE kind = ? AND value = ? AND part = ?")),
      put_(connection.prepare("INSERT OR REPLACE INTO _facet VALUES(?,?,?,?,?,?)")),
      erase_(connection.prepare("DELETE FROM _facet WHERE kind = ? AND value = ? AND part = ?")) {}

void FacetWriter::note(FacetKind kind, std::int64_t value, SampleId id, bool added) {
  if (raw(id) >= IdSet::kIdEnd) return;
  const std::uint64_t word = raw(id) << 1 | (added ? 1 : 0);
  Notes& notes = notes_[{kind, value}];
  if (!notes.empty() && notes.back() == word) return;
  notes.push_back(word);
  if (++noted_ >= kNotesMax) flush();
}

void FacetWriter::flush() {
  std::vector<std::pair<const Key, Notes>*> order;
  order.reserve(notes_.size());
  for (auto& entry : notes_) order.push_back(&entry);
  std::sort(order.begin(), order.end(), [](const auto* left, const auto* right) {
    return std::tie(left->first.kind, left->first.value) <
           std::tie(right->first.kind, right->first.value);
  });
  for (auto* entry : order) merge(entry->first, entry->second);
  notes_.clear();
  noted_ = 0;
}

void FacetWriter::merge(const Key& key, Notes& notes) {
  const auto by_id = [](std::uint64_t left, std::uint64_t right) { return left >> 1 < right >> 1; };
  if (!std::is_sorted(notes.begin(), notes.end(), by_id)) {
    std::stable_sort(notes.begin(), notes.end(), by_id);
  }
  const auto part_of = [](std::uint64_t word) {
    return static_cast<std::uint32_t>(word >> 1 >> kFacetPartBits);
  };
  for (std::size_t begin = 0; begin < notes.size();) {
    const std::uint32_t part = part_of(notes[begin]);
    std::size_t end = begin;
    while (end < notes.size() && part_of(notes[end]) == part) ++end;
    merge_part(key, part, notes.data() + begin, notes.data() + end);
    begin = end;
  }
}

void FacetWriter::merge_part(const Key& key, std::uint32_t part, const std::uint64_t* begin,
                             const std::uint64_t* end) {
  std::vector<std::uint32_t> before;
  find_.bind_all(key.kind, key.value, part);
  if (find_.step()) before = IdSet::from_bytes(find_.blob(0)).raw_ids();
  find_.reset();

  std::vector<std::uint32_t> after;
  after.reserve(before.size() + static_cast<std::size_t>(end - begin));
  auto kept = before.begin();
  for (const std::uint64_t* word = begin; word != end; ++word) {
    const auto id = static_cast<std::uint32_t>(*word >> 1);
    if (word + 1 != end && *(word + 1) >> 1 == *word >> 1) continue;  // not the last word on it
    while (kept != before.end() && *kept < id) after.push_back(*kept++);
    if (kept != before.end() && *kept == id) ++kept;
    if ((*word & 1) != 0) after.push_back(id);
  }
  after.insert(after.end(), kept, before.end());
  if (after != before) write_part(key, part, after);
}

void FacetWriter::write_part(const Key& key, std::uint32_t part,
                             const std::vector<std::uint32_t>& ids) {
  if (ids.empty()) {
    erase_.bind_all(key.kind, key.value, part).run();
    return;
  }
  const std::vector<std::byte> bytes = IdSet::from_raw(ids).to_bytes();
  put_.bind_all(key.kind, key.value, part, ids.size(), hash64(bytes));
  put_.bind_blob(6, bytes).run();
}

void FacetWriter::replace(FacetKind kind, std::int64_t value, std::vector<std::uint32_t> ids) {
  notes_.erase({kind, value});
  erase(kind, value, value + 1);
  std::sort(ids.begin(), ids.end());
  for (auto begin = ids.begin(); begin != ids.end();) {
    const std::uint32_t part = *begin >> kFacetPartBits;
    const auto end = std::find_if(
        begin, ids.end(), [part](std::uint32_t id) { return id >> kFacetPartBits != part; });
    write_part({kind, value}, part, {begin, end});
    begin = end;
  }
}

void FacetWriter::erase(FacetKind kind, std::int64_t first, std::int64_t end) {
  connection_.prepare("DELETE FROM _facet WHERE kind = ? AND value >= ? AND value < ?")
      .bind_all(kind, first, end)
      .run();
}

}  // namespace slicebank
