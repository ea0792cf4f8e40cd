#include "bench/support/slices.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <optional>
#include <string_view>

#include "bench/phantom.h"
#include "bench/support/child.h"
#include "formats/png.h"

namespace slicebank::bench {
namespace {

namespace fs = std::filesystem;

constexpr std::uint32_t kPhantomSources = 8;

std::uint64_t scramble(std::uint64_t value) {
  value += 0x9e3779b97f4a7c15ull;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9ull;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebull;
  return value ^ (value >> 31);
}

std::vector<std::byte> read_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  std::vector<std::byte> bytes(text.size());
  std::memcpy(bytes.data(), text.data(), text.size());
  return bytes;
}

// The channel of a gray picture that was saved as RGB; the picture itself otherwise.
Image one_channel(const Image& image) {
  if (image.shape.channels == 1) return image;
  Image gray{image.shape, {}};
  gray.shape.channels = 1;
  const std::size_t step = image.shape.channels * pixel_bytes(image.shape.pixel_type);
  for (std::size_t at = 0; at < image.image_hwc.size(); at += step) {
    gray.image_hwc.push_back(image.image_hwc[at]);
  }
  return gray;
}

std::uint64_t little_endian(const std::vector<std::byte>& bytes, std::size_t at, int count) {
  std::uint64_t value = 0;
  for (int i = count - 1; i >= 0; --i) {
    value = value << 8 | std::to_integer<std::uint64_t>(bytes[at + static_cast<std::size_t>(i)]);
  }
  return value;
}

// The value of a little-endian DICOM element, found by its tag's bytes: enough for the plain
// CT slices this bench reads, and nothing for any other file.
std::optional<std::vector<std::byte>> find_element(const std::vector<std::byte>& file,
                                                   std::uint16_t group, std::uint16_t element) {
  const std::byte tag[] = {static_cast<std::byte>(group & 0xff), static_cast<std::byte>(group >> 8),
                           static_cast<std::byte>(element & 0xff),
                           static_cast<std::byte>(element >> 8)};
  const auto found = std::search(file.begin(), file.end(), std::begin(tag), std::end(tag));
  const auto at = static_cast<std::size_t>(found - file.begin());
  if (found == file.end() || at + 12 > file.size()) return std::nullopt;
  const auto is_letter = [&](std::size_t place) {
    return file[place] >= std::byte{'A'} && file[place] <= std::byte{'Z'};
  };
  std::size_t start = at + 8;
  std::uint64_t length = little_endian(file, at + 4, 4);
  if (is_letter(at + 4) && is_letter(at + 5)) {  // explicit VR
    const bool wide = file[at + 4] == std::byte{'O'};
    length = wide ? little_endian(file, at + 8, 4) : little_endian(file, at + 6, 2);
    start = wide ? at + 12 : at + 8;
  }
  if (length > file.size() || start > file.size() - length) return std::nullopt;
  const auto first = file.begin() + static_cast<std::ptrdiff_t>(start);
  return std::vector<std::byte>(first, first + static_cast<std::ptrdiff_t>(length));
}

// A plain 16-bit CT slice in Hounsfield units.
std::optional<Image> read_ct(const fs::path& path, std::uint32_t side) {
  const auto file = read_file(path);
  const auto rows = find_element(file, 0x0028, 0x0010);
  const auto columns = find_element(file, 0x0028, 0x0011);
  const auto intercept = find_element(file, 0x0028, 0x1052);
  const auto pixels = find_element(file, 0x7fe0, 0x0010);
  if (!rows || !columns || !pixels || rows->size() != 2 || columns->size() != 2) return {};
  Image image{{PixelType::i16, static_cast<std::uint32_t>(little_endian(*rows, 0, 2)),
               static_cast<std::uint32_t>(little_endian(*columns, 0, 2)), 1},
              *pixels};
  if (image.shape.height < side || image.shape.width < side) return {};
  if (image.image_hwc.size() != image.shape.bytes()) return {};
  long offset = 0;
  if (intercept) {
    std::string text;
    for (const std::byte letter : *intercept) text += std::to_integer<char>(letter);
    offset = std::strtol(text.c_str(), nullptr, 10);
  }
  for (std::size_t at = 0; at < image.image_hwc.size(); at += 2) {
    std::int16_t value = 0;
    std::memcpy(&value, image.image_hwc.data() + at, 2);
    value = static_cast<std::int16_t>(value + offset);
    std::memcpy(image.image_hwc.data() + at, &value, 2);
  }
  return image;
}

// 8 bits of the abdominal window 40/400.
Image windowed(const Image& hounsfield) {
  Image gray{hounsfield.shape, {}};
  gray.shape.pixel_type = PixelType::u8;
  for (std::size_t at = 0; at < hounsfield.image_hwc.size(); at += 2) {
    std::int16_t value = 0;
    std::memcpy(&value, hounsfield.image_hwc.data() + at, 2);
    gray.image_hwc.push_back(static_cast<std::byte>(std::clamp((value + 160) * 255 / 400, 0, 255)));
  }
  return gray;
}

std::vector<SourceSlice> real_ct(const fs::path& shared_data, std::uint32_t side) {
  std::vector<SourceSlice> found;
  for (const char* name :
       {"dcmqi/ct-3slice/01.dcm", "dcmqi/ct-3slice/02.dcm", "dcmqi/ct-3slice/03.dcm",
        "rt-utils/mock_data/ct_1.dcm", "rt-utils/mock_data/ct_2.dcm"}) {
    if (!fs::exists(shared_data / name)) continue;
    if (auto image = read_ct(shared_data / name, side)) found.push_back({name, std::move(*image)});
  }
  return found;
}

std::vector<SourceSlice> real_gray(const fs::path& shared_data, std::uint32_t side) {
  std::vector<SourceSlice> found;
  for (const char* name :
       {"sam-med2d/data_demo/images/amos_0006_90.png", "scikit-image/cell.png"}) {
    if (!fs::exists(shared_data / name)) continue;
    Image image = one_channel(png::decode(read_file(shared_data / name), name).image);
    if (image.shape.height >= side && image.shape.width >= side) {
      found.push_back({name, std::move(image)});
    }
  }
  for (SourceSlice& slice : real_ct(shared_data, side)) {
    found.push_back({slice.name + " (window 40/400)", windowed(slice.image)});
  }
  return found;
}

// JPEG is decoded by the baseline's own cv2: no bench needs a decoder of ours.
std::vector<SourceSlice> real_rgb(const fs::path& shared_data, const std::string& python,
                                  const fs::path& scratch, std::uint32_t side) {
  std::vector<SourceSlice> found;
  for (const char* name : {"scikit-image/retina.jpg"}) {
    if (!fs::exists(shared_data / name)) continue;
    const fs::path png = scratch / (fs::path(name).stem().string() + ".png");
    Child child({python, baseline_script(), "--convert", shared_data / name, png});
    if (child.read_line().value_or("").rfind("ok", 0) != 0) continue;
    Image image = png::decode(read_file(png), name).image;
    if (image.shape.channels == 3 && image.shape.height >= side && image.shape.width >= side) {
      found.push_back({name, std::move(image)});
    }
  }
  return found;
}

SourceSlice phantom_slice(SliceKind kind, std::uint64_t seed, std::uint32_t index,
                          std::uint32_t side) {
  const std::uint32_t slice = 6 + 9 * (index % 7);
  if (kind == SliceKind::int16) {
    return {fmt::format("phantom ct16 {}", index),
            phantom::make_ct_hounsfield(seed, index, slice, side)};
  }
  const char* name = kind == SliceKind::rgb ? "fundus" : index % 2 == 0 ? "ct" : "mr";
  return {fmt::format("phantom {} {}", name, index),
          phantom::make_slice(name, seed, index, slice, side).image};
}

}  // namespace

