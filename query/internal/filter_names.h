// From the words of a filter to the bank's codes, with a hint where a word is unknown.
#pragma once

#include <string>
#include <vector>

#include "query/filter.h"
#include "query/filter_sql.h"
#include "schema/ids.h"

namespace slicebank {

// Each method takes value number `index` of a node, and throws QueryError pointing at it
// when there is no such name.
class NameResolver {
 public:
  NameResolver(const FilterNames& names, const std::string& text) : names_(names), text_(text) {}

  const Taxonomy& taxonomy() const { return *names_.taxonomy; }

  ModalityId modality(const Filter& filter, std::size_t index) const;
  // One name may stand for a sequence of several modalities.
  std::vector<SequenceId> sequences(const Filter& filter, std::size_t index) const;
  RegionId region(const Filter& filter, std::size_t index) const;
  // The class itself, by name or alias, without those below it.
  ClassId class_id(const Filter& filter, std::size_t index) const;
  // What `class = ...` and `class IN (...)` find, ascending: members, unless exact.
  std::vector<ClassId> classes(const Filter& filter) const;
  std::string dataset(const Filter& filter, std::size_t index) const;
  // Checks the split's name and its sides.
  void split(const Filter& filter) const;

 private:
  [[noreturn]] void fail_unknown(const Filter& filter, std::size_t index, const std::string& kind,
                                 const std::vector<std::string>& candidates,
                                 const std::string& otherwise) const;

  const FilterNames& names_;
  const std::string& text_;
};

}  // namespace slicebank
