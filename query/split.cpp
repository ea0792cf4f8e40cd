#include "query/split.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "query/internal/columns.h"
#include "query/internal/split_groups.h"
#include "query/internal/stratify.h"
#include "schema/error.h"
#include "schema/limits.h"
#include "store/writer.h"

namespace slicebank {
namespace {

constexpr std::size_t kSidesMax = 1000;

[[noreturn]] void refuse(const std::string& message, std::string hint = {}) {
  throw Error(ErrorCode::bad_argument, message, std::move(hint));
}

// Sides and their shares, which sum to 1.
struct Shares {
  std::vector<std::string> sides;
  std::vector<double> ratios;
};

void check_name(const std::string& kind, const std::string& name) {
  if (name.empty()) refuse(fmt::format("a {} has no name", kind));
  if (name.size() > limits::kNameBytesMax) {
    refuse(fmt::format("the name of a {} is {} bytes long", kind, name.size()));
  }
  if (name.find(':') != std::string::npos || name.find('\0') != std::string::npos) {
    refuse(fmt::format("the name '{}' of a {} holds a colon", name, kind),
           "a colon parts split and side: main:train");
  }
}

Shares shares_of(const SplitOptions& options) {
  Shares shares;
  if (options.folds > 0) {
    if (!options.ratios.empty()) refuse("a split has ratios or folds, not both");
    if (options.folds < 2) refuse("one fold is no split", "ask for two folds or more");
    if (options.folds > kSidesMax) {
      refuse(fmt::format("{} folds are more than {}", options.folds, kSidesMax));
    }
    for (unsigned fold = 0; fold < options.folds; ++fold) {
      shares.sides.push_back(fmt::format("fold{}", fold));
      shares.ratios.push_back(1.0 / options.folds);
    }
    return shares;
  }
  if (options.ratios.empty()) {
    refuse("the split has neither ratios nor folds", "for example train=0.8,val=0.1,test=0.1");
  }
  if (options.ratios.size() > kSidesMax) {
    refuse(fmt::format("{} sides are more than {}", options.ratios.size(), kSidesMax));
  }
  double sum = 0;
  for (const auto& [side, ratio] : options.ratios) {
    check_name("side", side);
    if (!std::isfinite(ratio) || ratio < 0) {
      refuse(fmt::format("the ratio {} of '{}' is no share", ratio, side),
             "ratios are 0 or more, in any unit");
    }
    if (std::find(shares.sides.begin(), shares.sides.end(), side) != shares.sides.end()) {
      refuse(fmt::format("the side '{}' stands twice", side));
    }
    shares.sides.push_back(side);
    shares.ratios.push_back(ratio);
    sum += ratio;
  }
  if (!(sum > 0) || !std::isfinite(sum)) refuse("the ratios of the split sum to nothing");
  for (double& ratio : shares.ratios) ratio /= sum;
  return shares;
}

void check_options(const SplitOptions& options, const Shares& shares) {
  static const std::vector<std::string> words = {"class", "modality", "sequence", "dataset",
                                                 "region"};
  for (const std::string& word : options.stratify) {
    if (std::find(words.begin(), words.end(), word) == words.end()) {
      const auto nearest = nearest_name(word, words);
      refuse(fmt::format("'{}' is nothing to stratify by", word),
             nearest ? fmt::format("did you mean {}?", *nearest)
                     : fmt::format("there are {}", fmt::join(words, ", ")));
    }
    if (std::count(options.stratify.begin(), options.stratify.end(), word) > 1) {
      refuse(fmt::format("'{}' stands twice in stratify", word));
    }
  }
  if (options.honour_official && options.folds > 0) {
    refuse("folds have no official split", "use ratios for train, val and test");
  }
  if (options.keep == nullptr) return;
  for (const std::string& side : options.keep->sides) {
    if (std::find(shares.sides.begin(), shares.sides.end(), side) == shares.sides.end()) {
      refuse(fmt::format("the split '{}' to be kept has a side '{}', the new one has not",
                         options.keep->name, side),
             "name the same sides; a side may have ratio 0");
    }
  }
}

const char* group_name(SplitGroup group) {
  switch (group) {
    case SplitGroup::subject:
      return "subject";
    case SplitGroup::volume:
      return "volume";
    case SplitGroup::sample:
      return "sample";
  }
  return "subject";
}

std::string params_json(const Selection& selection, const SplitOptions& options) {
  nlohmann::ordered_json params;
  if (options.folds > 0) {
    params["folds"] = options.folds;
  } else {
    auto& ratios = params["ratios"] = nlohmann::ordered_json::object();
    for (const auto& [side, ratio] : options.ratios) ratios[side] = ratio;
  }
  params["group"] = group_name(options.group);
  params["stratify"] = options.stratify;
  params["seed"] = options.seed;
  params["honour_official"] = options.honour_official;
  params["join_equal_pixels"] = options.join_equal_pixels;
  if (options.keep != nullptr) params["keep"] = options.keep->name;
  params["query"] = selection.query();
  params["samples"] = selection.size();
  params["fingerprint"] = selection.fingerprint();
  return params.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

SplitReport make_report(const SplitGroups& groups, const Shares& shares,
                        const std::vector<std::uint16_t>& side_of_group) {
  SplitReport report;
  report.sides = shares.sides;
  report.groups.assign(shares.sides.size(), 0);
  for (const std::uint16_t side : side_of_group) ++report.groups[side];
  report.groups_joined_by_pixels = groups.joined_by_pixels;
  report.groups_kept = groups.kept;
  report.groups_in_conflict = groups.in_conflict;
  const std::vector<StratifyLabel> labels = count_labels(groups.problem, side_of_group);
  report.samples = labels.front().got;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    SplitBalance balance;
    balance.label = groups.labels[i];
    balance.total = labels[i].total;
    balance.got = labels[i].got;
    const double total = static_cast<double>(labels[i].total);
    for (std::size_t side = 0; side < shares.ratios.size(); ++side) {
      const double wanted = shares.ratios[side] * total;
      balance.wanted.push_back(wanted);
      balance.deviation = std::max(
          balance.deviation, std::abs(static_cast<double>(balance.got[side]) - wanted) / total);
    }
    balance.tolerance = static_cast<double>(labels[i].largest_group) / total;
    report.deviation_mean += balance.deviation / static_cast<double>(labels.size());
    report.deviation_worst = std::max(report.deviation_worst, balance.deviation);
    report.balances.push_back(std::move(balance));
  }
  return report;
}

SampleColumns load_selected(const Selection& selection, const SplitOptions& options) {
  std::vector<SampleId> ids = selection.ids();
  std::sort(ids.begin(), ids.end());
  ColumnParts parts;
  parts.names = options.group == SplitGroup::sample;
  parts.hashes = options.join_equal_pixels;
  SampleColumns columns = load_samples(selection.bank(), &ids, parts);
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (i < columns.size() && columns.ids[i] == ids[i]) continue;
    throw Error(ErrorCode::not_found,
                fmt::format("sample {} of the selection is no longer in {}", raw(ids[i]),
                            selection.bank().path().string()),
                "select again: the bank has changed since");
  }
  return columns;
}

}  // namespace

