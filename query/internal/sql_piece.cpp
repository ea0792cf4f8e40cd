#include "query/internal/sql_piece.h"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace slicebank {
namespace {

constexpr std::size_t kChunk = 32;  // operands of one chain

SqlPiece chain(const std::vector<SqlPiece>& parts, std::size_t begin, std::size_t end,
               bool conjunction) {
  SqlPiece joined("(");
  for (std::size_t i = begin; i < end; ++i) {
    if (i > begin) joined << (conjunction ? " AND " : " OR ");
    joined << parts[i];
  }
  joined << ")";
  ++joined.levels;
  return joined;
}

}  // namespace

SqlPiece& SqlPiece::bind_list(const std::vector<SqlValue>& list) {
  sql += '(';
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (i > 0) sql += ", ";
    bind(list[i]);
  }
  sql += ')';
  return *this;
}

SqlPiece sql_constant(bool value) { return SqlPiece(value ? "1" : "0"); }

SqlPiece sql_not(const SqlPiece& part) {
  SqlPiece negated("NOT (");
  negated << part << ")";
  ++negated.levels;
  return negated;
}

SqlPiece sql_join(const std::vector<SqlPiece>& parts, bool conjunction) {
  if (parts.empty()) return sql_constant(conjunction);
  std::vector<SqlPiece> level = parts;
  while (level.size() > 1) {
    std::vector<SqlPiece> above;
    for (std::size_t begin = 0; begin < level.size(); begin += kChunk) {
      const std::size_t end = std::min(begin + kChunk, level.size());
      above.push_back(end - begin == 1 ? level[begin] : chain(level, begin, end, conjunction));
    }
    level = std::move(above);
  }
  return level.front();
}

}  // namespace slicebank
