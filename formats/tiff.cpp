#include "formats/tiff.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "formats/internal/cmyk.h"
#include "formats/internal/imagej.h"
#include "formats/internal/orientation.h"
#include "formats/internal/tiff_file.h"
#include "formats/internal/tiff_page.h"
#include "formats/internal/tiff_samples.h"
#include "schema/error.h"
#include "schema/limits.h"

namespace slicebank::tiff {

using internal::TiffDirectory;
using internal::TiffFile;

namespace {

constexpr std::uint64_t kFirstBytes = 16u << 20;  // of a page, before any of it was seen

// Rows into one array [height][width][sample] that grows as they come.
class Pixels final : public TiffFile::Sink {
 public:
  Pixels(const TiffDirectory& directory, ElementType type, std::uint64_t first_bytes)
      : directory_(directory),
        element_bytes_(element_bytes(type)),
        samples_(static_cast<std::size_t>(directory.samples)),
        row_bytes_(std::uint64_t{directory.width} * samples_ * element_bytes_),
        first_bytes_(first_bytes) {}

  void reach(std::uint32_t rows) override {
    const std::uint64_t needed = rows * row_bytes_;
    if (needed <= bytes_.size()) return;
    const std::uint64_t all = directory_.height * row_bytes_;
    bytes_.resize(
        std::min(all, std::max({needed, 2 * std::uint64_t{bytes_.size()}, first_bytes_})));
  }

  void row(std::uint32_t y, std::uint32_t x, int plane, std::uint32_t pixels,
           Bytes packed) override {
    const std::size_t pixel_bytes = samples_ * element_bytes_;
    std::byte* out = bytes_.data() + y * row_bytes_ + x * pixel_bytes +
                     static_cast<std::size_t>(plane) * element_bytes_;
    internal::unpack_samples(packed, directory_.planar ? pixels : pixels * samples_,
                             directory_.bits, out,
                             directory_.planar ? pixel_bytes : element_bytes_);
  }

  std::vector<std::byte> take() { return std::move(bytes_); }

 private:
  const TiffDirectory& directory_;
  std::size_t element_bytes_;
  std::size_t samples_;
  std::uint64_t row_bytes_;
  std::uint64_t first_bytes_;
  std::vector<std::byte> bytes_;
};

}  // namespace

struct Reader::State {
  std::string name;
  TiffFile file;
  std::vector<TiffDirectory> directories;  // of pages, in their order
  std::vector<Page> pages;
  std::optional<Hyperstack> hyperstack;

  State(Bytes bytes, std::string named) : name(std::move(named)), file(bytes, name) {
    for (TiffDirectory& directory : file.directories()) {
      if (directory.reduced && !directories.empty()) continue;
      pages.push_back(internal::describe_page(directory));
      directories.push_back(std::move(directory));
    }
    const TiffDirectory& first = directories.front();
    hyperstack = internal::parse_imagej(first.description, first.x_resolution, first.y_resolution);
  }

  std::string page_name(std::size_t page) const {
    return pages.size() == 1 ? name : fmt::format("{}: page {}", name, page);
  }

  [[noreturn]] void fail(std::size_t page, const std::string& why) const {
    throw Error(ErrorCode::bad_format, page_name(page) + ": not a readable TIFF: " + why,
                "Copy or download the file again; `tiffinfo` says more.");
  }

  const Page& readable(std::size_t page) const {
    if (page >= pages.size()) {
      throw Error(ErrorCode::bad_argument,
                  fmt::format("{}: page {} of {} was asked for", name, page, pages.size()));
    }
    if (!pages[page].refused.empty()) {
      throw Error(ErrorCode::bad_format,
                  fmt::format("{}: this kind of TIFF is not read: {}", page_name(page),
                              pages[page].refused),
                  "Convert it with a program that reads it, for example `tiffcp -c lzw`.");
    }
    return pages[page];
  }

  // Refuses what is too large, and what the file cannot hold, before anything is decoded.
  void check_size(std::size_t page, ElementType type) {
    const TiffDirectory& directory = directories[page];
    if (directory.width == 0 || directory.height == 0) fail(page, "a side of 0 pixels");
    // u64 and i64 are no type of a pixel; f64 has their size.
    const bool wide = !pixel_type_of(type);
    ImageShape shape{wide ? PixelType::f64 : *pixel_type_of(type), directory.height,
                     directory.width, static_cast<std::uint32_t>(directory.samples)};
    check_shape(shape, page_name(page));
    const std::uint64_t packed =
        shape.pixels() * shape.channels * static_cast<std::uint64_t>(directory.bits) / 8;
    const std::uint64_t stored = file.stored_bytes(directory);
    if (stored < internal::least_stored_bytes(directory, packed)) {
      fail(page, fmt::format("too short for {} x {} pixels", directory.width, directory.height));
    }
  }

  // Numbers of a page that readable() let pass, upright.
  std::vector<std::byte> decode(std::size_t page) {
    const Page& header = pages[page];
    const TiffDirectory& directory = directories[page];
    check_size(page, header.type);
    Pixels pixels(directory, header.type, std::max(kFirstBytes, 4 * file.stored_bytes(directory)));
    file.read_rows(directory, pixels);
    std::vector<std::byte> bytes = pixels.take();
    if (header.min_is_white) internal::invert_samples(bytes, header.type, header.bits);
    if (header.inks) bytes = internal::cmyk_to_rgb(bytes);
    std::uint32_t height = directory.height;
    std::uint32_t width = directory.width;
    return internal::upright(std::move(bytes), height, width,
                             header.channels * element_bytes(header.type), header.orientation);
  }

