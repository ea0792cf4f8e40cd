#include "query/stats.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "query/internal/bank_names.h"
#include "query/internal/columns.h"
#include "query/internal/facet_counter.h"
#include "query/selection.h"
#include "schema/error.h"
#include "store/select.h"

namespace slicebank {
namespace {

const std::vector<std::string>& dimensions() {
  static const std::vector<std::string> words = {"modality", "sequence",       "region",  "dataset",
                                                 "class",    "official_split", "patient", "axis"};
  return words;
}

// Throws QueryError for a word that names no dimension; its column counts in the words
// joined by commas, as a user writes them.
void check_words(const std::vector<std::string>& by, const std::vector<std::string>& splits) {
  const std::string text = fmt::format("{}", fmt::join(by, ","));
  std::size_t column = 0;
  for (const std::string& word : by) {
    if (word.rfind("split:", 0) == 0) {
      const std::string name = word.substr(6);
      if (std::find(splits.begin(), splits.end(), name) == splits.end()) {
        const auto nearest = nearest_name(name, splits);
        throw QueryError(fmt::format("there is no split '{}'", name), text, column + 6,
                         nearest          ? fmt::format("did you mean split:{}?", *nearest)
                         : splits.empty() ? "the bank holds no split yet"
                                          : fmt::format("there are {}", fmt::join(splits, ", ")));
      }
    } else if (std::find(dimensions().begin(), dimensions().end(), word) == dimensions().end()) {
      const auto nearest = nearest_name(word, dimensions());
      throw QueryError(
          fmt::format("'{}' is nothing to count by", word), text, column,
          nearest ? fmt::format("did you mean {}?", *nearest)
                  : fmt::format("count by {}, or split:NAME", fmt::join(dimensions(), ", ")));
    }
    if (std::count(by.begin(), by.end(), word) > 1) {
      throw QueryError(fmt::format("'{}' stands twice", word), text, column, "name it once");
    }
    column += word.size() + 1;
  }
}

void sort_rows(StatsTable* table) {
  std::sort(table->rows.begin(), table->rows.end(), [](const StatsRow& a, const StatsRow& b) {
    return a.samples != b.samples ? a.samples > b.samples : a.keys < b.keys;
  });
}

// --- From the counts that the writer keeps: no more rows than facets.

bool in_rollups(const std::vector<std::string>& by) {
  return std::all_of(by.begin(), by.end(), [](const std::string& word) {
    return word == "modality" || word == "dataset" || word == "class";
  });
}

bool has_labels(const Bank& bank) {
  Rows rows = select(bank, "SELECT 1 FROM _label LIMIT 1");
  return rows.next();
}

// Samples and masks by any of modality, dataset and class. Cells are disjoint in modality
// and dataset, so their sums are distinct counts.
StatsTable from_rollups(const Bank& bank, const std::vector<std::string>& by) {
  const bool by_class = std::find(by.begin(), by.end(), "class") != by.end();
  std::string columns;
  for (const std::string& word : by) {
    columns += word == "modality"  ? "coalesce(m.name, '(none)'), "
               : word == "dataset" ? "coalesce(d.name, '(none)'), "
                                   : "coalesce(c.name, '(none)'), ";
  }
  std::string groups;
  for (std::size_t i = 1; i <= by.size(); ++i) {
    groups += (i == 1 ? " GROUP BY " : ", ") + std::to_string(i);
  }
  const char* table =
      by_class ? "_rollup_mask"
               : "(SELECT r.modality_id, r.dataset_id, r.samples, "
                 "(SELECT coalesce(sum(q.masks), 0) FROM _rollup_mask q WHERE "
                 "q.modality_id = r.modality_id AND q.dataset_id = r.dataset_id) AS masks "
                 "FROM _rollup_sample r)";
  const std::string sql = fmt::format(
      "SELECT {}coalesce(sum(r.samples), 0), coalesce(sum(r.masks), 0) FROM {} r "
      "LEFT JOIN _modality m ON m.id = r.modality_id LEFT JOIN _dataset d ON d.id = r.dataset_id "
      "{}WHERE r.samples > 0{}",
      columns, table, by_class ? "LEFT JOIN _class c ON c.id = r.class_id " : "", groups);
  StatsTable result;
  result.by = by;
  const int keys = static_cast<int>(by.size());
  for (Rows rows = select(bank, sql); rows.next();) {
    StatsRow row;
    for (int i = 0; i < keys; ++i) row.keys.emplace_back(rows.text(i));
    row.samples = static_cast<std::uint64_t>(rows.integer(keys));
    row.masks = static_cast<std::uint64_t>(rows.integer(keys + 1));
    result.rows.push_back(std::move(row));
  }
  return result;
}

}  // namespace

StatsTable stats(const Bank& bank, const std::vector<std::string>& by, std::string_view filter_text,
                 const StatsOptions& options) {
  check_words(by, load_names(bank).names.splits);
  const FilterPtr filter = parse_filter(filter_text);
  const bool by_class = std::find(by.begin(), by.end(), "class") != by.end();
  StatsTable table;
  const bool all = filter->kind == Filter::Kind::all && !options.select.as_of;
  if (all && !options.subjects && in_rollups(by) && !(by_class && has_labels(bank))) {
    table = from_rollups(bank, by);
  } else {
    SampleColumns columns;
    if (all) {
      columns = load_samples(bank, nullptr);
    } else {
      const Selection found =
          select_samples(bank, *filter, std::string(filter_text), options.select);
      columns = load_samples(bank, &found.ids());
    }
    table = count_facets(bank, by, columns);
  }
  if (by.empty() && table.rows.empty()) table.rows.emplace_back();
  sort_rows(&table);
  return table;
}

}  // namespace slicebank
