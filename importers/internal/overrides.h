// What the user says about a dataset and its files do not (ImportOptions,
// dataset_overrides). Any thread.
#pragma once

#include <map>
#include <string>

#include "importers/importer.h"

namespace slicebank::internal {

class Overrides {
 public:
  // Throws Error(bad_argument) for a word that there is not, and for a new name where
  // the source has several datasets.
  Overrides(const std::map<std::string, std::string>& words, const SourceDescription& description);

  void apply(SourceDescription& description) const;
  void apply(SourceItem& item) const;

 private:
  // Nullptr when the user said nothing of the kind.
  const std::string* word(const char* key) const;

  const std::map<std::string, std::string>& words_;
};

}  // namespace slicebank::internal
