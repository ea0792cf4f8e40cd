#include "store/internal/wave/classes.h"

#include <algorithm>
#include <memory>

#include "store/internal/wave/cost.h"
#include "store/internal/wave/geometry.h"

namespace slicebank::wave {
namespace {

// The ways a tile can be written: even ones are entropy-coded whole, odd ones have raw
// bits; from 2 on flat-coded.
enum Candidate : std::uint8_t { plain, plain_raw, flat, flat_raw };
constexpr std::size_t kCandidates = 4;
constexpr std::uint8_t kNone = 0xff;

constexpr bool is_flat(std::size_t candidate) { return candidate >= flat; }
constexpr bool has_raw(std::size_t candidate) { return candidate % 2 == 1; }

// Kind and family in one index: kind, or 5 + kind when flat-coded.
constexpr std::size_t kGroups = 2 * kKinds;

struct Choice {
  std::array<std::uint8_t, kCandidates> group = {kNone, kNone, kNone, kNone};
  std::uint8_t selected = kNone;  // kNone: a zero tile
  std::uint8_t slot = 0;
  bool clear = false;  // the other of plain and flat-coded is far dearer
};

constexpr Kind kind_of_group(std::size_t group) { return static_cast<Kind>(group % kKinds); }
constexpr std::uint8_t group_of(Kind kind, bool flat_coded) {
  return static_cast<std::uint8_t>(static_cast<std::size_t>(kind) + (flat_coded ? kKinds : 0));
}
std::uint32_t first_slot(std::size_t group) {
  return kFirstClass[group % kKinds] + (group >= kKinds ? kFlatFamily : 0);
}

Kind coded_kind(std::uint32_t top) {
  return top < 2 ? Kind::crumb : top < 8 ? Kind::nibble : Kind::full;
}

// The kind with raw bits for residuals of that range and mean, or Kind::full for none.
Kind raw_kind(std::uint32_t top, std::uint32_t sum, std::uint32_t count) {
  if (top < 8) return Kind::full;
  if (top < 32 && 2 * sum >= 5 * count) return Kind::nibble_raw2;
  if (top < 128 && sum >= 8 * count) return Kind::nibble_raw4;
  return Kind::full;
}

template <class Pixel>
class Assignment {
 public:
  Assignment(const TileTable<Pixel>& table, const ClassOptions& options)
      : table_(table), options_(options), choices_(table.tiles()) {}

  std::vector<std::uint8_t> run() {
    for (std::size_t tile = 0; tile < choices_.size(); ++tile) {
      if (table_.facts[tile].sum == 0) continue;
      offer(tile);
      coded_.push_back(static_cast<std::uint32_t>(tile));
    }
    if (coded_.empty()) return std::vector<std::uint8_t>(choices_.size());
    dissolve_small_kinds();
    for (std::size_t group = 0; group < kGroups; ++group) split_by_mean(group);
    for (std::uint32_t pass = 0; pass < options_.passes; ++pass) reassign();
    std::vector<std::uint8_t> slots(choices_.size());
    for (std::size_t tile = 0; tile < slots.size(); ++tile) slots[tile] = choices_[tile].slot;
    return slots;
  }

 private:
  static constexpr std::uint32_t kSlots = kSlotsPerTile<Pixel>;

  // Symbols a tile sends as that candidate, and the bytes they take.
  std::uint32_t symbols(std::size_t tile, std::size_t candidate) const {
    return is_flat(candidate) ? table_.facts[tile].coded : kSlots;
  }
  std::uint32_t bytes(std::size_t tile, std::size_t candidate) const {
    const Kind kind = kind_of_group(choices_[tile].group[candidate]);
    return static_cast<std::uint32_t>(packed_bytes(symbols(tile, candidate), coded_bits(kind)));
  }
  std::uint32_t flat_price(std::size_t tile) const {
    return options_.flat_tile_price + table_.facts[tile].exceptions * options_.exception_price;
  }

