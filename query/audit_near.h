// Near duplicates: images that look alike, though their bytes differ: rescaled, re-windowed,
// or saved as JPEG on the way. Decodes images, with all threads.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "query/split_aliases.h"
#include "schema/ids.h"
#include "schema/sample.h"
#include "store/bank.h"

namespace slicebank {

constexpr unsigned kNearDistanceMax = 15;  // of 64 bits; beyond it everything resembles all

// What is compared of an image. The hash is DCT pHash (Zauner, "Implementation and
// Benchmarking of Perceptual Image Hash Functions", 2010): the mean of the channels is
// shrunk to 32 x 32 by area, transformed (DCT-II), and bit i tells whether coefficient i of
// the 8 x 8 that follow the constant ones is above their median. The thumbnail, 16 x 16 with
// values stretched to 0 .. 255, confirms what the hash suggests.
struct PerceptualHash {
  std::uint64_t bits = 0;
  std::array<std::uint8_t, 256> thumbnail{};
  bool flat = false;  // too little in it to be told from others: never a duplicate
};
PerceptualHash perceptual_hash(const Image& image);

// Places i < j whose hashes differ in at most `distance` bits (0 to kNearDistanceMax), by
// multi-index hashing (Norouzi, Punjani, Fleet, 2012): of distance + 1 pieces of the hash one
// must be equal. Each pair once.
void for_each_near(const std::vector<std::uint64_t>& hashes, unsigned distance,
                   const std::function<void(std::size_t, std::size_t, unsigned distance)>& visit);

struct NearOptions {
  unsigned distance = 4;
  unsigned thumbnail_difference = 10;  // mean over the thumbnail, of 255
  unsigned threads = 0;                // 0: one a core
  // Behaviour: pairs for which it is false are passed over; without it, those within one
  // person are. Places are those in the samples' ascending order.
  std::function<bool(std::size_t, std::size_t)> wanted;
  const SubjectAliases* aliases = nullptr;
  const std::vector<SampleId>* samples = nullptr;  // ascending; all of the bank without
  std::size_t limit = 1000;
};

// Two persons with near duplicates: the nearest pair of images of them, and how many.
struct NearPair {
  SampleId first{};
  SampleId second{};
  unsigned distance = 0;
  std::uint64_t images = 0;  // pairs of images
};

// Pairs of persons (aliases joined), the most images first, at most `limit`. `found`, when given,
// is how many there are in all.
std::vector<NearPair> near_duplicates(const Bank& bank, const NearOptions& options = {},
                                      std::uint64_t* found = nullptr);

}  // namespace slicebank
