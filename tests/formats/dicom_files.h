// DICOM files that a script or a test makes.
#pragma once

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "formats/dicom.h"
#include "schema/error.h"
#include "tests/formats/python_oracle.h"
#include "tests/support/temp_dir.h"

namespace slicebank::testing {

inline std::string text_in(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline std::vector<std::byte> bytes_of(const std::string& text) {
  std::vector<std::byte> bytes(text.size());
  std::memcpy(bytes.data(), text.data(), text.size());
  return bytes;
}

inline std::vector<std::byte> bytes_in(const std::filesystem::path& path) {
  return bytes_of(text_in(path));
}

// All frames after a line of their type and shape, as the scripts write them.
inline std::string described(const dicom::File& file) {
  std::string text;
  for (std::uint32_t frame = 0; frame < file.instance().frames; ++frame) {
    const Image image = file.decode(frame);
    if (frame == 0) {
      text = fmt::format("{} {} {} {} {}\n", pixel_type_name(image.shape.pixel_type),
                         file.instance().frames, image.shape.height, image.shape.width,
                         image.shape.channels);
    }
    text.append(reinterpret_cast<const char*>(image.image_hwc.data()), image.image_hwc.size());
  }
  return text;
}

// The script's files, made once; empty where there is no fitting Python.
inline const std::filesystem::path& synthetic() {
  static const TempDir folder;
  static const std::filesystem::path path = [] {
    const std::string python = python_with("numpy, pydicom, PIL");
    if (python.empty()) return std::filesystem::path();
    REQUIRE(run_oracle(python, "dicom_synthetic.py", folder.path()));
    return folder.path();
  }();
  if (path.empty()) std::fprintf(stderr, "SKIPPED: no synthetic DICOM files\n");
  return path;
}

inline std::string message_of(const auto& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

// A little data set in Explicit VR Little Endian, built by hand.
struct Builder {
  std::string bytes;

  Builder() {
    bytes.assign(128, '\0');
    bytes += "DICM";
  }

  void put(std::uint64_t value, int size) {
    for (int i = 0; i < size; ++i) bytes += static_cast<char>(value >> (8 * i) & 0xff);
  }
  void element(std::uint32_t tag, const std::string& vr, const std::string& value) {
    put(tag >> 16, 2);
    put(tag & 0xffff, 2);
    bytes += vr;
    put(value.size(), 2);
    bytes += value;
  }
};

}  // namespace slicebank::testing