  // Lists the candidates of a tile and takes a first choice by estimate.
  void offer(std::size_t tile) {
    const TileFacts& facts = table_.facts[tile];
    Choice& choice = choices_[tile];
    choice.group[plain] = group_of(coded_kind(facts.top), false);
    const Kind raw = raw_kind(facts.top, facts.sum, kSlots);
    if (raw != Kind::full) choice.group[plain_raw] = group_of(raw, false);
    choice.selected = raw != Kind::full ? plain_raw : plain;
    if (facts.padded || facts.coded == kSlots) return;

    choice.group[flat] = group_of(coded_kind(facts.coded_top), true);
    const Kind raw_coded = raw_kind(facts.coded_top, facts.coded_sum, facts.coded);
    if (facts.coded > 0 && raw_coded != Kind::full) {
      choice.group[flat_raw] = group_of(raw_coded, true);
    }
    const std::uint8_t best_flat = choice.group[flat_raw] != kNone ? flat_raw : flat;
    const std::uint32_t plain_cost = geometric_cost(facts.sum, kSlots) +
                                     options_.coded_byte_price * bytes(tile, choice.selected);
    const std::uint32_t flat_cost = geometric_cost(facts.coded_sum, facts.coded) +
                                    flat_price(tile) +
                                    options_.coded_byte_price * bytes(tile, best_flat);
    if (flat_cost < plain_cost) choice.selected = best_flat;
    const std::uint64_t least = std::min(flat_cost, plain_cost);
    choice.clear = std::max(flat_cost, plain_cost) > 2 * least;
  }

  // A frame costs time to set up, so that kinds with few bytes join another kind.
  void dissolve_small_kinds() {
    std::array<std::uint64_t, kGroups> totals = bytes_of_groups();
    for (std::size_t group = kGroups; group-- > 1;) {
      const std::uint64_t total = totals[group];
      if (total >= options_.bytes_of_a_kind) continue;
      const bool coded_flat = group >= kKinds && raw_bits(kind_of_group(group)) == 0;
      if (total == 0 && !coded_flat) continue;
      for (const std::uint32_t tile : coded_) {
        Choice& choice = choices_[tile];
        for (std::size_t candidate = 0; candidate < kCandidates; ++candidate) {
          if (choice.group[candidate] == group) dissolve(choice, candidate, group);
        }
      }
      if (total > 0) totals = bytes_of_groups();
    }
  }

  std::array<std::uint64_t, kGroups> bytes_of_groups() const {
    std::array<std::uint64_t, kGroups> totals{};
    for (const std::uint32_t tile : coded_) {
      const Choice& choice = choices_[tile];
      totals[choice.group[choice.selected]] += bytes(tile, choice.selected);
    }
    return totals;
  }

  static void dissolve(Choice& choice, std::size_t candidate, std::size_t group) {
    if (has_raw(candidate)) {  // into the one without raw bits
      choice.group[candidate] = kNone;
      if (choice.selected == candidate) {
        choice.selected = static_cast<std::uint8_t>(candidate - 1);
      }
      return;
    }
    switch (kind_of_group(group)) {
      case Kind::crumb:
        choice.group[candidate] = group_of(Kind::nibble, is_flat(candidate));
        break;
      case Kind::nibble:
        choice.group[candidate] = group_of(Kind::full, is_flat(candidate));
        break;
      default:  // flat-coded full: into plain
        choice.group[candidate] = kNone;
        if (choice.selected == candidate) {
          choice.selected = choice.group[plain_raw] != kNone ? plain_raw : plain;
        }
        break;
    }
  }

