#include "query/audit_near.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <set>
#include <utility>
#include <vector>

#include "query/audit.h"
#include "query/internal/mix.h"
#include "schema/error.h"
#include "tests/query/bank_builder.h"

namespace slicebank {
namespace {

// A smooth picture of a few blobs, drawn at any size and depth.
Image picture(std::uint64_t seed, std::uint32_t side, PixelType type, double gain, double noise) {
  SplitMix random(seed);
  struct Blob {
    double x, y, size, height;
  };
  std::vector<Blob> blobs;
  const auto unit = [&] { return static_cast<double>(random.below(10'000)) / 10'000; };
  for (int i = 0; i < 12; ++i) blobs.push_back({unit(), unit(), 0.03 + 0.2 * unit(), unit() - 0.3});
  Image image;
  image.shape = {type, side, side, 1};
  image.image_hwc.resize(static_cast<std::size_t>(image.shape.bytes()));
  SplitMix grain(seed + 99);
  for (std::uint32_t y = 0; y < side; ++y) {
    for (std::uint32_t x = 0; x < side; ++x) {
      double value = 0.3;
      for (const Blob& blob : blobs) {
        const double dx = (x + 0.5) / side - blob.x;
        const double dy = (y + 0.5) / side - blob.y;
        value += blob.height * std::exp(-(dx * dx + dy * dy) / (blob.size * blob.size));
      }
      value += noise * (static_cast<double>(grain.below(1000)) / 1000 - 0.5);
      const double scaled =
          std::clamp(gain * value * 100, 0.0, type == PixelType::u8 ? 255.0 : 6e4);
      const std::size_t place = std::size_t{y} * side + x;
      if (type == PixelType::u8) {
        image.image_hwc[place] = static_cast<std::byte>(static_cast<int>(scaled));
      } else {
        const auto wide = static_cast<std::uint16_t>(scaled);
        std::memcpy(image.image_hwc.data() + 2 * place, &wide, 2);
      }
    }
  }
  return image;
}

unsigned bits_between(const Image& a, const Image& b) {
  return static_cast<unsigned>(std::popcount(perceptual_hash(a).bits ^ perceptual_hash(b).bits));
}

TEST_CASE("audit near: a rescaled, noisy, deeper copy is near, another picture is not") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    const Image one = picture(seed, 256, PixelType::u8, 1, 0);
    CHECK(bits_between(one, picture(seed, 160, PixelType::u8, 1, 0)) <= 4);
    CHECK(bits_between(one, picture(seed, 256, PixelType::u8, 1, 0.05)) <= 4);
    CHECK(bits_between(one, picture(seed, 384, PixelType::u16, 50, 0)) <= 6);
    CHECK(bits_between(one, picture(seed + 100, 256, PixelType::u8, 1, 0)) > 10);
  }
}

TEST_CASE("audit near: pictures smaller than the hash's grid and without any size are taken") {
  const Image tiny = picture(3, 8, PixelType::u8, 1, 0);
  CHECK_FALSE(perceptual_hash(tiny).flat);
  CHECK(perceptual_hash(picture(3, 8, PixelType::u8, 0, 0)).flat);
  Image thin;
  thin.shape = {PixelType::u8, 1, 300, 1};
  thin.image_hwc.resize(300);
  for (std::size_t x = 0; x < 300; ++x) thin.image_hwc[x] = static_cast<std::byte>(x % 200);
  perceptual_hash(thin);
}

TEST_CASE("audit near: multi-index hashing finds exactly the pairs that a full search does") {
  SplitMix random(17);
  std::vector<std::uint64_t> hashes;
  for (int i = 0; i < 700; ++i) {
    if (i % 3 == 0 || hashes.empty()) {
      hashes.push_back(random.next());
      continue;
    }
    std::uint64_t near = hashes[random.below(hashes.size())];
    for (std::uint64_t flip = random.below(8); flip > 0; --flip) {
      near ^= std::uint64_t{1} << random.below(64);
    }
    hashes.push_back(near);
  }
  for (const unsigned distance : {0u, 1u, 4u, 9u, 15u}) {
    CAPTURE(distance);
    std::set<std::pair<std::size_t, std::size_t>> wanted, got;
    for (std::size_t i = 0; i < hashes.size(); ++i) {
      for (std::size_t j = i + 1; j < hashes.size(); ++j) {
        if (std::popcount(hashes[i] ^ hashes[j]) <= static_cast<int>(distance))
          wanted.insert({i, j});
      }
    }
    std::size_t visits = 0;
    for_each_near(hashes, distance, [&](std::size_t i, std::size_t j, unsigned bits) {
      ++visits;
      CHECK(bits == static_cast<unsigned>(std::popcount(hashes[i] ^ hashes[j])));
      got.insert(std::minmax(i, j));
    });
    CHECK(got == wanted);
    CHECK(visits == wanted.size());
  }
  CHECK_THROWS_AS(for_each_near(hashes, 16, [](std::size_t, std::size_t, unsigned) {}), Error);
}

// Two people; the second has the first's slice at another size.
TEST_CASE("audit near: a rescaled slice of one person on another's side is found, once a pair") {
  testing::BankBuilder builder;
  DatasetInfo dataset;
  dataset.name = "A";
  const DatasetId dataset_id = builder.writer().dataset(dataset);
  for (std::uint64_t person = 0; person < 4; ++person) {
    for (std::uint64_t slice = 0; slice < 2; ++slice) {
      VolumeInfo volume;
      volume.dataset_id = dataset_id;
      volume.subject_id = builder.writer().subject(dataset_id, "p" + std::to_string(person));
      volume.key = "p" + std::to_string(person);
      Sample sample;
      sample.axis = Axis::z;
      sample.slice_index = static_cast<std::uint32_t>(slice);
      // p3 is p0 at another size.
      const std::uint64_t who = person == 3 ? 0 : person;
      sample.image = picture(10 * who + slice + 1, person == 3 ? 96 : 128, PixelType::u8, 1, 0);
      const VolumeId id = builder.writer().volume(volume);
      builder.writer().add(encode_sample(sample), id);
    }
  }
  const Bank bank = builder.bank();
  const auto pairs = near_duplicates(bank);
  REQUIRE(pairs.size() == 1);
  CHECK(pairs[0].images == 2);
  CHECK(raw(pairs[0].first) <= 2);
  CHECK(raw(pairs[0].second) >= 7);

  SplitData split;
  split.sides = {"train", "test"};
  for (std::uint64_t id = 1; id <= 8; ++id) {
    split.samples.push_back(SampleId{id});
    split.members.push_back(id > 6 ? 1 : 0);
  }
  CHECK(audit_split(bank, split).clean());
  AuditOptions options;
  options.near_distance = 4;
  const AuditReport report = audit_split(bank, split, options);
  CHECK(report.leaking_near == 1);
  REQUIRE(report.findings.size() == 1);
  CHECK(report.findings[0].kind == "near");
  split.members.assign(8, 0);
  CHECK(audit_split(bank, split, options).clean());
}

}  // namespace
}  // namespace slicebank
