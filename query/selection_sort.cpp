// Selections in the order of their samples' fields.
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <numeric>
#include <string>
#include <utility>

#include "query/internal/filter_check.h"
#include "query/internal/filter_cursor.h"
#include "query/internal/filter_fields.h"
#include "query/selection.h"
#include "schema/error.h"
#include "store/select.h"

namespace slicebank {
namespace {

constexpr std::size_t kChunk = 1000;  // ids named in one statement

const Field& sortable_field(const std::string& name, std::string_view text, std::size_t column) {
  const Field* field = find_field(name);
  if (field == nullptr) throw_unknown_field(name, false, text, column);
  if (field->place == FieldPlace::sample && name != "region") return *field;
  throw QueryError(fmt::format("a sample may have several values of {}", name), std::string(text),
                   column, "sort by a field that is one value a sample, such as patient");
}

// Of `_sample s`, joined with what its codes stand for; NULL where it is missing.
std::string column_sql(const Field& field) {
  const std::string name(field.name);
  if (name == "modality") return "m.name";
  if (name == "sequence") return "q.name";
  if (name == "dataset") return "d.name";
  if (name == "patient") return "u.patient_id";
  if (name == "volume") return "v.key";
  if (name == "official_split") return "nullif(v.official_split, '')";
  if (name.rfind("spacing_", 0) == 0) return "v." + name;
  if (name == "subject") return "s.subject_id";
  if (name == "axis") {
    return "CASE s.axis WHEN 1 THEN '2d' WHEN 2 THEN 'x' WHEN 3 THEN 'y' ELSE 'z' END";
  }
  if (name == "pixel_type") {
    return "CASE s.pixel_type WHEN 1 THEN 'u8' WHEN 2 THEN 'i8' WHEN 3 THEN 'u16' WHEN 4 THEN "
           "'i16' WHEN 5 THEN 'u32' WHEN 6 THEN 'i32' WHEN 7 THEN 'f16' WHEN 8 THEN 'f32' ELSE "
           "'f64' END";
  }
  return "s." + name;
}

bool is_missing(const SqlValue& value) { return std::holds_alternative<std::monostate>(value); }

bool less(const SqlValue& a, const SqlValue& b) {
  const auto* left = std::get_if<std::string>(&a);
  const auto* right = std::get_if<std::string>(&b);
  if (left != nullptr && right != nullptr) return *left < *right;
  return a < b;  // a field's values are all of one type
}

// A row of values for every place of the selection; missing ones for what has no row.
using Values = std::vector<std::vector<SqlValue>>;

Values load_values(const Bank& bank, const std::vector<SampleId>& ids, const std::string& columns,
                   std::size_t count) {
  std::vector<std::pair<std::uint64_t, std::size_t>> places;
  places.reserve(ids.size());
  for (std::size_t i = 0; i < ids.size(); ++i) places.emplace_back(raw(ids[i]), i);
  std::sort(places.begin(), places.end());
  Values values(ids.size(), std::vector<SqlValue>(count));
  const std::string head = fmt::format(
      "SELECT s.id{} FROM _sample s JOIN _volume v ON v.id = s.volume_id "
      "JOIN _dataset d ON d.id = s.dataset_id JOIN _subject u ON u.id = s.subject_id "
      "LEFT JOIN _modality m ON m.id = s.modality_id "
      "LEFT JOIN _sequence q ON q.id = v.sequence_id WHERE s.id ",
      columns);
  const auto read = [&](const std::string& where, const std::vector<SqlValue>& bound) {
    for (Rows rows = select(bank, head + where, bound); rows.next();) {
      const auto id = static_cast<std::uint64_t>(rows.integer(0));
      const auto place =
          std::lower_bound(places.begin(), places.end(), std::pair{id, std::size_t{0}});
      if (place == places.end() || place->first != id) continue;
      for (std::size_t i = 0; i < count; ++i) {
        values[place->second][i] = rows.value(static_cast<int>(i) + 1);
      }
    }
  };
  if (places.empty()) return values;
  const auto integer = [](std::uint64_t id) { return static_cast<std::int64_t>(id); };
  // Ids that lie close together are read as one range, others in lists.
  if ((places.back().first - places.front().first) / 8 <= places.size()) {
    read("BETWEEN ? AND ?", {integer(places.front().first), integer(places.back().first)});
    return values;
  }
  for (std::size_t begin = 0; begin < places.size(); begin += kChunk) {
    std::string list;
    std::vector<SqlValue> bound;
    for (std::size_t i = begin; i < std::min(begin + kChunk, places.size()); ++i) {
      list += list.empty() ? "?" : ",?";
      bound.emplace_back(integer(places[i].first));
    }
    read("IN (" + list + ")", bound);
  }
  return values;
}

std::string keys_text(const std::vector<SortKey>& keys) {
  std::string text;
  for (const SortKey& key : keys) {
    text += (text.empty() ? "" : ", ") + key.field + (key.descending ? " desc" : "");
  }
  return text;
}

}  // namespace

std::vector<SortKey> parse_sort_keys(std::string_view text) {
  FilterCursor cursor(text);
  std::vector<SortKey> keys;
  do {
    const FilterToken& token = cursor.here();
    if (token.kind != FilterToken::Kind::word) {
      cursor.fail(token,
                  fmt::format("expected a field to sort by, found {}", cursor.describe(token)),
                  "write patient, slice desc");
    }
    sortable_field(token.text, text, token.column);
    keys.push_back({token.text, false});
    cursor.skip(1);
    keys.back().descending = cursor.take_word("desc");
    if (!keys.back().descending) cursor.take_word("asc");
  } while (cursor.take_symbol(","));
  if (!cursor.at_end()) {
    cursor.fail(cursor.here(), fmt::format("{} cannot stand here", cursor.describe(cursor.here())),
                "after a field ASC, DESC or a comma");
  }
  return keys;
}

Selection Selection::sorted_by(const std::vector<SortKey>& keys) const {
  const std::string text = keys_text(keys);
  std::string columns;
  for (const SortKey& key : keys) columns += ", " + column_sql(sortable_field(key.field, text, 0));
  const Values values = load_values(bank_, ids_, columns, keys.size());
  std::vector<std::size_t> order(ids_.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    for (std::size_t i = 0; i < keys.size(); ++i) {
      const SqlValue& left = values[a][i];
      const SqlValue& right = values[b][i];
      if (is_missing(left) || is_missing(right)) {
        if (is_missing(left) != is_missing(right)) return is_missing(right);
        continue;
      }
      if (less(left, right)) return !keys[i].descending;
      if (less(right, left)) return keys[i].descending;
    }
    return false;
  });
  std::vector<SampleId> ids;
  ids.reserve(order.size());
  for (const std::size_t place : order) ids.push_back(ids_[place]);
  return {bank_, std::move(ids), generation_, fmt::format("({}) sorted by {}", query_, text)};
}

}  // namespace slicebank
