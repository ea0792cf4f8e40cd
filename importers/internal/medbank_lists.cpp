#include "importers/internal/medbank_lists.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>

#include "importers/internal/composed_name.h"
#include "importers/internal/item_problem.h"
#include "importers/internal/picture_file.h"
#include "importers/internal/picture_words.h"
#include "schema/error.h"

namespace slicebank::medbank {
namespace {

namespace fs = std::filesystem;
using internal::skipped;

constexpr std::array<const char*, 3> kSplits = {"train", "val", "test"};
constexpr std::array<const char*, 6> kEndings = {".png", ".jpg", ".jpeg", ".tif", ".tiff", ".PNG"};
constexpr std::size_t kCodeLettersMax = 4;
constexpr std::uint64_t kListBytesMax = 1u << 30;
constexpr std::size_t kProblemsMax = 1000;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
bool is_lower(char c) { return c >= 'a' && c <= 'z'; }

std::string in(const std::string& folder, const std::string& name) {
  return folder.empty() ? name : folder + "/" + name;
}

std::optional<Task> task_at(const fs::path& root, const std::string& folder,
                            const std::string& name) {
  const auto parsed = parse_task_name(name);
  if (!parsed) return std::nullopt;
  Task task{folder, *parsed, {}, {}};
  std::error_code ignored;
  for (const char* word : {"images", "image"}) {
    if (fs::is_directory(root / in(folder, word), ignored)) task.images = in(folder, word);
  }
  for (const char* word : {"masks", "mask"}) {
    if (fs::is_directory(root / in(folder, word), ignored)) task.masks = in(folder, word);
  }
  if (task.images.empty()) return std::nullopt;
  return task;
}

std::string key_of(const Task& task, const std::string& stem) { return task.folder + "/" + stem; }

std::string stem_of(const std::string& path) {
  return internal::composed_name(internal::picture_stem(path));
}

// A list may leave the ending away.
bool is_there(const SourceTree& source, const Task& task, const std::string& name) {
  const std::string path = task.images + "/" + name;
  if (source.stamp(path)) return true;
  return std::any_of(kEndings.begin(), kEndings.end(),
                     [&](const char* ending) { return source.stamp(path + ending).has_value(); });
}

}  // namespace

std::optional<TaskName> parse_task_name(const std::string& folder) {
  const std::size_t last = folder.rfind('_');
  if (last == std::string::npos || last == 0) return std::nullopt;
  const std::size_t middle = folder.rfind('_', last - 1);
  if (middle == std::string::npos || middle == 0) return std::nullopt;
  TaskName name{folder.substr(0, middle), folder.substr(middle + 1, last - middle - 1),
                folder.substr(last + 1)};
  const bool code = name.modality.size() >= 2 && name.modality.size() <= kCodeLettersMax &&
                    std::all_of(name.modality.begin(), name.modality.end(), is_upper);
  const bool id = !name.id.empty() && std::all_of(name.id.begin(), name.id.end(), is_digit);
  if (!code || !id) return std::nullopt;
  return name;
}

std::string spaced_words(const std::string& object) {
  std::string words;
  for (std::size_t i = 0; i < object.size(); ++i) {
    const char c = object[i];
    const bool after_lower = i > 0 && (is_lower(object[i - 1]) || is_digit(object[i - 1]));
    const bool ends_capitals =
        i > 0 && i + 1 < object.size() && is_upper(object[i - 1]) && is_lower(object[i + 1]);
    if (is_upper(c) && (after_lower || ends_capitals)) words += ' ';
    words += c == '_' ? ' ' : c;
  }
  return words;
}

std::optional<SliceName> parse_slice_name(const std::string& stem) {
  constexpr std::string_view kWord = "_slice_";
  const std::size_t at = stem.rfind(kWord);
  if (at == std::string::npos || at == 0) return std::nullopt;
  SliceName name{stem.substr(0, at), 0};
  const char* const end = stem.data() + stem.size();
  const char* const digits = stem.data() + at + kWord.size();
  const auto parsed = std::from_chars(digits, end, name.slice);
  if (parsed.ec != std::errc() || parsed.ptr != end || digits == end) return std::nullopt;
  return name;
}

std::vector<Task> find_tasks(const fs::path& root, std::uint64_t entries_max) {
  fs::path own = root.filename();
  if (own.empty() || own == ".") own = fs::weakly_canonical(root).filename();
  if (auto task = task_at(root, {}, own.string())) return {*task};
  std::vector<Task> tasks;
  std::error_code error;
  std::uint64_t entries = 0;
  for (fs::directory_iterator entry(root, error), end; !error && entry != end;
       entry.increment(error)) {
    if (entries_max != 0 && ++entries > entries_max) break;
    std::error_code ignored;
    if (!entry->is_directory(ignored)) continue;
    const std::string name = entry->path().filename().string();
    if (auto task = task_at(root, name, name)) tasks.push_back(*std::move(task));
  }
  std::sort(tasks.begin(), tasks.end(),
            [](const Task& a, const Task& b) { return a.folder < b.folder; });
  return tasks;
}

Splits::Splits(const SourceTree& source, const std::vector<Task>& tasks)
    : names_(kSplits.begin(), kSplits.end()) {
  std::vector<std::string> folders = {""};
  for (const Task& task : tasks) {
    if (!task.folder.empty()) folders.push_back(task.folder);
  }
  for (const std::string& folder : folders) {
    for (const std::string& split : names_) read(source, tasks, folder, split);
  }
}

void Splits::read(const SourceTree& source, const std::vector<Task>& tasks,
                  const std::string& folder, const std::string& split) {
  const std::string list = in(folder, split + ".txt");
  const auto stamp = source.stamp(list);
  if (!stamp) return;
  if (stamp->size > kListBytesMax) {
    throw Error(ErrorCode::limit, printable(list) + ": more than 1 GB, where a list is expected");
  }
  ++lists_;
  const std::vector<std::byte> bytes = source.read(list);
  std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  constexpr std::string_view kMark = "\xef\xbb\xbf";
  if (text.starts_with(kMark)) text.remove_prefix(kMark.size());
  const auto number =
      static_cast<unsigned>(std::find(names_.begin(), names_.end(), split) - names_.begin());
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find_first_of("\r\n", at), text.size());
    std::string_view line = text.substr(at, end - at);
    at = end + 1;
    const std::size_t first = line.find_first_not_of(" \t");
    if (first == std::string_view::npos) continue;
    line = line.substr(first, line.find_last_not_of(" \t") - first + 1);
    place(source, tasks, folder, std::string(line), list, number);
  }
}

