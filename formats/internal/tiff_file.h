// libtiff behind a wall: one file in memory, its directories, and rows of a page as libtiff
// decodes them. formats/tiff.cpp makes pictures of them. One thread a file.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "schema/sample.h"

namespace slicebank::internal {

// TIFF's numbers, of which formats/tiff.cpp knows the meaning.
struct TiffDirectory {
  std::uint64_t offset = 0;  // where its directory lies
  std::uint32_t width = 0;   // as stored
  std::uint32_t height = 0;
  int bits = 1;
  int samples = 1;
  int sample_format = 1;
  int photometric = -1;  // -1: not said
  int compression = 1;
  int orientation = 1;
  bool planar = false;
  bool tiled = false;
  bool reduced = false;     // a smaller copy of a page, or its transparency
  std::string description;  // of the first directory; empty in the others
  double x_resolution = 0;
  double y_resolution = 0;
};

class TiffFile {
 public:
  // Borrows `file`. Throws Error(bad_format), beginning with `name`.
  TiffFile(Bytes file, std::string name);
  ~TiffFile();
  TiffFile(const TiffFile&) = delete;
  TiffFile& operator=(const TiffFile&) = delete;

  // All directories of the chain, in order. Throws Error(bad_format) for a damaged chain.
  std::vector<TiffDirectory> directories();

  // The rows of one page from top to bottom, each channel's samples or all channels' together.
  // `row(y, x, plane, pixels, packed)` gets `pixels` pixels from column x on, packed as in the
  // file and in the machine's byte order; what it is given lives for the call. Before rows that
  // were not announced yet, `reach(rows)` is called with how many the page has so far. Throws
  // Error(bad_format) for damage, and Error(limit) for tiles that are too large.
  struct Sink {
    virtual ~Sink() = default;
    virtual void reach(std::uint32_t rows) = 0;
    virtual void row(std::uint32_t y, std::uint32_t x, int plane, std::uint32_t pixels,
                     Bytes packed) = 0;
  };
  void read_rows(const TiffDirectory& page, Sink& sink);

  // Bytes of compressed pixels, at most those of the file.
  std::uint64_t stored_bytes(const TiffDirectory& page);

  // Red, green and blue of each index, 16 bits each. Throws Error(bad_format) where it is
  // missing.
  std::vector<std::array<std::uint16_t, 3>> palette(const TiffDirectory& page);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace slicebank::internal
