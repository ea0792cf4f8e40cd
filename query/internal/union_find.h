// Which of the numbers 0 .. size-1 have been joined.
#pragma once

#include <cstddef>
#include <numeric>
#include <utility>
#include <vector>

namespace slicebank {

class UnionFind {
 public:
  explicit UnionFind(std::size_t size) : parents_(size), sizes_(size, 1) {
    std::iota(parents_.begin(), parents_.end(), std::size_t{0});
  }

  std::size_t find(std::size_t item) {
    while (parents_[item] != item) {
      parents_[item] = parents_[parents_[item]];
      item = parents_[item];
    }
    return item;
  }

  // False when they were joined before.
  bool join(std::size_t a, std::size_t b) {
    a = find(a);
    b = find(b);
    if (a == b) return false;
    if (sizes_[a] < sizes_[b]) std::swap(a, b);
    parents_[b] = a;
    sizes_[a] += sizes_[b];
    return true;
  }

 private:
  std::vector<std::size_t> parents_;
  std::vector<std::size_t> sizes_;
};

}  // namespace slicebank
