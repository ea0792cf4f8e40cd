#include "query/internal/facet_counter.h"

#include <algorithm>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "store/select.h"
#include "store/split_data.h"

namespace slicebank {
namespace {

constexpr const char* kNone = "(none)";

// Words of one dimension, numbered in the order they are met.
class Words {
 public:
  std::uint32_t number(const std::string& word) {
    const auto [place, is_new] =
        numbers_.try_emplace(word, static_cast<std::uint32_t>(words_.size()));
    if (is_new) words_.push_back(word);
    return place->second;
  }
  const std::string& operator[](std::uint32_t number) const { return words_[number]; }

 private:
  std::unordered_map<std::string, std::uint32_t> numbers_;
  std::vector<std::string> words_;
};

struct KeyHash {
  std::size_t operator()(const std::vector<std::uint32_t>& key) const noexcept {
    std::uint64_t hash = 0x9e3779b97f4a7c15u;
    for (const std::uint32_t part : key) hash = (hash ^ part) * 0xff51afd7ed558ccdu;
    return static_cast<std::size_t>(hash ^ (hash >> 32));
  }
};

class Counter {
 public:
  Counter(const Bank& bank, const std::vector<std::string>& by, const SampleColumns& columns)
      : bank_(bank), by_(by), columns_(columns), words_(by.size()) {}

  StatsTable run() {
    bool many_valued = false;  // classes, or regions of classes
    for (std::size_t i = 0; i < by_.size(); ++i) {
      const bool by_class = by_[i] == "class";
      fixed_.push_back(by_class ? std::vector<std::uint32_t>() : column_of(by_[i], i));
      many_valued = many_valued || by_class || by_[i] == "region";
    }
    if (many_valued) {
      count_findings();
    } else {
      for (std::size_t place = 0; place < columns_.size(); ++place) {
        count(place, fixed_key(place), columns_.masks[place]);
      }
    }
    StatsTable table;
    table.by = by_;
    for (const auto& [key, cell] : cells_) {
      StatsRow row;
      for (std::size_t i = 0; i < by_.size(); ++i) row.keys.push_back(words_[i][key[i]]);
      row.samples = cell.samples;
      row.masks = cell.masks;
      row.subjects = cell.subjects.size();
      table.rows.push_back(std::move(row));
    }
    return table;
  }

 private:
  struct Cell {
    std::uint64_t samples = 0;
    std::uint64_t masks = 0;
    std::uint64_t subject_before = 0;  // samples of a subject lie together
    std::unordered_set<std::uint64_t> subjects;
  };

  static constexpr std::uint32_t kOfClasses = 0xffffffff;  // the region is its classes' own

