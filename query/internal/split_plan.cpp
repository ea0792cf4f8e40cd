#include "query/internal/split_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include "query/internal/stratify.h"
#include "schema/error.h"
#include "schema/limits.h"
#include "schema/taxonomy.h"

namespace slicebank {
namespace {

constexpr std::size_t kSidesMax = 1000;

[[noreturn]] void refuse(const std::string& message, std::string hint = {}) {
  throw Error(ErrorCode::bad_argument, message, std::move(hint));
}

std::size_t place_of(const std::vector<std::string>& names, const std::string& name) {
  return static_cast<std::size_t>(std::find(names.begin(), names.end(), name) - names.begin());
}

void check_words(const SplitOptions& options) {
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
  if (options.honour_official && (options.folds > 0 || !options.leave_out.empty())) {
    refuse("folds have no official split", "use ratios for train, val and test");
  }
  const int ways = (options.folds > 0 ? 1 : 0) + (options.ratios.empty() ? 0 : 1) +
                   (options.leave_out.empty() ? 0 : 1);
  if (ways > 1) {
    refuse("a split has ratios or folds, not both", "nor a side left out in turn beside them");
  }
  if (ways == 0) {
    refuse("the split has neither ratios nor folds", "for example train=0.8,val=0.1,test=0.1");
  }
}

void add_ratios(const SplitOptions& options, SplitSides* sides) {
  if (options.ratios.size() > kSidesMax) {
    refuse(fmt::format("{} sides are more than {}", options.ratios.size(), kSidesMax));
  }
  for (const auto& [side, ratio] : options.ratios) {
    check_split_name("side", side);
    if (!std::isfinite(ratio) || ratio < 0) {
      refuse(fmt::format("the ratio {} of '{}' is no share", ratio, side),
             "ratios are 0 or more, in any unit");
    }
    if (std::find(sides->names.begin(), sides->names.end(), side) != sides->names.end()) {
      refuse(fmt::format("the side '{}' stands twice", side));
    }
    sides->names.push_back(side);
    sides->ratios.push_back(ratio);
  }
}

void add_folds(const SplitOptions& options, SplitSides* sides) {
  if (options.folds < 2) refuse("one fold is no split", "ask for two folds or more");
  if (options.folds > kSidesMax) {
    refuse(fmt::format("{} folds are more than {}", options.folds, kSidesMax));
  }
  for (unsigned fold = 0; fold < options.folds; ++fold) {
    sides->names.push_back(fmt::format("fold{}", fold));
    sides->ratios.push_back(1.0 / options.folds);
  }
}

// Every value is a closed side: its groups are known.
void add_values(const SplitOptions& options, const std::vector<std::string>& values,
                SplitSides* sides) {
  if (values.size() < 2) {
    refuse(fmt::format("there is one {} only: nothing is left when it is left out",
                       options.leave_out));
  }
  if (values.size() > kSidesMax) {
    refuse(fmt::format("{} sides are more than {}", values.size(), kSidesMax));
  }
  for (const std::string& value : values) {
    std::string name = value;
    for (char& c : name) c = c == ':' ? '_' : c;  // a colon parts split and side
    check_split_name("side", name);
    sides->names.push_back(name);
    sides->ratios.push_back(0);
  }
  sides->closed.assign(values.size(), true);
}

void close_sides(const SplitOptions& options, SplitSides* sides) {
  sides->closed.resize(sides->names.size(), false);
  for (const HeldOut& held : options.held_out) {
    check_split_name("side", held.side);
    const std::size_t place = place_of(sides->names, held.side);
    if (place == sides->names.size()) {
      sides->names.push_back(held.side);
      sides->ratios.push_back(0);
      sides->closed.push_back(true);
    }
    sides->closed[place] = true;
  }
  for (const std::string& side : options.keep_sides) {
    if (options.keep == nullptr) refuse("sides are to be kept of no split");
    const std::size_t place = place_of(sides->names, side);
    if (place == sides->names.size() ||
        place_of(options.keep->sides, side) == options.keep->sides.size()) {
      refuse(fmt::format("the side '{}' to be kept is not in both splits", side),
             fmt::format("the split to be kept has {}", fmt::join(options.keep->sides, ", ")));
    }
    sides->closed[place] = true;
  }
  if (options.keep == nullptr || !options.keep_sides.empty()) return;
  for (const std::string& side : options.keep->sides) {
    if (place_of(sides->names, side) < sides->names.size()) continue;
    refuse(fmt::format("the split '{}' to be kept has a side '{}', the new one has not",
                       options.keep->name, side),
           "name the same sides; a side may have ratio 0");
  }
}

SplitBalance balance_of(const std::string& name, const StratifyLabel& label,
                        const SplitSides& sides) {
  SplitBalance balance;
  balance.label = name;
  balance.total = label.total;
  balance.got = label.got;
  const double total = static_cast<double>(label.total);
  for (std::size_t side = 0; side < sides.ratios.size(); ++side) {
    const double got = static_cast<double>(label.got[side]);
    const double wanted = sides.closed[side] ? got : sides.ratios[side] * total;
    balance.wanted.push_back(wanted);
    if (total > 0) balance.deviation = std::max(balance.deviation, std::abs(got - wanted) / total);
  }
  balance.tolerance = total > 0 ? static_cast<double>(label.largest_group) / total : 0;
  return balance;
}

}  // namespace

void check_split_name(const std::string& kind, const std::string& name) {
  if (name.empty()) refuse(fmt::format("a {} has no name", kind));
  if (name.size() > limits::kNameBytesMax) {
    refuse(fmt::format("the name of a {} is {} bytes long", kind, name.size()));
  }
  if (name.find(':') != std::string::npos || name.find('\0') != std::string::npos) {
    refuse(fmt::format("the name '{}' of a {} holds a colon", name, kind),
           "a colon parts split and side: main:train");
  }
}

SplitSides plan_sides(const SplitOptions& options,
                      const std::vector<std::string>& leave_out_values) {
  check_words(options);
  SplitSides sides;
  if (options.folds > 0) {
    add_folds(options, &sides);
  } else if (!options.leave_out.empty()) {
    add_values(options, leave_out_values, &sides);
  } else {
    add_ratios(options, &sides);
  }
  close_sides(options, &sides);
  double sum = 0;
  bool any_open = false;
  for (std::size_t side = 0; side < sides.names.size(); ++side) {
    if (sides.closed[side]) sides.ratios[side] = 0;
    if (!sides.closed[side]) any_open = true;
    sum += sides.ratios[side];
  }
  if (!any_open && !options.leave_out.empty()) return sides;
  if (!(sum > 0) || !std::isfinite(sum)) refuse("the ratios of the split sum to nothing");
  for (double& ratio : sides.ratios) ratio /= sum;
  return sides;
}

SolvedSplit solve_split(SplitGroups& groups, const SplitSides& sides, const SplitOptions& options) {
  if (options.folds > groups.problem.groups()) {
    refuse(
        fmt::format("{} folds cannot be made of {} groups", options.folds, groups.problem.groups()),
        options.group == SplitGroup::subject ? "fewer folds, or group by volume" : "fewer folds");
  }
  groups.problem.ratios = sides.ratios;
  groups.problem.closed = sides.closed;
  SolvedSplit solved;
  solved.side_of_group = stratify(groups.problem);
  SplitReport& report = solved.report;
  report.sides = sides.names;
  report.closed = sides.closed;
  report.groups.assign(sides.names.size(), 0);
  for (const std::uint16_t side : solved.side_of_group) ++report.groups[side];
  report.groups_joined_by_pixels = groups.joined_by_pixels;
  report.groups_kept = groups.kept;
  report.groups_in_conflict = groups.in_conflict;
  const std::vector<StratifyLabel> labels = count_labels(groups.problem, solved.side_of_group);
  report.samples = labels.front().got;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    SplitBalance balance = balance_of(groups.labels[i], labels[i], sides);
    report.deviation_mean += balance.deviation / static_cast<double>(labels.size());
    report.deviation_worst = std::max(report.deviation_worst, balance.deviation);
    report.balances.push_back(std::move(balance));
  }
  return solved;
}

const char* split_weight_name(SplitWeight weight) {
  switch (weight) {
    case SplitWeight::samples:
      return "samples";
    case SplitWeight::masks:
      return "masks";
    case SplitWeight::pixels:
      return "pixels";
    case SplitWeight::presence:
      return "presence";
  }
  return "samples";
}

const char* split_group_name(SplitGroup group) {
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

}  // namespace slicebank