void Splits::place(const SourceTree& source, const std::vector<Task>& tasks,
                   const std::string& folder, const std::string& line, const std::string& list,
                   unsigned split) {
  const auto tell = [&](const char* kind, const std::string& why) {
    if (problems_.size() >= kProblemsMax) return;
    const std::string shown = internal::shown_path(line);
    problems_.push_back(
        skipped(kind, shown, fmt::format("{}: '{}' {}", printable(list), shown, why)));
  };
  std::string path;
  try {
    path = clean_relative_path(line);
  } catch (const Error& error) {
    tell("bad-path", error.what());
    return;
  }
  const std::vector<std::string> parts = internal::path_parts(path);
  std::string refused;  // a link that leads out, or what is no file
  const auto there = [&](const Task& task) {
    try {
      return is_there(source, task, parts.back());
    } catch (const Error& error) {
      refused = error.what();
      return false;
    }
  };
  std::vector<const Task*> meant;
  for (const Task& task : tasks) {
    const bool named =
        !task.folder.empty() && std::find(parts.begin(), parts.end(), task.folder) != parts.end();
    if (named || (!folder.empty() && task.folder == folder)) meant = {&task};
    if (named) break;
  }
  if (meant.empty()) {
    for (const Task& task : tasks) {
      if (there(task)) meant.push_back(&task);
    }
  }
  if (meant.size() > 1) {
    tell("ambiguous-name", fmt::format("is in {} and in {}", meant[0]->folder, meant[1]->folder));
  } else if (meant.empty() || !there(*meant[0])) {
    tell(refused.empty() ? "missing-image" : "bad-path",
         refused.empty() ? "is not there" : refused);
  } else {
    splits_[key_of(*meant[0], stem_of(parts.back()))] |= 1u << split;
  }
}

std::vector<std::string> Splits::of(const Task& task, const std::string& stem) const {
  std::vector<std::string> found;
  const auto bits = splits_.find(key_of(task, internal::composed_name(stem)));
  if (bits == splits_.end()) return found;
  for (std::size_t i = 0; i < names_.size(); ++i) {
    if ((bits->second >> i & 1u) != 0) found.push_back(names_[i]);
  }
  return found;
}

}  // namespace slicebank::medbank
