#include "query/audit_near.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cmath>
#include <cstring>
#include <exception>
#include <map>
#include <mutex>
#include <numbers>
#include <thread>
#include <unordered_map>
#include <utility>

#include "query/internal/columns.h"
#include "query/internal/person_numbers.h"
#include "schema/error.h"
#include "store/reader.h"

namespace slicebank {
namespace {

constexpr std::size_t kSide = 32;
constexpr std::size_t kChunk = 64;        // samples a thread takes at a time
constexpr double kFlatBelow = 1.0 / 256;  // spread of the small picture, of its range

template <typename Value>
void sum_cells(const Image& image, std::vector<double>* cells, std::vector<double>* weights) {
  const std::size_t height = image.shape.height;
  const std::size_t width = image.shape.width;
  const std::size_t channels = image.shape.channels;
  std::vector<std::size_t> column_of(width);
  for (std::size_t x = 0; x < width; ++x) column_of[x] = x * kSide / width;
  for (std::size_t y = 0; y < height; ++y) {
    double* row = cells->data() + y * kSide / height * kSide;
    double* row_weights = weights->data() + y * kSide / height * kSide;
    const std::byte* bytes = image.image_hwc.data() + y * width * channels * sizeof(Value);
    for (std::size_t x = 0; x < width; ++x) {
      double sum = 0;
      for (std::size_t channel = 0; channel < channels; ++channel) {
        Value value;
        std::memcpy(&value, bytes + (x * channels + channel) * sizeof(Value), sizeof(Value));
        sum += static_cast<double>(value);
      }
      if (!std::isfinite(sum)) sum = 0;
      row[column_of[x]] += sum;
      row_weights[column_of[x]] += 1;
    }
  }
}

// Half precision: sign, 5 bits of exponent, 10 of fraction.
struct Half {
  std::uint16_t bits = 0;
  explicit operator double() const {
    const int exponent = (bits >> 10) & 31;
    const double fraction = bits & 1023;
    const double sign = (bits & 0x8000) != 0 ? -1 : 1;
    if (exponent == 0) return sign * std::ldexp(fraction, -24);
    if (exponent == 31) return 0;  // no number
    return sign * std::ldexp(1024 + fraction, exponent - 25);
  }
};

// The mean of the channels, 32 x 32. Pictures smaller than that repeat their nearest pixel.
std::vector<double> shrunk(const Image& image) {
  std::vector<double> cells(kSide * kSide, 0), weights(kSide * kSide, 0);
  switch (image.shape.pixel_type) {
    case PixelType::u8:
      sum_cells<std::uint8_t>(image, &cells, &weights);
      break;
    case PixelType::i8:
      sum_cells<std::int8_t>(image, &cells, &weights);
      break;
    case PixelType::u16:
      sum_cells<std::uint16_t>(image, &cells, &weights);
      break;
    case PixelType::i16:
      sum_cells<std::int16_t>(image, &cells, &weights);
      break;
    case PixelType::u32:
      sum_cells<std::uint32_t>(image, &cells, &weights);
      break;
    case PixelType::i32:
      sum_cells<std::int32_t>(image, &cells, &weights);
      break;
    case PixelType::f16:
      sum_cells<Half>(image, &cells, &weights);
      break;
    case PixelType::f32:
      sum_cells<float>(image, &cells, &weights);
      break;
    case PixelType::f64:
      sum_cells<double>(image, &cells, &weights);
      break;
  }
  // Pixel y falls into row y * 32 / height, so cell (row, column) without a pixel is one that
  // a small picture has stepped over: it takes what the last pixel before it gave.
  const auto source = [](std::size_t cell, std::size_t pixels) {
    return pixels >= kSide ? cell : cell * pixels / kSide * kSide / pixels;
  };
  std::vector<double> means(kSide * kSide);
  for (std::size_t y = 0; y < kSide; ++y) {
    for (std::size_t x = 0; x < kSide; ++x) {
      std::size_t row = source(y, image.shape.height);
      std::size_t column = source(x, image.shape.width);
      while (row + 1 < kSide && weights[row * kSide + column] == 0) ++row;
      const std::size_t from = row * kSide + column;
      means[y * kSide + x] = weights[from] > 0 ? cells[from] / weights[from] : 0;
    }
  }
  return means;
}

// cos of DCT-II: [frequency][place], for the nine lowest frequencies.
const std::array<std::array<double, kSide>, 9>& cosines() {
  static const auto table = [] {
    std::array<std::array<double, kSide>, 9> made{};
    for (std::size_t frequency = 0; frequency < made.size(); ++frequency) {
      for (std::size_t place = 0; place < kSide; ++place) {
        made[frequency][place] =
            std::cos(std::numbers::pi / kSide * (static_cast<double>(place) + 0.5) *
                     static_cast<double>(frequency));
      }
    }
    return made;
  }();
  return table;
}

}  // namespace

PerceptualHash perceptual_hash(const Image& image) {
  PerceptualHash hash;
  if (image.shape.height == 0 || image.shape.width == 0) {
    hash.flat = true;
    return hash;
  }
  std::vector<double> cells = shrunk(image);
  const auto [least, greatest] = std::minmax_element(cells.begin(), cells.end());
  const double low = *least;
  const double range = *greatest - low;
  double mean = 0;
  for (double& cell : cells) {
    cell = range > 0 ? (cell - low) / range : 0;
    mean += cell / static_cast<double>(cells.size());
  }
  double spread = 0;
  for (const double cell : cells)
    spread += std::abs(cell - mean) / static_cast<double>(cells.size());
  hash.flat = !(range > 0) || spread < kFlatBelow;
  for (std::size_t y = 0; y < 16; ++y) {
    for (std::size_t x = 0; x < 16; ++x) {
      const double* four = cells.data() + 2 * y * kSide + 2 * x;
      const double value = (four[0] + four[1] + four[kSide] + four[kSide + 1]) / 4;
      hash.thumbnail[y * 16 + x] = static_cast<std::uint8_t>(std::lround(255 * value));
    }
  }
  std::array<double, 64> coefficients{};
  std::array<std::array<double, kSide>, 9> rows{};  // [frequency along x][y]
  for (std::size_t frequency = 1; frequency < 9; ++frequency) {
    for (std::size_t y = 0; y < kSide; ++y) {
      double sum = 0;
      for (std::size_t x = 0; x < kSide; ++x) sum += cells[y * kSide + x] * cosines()[frequency][x];
      rows[frequency][y] = sum;
    }
  }
  for (std::size_t v = 1; v < 9; ++v) {
    for (std::size_t u = 1; u < 9; ++u) {
      double sum = 0;
      for (std::size_t y = 0; y < kSide; ++y) sum += rows[u][y] * cosines()[v][y];
      coefficients[(v - 1) * 8 + (u - 1)] = sum;
    }
  }
  std::array<double, 64> sorted = coefficients;
  std::sort(sorted.begin(), sorted.end());
  const double median = (sorted[31] + sorted[32]) / 2;
  for (std::size_t i = 0; i < 64; ++i) {
    if (coefficients[i] > median) hash.bits |= std::uint64_t{1} << i;
  }
  return hash;
}

void for_each_near(const std::vector<std::uint64_t>& hashes, unsigned distance,
                   const std::function<void(std::size_t, std::size_t, unsigned)>& visit) {
  if (distance > kNearDistanceMax) {
    throw Error(ErrorCode::bad_argument,
                fmt::format("hashes that differ in {} bits are not near", distance),
                fmt::format("at most {}; 4 is sensible", kNearDistanceMax));
  }
  const unsigned pieces = distance + 1;
  const auto piece_of = [&](std::uint64_t hash, unsigned piece) {
    const unsigned begin = 64 * piece / pieces;
    const unsigned width = 64 * (piece + 1) / pieces - begin;
    return width == 64 ? hash : (hash >> begin) & ((std::uint64_t{1} << width) - 1);
  };
  std::vector<std::pair<std::uint64_t, std::size_t>> order(hashes.size());
  for (unsigned piece = 0; piece < pieces; ++piece) {
    for (std::size_t i = 0; i < hashes.size(); ++i) order[i] = {piece_of(hashes[i], piece), i};
    std::sort(order.begin(), order.end());
    for (std::size_t begin = 0; begin < order.size();) {
      std::size_t end = begin;
      while (end < order.size() && order[end].first == order[begin].first) ++end;
      for (std::size_t a = begin; a < end; ++a) {
        for (std::size_t b = a + 1; b < end; ++b) {
          const std::uint64_t differing = hashes[order[a].second] ^ hashes[order[b].second];
          const auto bits = static_cast<unsigned>(std::popcount(differing));
          if (bits > distance) continue;
          // An earlier piece that is equal has shown the pair already.
          bool shown = false;
          for (unsigned before = 0; before < piece && !shown; ++before) {
            shown = piece_of(differing, before) == 0;
          }
          if (!shown) visit(order[a].second, order[b].second, bits);
        }
      }
      begin = end;
    }
  }
}

namespace {

// Decodes and hashes every sample, by many threads. An image that cannot be read ends it.
std::vector<PerceptualHash> hash_all(const Bank& bank, const std::vector<SampleId>& ids,
                                     unsigned threads) {
  std::vector<PerceptualHash> hashes(ids.size());
  std::atomic<std::size_t> next{0};
  std::exception_ptr failure;
  std::mutex failing;
  const auto work = [&] {
    try {
      const Reader reader = bank.reader();
      for (std::size_t begin = next.fetch_add(kChunk); begin < ids.size();
           begin = next.fetch_add(kChunk)) {
        for (std::size_t i = begin; i < std::min(ids.size(), begin + kChunk); ++i) {
          hashes[i] = perceptual_hash(reader.image(ids[i]));
        }
      }
    } catch (...) {
      const std::scoped_lock lock(failing);
      if (!failure) failure = std::current_exception();
      next = ids.size();
    }
  };
  if (threads == 0) threads = std::max(1u, std::thread::hardware_concurrency());
  {
    std::vector<std::jthread> running;
    for (unsigned i = 1; i < threads; ++i) running.emplace_back(work);
    work();
  }
  if (failure) std::rethrow_exception(failure);
  return hashes;
}

unsigned thumbnail_difference(const PerceptualHash& a, const PerceptualHash& b) {
  unsigned sum = 0;
  for (std::size_t i = 0; i < a.thumbnail.size(); ++i) {
    sum += static_cast<unsigned>(std::abs(int{a.thumbnail[i]} - int{b.thumbnail[i]}));
  }
  return sum / static_cast<unsigned>(a.thumbnail.size());
}

}  // namespace

std::vector<NearPair> near_duplicates(const Bank& bank, const NearOptions& options,
                                      std::uint64_t* found) {
  const SampleColumns columns = load_samples(bank, options.samples);
  const auto persons = load_persons(bank, options.aliases);
  std::vector<std::uint64_t> person_of;
  for (const std::uint64_t subject : columns.subjects) {
    person_of.push_back(persons.at(subject).number);
  }
  const std::vector<PerceptualHash> hashes = hash_all(bank, columns.ids, options.threads);
  std::vector<std::size_t> place_of;  // of those that tell something
  std::vector<std::uint64_t> bits;
  for (std::size_t place = 0; place < hashes.size(); ++place) {
    if (hashes[place].flat) continue;
    place_of.push_back(place);
    bits.push_back(hashes[place].bits);
  }
  std::map<std::pair<std::uint64_t, std::uint64_t>, NearPair> pairs;
  for_each_near(bits, options.distance, [&](std::size_t i, std::size_t j, unsigned distance) {
    const std::size_t a = place_of[i];
    const std::size_t b = place_of[j];
    if (person_of[a] == person_of[b]) return;
    if (options.wanted && !options.wanted(std::min(a, b), std::max(a, b))) return;
    if (thumbnail_difference(hashes[a], hashes[b]) > options.thumbnail_difference) return;
    const std::pair<std::uint64_t, std::uint64_t> key = std::minmax(person_of[a], person_of[b]);
    NearPair& pair = pairs[key];
    const SampleId first = columns.ids[std::min(a, b)];
    const SampleId second = columns.ids[std::max(a, b)];
    const bool better =
        pair.images == 0 || std::make_tuple(distance, first, second) <
                                std::make_tuple(pair.distance, pair.first, pair.second);
    ++pair.images;
    if (better) {
      pair.first = first;
      pair.second = second;
      pair.distance = distance;
    }
  });
  std::vector<NearPair> all;
  for (const auto& [key, pair] : pairs) all.push_back(pair);
  std::sort(all.begin(), all.end(), [](const NearPair& a, const NearPair& b) {
    return a.images != b.images
               ? a.images > b.images
               : std::make_pair(a.first, a.second) < std::make_pair(b.first, b.second);
  });
  if (found != nullptr) *found = all.size();
  if (all.size() > options.limit) all.resize(options.limit);
  return all;
}

}  // namespace slicebank
