#include "importers/internal/meta_table.h"

#include <algorithm>
#include <utility>

#include "schema/error.h"

namespace slicebank::internal {
namespace {

constexpr std::uint64_t kFileBytesMax = 64u << 20;
constexpr std::size_t kRowsMax = 1'000'000;

char separator_of(std::string_view text) {
  const std::string_view line = text.substr(0, text.find('\n'));
  char best = ',';
  for (const char each : {';', '\t'}) {
    if (std::count(line.begin(), line.end(), each) > std::count(line.begin(), line.end(), best)) {
      best = each;
    }
  }
  return best;
}

// The fields of the line at `at`, which is moved behind it.
std::vector<std::string> next_line(std::string_view text, std::size_t& at, char separator,
                                   const std::string& name) {
  std::vector<std::string> fields(1);
  bool quoted = false;
  for (; at < text.size(); ++at) {
    const char c = text[at];
    if (quoted) {
      if (c != '"') {
        fields.back() += c;
      } else if (at + 1 < text.size() && text[at + 1] == '"') {
        fields.back() += text[++at];
      } else {
        quoted = false;
      }
    } else if (c == '"' && fields.back().empty()) {
      quoted = true;
    } else if (c == separator) {
      fields.emplace_back();
    } else if (c == '\n') {
      break;
    } else if (c != '\r') {
      fields.back() += c;
    }
  }
  if (quoted) throw Error(ErrorCode::bad_format, name + ": a quote that does not end");
  ++at;
  return fields;
}

}  // namespace

std::optional<std::size_t> MetaTable::column(std::string_view name) const {
  const auto found = std::find(columns.begin(), columns.end(), name);
  if (found == columns.end()) return std::nullopt;
  return static_cast<std::size_t>(found - columns.begin());
}

MetaTable parse_table(Bytes file, const std::string& name) {
  std::string_view text(reinterpret_cast<const char*>(file.data()), file.size());
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  const char separator = separator_of(text);
  MetaTable table;
  for (std::size_t at = 0; at < text.size();) {
    std::vector<std::string> fields = next_line(text, at, separator, name);
    if (fields.size() == 1 && fields[0].empty()) continue;
    if (table.columns.empty()) {
      for (std::string& field : fields) {
        std::transform(field.begin(), field.end(), field.begin(), [](char c) {
          return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
        });
      }
      table.columns = std::move(fields);
      continue;
    }
    if (table.rows.size() >= kRowsMax) {
      throw Error(ErrorCode::limit, name + ": more than " + std::to_string(kRowsMax) + " lines");
    }
    fields.resize(table.columns.size());
    table.rows.push_back(std::move(fields));
  }
  return table;
}

MetaTable read_table(const SourceTree& source, const std::string& path) {
  const auto stamp = source.stamp(path);
  if (stamp && stamp->size > kFileBytesMax) {
    throw Error(ErrorCode::limit, printable(path) + ": " + std::to_string(stamp->size) +
                                      " bytes, where a small table is expected");
  }
  return parse_table(source.read(path), printable(path));
}

}  // namespace slicebank::internal
