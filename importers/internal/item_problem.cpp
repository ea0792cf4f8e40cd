#include "importers/internal/item_problem.h"

#include <fmt/format.h>

#include "importers/internal/hash_set.h"

namespace slicebank::internal {
namespace {

constexpr std::size_t kShownBytesMax = 400;

}  // namespace

std::string shown_path(const std::string& path) {
  if (path.size() <= kShownBytesMax) return printable(path);
  return fmt::format("{}... ({} bytes, {:016x})", printable(path.substr(0, kShownBytesMax)),
                     path.size(), hash_of(path));
}

SourceItem failed_item(const std::string& path, std::string kind, std::string message) {
  SourceItem item;
  item.key = shown_path(path);
  item.problems.push_back(skipped(std::move(kind), item.key, std::move(message)));
  return item;
}

}  // namespace slicebank::internal
