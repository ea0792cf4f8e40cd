// Files that a script made or found, beside what another reader says is in them.
#pragma once

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "formats/array.h"
#include "schema/sample.h"

namespace slicebank::testing {

inline std::vector<std::byte> read_bytes(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const auto* first = reinterpret_cast<const std::byte*>(text.data());
  return {first, first + text.size()};
}

// All real sample files whose names end in one of `endings`, whatever the case.
inline std::vector<std::filesystem::path> shared_files(const std::set<std::string>& endings) {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(SLICEBANK_SHARED_DATA)) {
    std::string ending = entry.path().extension().string();
    for (char& c : ending) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    if (endings.count(ending) != 0) paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

inline void write_list(const std::filesystem::path& file,
                       const std::vector<std::filesystem::path>& paths) {
  std::ofstream list(file);
  for (const auto& path : paths) list << path.string() << "\n";
}

// The lines of `cases.txt` that a script left in `folder`, cut at tabs.
inline std::vector<std::vector<std::string>> read_cases(const std::filesystem::path& folder) {
  std::vector<std::vector<std::string>> cases;
  std::ifstream file(folder / "cases.txt");
  for (std::string line; std::getline(file, line);) {
    std::vector<std::string> fields;
    std::istringstream in(line);
    for (std::string field; std::getline(in, field, '\t');) fields.push_back(field);
    cases.push_back(fields);
  }
  return cases;
}

// An image as numpy holds it: (height, width, channels).
inline Array as_array(const Image& image) {
  return {element_type_of(image.shape.pixel_type),
          {image.shape.height, image.shape.width, image.shape.channels},
          image.image_hwc};
}

}  // namespace slicebank::testing
