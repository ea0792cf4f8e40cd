// Runs a fuzz target over its corpus where there is no libFuzzer: each seed as it is, and
// copies that are cut, flipped, doubled and mixed. The same copies in every run.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "tests/fuzz/fuzz.h"

namespace {

using Input = std::vector<std::uint8_t>;

constexpr int kCopiesASeed = 1000;

Input read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  return {text.begin(), text.end()};
}

void run(const Input& input) {
  // A copy of exactly that size, so that a sanitizer sees a read behind its end.
  const Input exact(input.begin(), input.end());
  fuzz_one(exact.data(), exact.size());
}

Input damaged(const Input& seed, const Input& other, std::mt19937_64& random) {
  const auto below = [&](std::size_t bound) {
    return static_cast<std::size_t>(random() % std::max<std::size_t>(bound, 1));
  };
  const auto at = [](Input& input, std::size_t offset) {
    return input.begin() + static_cast<std::ptrdiff_t>(offset);
  };
  Input input = seed;
  for (std::size_t i = 1 + below(3); i > 0; --i) {
    const std::size_t place = below(input.size());
    switch (below(6)) {
      case 0:
        if (!input.empty()) input[place] ^= static_cast<std::uint8_t>(1u << below(8));
        break;
      case 1:
        if (!input.empty()) input[place] = static_cast<std::uint8_t>(below(256));
        break;
      case 2: {
        constexpr std::uint8_t kEdges[] = {0, 1, 0x7f, 0x80, 0xff};
        if (!input.empty()) input[place] = kEdges[below(5)];
        break;
      }
      case 3:
        input.resize(place);
        break;
      case 4:
        input.insert(at(input, place), 1 + below(8), static_cast<std::uint8_t>(below(256)));
        break;
      case 5:
        // The end of another seed behind the beginning of this one.
        input.resize(place);
        if (place < other.size()) {
          input.insert(input.end(), other.begin() + static_cast<std::ptrdiff_t>(place),
                       other.end());
        }
        break;
    }
  }
  return input;
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 2 || !std::filesystem::is_directory(arguments[1])) {
    std::fprintf(stderr, "usage: %s CORPUS\n", arguments[0]);
    return 2;
  }
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(arguments[1])) {
    if (entry.is_regular_file()) paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  if (paths.empty()) {
    std::fprintf(stderr, "no seeds in %s\n", arguments[1]);
    return 1;
  }
  std::vector<Input> seeds;
  for (const auto& path : paths) seeds.push_back(read_file(path));
  std::mt19937_64 random(1);
  run({});
  for (std::size_t i = 0; i < seeds.size(); ++i) {
    run(seeds[i]);
    for (int copy = 0; copy < kCopiesASeed; ++copy) {
      run(damaged(seeds[i], seeds[random() % seeds.size()], random));
    }
  }
  std::printf("%zu seeds, %zu inputs\n", seeds.size(), seeds.size() * (kCopiesASeed + 1) + 1);
  return 0;
}
