// Masks, label maps, instances, points and labels of the loader.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <map>
#include <set>
#include <vector>

#include "query/filter.h"
#include "query/loader.h"
#include "query/selection.h"
#include "schema/error.h"
#include "store/reader.h"
#include "tests/query/loader_bank.h"

namespace slicebank {
namespace {

using testing::blob;
using testing::DrawnMask;
using testing::DrawnSample;
using testing::LoaderBank;
using testing::random_image;

constexpr std::uint64_t kSeed = 31;

DrawnSample plain(std::uint32_t height, std::uint32_t width) {
  SplitMix random(kSeed);
  DrawnSample sample;
  sample.image = random_image<std::uint8_t>(PixelType::u8, height, width, 1, 256, random);
  return sample;
}

// Masks of many kinds: overlapping, empty, noisy (kept as bits), several of one class.
DrawnSample anatomy(std::uint32_t height, std::uint32_t width) {
  DrawnSample sample = plain(height, width);
  sample.masks.push_back({"left kidney", 0, blob(height, width, {2, 3, 14, 20})});
  sample.masks.push_back({"right kidney", 0, blob(height, width, {width - 15, 4, width - 1, 25})});
  sample.masks.push_back({"liver", 1, blob(height, width, {5, 10, width - 6, height - 2})});
  sample.masks.push_back({"liver", 2, blob(height, width, {0, 0, 9, 9})});
  sample.masks.push_back({"spleen", 0, std::vector<std::uint8_t>(std::size_t{height} * width)});
  SplitMix random(kSeed + 1);
  std::vector<std::uint8_t> noise(std::size_t{height} * width);
  for (std::uint8_t& each : noise) each = static_cast<std::uint8_t>(random.below(2));
  sample.masks.push_back({"pancreas", 0, noise});
  return sample;
}

// Where in the slice an output pixel's centre lies; none in the padding.
std::optional<std::size_t> source_of(const Placement& placement, std::uint32_t y, std::uint32_t x) {
  Size output = placement.canvas;
  if (placement.transpose) std::swap(output.height, output.width);
  std::uint64_t v = placement.flip_vertical ? output.height - 1 - y : y;
  std::uint64_t u = placement.flip_horizontal ? output.width - 1 - x : x;
  if (placement.transpose) std::swap(v, u);
  const Box inner = placement.inner;
  if (v < inner.y0 || v >= inner.y1 || u < inner.x0 || u >= inner.x1) return std::nullopt;
  const Box crop = placement.crop;
  const auto nearest = [](std::uint64_t at, std::uint32_t from, std::uint32_t to) {
    const double centre = (static_cast<double>(at) + 0.5) * from / to;
    return static_cast<std::size_t>(std::ceil(centre)) - 1;
  };
  const std::size_t row = crop.y0 + nearest(v - inner.y0, crop.y1 - crop.y0, inner.y1 - inner.y0);
  const std::size_t column =
      crop.x0 + nearest(u - inner.x0, crop.x1 - crop.x0, inner.x1 - inner.x0);
  return row * placement.source.width + column;
}

// What a mask is in the output.
std::vector<std::uint8_t> moved(const std::vector<std::uint8_t>& mask_hw,
                                const Placement& placement, std::uint32_t height,
                                std::uint32_t width) {
  std::vector<std::uint8_t> out;
  for (std::uint32_t y = 0; y < height; ++y) {
    for (std::uint32_t x = 0; x < width; ++x) {
      const auto source = source_of(placement, y, x);
      out.push_back(source ? mask_hw[*source] : std::uint8_t{0});
    }
  }
  return out;
}

std::vector<BatchSpec> geometries() {
  std::vector<BatchSpec> specs(6);
  specs[1].size = Size{20, 31};
  specs[1].resize = ResizeKind::stretch;
  specs[2].size = Size{90, 90};
  specs[2].resize = ResizeKind::fit;
  specs[2].augment = {0.5, 0.5, true};
  specs[3].crop.where = CropSpec::Where::random;
  specs[3].crop.size = Size{24, 24};
  specs[3].augment = {0.5, 0.5, true};
  specs[4].crop.where = CropSpec::Where::foreground;
  specs[4].crop.size = Size{17, 23};
  specs[4].size = Size{32, 32};
  specs[4].resize = ResizeKind::fit;
  specs[4].augment = {0.3, 0.3, true};
  specs[5].augment = {1, 0, false};
  return specs;
}

TEST_CASE("loader: channels are unions of members, later classes win in the label map") {
  LoaderBank drawn;
  drawn.add(anatomy(40, 50));
  const Bank bank = drawn.bank();
  const DrawnSample& sample = drawn.samples()[0];
  const std::vector<std::vector<std::string>> members{
      {"left kidney", "right kidney"}, {"liver"}, {"spleen"}, {"left kidney"}, {"pancreas"}};
  std::uint64_t position = 0;
  for (BatchSpec spec : geometries()) {
    for (const char* name : {"kidney", "liver", "spleen", "left kidney", "pancreas"}) {
      spec.targets.classes.push_back(drawn.class_id(name));
    }
    spec.targets.mask_channels = true;
    for (const bool label_map : {false, true}) {
      spec.targets.label_map = label_map;
      for (int repeat = 0; repeat < 6; ++repeat) {
        const auto batch = load_batch(bank, std::vector{sample.id}, spec, 1, {kSeed, ++position});
        const std::uint32_t pixels = batch->height * batch->width;
        std::vector<std::uint8_t> labels(pixels);
        for (std::size_t k = 0; k < members.size(); ++k) {
          std::vector<std::uint8_t> wanted(pixels);
          for (const DrawnMask& mask : sample.masks) {
            if (std::find(members[k].begin(), members[k].end(), mask.class_name) ==
                members[k].end()) {
              continue;
            }
            const auto one =
                moved(mask.mask_hw, batch->items[0].placement, batch->height, batch->width);
            for (std::uint32_t i = 0; i < pixels; ++i) wanted[i] |= one[i];
          }
          const auto channel = batch->masks.as<std::uint8_t>().subspan(k * pixels, pixels);
          CHECK(std::equal(channel.begin(), channel.end(), wanted.begin()));
          for (std::uint32_t i = 0; i < pixels; ++i) {
            if (wanted[i] != 0) labels[i] = static_cast<std::uint8_t>(k + 1);
          }
        }
        if (!label_map) continue;
        CHECK(batch->label_map_type == PixelType::u8);
        const auto map = batch->label_map.as<std::uint8_t>();
        CHECK(std::equal(map.begin(), map.end(), labels.begin(), labels.end()));
      }
    }
  }
}

TEST_CASE("loader: a label map of more than 255 classes is wider") {
  LoaderBank drawn;
  DrawnSample sample = plain(12, 12);
  sample.masks.push_back({"liver", 0, blob(12, 12, {2, 2, 9, 9})});
  const SampleId id = drawn.add(sample);
  const Bank bank = drawn.bank();
  BatchSpec spec;
  spec.targets.label_map = true;
  spec.targets.classes.assign(300, drawn.class_id("spleen"));
  spec.targets.classes.push_back(drawn.class_id("liver"));

  const auto batch = load_sample(bank, id, spec);

  CHECK(batch->label_map_type == PixelType::u16);
  const auto map = batch->label_map.as<std::uint16_t>();
  for (std::size_t i = 0; i < map.size(); ++i) {
    CHECK(map[i] == (sample.masks[0].mask_hw[i] != 0 ? 301 : 0));
  }
}

TEST_CASE("loader: instances have their own mask, and box, area and centroid of the output") {
  LoaderBank drawn;
  drawn.add(anatomy(40, 50));
  const Bank bank = drawn.bank();
  const DrawnSample& sample = drawn.samples()[0];
  std::uint64_t position = 0;
  for (BatchSpec spec : geometries()) {
    spec.targets.instances = true;
    spec.targets.instance.area_min = 4;
    for (int repeat = 0; repeat < 6; ++repeat) {
      const auto batch = load_batch(bank, std::vector{sample.id}, spec, 1, {kSeed, ++position});
      const BatchItem& item = batch->items[0];
      const std::size_t pixels = std::size_t{batch->height} * batch->width;
      std::size_t next = 0;
      for (const DrawnMask& mask : sample.masks) {
        const auto wanted = moved(mask.mask_hw, item.placement, batch->height, batch->width);
        std::uint64_t area = 0;
        double sum_x = 0;
        double sum_y = 0;
        Box box{batch->width, batch->height, 0, 0};
        for (std::uint32_t i = 0; i < pixels; ++i) {
          if (wanted[i] == 0) continue;
          const std::uint32_t x = i % batch->width;
          const std::uint32_t y = i / batch->width;
          ++area;
          sum_x += x;
          sum_y += y;
          box = {std::min(box.x0, x), std::min(box.y0, y), std::max(box.x1, x + 1),
                 std::max(box.y1, y + 1)};
        }
        if (area < 4) continue;
        REQUIRE(next < item.instances.size());
        const Instance& instance = item.instances[next];
        CHECK(instance.class_id == drawn.class_id(mask.class_name));
        CHECK(instance.instance == mask.instance);
        CHECK(instance.area == area);
        CHECK(instance.box == box);
        CHECK(instance.prompt_box == box);
        CHECK(instance.centroid_x == doctest::Approx(sum_x / static_cast<double>(area)));
        CHECK(instance.centroid_y == doctest::Approx(sum_y / static_cast<double>(area)));
        const auto plane = item.instance_masks.as<std::uint8_t>().subspan(next * pixels, pixels);
        CHECK(std::equal(plane.begin(), plane.end(), wanted.begin()));
        ++next;
      }
      CHECK(next == item.instances.size());
      CHECK(item.instance_masks.size() == next * pixels);
    }
  }
}

TEST_CASE("loader: instances of some classes only, those below them included") {
  LoaderBank drawn;
  const SampleId id = drawn.add(anatomy(40, 50));
  const Bank bank = drawn.bank();
  BatchSpec spec;
  spec.targets.instances = true;
  spec.targets.classes = {drawn.class_id("kidney")};

  const auto batch = load_sample(bank, id, spec);

  REQUIRE(batch->items[0].instances.size() == 2);
  CHECK(batch->items[0].instances[0].class_id == drawn.class_id("left kidney"));
  CHECK(batch->items[0].instances[1].class_id == drawn.class_id("right kidney"));
}

TEST_CASE("loader: one random instance is each of them equally often") {
  LoaderBank drawn;
  const SampleId id = drawn.add(anatomy(40, 50));
  BatchSpec spec;
  spec.targets.instances = true;
  spec.targets.instance.one_random = true;
  const BatchMaker maker(drawn.bank(), spec);
  std::map<std::pair<ClassId, std::uint32_t>, int> seen;
  for (std::uint64_t position = 0; position < 500; ++position) {
    const auto batch = maker.sample(id, position, {kSeed, 0});
    REQUIRE(batch->items[0].instances.size() == 1);
    const Instance& one = batch->items[0].instances[0];
    ++seen[{one.class_id, one.instance}];
    std::uint64_t area = 0;
    for (const std::uint8_t each : batch->items[0].instance_masks.as<std::uint8_t>()) area += each;
    CHECK(area == one.area);
  }
  CHECK(seen.size() == 5);  // the empty one never
  for (const auto& [instance, count] : seen) CHECK(std::abs(count - 100) < 45);
}

TEST_CASE("loader: points lie where they say, jittered boxes stay inside") {
  LoaderBank drawn;
  const SampleId id = drawn.add(anatomy(40, 50));
  BatchSpec spec;
  spec.size = Size{64, 64};
  spec.resize = ResizeKind::fit;
  spec.augment = {0.5, 0.5, true};
  spec.targets.instances = true;
  spec.targets.instance = {false, 1, 3, 4, 6};
  const BatchMaker maker(drawn.bank(), spec);
  std::set<std::pair<std::int32_t, std::int32_t>> places;
  bool jittered = false;
  for (std::uint64_t position = 0; position < 40; ++position) {
    const auto batch = maker.sample(id, position);
    const BatchItem& item = batch->items[0];
    REQUIRE(item.points.size() == item.instances.size() * 7);
    for (std::size_t i = 0; i < item.points.size(); ++i) {
      const Point& point = item.points[i];
      CHECK(point.label == (i % 7 < 3 ? 1 : 0));
      const auto y = static_cast<std::uint32_t>(point.y);
      const auto x = static_cast<std::uint32_t>(point.x);
      const std::size_t at = (i / 7) * 64 * 64 + std::size_t{y} * 64 + x;
      CHECK(item.instance_masks.as<std::uint8_t>()[at] == point.label);
      CHECK(source_of(item.placement, y, x).has_value());  // not in the padding
      places.insert({point.x, point.y});
    }
    for (const Instance& each : item.instances) {
      const Box box = each.prompt_box;
      CHECK_FALSE(box.empty());
      CHECK(box.x1 <= 64);
      CHECK(box.y1 <= 64);
      CHECK(std::abs(static_cast<int>(box.x0) - static_cast<int>(each.box.x0)) <= 6);
      CHECK(std::abs(static_cast<int>(box.y1) - static_cast<int>(each.box.y1)) <= 6);
      jittered = jittered || !(box == each.box);
    }
  }
  CHECK(jittered);
  CHECK(places.size() > 500);
}

TEST_CASE("loader: where there is no pixel outside there is no negative point") {
  LoaderBank drawn;
  DrawnSample sample = plain(6, 6);
  sample.masks.push_back({"liver", 0, std::vector<std::uint8_t>(36, 1)});
  const SampleId id = drawn.add(sample);
  BatchSpec spec;
  spec.targets.instances = true;
  spec.targets.instance.negative_points = 1;
  const auto batch = load_sample(drawn.bank(), id, spec);
  CHECK(batch->items[0].points == std::vector<Point>{{0, 0, -1}});
}

TEST_CASE("loader: a foreground crop is centred on the class, as often as asked for") {
  LoaderBank drawn;
  DrawnSample sample = plain(100, 120);
  sample.masks.push_back({"left kidney", 0, blob(100, 120, {90, 70, 94, 74})});
  sample.masks.push_back({"liver", 0, blob(100, 120, {5, 5, 60, 60})});
  const SampleId id = drawn.add(sample);
  const SampleId without = drawn.add(plain(100, 120));
  const Bank bank = drawn.bank();
  BatchSpec spec;
  spec.crop.where = CropSpec::Where::foreground;
  spec.crop.size = Size{20, 20};
  spec.crop.classes = {drawn.class_id("kidney")};
  spec.crop.probability = 1;
  {
    const BatchMaker maker(bank, spec);
    for (std::uint64_t position = 0; position < 100; ++position) {
      const Placement placement = maker.sample(id, position)->items[0].placement;
      CHECK(placement.crop.x0 + 10 >= 90);
      CHECK(placement.crop.x0 + 10 < 94);
      CHECK(placement.crop.y0 + 10 >= 70);
      CHECK(placement.crop.y0 + 10 < 74);
      CHECK(maker.sample(without, position)->items[0].placement.crop.x1 <= 120);
    }
  }
  spec.crop.probability = 0.25;
  spec.crop.size = Size{8, 8};
  int aimed = 0;
  {
    const BatchMaker maker(bank, spec);
    for (std::uint64_t position = 0; position < 800; ++position) {
      const Box crop = maker.sample(id, position)->items[0].placement.crop;
      aimed += crop.x0 + 4 >= 90 && crop.x0 + 4 < 94 && crop.y0 + 4 >= 70 && crop.y0 + 4 < 74;
    }
  }
  CHECK(std::abs(aimed - 200) < 65);  // 5 standard deviations

  // Of several classes that are there each is as likely, however large.
  spec.crop.classes = {drawn.class_id("liver"), drawn.class_id("kidney"), drawn.class_id("spleen")};
  spec.crop.probability = 1;
  int kidneys = 0;
  const BatchMaker maker(bank, spec);
  for (std::uint64_t position = 0; position < 400; ++position) {
    kidneys += maker.sample(id, position)->items[0].placement.crop.x0 > 80 ? 1 : 0;
  }
  CHECK(std::abs(kidneys - 200) < 50);
}

TEST_CASE("loader: present, absent and unknown are those of the filter language") {
  LoaderBank drawn;
  SplitMix random(kSeed);
  const std::vector<std::string> names{"kidney",
                                       "left kidney",
                                       "right kidney",
                                       "liver",
                                       "spleen",
                                       "liver tumor",
                                       "prostate",
                                       "transition zone of prostate",
                                       "peripheral zone of prostate"};
  for (int i = 0; i < 60; ++i) {
    DrawnSample sample = plain(9, 9);
    sample.volume = "v" + std::to_string(i);
    for (const std::string& name : names) {
      if (random.below(4) == 0) sample.coverage.push_back(name);
      if (random.below(5) == 0) sample.masks.push_back({name, 0, blob(9, 9, {1, 1, 6, 7})});
      if (random.below(6) == 0) {
        sample.labels.push_back({name, static_cast<double>(random.below(3))});
      }
    }
    drawn.add(std::move(sample));
  }
  const Bank bank = drawn.bank();
  BatchSpec spec;
  for (const std::string& name : names) spec.targets.classes.push_back(drawn.class_id(name));
  spec.targets.labels = true;

  const auto batch = load_batch(bank, drawn.ids(), spec, 2);

  for (std::size_t k = 0; k < names.size(); ++k) {
    const auto find = [&](const std::string& text) {
      const std::vector<SampleId> ids = select_samples(bank, text).ids();
      return std::set<SampleId>(ids.begin(), ids.end());
    };
    const auto present = find("class = '" + names[k] + "'");
    const auto absent = find("absent('" + names[k] + "')");
    const auto unknown = find("unknown('" + names[k] + "')");
    CHECK_FALSE(present.empty());
    CHECK_FALSE(absent.empty());
    CHECK_FALSE(unknown.empty());
    for (std::size_t n = 0; n < batch->size; ++n) {
      const SampleId id = batch->items[n].id;
      const bool known = batch->label_mask.as<std::uint8_t>()[n * names.size() + k] != 0;
      CHECK(known == !unknown.contains(id));
      const float label = batch->labels.as<float>()[n * names.size() + k];
      if (present.contains(id)) CHECK(label > 0.0f);
      if (absent.contains(id)) CHECK(label == 0.0f);
      if (unknown.contains(id)) CHECK(std::isnan(label));
    }
  }
}

TEST_CASE("loader: a grade comes through as the label it is") {
  LoaderBank drawn;
  DrawnSample sample = plain(9, 9);
  sample.labels = {{"liver tumor", 3}, {"spleen", 0}};
  sample.masks.push_back({"spleen", 0, blob(9, 9, {1, 1, 5, 5})});
  const SampleId id = drawn.add(sample);
  BatchSpec spec;
  spec.targets.labels = true;
  spec.targets.classes = {drawn.class_id("liver tumor"), drawn.class_id("spleen"),
                          drawn.class_id("pancreas")};
  spec.image = false;
  const auto batch = load_sample(drawn.bank(), id, spec);
  const auto labels = batch->labels.as<float>();
  CHECK(labels[0] == 3.0f);
  CHECK(labels[1] == 1.0f);  // its mask is there, whatever the label says
  CHECK(std::isnan(labels[2]));
  CHECK(batch->images.empty());
}

TEST_CASE("reader: read_into gives what sample() gives, part by part") {
  LoaderBank drawn;
  const SampleId id = drawn.add(anatomy(40, 50));
  const Bank bank = drawn.bank();
  const Sample wanted = bank.reader().sample(id);

  struct Sink : DecodeSink {
    SampleInfo info;
    bool pixels = true;
    std::set<std::size_t> masks;
    std::vector<std::byte> image;
    std::vector<std::uint8_t> plane;
    std::map<std::size_t, std::vector<std::uint8_t>> seen;

    MutableBytes begin(SampleInfo&& given) override {
      info = std::move(given);
      if (pixels) image.resize(info.shape.bytes());
      return image;
    }
    bool wants_mask(std::size_t mask) override { return masks.contains(mask); }
    std::span<std::uint8_t> begin_mask(std::size_t) override {
      plane.assign(info.shape.pixels(), 0);
      return plane;
    }
    void end_mask(std::size_t mask) override { seen[mask] = plane; }
  };
  Sink all;
  all.masks = {0, 1, 2, 3, 4, 5};
  bank.reader().read_into(id, all);
  CHECK(all.info == bank.reader().info(id));
  CHECK(all.image == wanted.image.image_hwc);
  REQUIRE(all.seen.size() == wanted.masks.size());
  for (const auto& [mask, plane] : all.seen) CHECK(plane == wanted.masks[mask].mask_hw);

  Sink some;
  some.pixels = false;
  some.masks = {3, 5};
  bank.reader().read_into(id, some);
  CHECK(some.image.empty());
  CHECK(some.seen.size() == 2);
  CHECK(some.seen[3] == wanted.masks[3].mask_hw);
  CHECK(some.seen[5] == wanted.masks[5].mask_hw);

  struct Small : Sink {
    std::span<std::uint8_t> begin_mask(std::size_t) override { return {}; }
  } small;
  small.masks = {1};
  CHECK_THROWS_AS(bank.reader().read_into(id, small), Error);
}

}  // namespace
}  // namespace slicebank
