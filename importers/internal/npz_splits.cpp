#include "importers/internal/npz_splits.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "importers/internal/error_kind.h"
#include "importers/internal/file_walk.h"
#include "importers/internal/item_problem.h"
#include "importers/internal/npz_row_window.h"
#include "schema/error.h"

namespace slicebank::internal {
namespace {

constexpr std::size_t kEndingBytes = 4;  // ".npz"

bool digits(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

SplitFile split_file(const std::string& path) {
  SplitFile file;
  file.path = path;
  file.stem = stem_of(path, kEndingBytes);
  file.flag = file.stem;
  const std::size_t at = file.stem.rfind('_');
  if (at != std::string::npos && at > 0 && digits(std::string_view(file.stem).substr(at + 1))) {
    file.flag = file.stem.substr(0, at);
    file.size = file.stem.substr(at + 1);
  }
  return file;
}

std::vector<SplitFile> split_files(const std::filesystem::path& root, std::uint64_t entries) {
  std::vector<SplitFile> files;
  for_each_file(root, ".npz", {0, entries}, [&](const std::string& path) {
    files.push_back(split_file(path));
    return true;
  });
  return files;
}

bool has_split_member(const SourceTree& source, const std::string& path, std::string_view suffix) {
  const NpzReader npz(source.open(path), path);
  return std::any_of(kSplits.begin(), kSplits.end(), [&](std::string_view split) {
    return npz.find(std::string(split).append(suffix)) != nullptr;
  });
}

std::vector<SplitFile> split_files_of(const SourceTree& source, std::string_view suffix,
                                      const std::function<bool(const std::string&)>& known) {
  std::vector<SplitFile> files = split_files(source.root(), ~0ull);
  std::erase_if(files, [&](const SplitFile& file) {
    if (known(file.flag)) return false;
    try {
      return !has_split_member(source, file.path, suffix);
    } catch (const Error&) {
      return false;
    }
  });
  return files;
}

std::string row_patient(std::string_view split, std::uint64_t rows, std::uint64_t official,
                        std::uint64_t row) {
  if (rows == official) return fmt::format("{}/{:06}", split, row);
  return fmt::format("{}-of-{}/{:06}", split, rows, row);
}

std::string row_text(std::uint64_t row) { return fmt::format("{:06}", row); }

std::string to_text(const RowPlace& place) {
  std::string text = std::to_string(place.row);
  for (const std::string& member : place.members) text += " " + member;
  return text;
}

RowPlace row_place(const SourceItem& item) {
  RowPlace place;
  const char* const end = item.place.data() + item.place.size();
  const auto [after, error] = std::from_chars(item.place.data(), end, place.row);
  bool fine = error == std::errc();
  for (const char* at = after; fine && at != end;) {
    const char* const next = std::find(at + 1, end, ' ');
    place.members.emplace_back(at + 1, next);
    at = next;
  }
  if (!fine || place.members.empty()) {
    throw ItemError(ErrorCode::bad_format, "bad-name", item.key, item.key + ": not of the layout");
  }
  return place;
}

Array row_of(const SourceTree& source, const SourceItem& item, const std::string& member,
             std::uint64_t row) {
  const std::string& path = item.image_paths.front();
  try {
    return NpzRowWindows::of(source)->row(source, path, member, row);
  } catch (const Error& error) {
    throw ItemError(error.code(), problem_kind(error, "missing-image", "bad-npz"), path,
                    fmt::format("row {} of '{}': {}", row, member, error.what()));
  }
}

std::optional<std::uint64_t> rows_of(const NpzReader& npz, const std::string& member,
                                     const std::string& path, std::vector<Problem>& problems) {
  const NpzMember* found = npz.find(member);
  if (found == nullptr) {
    problems.push_back(
        skipped("missing-member", path, fmt::format("{}: '{}' is not in it", path, member)));
    return std::nullopt;
  }
  if (!found->refused.empty()) {
    problems.push_back(skipped("bad-member", path, found->refused));
    return std::nullopt;
  }
  // Rows of nothing could be as many as a number can say.
  const bool hollow =
      !found->shape.empty() &&
      std::find(found->shape.begin() + 1, found->shape.end(), 0) != found->shape.end();
  if (found->shape.empty() || hollow) {
    problems.push_back(
        skipped("bad-member", path, fmt::format("{}: '{}' has no rows of numbers", path, member)));
    return std::nullopt;
  }
  return found->shape.front();
}

}  // namespace slicebank::internal
