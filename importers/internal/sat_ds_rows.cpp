#include "importers/internal/sat_ds_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <span>
#include <utility>

#include "importers/internal/folder_list.h"
#include "importers/internal/small_json.h"
#include "schema/error.h"
#include "schema/limits.h"

namespace slicebank::sat_ds {
namespace {

namespace fs = std::filesystem;
using internal::joined_path;
using internal::Json;
using internal::json_word;
using internal::JsonKind;

constexpr std::size_t kDefectsTold = 5;  // ids named one by one

std::vector<std::string> files_ending(const fs::path& root, const std::string& folder,
                                      std::string_view ending) {
  std::vector<std::string> paths;
  for (const std::string& name : internal::list_folder(root, folder).files) {
    if (name.size() > ending.size() && name.ends_with(ending)) {
      paths.push_back(joined_path(folder, name));
    }
  }
  return paths;
}

std::string stem_of_list(const std::string& path) { return fs::path(path).stem().string(); }

// Lines of a file of any size; at most one of them is in memory.
class LineReader {
 public:
  LineReader(const SourceTree& source, const std::string& path)
      : name_(printable(path)), bytes_(source.open(path)) {}

  // False at the end. A line beyond the limit is passed over and comes as `too_long`.
  bool next(std::string& line, bool& too_long) {
    line.clear();
    too_long = false;
    bool any = false;
    while (at_ < filled_ || fill()) {
      any = true;
      const auto begin = buffer_.begin() + static_cast<std::ptrdiff_t>(at_);
      const auto end = buffer_.begin() + static_cast<std::ptrdiff_t>(filled_);
      const auto found = std::find(begin, end, '\n');
      if (line.size() + static_cast<std::size_t>(found - begin) > limits::kJsonLineBytesMax) {
        too_long = true;
        line.clear();
      } else if (!too_long) {
        line.append(begin, found);
      }
      at_ += static_cast<std::size_t>(found - begin);
      if (found != end) {
        ++at_;
        return true;
      }
    }
    return any;
  }

 private:
  bool fill() {
    const std::uint64_t left = bytes_->size() - offset_;
    if (left == 0) return false;
    filled_ = static_cast<std::size_t>(std::min<std::uint64_t>(left, kBufferBytes));
    buffer_.resize(filled_);
    bytes_->read_at(offset_, std::as_writable_bytes(std::span(buffer_)), name_);
    offset_ += filled_;
    at_ = 0;
    return true;
  }