Split make_split(const Selection& selection, const SplitOptions& options) {
  const Shares shares = shares_of(options);
  check_options(options, shares);
  if (selection.empty()) refuse("the selection to be split is empty");
  SampleColumns columns = load_selected(selection, options);
  SplitGroups groups = make_groups(selection.bank(), columns, options, shares.sides);
  if (options.folds > groups.problem.groups()) {
    refuse(
        fmt::format("{} folds cannot be made of {} groups", options.folds, groups.problem.groups()),
        options.group == SplitGroup::subject ? "fewer folds, or group by volume" : "fewer folds");
  }
  groups.problem.ratios = shares.ratios;
  const std::vector<std::uint16_t> side_of_group = stratify(groups.problem);

  Split split;
  split.report = make_report(groups, shares, side_of_group);
  split.data.name = options.name;
  split.data.params_json = params_json(selection, options);
  split.data.report_json = split.report.to_json();
  split.data.generation = selection.generation();
  split.data.sides = shares.sides;
  split.data.members.reserve(columns.size());
  for (const std::uint32_t group : groups.group_of) {
    split.data.members.push_back(side_of_group[group]);
  }
  split.data.samples = std::move(columns.ids);
  return split;
}

Split create_split(const Selection& selection, const SplitOptions& options) {
  check_name("split", options.name);
  Split split = make_split(selection, options);
  Writer writer = Writer::open(selection.bank().path());
  split.data.id = writer.put_split(split.data);
  writer.commit();
  return split;
}

Selection split_side(const Bank& bank, const std::string& split_and_side) {
  const std::size_t colon = split_and_side.find(':');
  const std::string name = split_and_side.substr(0, colon);
  const std::optional<SplitData> split = find_split(bank, name);
  if (!split) {
    std::vector<std::string> names;
    for (const SplitData& known : list_splits(bank)) names.push_back(known.name);
    const auto nearest = nearest_name(name, names);
    throw Error(ErrorCode::not_found,
                fmt::format("{} has no split '{}'", bank.path().string(), name),
                nearest         ? fmt::format("did you mean '{}'?", *nearest)
                : names.empty() ? "it has none yet: `slicebank split`"
                                : fmt::format("it has {}", fmt::join(names, ", ")));
  }
  const std::string all_sides = fmt::format("its sides are {}", fmt::join(split->sides, ", "));
  if (colon == std::string::npos) {
    throw Error(ErrorCode::bad_argument, fmt::format("'{}' names a split without a side", name),
                fmt::format("write {}:{}; {}", name,
                            split->sides.empty() ? "SIDE" : split->sides.front(), all_sides));
  }
  const std::string side = split_and_side.substr(colon + 1);
  const auto found = std::find(split->sides.begin(), split->sides.end(), side);
  if (found == split->sides.end()) {
    const auto nearest = nearest_name(side, split->sides);
    throw Error(ErrorCode::not_found, fmt::format("the split '{}' has no side '{}'", name, side),
                nearest ? fmt::format("did you mean {}:{}?", name, *nearest) : all_sides);
  }
  const auto wanted = static_cast<std::uint16_t>(found - split->sides.begin());
  std::vector<SampleId> ids;
  for (std::size_t i = 0; i < split->samples.size(); ++i) {
    if (split->members[i] == wanted) ids.push_back(split->samples[i]);
  }
  return {bank, std::move(ids), split->generation, fmt::format("split('{}') = '{}'", name, side)};
}

}  // namespace slicebank
