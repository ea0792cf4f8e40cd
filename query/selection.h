// An ordered set of sample ids that a query gave, bound to a bank generation.
//
// A value: it owns its ids. Const methods are safe from many threads.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "query/filter.h"
#include "schema/ids.h"
#include "store/bank.h"

namespace slicebank {

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
  Selection head(std::size_t count) const;
  Selection shuffled(std::uint64_t seed) const;  // docs/splits.md: same order everywhere

  // Keeps it in the bank under a name (takes the writer lock for a moment).
  void save(const std::string& name) const;
  static Selection load(const Bank& bank, const std::string& name);  // Error(not_found)

 private:
  Bank bank_;
  std::vector<SampleId> ids_;
  Generation generation_;
  std::string query_;
};

// All samples the filter finds, ascending by id. Throws QueryError.
Selection select_samples(const Bank& bank, std::string_view filter_text);
Selection select_samples(const Bank& bank, const Filter& filter, const std::string& text);

// How many, without the ids.
std::uint64_t count_samples(const Bank& bank, std::string_view filter_text);

}  // namespace slicebank
