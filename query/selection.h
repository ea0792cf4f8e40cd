// An ordered set of sample ids that a query gave, bound to a bank generation.
//
// A value: it owns its ids. Const methods are safe from many threads.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "query/filter.h"
#include "schema/ids.h"
#include "store/bank.h"

namespace slicebank {

// A field of the sample to sort by, and whether from the largest down.
struct SortKey {
  std::string field;
  bool descending = false;
};

// "patient, slice desc": fields with ASC or DESC. Throws QueryError pointing at the word.
std::vector<SortKey> parse_sort_keys(std::string_view text);

class Selection {
 public:
  // Throws Error(bad_argument) when an id stands twice.
  Selection(Bank bank, std::vector<SampleId> ids, Generation generation, std::string query);

  const std::vector<SampleId>& ids() const& noexcept { return ids_; }
  std::vector<SampleId> ids() && { return std::move(ids_); }  // of a selection about to go
  std::size_t size() const noexcept { return ids_.size(); }
  bool empty() const noexcept { return ids_.empty(); }
  const Bank& bank() const noexcept { return bank_; }
  Generation generation() const noexcept { return generation_; }
  const std::string& query() const noexcept { return query_; }  // words that found it

  // 32 hex digits over bank uuid and ids in order: equal selections, equal fingerprints.
  std::string fingerprint() const;

  // Set algebra keeps the left side's order, and the older generation of the two;
  // Error(bad_argument) for another bank.
  Selection united(const Selection& other) const;
  Selection intersected(const Selection& other) const;
  Selection minus(const Selection& other) const;
  // What is in one of the two and not in both: ours in our order, then theirs in theirs.
  Selection symmetric_difference(const Selection& other) const;
  Selection head(std::size_t count) const;
  Selection shuffled(std::uint64_t seed) const;  // docs/splits.md: same order everywhere
  // `count` of them, every set of so many equally likely; in the order they have here. All of
  // them where there are no more. The same everywhere for a seed.
  Selection sampled(std::size_t count, std::uint64_t seed) const;
  // By these fields, the first first; equal ones keep the order they have here. Missing
  // values come last, ascending or descending. Throws QueryError for a field that is not one
  // value a sample. What was deleted since the selection was made comes last.
  Selection sorted_by(const std::vector<SortKey>& keys) const;
  // What of it was in the bank at an earlier generation, in our order; that generation is then
  // its own. Error(not_found) as past_generation(): store/generations.h, which also has how
  // many samples of it are gone.
  Selection as_of(Generation generation) const;

  // Those of it that have been deleted since, in our order.
  std::vector<SampleId> deleted() const;

  // Keeps it in the bank under a name (takes the writer lock for a moment).
  void save(const std::string& name) const;
  // The same ids in the same order, whatever came and went since; deleted() has those that
  // cannot be read any more. Error(not_found), Error(corrupt) where the ids do not give the
  // fingerprint that was saved with them.
  static Selection load(const Bank& bank, const std::string& name);
  // Takes a saved one out of the bank (writer lock). Error(not_found).
  static void forget(const Bank& bank, const std::string& name);

 private:
  Bank bank_;
  std::vector<SampleId> ids_;
  Generation generation_;
  std::string query_;
};

struct SelectOptions {
  // Only what was in the bank at that generation. The filter asks what is known of those
  // samples now: docs/query_language.md, "As of a generation".
  std::optional<Generation> as_of;
};

// All samples the filter finds, ascending by id. Throws QueryError, and Error(not_found) for
// a generation that cannot be had again.
Selection select_samples(const Bank& bank, std::string_view filter_text,
                         const SelectOptions& options = {});
Selection select_samples(const Bank& bank, const Filter& filter, const std::string& text,
                         const SelectOptions& options = {});

// The same by SQL alone, without the facets: slower, for comparing the two.
Selection select_samples_by_rows(const Bank& bank, const Filter& filter, const std::string& text);

// How many, without the ids.
std::uint64_t count_samples(const Bank& bank, std::string_view filter_text);

}  // namespace slicebank
