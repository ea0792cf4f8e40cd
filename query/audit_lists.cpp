#include "query/audit_lists.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "query/internal/official_side.h"
#include "schema/error.h"

namespace slicebank {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr std::uintmax_t kFileBytesMax = 1'000'000'000;

std::string read_text(const fs::path& file) {
  std::error_code failed;
  const auto size = fs::file_size(file, failed);
  std::ifstream stream(file, std::ios::binary);
  if (failed || !stream) throw Error(ErrorCode::io, fmt::format("cannot read {}", file.string()));
  if (size > kFileBytesMax) {
    throw Error(ErrorCode::limit,
                fmt::format("{} has {} bytes, too many for a list of names", file.string(), size));
  }
  std::string text(static_cast<std::size_t>(size), '\0');
  stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  return text;
}

[[noreturn]] void bad_file(const fs::path& file, const std::string& why) {
  throw Error(ErrorCode::bad_format, fmt::format("{}: {}", file.string(), why),
              "lists of names by side: {\"train\": [...], \"test\": [...]}, or one name a line");
}

Json parse_json(const fs::path& file, const std::string& text) {
  try {
    return Json::parse(text);
  } catch (const nlohmann::json::exception& error) {
    bad_file(file, error.what());
  }
}

std::string side_name(const std::string& word) {
  const std::string side = official_side(word);
  return side.empty() ? "(none)" : side;
}

// The names of a member of an object, or nothing where it holds none.
std::vector<std::string> names_in(const Json& list) {
  std::vector<std::string> names;
  if (!list.is_array()) return names;
  for (const Json& each : list) {
    if (each.is_string()) {
      names.push_back(each.get<std::string>());
    } else if (each.is_object()) {
      for (const char* member : {"image", "patient_id", "id", "name"}) {
        if (!each.contains(member) || !each[member].is_string()) continue;
        names.push_back(each[member].get<std::string>());
        break;
      }
    }
  }
  return names;
}

ListedSplit object_split(const fs::path& file, const std::string& name, const Json& object) {
  ListedSplit split{name, {}};
  for (const auto& [side, list] : object.items()) {
    std::vector<std::string> names = names_in(list);
    // SAT-DS has an empty "val" everywhere: it is a side all the same.
    if (names.empty() && !(list.is_array() && list.empty())) continue;
    split.lists.push_back(
        {side_name(side), file.filename().string(), file.stem().string(), std::move(names)});
  }
  return split;
}

std::vector<ListedSplit> json_splits(const fs::path& file) {
  const Json json = parse_json(file, read_text(file));
  std::vector<ListedSplit> splits;
  if (json.is_object()) {
    splits.push_back(object_split(file, file.filename().string(), json));
  } else if (json.is_array()) {
    for (const Json& fold : json) {
      if (!fold.is_object()) bad_file(file, "a list, but not of folds");
      splits.push_back(object_split(
          file, fmt::format("{} fold {}", file.filename().string(), splits.size()), fold));
      for (ListedSide& list : splits.back().lists) list.dataset.clear();
    }
  }
  const bool any = std::any_of(splits.begin(), splits.end(),
                               [](const ListedSplit& split) { return !split.lists.empty(); });
  if (!any) bad_file(file, "it holds no lists of names");
  return splits;
}

void for_each_line(std::string_view text,
                   const std::function<void(std::size_t, std::string_view)>& visit) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  for (std::size_t number = 1; !text.empty(); ++number) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ' || line.back() == '\t')) {
      line.remove_suffix(1);
    }
    while (!line.empty() && (line.front() == ' ' || line.front() == '\t')) line.remove_prefix(1);
    if (!line.empty()) visit(number, line);
  }
}

// Lists that grow name by name.
class Collected {
 public:
  explicit Collected(const fs::path& file) : file_(file) {}
  void add(const std::string& side, const std::string& dataset, std::string id) {
    const auto [place, is_new] = numbers_.try_emplace({side, dataset}, split_.lists.size());
    if (is_new) split_.lists.push_back({side, file_.filename().string(), dataset, {}});
    split_.lists[place->second].ids.push_back(std::move(id));
  }
  ListedSplit take() {
    split_.name = file_.filename().string();
    return std::move(split_);
  }

 private:
  fs::path file_;
  ListedSplit split_;
  std::map<std::pair<std::string, std::string>, std::size_t> numbers_;
};

