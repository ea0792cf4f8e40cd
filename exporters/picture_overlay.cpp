// Overlays and contact sheets: where things go, and the outlines.
#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <map>
#include <numeric>
#include <utility>

#include "exporters/internal/font.h"
#include "exporters/picture.h"
#include "schema/error.h"
#include "schema/limits.h"

namespace slicebank {
namespace {

constexpr Rgb kGround{22, 24, 28};
constexpr Rgb kInk{228, 230, 234};
constexpr Rgb kFaint{150, 154, 162};
constexpr std::uint32_t kMargin = 8;
constexpr std::uint32_t kLine = kCellHeight + 4;
constexpr std::uint32_t kSwatch = 9;
constexpr std::uint32_t kAutoSide = 640;  // slices are enlarged by whole factors up to this
constexpr std::uint32_t kAutoScaleMax = 16;
constexpr std::size_t kLegendMax = 80;         // entries; the rest is one line that counts them
constexpr std::uint32_t kPlainWidthMin = 160;  // so that a title has room above a tiny slice

void check_size(std::uint64_t width, std::uint64_t height) {
  if (width <= limits::kImageSideMax && height <= limits::kImageSideMax) return;
  throw Error(ErrorCode::bad_argument,
              fmt::format("picture: {} x {} pixels are too many", width, height),
              "ask for a smaller scale or fewer tiles");
}

Image ground(std::uint64_t width, std::uint64_t height) {
  check_size(width, height);
  Image image{
      {PixelType::u8, static_cast<std::uint32_t>(height), static_cast<std::uint32_t>(width), 3},
      {}};
  check_shape(image.shape, "picture");
  image.image_hwc.resize(image.shape.bytes());
  for (std::size_t at = 0; at < image.image_hwc.size(); ++at) {
    image.image_hwc[at] = std::byte{kGround[at % 3]};
  }
  return image;
}

void paste(const Image& source, Image& target, std::uint32_t x, std::uint32_t y) {
  const std::size_t row_bytes = std::size_t{source.shape.width} * 3;
  for (std::uint32_t row = 0; row < source.shape.height; ++row) {
    std::memcpy(target.image_hwc.data() + (std::uint64_t{y + row} * target.shape.width + x) * 3,
                source.image_hwc.data() + row * row_bytes, row_bytes);
  }
}

void fill_box(Image& image, std::uint32_t x, std::uint32_t y, std::uint32_t side, Rgb colour) {
  for (std::uint32_t row = y; row < std::min(y + side, image.shape.height); ++row) {
    for (std::uint32_t column = x; column < std::min(x + side, image.shape.width); ++column) {
      for (std::size_t channel = 0; channel < 3; ++channel) {
        image.image_hwc[(std::uint64_t{row} * image.shape.width + column) * 3 + channel] =
            std::byte{colour[channel]};
      }
    }
  }
}

// Characters, not bytes: what draw_text makes one cell of.
std::size_t text_cells(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char letter) {
    return (static_cast<unsigned char>(letter) & 0xc0) != 0x80;
  }));
}

// The text, or its beginning and "..", so that it has at most `cells` characters.
std::string shorten(const std::string& text, std::size_t cells) {
  if (text_cells(text) <= cells) return text;
  if (cells <= 2) return std::string(cells, '.');
  std::string kept;
  std::size_t used = 0;
  for (const char letter : text) {
    const bool starts = (static_cast<unsigned char>(letter) & 0xc0) != 0x80;
    if (starts && used++ == cells - 2) break;
    kept += letter;
  }
  return kept + "..";
}

// What a class is called, and what colours it: classes the taxonomy does not know go by
// their place in the dataset.
struct ClassKey {
  ClassId id{};
  std::uint32_t raw_class = 0;

  friend bool operator<(const ClassKey& a, const ClassKey& b) {
    return a.id != b.id ? a.id < b.id : a.raw_class < b.raw_class;
  }
};

ClassKey key_of(ClassId id, std::uint32_t raw_class) {
  return id == ClassId{} ? ClassKey{id, raw_class} : ClassKey{id, 0};
}

Rgb colour_of(const ClassKey& key) {
  return class_colour(key.id == ClassId{} ? ClassId{key.raw_class} : key.id);
}

