// Runs a script that lies beside the tests under a Python that has NumPy and Pillow.
#pragma once

#include <doctest/doctest.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>

namespace slicebank::testing {

// The command of such a Python, or empty after saying that the test cannot run.
inline std::string python_with(const std::string& modules) {
  for (const std::string python : {"python3", "/usr/bin/python3"}) {
    const std::string probe = python + " -c 'import " + modules + "' >/dev/null 2>&1";
    if (std::system(probe.c_str()) == 0) return python;
  }
  std::fprintf(stderr, "SKIPPED: no python3 with %s\n", modules.c_str());
  return {};
}

// True when the script left with 0. Its words go to the test's own output.
inline bool run_oracle(const std::string& python, const std::string& script,
                       const std::filesystem::path& folder) {
  const std::string command = python + " " + std::string(SLICEBANK_SOURCE_DIR) + "/tests/formats/" +
                              script + " '" + folder.string() + "'";
  return std::system(command.c_str()) == 0;
}

}  // namespace slicebank::testing
