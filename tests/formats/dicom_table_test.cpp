// Tables in DICOM files: modality tables and palettes.
#include <doctest/doctest.h>

#include <chrono>
#include <initializer_list>

#include "formats/dicom.h"
#include "schema/error.h"
#include "tests/formats/dicom_files.h"

namespace slicebank {
namespace {

using testing::Builder;
using testing::bytes_in;
using testing::bytes_of;
using testing::message_of;
using testing::synthetic;
using testing::text_in;

std::string header_line(const Image& image) {
  return fmt::format("{} 1 {} {} {}\n", pixel_type_name(image.shape.pixel_type), image.shape.height,
                     image.shape.width, image.shape.channels);
}

}  // namespace

TEST_CASE("dicom: a modality table says what stored numbers mean, as pydicom applies it") {
  const std::filesystem::path& folder = synthetic();
  if (folder.empty()) return;
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".meant") continue;
    const std::string stem = entry.path().stem().string();
    CAPTURE(stem);
    const std::vector<std::byte> bytes = bytes_in(folder / (stem + ".dcm"));
    const dicom::File file(bytes, stem);
    CHECK(file.instance().has_modality_lut);
    const auto table = file.modality_table();
    REQUIRE(table);
    Image meant = dicom::through_table(file.decode(0), *table, stem);
    if (file.instance().inverted()) dicom::invert(meant, table->bits);
    std::string ours = header_line(meant);
    ours.append(reinterpret_cast<const char*>(meant.image_hwc.data()), meant.image_hwc.size());
    CHECK((ours == text_in(entry.path())));
    ++count;
  }
  CHECK(count == 7);
  const std::vector<std::byte> plain = bytes_in(folder / "signed_12.dcm");
  CHECK(!dicom::File(plain, "x").modality_table());
}

TEST_CASE("dicom: a modality table that is cut off or of no use is an error") {
  const auto file_with = [](const std::string& descriptor, const std::string& data) {
    Builder item;
    item.bytes.clear();
    if (!descriptor.empty()) item.element(0x00283002, "US", descriptor);
    item.element(0x00283006, "US", data);
    Builder file;
    file.element(0x00020010, "UI", std::string("1.2.840.10008.1.2.1\0", 20));
    file.put(0x0028, 2);
    file.put(0x3000, 2);
    file.bytes += std::string("SQ\0\0", 4);
    file.put(item.bytes.size() + 8, 4);
    file.put(0xfffe, 2);
    file.put(0xe000, 2);
    file.put(item.bytes.size(), 4);
    return bytes_of(file.bytes + item.bytes);
  };
  const std::string four("\4\0\0\0\x0c\0", 6);
  const std::string words("\1\0\2\0\3\0\4\0", 8);
  const auto error_of = [&](const std::string& descriptor, const std::string& data) {
    const std::vector<std::byte> bytes = file_with(descriptor, data);
    return message_of([&] { dicom::File(bytes, "t").modality_table(); });
  };
  CHECK(error_of(four, words).empty());
  CHECK(error_of("", words).find("t: a modality table without a descriptor") == 0);
  CHECK(error_of(four, words.substr(0, 6)).find("of 4 entries has 6 bytes") != std::string::npos);
  CHECK(error_of(std::string(6, '\0'), words).find("of 0 bits") != std::string::npos);
  CHECK(error_of(std::string("\0\0\0\0\x10\0", 6), words).find("of 65536 entries") !=
        std::string::npos);

  const dicom::ModalityTable table{-1, 12, {7, 8, 300}};
  const Image colours{{PixelType::u8, 1, 1, 3}, std::vector<std::byte>(3)};
  const Image wide{{PixelType::u32, 1, 1, 1}, std::vector<std::byte>(4)};
  CHECK(message_of([&] { dicom::through_table(colours, table, "t"); }).find("t: ") == 0);
  CHECK(message_of([&] { dicom::through_table(wide, table, "t"); }).find("t: ") == 0);
  const Image stored{{PixelType::i8, 1, 3, 1}, {std::byte{0x80}, std::byte{0}, std::byte{9}}};
  CHECK(dicom::through_table(stored, table, "t").image_hwc ==
        std::vector<std::byte>{std::byte{7}, {}, std::byte{8}, {}, std::byte{44}, std::byte{1}});
}

TEST_CASE("dicom: a palette that repeats itself without end takes no time") {
  const auto words = [](std::initializer_list<unsigned> list) {
    Builder out;
    out.bytes.clear();
    for (const unsigned word : list) out.put(word, 2);
    return out.bytes;
  };
  // A run of one number, a ramp of 65535 and 65535 copies of that ramp.
  const std::string table = words({0, 1, 5, 1, 65535, 9, 2, 65535, 6, 0});
  Builder file;
  file.element(0x00020010, "UI", std::string("1.2.840.10008.1.2.1\0", 20));
  file.element(0x00280002, "US", words({1}));
  file.element(0x00280004, "CS", "PALETTE COLOR ");
  for (const std::uint32_t tag : {0x00280010u, 0x00280011u}) file.element(tag, "US", words({1}));
  for (const std::uint32_t tag : {0x00280100u, 0x00280101u}) file.element(tag, "US", words({16}));
  for (std::uint32_t colour = 0; colour < 3; ++colour) {
    file.element(0x00281101 + colour, "US", words({0, 0, 16}));
  }
  for (std::uint32_t colour = 0; colour < 3; ++colour) {
    file.element(0x00281221 + colour, "OW", "");
    file.put(table.size(), 4);
    file.bytes += table;
  }
  file.element(0x7fe00010, "OW", "");
  file.put(2, 4);
  file.put(0, 2);
  const std::vector<std::byte> bytes = bytes_of(file.bytes);
  const auto start = std::chrono::steady_clock::now();

  const Image image = dicom::File(bytes, "p").decode(0);

  CHECK(image.image_hwc[0] == std::byte{5});
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(1));
}

}  // namespace slicebank