std::string name_of(const ClassKey& key, const Taxonomy& taxonomy) {
  if (const ClassInfo* info = taxonomy.class_info(key.id)) return info->name;
  if (key.id != ClassId{}) return fmt::format("class {}", raw(key.id));
  return fmt::format("dataset class {}", key.raw_class);
}

std::uint64_t area_of(const Mask& mask) {
  return static_cast<std::uint64_t>(std::count_if(mask.mask_hw.begin(), mask.mask_hw.end(),
                                                  [](auto value) { return value != 0; }));
}

// A mask at the size it is drawn: 1 inside. Enlarged by repetition; reduced by majority,
// and where nothing of it would be left, by any pixel.
std::vector<std::uint8_t> drawn_mask(const Mask& mask, const ImageShape& shape, std::uint32_t width,
                                     std::uint32_t height) {
  std::vector<std::uint8_t> drawn(std::size_t{width} * height);
  std::vector<std::uint8_t> touched(drawn.size());
  bool any = false;
  for (std::uint32_t y = 0; y < height; ++y) {
    const std::uint64_t top = std::uint64_t{y} * shape.height / height;
    const std::uint64_t bottom = std::max(top + 1, (std::uint64_t{y} + 1) * shape.height / height);
    for (std::uint32_t x = 0; x < width; ++x) {
      const std::uint64_t left = std::uint64_t{x} * shape.width / width;
      const std::uint64_t right = std::max(left + 1, (std::uint64_t{x} + 1) * shape.width / width);
      std::uint64_t inside = 0;
      for (std::uint64_t row = top; row < bottom; ++row) {
        for (std::uint64_t column = left; column < right; ++column) {
          if (mask.mask_hw[row * shape.width + column] != 0) ++inside;
        }
      }
      const std::size_t at = std::size_t{y} * width + x;
      drawn[at] = 2 * inside >= (bottom - top) * (right - left) ? 1 : 0;
      touched[at] = inside != 0 ? 1 : 0;
      any = any || drawn[at] != 0;
    }
  }
  return any ? drawn : touched;
}

void draw_mask(Image& picture, const std::vector<std::uint8_t>& mask_hw, Rgb colour, bool fill) {
  const std::uint32_t width = picture.shape.width;
  const std::uint32_t height = picture.shape.height;
  for (std::uint32_t y = 0; y < height; ++y) {
    for (std::uint32_t x = 0; x < width; ++x) {
      const std::size_t at = std::size_t{y} * width + x;
      if (mask_hw[at] == 0) continue;
      const bool inner = x > 0 && x + 1 < width && y > 0 && y + 1 < height &&
                         mask_hw[at - 1] != 0 && mask_hw[at + 1] != 0 && mask_hw[at - width] != 0 &&
                         mask_hw[at + width] != 0;
      if (inner && !fill) continue;
      for (std::size_t channel = 0; channel < 3; ++channel) {
        std::byte& value = picture.image_hwc[at * 3 + channel];
        const auto old = std::to_integer<unsigned>(value);
        value = std::byte{inner ? static_cast<std::uint8_t>((old * 2 + colour[channel]) / 3)
                                : colour[channel]};
      }
    }
  }
}

void check_masks(const Sample& sample) {
  for (const Mask& mask : sample.masks) {
    if (mask.mask_hw.size() != sample.image.shape.pixels()) {
      throw Error(ErrorCode::bad_argument,
                  fmt::format("picture: a mask of sample '{}' has another size than its image",
                              sample.name));
    }
  }
}

