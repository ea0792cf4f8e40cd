#include "query/internal/split_labels.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace slicebank {

void fill_labels(const std::vector<std::string>& label_names, std::vector<LabelAmount>&& amounts,
                 bool presence, const std::vector<std::int32_t>& fixed_sides, SplitGroups* groups) {
  // Labels come by name, not in the order in which rows brought them.
  std::vector<std::uint32_t> by_name(label_names.size());
  std::iota(by_name.begin(), by_name.end(), std::uint32_t{0});
  std::sort(by_name.begin(), by_name.end(),
            [&](std::uint32_t a, std::uint32_t b) { return label_names[a] < label_names[b]; });
  std::vector<std::uint32_t> rank(label_names.size());
  groups->labels.emplace_back("samples");
  for (std::size_t i = 0; i < by_name.size(); ++i) {
    rank[by_name[i]] = static_cast<std::uint32_t>(i) + 1;
    groups->labels.push_back(label_names[by_name[i]]);
  }
  std::vector<LabelAmount> cells = std::move(amounts);
  for (LabelAmount& entry : cells) {
    entry.cell = (entry.cell >> 32 << 32) | rank[static_cast<std::uint32_t>(entry.cell)];
  }
  std::sort(cells.begin(), cells.end(),
            [](const LabelAmount& a, const LabelAmount& b) { return a.cell < b.cell; });
  std::vector<std::uint64_t> samples(fixed_sides.size(), 0);
  for (const std::uint32_t group : groups->group_of) ++samples[group];

  groups->problem.labels = groups->labels.size();
  std::vector<StratifyProblem::Entry> entries;
  std::size_t at = 0;
  for (std::size_t group = 0; group < fixed_sides.size(); ++group) {
    entries.assign(1, {0, samples[group]});
    for (; at < cells.size() && cells[at].cell >> 32 == group; ++at) {
      const auto label = static_cast<std::uint32_t>(cells[at].cell);
      if (entries.back().label != label) entries.push_back({label, 0});
      entries.back().count += cells[at].amount;
    }
    if (presence) {
      for (std::size_t i = 1; i < entries.size(); ++i) entries[i].count = 1;
    }
    groups->problem.add_group(entries, fixed_sides[group]);
  }
}

}  // namespace slicebank
