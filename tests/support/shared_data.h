// The real sample files that lie beside a checkout, and a loud word when they do not.
#pragma once

#include <doctest/doctest.h>

#include <cstdio>
#include <filesystem>
#include <string>

namespace slicebank::testing {

// Path of `name` below the shared data, or empty after saying that the test cannot run.
// CTest counts such a test as skipped: see tests/README.md.
inline std::filesystem::path shared_data(const std::string& name) {
  const auto path = std::filesystem::path(SLICEBANK_SHARED_DATA) / name;
  if (std::filesystem::exists(path)) return path;
  std::fprintf(stderr, "SKIPPED: real sample data %s is not there\n", path.c_str());
  return {};
}

}  // namespace slicebank::testing

// Ends the running test case, said and counted as skipped, when the data is absent.
#define SLICEBANK_SHARED_OR_SKIP(variable, name)                 \
  const auto variable = ::slicebank::testing::shared_data(name); \
  if (variable.empty()) return