// The sample's image in its drawn size with outlines; large masks first, so that a
// lesion's line lies over its organ's.
Image draw_sample(const Sample& sample, Image picture, bool fill) {
  std::vector<std::pair<std::uint64_t, const Mask*>> order;
  for (const Mask& mask : sample.masks) order.emplace_back(area_of(mask), &mask);
  std::stable_sort(order.begin(), order.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  for (const auto& [area, mask] : order) {
    if (area == 0) continue;
    draw_mask(picture,
              drawn_mask(*mask, sample.image.shape, picture.shape.width, picture.shape.height),
              colour_of(key_of(mask->class_id, mask->raw_class)), fill);
  }
  return picture;
}

struct LegendEntry {
  Rgb colour{};
  std::string name;
  std::string note;  // faint, behind the name
};

std::vector<LegendEntry> legend_of(const Sample& sample, const Taxonomy& taxonomy) {
  struct Sum {
    std::uint64_t area = 0;
    std::uint32_t masks = 0;
  };
  std::map<ClassKey, Sum> sums;
  std::vector<ClassKey> order;
  for (const Mask& mask : sample.masks) {
    const ClassKey key = key_of(mask.class_id, mask.raw_class);
    if (sums.find(key) == sums.end()) order.push_back(key);
    Sum& sum = sums[key];
    sum.area += area_of(mask);
    ++sum.masks;
  }
  std::vector<LegendEntry> legend;
  for (const ClassKey& key : order) {
    const Sum& sum = sums[key];
    std::string note = fmt::format("{} px", sum.area);
    if (sum.masks > 1) note += fmt::format(" in {}", sum.masks);
    legend.push_back({colour_of(key), name_of(key, taxonomy), note});
  }
  for (const Label& label : sample.labels) {
    const ClassKey key = key_of(label.class_id, label.raw_class);
    legend.push_back(
        {colour_of(key), name_of(key, taxonomy), fmt::format("label {:g}", label.value)});
  }
  return legend;
}

std::size_t legend_lines(std::size_t entries) {
  return entries > kLegendMax ? kLegendMax + 1 : entries;
}

std::uint32_t entry_width(const LegendEntry& entry) {
  const std::size_t note = entry.note.empty() ? 0 : text_cells(entry.note) + 2;
  return kSwatch + kCellWidth +
         static_cast<std::uint32_t>(text_cells(entry.name) + note) * kCellWidth;
}

std::uint32_t legend_width(const std::vector<LegendEntry>& legend) {
  std::uint32_t width = 0;
  for (const LegendEntry& entry : legend) width = std::max(width, entry_width(entry));
  return width;
}

void draw_entry(Image& canvas, const LegendEntry& entry, std::uint32_t x, std::uint32_t y) {
  fill_box(canvas, x, y, kSwatch, entry.colour);
  const std::uint32_t text_x = x + kSwatch + kCellWidth;
  draw_text(canvas, text_x, y + 1, entry.name, kInk);
  const auto name_cells = static_cast<std::uint32_t>(text_cells(entry.name));
  draw_text(canvas, text_x + (name_cells + 2) * kCellWidth, y + 1, entry.note, kFaint);
}

std::uint32_t auto_scale(const ImageShape& shape) {
  const std::uint32_t side = std::max(shape.width, shape.height);
  return std::clamp(kAutoSide / side, 1u, kAutoScaleMax);
}

}  // namespace

Image draw_overlay(const Sample& sample, const Taxonomy& taxonomy, const OverlayOptions& options) {
  check_masks(sample);
  const ImageShape& shape = sample.image.shape;
  const Image rgb = to_rgb8(sample.image.view());
  const std::uint64_t scale = options.scale == 0 ? auto_scale(shape) : options.scale;
  const std::uint64_t width = shape.width * scale;
  const std::uint64_t height = shape.height * scale;
  check_size(width, height);
  Image picture = draw_sample(
      sample, fit(rgb, static_cast<std::uint32_t>(width), static_cast<std::uint32_t>(height)),
      options.fill);

  std::vector<LegendEntry> legend;
  if (options.legend) legend = legend_of(sample, taxonomy);
  if (legend.empty() && options.title.empty()) return picture;

  const std::uint64_t above = options.title.empty() ? 0 : kLine + kMargin / 2;
  const std::uint64_t beside = legend.empty() ? 0 : legend_width(legend) + 2 * kMargin;
  const std::uint64_t lines = legend_lines(legend.size());
  const std::uint64_t total_width = std::max<std::uint64_t>(width, kPlainWidthMin) + beside;
  const std::uint64_t total_height =
      above + std::max(height, lines * kLine + (lines == 0 ? 0 : kMargin));
  Image canvas = ground(total_width, total_height);
  const std::size_t cells = (total_width - kMargin) / kCellWidth;
  draw_text(canvas, kMargin / 2, kMargin / 2, shorten(options.title, cells), kInk);
  paste(picture, canvas, 0, static_cast<std::uint32_t>(above));
  const auto legend_x = static_cast<std::uint32_t>(total_width - beside + kMargin);
  for (std::size_t i = 0; i < lines; ++i) {
    const auto y = static_cast<std::uint32_t>(above + kMargin / 2 + i * kLine);
    if (i == kLegendMax) {
      draw_text(canvas, legend_x, y + 1, fmt::format("and {} more", legend.size() - kLegendMax),
                kFaint);
      break;
    }
    draw_entry(canvas, legend[i], legend_x, y);
  }
  return canvas;
}

