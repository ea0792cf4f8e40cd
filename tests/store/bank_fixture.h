// Small banks for the tests of store/: seeded samples, a writer's usual steps, and a
// dump of the index that two banks can be compared by.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "store/bank.h"
#include "store/reader.h"
#include "store/record.h"
#include "store/select.h"
#include "store/writer.h"

namespace slicebank::testing {

// A gray image with a gradient and noise, and a few boxes as masks of `classes`. The
// same for the same seed.
inline Sample make_sample(std::uint64_t seed, const std::vector<ClassId>& classes,
                          std::uint32_t side = 32) {
  std::mt19937_64 random(seed);
  Sample sample;
  sample.axis = Axis::z;
  sample.slice_index = static_cast<std::uint32_t>(seed % 1000);
  sample.name = "slice_" + std::to_string(seed);
  sample.image.shape = {PixelType::u8, side, side, 1};
  for (std::uint32_t i = 0; i < side * side; ++i) {
    sample.image.image_hwc.push_back(
        static_cast<std::byte>((i / side + i % side + random() % 5) & 0xff));
  }
  std::uint32_t raw_class = 1;
  for (const ClassId each : classes) {
    Mask mask;
    mask.class_id = each;
    mask.raw_class = raw_class++;
    mask.instance = static_cast<std::uint32_t>(random() % 3);
    mask.mask_hw.assign(std::size_t{side} * side, 0);
    const std::uint32_t x0 = static_cast<std::uint32_t>(random() % (side / 2));
    const std::uint32_t y0 = static_cast<std::uint32_t>(random() % (side / 2));
    for (std::uint32_t y = y0; y < y0 + side / 4; ++y) {
      for (std::uint32_t x = x0; x < x0 + side / 3; ++x) mask.mask_hw[y * side + x] = 1;
    }
    sample.masks.push_back(std::move(mask));
  }
  return sample;
}

// Adds to a bank in the way an importer does: entities by name, then samples.
class Feeder {
 public:
  explicit Feeder(Writer& writer, const std::string& dataset = "phantom") : writer_(writer) {
    DatasetInfo info;
    info.name = dataset;
    info.citation = "A. Phantom, 2024";
    info.image_licence = {"free to all", "CC0-1.0", "README"};
    dataset_ = writer.dataset(info);
    for (const char* name : {"liver", "spleen", "strange thing"}) {
      const std::uint32_t number = writer.raw_class(dataset_, name, "");
      classes_.push_back(writer.dataset_info(dataset_).classes[number - 1].class_id);
    }
  }

  DatasetId dataset() const { return dataset_; }
  const std::vector<ClassId>& classes() const { return classes_; }

  VolumeId volume(const std::string& patient, const std::string& key) {
    VolumeInfo info;
    info.dataset_id = dataset_;
    info.subject_id = writer_.subject(dataset_, patient);
    info.key = key;
    info.modality = writer_.taxonomy().find_modality("CT")->modality;
    info.source_modality = "ct";
    info.channel_names = {"CT"};
    info.spacing_xyz_mm = {{0.7, 0.7, 5.0}};
    info.coverage = {classes_[0], classes_[1]};
    std::sort(info.coverage.begin(), info.coverage.end());
    return writer_.volume(info);
  }

  // One sample, of which `seed` decides everything.
  SampleId add(std::uint64_t seed, std::uint32_t side = 32) {
    const std::string patient = "patient_" + std::to_string(seed / 4);
    std::vector<ClassId> classes;
    for (std::size_t i = 0; i < classes_.size(); ++i) {
      if ((seed >> i & 1) != 0) classes.push_back(classes_[i]);
    }
    Sample sample = make_sample(seed, classes, side);
    if (seed % 5 == 0) sample.labels.push_back({classes_[2], 3, 1});
    return writer_.add(encode_sample(sample), volume(patient, "scan_" + patient));
  }

 private:
  Writer& writer_;
  DatasetId dataset_{};
  std::vector<ClassId> classes_;
};

// All rows of all tables of the index as text, ordered, one entry a table.
inline std::map<std::string, std::vector<std::string>> dump_index(const Bank& bank) {
  std::map<std::string, std::vector<std::string>> tables;
  std::vector<std::string> names;
  for (Rows rows = select(bank, "SELECT name FROM sqlite_schema WHERE type = 'table'");
       rows.next();) {
    names.emplace_back(rows.text(0));
  }
  for (const std::string& name : names) {
    auto& lines = tables[name];
    for (Rows rows = select(bank, "SELECT * FROM " + name); rows.next();) {
      std::string line;
      for (int column = 0; column < rows.columns(); ++column) {
        line += rows.is_null(column) ? "NULL" : std::string(rows.text(column));
        line += '|';
      }
      lines.push_back(std::move(line));
    }
    std::sort(lines.begin(), lines.end());
  }
  return tables;
}

inline std::int64_t count(const Bank& bank, const std::string& table) {
  Rows rows = select(bank, "SELECT count(*) FROM " + table);
  rows.next();
  return rows.integer(0);
}

}  // namespace slicebank::testing