  // The word of each sample in a dimension that has one a sample.
  std::vector<std::uint32_t> column_of(const std::string& word, std::size_t dimension) {
    Words& words = words_[dimension];
    std::vector<std::uint32_t> column(columns_.size());
    const auto fill = [&](const auto& word_of) {
      for (std::size_t place = 0; place < columns_.size(); ++place) column[place] = word_of(place);
    };
    // The word behind a code, looked up once a code.
    const auto fill_coded = [&](const auto& code_of, const auto& name_of) {
      std::unordered_map<std::uint64_t, std::uint32_t> numbers;
      fill([&](std::size_t place) {
        const std::uint64_t code = code_of(place);
        const auto known = numbers.find(code);
        if (known != numbers.end()) return known->second;
        const std::uint32_t number = words.number(name_of(code));
        numbers.emplace(code, number);
        return number;
      });
    };
    const auto named = [](const std::unordered_map<std::uint64_t, std::string>& names) {
      return [&names](std::uint64_t code) {
        const auto found = names.find(code);
        return found == names.end() ? std::string(kNone) : found->second;
      };
    };
    if (word == "modality") {
      const auto names = load_code_names(bank_, "_modality");
      fill_coded([&](std::size_t place) { return columns_.modalities[place]; }, named(names));
    } else if (word == "dataset") {
      const auto names = load_code_names(bank_, "_dataset");
      fill_coded([&](std::size_t place) { return columns_.datasets[place]; }, named(names));
    } else if (word == "sequence") {
      const auto names = load_code_names(bank_, "_sequence");
      const VolumeColumns volumes = load_volumes(bank_);
      fill_coded(
          [&](std::size_t place) { return columns_.volumes[place]; },
          [&](std::uint64_t volume) { return named(names)(volumes.volumes.at(volume).sequence); });
    } else if (word == "official_split") {
      const VolumeColumns volumes = load_volumes(bank_);
      fill_coded([&](std::size_t place) { return columns_.volumes[place]; },
                 [&](std::uint64_t volume) {
                   const auto official = volumes.volumes.at(volume).official_split;
                   return official == 0 ? std::string(kNone) : volumes.official_splits[official];
                 });
    } else if (word == "patient") {
      std::unordered_map<std::uint64_t, std::string> patients;
      for (Rows rows = select(bank_, "SELECT id, patient_id FROM _subject"); rows.next();) {
        patients.emplace(static_cast<std::uint64_t>(rows.integer(0)), rows.text(1));
      }
      fill_coded([&](std::size_t place) { return columns_.subjects[place]; }, named(patients));
    } else if (word == "axis") {
      fill_coded([&](std::size_t place) { return columns_.axes[place]; },
                 [](std::uint64_t axis) { return axis_name(static_cast<Axis>(axis)); });
    } else if (word == "region") {
      const auto names = load_code_names(bank_, "_region");
      const auto regions = load_regions(bank_, "_dataset");
      std::unordered_map<std::uint64_t, std::uint32_t> numbers;
      for (const auto& [dataset, region] : regions) {
        numbers[dataset] = region == 0 ? kOfClasses : words.number(named(names)(region));
      }
      fill([&](std::size_t place) { return numbers.at(columns_.datasets[place]); });
    } else {
      fill_split(word.substr(6), words, &column);
    }
    return column;
  }

  void fill_split(const std::string& name, Words& words, std::vector<std::uint32_t>* column) {
    const std::uint32_t none = words.number(kNone);
    std::fill(column->begin(), column->end(), none);
    const std::optional<SplitData> split = find_split(bank_, name);
    if (!split) return;
    std::size_t place = 0;
    for (std::size_t i = 0; i < split->samples.size(); ++i) {
      while (place < columns_.size() && columns_.ids[place] < split->samples[i]) ++place;
      if (place == columns_.size()) return;
      if (columns_.ids[place] != split->samples[i]) continue;
      (*column)[place] = words.number(split->sides.at(split->members[i]));
    }
  }

  std::vector<std::uint32_t> fixed_key(std::size_t place) const {
    std::vector<std::uint32_t> key(by_.size());
    for (std::size_t i = 0; i < by_.size(); ++i) {
      if (!fixed_[i].empty()) key[i] = fixed_[i][place];
    }
    return key;
  }

  void count(std::size_t place, const std::vector<std::uint32_t>& key, std::uint64_t masks) {
    Cell& cell = cells_[key];
    ++cell.samples;
    cell.masks += masks;
    const std::uint64_t subject = columns_.subjects[place];
    if (cell.subject_before != subject) cell.subjects.insert(subject);
    cell.subject_before = subject;
  }