Image contact_sheet(const std::vector<Tile>& tiles, const Taxonomy& taxonomy,
                    std::uint32_t tile_side, std::uint32_t columns) {
  if (tiles.empty()) throw Error(ErrorCode::bad_argument, "picture: a contact sheet of no tiles");
  if (tile_side < 2 * kCellHeight) {
    throw Error(ErrorCode::bad_argument,
                fmt::format("picture: tiles of {} pixels are too small", tile_side));
  }
  if (columns == 0) {
    // About four to three, and no more columns than tiles.
    columns = 1;
    while (columns < tiles.size() && std::uint64_t{columns} * columns * 3 < tiles.size() * 4) {
      ++columns;
    }
  }
  const std::uint64_t rows = (tiles.size() + columns - 1) / columns;

  // In how many tiles each class occurs.
  std::map<ClassKey, std::uint32_t> classes;
  for (const Tile& tile : tiles) {
    check_masks(tile.sample);
    std::map<ClassKey, bool> here;
    for (const Mask& mask : tile.sample.masks) here[key_of(mask.class_id, mask.raw_class)] = true;
    for (const auto& [key, present] : here) ++classes[key];
  }
  std::vector<LegendEntry> legend;
  legend.reserve(classes.size());
  for (const auto& [key, count] : classes) {
    legend.push_back({colour_of(key), name_of(key, taxonomy),
                      fmt::format("{} {}", count, count == 1 ? "tile" : "tiles")});
  }

  const std::uint64_t cell_width = std::uint64_t{tile_side} + kMargin;
  const std::uint64_t cell_height = std::uint64_t{tile_side} + kLine + kMargin;
  const std::uint64_t entry = legend_width(legend) + 3 * std::uint64_t{kCellWidth};
  const std::uint64_t width =
      std::max(kMargin + columns * cell_width, legend.empty() ? 0 : entry + 2 * kMargin);
  const std::uint64_t across =
      legend.empty() ? 1 : std::max<std::uint64_t>(1, (width - 2 * kMargin) / entry);
  const std::uint64_t lines = (legend_lines(legend.size()) + across - 1) / across;
  const std::uint64_t grid_height = kMargin + rows * cell_height;
  Image canvas = ground(width, grid_height + (lines == 0 ? 0 : lines * kLine + kMargin));

  for (std::size_t i = 0; i < tiles.size(); ++i) {
    const Sample& sample = tiles[i].sample;
    const Image picture =
        draw_sample(sample, fit(to_rgb8(sample.image.view()), tile_side, tile_side), false);
    const std::uint64_t left = kMargin + i % columns * cell_width;
    const std::uint64_t top = kMargin + i / columns * cell_height;
    // In the middle of its place, whatever its shape.
    const std::uint64_t x = left + (tile_side - picture.shape.width) / 2;
    const std::uint64_t y = top + (tile_side - picture.shape.height) / 2;
    paste(picture, canvas, static_cast<std::uint32_t>(x), static_cast<std::uint32_t>(y));
    draw_text(canvas, static_cast<std::uint32_t>(left),
              static_cast<std::uint32_t>(top + tile_side + 3),
              shorten(tiles[i].caption, tile_side / kCellWidth), kInk);
  }
  for (std::size_t i = 0; i < legend_lines(legend.size()); ++i) {
    const auto x = static_cast<std::uint32_t>(kMargin + i / lines * entry);
    const auto y = static_cast<std::uint32_t>(grid_height + i % lines * kLine);
    if (i == kLegendMax) {
      draw_text(canvas, x, y + 1, fmt::format("and {} more", legend.size() - kLegendMax), kFaint);
      break;
    }
    draw_entry(canvas, legend[i], x, y);
  }
  return canvas;
}

}  // namespace slicebank