  // Classes of one kind by quantiles of the mean magnitude of what the tile sends.
  void split_by_mean(std::size_t group) {
    members_.clear();
    keys_.clear();
    std::uint64_t total = 0;
    for (const std::uint32_t tile : coded_) {
      const Choice& choice = choices_[tile];
      if (choice.group[choice.selected] != group) continue;
      const TileFacts& facts = table_.facts[tile];
      const std::uint32_t key = group < kKinds     ? facts.sum
                                : facts.coded == 0 ? 0
                                                   : (facts.coded_sum << 8) / facts.coded;
      members_.push_back(tile);
      keys_.push_back(key);
      total += bytes(tile, choice.selected);
    }
    const std::uint64_t classes =
        std::min<std::uint64_t>(kClassBudget[group % kKinds], 1 + total / options_.bytes_a_class);
    if (classes == 1) {
      for (const std::uint32_t tile : members_) {
        choices_[tile].slot = static_cast<std::uint8_t>(first_slot(group));
      }
      return;
    }
    std::vector<std::uint32_t> edges;
    std::vector<std::uint32_t> order = keys_;
    for (std::uint64_t edge = 1; edge < classes; ++edge) {
      const auto at = order.begin() + static_cast<std::ptrdiff_t>(order.size() * edge / classes);
      std::nth_element(order.begin(), at, order.end());
      edges.push_back(*at);
    }
    for (std::size_t member = 0; member < members_.size(); ++member) {
      std::uint32_t slot = first_slot(group);
      for (const std::uint32_t edge : edges) slot += edge <= keys_[member];
      choices_[members_[member]].slot = static_cast<std::uint8_t>(slot);
    }
  }

  // The coded bytes of a tile as that candidate; room for a tile and slack.
  void pack(std::size_t tile, std::size_t candidate, std::uint8_t* coded) const {
    const PixelKernels<Pixel>& kernels = pixel_kernels<Pixel>();
    const Kind kind = kind_of_group(choices_[tile].group[candidate]);
    const Pixel* residuals = table_.residuals.data() + tile * kSlots;
    if (!is_flat(candidate)) {
      kernels.pack_tile(kind, residuals, coded, nullptr);
      return;
    }
    Pixel compacted[kSlots + 64];
    const std::uint32_t count =
        kernels.compact(residuals, table_.flat_masks.data() + tile * kStepsPerTile, compacted);
    kernels.pack_run(kind, compacted, count, coded, nullptr);
  }

  using Histogram = std::array<std::uint32_t, 256>;

  // Code lengths of the classes of one group, one sixteen-bit lane a class: one addition
  // a byte adds up the cost of a tile in all of them.
  using LaneCosts = std::array<std::uint64_t, 256>;

  void reassign() {
    // Only the parts of classes that are there are cleared and filled.
    thread_local const auto histograms = std::make_unique<std::array<Histogram, kClassSlots>>();
    thread_local const auto costs = std::make_unique<std::array<LaneCosts, kGroups>>();
    std::array<bool, kClassSlots> alive{};
    for (const std::uint32_t tile : coded_) alive[choices_[tile].slot] = true;
    if (std::none_of(coded_.begin(), coded_.end(),
                     [&](std::uint32_t tile) { return has_choice(choices_[tile], alive); })) {
      return;
    }
    for (std::size_t slot = 0; slot < kClassSlots; ++slot) {
      if (alive[slot]) (*histograms)[slot].fill(0);
    }
    std::uint8_t coded[kSlots + 64];
    for (const std::uint32_t tile : coded_) {
      const Choice& choice = choices_[tile];
      pack(tile, choice.selected, coded);
      Histogram& histogram = (*histograms)[choice.slot];
      const std::uint32_t size = bytes(tile, choice.selected);
      for (std::uint32_t i = 0; i < size; ++i) ++histogram[coded[i]];
    }
    for (std::size_t group = 0; group < kGroups; ++group) {
      (*costs)[group].fill(0);
      for (std::uint32_t k = 0; k < kClassBudget[group % kKinds]; ++k) {
        const std::uint32_t slot = first_slot(group) + k;
        if (alive[slot]) alive[slot] = add_costs((*histograms)[slot], k, (*costs)[group]);
      }
    }
    for (const std::uint32_t tile : coded_) {
      if (has_choice(choices_[tile], alive)) choose(tile, *costs, alive);
    }
  }

  // Plain and flat-coded are not weighed again where the estimate was clear.
  static bool is_out(const Choice& choice, std::size_t candidate) {
    return choice.clear && is_flat(candidate) != is_flat(choice.selected);
  }