  // Dimensions with several words a sample: each sample is counted once in each of its
  // cells, with the masks that brought it there.
  void count_findings() {
    const auto class_names = load_code_names(bank_, "_class");
    const auto region_names = load_code_names(bank_, "_region");
    const auto class_regions = load_regions(bank_, "_class");
    const auto class_dimension =
        static_cast<std::size_t>(std::find(by_.begin(), by_.end(), "class") - by_.begin());
    const auto region_dimension =
        static_cast<std::size_t>(std::find(by_.begin(), by_.end(), "region") - by_.begin());

    std::unordered_map<std::uint32_t, std::uint32_t> class_numbers;
    const auto class_number = [&](std::uint32_t id) {
      const auto known = class_numbers.find(id);
      if (known != class_numbers.end()) return known->second;
      const auto name = class_names.find(id);
      const std::uint32_t number =
          words_[class_dimension].number(name == class_names.end() ? kNone : name->second);
      class_numbers.emplace(id, number);
      return number;
    };
    const auto region_of_class = [&](std::uint32_t id) -> std::optional<std::uint32_t> {
      const auto region = class_regions.find(id);
      if (region == class_regions.end() || region->second == 0) return std::nullopt;
      const auto name = region_names.find(region->second);
      if (name == region_names.end()) return std::nullopt;
      return words_[region_dimension].number(name->second);
    };

    const auto count_place = [&](std::size_t place, const std::vector<Finding>& findings) {
      count_sample(place, findings, class_dimension, region_dimension, class_number,
                   region_of_class);
    };
    std::vector<Finding> findings;  // of the sample at `at`
    std::size_t at = 0;
    for_each_finding(bank_, columns_, [&](std::size_t place, std::uint32_t id, bool mask) {
      for (; at < place; ++at) {
        count_place(at, findings);
        findings.clear();
      }
      findings.push_back({id, mask});
    });
    for (; at < columns_.size(); ++at) {
      count_place(at, findings);
      findings.clear();
    }
  }

  struct Finding {
    std::uint32_t class_id;
    bool mask;
  };

  template <typename ClassNumber, typename RegionOfClass>
  void count_sample(std::size_t place, const std::vector<Finding>& findings,
                    std::size_t class_dimension, std::size_t region_dimension,
                    const ClassNumber& class_number, const RegionOfClass& region_of_class) {
    std::vector<std::uint32_t> key = fixed_key(place);
    const bool by_class = class_dimension < by_.size();
    const bool open_region = region_dimension < by_.size() && key[region_dimension] == kOfClasses;
    if (!by_class && !open_region) return count(place, key, columns_.masks[place]);

    cells_of_sample_ = 0;
    for (const Finding& finding : findings) {
      if (by_class) key[class_dimension] = class_number(finding.class_id);
      if (open_region) {
        const auto region = region_of_class(finding.class_id);
        if (!region && !by_class) continue;
        key[region_dimension] = region ? *region : words_[region_dimension].number(kNone);
      }
      masks_in(key) += finding.mask ? 1 : 0;
    }
    if (!by_class && cells_of_sample_ == 0) {
      key[region_dimension] = words_[region_dimension].number(kNone);
      masks_in(key) = columns_.masks[place];
    }
    for (std::size_t i = 0; i < cells_of_sample_; ++i)
      count(place, scratch_[i].key, scratch_[i].masks);
  }

  // Masks of the current sample in a cell. A sample has few cells: they are looked through,
  // and their memory is used again for the next sample.
  std::uint64_t& masks_in(const std::vector<std::uint32_t>& key) {
    for (std::size_t i = 0; i < cells_of_sample_; ++i) {
      if (scratch_[i].key == key) return scratch_[i].masks;
    }
    if (cells_of_sample_ == scratch_.size()) scratch_.emplace_back();
    CellOfSample& added = scratch_[cells_of_sample_++];
    added.key = key;
    added.masks = 0;
    return added.masks;
  }

  struct CellOfSample {
    std::vector<std::uint32_t> key;
    std::uint64_t masks = 0;
  };

  const Bank& bank_;
  const std::vector<std::string>& by_;
  const SampleColumns& columns_;
  std::vector<Words> words_;                       // a dimension
  std::vector<std::vector<std::uint32_t>> fixed_;  // a dimension, a sample; empty for class
  std::unordered_map<std::vector<std::uint32_t>, Cell, KeyHash> cells_;
  std::vector<CellOfSample> scratch_;
  std::size_t cells_of_sample_ = 0;  // of scratch_ in use
};

}  // namespace

StatsTable count_facets(const Bank& bank, const std::vector<std::string>& by,
                        const SampleColumns& columns) {
  return Counter(bank, by, columns).run();
}

}  // namespace slicebank
