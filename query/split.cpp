#include "query/split.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "query/internal/columns.h"
#include "query/internal/left_out.h"
#include "query/internal/mix.h"
#include "query/internal/split_groups.h"
#include "query/internal/split_plan.h"
#include "schema/error.h"
#include "store/writer.h"

namespace slicebank {
namespace {

constexpr unsigned kRepeatsMax = 1000;

[[noreturn]] void refuse(const std::string& message, std::string hint = {}) {
  throw Error(ErrorCode::bad_argument, message, std::move(hint));
}

std::string params_json(const Selection& selection, const SplitOptions& options) {
  nlohmann::ordered_json params;
  if (options.folds > 0) {
    params["folds"] = options.folds;
  } else if (!options.leave_out.empty()) {
    params["leave_out"] = options.leave_out;
  } else {
    auto& ratios = params["ratios"] = nlohmann::ordered_json::object();
    for (const auto& [side, ratio] : options.ratios) ratios[side] = ratio;
  }
  params["group"] = split_group_name(options.group);
  params["stratify"] = options.stratify;
  params["seed"] = options.seed;
  params["honour_official"] = options.honour_official;
  params["join_equal_pixels"] = options.join_equal_pixels;
  if (options.weight != SplitWeight::samples) params["weight"] = split_weight_name(options.weight);
  if (options.keep != nullptr) params["keep"] = options.keep->name;
  if (!options.keep_sides.empty()) params["keep_sides"] = options.keep_sides;
  if (!options.held_out.empty()) {
    auto& held_out = params["held_out"] = nlohmann::ordered_json::object();
    for (const HeldOut& held : options.held_out) held_out[held.side] = held.samples.size();
  }
  if (options.aliases != nullptr) params["aliases"] = options.aliases->fingerprint();
  params["query"] = selection.query();
  params["samples"] = selection.size();
  params["fingerprint"] = selection.fingerprint();
  return params.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
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
  if (selection.empty()) {
    plan_sides(options, {"a", "b"});  // what else is wrong is said first
    refuse("the selection to be split is empty");
  }
  SampleColumns columns = load_selected(selection, options);
  const std::vector<std::string> values =
      leave_out_values(selection.bank(), columns, options.leave_out);
  const SplitSides sides = plan_sides(options, values);
  SplitGroups groups = make_groups(selection.bank(), columns, options, sides.names);
  SolvedSplit solved = solve_split(groups, sides, options);

  Split split;
  split.report = std::move(solved.report);
  split.data.name = options.name;
  split.data.params_json = params_json(selection, options);
  split.data.report_json = split.report.to_json();
  split.data.generation = selection.generation();
  split.data.sides = sides.names;
  split.data.members.reserve(columns.size());
  for (const std::uint32_t group : groups.group_of) {
    split.data.members.push_back(solved.side_of_group[group]);
  }
  split.data.samples = std::move(columns.ids);
  return split;
}

Split create_split(const Selection& selection, const SplitOptions& options) {
  check_split_name("split", options.name);
  std::vector<Split> made;
  made.push_back(make_split(selection, options));
  save_splits(selection.bank(), made);
  return std::move(made.front());
}

std::vector<Split> make_repeats(const Selection& selection, const SplitOptions& options,
                                unsigned repeats) {
  if (repeats == 0 || repeats > kRepeatsMax) {
    refuse(fmt::format("{} repeats of a split; 1 to {} can be made", repeats, kRepeatsMax));
  }
  std::vector<Split> made;
  for (unsigned repeat = 0; repeat < repeats; ++repeat) {
    SplitOptions own = options;
    own.name = fmt::format("{}-{}", options.name, repeat + 1);
    // Every repeat a seed of its own, far from those of neighbouring seeds; JSON readers
    // hold 53 bits.
    if (repeat > 0) own.seed = mix64(mix64(options.seed + 1) + repeat) >> 11;
    made.push_back(make_split(selection, own));
  }
  return made;
}

void save_splits(const Bank& bank, std::vector<Split>& splits) {
  for (const Split& split : splits) check_split_name("split", split.data.name);
  Writer writer = Writer::open(bank.path());
  for (Split& split : splits) split.data.id = writer.put_split(split.data);
  writer.commit();
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
