// What the names of split files mean.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <compare>
#include <map>
#include <tuple>
#include <unordered_map>

#include "query/audit_lists.h"
#include "schema/error.h"

namespace slicebank {
namespace {

constexpr std::size_t kShownMax = 1000;
constexpr std::size_t kSidesMax = 1000;

constexpr std::array<std::string_view, 17> kEndings = {
    ".nii.gz", ".nii", ".mha", ".mhd", ".nrrd", ".nhdr", ".npz", ".npy", ".png",
    ".jpeg",   ".jpg", ".bmp", ".tif", ".tiff", ".dcm",  ".h5",  ".gz"};

std::string_view last_part(std::string_view text) {
  const std::size_t slash = text.rfind('/');
  return slash == std::string_view::npos ? text : text.substr(slash + 1);
}

std::string_view without_ending(std::string_view part) {
  for (const std::string_view ending : kEndings) {
    if (part.size() > ending.size() && part.ends_with(ending)) {
      return part.substr(0, part.size() - ending.size());
    }
  }
  return part;
}

// "case_0000" as "case"; empty where there is no such channel.
std::string_view without_channel(std::string_view stem) {
  if (stem.size() < 6 || stem[stem.size() - 5] != '_') return {};
  const std::string_view digits = stem.substr(stem.size() - 4);
  if (digits.find_first_not_of("0123456789") != std::string_view::npos) return {};
  return stem.substr(0, stem.size() - 5);
}

// Whether one path ends as the other does, their last parts being known to agree.
bool folders_agree(std::string_view a, std::string_view b) {
  const auto pop = [](std::string_view* path) {
    const std::size_t slash = path->rfind('/');
    const std::string_view part = last_part(*path);
    *path = slash == std::string_view::npos ? std::string_view() : path->substr(0, slash);
    return part;
  };
  pop(&a);
  pop(&b);
  while (!a.empty() && !b.empty()) {
    const std::string_view part_a = pop(&a);
    const std::string_view part_b = pop(&b);
    if (part_a == "." || part_b == ".") return true;
    if (part_a != part_b) return false;
  }
  return true;
}

// Whether a path has the name's last part, in other folders.
bool is_elsewhere(std::string_view path, std::string_view name) {
  return without_ending(last_part(path)) == without_ending(last_part(name)) &&
         !folders_agree(name, path);
}

// What of a row a name can be, the narrowest first.
enum class Kind : std::uint8_t { slice, file, key, subject, channel, folder };

struct ListedId {
  std::size_t list = 0;
  std::string text;  // "/" for "\", no "./" in front
  bool found = false;
  std::vector<std::uint32_t> slice_of{};  // datasets in which it is the name of a slice
};

struct Answer {
  std::uint64_t row = 0;
  std::size_t id = 0;
  std::uint32_t dataset = 0;
  Kind kind{};

  friend auto operator<=>(const Answer& a, const Answer& b) {
    return std::tie(a.row, a.kind, a.id) <=> std::tie(b.row, b.kind, b.id);
  }
  friend bool operator==(const Answer&, const Answer&) = default;
};

class Placing {
 public:
  Placing(const ListedSplit& split, const std::set<std::string>& datasets) : split_(split) {
    // Where one file is named after a dataset, all are: KITS19.json is not about KiTS23.
    const bool by_dataset =
        std::any_of(split.lists.begin(), split.lists.end(),
                    [&](const ListedSide& list) { return datasets.count(list.dataset) != 0; });
    for (std::size_t list = 0; list < split.lists.size(); ++list) {
      const ListedSide& own = split.lists[list];
      only_in_.push_back(by_dataset ? own.dataset : std::string());
      side_of_.push_back(side_number(own.side));
      for (const std::string& id : own.ids) {
        std::string text = id;
        std::replace(text.begin(), text.end(), '\\', '/');
        while (text.starts_with("./")) text.erase(0, 2);
        while (text.size() > 1 && text.ends_with('/')) text.pop_back();
        by_stem_[std::string(without_ending(last_part(text)))].push_back(ids_.size());
        ids_.push_back({list, std::move(text)});
      }
    }
    find_twice();
  }

