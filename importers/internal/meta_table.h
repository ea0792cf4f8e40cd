// Small tables of text: comma, semicolon or tab between the fields. Any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "formats/source_tree.h"

namespace slicebank::internal {

struct MetaTable {
  std::vector<std::string> columns;            // of the first line, in lower case
  std::vector<std::vector<std::string>> rows;  // as many fields as there are columns

  std::optional<std::size_t> column(std::string_view name) const;
};

// The separator is the one that the first line has most of; quotes as in RFC 4180; a byte
// order mark, CRLF and blank lines are let through. A line that is short gets empty fields,
// what is too much of a long one is left out. Throws Error(bad_format) for a quote that
// never ends, Error(limit) beyond 64 MB or a million lines.
MetaTable parse_table(Bytes file, const std::string& name);
MetaTable read_table(const SourceTree& source, const std::string& path);

}  // namespace slicebank::internal