  // Puts a page behind the voxels that are there, as samples number `place` of `places` a voxel.
  void append(Volume& volume, std::size_t page, std::size_t place, std::size_t places) {
    const std::vector<std::byte> plane = decode(page);
    std::vector<std::byte>& voxels = volume.voxels;
    if (places == 1) {
      voxels.insert(voxels.end(), plane.begin(), plane.end());
      return;
    }
    if (place == 0) voxels.resize(voxels.size() + places * plane.size());
    const std::size_t size = pages[page].channels * element_bytes(pages[page].type);
    std::byte* out = voxels.data() + voxels.size() - places * plane.size() + place * size;
    for (std::size_t at = 0; at < plane.size(); at += size, out += places * size) {
      std::memcpy(out, plane.data() + at, size);
    }
  }
};

bool is_tiff(Bytes file) {
  if (file.size() < 4) return false;
  const auto byte = [&](std::size_t at) { return std::to_integer<int>(file[at]); };
  const bool little = byte(0) == 'I' && byte(1) == 'I' && byte(3) == 0;
  const bool big = byte(0) == 'M' && byte(1) == 'M' && byte(2) == 0;
  const int version = little ? byte(2) : byte(3);
  return (little || big) && (version == 42 || version == 43);
}

Reader::Reader(Bytes file, std::string name) {
  if (!is_tiff(file)) {
    throw Error(ErrorCode::bad_format, name + ": not a readable TIFF: the signature is missing");
  }
  state_ = std::make_unique<State>(file, std::move(name));
}
Reader::~Reader() = default;
Reader::Reader(Reader&&) noexcept = default;
Reader& Reader::operator=(Reader&&) noexcept = default;

const std::vector<Page>& Reader::pages() const noexcept { return state_->pages; }

const std::optional<Hyperstack>& Reader::hyperstack() const noexcept { return state_->hyperstack; }

Image Reader::decode(std::size_t page) {
  const Page& header = state_->readable(page);
  Array narrow{header.type, {header.height, header.width, header.channels}, state_->decode(page)};
  narrow = narrowed_to_pixels(std::move(narrow), state_->page_name(page));
  Image image;
  image.shape = {*pixel_type_of(narrow.type), header.height, header.width, header.channels};
  image.image_hwc = std::move(narrow.data);
  return image;
}

Image Reader::decode_expanding_palette(std::size_t page) {
  Image image = decode(page);
  if (!state_->pages[page].palette) return image;
  const auto colours = state_->file.palette(state_->directories[page]);
  const bool wide = image.shape.pixel_type == PixelType::u16;
  const std::vector<std::byte> indices = std::exchange(image.image_hwc, {});
  image.shape.pixel_type = PixelType::u8;
  image.shape.channels = 3;
  check_shape(image.shape, state_->page_name(page));
  image.image_hwc.resize(image.shape.bytes());
  std::byte* out = image.image_hwc.data();
  const std::size_t step = wide ? 2 : 1;
  for (std::size_t at = 0; at < indices.size(); at += step) {
    std::size_t index = std::to_integer<std::size_t>(indices[at]);
    if (wide) index |= std::to_integer<std::size_t>(indices[at + 1]) << 8;
    for (const std::uint16_t light : colours[index]) *out++ = static_cast<std::byte>(light >> 8);
  }
  return image;
}

Volume Reader::decode_volume() {
  State& state = *state_;
  const Page& first = state.readable(0);
  const std::size_t count = state.pages.size();
  for (std::size_t i = 1; i < count; ++i) {
    const Page& page = state.readable(i);
    if (page.width != first.width || page.height != first.height ||
        page.channels != first.channels || page.type != first.type ||
        page.palette != first.palette) {
      throw Error(ErrorCode::bad_format,
                  fmt::format("{}: page {} is of another size or type than the first; they are "
                              "no volume",
                              state.name, i),
                  "Read its pages as pictures of their own.");
    }
  }
  Volume volume;
  volume.type = first.type;
  std::uint64_t group = 1;  // pages whose samples lie together: ImageJ's channels
  volume.size_ijk = {first.width, first.height, static_cast<std::uint32_t>(count)};
  if (const auto& stack = state.hyperstack) {
    volume.spacing_ijk_mm = stack->spacing_ijk_mm;
    if (stack->images > count && count == 1) {
      throw Error(ErrorCode::bad_format,
                  fmt::format("{}: ImageJ wrote {} pictures behind its one page; only the first "
                              "can be read",
                              state.name, stack->images),
                  "Save it again as several smaller TIFFs.");
    }
    if (stack->channels != 0 && stack->slices != 0 && stack->frames != 0 &&
        std::uint64_t{stack->channels} * stack->slices == count / stack->frames &&
        count % stack->frames == 0) {
      group = stack->channels;
      volume.size_ijk[2] = stack->slices;
      volume.frames = stack->frames;
    }
  }
  volume.channels = static_cast<std::uint32_t>(first.channels * group);
  volume.dimensions = volume.frames > 1 ? 4 : volume.size_ijk[2] > 1 ? 3 : 2;
  check_volume(volume, state.name);

  for (std::size_t page = 0; page < count; page += group) {
    for (std::size_t i = 0; i < group; ++i) state.append(volume, page + i, i, group);
  }
  return volume;
}

std::vector<Page> pages(Bytes file, const std::string& name) { return Reader(file, name).pages(); }

Image decode_page(Bytes file, const std::string& name, std::size_t page) {
  return Reader(file, name).decode(page);
}

}  // namespace slicebank::tiff