const char* kind_name(SliceKind kind) {
  switch (kind) {
    case SliceKind::gray:
      return "gray";
    case SliceKind::rgb:
      return "rgb";
    case SliceKind::int16:
      return "int16";
  }
  return "?";
}

std::vector<SourceSlice> load_sources(SliceKind kind, const fs::path& shared_data,
                                      const std::string& python, const fs::path& scratch,
                                      std::uint32_t side, std::uint64_t seed) {
  std::vector<SourceSlice> sources;
  if (kind == SliceKind::gray) sources = real_gray(shared_data, side);
  if (kind == SliceKind::int16) sources = real_ct(shared_data, side);
  if (kind == SliceKind::rgb) sources = real_rgb(shared_data, python, scratch, side);
  if (!sources.empty()) return sources;
  for (std::uint32_t i = 0; i < kPhantomSources; ++i) {
    sources.push_back(phantom_slice(kind, seed, i, side));
  }
  return sources;
}

Image vary(const std::vector<SourceSlice>& sources, std::uint64_t seed, std::uint32_t index,
           std::uint32_t side) {
  const Image& source = sources[index % sources.size()].image;
  const std::uint64_t dice = scramble(seed ^ scramble(index + 1));
  // A source with room is cut somewhere; one of exactly this size is shifted around.
  const auto start = [&](std::uint32_t length, std::uint64_t number) {
    const std::uint32_t room = length > side ? length - side + 1 : length;
    return static_cast<std::uint32_t>(number % room);
  };
  const std::uint32_t left = start(source.shape.width, dice & 0xffff);
  const std::uint32_t top = start(source.shape.height, dice >> 16 & 0xffff);
  const bool mirror = (dice >> 32 & 1) != 0;
  const bool upside_down = (dice >> 33 & 1) != 0;
  Image image{source.shape, {}};
  image.shape.height = side;
  image.shape.width = side;
  image.image_hwc.resize(image.shape.bytes());
  const std::size_t step = source.shape.channels * pixel_bytes(source.shape.pixel_type);
  for (std::uint32_t y = 0; y < side; ++y) {
    const std::uint32_t from_y = (top + (upside_down ? side - 1 - y : y)) % source.shape.height;
    for (std::uint32_t x = 0; x < side; ++x) {
      const std::uint32_t from_x = (left + (mirror ? side - 1 - x : x)) % source.shape.width;
      std::memcpy(
          image.image_hwc.data() + (std::size_t{y} * side + x) * step,
          source.image_hwc.data() + (std::size_t{from_y} * source.shape.width + from_x) * step,
          step);
    }
  }
  return image;
}

}  // namespace slicebank::bench
