#include "query/split_compare.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "query/internal/columns.h"
#include "query/internal/person_numbers.h"
#include "store/select.h"

namespace slicebank {
namespace {

constexpr std::size_t kNamesMax = 100;
constexpr std::uint16_t kNowhere = 0xffff;

class Comparing {
 public:
  Comparing(const Bank& bank, const SplitData& before, const SplitData& after) : bank_(bank) {
    result_.before = before.name;
    result_.after = after.name;
    result_.sides = before.sides;
    for (const std::string& side : after.sides) {
      if (std::find(result_.sides.begin(), result_.sides.end(), side) == result_.sides.end()) {
        result_.sides.push_back(side);
      }
    }
    std::vector<SampleId> all;
    std::set_union(before.samples.begin(), before.samples.end(), after.samples.begin(),
                   after.samples.end(), std::back_inserter(all));
    columns_ = load_samples(bank, &all);
    from_ = sides_of(before);
    to_ = sides_of(after);
  }

  SplitComparison run() {
    find_moves();
    find_shifts();
    return std::move(result_);
  }

 private:
  std::vector<std::uint16_t> sides_of(const SplitData& split) const {
    std::vector<std::uint16_t> numbers;
    for (const std::string& side : split.sides) {
      numbers.push_back(static_cast<std::uint16_t>(
          std::find(result_.sides.begin(), result_.sides.end(), side) - result_.sides.begin()));
    }
    std::vector<std::uint16_t> sides(columns_.size(), kNowhere);
    std::size_t at = 0;
    for (std::size_t place = 0; place < columns_.size(); ++place) {
      while (at < split.samples.size() && split.samples[at] < columns_.ids[place]) ++at;
      if (at == split.samples.size()) break;
      if (split.samples[at] == columns_.ids[place]) sides[place] = numbers[split.members[at]];
    }
    return sides;
  }

  std::string side_name(std::uint16_t side) const {
    return side == kNowhere ? "(none)" : result_.sides[side];
  }

  void find_moves() {
    const auto persons = load_persons(bank_, nullptr);
    std::map<std::uint64_t, std::vector<std::size_t>> by_subject;
    for (std::size_t place = 0; place < columns_.size(); ++place) {
      by_subject[columns_.subjects[place]].push_back(place);
    }
    std::map<std::pair<std::uint16_t, std::uint16_t>, SplitMove> moves;
    for (const auto& [subject, places] : by_subject) {
      ++result_.subjects;
      std::set<std::pair<std::uint16_t, std::uint16_t>> ways;
      for (const std::size_t place : places) {
        if (from_[place] == to_[place]) continue;
        const std::pair<std::uint16_t, std::uint16_t> way{from_[place], to_[place]};
        ways.insert(way);
        ++moves[way].samples;
      }
      ++(ways.empty() ? result_.stayed : result_.moved);
      for (const auto& way : ways) {
        SplitMove& move = moves[way];
        ++move.subjects;
        if (move.some.size() < kNamesMax) move.some.push_back(persons.at(subject).name);
      }
    }
    for (auto& [way, move] : moves) {
      move.from = side_name(way.first);
      move.to = side_name(way.second);
      result_.moves.push_back(std::move(move));
    }
    std::stable_sort(result_.moves.begin(), result_.moves.end(),
                     [](const auto& a, const auto& b) { return a.subjects > b.subjects; });
  }

  struct Counts {
    std::vector<double> before, after;
  };

  void count(Counts* counts, std::size_t place) const {
    counts->before.resize(result_.sides.size(), 0);
    counts->after.resize(result_.sides.size(), 0);
    if (from_[place] != kNowhere) ++counts->before[from_[place]];
    if (to_[place] != kNowhere) ++counts->after[to_[place]];
  }

