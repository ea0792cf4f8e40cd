#include "bench/index_bank.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <future>
#include <random>
#include <vector>

#include "schema/sample.h"
#include "store/bank.h"
#include "store/record.h"
#include "store/writer.h"

namespace slicebank::bench {
namespace {

constexpr std::uint32_t kSide = 64;
constexpr std::size_t kChunk = 16'384;  // samples a commit

// Shares of SA-Med2D-20M's modalities, roughly as its paper draws them.
struct ModalityShare {
  const char* name;
  double share;
};
constexpr std::array<ModalityShare, 10> kModalities = {{{"CT", 0.50},
                                                        {"MR", 0.34},
                                                        {"PET", 0.05},
                                                        {"X-ray", 0.03},
                                                        {"ultrasound", 0.02},
                                                        {"fundus", 0.015},
                                                        {"endoscopy", 0.015},
                                                        {"dermoscopy", 0.01},
                                                        {"histopathology", 0.01},
                                                        {"microscopy", 0.01}}};

struct PlannedClass {
  std::uint32_t raw_class = 0;
  ClassId id{};
  double probability = 0;  // that a sample has it
  bool lesion = false;     // several instances, small
};

struct PlannedDataset {
  std::string name;
  std::string modality;
  std::uint64_t samples = 0;
  std::uint32_t subjects = 0;
  std::vector<std::string> class_names;
  bool covers = false;      // says what was looked for
  bool has_splits = false;  // brings train and test
  DatasetId id{};
  std::vector<PlannedClass> classes;
};

// Zipf-like shares that sum to 1.
std::vector<double> long_tail(std::size_t count, double offset, double power) {
  std::vector<double> shares;
  double sum = 0;
  for (std::size_t i = 0; i < count; ++i) {
    shares.push_back(1 / std::pow(static_cast<double>(i) + offset, power));
    sum += shares.back();
  }
  for (double& share : shares) share /= sum;
  return shares;
}

std::vector<std::string> class_names(const Taxonomy& taxonomy, std::size_t count) {
  std::vector<std::string> names{"liver",        "spleen",      "pancreas", "left kidney",
                                 "right kidney", "gallbladder", "stomach"};
  for (const ClassInfo& info : taxonomy.classes()) {
    if (names.size() >= count) break;
    if (std::find(names.begin(), names.end(), info.name) == names.end()) names.push_back(info.name);
  }
  for (std::size_t i = 0; names.size() < count; ++i)
    names.push_back(fmt::format("structure {}", i));
  return names;
}

std::vector<PlannedDataset> plan(const IndexBankOptions& options, const Taxonomy& taxonomy) {
  std::mt19937_64 random(options.seed);
  const auto names = class_names(taxonomy, options.classes);
  const auto sizes = long_tail(options.datasets, 4, 1.1);
  const auto popularity = long_tail(names.size(), 3, 0.9);
  std::discrete_distribution<std::size_t> any_class(popularity.begin(), popularity.end());
  std::vector<double> left;
  for (const ModalityShare& each : kModalities) left.push_back(each.share);

  std::vector<PlannedDataset> datasets(options.datasets);
  std::size_t next_class = 0;
  for (std::size_t i = 0; i < datasets.size(); ++i) {
    PlannedDataset& dataset = datasets[i];
    dataset.name = fmt::format("collection {:03}", i);
    // The modality that is furthest behind its share gets the next dataset.
    const auto modality =
        static_cast<std::size_t>(std::max_element(left.begin(), left.end()) - left.begin());
    left[modality] -= sizes[i];
    dataset.modality = kModalities[modality].name;
    dataset.samples = std::max<std::uint64_t>(
        20, static_cast<std::uint64_t>(sizes[i] * static_cast<double>(options.samples)));
    dataset.subjects = std::max<std::uint32_t>(
        5, static_cast<std::uint32_t>(sizes[i] * static_cast<double>(options.subjects)));
    dataset.covers = i % 5 < 3;
    dataset.has_splits = random() % 10 < 4;
    const std::size_t wanted =
        1 +
        static_cast<std::size_t>(std::exp(std::uniform_real_distribution<double>(0, 4.1)(random)));
    const auto take = [&](const std::string& name) {
      auto& mine = dataset.class_names;
      if (std::find(mine.begin(), mine.end(), name) == mine.end()) mine.push_back(name);
    };
    if (dataset.modality == "CT" && i % 2 == 0) {
      for (std::size_t k = 0; k < 7; ++k) take(names[k]);
    }
    take(names[next_class++ % names.size()]);  // every class somewhere
    take(names[next_class++ % names.size()]);
    for (std::size_t tries = 0; dataset.class_names.size() < wanted && tries < 400; ++tries) {
      take(names[any_class(random)]);
    }
  }
  return datasets;
}

// Chances of the classes such that a sample has, over all, as many masks as it should.
void set_probabilities(std::vector<PlannedDataset>& datasets, const IndexBankOptions& options) {
  std::mt19937_64 random(options.seed + 1);
  double expected = 0;
  double samples = 0;
  for (PlannedDataset& dataset : datasets) {
    samples += static_cast<double>(dataset.samples);
    for (PlannedClass& each : dataset.classes) {
      each.probability = std::uniform_real_distribution<double>(0.05, 0.9)(random);
      each.lesion = random() % 5 == 0;
      expected +=
          each.probability * (each.lesion ? 2.0 : 1.0) * static_cast<double>(dataset.samples);
    }
  }
  const double factor = static_cast<double>(options.masks) * samples /
                        static_cast<double>(options.samples) / expected;
  for (PlannedDataset& dataset : datasets) {
    for (PlannedClass& each : dataset.classes) {
      each.probability = std::min(0.97, each.probability * factor);
    }
  }
}

// One slice with its masks: boxes, of areas spread evenly over the decades.
EncodedSample make_sample(const PlannedDataset& dataset, std::uint32_t slice, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  Sample sample;
  sample.axis = Axis::z;
  sample.slice_index = slice;
  sample.image.shape.width = kSide;
  sample.image.shape.height = kSide;
  sample.image.image_hwc.assign(std::size_t{kSide} * kSide, std::byte(random() & 0xff));
  std::uniform_real_distribution<double> chance(0, 1);
  for (const PlannedClass& each : dataset.classes) {
    if (chance(random) >= each.probability) continue;
    const std::uint32_t count = each.lesion ? 1 + static_cast<std::uint32_t>(random() % 3) : 1;
    for (std::uint32_t instance = 0; instance < count; ++instance) {
      const double pixels =
          kSide * kSide * std::exp(std::log(3e-4) + chance(random) * std::log(0.4 / 3e-4));
      const auto width = std::clamp<std::uint32_t>(
          static_cast<std::uint32_t>(std::sqrt(pixels) * (0.6 + chance(random))), 1, kSide);
      const auto height =
          std::clamp<std::uint32_t>(static_cast<std::uint32_t>(pixels / width), 1, kSide);
      const auto x0 = static_cast<std::uint32_t>(random() % (kSide - width + 1));
      const auto y0 = static_cast<std::uint32_t>(random() % (kSide - height + 1));
      Mask mask;
      mask.class_id = each.id;
      mask.raw_class = each.raw_class;
      mask.instance = instance;
      mask.mask_hw.assign(std::size_t{kSide} * kSide, 0);
      for (std::uint32_t y = y0; y < y0 + height; ++y) {
        std::fill_n(mask.mask_hw.begin() + y * kSide + x0, width, std::uint8_t{1});
      }
      sample.masks.push_back(std::move(mask));
    }
  }
  return encode_sample(sample, {Effort::fast, nullptr});
}

struct Work {
  const PlannedDataset* dataset = nullptr;
  VolumeId volume{};
  std::uint32_t slice = 0;
  std::uint64_t seed = 0;
};

std::vector<EncodedSample> encode(const std::vector<Work>& work, unsigned jobs) {
  std::vector<EncodedSample> encoded(work.size());
  std::vector<std::future<void>> parts;
  for (unsigned job = 0; job < jobs; ++job) {
    parts.push_back(std::async(std::launch::async, [&work, &encoded, job, jobs] {
      for (std::size_t i = job; i < work.size(); i += jobs) {
        encoded[i] = make_sample(*work[i].dataset, work[i].slice, work[i].seed);
      }
    }));
  }
  for (std::future<void>& part : parts) part.get();
  return encoded;
}

// Writes chunk by chunk, while the next one is being encoded.
class Filler {
 public:
  Filler(Writer& writer, const IndexBankOptions& options) : writer_(writer), options_(options) {}

