#include "query/internal/split_groups.h"

#include <xxhash.h>

#include <algorithm>
#include <array>
#include <map>
#include <numeric>
#include <unordered_map>
#include <utility>

#include "query/internal/equal_pixels.h"
#include "query/internal/left_out.h"
#include "query/internal/official_side.h"
#include "query/internal/union_find.h"
#include "store/select.h"

namespace slicebank {
namespace {

constexpr const char* kNone = "(none)";
constexpr std::int32_t kFree = -1;

// Identity of a group that does not depend on the bank's numbers: a hash of names.
using GroupKey = std::array<std::uint64_t, 2>;

GroupKey hash_names(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) {
    text += part;
    text += '\0';  // cannot be part of a name
  }
  const XXH128_hash_t hash = XXH3_128bits(text.data(), text.size());
  return {hash.high64, hash.low64};
}

std::string name_of(const std::unordered_map<std::uint64_t, std::string>& names,
                    std::uint64_t code) {
  const auto found = names.find(code);
  return found == names.end() ? kNone : found->second;
}

// Where a group is called to stand, the strongest call first.
struct Calls {
  std::int32_t held = kFree;
  std::int32_t kept = kFree;
  std::int32_t official = kFree;
  bool conflict = false;

  void call(std::int32_t* place, std::int32_t side) {
    if (side == kFree) return;
    if (*place != kFree && *place != side) conflict = true;
    if (*place == kFree || side < *place) *place = side;
  }

  std::int32_t side() const { return held != kFree ? held : kept != kFree ? kept : official; }
};

class Grouping {
 public:
  Grouping(const Bank& bank, const SampleColumns& columns, const SplitOptions& options,
           const std::vector<std::string>& sides)
      : bank_(bank),
        columns_(columns),
        options_(options),
        sides_(sides),
        volumes_(load_volumes(bank)),
        dataset_names_(load_code_names(bank, "_dataset")) {}

  SplitGroups run() {
    number_units();
    join_units();
    order_groups();
    collect_labels();
    call_groups();
    fill_problem();
    return std::move(result_);
  }

 private:
  // Units are what the option names: subjects, volumes or samples.
  void number_units() {
    if (options_.group == SplitGroup::sample) {
      unit_of_.resize(columns_.size());
      std::iota(unit_of_.begin(), unit_of_.end(), std::uint32_t{0});
      units_ = columns_.size();
      return;
    }
    const std::vector<std::uint64_t>& ids =
        options_.group == SplitGroup::subject ? columns_.subjects : columns_.volumes;
    std::unordered_map<std::uint64_t, std::uint32_t> numbers;
    for (const std::uint64_t id : ids) {
      const auto [place, is_new] =
          numbers.try_emplace(id, static_cast<std::uint32_t>(numbers.size()));
      if (is_new) unit_ids_.push_back(id);
      unit_of_.push_back(place->second);
    }
    units_ = unit_ids_.size();
  }

  void join_units() {
    UnionFind joined(units_);
    if (options_.group == SplitGroup::subject) {
      join_aliases(&joined);
      join_named_aliases(&joined);
    }
    if (options_.join_equal_pixels) {
      const auto apart = [&](const std::vector<std::size_t>& places) {
        return std::any_of(places.begin(), places.end(), [&](std::size_t place) {
          return joined.find(unit_of_[place]) != joined.find(unit_of_[places.front()]);
        });
      };
      for_each_equal_set(bank_, columns_, apart, [&](const std::vector<std::size_t>& places) {
        for (const std::size_t place : places) {
          if (joined.join(unit_of_[places.front()], unit_of_[place])) ++result_.joined_by_pixels;
        }
      });
    }
    root_of_.resize(units_);
    for (std::size_t unit = 0; unit < units_; ++unit) {
      root_of_[unit] = static_cast<std::uint32_t>(joined.find(unit));
    }
  }

  // Aliases of the options: by names, where the bank's own are by number.
  void join_named_aliases(UnionFind* joined) const {
    if (options_.aliases == nullptr || options_.aliases->empty()) return;
    std::unordered_map<std::uint64_t, std::size_t> unit_of_id;
    for (std::size_t unit = 0; unit < units_; ++unit) unit_of_id.emplace(unit_ids_[unit], unit);
    std::unordered_map<std::string, std::size_t> first;
    Rows rows = select(bank_, "SELECT id, dataset_id, patient_id FROM _subject");
    while (rows.next()) {
      const auto unit = unit_of_id.find(static_cast<std::uint64_t>(rows.integer(0)));
      if (unit == unit_of_id.end()) continue;
      const std::string dataset =
          name_of(dataset_names_, static_cast<std::uint64_t>(rows.integer(1)));
      for (const std::string& group :
           options_.aliases->groups_of(dataset, std::string(rows.text(2)))) {
        joined->join(first.try_emplace(group, unit->second).first->second, unit->second);
      }
    }
  }

