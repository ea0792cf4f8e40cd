// Small dataset folders for the tests of the importers.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "formats/png.h"
#include "schema/sample.h"
#include "tests/support/temp_dir.h"

namespace slicebank::testing {

class SourceBuilder {
 public:
  explicit SourceBuilder(const std::string& name = "SAMed2Dv1") : root_(folder_ / name) {
    std::filesystem::create_directories(root_ / "images");
    std::filesystem::create_directories(root_ / "masks");
  }

  const std::filesystem::path& root() const { return root_; }

  void bytes(const std::string& path, const std::vector<std::byte>& content) {
    std::filesystem::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path, std::ios::binary)
        .write(reinterpret_cast<const char*>(content.data()),
               static_cast<std::streamsize>(content.size()));
  }

  void text(const std::string& path, const std::string& content) {
    std::ofstream(root_ / path, std::ios::binary) << content;
  }

  // A PNG of smooth noise from `seed`; what was written comes back.
  Image image(const std::string& path, std::uint32_t width = 24, std::uint32_t height = 20,
              std::uint32_t channels = 1, std::uint64_t seed = 1) {
    std::mt19937_64 random(seed);
    Image made{{PixelType::u8, height, width, channels}, {}};
    int value = 100;
    for (std::uint64_t i = 0; i < made.shape.bytes(); ++i) {
      value = (value + static_cast<int>(random() % 9) - 4) & 0xff;
      made.image_hwc.push_back(static_cast<std::byte>(value));
    }
    bytes(path, png::encode(made.view()));
    return made;
  }

  // A mask that is `value` in a box, 0 around it. x1 = 0 makes it empty.
  void mask(const std::string& path, std::uint32_t width = 24, std::uint32_t height = 20,
            int value = 255, std::uint32_t channels = 1, Box box = {2, 3, 9, 8}) {
    Image made{{PixelType::u8, height, width, channels}, {}};
    for (std::uint32_t y = 0; y < height; ++y) {
      for (std::uint32_t x = 0; x < width; ++x) {
        const bool inside = x >= box.x0 && x < box.x1 && y >= box.y0 && y < box.y1;
        made.image_hwc.insert(made.image_hwc.end(), channels,
                              static_cast<std::byte>(inside ? value : 0));
      }
    }
    bytes(path, png::encode(made.view()));
  }

  void truncate(const std::string& path) {
    std::filesystem::resize_file(root_ / path, std::filesystem::file_size(root_ / path) / 2);
  }

  // As if the file had been written later than it was.
  void touch(const std::string& path) {
    std::filesystem::last_write_time(
        root_ / path, std::filesystem::last_write_time(root_ / path) + std::chrono::seconds(10));
  }

 private:
  TempDir folder_;
  std::filesystem::path root_;
};

// An SA-Med2D folder: list entries and classes are added, then written by finish().
class SaMed2dBuilder : public SourceBuilder {
 public:
  using SourceBuilder::SourceBuilder;

  void classes(const std::string& dataset, const std::string& name, const std::string& code) {
    mapping_[dataset][name] = code;
  }

  // An image with a mask for each {code}_{instance}; all files are written and listed.
  Image slice(const std::string& stem, const std::vector<std::string>& masks,
              std::uint64_t seed = 1, std::uint32_t width = 24, std::uint32_t height = 20,
              std::uint32_t channels = 1) {
    std::vector<std::string> paths;
    std::uint32_t place = 0;
    for (const std::string& name : masks) {
      paths.push_back("masks/" + stem + "--" + name + ".png");
      mask(paths.back(), width, height, 255, 1, {place, 1, place + 5, 9});
      ++place;
    }
    list("images/" + stem + ".png", paths);
    return image("images/" + stem + ".png", width, height, channels, seed);
  }

  void list(const std::string& image, const std::vector<std::string>& masks) {
    pairs_[image] = masks;
  }

  void finish() {
    text("SAMed2D_v1.json", pairs_.dump(1));
    text("SAMed2D_v1_class_mapping_id.json", mapping_.dump(1));
  }

 private:
  nlohmann::ordered_json pairs_ = nlohmann::ordered_json::object();
  nlohmann::ordered_json mapping_ = nlohmann::ordered_json::object();
};

}  // namespace slicebank::testing
