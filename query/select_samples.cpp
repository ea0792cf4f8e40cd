// From a filter to the ids it finds: by facets where they can tell, by rows where not.
#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "query/filter_sql.h"
#include "query/internal/bank_names.h"
#include "query/internal/facet_plan.h"
#include "query/internal/filter_shape.h"
#include "query/selection.h"
#include "schema/limits.h"
#include "store/facets.h"
#include "store/select.h"

namespace slicebank {
namespace {

// Where facets leave at most this many samples in question, each is looked at; above it a
// search of the clustered tables is faster.
constexpr std::uint64_t kCandidatesMax = 100'000;
constexpr std::size_t kCandidatesAtOnceMin = 500;  // else the filter itself is too long

struct Found {
  std::vector<SampleId> ids;  // ascending
  Generation generation{};
};

// The ids a statement finds, ascending and once each.
std::vector<SampleId> run_ids(const Bank& bank, const FilterSql& sql) {
  std::vector<SampleId> ids;
  for (Rows rows = select(bank, sql.ids, sql.ids_values); rows.next();) {
    ids.push_back(SampleId{static_cast<std::uint64_t>(rows.integer(0))});
  }
  if (!std::is_sorted(ids.begin(), ids.end())) std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  return ids;
}

// Which of the candidates satisfy the conditions that facets do not settle.
std::vector<SampleId> check_candidates(const Bank& bank, const std::vector<SampleId>& candidates,
                                       const std::vector<FilterPtr>& conditions,
                                       std::size_t at_once, const FilterNames& names,
                                       const std::string& text) {
  std::vector<SampleId> found;
  for (std::size_t at = 0; at < candidates.size(); at += at_once) {
    Filter which;
    which.kind = Filter::Kind::in;
    which.field = "id";
    const std::size_t end = std::min(at + at_once, candidates.size());
    for (std::size_t i = at; i < end; ++i) {
      which.values.emplace_back(static_cast<std::int64_t>(raw(candidates[i])));
    }
    Filter both;
    both.kind = Filter::Kind::logical_and;
    both.children.push_back(std::make_shared<Filter>(std::move(which)));
    both.children.insert(both.children.end(), conditions.begin(), conditions.end());
    const std::vector<SampleId> part = run_ids(bank, to_sql(both, names, text));
    found.insert(found.end(), part.begin(), part.end());
  }
  return found;
}

// How many ids fit into one filter beside the conditions.
std::size_t ids_beside(const std::vector<FilterPtr>& conditions) {
  std::size_t terms = 2;  // the AND, and the IN
  for (const FilterPtr& condition : conditions) terms += count_terms(*condition);
  return limits::kFilterTermsMax - std::min<std::size_t>(terms, limits::kFilterTermsMax);
}

// By facets, as of their generation; nothing where rows have to be searched.
std::optional<Found> by_facets(const Bank& bank, const Filter& filter, const FilterNames& names,
                               const std::string& text) {
  constexpr int kTriesMax = 5;
  for (int tries = 0; tries < kTriesMax; ++tries) {
    const auto facets = Facets::of(bank);
    if (!facets) return std::nullopt;
    try {
      std::vector<FilterPtr> open;
      const FacetAnswer answer = FacetPlan(bank, *facets, names, text).answer(filter, &open);
      if (answer.exact) return Found{answer.ids->ids(), facets->generation()};
      const std::size_t at_once = ids_beside(open);
      if (answer.ids->size() > kCandidatesMax || at_once < kCandidatesAtOnceMin)
        return std::nullopt;
      auto ids = check_candidates(bank, answer.ids->ids(), open, at_once, names, text);
      if (bank.generation() == facets->generation()) {
        return Found{std::move(ids), facets->generation()};
      }
    } catch (const FacetsOutdated&) {
      // A commit came in between.
    }
  }
  return std::nullopt;
}

Found by_rows(const Bank& bank, const FilterSql& sql) {
  // The ids belong to one generation: read again when a commit came in between.
  constexpr int kTriesMax = 5;
  Generation generation = bank.generation();
  for (int tries = 1;; ++tries) {
    std::vector<SampleId> ids = run_ids(bank, sql);
    const Generation after = bank.generation();
    if (after == generation || tries == kTriesMax) return {std::move(ids), generation};
    generation = after;
  }
}

}  // namespace

Selection select_samples(const Bank& bank, std::string_view filter_text,
                         const SelectOptions& options) {
  return select_samples(bank, *parse_filter(filter_text), std::string(filter_text), options);
}

Selection select_samples(const Bank& bank, const Filter& filter, const std::string& text,
                         const SelectOptions& options) {
  const BankNames loaded = load_names(bank);
  const FilterSql sql = to_sql(filter, loaded.names, text);  // says which name is unknown
  auto found = by_facets(bank, filter, loaded.names, text);
  if (!found) found = by_rows(bank, sql);
  Selection selection(bank, std::move(found->ids), found->generation, text);
  return options.as_of ? selection.as_of(*options.as_of) : selection;
}

Selection select_samples_by_rows(const Bank& bank, const Filter& filter, const std::string& text) {
  const BankNames loaded = load_names(bank);
  Found found = by_rows(bank, to_sql(filter, loaded.names, text));
  return {bank, std::move(found.ids), found.generation, text};
}

std::uint64_t count_samples(const Bank& bank, std::string_view filter_text) {
  const std::string text(filter_text);
  const FilterPtr filter = parse_filter(text);
  const BankNames loaded = load_names(bank);
  const FilterSql sql = to_sql(*filter, loaded.names, text);
  if (!sql.count.empty()) {
    Rows rows = select(bank, sql.count, sql.count_values);
    return rows.next() ? static_cast<std::uint64_t>(rows.integer(0)) : 0;
  }
  if (const auto facets = Facets::of(bank)) {
    try {
      const FacetAnswer answer = FacetPlan(bank, *facets, loaded.names, text).answer(*filter);
      if (answer.exact) return answer.ids->size();
    } catch (const FacetsOutdated&) {
      // Counted below.
    }
  }
  return select_samples(bank, *filter, text).size();
}

}  // namespace slicebank
