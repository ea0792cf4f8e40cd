#include "importers/internal/picture_table.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>
#include <utility>

#include "importers/internal/composed_name.h"
#include "importers/internal/item_problem.h"
#include "importers/internal/picture_file.h"
#include "schema/error.h"
#include "schema/limits.h"

namespace slicebank::internal {
namespace {

constexpr std::uint64_t kFileBytesMax = 256u << 20;
constexpr std::size_t kColumnsMax = 1000;
constexpr std::size_t kProblemsMax = 100;

// Reads one line after another; a quoted cell may hold separators and line breaks.
class CsvReader {
 public:
  explicit CsvReader(std::string_view text) : text_(text) {
    constexpr std::string_view kMark = "\xef\xbb\xbf";
    if (text_.starts_with(kMark)) text_.remove_prefix(kMark.size());
    const std::string_view first = text_.substr(0, text_.find('\n'));
    std::ptrdiff_t most = 0;
    for (const char candidate : {',', ';', '\t'}) {
      const auto count = std::count(first.begin(), first.end(), candidate);
      if (count > most) {
        most = count;
        separator_ = candidate;
      }
    }
  }

  // False at the end.
  bool next(std::vector<std::string>& cells) {
    cells.clear();
    if (at_ >= text_.size()) return false;
    std::string cell;
    bool quoted = false;
    for (; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (quoted) {
        if (c != '"') {
          cell += c;
        } else if (at_ + 1 < text_.size() && text_[at_ + 1] == '"') {
          cell += text_[++at_];
        } else {
          quoted = false;
        }
      } else if (c == '"' && cell.empty()) {
        quoted = true;
      } else if (c == separator_) {
        put(cells, cell);
      } else if (c == '\n') {
        ++at_;
        break;
      } else {
        cell += c;
      }
    }
    put(cells, cell);
    ++line_;
    return true;
  }

  std::size_t line() const noexcept { return line_; }

 private:
  static void put(std::vector<std::string>& cells, std::string& cell) {
    while (!cell.empty() && (cell.back() == '\r' || cell.back() == ' ')) cell.pop_back();
    cell.erase(0, std::min(cell.find_first_not_of(' '), cell.size()));
    if (cells.size() < kColumnsMax) cells.push_back(std::move(cell));
    cell.clear();
  }

  std::string_view text_;
  char separator_ = ',';
  std::size_t at_ = 0;
  std::size_t line_ = 0;
};

constexpr std::array<std::string_view, 8> kColumns = {"file",  "patient", "split", "modality",
                                                      "class", "volume",  "slice", "label"};
enum Column : std::size_t { file, patient, split, modality, class_name, volume, slice, label };

// Of each known column, where it stands.
std::array<std::size_t, kColumns.size()> columns_of(const std::vector<std::string>& header) {
  std::array<std::size_t, kColumns.size()> places{};
  places.fill(kColumnsMax);
  for (std::size_t i = 0; i < header.size(); ++i) {
    std::string lower = header[i];
    for (char& c : lower) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
    const auto* const found = std::find(kColumns.begin(), kColumns.end(), lower);
    if (found != kColumns.end()) {
      std::size_t& place = places[static_cast<std::size_t>(found - kColumns.begin())];
      place = std::min(place, i);
    }
  }
  return places;
}

std::vector<std::string> parts_of(const std::string& text) {
  std::vector<std::string> parts;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('|', at), text.size());
    if (end > at) parts.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return parts;
}

std::string without_ending(const std::string& path) {
  return path.substr(0, path.size() - picture_ending(path).size());
}

}  // namespace

PictureTable::PictureTable(const SourceTree& source, const std::string& path) {
  const std::string name = printable(path);
  if (const auto stamp = source.stamp(path); stamp && stamp->size > kFileBytesMax) {
    throw Error(ErrorCode::limit, name + ": more than 256 MB, where a table is expected");
  }
  const std::vector<std::byte> bytes = source.read(path);
  CsvReader csv({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  std::vector<std::string> cells;
  if (!csv.next(cells)) cells.clear();
  const auto places = columns_of(cells);
  if (places[file] == kColumnsMax) {
    throw Error(ErrorCode::bad_format, name + ": the first line has no column called file",
                "Columns: file, patient, split, modality, class, volume, slice, label.");
  }
  const auto tell = [&](const std::string& why) {
    if (problems_.size() >= kProblemsMax) return;
    problems_.push_back(
        skipped("bad-row", path, name + ", row " + std::to_string(csv.line()) + ": " + why));
  };
  while (csv.next(cells)) {
    if (cells.size() == 1 && cells.front().empty()) continue;
    const auto cell = [&](Column column) {
      return places[column] < cells.size() ? cells[places[column]] : std::string();
    };
    std::string wanted;
    try {
      wanted = composed_name(clean_relative_path(cell(file)));
    } catch (const Error& error) {
      tell(error.what());
      continue;
    }
    if (std::any_of(cells.begin(), cells.end(),
                    [](const std::string& text) { return text.size() > limits::kNameBytesMax; })) {
      tell("a cell is too long");
      continue;
    }
    PictureRow row{cell(patient), cell(split), cell(modality),       cell(class_name),
                   cell(volume),  {},          parts_of(cell(label))};
    if (const std::string number = cell(slice); !number.empty()) {
      std::uint32_t value = 0;
      const char* const end = number.data() + number.size();
      const auto parsed = std::from_chars(number.data(), end, value);
      if (parsed.ec != std::errc() || parsed.ptr != end) {
        tell("the slice '" + printable(number) + "' is no whole number");
        continue;
      }
      row.slice = value;
    }
    if (!places_.emplace(wanted, rows_.size()).second) {
      tell("'" + printable(wanted) + "' has a row already; the first counts");
      continue;
    }
    rows_.push_back(std::move(row));
  }
}

const PictureRow* PictureTable::find(const std::string& path) const {
  if (rows_.empty()) return nullptr;
  const std::string whole = composed_name(path);
  const std::string name(file_name_of(whole));
  for (const std::string& key : {whole, without_ending(whole), name, without_ending(name)}) {
    const auto found = places_.find(key);
    if (found != places_.end()) return &rows_[found->second];
  }
  return nullptr;
}

}  // namespace slicebank::internal