  // Whether a tile could go anywhere else.
  static bool has_choice(const Choice& choice, const std::array<bool, kClassSlots>& alive) {
    std::uint32_t ways = 0;
    for (std::size_t candidate = 0; candidate < kCandidates; ++candidate) {
      const std::uint8_t group = choice.group[candidate];
      if (group == kNone || is_out(choice, candidate)) continue;
      for (std::uint32_t k = 0; k < kClassBudget[group % kKinds]; ++k) {
        ways += alive[first_slot(group) + k] ? 1u : 0u;
      }
    }
    return ways > 1;
  }

  // False for a class whose tiles send nothing.
  static bool add_costs(const Histogram& histogram, std::uint32_t lane, LaneCosts& costs) {
    std::uint64_t total = 0;
    for (const std::uint32_t count : histogram) total += count;
    if (total == 0) return false;
    const std::uint32_t all = log2_q8(50 * total + 256);
    for (std::size_t byte = 0; byte < histogram.size(); ++byte) {
      const std::uint32_t length = all - log2_q8(50ull * histogram[byte] + 1);
      const std::uint32_t cost = std::clamp<std::uint32_t>((length * kBit + 128) / 256, kBit, 255);
      costs[byte] |= std::uint64_t{cost} << (16 * lane);
    }
    return true;
  }

  static std::uint64_t sum_of_costs(const LaneCosts& costs, const std::uint8_t* coded,
                                    std::uint32_t size) {
    std::uint64_t sums[4] = {};
    std::uint32_t i = 0;
    for (; i + 4 <= size; i += 4) {
      for (std::uint32_t j = 0; j < 4; ++j) sums[j] += costs[coded[i + j]];
    }
    for (; i < size; ++i) sums[0] += costs[coded[i]];
    return sums[0] + sums[1] + sums[2] + sums[3];
  }

  // Moves a tile to the candidate and class of least cost; ties go to the first.
  void choose(std::size_t tile, const std::array<LaneCosts, kGroups>& costs,
              const std::array<bool, kClassSlots>& alive) {
    Choice& choice = choices_[tile];
    std::uint8_t coded[kSlots + 64];
    std::uint64_t least = ~std::uint64_t{0};
    std::uint8_t selected = choice.selected;
    std::uint8_t slot = choice.slot;
    for (std::size_t candidate = 0; candidate < kCandidates; ++candidate) {
      const std::uint8_t group = choice.group[candidate];
      if (group == kNone || is_out(choice, candidate)) continue;
      const std::uint32_t size = bytes(tile, candidate);
      std::uint64_t extra = std::uint64_t{options_.coded_byte_price} * size;
      if (is_flat(candidate)) extra += flat_price(tile);
      extra += std::uint64_t{raw_bits(kind_of_group(group))} * symbols(tile, candidate) * kBit;
      pack(tile, candidate, coded);
      const std::uint64_t lanes = sum_of_costs(costs[group], coded, size);
      for (std::uint32_t k = 0; k < kClassBudget[group % kKinds]; ++k) {
        if (!alive[first_slot(group) + k]) continue;
        std::uint64_t cost = extra + (lanes >> (16 * k) & 0xffff);
        // Raw bits decode faster than coded ones.
        if (has_raw(candidate)) cost = cost * 31 / 32;
        if (cost >= least) continue;
        least = cost;
        selected = static_cast<std::uint8_t>(candidate);
        slot = static_cast<std::uint8_t>(first_slot(group) + k);
      }
    }
    choice.selected = selected;
    choice.slot = slot;
  }

  const TileTable<Pixel>& table_;
  const ClassOptions& options_;
  std::vector<Choice> choices_;
  std::vector<std::uint32_t> coded_;  // tiles that are not zero
  std::vector<std::uint32_t> members_;
  std::vector<std::uint32_t> keys_;
};

}  // namespace

template <class Pixel>
std::vector<std::uint8_t> assign_classes(const TileTable<Pixel>& table,
                                         const ClassOptions& options) {
  return Assignment<Pixel>(table, options).run();
}

template std::vector<std::uint8_t> assign_classes(const TileTable<std::uint8_t>&,
                                                  const ClassOptions&);
template std::vector<std::uint8_t> assign_classes(const TileTable<std::uint16_t>&,
                                                  const ClassOptions&);

}  // namespace slicebank::wave
