#include "query/internal/equal_pixels.h"

#include <algorithm>
#include <numeric>

#include "query/internal/blank_images.h"

namespace slicebank {

void for_each_equal_set(const Bank& bank, const SampleColumns& columns,
                        const std::function<bool(const std::vector<std::size_t>&)>& wanted,
                        const std::function<void(const std::vector<std::size_t>&)>& visit) {
  std::vector<std::size_t> order(columns.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return columns.hashes[a] != columns.hashes[b] ? columns.hashes[a] < columns.hashes[b] : a < b;
  });
  BlankImages blank(bank);
  std::vector<std::size_t> places;
  for (std::size_t begin = 0; begin < order.size();) {
    std::size_t end = begin + 1;
    const ContentHash& hash = columns.hashes[order[begin]];
    while (end < order.size() && columns.hashes[order[end]] == hash) ++end;
    if (end - begin > 1) {
      places.assign(order.begin() + static_cast<std::ptrdiff_t>(begin),
                    order.begin() + static_cast<std::ptrdiff_t>(end));
      if (wanted(places)) {
        const bool looks_full = std::any_of(places.begin(), places.end(), [&](std::size_t place) {
          return columns.surely_not_blank[place];
        });
        if (looks_full || !blank.contains(hash, columns.ids[places.front()])) visit(places);
      }
    }
    begin = end;
  }
}

}  // namespace slicebank
