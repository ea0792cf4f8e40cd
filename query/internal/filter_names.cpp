#include "query/internal/filter_names.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "query/internal/filter_check.h"
#include "schema/error.h"

namespace slicebank {
namespace {

// Letters and digits alone, in lower case: "T1-weighted" and "t1 weighted" are one word.
std::string bare(const std::string& word) {
  std::string bare_word;
  for (const char c : word) {
    if (c >= 'A' && c <= 'Z') {
      bare_word += static_cast<char>(c - 'A' + 'a');
    } else if (c != ' ' && c != '_' && c != '-') {
      bare_word += c;
    }
  }
  return bare_word;
}

const std::string& word_of(const Filter& filter, std::size_t index) {
  return std::get<std::string>(filter.values.at(index));
}

}  // namespace

void NameResolver::fail_unknown(const Filter& filter, std::size_t index, const std::string& kind,
                                const std::vector<std::string>& candidates,
                                const std::string& otherwise) const {
  const std::string& word = word_of(filter, index);
  const auto nearest = nearest_name(word, candidates);
  throw QueryError(fmt::format("there is no {} '{}'", kind, word), text_,
                   value_column(filter, index),
                   nearest ? fmt::format("did you mean '{}'?", *nearest) : otherwise);
}

ModalityId NameResolver::modality(const Filter& filter, std::size_t index) const {
  const std::string& word = word_of(filter, index);
  const auto match = taxonomy().find_modality(word);
  if (!match) {
    std::vector<std::string> candidates;
    for (const ModalityInfo& info : taxonomy().modalities()) candidates.push_back(info.name);
    const std::string all = fmt::format("there are {}", fmt::join(candidates, ", "));
    for (const ModalityInfo& info : taxonomy().modalities()) {
      candidates.insert(candidates.end(), info.aliases.begin(), info.aliases.end());
    }
    fail_unknown(filter, index, "modality", candidates, all);
  }
  if (match->sequence != SequenceId{}) {
    const ModalityInfo* modality = taxonomy().modality(match->modality);
    const SequenceInfo* sequence = taxonomy().sequence(match->sequence);
    throw QueryError(fmt::format("'{}' is a modality and a sequence in one", word), text_,
                     value_column(filter, index),
                     fmt::format("write modality = '{}' AND sequence = '{}'",
                                 modality ? modality->name : "", sequence ? sequence->name : ""));
  }
  return match->modality;
}

std::vector<SequenceId> NameResolver::sequences(const Filter& filter, std::size_t index) const {
  const std::string word = bare(word_of(filter, index));
  std::vector<SequenceId> found;
  std::vector<std::string> candidates;
  for (const SequenceInfo& info : taxonomy().sequences()) {
    candidates.push_back(info.name);
    bool same = bare(info.name) == word;
    for (const std::string& alias : info.aliases) same = same || bare(alias) == word;
    if (same) found.push_back(info.id);
  }
  if (found.empty()) {
    fail_unknown(filter, index, "sequence", candidates,
                 "`slicebank stats BANK --by modality,sequence` lists those in the bank");
  }
  return found;
}

RegionId NameResolver::region(const Filter& filter, std::size_t index) const {
  if (const auto found = taxonomy().find_region(word_of(filter, index))) return *found;
  std::vector<std::string> candidates;
  for (const RegionInfo& info : taxonomy().regions()) candidates.push_back(info.name);
  fail_unknown(filter, index, "region", candidates,
               fmt::format("there are {}", fmt::join(candidates, ", ")));
}

ClassId NameResolver::class_id(const Filter& filter, std::size_t index) const {
  const std::string& word = word_of(filter, index);
  if (const auto found = taxonomy().find_class(word)) return *found;
  // A class that the bank has is the likelier one to be meant.
  std::vector<std::string> used;
  if (names_.classes_in_use) {
    for (const ClassId used_id : names_.classes_in_use()) {
      if (const ClassInfo* info = taxonomy().class_info(used_id)) used.push_back(info->name);
    }
  }
  std::vector<std::string> all;
  if (!nearest_name(word, used)) {
    for (const ClassInfo& info : taxonomy().classes()) {
      all.push_back(info.name);
      all.insert(all.end(), info.aliases.begin(), info.aliases.end());
    }
  }
  fail_unknown(filter, index, "class", all.empty() ? used : all,
               "`slicebank stats BANK --by class` lists those in the bank");
}

std::vector<ClassId> NameResolver::classes(const Filter& filter) const {
  std::vector<ClassId> ids;
  for (std::size_t i = 0; i < filter.values.size(); ++i) {
    const ClassId id = class_id(filter, i);
    if (filter.exact) {
      ids.push_back(id);
    } else {
      const std::vector<ClassId> members = taxonomy().members(id);
      ids.insert(ids.end(), members.begin(), members.end());
    }
  }
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  return ids;
}

std::string NameResolver::dataset(const Filter& filter, std::size_t index) const {
  const std::string& word = word_of(filter, index);
  if (std::find(names_.datasets.begin(), names_.datasets.end(), word) == names_.datasets.end()) {
    fail_unknown(filter, index, "dataset", names_.datasets,
                 names_.datasets.empty()
                     ? "the bank holds no dataset yet"
                     : "`slicebank stats BANK --by dataset` lists those in the bank");
  }
  return word;
}

void NameResolver::split(const Filter& filter) const {
  const auto found = std::find(names_.splits.begin(), names_.splits.end(), word_of(filter, 0));
  if (found == names_.splits.end()) {
    fail_unknown(filter, 0, "split", names_.splits,
                 names_.splits.empty()
                     ? "the bank holds no split yet: `slicebank split`"
                     : fmt::format("there are {}", fmt::join(names_.splits, ", ")));
  }
  const auto at = static_cast<std::size_t>(found - names_.splits.begin());
  if (at >= names_.split_sides.size() || names_.split_sides[at].empty()) return;
  const std::vector<std::string>& sides = names_.split_sides[at];
  for (std::size_t i = 1; i < filter.values.size(); ++i) {
    if (std::find(sides.begin(), sides.end(), word_of(filter, i)) != sides.end()) continue;
    fail_unknown(filter, i, fmt::format("side in the split '{}':", *found), sides,
                 fmt::format("its sides are {}", fmt::join(sides, ", ")));
  }
}

}  // namespace slicebank
