#include "bench/support/png_folder.h"

#include <fcntl.h>
#include <png.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <string>

#include "schema/error.h"

namespace slicebank::bench {
namespace {

struct Cursor {
  Bytes file;
  std::size_t at = 0;
};

void take(png_structp reader, png_bytep out, png_size_t count) {
  auto* cursor = static_cast<Cursor*>(png_get_io_ptr(reader));
  if (count > cursor->file.size() - cursor->at) png_error(reader, "file is too short");
  std::memcpy(out, cursor->file.data() + cursor->at, count);
  cursor->at += count;
}

void fail(png_structp reader, png_const_charp message) {
  *static_cast<std::string*>(png_get_error_ptr(reader)) = message;
  png_longjmp(reader, 1);
}

void ignore(png_structp, png_const_charp) {}

// Nothing with a destructor lives here: libpng leaves by longjmp.
bool decode(png_structp reader, png_infop info, unsigned char* out, std::size_t out_size,
            std::vector<unsigned char*>& rows) {
  if (setjmp(png_jmpbuf(reader)) != 0) return false;
  png_read_info(reader, info);
  if (png_get_bit_depth(reader, info) == 16) png_set_swap(reader);
  png_read_update_info(reader, info);
  const std::size_t row_bytes = png_get_rowbytes(reader, info);
  const std::size_t height = png_get_image_height(reader, info);
  if (row_bytes * height != out_size) png_error(reader, "another size than expected");
  rows.resize(height);
  for (std::size_t y = 0; y < height; ++y) rows[y] = out + y * row_bytes;
  png_read_image(reader, rows.data());
  png_read_end(reader, nullptr);
  return true;
}

}  // namespace

void PngFolderReader::read_into(const std::filesystem::path& path, MutableBytes out_hwc) {
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) throw Error(ErrorCode::not_found, "bench: cannot open " + path.string());
  struct stat status {};
  fstat(descriptor, &status);
  file_.resize(static_cast<std::size_t>(status.st_size));
  const ssize_t count = read(descriptor, file_.data(), file_.size());
  close(descriptor);
  if (count != status.st_size) throw Error(ErrorCode::io, "bench: cannot read " + path.string());

  Cursor cursor{file_, 0};
  std::string message;
  png_structp reader = png_create_read_struct(PNG_LIBPNG_VER_STRING, &message, fail, ignore);
  png_infop info = png_create_info_struct(reader);
  png_set_read_fn(reader, &cursor, take);
  auto* out = reinterpret_cast<unsigned char*>(out_hwc.data());
  const bool done = decode(reader, info, out, out_hwc.size(), rows_);
  png_destroy_read_struct(&reader, &info, nullptr);
  if (!done) throw Error(ErrorCode::bad_format, path.string() + ": " + message);
}

}  // namespace slicebank::bench
