#include "importers/internal/overrides.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "schema/error.h"
#include "schema/licence.h"
#include "schema/limits.h"
#include "schema/taxonomy.h"

namespace slicebank::internal {
namespace {

const std::vector<std::string>& known_words() {
  static const std::vector<std::string> words = {
      "name", "version", "url", "citation", "licence", "licence-source", "modality", "region"};
  return words;
}

void check(const std::string& key, const std::string& value) {
  const std::vector<std::string>& known = known_words();
  if (std::find(known.begin(), known.end(), key) == known.end()) {
    const auto nearest = nearest_name(key, known);
    throw Error(ErrorCode::bad_argument,
                fmt::format("'{}' is nothing that can be said about a dataset", printable(key)),
                nearest ? fmt::format("Did you mean {}?", *nearest)
                        : fmt::format("Known: {}.", fmt::join(known, ", ")));
  }
  if (value.size() > limits::kTextBytesMax ||
      (key == "name" && value.size() > limits::kNameBytesMax)) {
    throw Error(ErrorCode::limit, fmt::format("the dataset's {} is too long", key));
  }
  if (key == "name" && value.empty()) {
    throw Error(ErrorCode::bad_argument, "a dataset's name must not be empty");
  }
  if (key == "region" && !Taxonomy::builtin().find_region(value)) {
    throw Error(ErrorCode::bad_argument, fmt::format("'{}' is no region", printable(value)),
                "Regions: brain, head and neck, thorax, abdomen, ...; docs/taxonomy.md has all.");
  }
  if (key == "modality" && !Taxonomy::builtin().find_modality(value)) {
    throw Error(ErrorCode::bad_argument, fmt::format("'{}' is no modality", printable(value)),
                "Modalities: CT, MR, PET, X-ray, Ultrasound, ...; docs/taxonomy.md has all.");
  }
}

}  // namespace

Overrides::Overrides(const std::map<std::string, std::string>& words,
                     const SourceDescription& description)
    : words_(words) {
  for (const auto& [key, value] : words) check(key, value);
  if (word("name") != nullptr && description.datasets.size() != 1) {
    throw Error(ErrorCode::bad_argument,
                fmt::format("the source has {} datasets; they cannot all be called '{}'",
                            description.datasets.size(), printable(*word("name"))));
  }
}

const std::string* Overrides::word(const char* key) const {
  const auto found = words_.find(key);
  return found == words_.end() ? nullptr : &found->second;
}

void Overrides::apply(SourceDescription& description) const {
  for (DatasetInfo& dataset : description.datasets) {
    if (word("name") != nullptr) dataset.name = *word("name");
    if (word("version") != nullptr) dataset.version = *word("version");
    if (word("url") != nullptr) dataset.source_url = *word("url");
    if (word("citation") != nullptr) dataset.citation = *word("citation");
    if (word("region") != nullptr) {
      dataset.region = *Taxonomy::builtin().find_region(*word("region"));
    }
    if (word("licence") != nullptr) {
      const std::string* source = word("licence-source");
      const Licence licence{*word("licence"), licence_tag(*word("licence")),
                            source == nullptr ? "given at import" : *source};
      dataset.image_licence = licence;
      dataset.label_licence = licence;
    }
  }
}

void Overrides::apply(SourceItem& item) const {
  if (item.image_paths.empty()) return;
  if (word("name") != nullptr) item.dataset = *word("name");
  if (word("modality") != nullptr && item.modality.empty()) item.modality = *word("modality");
}

}  // namespace slicebank::internal