  void add_shift(const std::string& label, Counts counts) {
    const auto to_shares = [](std::vector<double>* numbers) {
      double sum = 0;
      for (const double number : *numbers) sum += number;
      for (double& number : *numbers) number = sum > 0 ? number / sum : 0;
    };
    to_shares(&counts.before);
    to_shares(&counts.after);
    SplitShift shift{label, std::move(counts.before), std::move(counts.after), 0};
    for (std::size_t side = 0; side < result_.sides.size(); ++side) {
      shift.largest =
          std::max(shift.largest, std::abs(shift.share_after[side] - shift.share_before[side]));
    }
    result_.shifts.push_back(std::move(shift));
  }

  void find_shifts() {
    Counts samples;
    for (std::size_t place = 0; place < columns_.size(); ++place) count(&samples, place);
    samples.before.resize(result_.sides.size(), 0);
    samples.after.resize(result_.sides.size(), 0);
    add_shift("samples", std::move(samples));
    const auto names = load_code_names(bank_, "_class");
    std::map<std::string, Counts> by_class;
    std::vector<std::uint32_t> met;
    std::size_t at = 0;
    for_each_finding(bank_, columns_, [&](std::size_t place, std::uint32_t class_id, bool) {
      if (place != at) met.clear();
      at = place;
      if (std::find(met.begin(), met.end(), class_id) != met.end()) return;
      met.push_back(class_id);
      const auto name = names.find(class_id);
      count(&by_class["class=" + (name == names.end() ? "(none)" : name->second)], place);
    });
    for (auto& [label, counts] : by_class) add_shift(label, std::move(counts));
    std::stable_sort(result_.shifts.begin() + 1, result_.shifts.end(),
                     [](const auto& a, const auto& b) { return a.largest > b.largest; });
  }

  const Bank& bank_;
  SampleColumns columns_;
  std::vector<std::uint16_t> from_, to_;  // a sample
  SplitComparison result_;
};

}  // namespace

SplitComparison compare_splits(const Bank& bank, const SplitData& before, const SplitData& after) {
  return Comparing(bank, before, after).run();
}

std::string SplitComparison::to_json() const {
  using Json = nlohmann::ordered_json;
  Json json = {{"before", before},     {"after", after},   {"sides", sides},
               {"subjects", subjects}, {"stayed", stayed}, {"moved", moved}};
  Json& all_moves = json["moves"] = Json::array();
  for (const SplitMove& move : moves) {
    all_moves.push_back({{"from", move.from},
                         {"to", move.to},
                         {"subjects", move.subjects},
                         {"samples", move.samples},
                         {"some", move.some}});
  }
  Json& all_shifts = json["shifts"] = Json::array();
  for (const SplitShift& shift : shifts) {
    all_shifts.push_back({{"label", shift.label},
                          {"share_before", shift.share_before},
                          {"share_after", shift.share_after},
                          {"largest", shift.largest}});
  }
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string SplitComparison::to_text() const {
  std::string text = fmt::format("{} and {}: {} of {} subjects stand on another side\n", before,
                                 after, moved, subjects);
  for (const SplitMove& move : moves) {
    text += fmt::format("{} -> {}: {} subject{}, {} samples:", move.from, move.to, move.subjects,
                        move.subjects == 1 ? "" : "s", move.samples);
    for (std::size_t i = 0; i < std::min<std::size_t>(move.some.size(), 5); ++i) {
      text += fmt::format("{} {}", i == 0 ? "" : ",", move.some[i]);
    }
    text += move.subjects > 5 ? ", ...\n" : "\n";
  }
  std::size_t width = 0;
  for (const SplitShift& shift : shifts) width = std::max(width, shift.label.size());
  for (const SplitShift& shift : shifts) {
    text += fmt::format("{:<{}}", shift.label, width);
    for (std::size_t side = 0; side < sides.size(); ++side) {
      text += fmt::format("  {} {:.2f} % -> {:.2f} %", sides[side], 100 * shift.share_before[side],
                          100 * shift.share_after[side]);
    }
    text += "\n";
  }
  return text;
}

}  // namespace slicebank