  void offer(std::uint64_t row, const RowNames& names) {
    const std::uint32_t dataset = number_of(names.dataset);
    const std::pair<Kind, std::string_view> all[] = {{Kind::slice, names.name},
                                                     {Kind::file, names.file},
                                                     {Kind::key, names.key},
                                                     {Kind::subject, names.subject}};
    for (const auto& [kind, name] : all) {
      const std::string_view stem = without_ending(last_part(name));
      if (stem.empty()) continue;
      try_stem({row, 0, dataset, kind}, names, stem, name);
      const std::string_view plain = without_channel(stem);
      if (!plain.empty()) try_stem({row, 0, dataset, Kind::channel}, names, plain, name);
    }
  }

  // Folders of the row's path, for names that nothing else answers to.
  void offer_folders(std::uint64_t row, const RowNames& names) {
    for (std::string_view path : {names.file, names.key}) {
      for (std::size_t slash = path.rfind('/'); slash != std::string_view::npos;
           slash = path.rfind('/')) {
        path = path.substr(0, slash);
        const auto known = by_stem_.find(std::string(last_part(path)));
        if (known == by_stem_.end()) continue;
        for (const std::size_t id : known->second) {
          if (ids_[id].found || !is_of(id, names.dataset)) continue;
          late_.push_back({row, id, 0, Kind::folder});
        }
      }
    }
  }

  ListPlaces take() {
    for (const Answer& answer : late_) keep(answer);
    place_rows();
    std::vector<std::uint64_t> found(split_.lists.size(), 0);
    for (const ListedId& id : ids_) found[id.list] += id.found ? 1U : 0U;
    // A file without any row is unknown as a whole; its sides stand or fall together.
    std::map<std::string, std::uint64_t> found_of_file;
    for (std::size_t list = 0; list < found.size(); ++list) {
      found_of_file[split_.lists[list].file + '\0' + split_.lists[list].dataset] += found[list];
    }
    std::vector<bool> unknown;
    for (std::size_t list = 0; list < found.size(); ++list) {
      const ListedSide& own = split_.lists[list];
      unknown.push_back(found_of_file[own.file + '\0' + own.dataset] == 0 && !own.ids.empty());
      if (unknown.back()) result_.unknown_lists.push_back(list);
    }
    for (const ListedId& id : ids_) {
      if (id.found || unknown[id.list]) continue;
      ++result_.unmatched;
      if (result_.unmatched_names.size() < kShownMax) {
        result_.unmatched_names.push_back(split_.lists[id.list].file + ": " + id.text);
      }
    }
    return std::move(result_);
  }

 private:
  std::uint16_t side_number(const std::string& side) {
    const auto found = std::find(result_.sides.begin(), result_.sides.end(), side);
    const auto number = static_cast<std::uint16_t>(found - result_.sides.begin());
    if (found == result_.sides.end()) {
      if (result_.sides.size() == kSidesMax) {
        throw Error(ErrorCode::limit,
                    fmt::format("{} names more than {} sides", split_.name, kSidesMax));
      }
      result_.sides.push_back(side);
    }
    return number;
  }

  bool is_of(std::size_t id, std::string_view dataset) const {
    const std::string& only = only_in_[ids_[id].list];
    return only.empty() || only == dataset;
  }

  std::uint32_t number_of(std::string_view dataset) {
    return datasets_.try_emplace(std::string(dataset), datasets_.size()).first->second;
  }

  void try_stem(Answer answer, const RowNames& names, std::string_view stem,
                std::string_view name) {
    const auto known = by_stem_.find(std::string(stem));
    if (known == by_stem_.end()) return;
    for (const std::size_t id : known->second) {
      const std::string& text = ids_[id].text;
      if (!is_of(id, names.dataset) || !folders_agree(text, name)) continue;
      // A bare name agrees with every folder; then the row's own paths have a say.
      if (is_elsewhere(names.file, text) || is_elsewhere(names.key, text)) continue;
      answer.id = id;
      keep(answer);
    }
  }

