#include "query/internal/columns.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>

namespace slicebank {
namespace {

constexpr std::size_t kChunk = 1000;  // ids named in one statement

// A SELECT without its WHERE clause; its first column, named again in `key`, is a sample id.
struct Table {
  std::string head;
  std::string key;
  std::string condition;  // "AND ..." or empty
};

// Runs the SELECTs, merged, over the rows of these ids (ascending), or over all: rows come
// in `order` (column numbers, the sample's first). Ids that lie close together are read as
// one range, others in lists.
void for_each_row(const Bank& bank, const std::vector<Table>& tables,
                  const std::vector<SampleId>* ids, const char* order,
                  const std::function<void(SampleId, const Rows&)>& visit) {
  const auto run = [&](const std::string& where, const std::vector<SqlValue>& values, bool check) {
    std::string sql;
    std::vector<SqlValue> all_values;
    for (const Table& table : tables) {
      if (!sql.empty()) sql += " UNION ALL ";
      sql += fmt::format("{} WHERE {} {} {}", table.head, table.key, where, table.condition);
      all_values.insert(all_values.end(), values.begin(), values.end());
    }
    Rows rows = select(bank, sql + " ORDER BY " + order, all_values);
    std::size_t at = 0;
    while (rows.next()) {
      const SampleId id{static_cast<std::uint64_t>(rows.integer(0))};
      if (check) {
        while (at < ids->size() && (*ids)[at] < id) ++at;
        if (at == ids->size()) return;
        if ((*ids)[at] != id) continue;
      }
      visit(id, rows);
    }
  };
  if (ids == nullptr) return run("> 0", {}, false);
  if (ids->empty()) return;
  const auto integer = [](SampleId id) { return static_cast<std::int64_t>(raw(id)); };
  const std::uint64_t span = raw(ids->back()) - raw(ids->front()) + 1;
  if (span / 8 <= ids->size()) {
    return run("BETWEEN ? AND ?", {integer(ids->front()), integer(ids->back())}, true);
  }
  for (std::size_t begin = 0; begin < ids->size(); begin += kChunk) {
    const std::size_t end = std::min(begin + kChunk, ids->size());
    std::vector<SqlValue> values;
    std::string list;
    for (std::size_t i = begin; i < end; ++i) {
      values.emplace_back(integer((*ids)[i]));
      list += list.empty() ? "?" : ",?";
    }
    run("IN (" + list + ")", values, false);
  }
}

}  // namespace

SampleColumns load_samples(const Bank& bank, const std::vector<SampleId>* ids,
                           const ColumnParts& parts) {
  SampleColumns columns;
  std::string head =
      "SELECT s.id, s.modality_id, s.dataset_id, s.subject_id, s.volume_id, s.axis, s.slice, "
      "s.masks, ";
  head += parts.names ? "s.name, " : "NULL, ";
  // A record that is large, and not an eighth of its pixels, does not hold one value.
  head += parts.hashes
              ? "s.hash_high, s.hash_low, s.record_bytes > 4096 AND s.record_bytes * 8 > "
                "s.width * s.height * s.channels * CASE s.pixel_type WHEN 1 THEN 1 WHEN 2 THEN 1 "
                "WHEN 3 THEN 2 WHEN 4 THEN 2 WHEN 7 THEN 2 WHEN 9 THEN 8 ELSE 4 END "
              : "NULL, NULL, NULL ";
  head += "FROM _sample s";
  for_each_row(bank, {{head, "s.id", ""}}, ids, "1", [&](SampleId id, const Rows& rows) {
    columns.ids.push_back(id);
    columns.modalities.push_back(static_cast<std::uint16_t>(rows.integer(1)));
    columns.datasets.push_back(static_cast<std::uint32_t>(rows.integer(2)));
    columns.subjects.push_back(static_cast<std::uint64_t>(rows.integer(3)));
    columns.volumes.push_back(static_cast<std::uint64_t>(rows.integer(4)));
    columns.axes.push_back(static_cast<std::uint8_t>(rows.integer(5)));
    columns.slices.push_back(static_cast<std::uint32_t>(rows.integer(6)));
    columns.masks.push_back(static_cast<std::uint32_t>(rows.integer(7)));
    if (parts.names) columns.names.emplace_back(rows.text(8));
    if (parts.hashes) {
      columns.hashes.push_back({static_cast<std::uint64_t>(rows.integer(9)),
                                static_cast<std::uint64_t>(rows.integer(10))});
      columns.surely_not_blank.push_back(rows.integer(11) != 0);
    }
  });
  return columns;
}

VolumeColumns load_volumes(const Bank& bank) {
  VolumeColumns columns;
  std::unordered_map<std::string, std::uint32_t> known{{"", 0}};
  Rows rows = select(bank,
                     "SELECT id, dataset_id, subject_id, sequence_id, official_split, key "
                     "FROM _volume");
  while (rows.next()) {
    const std::string official(rows.text(4));
    const auto [place, is_new] =
        known.try_emplace(official, static_cast<std::uint32_t>(columns.official_splits.size()));
    if (is_new) columns.official_splits.push_back(official);
    VolumeRow facts;
    facts.dataset = static_cast<std::uint32_t>(rows.integer(1));
    facts.subject = static_cast<std::uint64_t>(rows.integer(2));
    facts.sequence = static_cast<std::uint32_t>(rows.integer(3));
    facts.official_split = place->second;
    facts.key = rows.text(5);
    columns.volumes.emplace(static_cast<std::uint64_t>(rows.integer(0)), std::move(facts));
  }
  return columns;
}

void for_each_finding(
    const Bank& bank, const SampleColumns& columns,
    const std::function<void(std::size_t place, std::uint32_t class_id, bool mask)>& visit) {
  std::size_t place = 0;
  for_each_row(bank,
               {{"SELECT k.sample_id, k.class_id, 1 FROM _mask k INDEXED BY _mask_sample",
                 "k.sample_id", ""},
                {"SELECT k.sample_id, k.class_id, 0 FROM _label k INDEXED BY _label_sample",
                 "k.sample_id", "AND k.value > 0"}},
               &columns.ids, "1", [&](SampleId id, const Rows& rows) {
                 while (columns.ids[place] < id) ++place;
                 visit(place, static_cast<std::uint32_t>(rows.integer(1)), rows.integer(2) != 0);
               });
}

void for_each_mask(const Bank& bank, const SampleColumns& columns, bool areas,
                   const std::function<void(std::size_t place, std::uint32_t class_id,
                                            std::uint32_t number, std::uint64_t area)>& visit) {
  std::size_t place = 0;
  const std::string head = fmt::format(
      "SELECT k.sample_id, k.number, k.class_id, {} FROM _mask k INDEXED BY _mask_sample",
      areas ? "k.area" : "0");
  for_each_row(bank, {{head, "k.sample_id", ""}}, &columns.ids, "1, 2",
               [&](SampleId id, const Rows& rows) {
                 while (columns.ids[place] < id) ++place;
                 visit(place, static_cast<std::uint32_t>(rows.integer(2)),
                       static_cast<std::uint32_t>(rows.integer(1)),
                       static_cast<std::uint64_t>(rows.integer(3)));
               });
}

std::unordered_map<std::uint64_t, std::string> load_code_names(const Bank& bank,
                                                               const std::string& table) {
  std::unordered_map<std::uint64_t, std::string> names;
  for (Rows rows = select(bank, "SELECT id, name FROM " + table); rows.next();) {
    names.emplace(static_cast<std::uint64_t>(rows.integer(0)), rows.text(1));
  }
  return names;
}

std::unordered_map<std::uint64_t, std::uint32_t> load_regions(const Bank& bank,
                                                              const std::string& table) {
  std::unordered_map<std::uint64_t, std::uint32_t> regions;
  for (Rows rows = select(bank, "SELECT id, region_id FROM " + table); rows.next();) {
    regions.emplace(static_cast<std::uint64_t>(rows.integer(0)),
                    static_cast<std::uint32_t>(rows.integer(1)));
  }
  return regions;
}

}  // namespace slicebank
