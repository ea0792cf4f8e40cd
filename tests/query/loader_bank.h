// A bank of samples that a test draws itself, kept beside it to compare with.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "query/internal/mix.h"
#include "schema/taxonomy.h"
#include "store/bank.h"
#include "store/record.h"
#include "store/writer.h"
#include "tests/support/temp_dir.h"

namespace slicebank::testing {

struct DrawnMask {
  std::string class_name;
  std::uint32_t instance = 0;
  std::vector<std::uint8_t> mask_hw;
};

struct DrawnSample {
  std::string volume = "v1";
  std::vector<std::string> coverage;
  std::optional<std::array<double, 3>> spacing;
  Axis axis = Axis::none;
  std::uint32_t slice = 0;
  Image image;
  std::vector<DrawnMask> masks;
  std::vector<std::pair<std::string, double>> labels;

  SampleId id{};
  VolumeId volume_id{};
};

class LoaderBank {
 public:
  LoaderBank() : path_(directory_ / "loader.bank") {
    Bank::create(path_);
    writer_.emplace(Writer::open(path_));
  }

  const std::filesystem::path& path() const { return path_; }
  const std::vector<DrawnSample>& samples() const { return samples_; }

  ClassId class_id(const std::string& name) const {
    const auto found = Taxonomy::builtin().find_class(name);
    REQUIRE_MESSAGE(found.has_value(), name);
    return *found;
  }

  SampleId add(DrawnSample drawn) {
    DatasetInfo dataset;
    dataset.name = "D";
    const DatasetId dataset_id = writer_->dataset(dataset);
    VolumeInfo volume;
    volume.dataset_id = dataset_id;
    volume.subject_id = writer_->subject(dataset_id, "p");
    volume.key = drawn.volume;
    volume.spacing_xyz_mm = drawn.spacing;
    for (const std::string& name : drawn.coverage) volume.coverage.push_back(class_id(name));
    std::sort(volume.coverage.begin(), volume.coverage.end());
    Sample sample;
    sample.axis = drawn.axis;
    sample.slice_index = drawn.slice;
    // Slices of one place differ in their names.
    sample.name = "s" + std::to_string(samples_.size());
    sample.image = drawn.image;
    for (const DrawnMask& each : drawn.masks) {
      Mask mask;
      mask.raw_class = writer_->raw_class(dataset_id, each.class_name, "");
      mask.class_id = writer_->dataset_info(dataset_id).classes.at(mask.raw_class - 1).class_id;
      REQUIRE(mask.class_id == class_id(each.class_name));
      mask.instance = each.instance;
      mask.mask_hw = each.mask_hw;
      sample.masks.push_back(std::move(mask));
    }
    for (const auto& [name, value] : drawn.labels) {
      const std::uint32_t raw_class = writer_->raw_class(dataset_id, name, "");
      sample.labels.push_back(
          {writer_->dataset_info(dataset_id).classes.at(raw_class - 1).class_id, raw_class, value});
    }
    drawn.volume_id = writer_->volume(volume);
    drawn.id = writer_->add(encode_sample(sample), drawn.volume_id);
    samples_.push_back(std::move(drawn));
    return samples_.back().id;
  }

  Bank bank() {
    if (writer_) {
      writer_->commit();
      writer_.reset();
    }
    return Bank::open(path_);
  }

  std::vector<SampleId> ids() const {
    std::vector<SampleId> ids;
    for (const DrawnSample& each : samples_) ids.push_back(each.id);
    return ids;
  }

 private:
  TempDir directory_;
  std::filesystem::path path_;
  std::optional<Writer> writer_;
  std::vector<DrawnSample> samples_;
};

template <typename T>
Image image_of(PixelType type, std::uint32_t height, std::uint32_t width, std::uint32_t channels,
               const std::vector<T>& values) {
  Image image{{type, height, width, channels}, {}};
  image.image_hwc.resize(values.size() * sizeof(T));
  REQUIRE(image.image_hwc.size() == image.shape.bytes());
  std::memcpy(image.image_hwc.data(), values.data(), image.image_hwc.size());
  return image;
}

// Values 0 .. bound-1 of any type.
template <typename T>
Image random_image(PixelType type, std::uint32_t height, std::uint32_t width,
                   std::uint32_t channels, std::uint64_t bound, SplitMix& random) {
  std::vector<T> values(std::size_t{height} * width * channels);
  for (T& each : values) each = static_cast<T>(random.below(bound));
  return image_of(type, height, width, channels, values);
}

// A filled ellipse of that box.
inline std::vector<std::uint8_t> blob(std::uint32_t height, std::uint32_t width, const Box& box) {
  std::vector<std::uint8_t> mask(std::size_t{height} * width);
  const double middle_x = (box.x0 + box.x1) / 2.0;
  const double middle_y = (box.y0 + box.y1) / 2.0;
  const double radius_x = (box.x1 - box.x0) / 2.0;
  const double radius_y = (box.y1 - box.y0) / 2.0;
  for (std::uint32_t y = box.y0; y < box.y1; ++y) {
    for (std::uint32_t x = box.x0; x < box.x1; ++x) {
      const double dx = (x + 0.5 - middle_x) / radius_x;
      const double dy = (y + 0.5 - middle_y) / radius_y;
      mask[std::size_t{y} * width + x] = dx * dx + dy * dy <= 1 ? 1 : 0;
    }
  }
  return mask;
}

}  // namespace slicebank::testing
