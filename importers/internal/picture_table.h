// metadata.csv: a line for each picture. Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "formats/source_tree.h"
#include "importers/importer.h"

namespace slicebank::internal {

inline constexpr const char* kTableFile = "metadata.csv";

struct PictureRow {
  std::string patient;
  std::string split;
  std::string modality;
  std::string class_name;  // of its mask
  std::string volume;
  std::optional<std::uint32_t> slice;
  std::vector<std::string> labels;  // of the picture as a whole; written with | between
};

class PictureTable {
 public:
  PictureTable() = default;

  // Comma, semicolon or tab, the one the first line has most of; quotes as in RFC 4180; a
  // byte order mark and CRLF are fine. Columns, in any order and case: file (the only one
  // that must be there), patient, split, modality, class, volume, slice, label; others are
  // left out. Throws Error(bad_format) without a column file, Error(limit) above 256 MB. A
  // line that cannot be used is told in problems().
  PictureTable(const SourceTree& source, const std::string& path);

  // By path, by path without ending, by file name, by file name without ending: the
  // first of these that a line has; null when none.
  const PictureRow* find(const std::string& path) const;

  bool empty() const noexcept { return rows_.empty(); }
  const std::vector<PictureRow>& rows() const noexcept { return rows_; }
  const std::vector<Problem>& problems() const noexcept { return problems_; }

 private:
  std::vector<PictureRow> rows_;
  std::unordered_map<std::string, std::size_t> places_;
  std::vector<Problem> problems_;
};

}  // namespace slicebank::internal
