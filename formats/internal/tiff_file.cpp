#include "formats/internal/tiff_file.h"

#include <fmt/format.h>
#include <tiffio.h>

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <new>
#include <utility>

#include "formats/source_tree.h"
#include "schema/error.h"
#include "schema/limits.h"

namespace slicebank::internal {
namespace {

constexpr std::size_t kDirectoriesMax = 10'000;
constexpr std::uint64_t kTileBytesMax = 64u << 20;
constexpr tmsize_t kLibraryBytesMax = 256 << 20;  // of one allocation inside libtiff

// What libtiff's callbacks need.
struct Session {
  const std::byte* bytes = nullptr;
  std::uint64_t size = 0;
  std::uint64_t at = 0;
  bool warned = false;
  bool failed = false;
  bool bogus = false;               // the sizes of strips or tiles contradict the picture
  std::array<char, 200> message{};  // the first one since it was cleared

  void clear() {
    warned = false;
    failed = false;
    bogus = false;
    message[0] = '\0';
  }
  void keep(const char* format, std::va_list arguments) {
    if (message[0] == '\0') std::vsnprintf(message.data(), message.size(), format, arguments);
  }
};

extern "C" {

int on_tiff_error(TIFF*, void* user, const char*, const char* format, std::va_list arguments) {
  auto* session = static_cast<Session*>(user);
  if (!session->failed) session->message[0] = '\0';  // an error says more than a warning
  session->keep(format, arguments);
  session->failed = true;
  return 1;  // nothing is printed
}

int on_tiff_warning(TIFF*, void* user, const char*, const char* format, std::va_list arguments) {
  auto* session = static_cast<Session*>(user);
  session->keep(format, arguments);
  session->warned = true;
  // libtiff then takes what lies behind the pixels, whatever that is.
  if (std::strstr(format, "Bogus") != nullptr) session->bogus = true;
  return 1;
}

tmsize_t on_tiff_read(thandle_t client, void* out, tmsize_t size) {
  auto* session = static_cast<Session*>(client);
  if (size <= 0 || session->at >= session->size) return 0;
  const std::uint64_t count =
      std::min<std::uint64_t>(static_cast<std::uint64_t>(size), session->size - session->at);
  std::memcpy(out, session->bytes + session->at, count);
  session->at += count;
  return static_cast<tmsize_t>(count);
}

tmsize_t on_tiff_write(thandle_t, void*, tmsize_t) { return 0; }

toff_t on_tiff_seek(thandle_t client, toff_t offset, int whence) {
  auto* session = static_cast<Session*>(client);
  const std::uint64_t base = whence == SEEK_SET   ? 0
                             : whence == SEEK_CUR ? session->at
                                                  : session->size;
  session->at = base + offset;
  return session->at;
}

int on_tiff_close(thandle_t) { return 0; }

toff_t on_tiff_size(thandle_t client) { return static_cast<Session*>(client)->size; }

// libtiff reads from the map and never writes into it: a real one would be read-only too.
int on_tiff_map(thandle_t client, void** base, toff_t* size) {
  auto* session = static_cast<Session*>(client);
  *base = const_cast<std::byte*>(session->bytes);
  *size = session->size;
  return 1;
}

void on_tiff_unmap(thandle_t, void*, toff_t) {}

}  // extern "C"

struct TiffClose {
  void operator()(TIFF* tiff) const noexcept { TIFFClose(tiff); }
};

std::string text_field(TIFF* tiff, std::uint32_t tag) {
  const char* text = nullptr;
  if (TIFFGetField(tiff, tag, &text) != 1 || text == nullptr) return {};
  return std::string(text).substr(0, limits::kTextBytesMax);
}

double number_field(TIFF* tiff, std::uint32_t tag) {
  float value = 0;
  return TIFFGetField(tiff, tag, &value) == 1 ? static_cast<double>(value) : 0;
}

int short_field(TIFF* tiff, std::uint32_t tag, int absent) {
  std::uint16_t value = 0;
  return TIFFGetFieldDefaulted(tiff, tag, &value) == 1 ? int{value} : absent;
}

TiffDirectory read_directory(TIFF* tiff) {
  TiffDirectory page;
  page.offset = TIFFCurrentDirOffset(tiff);
  TIFFGetField(tiff, TIFFTAG_IMAGEWIDTH, &page.width);
  TIFFGetField(tiff, TIFFTAG_IMAGELENGTH, &page.height);
  page.bits = short_field(tiff, TIFFTAG_BITSPERSAMPLE, 1);
  page.samples = short_field(tiff, TIFFTAG_SAMPLESPERPIXEL, 1);
  page.sample_format = short_field(tiff, TIFFTAG_SAMPLEFORMAT, SAMPLEFORMAT_UINT);
  page.photometric = short_field(tiff, TIFFTAG_PHOTOMETRIC, -1);
  page.compression = short_field(tiff, TIFFTAG_COMPRESSION, COMPRESSION_NONE);
  page.orientation = short_field(tiff, TIFFTAG_ORIENTATION, 1);
  page.planar =
      short_field(tiff, TIFFTAG_PLANARCONFIG, PLANARCONFIG_CONTIG) == PLANARCONFIG_SEPARATE &&
      page.samples > 1;
  page.tiled = TIFFIsTiled(tiff) != 0;
  std::uint32_t kind = 0;
  TIFFGetFieldDefaulted(tiff, TIFFTAG_SUBFILETYPE, &kind);
  std::uint16_t old_kind = 0;
  TIFFGetField(tiff, TIFFTAG_OSUBFILETYPE, &old_kind);
  page.reduced =
      (kind & (FILETYPE_REDUCEDIMAGE | FILETYPE_MASK)) != 0 || old_kind == OFILETYPE_REDUCEDIMAGE;
  page.description = text_field(tiff, TIFFTAG_IMAGEDESCRIPTION);
  page.x_resolution = number_field(tiff, TIFFTAG_XRESOLUTION);
  page.y_resolution = number_field(tiff, TIFFTAG_YRESOLUTION);
  return page;
}

}  // namespace

struct TiffFile::State {
  Bytes file;
  std::string name;
  Session session;
  std::unique_ptr<TIFF, TiffClose> tiff;