ListedSplit jsonl_split(const fs::path& file) {
  Collected collected(file);
  for_each_line(read_text(file), [&](std::size_t number, std::string_view line) {
    Json row;
    try {
      row = Json::parse(line);
    } catch (const nlohmann::json::exception&) {
      bad_file(file, fmt::format("line {} is not JSON", number));
    }
    if (!row.is_object()) bad_file(file, fmt::format("line {} is no object", number));
    const auto text = [&](const char* member) {
      return row.contains(member) && row[member].is_string() ? row[member].get<std::string>()
                                                             : std::string();
    };
    const std::string side = text("official_split");
    std::string id = text("image");
    if (id.empty()) id = text("patient_id");
    if (id.empty()) bad_file(file, fmt::format("line {} names no image", number));
    collected.add(side_name(side.empty() ? file.stem().string() : side), text("dataset"),
                  std::move(id));
  });
  return collected.take();
}

ListedSplit text_split(const fs::path& file) {
  Collected collected(file);
  const std::string side = side_name(file.stem().string());
  for_each_line(read_text(file), [&](std::size_t, std::string_view line) {
    collected.add(side, {}, std::string(line));
  });
  return collected.take();
}

std::vector<std::string> csv_fields(std::string_view line) {
  std::vector<std::string> fields(1);
  bool quoted = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '"') {
      if (quoted && i + 1 < line.size() && line[i + 1] == '"') {
        fields.back() += line[i++];
      } else {
        quoted = !quoted;
      }
    } else if (line[i] == ',' && !quoted) {
      fields.emplace_back();
    } else {
      fields.back() += line[i];
    }
  }
  return fields;
}

ListedSplit csv_split(const fs::path& file) {
  constexpr std::size_t kNowhere = ~std::size_t{0};
  Collected collected(file);
  std::size_t id = kNowhere, side = kNowhere, dataset = kNowhere;
  bool header = true;
  for_each_line(read_text(file), [&](std::size_t number, std::string_view line) {
    const std::vector<std::string> fields = csv_fields(line);
    if (header) {
      const auto column = [&](std::initializer_list<const char*> names) {
        for (const char* name : names) {
          const auto found = std::find(fields.begin(), fields.end(), name);
          if (found != fields.end()) return static_cast<std::size_t>(found - fields.begin());
        }
        return kNowhere;
      };
      id = column({"key", "id", "image", "patient", "subject"});
      side = column({"side", "split"});
      dataset = column({"dataset"});
      if (id == kNowhere || side == kNowhere) {
        bad_file(file, "its header has no columns key and side");
      }
      header = false;
      return;
    }
    if (fields.size() <= std::max(id, side)) {
      bad_file(file, fmt::format("line {} has too few fields", number));
    }
    collected.add(side_name(fields[side]), dataset < fields.size() ? fields[dataset] : "",
                  fields[id]);
  });
  return collected.take();
}

std::vector<ListedSplit> file_splits(const fs::path& file) {
  const std::string ending = file.extension().string();
  if (ending == ".json") return json_splits(file);
  std::vector<ListedSplit> splits;
  if (ending == ".jsonl")
    splits.push_back(jsonl_split(file));
  else if (ending == ".csv")
    splits.push_back(csv_split(file));
  else
    splits.push_back(text_split(file));
  return splits;
}

}  // namespace

std::vector<ListedSplit> read_split_lists(const fs::path& path) {
  std::error_code failed;
  const fs::file_status status = fs::status(path, failed);
  if (failed || !fs::exists(status)) {
    throw Error(ErrorCode::not_found, fmt::format("there is no {}", path.string()));
  }
  if (!fs::is_directory(status)) return file_splits(path);
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(path)) {
    const std::string ending = entry.path().extension().string();
    const bool is_list =
        ending == ".json" || ending == ".jsonl" || ending == ".txt" || ending == ".csv";
    if (is_list && entry.is_regular_file()) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  std::vector<ListedSplit> splits;
  ListedSplit whole{
      path.filename().empty() ? path.parent_path().filename().string() : path.filename().string(),
      {}};
  for (const fs::path& file : files) {
    std::vector<ListedSplit> own = file_splits(file);
    if (own.size() == 1) {
      std::move(own[0].lists.begin(), own[0].lists.end(), std::back_inserter(whole.lists));
    } else {
      std::move(own.begin(), own.end(), std::back_inserter(splits));
    }
  }
  if (!whole.lists.empty()) splits.insert(splits.begin(), std::move(whole));
  if (splits.empty()) {
    throw Error(ErrorCode::not_found, fmt::format("{} holds no split files", path.string()),
                "files that end in .json, .jsonl, .txt or .csv");
  }
  return splits;
}

}  // namespace slicebank
