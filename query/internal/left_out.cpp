#include "query/internal/left_out.h"

#include <fmt/format.h>

#include <set>

#include "schema/error.h"
#include "schema/taxonomy.h"

namespace slicebank {

LeftOutValue::LeftOutValue(const Bank& bank, const SampleColumns& columns,
                           const VolumeColumns& volumes, const std::string& word)
    : columns_(columns),
      volumes_(volumes),
      by_dataset_(word == "dataset"),
      by_modality_(word == "modality"),
      names_(load_code_names(bank, "_" + word)) {}

std::string LeftOutValue::operator()(std::size_t place) const {
  const std::uint64_t code = by_dataset_    ? columns_.datasets[place]
                             : by_modality_ ? columns_.modalities[place]
                                            : volumes_.volumes.at(columns_.volumes[place]).sequence;
  const auto found = names_.find(code);
  return found == names_.end() ? "(none)" : found->second;
}

std::vector<std::string> leave_out_values(const Bank& bank, const SampleColumns& columns,
                                          const std::string& word) {
  if (word.empty()) return {};
  if (word != "dataset" && word != "modality" && word != "sequence") {
    const auto nearest = nearest_name(word, {"dataset", "modality", "sequence"});
    throw Error(ErrorCode::bad_argument, fmt::format("'{}' is nothing to leave out in turn", word),
                nearest ? fmt::format("did you mean {}?", *nearest)
                        : "there are dataset, modality and sequence");
  }
  const VolumeColumns volumes = load_volumes(bank);
  const LeftOutValue value_of(bank, columns, volumes, word);
  std::set<std::string> values;
  for (std::size_t place = 0; place < columns.size(); ++place) values.insert(value_of(place));
  return {values.begin(), values.end()};
}

}  // namespace slicebank