  void add(const Work& work) {
    work_.push_back(work);
    if (work_.size() >= kChunk) flush();
  }

  void flush() {
    std::vector<Work> work = std::move(work_);
    work_.clear();
    auto encoded =
        std::async(std::launch::async, [this, work] { return encode(work, options_.jobs); });
    store();
    pending_work_ = std::move(work);
    pending_ = encoded.get();
  }

  void finish() {
    flush();
    store();
  }

  std::uint64_t samples = 0;
  std::uint64_t masks = 0;

 private:
  void store() {
    for (std::size_t i = 0; i < pending_.size(); ++i) {
      masks += pending_[i].info.annotations.size();
      writer_.add(std::move(pending_[i]), pending_work_[i].volume);
    }
    samples += pending_.size();
    pending_.clear();
    writer_.commit();
    std::fprintf(stderr, "\r%llu samples, %llu masks ", static_cast<unsigned long long>(samples),
                 static_cast<unsigned long long>(masks));
  }

  Writer& writer_;
  const IndexBankOptions& options_;
  std::vector<Work> work_;
  std::vector<Work> pending_work_;
  std::vector<EncodedSample> pending_;
};

void fill(Writer& writer, std::vector<PlannedDataset>& datasets, const IndexBankOptions& options,
          Filler& filler, SplitData& split) {
  std::mt19937_64 random(options.seed + 2);
  const ImportId import = writer.begin_import({{}, "bench", "generated", "{}", "bench"});
  std::uint64_t next = 1;
  for (PlannedDataset& dataset : datasets) {
    const ModalityId modality =
        writer.taxonomy().find_modality(dataset.modality).value_or(ModalityMatch{}).modality;
    std::vector<ClassId> covered;
    for (const PlannedClass& each : dataset.classes) covered.push_back(each.id);
    std::sort(covered.begin(), covered.end());
    covered.erase(std::unique(covered.begin(), covered.end()), covered.end());
    std::uint64_t done = 0;
    for (std::uint32_t patient = 0; patient < dataset.subjects; ++patient) {
      const std::uint64_t end = dataset.samples * (patient + 1) / dataset.subjects;
      VolumeInfo volume;
      volume.dataset_id = dataset.id;
      volume.subject_id = writer.subject(dataset.id, fmt::format("p{:06}", patient));
      volume.import_id = import;
      volume.key = fmt::format("scan{:06}", patient);
      volume.modality = modality;
      volume.spacing_xyz_mm = {{0.8, 0.8, 1.0 + static_cast<double>(patient % 5)}};
      if (dataset.has_splits) volume.official_split = patient % 5 == 0 ? "test" : "train";
      if (dataset.covers) volume.coverage = covered;
      const VolumeId id = writer.volume(volume);
      const auto side = static_cast<std::uint16_t>(random() % 10);
      for (std::uint32_t slice = 0; done < end; ++done, ++slice) {
        filler.add({&dataset, id, slice, random()});
        split.samples.push_back(SampleId{next++});
        split.members.push_back(side < 8 ? 0 : side == 8 ? 1 : 2);
      }
    }
  }
}

}  // namespace

IndexBankReport make_index_bank(const std::filesystem::path& path,
                                const IndexBankOptions& options) {
  const auto start = std::chrono::steady_clock::now();
  Bank::create(path);
  WriterOptions writing;
  writing.bulk = true;
  Writer writer = Writer::open(path, writing);
  std::vector<PlannedDataset> datasets = plan(options, writer.taxonomy());
  for (PlannedDataset& dataset : datasets) {
    DatasetInfo info;
    info.name = dataset.name;
    dataset.id = writer.dataset(info);
    for (const std::string& name : dataset.class_names) {
      PlannedClass each;
      each.raw_class = writer.raw_class(dataset.id, name, "");
      each.id = writer.dataset_info(dataset.id).classes.at(each.raw_class - 1).class_id;
      dataset.classes.push_back(each);
    }
  }
  set_probabilities(datasets, options);
  SplitData split;
  split.name = "main";
  split.params_json = "{}";
  split.report_json = "{}";
  split.sides = {"train", "val", "test"};
  Filler filler(writer, options);
  fill(writer, datasets, options, filler, split);
  filler.finish();
  writer.put_split(split);
  writer.commit();
  std::fprintf(stderr, "\n");
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  return {filler.samples, filler.masks, took.count()};
}

}  // namespace slicebank::bench