  void keep(const Answer& answer) {
    ListedId& id = ids_[answer.id];
    id.found = true;
    if (answer.kind == Kind::slice && !is_slice(answer)) id.slice_of.push_back(answer.dataset);
    answers_.push_back(answer);
  }

  bool is_slice(const Answer& answer) const {
    const auto& slice_of = ids_[answer.id].slice_of;
    return std::find(slice_of.begin(), slice_of.end(), answer.dataset) != slice_of.end();
  }

  void place_rows() {
    // A volume of files, one a slice, goes by the first one's path. The name of that slice does
    // not mean the others.
    std::erase_if(answers_, [&](const Answer& answer) {
      return answer.kind == Kind::file && is_slice(answer);
    });
    std::sort(answers_.begin(), answers_.end());
    std::set<std::pair<std::size_t, std::size_t>> known;
    for (auto first = answers_.cbegin(); first != answers_.cend();) {
      const auto row_end = std::find_if(
          first, answers_.cend(), [&](const Answer& answer) { return answer.row != first->row; });
      result_.places.emplace_back(first->row, side_of_[ids_[first->id].list]);
      for (auto other = std::next(first); other < row_end; ++other) {
        if (differ(first->id, other->id) && known.insert({first->id, other->id}).second) {
          add_twice(first->id, other->id);
        }
      }
      first = row_end;
    }
  }

  // Whether two names of one row are on two sides, and that is not said of one name already.
  bool differ(std::size_t a, std::size_t b) const {
    const ListedSide& own = split_.lists[ids_[a].list];
    const ListedSide& other = split_.lists[ids_[b].list];
    return side_of_[ids_[a].list] != side_of_[ids_[b].list] &&
           (own.file != other.file || own.dataset != other.dataset || ids_[a].text != ids_[b].text);
  }

  void add_twice(std::size_t a, std::size_t b) {
    const ListedSide& own = split_.lists[ids_[a].list];
    const ListedSide& other = split_.lists[ids_[b].list];
    result_.listed_twice.push_back(
        {own.file, ids_[a].text, {own.side, other.side}, other.file, ids_[b].text});
  }

  void find_twice() {
    std::map<std::pair<std::string, std::string>, std::set<std::uint16_t>> sides_of;
    for (const ListedId& id : ids_) {
      const ListedSide& own = split_.lists[id.list];
      sides_of[{own.file + '\0' + own.dataset, id.text}].insert(side_of_[id.list]);
    }
    for (const auto& [name, sides] : sides_of) {
      if (sides.size() < 2) continue;
      ListPlaces::Twice twice;
      twice.file = name.first.substr(0, name.first.find('\0'));
      twice.id = name.second;
      for (const std::uint16_t side : sides) twice.sides.push_back(result_.sides[side]);
      result_.listed_twice.push_back(std::move(twice));
    }
  }

  const ListedSplit& split_;
  std::vector<std::string> only_in_;    // a list: its dataset, or empty for any
  std::vector<std::uint16_t> side_of_;  // a list
  std::vector<ListedId> ids_;
  std::unordered_map<std::string, std::vector<std::size_t>> by_stem_;
  std::unordered_map<std::string, std::uint32_t> datasets_;
  std::vector<Answer> answers_;
  std::vector<Answer> late_;  // what is found if nothing else answers to the name
  ListPlaces result_;
};

}  // namespace

std::string ListPlaces::Twice::text() const {
  if (other_id.empty()) {
    return fmt::format("{} names {} in {}", file, id, fmt::join(sides, " and "));
  }
  return fmt::format("{} names {} in {}, {} names {} in {}: one sample", file, id, sides[0],
                     other_file, other_id, sides[1]);
}

ListPlaces place_lists(
    const ListedSplit& split, const std::set<std::string>& datasets,
    const std::function<void(const std::function<void(std::uint64_t, const RowNames&)>&)>& rows) {
  Placing placing(split, datasets);
  rows([&](std::uint64_t row, const RowNames& names) { placing.offer(row, names); });
  rows([&](std::uint64_t row, const RowNames& names) { placing.offer_folders(row, names); });
  return placing.take();
}

}  // namespace slicebank
