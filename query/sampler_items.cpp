#include "query/sampler_items.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <set>
#include <unordered_map>
#include <utility>

#include "query/internal/columns.h"
#include "schema/error.h"

namespace slicebank {
namespace {

enum class By { class_name, dataset, modality };

By by_word(const std::string& word) {
  if (word == "class") return By::class_name;
  if (word == "dataset") return By::dataset;
  if (word == "modality") return By::modality;
  const auto nearest = nearest_name(word, {"class", "dataset", "modality"});
  throw Error(ErrorCode::bad_argument, fmt::format("'{}' is nothing to balance by", word),
              nearest ? fmt::format("did you mean {}?", *nearest)
                      : "there are class, dataset and modality");
}

const char* table_of(By by) {
  return by == By::class_name ? "_class" : by == By::dataset ? "_dataset" : "_modality";
}

// The samples of a selection by id, and where each stands in the selection.
struct Placed {
  SampleColumns columns;
  std::vector<std::uint64_t> places;  // a row of `columns`: its place in the selection
};

Placed load_placed(const Selection& selection) {
  const std::vector<SampleId>& ids = selection.ids();
  Placed placed;
  placed.places.resize(ids.size());
  std::iota(placed.places.begin(), placed.places.end(), std::uint64_t{0});
  std::sort(placed.places.begin(), placed.places.end(),
            [&](std::uint64_t a, std::uint64_t b) { return ids[a] < ids[b]; });
  std::vector<SampleId> sorted = ids;
  std::sort(sorted.begin(), sorted.end());
  placed.columns = load_samples(selection.bank(), &sorted);
  if (placed.columns.size() != sorted.size()) {
    throw Error(
        ErrorCode::not_found,
        fmt::format("{} samples of the selection are no longer in {}",
                    sorted.size() - placed.columns.size(), selection.bank().path().string()),
        "select again: the bank has changed since");
  }
  return placed;
}

// From codes of the bank to labels numbered by name.
class Labels {
 public:
  Labels(const Bank& bank, By by) : names_(load_code_names(bank, table_of(by))) {}

  void meet(std::uint64_t code) { met_.insert(code); }
  // After the last meet().
  std::vector<std::string> number() {
    std::vector<std::pair<std::string, std::uint64_t>> order;
    for (const std::uint64_t code : met_) {
      const auto found = names_.find(code);
      order.emplace_back(found == names_.end() ? "(none)" : found->second, code);
    }
    std::sort(order.begin(), order.end());
    std::vector<std::string> names;
    for (const auto& [name, code] : order) {
      numbers_.emplace(code, static_cast<std::uint32_t>(names.size()));
      names.push_back(name);
    }
    return names;
  }
  std::uint32_t of(std::uint64_t code) const { return numbers_.at(code); }

 private:
  std::unordered_map<std::uint64_t, std::string> names_;
  std::set<std::uint64_t> met_;
  std::unordered_map<std::uint64_t, std::uint32_t> numbers_;
};

std::uint64_t code_of(const SampleColumns& columns, std::size_t row, By by) {
  return by == By::dataset ? columns.datasets[row] : columns.modalities[row];
}

}  // namespace

LabelledItems labelled_samples(const Selection& selection, const std::string& by_text) {
  const By by = by_word(by_text);
  const Placed placed = load_placed(selection);
  std::vector<std::pair<std::uint64_t, std::uint64_t>> cells;  // place in the selection, code
  Labels labels(selection.bank(), by);
  const auto add = [&](std::size_t row, std::uint64_t code) {
    cells.emplace_back(placed.places[row], code);
    labels.meet(code);
  };
  if (by == By::class_name) {
    for_each_finding(selection.bank(), placed.columns,
                     [&](std::size_t row, std::uint32_t class_id, bool) { add(row, class_id); });
  } else {
    for (std::size_t row = 0; row < placed.columns.size(); ++row) {
      add(row, code_of(placed.columns, row, by));
    }
  }
  std::sort(cells.begin(), cells.end());
  cells.erase(std::unique(cells.begin(), cells.end()), cells.end());
  LabelledItems result;
  result.names = labels.number();
  std::vector<std::uint32_t> own;
  std::size_t at = 0;
  for (std::uint64_t place = 0; place < selection.size(); ++place) {
    own.clear();
    for (; at < cells.size() && cells[at].first == place; ++at) {
      own.push_back(labels.of(cells[at].second));
    }
    result.items.add_item(own);
  }
  return result;
}

MaskItems mask_items(const Selection& selection, const std::string& by_text) {
  const By by = by_word(by_text);
  const Placed placed = load_placed(selection);
  MaskItems result;
  Labels labels(selection.bank(), by);
  for_each_mask(
      selection.bank(), placed.columns, false,
      [&](std::size_t row, std::uint32_t class_id, std::uint32_t number, std::uint64_t) {
        const std::uint64_t code =
            by == By::class_name ? class_id : code_of(placed.columns, row, by);
        labels.meet(code);
        // Codes of the three kinds fit; they become labels below.
        result.masks.push_back({placed.places[row], number, static_cast<std::uint32_t>(code)});
      });
  result.names = labels.number();
  for (MaskItem& mask : result.masks) mask.label = labels.of(mask.label);
  std::sort(result.masks.begin(), result.masks.end(), [](const MaskItem& a, const MaskItem& b) {
    return a.place != b.place ? a.place < b.place : a.number < b.number;
  });
  return result;
}

ItemLabels MaskItems::labels() const {
  ItemLabels items;
  items.label_count = static_cast<std::uint32_t>(names.size());
  items.labels.reserve(masks.size());
  items.begins.reserve(masks.size() + 1);
  for (const MaskItem& mask : masks) {
    items.labels.push_back(mask.label);
    items.begins.push_back(items.labels.size());
  }
  return items;
}

std::vector<std::uint64_t> foreground_places(const Selection& selection,
                                             const std::vector<ClassId>& classes) {
  const Placed placed = load_placed(selection);
  std::set<std::uint32_t> wanted;
  for (const ClassId id : classes) wanted.insert(raw(id));
  std::vector<std::uint64_t> places;
  if (wanted.empty()) {
    for (std::size_t row = 0; row < placed.columns.size(); ++row) {
      if (placed.columns.masks[row] > 0) places.push_back(placed.places[row]);
    }
  } else {
    for_each_finding(selection.bank(), placed.columns,
                     [&](std::size_t row, std::uint32_t class_id, bool mask) {
                       if (mask && wanted.count(class_id) != 0) {
                         places.push_back(placed.places[row]);
                       }
                     });
  }
  std::sort(places.begin(), places.end());
  places.erase(std::unique(places.begin(), places.end()), places.end());
  return places;
}

}  // namespace slicebank
