#include "store/internal/wave/planes.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <type_traits>

#include "store/internal/wave/kernels.h"

namespace slicebank::wave {
namespace {

template <class Pixel>
void split_channels(const ImageView& image, Planes<Pixel>& planes) {
  const std::size_t pixels = planes.pixels();
  const std::size_t channels = image.shape.channels;
  const std::byte* source = image.image_hwc.data();
  if (channels == 1) {
    std::memcpy(planes.plane(0), source, pixels * sizeof(Pixel));
    return;
  }
  if constexpr (sizeof(Pixel) == 1) {
    if (channels == 3) {
      std::uint8_t* targets[3] = {planes.plane(0), planes.plane(1), planes.plane(2)};
      active_kernels().split_triple(source, pixels, targets);
      return;
    }
  }
  for (std::size_t channel = 0; channel < channels; ++channel) {
    Pixel* target = planes.plane(static_cast<std::uint32_t>(channel));
    const std::byte* from = source + channel * sizeof(Pixel);
    for (std::size_t i = 0; i < pixels; ++i) {
      std::memcpy(target + i, from + i * channels * sizeof(Pixel), sizeof(Pixel));
    }
  }
}

// Keeps one of equal planes, and notes which plane each channel uses.
template <class Pixel>
void share_equal_planes(Planes<Pixel>& planes, SectionHeader& header) {
  const std::uint32_t channels = planes.count();
  const std::size_t bytes = planes.pixels() * sizeof(Pixel);
  std::uint32_t kept = 0;
  for (std::uint32_t channel = 0; channel < channels; ++channel) {
    std::uint32_t same = 0;
    while (same < kept && std::memcmp(planes.plane(same), planes.plane(channel), bytes) != 0) {
      ++same;
    }
    header.plane_of_channel[channel] = static_cast<std::uint8_t>(same);
    if (same == kept) planes.move_plane(channel, kept++);
  }
  planes.truncate(kept);
  if (channels > 1 && kept == 1) {
    header.flags |= kFlagEqual;
  } else if (kept < channels) {
    header.flags |= kFlagReferences;
  }
}

// Sum of |v - v above| over some rows: how much a plane will cost, roughly.
std::uint64_t roughness(const std::uint8_t* plane, const std::uint8_t* minus, std::uint32_t width,
                        std::uint32_t height) {
  constexpr std::uint32_t kRowStep = 8;
  std::uint64_t sum = 0;
  for (std::uint32_t y = 1; y < height; y += kRowStep) {
    const std::size_t row = std::size_t{y} * width;
    std::uint32_t row_sum = 0;
    for (std::uint32_t x = 0; x < width; ++x) {
      const std::size_t at = row + x;
      const auto here = static_cast<std::uint8_t>(plane[at] - (minus ? minus[at] : 0));
      const std::size_t up = at - width;
      const auto above = static_cast<std::uint8_t>(plane[up] - (minus ? minus[up] : 0));
      const int residual = static_cast<std::int8_t>(here - above);
      row_sum += static_cast<std::uint32_t>(residual < 0 ? -residual : residual);
    }
    sum += row_sum;
  }
  return sum;
}

// Whether R - G and B - G are cheaper than R and B. Colour nearly always wins, so that it
// takes a clear difference to go without.
bool green_helps(const Planes<std::uint8_t>& planes, const ImageShape& shape) {
  const std::uint8_t* green = planes.plane(1);
  std::uint64_t apart = 0;
  std::uint64_t minus_green = 0;
  for (const std::uint32_t channel : {0u, 2u}) {
    const std::uint8_t* plane = planes.plane(channel);
    apart += roughness(plane, nullptr, shape.width, shape.height);
    minus_green += roughness(plane, green, shape.width, shape.height);
  }
  return minus_green * 8 <= apart * 9;
}

// The values that occur, eight pixels at a time; equal neighbours, as in a black background,
// cost one comparison. Begins in the middle, where the object is, and stops once a rank map is
// out of the question.
std::array<bool, 256> values_used(const std::uint8_t* plane, std::size_t pixels) {
  constexpr std::size_t kBlock = 4096;
  std::array<bool, 256> used{};
  used[plane[0]] = true;
  const std::size_t blocks = (pixels + kBlock - 1) / kBlock;
  for (std::size_t block = 0; block < blocks; ++block) {
    const std::size_t begin = (block + blocks / 2) % blocks * kBlock;
    const std::size_t end = std::min(pixels, begin + kBlock);
    std::uint64_t before = 0;
    std::size_t i = begin;
    for (; i + 8 <= end; i += 8) {
      std::uint64_t eight = 0;
      std::memcpy(&eight, plane + i, 8);
      if (eight == before && i > begin) continue;
      before = eight;
      for (int byte = 0; byte < 8; ++byte) used[eight >> (8 * byte) & 255] = true;
    }
    for (; i < end; ++i) used[plane[i]] = true;
    std::size_t count = 0;
    for (const bool is_used : used) count += is_used ? 1u : 0u;
    if (count >= 128) break;
  }
  return used;
}

void map_values(const std::array<std::uint8_t, 256>& map, std::uint8_t* plane, std::size_t pixels) {
  std::uint64_t before = 0;
  std::uint64_t mapped_before = 0;
  for (int byte = 0; byte < 8; ++byte) mapped_before |= std::uint64_t{map[0]} << (8 * byte);
  std::size_t i = 0;
  for (; i + 8 <= pixels; i += 8) {
    std::uint64_t eight = 0;
    std::memcpy(&eight, plane + i, 8);
    if (eight != before) {
      before = eight;
      mapped_before = 0;
      for (int byte = 0; byte < 8; ++byte) {
        mapped_before |= std::uint64_t{map[eight >> (8 * byte) & 255]} << (8 * byte);
      }
    }
    std::memcpy(plane + i, &mapped_before, 8);
  }
  for (; i < pixels; ++i) plane[i] = map[plane[i]];
}

// A plane that uses less than half of the values in its range is coded as ranks.
void take_ranks(Planes<std::uint8_t>& planes, SectionHeader& header) {
  const std::array<bool, 256> used = values_used(planes.plane(0), planes.pixels());
  const auto lowest = std::find(used.begin(), used.end(), true);
  const auto highest = std::find(used.rbegin(), used.rend(), true).base();
  const auto count = std::count(used.begin(), used.end(), true);
  if (2 * count >= highest - lowest) return;
  std::array<std::uint8_t, 256> rank{};
  std::uint8_t next = 0;
  for (std::size_t value = 0; value < used.size(); ++value) {
    if (!used[value]) continue;
    rank[value] = next++;
    auto& byte = header.used_values[value / 8];
    byte = static_cast<std::uint8_t>(byte | 1u << value % 8);
  }
  header.flags |= kFlagRanks;
  map_values(rank, planes.plane(0), planes.pixels());
}

// Subtracts each plane's minimum, taken in its own signedness.
void take_bias(Planes<std::uint16_t>& planes, bool is_signed, SectionHeader& header) {
  for (std::uint32_t index = 0; index < planes.count(); ++index) {
    std::uint16_t* plane = planes.plane(index);
    const std::uint16_t flip = is_signed ? 0x8000 : 0;
    std::uint16_t least = 0xffff;
    for (std::size_t i = 0; i < planes.pixels(); ++i) {
      least = std::min(least, static_cast<std::uint16_t>(plane[i] ^ flip));
    }
    const auto bias = static_cast<std::uint16_t>(least ^ flip);
    header.bias_of_plane[index] = bias;
    for (std::size_t i = 0; i < planes.pixels(); ++i) {
      plane[i] = static_cast<std::uint16_t>(plane[i] - bias);
    }
  }
}

}  // namespace

template <class Pixel>
Planes<Pixel>::Planes(std::uint32_t width, std::uint32_t height, std::uint32_t count,
                      Scratch& memory)
    : pixels_(std::size_t{width} * height),
      count_(count),
      storage_(memory.room<Pixel>((pixels_ + 2 * kPlaneSlack) * count)) {
  for (std::uint32_t index = 0; index < count; ++index) {
    std::fill_n(plane(index) - kPlaneSlack, kPlaneSlack, Pixel{0});
    std::fill_n(plane(index) + pixels_, kPlaneSlack, Pixel{0});
  }
}

template <class Pixel>
std::size_t Planes<Pixel>::offset(std::uint32_t index) const {
  return (pixels_ + 2 * kPlaneSlack) * index + kPlaneSlack;
}

template <class Pixel>
void Planes<Pixel>::move_plane(std::uint32_t from, std::uint32_t to) {
  if (from != to) std::memcpy(plane(to), plane(from), pixels_ * sizeof(Pixel));
}

template <class Pixel>
Planes<Pixel> split_image(const ImageView& image, bool use_ranks, Scratch& memory,
                          SectionHeader& header) {
  const ImageShape& shape = image.shape;
  Planes<Pixel> planes(shape.width, shape.height, shape.channels, memory);
  split_channels(image, planes);
  if (shape.channels > 1) share_equal_planes(planes, header);
  header.planes = planes.count();

  if constexpr (sizeof(Pixel) == 2) {
    take_bias(planes, shape.pixel_type == PixelType::i16, header);
  } else {
    if (shape.pixel_type == PixelType::i8) {
      header.bias_of_plane.fill(0x80);
      for (std::uint32_t index = 0; index < planes.count(); ++index) {
        std::uint8_t* plane = planes.plane(index);
        for (std::size_t i = 0; i < planes.pixels(); ++i) plane[i] ^= 0x80;
      }
    }
    if (shape.channels == 3 && planes.count() == 3 && green_helps(planes, shape)) {
      header.transform = Transform::subtract_green;
      std::uint8_t* red = planes.plane(0);
      std::uint8_t* green = planes.plane(1);
      std::uint8_t* blue = planes.plane(2);
      for (std::size_t i = 0; i < planes.pixels(); ++i) {
        const std::uint8_t base = green[i];
        green[i] = static_cast<std::uint8_t>(red[i] - base);
        red[i] = base;
        blue[i] = static_cast<std::uint8_t>(blue[i] - base);
      }
    }
    if (use_ranks && planes.count() == 1) take_ranks(planes, header);
  }
  return planes;
}

template class Planes<std::uint8_t>;
template class Planes<std::uint16_t>;
template Planes<std::uint8_t> split_image<std::uint8_t>(const ImageView&, bool, Scratch&,
                                                        SectionHeader&);
template Planes<std::uint16_t> split_image<std::uint16_t>(const ImageView&, bool, Scratch&,
                                                          SectionHeader&);

}  // namespace slicebank::wave
