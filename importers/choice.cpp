#include "importers/choice.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "schema/error.h"
#include "schema/taxonomy.h"

namespace slicebank {
namespace {

namespace fs = std::filesystem;

constexpr int kSurely = 90;       // of Recognition::score: not by accident
constexpr int kWrappersMax = 3;   // folders around a dataset that hold nothing else
constexpr int kFilesLooked = 64;  // beside a dataset's folder

std::string importer_names() {
  std::string names;
  for (const auto& importer : importers()) {
    names += (names.empty() ? "" : ", ") + std::string(importer->name());
  }
  return names;
}

// A line each.
std::string listed(const std::vector<Recognised>& found) {
  std::string lines;
  for (const Recognised& one : found) {
    lines += fmt::format("\n  {}: {}", one.importer->name(), one.recognition.reason);
  }
  return lines;
}

const Importer& named(const std::string& format) {
  if (const Importer* importer = find_importer(format)) return *importer;
  std::vector<std::string> names;
  for (const auto& each : importers()) names.emplace_back(each->name());
  const auto nearest = nearest_name(format, names);
  throw Error(ErrorCode::bad_argument,
              fmt::format("'{}' is no format that can be imported", printable(format)),
              (nearest ? fmt::format("Did you mean {}? ", *nearest) : std::string()) +
                  "Formats: " + importer_names() + ".");
}

// What comes beside a dataset in an archive and is no part of it.
bool is_paper(const fs::path& file) {
  constexpr std::array<std::string_view, 9> kEndings{".md",  ".txt", ".rst", ".pdf", ".html",
                                                     ".zip", ".tar", ".tgz", ".md5"};
  const std::string name = file.filename().string();
  if (name.starts_with('.') || name == "LICENSE" || name == "LICENCE" || name == "README")
    return true;
  return std::any_of(kEndings.begin(), kEndings.end(),
                     [&](std::string_view ending) { return name.ends_with(ending); });
}

// The one folder in `folder`, if there is nothing else but papers.
std::optional<fs::path> only_folder(const fs::path& folder) {
  std::optional<fs::path> only;
  int looked = 0;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    if (++looked > kFilesLooked) return std::nullopt;
    if (entry->is_symlink(error)) return std::nullopt;
    if (entry->is_directory(error)) {
      if (entry->path().filename().string().starts_with('.')) continue;
      if (only) return std::nullopt;
      only = entry->path();
    } else if (!is_paper(entry->path())) {
      return std::nullopt;
    }
  }
  return error ? std::nullopt : only;
}

// The best of `found`; throws when another is as good.
ChosenImporter best_of(const std::vector<Recognised>& found, const fs::path& source) {
  // What says so itself, beside the first: a folder of several datasets.
  std::vector<Recognised> sure;
  for (const Recognised& one : found) {
    const int score = one.recognition.score;
    if (score == found[0].recognition.score || score >= kSurely) sure.push_back(one);
  }
  if (sure.size() > 1 && sure[0].recognition.score == sure[1].recognition.score) {
    throw Error(
        ErrorCode::bad_format,
        fmt::format("{}: more than one layout fits:{}", printable(source.string()), listed(sure)),
        fmt::format("Import the folder of one dataset at a time, or say which to take here: "
                    "--format {}.",
                    sure[0].importer->name()));
  }
  ChosenImporter chosen{found[0].importer, source, found[0].recognition.reason};
  for (std::size_t i = 1; i < sure.size(); ++i) {
    chosen.reason += fmt::format("; left out here is {}: {}", sure[i].importer->name(),
                                 sure[i].recognition.reason);
  }
  return chosen;
}

bool is_sure(const std::vector<Recognised>& found) {
  return !found.empty() && found[0].recognition.score >= kSurely;
}

}  // namespace

ChosenImporter choose_importer(const fs::path& source, const std::string& format) {
  if (!format.empty()) return {&named(format), source, "asked for"};
  const std::vector<Recognised> found = recognise(source);
  if (!is_sure(found)) {
    fs::path inner = source;
    for (int depth = 0; depth < kWrappersMax; ++depth) {
      const auto next = only_folder(inner);
      if (!next) break;
      inner = *next;
      const std::vector<Recognised> inside = recognise(inner);
      if (!is_sure(inside)) continue;
      ChosenImporter chosen = best_of(inside, inner);
      chosen.reason = fmt::format(
          "in {}/: {}", printable(inner.lexically_relative(source).string()), chosen.reason);
      return chosen;
    }
  }
  if (found.empty()) {
    throw Error(ErrorCode::bad_format,
                fmt::format("{}: no dataset layout is recognised here", printable(source.string())),
                "Give the dataset's own folder, or name the layout with --format: " +
                    importer_names() + ".");
  }
  return best_of(found, source);
}

}  // namespace slicebank