  void join_aliases(UnionFind* joined) const {
    std::unordered_map<std::uint64_t, std::uint64_t> alias_of;
    Rows rows = select(bank_, "SELECT id, alias_group FROM _subject WHERE alias_group != 0");
    while (rows.next()) {
      alias_of.emplace(static_cast<std::uint64_t>(rows.integer(0)),
                       static_cast<std::uint64_t>(rows.integer(1)));
    }
    std::unordered_map<std::uint64_t, std::size_t> first;
    for (std::size_t unit = 0; unit < units_; ++unit) {
      const auto alias = alias_of.find(unit_ids_[unit]);
      if (alias == alias_of.end()) continue;
      joined->join(first.try_emplace(alias->second, unit).first->second, unit);
    }
  }

  // The key of a group is the smallest of its units' keys; groups come by a hash of key and
  // seed, so that neither ids nor the order of rows has a say.
  void order_groups() {
    const std::vector<GroupKey> unit_keys = make_unit_keys();
    std::unordered_map<std::uint32_t, GroupKey> key_of_root;
    for (std::size_t unit = 0; unit < units_; ++unit) {
      const auto [place, is_new] = key_of_root.try_emplace(root_of_[unit], unit_keys[unit]);
      if (!is_new) place->second = std::min(place->second, unit_keys[unit]);
    }
    std::vector<std::pair<std::array<std::uint64_t, 3>, std::uint32_t>> order;
    for (const auto& [root, key] : key_of_root) {
      const std::uint64_t seeded = XXH3_64bits_withSeed(key.data(), sizeof(key), options_.seed);
      order.push_back({{seeded, key[0], key[1]}, root});
    }
    std::sort(order.begin(), order.end());
    std::vector<std::uint32_t> group_of_root(units_);
    for (std::size_t group = 0; group < order.size(); ++group) {
      group_of_root[order[group].second] = static_cast<std::uint32_t>(group);
    }
    groups_ = order.size();
    result_.group_of.reserve(columns_.size());
    for (const std::uint32_t unit : unit_of_) {
      result_.group_of.push_back(group_of_root[root_of_[unit]]);
    }
  }

  std::vector<GroupKey> make_unit_keys() const {
    std::vector<GroupKey> keys;
    keys.reserve(units_);
    if (options_.group == SplitGroup::subject) {
      std::unordered_map<std::uint64_t, GroupKey> known;
      Rows rows = select(bank_, "SELECT id, dataset_id, patient_id FROM _subject");
      while (rows.next()) {
        const auto dataset = static_cast<std::uint64_t>(rows.integer(1));
        known.emplace(
            static_cast<std::uint64_t>(rows.integer(0)),
            hash_names({"subject", name_of(dataset_names_, dataset), std::string(rows.text(2))}));
      }
      for (const std::uint64_t id : unit_ids_) keys.push_back(known.at(id));
      return keys;
    }
    if (options_.group == SplitGroup::volume) {
      for (const std::uint64_t id : unit_ids_) {
        const VolumeRow& volume = volumes_.volumes.at(id);
        keys.push_back(hash_names({"volume", name_of(dataset_names_, volume.dataset), volume.key}));
      }
      return keys;
    }
    for (std::size_t place = 0; place < columns_.size(); ++place) {
      const VolumeRow& volume = volumes_.volumes.at(columns_.volumes[place]);
      keys.push_back(hash_names({"sample", name_of(dataset_names_, volume.dataset), volume.key,
                                 std::to_string(columns_.axes[place]),
                                 std::to_string(columns_.slices[place]), columns_.names[place]}));
    }
    return keys;
  }

  // --- Labels: how many samples of a group have each.

  void add_label(std::size_t place, std::uint32_t label, std::uint64_t amount = 1) {
    const std::uint64_t cell = std::uint64_t{result_.group_of[place]} << 32 | label;
    // Rows come sample by sample, so most that can be added up follow each other.
    for (std::size_t i = amounts_.size(); i > 0 && i + 8 > amounts_.size(); --i) {
      if (amounts_[i - 1].cell != cell) continue;
      amounts_[i - 1].amount += amount;
      return;
    }
    amounts_.push_back({cell, amount});
  }

