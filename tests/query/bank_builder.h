// Small banks made of facts: each sample is described in a few words, written through the
// Writer, and kept beside the bank for tests to compare with.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
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

// A mask that is a rectangle, half-open; empty where x0 == x1.
struct MaskFacts {
  std::string raw_class;  // the dataset's word; the taxonomy finds the class
  std::uint32_t x0 = 0, y0 = 0, x1 = 1, y1 = 1;
  std::uint32_t instance = 0;
};

struct LabelFacts {
  std::string raw_class;
  double value = 1;
};

struct SampleFacts {
  std::string dataset = "A";
  std::string region;  // of the dataset; empty: unknown
  std::string patient = "p1";
  std::string volume = "v1";  // key; of one patient
  std::string modality = "CT";
  std::string sequence;
  std::string official_split;
  std::optional<std::array<double, 3>> spacing;
  std::vector<std::string> coverage;  // class names
  Axis axis = Axis::z;
  std::uint32_t slice = 0;
  std::string name;
  std::uint32_t width = 8, height = 8, channels = 1;
  PixelType pixel_type = PixelType::u8;
  std::uint64_t image = 0;  // equal numbers (and shapes): equal pixels; 0 draws a new image
  bool blank = false;       // all pixels 7
  std::vector<MaskFacts> masks;
  std::vector<LabelFacts> labels;

  SampleId id{};              // filled by the builder
  std::uint64_t subject = 0;  // filled where the facts are read from a bank
};

class BankBuilder {
 public:
  BankBuilder() : directory_(), path_(directory_ / "test.bank") {
    Bank::create(path_);
    writer_.emplace(Writer::open(path_));
  }

  const std::filesystem::path& path() const { return path_; }

  // One person under several names: pairs of dataset and patient.
  void alias(const std::vector<std::pair<std::string, std::string>>& persons,
             std::uint64_t alias_group) {
    for (const auto& [dataset, patient] : persons) {
      DatasetInfo info;
      info.name = dataset;
      writer_->set_alias_group(writer_->subject(writer_->dataset(info), patient), alias_group);
    }
  }

  SampleId add(SampleFacts facts) {
    DatasetInfo dataset;
    dataset.name = facts.dataset;
    if (!facts.region.empty()) dataset.region = taxonomy().find_region(facts.region).value();
    const DatasetId dataset_id = writer_->dataset(dataset);

    VolumeInfo volume;
    volume.dataset_id = dataset_id;
    volume.subject_id = writer_->subject(dataset_id, facts.patient);
    volume.key = facts.volume;
    if (!facts.modality.empty()) {
      volume.modality = taxonomy().find_modality(facts.modality).value().modality;
    }
    if (!facts.sequence.empty()) {
      const auto match = taxonomy().find_modality(facts.modality + " " + facts.sequence);
      volume.sequence = match.value().sequence;
    }
    volume.official_split = facts.official_split;
    volume.spacing_xyz_mm = facts.spacing;
    for (const std::string& name : facts.coverage) {
      volume.coverage.push_back(taxonomy().find_class(name).value());
    }
    std::sort(volume.coverage.begin(), volume.coverage.end());

    Sample sample;
    sample.axis = facts.axis;
    sample.slice_index = facts.slice;
    sample.name = facts.name;
    sample.image = make_image(facts);
    for (const MaskFacts& mask : facts.masks) {
      sample.masks.push_back(make_mask(dataset_id, facts, mask));
    }
    for (const LabelFacts& label : facts.labels) {
      const std::uint32_t raw = writer_->raw_class(dataset_id, label.raw_class, "");
      sample.labels.push_back(
          {writer_->dataset_info(dataset_id).classes.at(raw - 1).class_id, raw, label.value});
    }
    facts.id = writer_->add(encode_sample(sample), writer_->volume(volume));
    samples_.push_back(facts);
    return facts.id;
  }

  // Makes what was added durable, and gives up the writer lock until the next add().
  Bank bank() {
    writer_->commit();
    writer_.reset();
    return Bank::open(path_);
  }
  void reopen() { writer_.emplace(Writer::open(path_)); }

  Writer& writer() { return *writer_; }
  const Taxonomy& taxonomy() const { return writer_->taxonomy(); }
  const std::vector<SampleFacts>& samples() const { return samples_; }

 private:
  Image make_image(const SampleFacts& facts) {
    Image image;
    image.shape = {facts.pixel_type, facts.height, facts.width, facts.channels};
    image.image_hwc.assign(static_cast<std::size_t>(image.shape.bytes()), std::byte{7});
    if (facts.blank) return image;
    SplitMix random(facts.image != 0 ? facts.image : (images_ += 1) + (std::uint64_t{1} << 40));
    for (std::byte& byte : image.image_hwc) byte = static_cast<std::byte>(random.below(60));
    return image;
  }

  Mask make_mask(DatasetId dataset, const SampleFacts& facts, const MaskFacts& mask) {
    Mask made;
    made.raw_class = writer_->raw_class(dataset, mask.raw_class, "");
    made.class_id = writer_->dataset_info(dataset).classes.at(made.raw_class - 1).class_id;
    made.instance = mask.instance;
    made.mask_hw.resize(std::size_t{facts.height} * facts.width);
    for (std::uint32_t y = mask.y0; y < mask.y1; ++y) {
      for (std::uint32_t x = mask.x0; x < mask.x1; ++x) made.mask_hw[y * facts.width + x] = 1;
    }
    return made;
  }

  TempDir directory_;
  std::filesystem::path path_;
  std::optional<Writer> writer_;
  std::vector<SampleFacts> samples_;
  std::uint64_t images_ = 0;
};

}  // namespace slicebank::testing
