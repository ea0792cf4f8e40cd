// Deflated data sets: as much is inflated as their elements need, and no more.
#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

#include "formats/dicom.h"
#include "formats/gzip.h"
#include "schema/error.h"

using namespace slicebank;

namespace {

using File = std::vector<std::byte>;

void put(File& file, std::uint64_t value, std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; ++i, value >>= 8)
    file.push_back(static_cast<std::byte>(value));
}

void put_element(File& file, std::uint32_t group, std::uint32_t number, std::string_view kind,
                 const File& value) {
  put(file, group, 2);
  put(file, number, 2);
  for (const char c : kind) file.push_back(static_cast<std::byte>(c));
  const bool is_long = kind == "OB" || kind == "UN";
  if (is_long) put(file, 0, 2);
  put(file, value.size(), is_long ? 4 : 2);
  file.insert(file.end(), value.begin(), value.end());
}

File number(std::uint64_t value) {
  File bytes;
  put(bytes, value, 2);
  return bytes;
}

File text(std::string_view words) {
  File bytes;
  for (const char c : words) bytes.push_back(static_cast<std::byte>(c));
  if (bytes.size() % 2 != 0) bytes.push_back(std::byte{0});
  return bytes;
}

struct Made {
  std::size_t side = 8;
  std::size_t private_bytes = 0;  // of an element before the pixels
  std::size_t behind = 0;         // zeros behind the pixels
};

File stream_of(const Made& made) {
  File data;
  put_element(data, 0x08, 0x16, "UI", text("1.2.840.10008.5.1.4.1.1.7"));
  put_element(data, 0x08, 0x18, "UI", text("1.2.3.4"));
  if (made.private_bytes > 0) put_element(data, 0x09, 0x1001, "UN", File(made.private_bytes));
  put_element(data, 0x28, 0x02, "US", number(1));
  put_element(data, 0x28, 0x04, "CS", text("MONOCHROME2 "));
  put_element(data, 0x28, 0x10, "US", number(made.side));
  put_element(data, 0x28, 0x11, "US", number(made.side));
  put_element(data, 0x28, 0x100, "US", number(8));
  put_element(data, 0x28, 0x101, "US", number(8));
  put_element(data, 0x28, 0x102, "US", number(7));
  put_element(data, 0x28, 0x103, "US", number(0));
  File pixels(made.side * made.side);
  for (std::size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<std::byte>(i * 7 % 251);
  put_element(data, 0x7fe0, 0x10, "OB", pixels);
  data.resize(data.size() + made.behind);
  const File zlib = gzip::compress_zlib(data);
  return {zlib.begin() + 2, zlib.end() - 4};  // without its header and checksum
}

File file_of(const File& stream) {
  File file(128);
  for (const char c : std::string_view("DICM")) file.push_back(static_cast<std::byte>(c));
  put_element(file, 0x02, 0x10, "UI", text("1.2.840.10008.1.2.1.99"));
  file.insert(file.end(), stream.begin(), stream.end());
  return file;
}

void check_pixels(const File& file, std::size_t side) {
  const Image image = dicom::File(file, "a.dcm").decode(0);
  REQUIRE(image.image_hwc.size() == side * side);
  for (std::size_t i = 0; i < image.image_hwc.size(); i += 97) {
    REQUIRE(image.image_hwc[i] == static_cast<std::byte>(i * 7 % 251));
  }
}

std::string error_of(const File& file) {
  try {
    dicom::read(file, "a.dcm");
  } catch (const Error& error) {
    return error.what();
  }
  return "none";
}

}  // namespace

TEST_CASE("dicom: large deflated pixels, and large elements before them, come out whole") {
  check_pixels(file_of(stream_of({})), 8);
  check_pixels(file_of(stream_of({.side = 2000})), 2000);
  check_pixels(file_of(stream_of({.side = 64, .private_bytes = 5u << 20})), 64);
  check_pixels(file_of(stream_of({.side = 64, .behind = 300})), 64);
}

TEST_CASE("dicom: a deflated header needs no more than the beginning of its stream") {
  const File file = file_of(stream_of({.side = 2000}));
  const File begin(file.begin(), file.begin() + 1000);
  CHECK(dicom::read_header(begin, "a.dcm").rows == 2000);
  CHECK(error_of(begin).find("a.dcm: ") == 0);
}

TEST_CASE("dicom: a deflated stream that goes on and on is refused") {
  CHECK(error_of(file_of(stream_of({.behind = 3u << 20}))).find("far beyond") != std::string::npos);
  CHECK(error_of(file_of(stream_of({.private_bytes = 200u << 20}))).find("without pixels") !=
        std::string::npos);
  // What lies behind the pixels of a stream that ends in time is not of interest.
  CHECK(error_of(file_of(stream_of({.behind = 1u << 19}))) == "none");
}
