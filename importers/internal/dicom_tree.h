// Every DICOM file of a folder by what it is, from headers alone. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "formats/dicom.h"
#include "formats/dicom_series.h"
#include "formats/source_tree.h"
#include "importers/importer.h"

namespace slicebank::internal {

struct DicomFile {
  std::string path;
  dicom::Instance instance;
};

// Something that becomes an item.
struct DicomImage {
  enum class Kind {
    volume,   // slices of a series
    picture,  // one 2-D image
    loop      // pictures of one file, one after the other: ultrasound, angiography
  };
  Kind kind = Kind::picture;
  std::string key;                 // series or instance UID, and which of several
  std::vector<std::size_t> files;  // places in DicomTree::images, in the order of slices
  dicom::SeriesVolume volume;      // of a volume; refers to `files`
  std::vector<Problem> problems;
};

struct DicomTree {
  std::vector<DicomFile> images;
  std::vector<DicomImage> items;
  std::vector<DicomFile> segmentations;   // SEG
  std::vector<DicomFile> structure_sets;  // RTSTRUCT
  std::vector<SourceItem> failed;         // files that say they are DICOM and cannot be read
  std::vector<Problem> problems;
};

// Walks the whole tree. Memory grows with the number of DICOM files by about 2 KB each.
DicomTree read_dicom_tree(const SourceTree& source);

struct DicomPeek {
  std::string first;       // a DICOM file, or empty
  std::size_t files = 0;   // that are DICOM
  std::size_t others = 0;  // volumes of other formats
};

// Looks at the first bytes of some hundred files at most.
DicomPeek peek_dicom(const std::filesystem::path& root);

// A whole file, unpacked where it is gzip. Throws as SourceTree and gzip do.
std::vector<std::byte> read_dicom_bytes(const SourceTree& source, const std::string& path);

}  // namespace slicebank::internal
