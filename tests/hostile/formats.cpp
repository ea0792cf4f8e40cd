// Damaged files of every format that formats/ reads, whole and with mended checksums.
//
// hostile_formats CORPUS [options]: the seeds are those of tests/fuzz.
#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <span>
#include <stdexcept>

#include "formats/coco_rle.h"
#include "formats/dicom.h"
#include "formats/dicom_seg.h"
#include "formats/dicom_series.h"
#include "formats/gzip.h"
#include "formats/jpeg.h"
#include "formats/json_stream.h"
#include "formats/metaimage.h"
#include "formats/nifti.h"
#include "formats/npy.h"
#include "formats/npz_reader.h"
#include "formats/nrrd.h"
#include "formats/png.h"
#include "formats/rtstruct.h"
#include "formats/tiff.h"
#include "schema/error.h"
#include "tests/hostile/campaign.h"
#include "tests/support/drawable_volume.h"
#include "tests/support/temp_dir.h"

namespace slicebank::hostile {
namespace {

namespace fs = std::filesystem;

using Read = std::function<void(Bytes file, const std::string& name)>;
using Mend = std::function<File(File file, Random& random)>;

// How many files behind a header, pages of a file or rows of an array are read.
constexpr std::size_t kPartsMax = 64;

File read_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

void require(bool condition, const char* what) {
  if (!condition) throw std::runtime_error(what);
}

// Several readers of one file: it counts as read when one of them can.
class Format final : public Subject {
 public:
  Format(const fs::path& corpus, std::string name, std::vector<Read> reads, Mend mend)
      : name_(std::move(name)), reads_(std::move(reads)), mend_(std::move(mend)) {
    std::vector<fs::path> paths;
    for (const auto& entry : fs::directory_iterator(corpus)) paths.push_back(entry.path());
    std::sort(paths.begin(), paths.end());
    for (const fs::path& path : paths) seeds_.push_back(read_file(path));
    require(!seeds_.empty(), "no seeds");
  }

  File make(Random& random) override {
    const File& seed = seeds_[random.below(seeds_.size())];
    const File& other = seeds_[random.below(seeds_.size())];
    File file = mutated(seed, other, random);
    return mend_ && random.below(2) == 0 ? mend_(std::move(file), random) : file;
  }

  Outcome run(const File& given) override {
    // A copy of exactly that size, so that a sanitizer sees a read behind its end.
    const File file(given.begin(), given.end());
    Outcome outcome = Outcome::refused;
    for (const Read& read : reads_) {
      try {
        read(file, name_);
        outcome = Outcome::read;
      } catch (const Error& error) {
        check_message(error.what(), name_);
      }
    }
    return outcome;
  }