  static constexpr std::size_t kBufferBytes = std::size_t{1} << 18;
  std::string name_;
  std::unique_ptr<const ByteSource> bytes_;
  std::uint64_t offset_ = 0;
  std::vector<char> buffer_;
  std::size_t at_ = 0;
  std::size_t filled_ = 0;
};

[[noreturn]] void refuse(const std::string& why) { throw Error(ErrorCode::bad_format, why); }

template <std::size_t count>
std::array<std::uint32_t, count> numbers(const Json& list, std::string_view key) {
  std::array<std::uint32_t, count> out{};
  if (!list.is_list() || list.items.size() != count) {
    refuse(fmt::format("'{}' is no list of {} numbers", key, count));
  }
  for (std::size_t i = 0; i < count; ++i) {
    const auto number = list.items[i].whole();
    if (!number) refuse(fmt::format("'{}' has '{}' for a number", key, list.items[i].text));
    out[i] = *number;
  }
  return out;
}

RenormScan renorm_scan(const Json& json, std::size_t labels) {
  RenormScan scan;
  scan.image = json_word(json, "renorm_image");
  scan.mask_folder = json_word(json, "renorm_segmentation_dir");
  const Json* size = json.find("chwd");
  const Json* boxes = json.find("renorm_y1x1z1_y2x2z2");
  if (size == nullptr || boxes == nullptr || !boxes->is_list()) {
    refuse("'renorm_image' without 'chwd' or 'renorm_y1x1z1_y2x2z2'");
  }
  scan.size_chwd = numbers<4>(*size, "chwd");
  if (boxes->items.size() != labels) {
    refuse(fmt::format("{} labels, but {} boxes", labels, boxes->items.size()));
  }
  for (const Json& box : boxes->items) {
    scan.boxes.emplace_back();
    if (box.kind == JsonKind::boolean) continue;  // false: the label is not there
    scan.boxes.back() = numbers<6>(box, "renorm_y1x1z1_y2x2z2");
  }
  return scan;
}

std::string short_word(const Json& json, std::string_view key) {
  std::string word = json_word(json, key);
  if (word.size() > limits::kNameBytesMax) refuse(fmt::format("'{}' is too long", key));
  return word;
}

void fill_row(const Json& json, Row& row) {
  if (!json.is_object()) refuse("no JSON object");
  const Json* labels = json.find("label");
  if (labels == nullptr || !labels->is_list()) refuse("'label' is no list");
  if (labels->items.size() > limits::kCoverageMax) refuse("too many labels");
  for (const Json& label : labels->items) {
    if (!label.is_text() || label.text.empty() || label.text.size() > limits::kNameBytesMax) {
      refuse("a label that is no name");
    }
    row.labels.push_back(label.text);
  }
  row.image = json_word(json, "image");
  row.mask = json_word(json, "mask");
  row.modality = short_word(json, "modality");
  row.official_split = short_word(json, "official_split");
  row.patient_id = short_word(json, "patient_id");
  if (std::string dataset = short_word(json, "dataset"); !dataset.empty()) {
    row.dataset = std::move(dataset);
  }
  if (json.find("renorm_image") != nullptr) {
    row.renorm = renorm_scan(json, row.labels.size());
  } else if (row.image.empty()) {
    refuse("no 'image'");
  }
}

Row row_of(const std::string& list, std::uint64_t number, std::string_view line, bool too_long) {
  Row row;
  row.list = list;
  row.line = number;
  row.dataset = stem_of_list(list);
  try {
    if (too_long) refuse("a line beyond " + std::to_string(limits::kJsonLineBytesMax) + " bytes");
    fill_row(internal::parse_json(std::as_bytes(std::span(line)), "the line"), row);
  } catch (const Error& error) {
    row.error = error.what();
  }
  return row;
}

bool blank(std::string_view line) {
  return line.find_first_not_of(" \t\r") == std::string_view::npos;
}

// Ids in words: the first few, and how many.
std::string some_of(const std::set<std::string>& ids) {
  std::string text;
  std::size_t told = 0;
  for (const std::string& id : ids) {
    if (++told > kDefectsTold) break;
    text += (text.empty() ? "" : ", ") + printable(id);
  }
  return ids.size() > kDefectsTold ? fmt::format("{} and {} more", text, ids.size() - kDefectsTold)
                                   : text;
}

}  // namespace

Lists find_lists(const fs::path& root) {
  Lists lists;
  for (const char* folder : {"data/jsonl", "jsonl", ""}) {
    lists.folder = folder;
    lists.jsonl = files_ending(root, lists.folder, ".jsonl");
    if (lists.jsonl.empty()) continue;
    const std::string beside = lists.folder == "data/jsonl" ? "data/split_json" : "split_json";
    lists.splits = files_ending(root, beside, ".json");
    break;
  }
  return lists;
}

void for_each_row(const SourceTree& source, const Lists& lists,
                  const std::function<bool(Row&&)>& take) {
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
  for (const std::string& list : lists.jsonl) {
    LineReader reader(source, list);
    std::string line;
    bool too_long = false;
    for (std::uint64_t number = 1; reader.next(line, too_long); ++number) {
      std::string_view text = line;
      if (number == 1 && text.starts_with(kByteOrderMark)) text.remove_prefix(3);
      if (blank(text) && !too_long) continue;
      if (!take(row_of(list, number, text, too_long))) return;
    }
  }
}

SplitList read_split(const SourceTree& source, const std::string& path) {
  SplitList split;
  split.path = path;
  split.dataset = stem_of_list(path);
  const Json json = internal::read_json(source, path);
  if (!json.is_object()) {
    throw Error(ErrorCode::bad_format, printable(path) + ": no object of lists");
  }
  std::vector<std::string> defects;
  std::set<std::string> both;
  for (const auto& [side, ids] : json.members) {
    if (!ids.is_list()) {
      defects.push_back(fmt::format("'{}' is no list ({})", printable(side), printable(ids.text)));
      continue;
    }
    std::set<std::string> here;
    std::size_t again = 0;
    for (const Json& id : ids.items) {
      const auto word = id.word();
      if (!word) continue;
      again += here.insert(*word).second ? 0u : 1u;
      const auto [known, fresh] = split.sides.emplace(*word, side);
      if (fresh || known->second == side) continue;
      both.insert(*word);
      if (side == "train") known->second = side;  // as the split script of SAT-DS asks
    }
    if (again > 0) {
      defects.push_back(fmt::format("'{}' has {} entries for {} ids", printable(side),
                                    ids.items.size(), here.size()));
    }
  }
  if (!both.empty()) {
    defects.push_back(fmt::format("on two sides: {} (train wins)", some_of(both)));
  }
  for (const std::string& defect : defects) {
    split.defects += (split.defects.empty() ? "" : "; ") + defect;
  }
  return split;
}

std::string PathResolver::resolve(const std::string& listed) {
  std::string path = clean_relative_path(listed);
  const std::size_t slash = path.find('/');
  if (slash == std::string::npos) return path;
  const std::string first = path.substr(0, slash);
  auto known = dropped_.find(first);
  if (known == dropped_.end()) {
    std::error_code ignored;
    const bool ours = first == "data" || first == root_.filename().string();
    known = dropped_.emplace(first, ours && !fs::is_directory(root_ / first, ignored)).first;
  }
  return known->second ? path.substr(slash + 1) : path;
}

}  // namespace slicebank::sat_ds