  std::uint32_t label_number(const std::string& name) {
    const auto [place, is_new] =
        label_numbers_.try_emplace(name, static_cast<std::uint32_t>(label_numbers_.size()));
    if (is_new) label_names_.push_back(name);
    return place->second;
  }

  // Calls `name_of_code` once for each code that is met.
  template <typename CodeOf, typename NameOfCode>
  void label_by_code(const CodeOf& code_of, const NameOfCode& name_of_code) {
    std::unordered_map<std::uint64_t, std::uint32_t> numbers;
    for (std::size_t place = 0; place < columns_.size(); ++place) {
      const std::uint64_t code = code_of(place);
      const auto known = numbers.find(code);
      const std::uint32_t number =
          known != numbers.end() ? known->second : label_number(name_of_code(code));
      if (known == numbers.end()) numbers.emplace(code, number);
      add_label(place, number);
    }
  }

  void collect_labels() {
    for (const std::string& word : options_.stratify) {
      if (word == "modality") {
        const auto names = load_code_names(bank_, "_modality");
        label_by_code([&](std::size_t place) { return columns_.modalities[place]; },
                      [&](std::uint64_t code) { return "modality=" + name_of(names, code); });
      } else if (word == "dataset") {
        label_by_code(
            [&](std::size_t place) { return columns_.datasets[place]; },
            [&](std::uint64_t code) { return "dataset=" + name_of(dataset_names_, code); });
      } else if (word == "sequence") {
        const auto names = load_code_names(bank_, "_sequence");
        label_by_code(
            [&](std::size_t place) {
              return volumes_.volumes.at(columns_.volumes[place]).sequence;
            },
            [&](std::uint64_t code) { return "sequence=" + name_of(names, code); });
      } else {
        label_by_findings(word == "class");
      }
    }
  }

  // Classes, or regions: the dataset's where it is known, else those of the classes. Once a
  // sample each.
  void label_by_findings(bool by_class) {
    const auto names = load_code_names(bank_, by_class ? "_class" : "_region");
    const auto class_regions = load_regions(bank_, "_class");
    const auto dataset_regions = load_regions(bank_, "_dataset");
    const std::string prefix = by_class ? "class=" : "region=";
    const auto label = [&](std::size_t place, std::uint64_t code) {
      add_label(place, label_number(prefix + name_of(names, code)));
    };
    const auto dataset_region = [&](std::size_t place) {
      const auto found = dataset_regions.find(columns_.datasets[place]);
      return found == dataset_regions.end() ? 0 : found->second;
    };
    std::vector<bool> labelled(columns_.size(), false);
    if (!by_class) {
      for (std::size_t place = 0; place < columns_.size(); ++place) {
        if (dataset_region(place) == 0) continue;
        label(place, dataset_region(place));
        labelled[place] = true;
      }
    }
    const bool every_mask = by_class && (options_.weight == SplitWeight::masks ||
                                         options_.weight == SplitWeight::pixels);
    if (every_mask) {
      for_each_mask(
          bank_, columns_, options_.weight == SplitWeight::pixels,
          [&](std::size_t place, std::uint32_t class_id, std::uint32_t, std::uint64_t area) {
            labelled[place] = true;
            const bool by_area = options_.weight == SplitWeight::pixels;
            if (by_area && area == 0) return;
            add_label(place, label_number(prefix + name_of(names, class_id)), by_area ? area : 1);
          });
    }
    std::vector<std::uint64_t> met;  // codes of the sample at `at`
    std::size_t at = 0;
    for_each_finding(bank_, columns_, [&](std::size_t place, std::uint32_t class_id, bool mask) {
      if (every_mask && mask) return;
      if (place != at) met.clear();
      at = place;
      std::uint64_t code = class_id;
      if (!by_class) {
        const auto region = class_regions.find(class_id);
        if (region == class_regions.end() || region->second == 0) return;
        if (dataset_region(place) != 0) return;
        code = region->second;
      }
      if (std::find(met.begin(), met.end(), code) != met.end()) return;
      met.push_back(code);
      label(place, code);
      labelled[place] = true;
    });
    for (std::size_t place = 0; place < columns_.size(); ++place) {
      if (!labelled[place]) add_label(place, label_number(prefix + kNone));
    }
  }

  // --- Sides that are given.