  [[noreturn]] void fail(const std::string& why) const {
    throw Error(ErrorCode::bad_format, name + ": not a readable TIFF: " + why,
                "Copy or download the file again; `tiffinfo` says more.");
  }

  [[noreturn]] void fail_with_message() const {
    fail(session.message[0] != '\0' ? printable(session.message.data()) : "it is damaged");
  }

  void go_to(const TiffDirectory& page) {
    session.clear();
    if (TIFFSetSubDirectory(tiff.get(), page.offset) != 1) fail_with_message();
    if (session.bogus) fail("the sizes of its strips contradict its picture");
    // Rows of YCbCr that JPEG packed come out as RGB, chroma at full size.
    if (page.compression == COMPRESSION_JPEG && page.photometric == PHOTOMETRIC_YCBCR) {
      TIFFSetField(tiff.get(), TIFFTAG_JPEGCOLORMODE, JPEGCOLORMODE_RGB);
    }
    session.clear();
  }

  // After each call that decodes: what libtiff only warns of leaves holes as well.
  void check_decoded(bool good) const {
    if (!good || session.failed || session.warned) fail_with_message();
  }

  void read_strips(const TiffDirectory& page, Sink& sink);
  void read_tiles(const TiffDirectory& page, Sink& sink);

  static std::uint64_t packed_bytes(const TiffDirectory& page, std::uint64_t pixels) {
    const std::uint64_t samples = page.planar ? 1 : static_cast<std::uint64_t>(page.samples);
    return (pixels * samples * static_cast<std::uint64_t>(page.bits) + 7) / 8;
  }
};

TiffFile::TiffFile(Bytes file, std::string name) : state_(std::make_unique<State>()) {
  state_->file = file;
  state_->name = std::move(name);
  state_->session.bytes = file.data();
  state_->session.size = file.size();
  const std::unique_ptr<TIFFOpenOptions, decltype(&TIFFOpenOptionsFree)> options(
      TIFFOpenOptionsAlloc(), TIFFOpenOptionsFree);
  if (options == nullptr) throw std::bad_alloc();
  TIFFOpenOptionsSetMaxSingleMemAlloc(options.get(), kLibraryBytesMax);
  TIFFOpenOptionsSetErrorHandlerExtR(options.get(), on_tiff_error, &state_->session);
  TIFFOpenOptionsSetWarningHandlerExtR(options.get(), on_tiff_warning, &state_->session);
  state_->tiff.reset(TIFFClientOpenExt("memory", "r", &state_->session, on_tiff_read, on_tiff_write,
                                       on_tiff_seek, on_tiff_close, on_tiff_size, on_tiff_map,
                                       on_tiff_unmap, options.get()));
  if (state_->tiff == nullptr) state_->fail_with_message();
}

TiffFile::~TiffFile() = default;

std::vector<TiffDirectory> TiffFile::directories() {
  State& state = *state_;
  std::vector<TiffDirectory> pages;
  while (true) {
    if (pages.size() == kDirectoriesMax) {
      throw Error(ErrorCode::limit,
                  fmt::format("{}: a TIFF of more than {} pages", state.name, kDirectoriesMax));
    }
    pages.push_back(read_directory(state.tiff.get()));
    if (pages.size() > 1) pages.back().description.clear();
    if (TIFFLastDirectory(state.tiff.get()) != 0) return pages;
    state.session.clear();
    if (TIFFReadDirectory(state.tiff.get()) != 1) state.fail_with_message();
  }
}

std::uint64_t TiffFile::stored_bytes(const TiffDirectory& page) {
  State& state = *state_;
  state.go_to(page);
  TIFF* tiff = state.tiff.get();
  const std::uint32_t pieces = page.tiled ? TIFFNumberOfTiles(tiff) : TIFFNumberOfStrips(tiff);
  std::uint64_t sum = 0;
  for (std::uint32_t i = 0; i < pieces && sum < state.file.size(); ++i) {
    sum += std::min<std::uint64_t>(TIFFGetStrileByteCount(tiff, i), state.file.size());
  }
  return std::min<std::uint64_t>(sum, state.file.size());
}

std::vector<std::array<std::uint16_t, 3>> TiffFile::palette(const TiffDirectory& page) {
  State& state = *state_;
  state.go_to(page);
  std::uint16_t* red = nullptr;
  std::uint16_t* green = nullptr;
  std::uint16_t* blue = nullptr;
  if (TIFFGetField(state.tiff.get(), TIFFTAG_COLORMAP, &red, &green, &blue) != 1) {
    state.fail("the palette is missing");
  }
  std::vector<std::array<std::uint16_t, 3>> colours(std::size_t{1} << page.bits);
  for (std::size_t i = 0; i < colours.size(); ++i) colours[i] = {red[i], green[i], blue[i]};
  return colours;
}

void TiffFile::read_rows(const TiffDirectory& page, Sink& sink) {
  state_->go_to(page);
  page.tiled ? state_->read_tiles(page, sink) : state_->read_strips(page, sink);
}

// Line by line, so that a strip is never held whole. A strip of all planes before the next
// one: rows are complete from the top on.
void TiffFile::State::read_strips(const TiffDirectory& page, Sink& sink) {
  const std::uint64_t row_bytes = packed_bytes(page, page.width);
  if (TIFFScanlineSize64(tiff.get()) != row_bytes) fail("rows of an unexpected length");
  std::uint32_t strip_rows = 0;
  TIFFGetFieldDefaulted(tiff.get(), TIFFTAG_ROWSPERSTRIP, &strip_rows);
  strip_rows = std::clamp<std::uint32_t>(strip_rows, 1, page.height);
  const int planes = page.planar ? page.samples : 1;
  std::vector<std::byte> row(row_bytes);
  for (std::uint32_t top = 0; top < page.height; top += strip_rows) {
    const std::uint32_t end = top + std::min(strip_rows, page.height - top);
    for (int plane = 0; plane < planes; ++plane) {
      for (std::uint32_t y = top; y < end; ++y) {
        const int result =
            TIFFReadScanline(tiff.get(), row.data(), y, static_cast<std::uint16_t>(plane));
        check_decoded(result == 1);
        sink.reach(y + 1);
        sink.row(y, 0, plane, page.width, row);
      }
    }
  }
}

void TiffFile::State::read_tiles(const TiffDirectory& page, Sink& sink) {
  std::uint32_t tile_width = 0;
  std::uint32_t tile_height = 0;
  TIFFGetField(tiff.get(), TIFFTAG_TILEWIDTH, &tile_width);
  TIFFGetField(tiff.get(), TIFFTAG_TILELENGTH, &tile_height);
  if (tile_width == 0 || tile_height == 0) fail("tiles of no size");
  const std::uint64_t tile_row_bytes = packed_bytes(page, tile_width);
  const std::uint64_t tile_bytes = TIFFTileSize64(tiff.get());
  if (tile_bytes == 0 || tile_bytes > kTileBytesMax) {
    throw Error(ErrorCode::limit, fmt::format("{}: tiles of {} x {} pixels; the limit is {} bytes",
                                              name, tile_width, tile_height, kTileBytesMax));
  }
  if (tile_bytes != tile_row_bytes * tile_height) fail("tiles of an unexpected size");
  const int planes = page.planar ? page.samples : 1;
  std::vector<std::byte> tile(tile_bytes);
  for (std::uint32_t top = 0; top < page.height; top += std::min(tile_height, page.height - top)) {
    const std::uint32_t rows = std::min(tile_height, page.height - top);
    for (int plane = 0; plane < planes; ++plane) {
      for (std::uint32_t left = 0; left < page.width;) {
        const std::uint32_t columns = std::min(tile_width, page.width - left);
        const tmsize_t result =
            TIFFReadTile(tiff.get(), tile.data(), left, top, 0, static_cast<std::uint16_t>(plane));
        check_decoded(result == static_cast<tmsize_t>(tile_bytes));
        sink.reach(top + rows);
        for (std::uint32_t y = 0; y < rows; ++y) {
          sink.row(top + y, left, plane, columns, Bytes(tile).subspan(y * tile_row_bytes));
        }
        left += columns;
      }
    }
  }
}

}  // namespace slicebank::internal
