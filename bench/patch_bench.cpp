// Parts of slices and volumes, beside the whole.
//
// What: random 96 x 96 crops of 512 x 512 slices and 32 x 96 x 96 patches of a volume of
// 300 x 512 x 512, with and without labels, beside reads of the whole; and what it costs to
// centre a crop on a random pixel of a class, drawn from the encoded masks and, as a
// yardstick, by painting them. Why these sizes: they are what nnU-Net-like training reads.
// CPU time of one thread; the ways take turns in every round.
#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bench/phantom.h"
#include "query/loader.h"
#include "query/loader_volume.h"
#include "query/selection.h"
#include "schema/error.h"
#include "store/reader.h"
#include "store/record.h"
#include "store/writer.h"

namespace slicebank::bench {
namespace {

using nlohmann::ordered_json;

const char* const kUsage =
    "usage: patch_bench [--work DIR] [--depth N] [--rounds N] [--json FILE]\n"
    "\n"
    "Crops and patches beside whole reads.\n"
    "\n"
    "  --work DIR    where the bank is made, and found again (build/bench-data/patch)\n"
    "  --depth N     slices of the volume (300)\n"
    "  --rounds N    rounds, of which the median is told (9)\n"
    "  --json FILE   results\n";

constexpr std::uint32_t kSide = 512;
constexpr std::uint32_t kCrop = 96;
constexpr std::uint32_t kCropDepth = 32;

double cpu_us() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) * 1e-3;
}

// SplitMix64, so that every machine draws the same places.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint32_t below(std::uint64_t bound) {
    std::uint64_t x = state_ += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return static_cast<std::uint32_t>((x ^ (x >> 31)) % bound);
  }

 private:
  std::uint64_t state_;
};

// One volume of CT slices in Hounsfield units, with the phantom's organs.
void make_bank(const std::filesystem::path& path, std::uint32_t depth) {
  std::filesystem::create_directories(path.parent_path());
  std::filesystem::remove_all(path);
  Bank::create(path);
  Writer writer = Writer::open(path);
  DatasetInfo dataset;
  dataset.name = "phantom";
  const DatasetId id = writer.dataset(dataset);
  VolumeInfo volume;
  volume.dataset_id = id;
  volume.subject_id = writer.subject(id, "p");
  volume.key = "ct";
  const VolumeId volume_id = writer.volume(volume);
  for (std::uint32_t z = 0; z < depth; ++z) {
    Sample sample = phantom::make_slice("ct", 7, 1, z, kSide);
    sample.image = phantom::make_ct_hounsfield(7, 1, z, kSide);
    sample.axis = Axis::z;
    sample.slice_index = z;
    for (Mask& mask : sample.masks) {
      mask.raw_class = writer.raw_class(id, phantom::class_names("ct").at(mask.raw_class - 1), "");
      mask.class_id = writer.dataset_info(id).classes.at(mask.raw_class - 1).class_id;
    }
    writer.add(encode_sample(sample), volume_id);
    if (writer.queued_bytes() > (8u << 20)) writer.commit();
  }
  writer.commit();
}

// A random pixel of the masks, as it would be drawn without runs.
class PaintedAim : public DecodeSink {
 public:
  PaintedAim(Random& random, std::vector<std::uint8_t>& merged, std::vector<std::uint8_t>& plane)
      : random_(random), merged_(merged), plane_(plane) {}
  MutableBytes begin(SampleInfo&& info) override {
    info_ = std::move(info);
    merged_.assign(static_cast<std::size_t>(info_.shape.pixels()), 0);
    plane_.resize(merged_.size());
    return {};
  }
  bool wants_mask(std::size_t mask) override {
    return info_.annotations[mask].area > 0 &&
           info_.annotations[mask].class_id == info_.annotations[0].class_id;
  }
  std::span<std::uint8_t> begin_mask(std::size_t) override { return plane_; }
  void end_mask(std::size_t mask) override {
    const Box& box = info_.annotations[mask].box;
    for (std::uint32_t y = box.y0; y < box.y1; ++y) {
      const std::size_t row = std::size_t{y} * info_.shape.width;
      for (std::uint32_t x = box.x0; x < box.x1; ++x) merged_[row + x] |= plane_[row + x];
      std::fill_n(plane_.begin() + static_cast<std::ptrdiff_t>(row), info_.shape.width,
                  std::uint8_t{0});
    }
  }
  std::size_t pixel() {
    std::uint64_t area = 0;
    for (const std::uint8_t each : merged_) area += each;
    if (area == 0) return 0;
    std::uint64_t rank = random_.below(area);
    for (std::size_t i = 0;; ++i) {
      if (merged_[i] != 0 && rank-- == 0) return i;
    }
  }

 private:
  Random& random_;
  std::vector<std::uint8_t>& merged_;
  std::vector<std::uint8_t>& plane_;
  SampleInfo info_;
};

struct Way {
  std::string name;
  std::string of;  // the name of what it is a part of
  int times = 1;   // a round
  std::function<void()> once;
  std::vector<double> us = {};

  double median() const {
    std::vector<double> sorted = us;
    std::sort(sorted.begin(), sorted.end());
    return sorted[sorted.size() / 2];
  }
};