  void call_groups() {
    calls_.resize(groups_);
    if (options_.honour_official) {
      std::vector<std::int32_t> side_of_word;
      for (const std::string& word : volumes_.official_splits) {
        side_of_word.push_back(side_named(official_side(word), true));
      }
      for (std::size_t place = 0; place < columns_.size(); ++place) {
        Calls& calls = calls_[result_.group_of[place]];
        const auto word = volumes_.volumes.at(columns_.volumes[place]).official_split;
        calls.call(&calls.official, side_of_word[word]);
      }
    }
    call_left_out();
    for (const HeldOut& held : options_.held_out) {
      const std::int32_t side = side_named(held.side, false);
      std::vector<SampleId> ids = held.samples;
      std::sort(ids.begin(), ids.end());
      for_each_common(ids, [&](std::size_t, std::size_t place) {
        Calls& calls = calls_[result_.group_of[place]];
        calls.call(&calls.held, side);
      });
    }
    if (options_.keep == nullptr) return;
    std::vector<std::int32_t> side_of_member;
    for (const std::string& side : options_.keep->sides) {
      const bool kept = options_.keep_sides.empty() ||
                        std::find(options_.keep_sides.begin(), options_.keep_sides.end(), side) !=
                            options_.keep_sides.end();
      side_of_member.push_back(kept ? side_named(side, false) : kFree);
    }
    for_each_common(options_.keep->samples, [&](std::size_t member, std::size_t place) {
      Calls& calls = calls_[result_.group_of[place]];
      calls.call(&calls.kept, side_of_member.at(options_.keep->members[member]));
    });
  }

  // Places of ids (ascending) that are selected.
  template <typename Visit>
  void for_each_common(const std::vector<SampleId>& ids, const Visit& visit) const {
    std::size_t place = 0;
    for (std::size_t i = 0; i < ids.size(); ++i) {
      while (place < columns_.size() && columns_.ids[place] < ids[i]) ++place;
      if (place == columns_.size()) return;
      if (columns_.ids[place] == ids[i]) visit(i, place);
    }
  }

  void call_left_out() {
    if (options_.leave_out.empty()) return;
    // The values are the first sides, in the same order.
    const std::vector<std::string> values = leave_out_values(bank_, columns_, options_.leave_out);
    const LeftOutValue value_of(bank_, columns_, volumes_, options_.leave_out);
    for (std::size_t place = 0; place < columns_.size(); ++place) {
      const auto found = std::lower_bound(values.begin(), values.end(), value_of(place));
      Calls& calls = calls_[result_.group_of[place]];
      calls.call(&calls.held, static_cast<std::int32_t>(found - values.begin()));
    }
  }

  std::int32_t side_named(const std::string& name, bool official) const {
    if (name.empty()) return kFree;
    for (std::size_t side = 0; side < sides_.size(); ++side) {
      if ((official ? official_side(sides_[side]) : sides_[side]) == name) {
        return static_cast<std::int32_t>(side);
      }
    }
    return kFree;
  }

  // --- All of it as the problem that stratify() solves.

  void fill_problem() {
    result_.problem.seed = options_.seed;
    std::vector<std::int32_t> fixed_sides;
    for (const Calls& calls : calls_) {
      fixed_sides.push_back(calls.side());
      if (calls.side() != kFree) ++result_.kept;
      if (calls.conflict) ++result_.in_conflict;
    }
    fill_labels(label_names_, std::move(amounts_), options_.weight == SplitWeight::presence,
                fixed_sides, &result_);
  }

  const Bank& bank_;
  const SampleColumns& columns_;
  const SplitOptions& options_;
  const std::vector<std::string>& sides_;
  VolumeColumns volumes_;
  std::unordered_map<std::uint64_t, std::string> dataset_names_;

  std::size_t units_ = 0;
  std::vector<std::uint64_t> unit_ids_;
  std::vector<std::uint32_t> unit_of_;  // a sample
  std::vector<std::uint32_t> root_of_;  // a unit
  std::size_t groups_ = 0;
  std::unordered_map<std::string, std::uint32_t> label_numbers_;
  std::vector<std::string> label_names_;
  std::vector<LabelAmount> amounts_;  // a cell may stand several times
  std::vector<Calls> calls_;          // a group
  SplitGroups result_;
};

}  // namespace

SplitGroups make_groups(const Bank& bank, const SampleColumns& columns, const SplitOptions& options,
                        const std::vector<std::string>& sides) {
  return Grouping(bank, columns, options, sides).run();
}

}  // namespace slicebank
