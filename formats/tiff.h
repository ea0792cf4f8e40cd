// TIFF and BigTIFF, read from memory. One thread a reader.
//
// Read: both byte orders; strips and tiles; samples together or in planes; unsigned numbers
// of 1 to 16, 24, 32 and 64 bits, signed ones of 8 to 64, floats of 16 to 64; no compression,
// LZW, deflate, PackBits, JPEG, CCITT G4, zstd; both predictors; gray, RGB, palette, CMYK of
// 8 bits, YCbCr where JPEG made it. All else is refused with a reason.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "formats/array.h"
#include "formats/volume.h"
#include "schema/sample.h"

namespace slicebank::tiff {

// What one page says of itself.
struct Page {
  std::uint32_t width = 0;  // upright: the orientation is applied
  std::uint32_t height = 0;
  std::uint32_t channels = 1;          // as decoded
  ElementType type = ElementType::u8;  // as decoded; u64 and i64 are narrowed in an Image
  int bits = 8;                        // a sample, in the file
  int compression = 1;                 // TIFF's number
  int orientation = 1;                 // TIFF's: 1 upright, 2 to 8 mirrored or turned
  bool tiled = false;
  bool planar = false;   // each channel in a plane of its own
  bool palette = false;  // a pixel is an index
  bool inks = false;     // CMYK; decoded to RGB

  // The file counts from white (0) to black. Unsigned numbers are inverted as they are read,
  // so that 0 is black here as everywhere; a mask that was written so has its background and
  // its classes at the other end, and inverting it again gives the numbers of the file.
  bool min_is_white = false;

  std::string refused;  // why decode() will throw; empty for a good page
};

// What ImageJ wrote into the first page.
struct Hyperstack {
  std::uint32_t images = 1;
  std::uint32_t channels = 1;  // the fastest from page to page
  std::uint32_t slices = 1;
  std::uint32_t frames = 1;  // the slowest
  std::optional<std::array<double, 3>> spacing_ijk_mm;
};

// Whether the bytes begin as a TIFF or BigTIFF does.
bool is_tiff(Bytes file);

class Reader {
 public:
  // Borrows `file`; reads all directories and no pixel. Throws Error(bad_format), beginning
  // with `name`, when it is no TIFF or its chain of pages is damaged, Error(limit) beyond
  // 10 000 pages. Smaller copies of a page (a pyramid) and transparency masks are not pages.
  Reader(Bytes file, std::string name);
  ~Reader();
  Reader(Reader&&) noexcept;
  Reader& operator=(Reader&&) noexcept;

  const std::vector<Page>& pages() const noexcept;  // one at least
  const std::optional<Hyperstack>& hyperstack() const noexcept;

  // Numbers as in the file: 1, 2 and 4 bits keep theirs (0 and 1 for 1 bit), 12 bits lie in
  // u16, a palette image gives its indices. CMYK and YCbCr come out as RGB, alpha stays a
  // channel. u64 and i64 become u32 or i32 where every value fits. Throws Error(bad_format)
  // or Error(limit); anything that libtiff finds fault with in the pixels, also what it only
  // warns of, is an error, never half a picture.
  Image decode(std::size_t page = 0);

  // As decode(), but a palette is expanded to its colours (RGB, u8): for photographs.
  Image decode_expanding_palette(std::size_t page = 0);

  // All pages as one volume: slices along k, or as ImageJ's hyperstack says. Spacing is
  // ImageJ's; a dots-per-inch tag is nobody's voxel size. Numbers as in decode(), u64 and i64
  // as they are. Throws Error(bad_format) when the pages differ in shape, type or palette.
  Volume decode_volume();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// For one look at a file; a Reader is cheaper for several.
std::vector<Page> pages(Bytes file, const std::string& name);
Image decode_page(Bytes file, const std::string& name, std::size_t page = 0);

}  // namespace slicebank::tiff