std::vector<Way> make_ways(const Bank& bank, std::uint32_t depth) {
  static Random random(5);
  const std::vector<SampleId> ids = select_samples(bank, "").ids();
  const auto any = [ids] { return ids[random.below(ids.size())]; };
  const auto box = [] {
    const std::uint32_t x = random.below(kSide - kCrop + 1);
    const std::uint32_t y = random.below(kSide - kCrop + 1);
    return Box{x, y, x + kCrop, y + kCrop};
  };
  const Reader reader = bank.reader();
  const ReadParts pixels{true, false, {}};
  const ReadParts masks{false, true, {}};
  std::vector<Way> ways;
  const std::string whole = fmt::format("slice {0} x {0}", kSide);
  const std::string crop = fmt::format("crop {0} x {0}", kCrop);
  const auto add = [&](std::string name, std::string of, int times, std::function<void()> once) {
    ways.push_back({std::move(name), std::move(of), times, std::move(once)});
  };
  add(whole, "", 60, [=] { reader.sample(any(), pixels); });
  add(crop, whole, 60, [=] { reader.crop(any(), box(), pixels); });
  add(whole + ", masks", "", 60, [=] { reader.sample(any(), masks); });
  add(crop + ", masks", whole + ", masks", 60, [=] { reader.crop(any(), box(), masks); });

  const auto batch = [&](CropSpec::Where where, double probability) {
    BatchSpec spec;
    spec.pixel_type = PixelType::f32;
    spec.crop.where = where;
    spec.crop.size = Size{kCrop, kCrop};
    spec.crop.probability = probability;
    auto maker = std::make_shared<BatchMaker>(bank, spec);
    return [=] { maker->sample(any(), random.below(1u << 30)); };
  };
  add("batch item, random crop", "", 60, batch(CropSpec::Where::random, 0));
  add("batch item, crop on a class", "batch item, random crop", 60,
      batch(CropSpec::Where::foreground, 1));
  auto merged = std::make_shared<std::vector<std::uint8_t>>();
  auto plane = std::make_shared<std::vector<std::uint8_t>>();
  add("a class's pixel by painting", "batch item, random crop", 60, [=] {
    PaintedAim sink(random, *merged, *plane);
    reader.read_into(any(), sink);
    if (sink.pixel() >= std::size_t{kSide} * kSide) throw std::logic_error("no such pixel");
  });

  const VolumeSlices slices = volume_slices(bank, VolumeId{1});
  const auto patch = [=](std::array<std::uint32_t, 3> size, bool labels) {
    VolumeSpec spec;
    if (labels) {
      spec.label_map = true;
      for (const RawClass& each : bank.datasets().front().classes) {
        spec.classes.push_back(each.class_id);
      }
      std::sort(spec.classes.begin(), spec.classes.end());
      spec.classes.erase(std::unique(spec.classes.begin(), spec.classes.end()), spec.classes.end());
    }
    return [=] {
      const auto room = [](std::uint32_t side, std::uint32_t part) {
        return std::int64_t{random.below(std::uint64_t{side} - part + 1)};
      };
      load_patch(bank, slices, {room(depth, size[0]), room(kSide, size[1]), room(kSide, size[2])},
                 size, spec);
    };
  };
  for (const bool labels : {false, true}) {
    const std::string with = labels ? ", labels" : "";
    const std::string volume = fmt::format("volume {} x {} x {}", depth, kSide, kSide) + with;
    const std::string slab = fmt::format("slab {} x {} x {}", kCropDepth, kSide, kSide) + with;
    add(volume, "", 1, patch({depth, kSide, kSide}, labels));
    add(slab, volume, 3, patch({kCropDepth, kSide, kSide}, labels));
    add(fmt::format("patch {} x {} x {}", kCropDepth, kCrop, kCrop) + with, slab, 6,
        patch({kCropDepth, kCrop, kCrop}, labels));
  }
  return ways;
}

int run(int argc, char** argv) {
  std::filesystem::path work = "build/bench-data/patch";
  std::uint32_t depth = 300;
  int rounds = 9;
  std::string json;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word == "--help" || i + 1 == argc) {
      std::fputs(kUsage, word == "--help" ? stdout : stderr);
      return word == "--help" ? 0 : 2;
    }
    const std::string value = argv[++i];
    if (word == "--work") {
      work = value;
    } else if (word == "--depth") {
      depth = static_cast<std::uint32_t>(std::max(std::atoi(value.c_str()), int{kCropDepth}));
    } else if (word == "--rounds") {
      rounds = std::max(std::atoi(value.c_str()), 1);
    } else if (word == "--json") {
      json = value;
    } else {
      std::fputs(kUsage, stderr);
      return 2;
    }
  }
  const auto path = work / fmt::format("ct-{}.bank", depth);
  if (!Bank::is_bank(path)) make_bank(path, depth);
  std::vector<Way> ways = make_ways(Bank::open(path), depth);
  for (int round = -1; round < rounds; ++round) {  // the first one warms up
    for (Way& way : ways) {
      const double start = cpu_us();
      for (int time = 0; time < way.times; ++time) way.once();
      if (round >= 0) way.us.push_back((cpu_us() - start) / way.times);
    }
  }
  ordered_json results = ordered_json::array();
  for (const Way& way : ways) {
    const auto whole = std::find_if(ways.begin(), ways.end(),
                                    [&](const Way& other) { return other.name == way.of; });
    std::string beside;
    if (whole != ways.end()) {
      beside = fmt::format("{:5.2f} of {}", way.median() / whole->median(), whole->name);
    }
    fmt::print("{:40} {:12.1f} us   {}\n", way.name, way.median(), beside);
    results.push_back({{"name", way.name}, {"cpu_us", way.median()}, {"of", way.of}});
  }
  if (!json.empty()) {
    std::ofstream out(json);
    out << results.dump(2) << "\n";
  }
  return 0;
}

}  // namespace
}  // namespace slicebank::bench

int main(int argc, char** argv) {
  try {
    return slicebank::bench::run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "patch_bench: %s\n", error.what());
    return 1;
  }
}