 private:
  std::string name_;
  std::vector<Read> reads_;
  Mend mend_;
  std::vector<File> seeds_;
};

std::uint32_t crc_of(Bytes bytes) {
  std::uint32_t crc = ~0u;
  for (const std::byte byte : bytes) {
    crc ^= std::to_integer<std::uint32_t>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ ((crc & 1) != 0 ? 0xedb88320u : 0u);
  }
  return ~crc;
}

// Checksums of all chunks computed again, so that they stop nothing.
File mended_png(File file, Random&) {
  constexpr std::size_t kAround = 12;  // length, type and checksum of a chunk
  for (std::size_t at = 8; at + kAround <= file.size();) {
    std::uint32_t length = 0;
    for (std::size_t i = 0; i < 4; ++i) {
      length = length << 8 | std::to_integer<std::uint32_t>(file[at + i]);
    }
    if (length > file.size() - at - kAround) break;
    const std::uint32_t crc = crc_of(std::span(file).subspan(at + 4, std::size_t{length} + 4));
    for (std::size_t i = 0; i < 4; ++i) {
      file[at + 8 + length + i] = static_cast<std::byte>(crc >> (24 - 8 * i));
    }
    at += kAround + length;
  }
  return file;
}

File gzipped(File file, Random&) { return gzip::compress(file, 1); }

void put(File& file, std::uint64_t value, std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; ++i, value >>= 8)
    file.push_back(static_cast<std::byte>(value));
}

// A zip whose one member, stored, is the damaged file under a right checksum.
File zipped(File member, Random&) {
  constexpr std::string_view kName = "a.npy";
  const auto fields = [&](File& file) {
    put(file, 20, 2);  // version needed
    put(file, 0, 8);   // flags, method 0 (stored), time, date
    put(file, crc_of(member), 4);
    put(file, member.size(), 4);
    put(file, member.size(), 4);
    put(file, kName.size(), 2);
    put(file, 0, 2);
  };
  const auto name = std::as_bytes(std::span(kName));
  File file;
  put(file, 0x04034b50, 4);
  fields(file);
  file.insert(file.end(), name.begin(), name.end());
  file.insert(file.end(), member.begin(), member.end());
  const std::size_t directory = file.size();
  put(file, 0x02014b50, 4);
  put(file, 20, 2);
  fields(file);
  put(file, 0, 14);  // comment, disk, attributes, offset of the member
  file.insert(file.end(), name.begin(), name.end());
  const std::size_t bytes = file.size() - directory;
  put(file, 0x06054b50, 4);
  put(file, 0, 4);
  put(file, 1, 2);
  put(file, 1, 2);
  put(file, bytes, 4);
  put(file, directory, 4);
  put(file, 0, 2);
  return file;
}

void check(const Image& image) {
  require(image.image_hwc.size() == image.shape.bytes(), "an image of another size than it says");
}

void check(const Volume& volume) {
  require(volume.voxels.size() == voxel_bytes(volume), "a volume of another size than it says");
  require(!volume.affine || invertible(*volume.affine), "a singular affine");
}

void check(const Array& array) {
  require(array.data.size() == array.elements() * element_bytes(array.type),
          "an array of another size than it says");
}

void read_tiff(Bytes file, const std::string& name) {
  tiff::Reader reader(file, name);
  const std::size_t pages = std::min(reader.pages().size(), kPartsMax);
  for (std::size_t page = 0; page < pages; ++page) check(reader.decode_expanding_palette(page));
}

void read_npz_rows(Bytes file, const std::string& name) {
  const NpzReader reader(file, name);
  for (const NpzMember& member : reader.members()) {
    NpzRows rows = reader.rows(member.key);
    for (std::size_t row = 0; row < kPartsMax && rows.row() < rows.rows(); ++row) {
      require(rows.next().data.size() == rows.row_bytes(), "a row of another size than it says");
    }
  }
}

void read_npz(Bytes file, const std::string& name) {
  const NpzReader reader(file, name);
  for (const NpzMember& member : reader.members()) check(reader.read(member.key));
}

// Whatever a header names holds what the header's own file holds.
auto opener(Bytes file, const std::string& name) {
  return [file, name, opened = std::size_t{0}](const std::string&) mutable {
    if (++opened > kPartsMax) throw Error(ErrorCode::limit, name + ": enough files");
    return std::vector<std::byte>(file.begin(), file.end());
  };
}

void read_dicom(Bytes file, const std::string& name) {
  const dicom::File opened(file, name);
  const dicom::Grouping grouping = dicom::group_series({opened.instance(), opened.instance()});
  for (const dicom::SeriesVolume& volume : grouping.volumes) {
    require(volume.slices.size() == volume.size_ijk[2], "a series of another size than it says");
  }
  const std::size_t frames =
      opened.instance().has_pixels ? std::min<std::size_t>(opened.instance().frames, 4) : 0;
  for (std::size_t frame = 0; frame < frames; ++frame) {
    const Image image = opened.decode(static_cast<std::uint32_t>(frame));
    check(image);
    const auto table = opened.modality_table();
    if (table) check(dicom::through_table(image, *table, name));
  }
}

void read_segmentation(Bytes file, const std::string& name) {
  const dicom::Segmentation segmentation(file, name);
  const auto& size = segmentation.size_ijk();
  std::size_t left = 4;
  for (const dicom::Segment& segment : segmentation.segments()) {
    if (left-- == 0) break;
    require(segmentation.mask(segment.number).size() == std::uint64_t{size[0]} * size[1] * size[2],
            "a mask of another size than it says");
  }
}

void read_structure_set(Bytes file, const std::string& name) {
  static const dicom::SeriesVolume kVolume = slicebank::testing::volume_to_draw_on();
  const dicom::StructureSet set = dicom::read_structure_set(file, name);
  std::size_t left = 8;
  for (const dicom::Roi& roi : set.rois) {
    if (left-- == 0) break;
    for (const auto& [k, mask_hw] : dicom::rasterise(roi, kVolume).mask_hw_of_slice) {
      require(k < 4 && mask_hw.size() == 600, "a mask beside its slice");
    }
  }
}

// In pieces of three elements, so that none falls together with what the file has.
void read_nifti_along(Bytes file, const std::string& name) {
  const MemorySource source(file);
  nifti::Reader reader(source, name);
  const std::uint64_t all = voxel_bytes(reader.volume());
  std::vector<std::byte> piece(3 * element_bytes(reader.volume().type));
  std::uint64_t read = 0;
  for (std::uint64_t at = 0; at < all; at += read) {
    read = std::min<std::uint64_t>(piece.size(), all - at);
    reader.read(MutableBytes(piece).first(static_cast<std::size_t>(read)));
  }
  reader.finish();
}

// JSON is read from disk.
void read_json(Bytes bytes, const std::string& name) {
  static const testing::TempDir kFolder;
  const fs::path path = kFolder / name;
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
  file.close();
  bool read = true;
  try {
    json::for_each_string_list(path, [](const auto&, const auto&) { return true; });
  } catch (const Error& error) {
    check_message(error.what(), name);
    read = false;
  }
  if (read) return;
  json::for_each_string_map(path, [](const auto&, const auto&, const auto&) { return true; });
}

// The first bytes are the sides of the picture; the rest is run lengths, their string, or
// corners. An importer compares the sides with the image's own before it makes a mask.
void read_runs(Bytes file, const std::string& name) {
  constexpr std::uint64_t kPixelsMax = 1u << 24;
  if (file.size() < 8) throw Error(ErrorCode::bad_format, name + ": too short for a mask");
  std::array<std::uint16_t, 4> sides = {};
  std::memcpy(sides.data(), file.data(), sizeof sides);
  const std::uint32_t height = sides[0];
  const std::uint32_t width = sides[1] % 2 == 0 ? sides[2] : sides[2] % 256u;
  const Bytes rest = file.subspan(8);
  const bool affordable = std::uint64_t{height} * width <= kPixelsMax;
  if (sides[3] % 3 == 0) {
    const coco::Rle rle = coco::from_string(
        {reinterpret_cast<const char*>(rest.data()), rest.size()}, height, width, name);
    if (affordable) require(coco::to_mask(rle).size() == std::uint64_t{height} * width, "a mask");
  } else if (sides[3] % 3 == 1) {
    std::vector<std::uint64_t> counts(rest.size() / 8);
    if (!counts.empty()) std::memcpy(counts.data(), rest.data(), counts.size() * 8);
    const coco::Rle rle = coco::from_counts(counts, height, width, name);
    if (affordable) require(coco::to_mask(rle).size() == std::uint64_t{height} * width, "a mask");
  } else {
    std::vector<double> corners(rest.size() / 4);
    for (std::size_t i = 0; i < corners.size(); ++i) {
      float number = 0;
      std::memcpy(&number, rest.data() + 4 * i, sizeof number);
      corners[i] = static_cast<double>(number);
    }
    const std::vector<std::vector<double>> polygons = {corners};
    if (affordable) coco::mask_from_polygons(polygons, height, width, name);
  }
}

std::vector<Entry> entries(const fs::path& corpus) {
  std::vector<Entry> all;
  const auto add = [&](const std::string& name, const std::string& seeds,
                       const std::string& file_name, std::vector<Read> reads, Mend mend = {}) {
    all.push_back(
        {name, [=] { return std::make_unique<Format>(corpus / seeds, file_name, reads, mend); }});
  };
  add("png", "png_decode", "hostile.png",
      {[](Bytes file, const std::string& name) { check(png::decode(file, name).image); },
       [](Bytes file, const std::string& name) {
         check(png::decode_expanding_palette(file, name).image);
       }},
      mended_png);
  add("jpeg", "jpeg_decode", "hostile.jpg",
      {[](Bytes file, const std::string& name) { check(jpeg::decode(file, name)); },
       [](Bytes file, const std::string& name) { check(jpeg::decode_as_stored(file, name)); }});
  add("tiff", "tiff_decode", "hostile.tif", {read_tiff, [](Bytes file, const std::string& name) {
                                               check(tiff::Reader(file, name).decode_volume());
                                             }});
  add("npy", "npy_decode", "hostile.npy",
      {[](Bytes file, const std::string& name) { check(npy::decode(file, name)); }});
  add("npz", "npz_read", "hostile.npz", {read_npz, read_npz_rows});
  add("npz, checksums mended", "npy_decode", "hostile.npz", {read_npz, read_npz_rows}, zipped);
  add("gzip", "gzip_inflate", "hostile.gz",
      {[](Bytes file, const std::string& name) {
         gzip::inflate(file.subspan(std::min<std::size_t>(file.size(), 1)), 1u << 20, name);
       },
       [](Bytes file, const std::string& name) {
         gzip::inflate_exactly(file.subspan(std::min<std::size_t>(file.size(), 1)), 4096, name);
       },
       [](Bytes file, const std::string& name) {
         gzip::inflate_prefix(file.subspan(std::min<std::size_t>(file.size(), 1)), 352, name);
       }});
  add("nifti", "nifti_decode", "hostile.nii.gz",
      {[](Bytes file, const std::string& name) {
         const nifti::Decoded decoded = nifti::decode(file, name);
         check(decoded.volume);
         nifti::label_names(decoded.header);
       },
       [](Bytes file, const std::string& name) { nifti::scan(file, name); }},
      gzipped);
  add("nifti, read along", "nifti_decode", "hostile.nii.gz", {read_nifti_along}, gzipped);
  add("nifti pair", "nifti_decode", "hostile.hdr", {[](Bytes file, const std::string& name) {
        const auto head = file.subspan(0, std::min<std::size_t>(file.size(), 348));
        check(nifti::decode_pair(head, file, name).volume);
      }});
  add("metaimage", "metaimage_decode", "hostile.mhd",
      {[](Bytes file, const std::string& name) {
         check(metaimage::decode(file, name, opener(file, name)).volume);
       },
       [](Bytes file, const std::string& name) { metaimage::scan(file, name); }});
  add("nrrd", "nrrd_decode", "hostile.nrrd",
      {[](Bytes file, const std::string& name) {
         check(nrrd::decode(file, name, opener(file, name)).volume);
       },
       [](Bytes file, const std::string& name) { nrrd::scan(file, name); }});
  add("dicom", "dicom", "hostile.dcm",
      {read_dicom, [](Bytes file, const std::string& name) { dicom::read_header(file, name); }});
  add("dicom_seg", "dicom_seg", "hostile.dcm", {read_segmentation});
  add("rtstruct", "dicom_seg", "hostile.dcm", {read_structure_set});
  add("json", "json_stream", "hostile.json", {read_json});
  add("coco_rle", "coco_rle", "hostile.json", {read_runs});
  return all;
}

}  // namespace
}  // namespace slicebank::hostile

int main(int count, char** arguments) {
  if (count < 2 || !std::filesystem::is_directory(arguments[1])) {
    std::fprintf(stderr, "usage: %s CORPUS [options]\n", arguments[0]);
    return 2;
  }
  const std::filesystem::path corpus = arguments[1];
  arguments[1] = arguments[0];
  return slicebank::hostile::campaign(slicebank::hostile::entries(corpus), 500, 20000, count - 1,
                                      arguments + 1);
}
