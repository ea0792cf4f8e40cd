// Every file of the shared data, one by one: it is read to its last voxel, or it is in the
// table of those that are refused and why. That what is read is right is the business of each
// format's own test, which walks the same tree beside its oracle.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "formats/dicom.h"
#include "formats/dicom_seg.h"
#include "formats/jpeg.h"
#include "formats/metaimage.h"
#include "formats/nifti.h"
#include "formats/npy.h"
#include "formats/npz_reader.h"
#include "formats/nrrd.h"
#include "formats/png.h"
#include "formats/rtstruct.h"
#include "formats/tiff.h"
#include "schema/error.h"
#include "tests/formats/volume_cases.h"
#include "tests/support/shared_data.h"

namespace slicebank {
namespace {

namespace fs = std::filesystem;

struct Refused {
  const char* file;  // below the shared data
  const char* why;   // words of the message
};

constexpr Refused kRefused[] = {
    {"nibabel/nibabel/tests/data/analyze.hdr", "voxels lie in a file of their own"},
    {"nibabel/nibabel/tests/data/nifti1.hdr", "voxels lie in a file of their own"},
    {"numpy/py2-objarr.npy", "never loaded"},
    {"numpy/py3-objarr.npz", "never loaded"},
    // A blank stands before its first tag: pydicom makes one unknown element of the whole.
    {"pydicom/no_meta.dcm", "no DICOM file"},
};

// What a file is read with; the names of the data files that it needs go to `named`.
using Read = std::function<void(Bytes file, const std::string& name, std::set<fs::path>& named)>;

struct Kind {
  const char* name;
  bool (*is)(Bytes file);
  Read read;
};

bool begins(Bytes file, std::string_view magic) {
  return file.size() >= magic.size() &&
         std::equal(magic.begin(), magic.end(), file.begin(),
                    [](char c, std::byte b) { return static_cast<std::byte>(c) == b; });
}

auto opener(const std::string& name, std::set<fs::path>& named) {
  return [folder = fs::path(name).parent_path(), &named](const std::string& relative) {
    named.insert(folder / relative);
    return testing::bytes_of_file(folder / relative);
  };
}

void read_dicom(Bytes file, const std::string& name) {
  const dicom::File opened(file, name);
  const dicom::Instance& instance = opened.instance();
  for (std::uint32_t frame = 0; instance.has_pixels && frame < instance.frames; ++frame) {
    CHECK(opened.decode(frame).shape.height == instance.rows);
  }
  if (instance.sop_class_uid == dicom::kStructureSetStorage) {
    CHECK(!dicom::read_structure_set(file, name).rois.empty());
  }
  if (instance.sop_class_uid == dicom::kSegmentationStorage ||
      instance.sop_class_uid == dicom::kLabelMapStorage) {
    const dicom::Segmentation segmentation(file, name);
    for (const dicom::Segment& segment : segmentation.segments()) {
      CHECK(!segmentation.mask(segment.number).empty());
    }
  }
}

const std::vector<Kind>& kinds() {
  static const std::vector<Kind> kKinds = {
      // The first: its preamble may be the beginning of a TIFF.
      {"dicom", dicom::looks_like,
       [](Bytes file, const std::string& name, auto&) { read_dicom(file, name); }},
      {"png", [](Bytes file) { return begins(file, "\x89PNG"); },
       [](Bytes file, const std::string& name, auto&) { png::decode(file, name); }},
      {"jpeg", [](Bytes file) { return begins(file, "\xff\xd8\xff"); },
       [](Bytes file, const std::string& name, auto&) { jpeg::decode(file, name); }},
      {"tiff",
       [](Bytes file) { return begins(file, "II*") || begins(file, std::string_view("MM\0*", 4)); },
       [](Bytes file, const std::string& name, auto&) {
         tiff::Reader reader(file, name);
         for (std::size_t page = 0; page < reader.pages().size(); ++page) reader.decode(page);
       }},
      {"npy", npy::is_npy,
       [](Bytes file, const std::string& name, auto&) { npy::decode(file, name); }},
      {"npz", [](Bytes file) { return begins(file, "PK\x03\x04"); },
       [](Bytes file, const std::string& name, auto&) {
         const NpzReader reader(file, name);
         for (const NpzMember& member : reader.members()) reader.read(member.key);
       }},
      {"metaimage", metaimage::is_metaimage,
       [](Bytes file, const std::string& name, auto& named) {
         metaimage::decode(file, name, opener(name, named));
       }},
      {"nrrd", nrrd::is_nrrd,
       [](Bytes file, const std::string& name, auto& named) {
         nrrd::decode(file, name, opener(name, named));
       }},
      {"nifti", nifti::is_nifti,
       [](Bytes file, const std::string& name, auto&) { nifti::decode(file, name); }},
  };
  return kKinds;
}

// Lists, tables and words: what importers read, or people.
bool is_text(const fs::path& path) {
  constexpr std::array<std::string_view, 4> kEndings = {".json", ".jsonl", ".md", ".txt"};
  return std::find(kEndings.begin(), kEndings.end(), path.extension().string()) != kEndings.end();
}

}  // namespace

TEST_CASE("shared files: each is read to its end, or is in the table of the refused") {
  SLICEBANK_SHARED_OR_SKIP(readme, "README.md");
  const fs::path data = fs::canonical(readme).parent_path();
  std::map<std::string, std::string> why;
  for (const Refused& refused : kRefused) why[refused.file] = refused.why;
  std::map<std::string, int> read;
  std::set<fs::path> named;
  std::vector<fs::path> unknown;

  for (const auto& entry : fs::recursive_directory_iterator(data)) {
    if (!entry.is_regular_file()) continue;
    const fs::path path = entry.path();
    const std::string relative = path.lexically_relative(data).string();
    CAPTURE(relative);
    const std::vector<std::byte> file = testing::bytes_of_file(path);
    auto kind =
        std::find_if(kinds().begin(), kinds().end(), [&](const Kind& one) { return one.is(file); });
    if (kind == kinds().end() && path.extension() == ".dcm") kind = kinds().begin();
    if (kind == kinds().end()) {
      if (!is_text(path)) unknown.push_back(path);
      continue;
    }
    CHECK(!is_text(path));
    std::string message;
    try {
      kind->read(file, path.string(), named);
      ++read[kind->name];
    } catch (const Error& error) {
      message = error.what();
      CHECK(message.starts_with(path.string() + ": "));
    }
    CAPTURE(message);
    const auto refused = why.find(relative);
    CHECK(message.empty() == (refused == why.end()));
    if (refused == why.end()) continue;
    CHECK(message.find(refused->second) != std::string::npos);
    why.erase(refused);
  }

  CHECK(why.empty());
  for (const fs::path& path : unknown) {  // voxels behind a header that was read
    CAPTURE(path.string());
    CHECK(named.contains(path));
  }
  for (const Kind& kind : kinds()) {
    CAPTURE(kind.name);
    CHECK(read[kind.name] > 0);
  }
}

}  // namespace slicebank
