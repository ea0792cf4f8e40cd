// A bank of the size and shape of SA-Med2D-20M, by its published numbers: 4.6 million
// images, 19.7 million masks, 10 modalities, 271 classes, about 150 datasets, 57,605
// subjects, long-tailed everywhere. Pixels are small; the index is the real size.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace slicebank::bench {

struct IndexBankOptions {
  std::uint64_t samples = 4'600'000;
  std::uint64_t masks = 19'700'000;
  std::uint32_t subjects = 57'605;
  std::uint32_t datasets = 150;
  std::uint32_t classes = 271;
  std::uint64_t seed = 20;
  unsigned jobs = 2;
};

struct IndexBankReport {
  std::uint64_t samples = 0;
  std::uint64_t masks = 0;
  double seconds = 0;
};

// Makes the bank at `path` through the writer, as an import does; a split `main` of its
// subjects in three is kept in it. `path` must not exist. Prints progress to stderr.
IndexBankReport make_index_bank(const std::filesystem::path& path, const IndexBankOptions& options);

}  // namespace slicebank::bench
