// Folders of real files of every kind: what the general layouts make of them.
#include <doctest/doctest.h>

#include <map>
#include <string>

#include "importers/import.h"
#include "store/bank.h"
#include "tests/support/shared_data.h"
#include "tests/support/temp_dir.h"

namespace slicebank {
namespace {

struct Folder {
  const char* name;
  const char* format;  // that is recognised
  std::uint64_t items;
  std::uint64_t failed;
  std::uint64_t samples;
  std::uint64_t masks;
  std::map<std::string, int> told;  // kinds, skipped ones and notes
};

const Folder kFolders[] = {
    // A SEG and an RTSTRUCT whose images are elsewhere; six encodings of one MR slice.
    {"pydicom",
     "dicom",
     17,
     2,
     18,
     0,
     {{"not-dicom", 1},
      {"duplicate-instance", 6},
      {"unknown-modality", 1},
      {"missing-slices", 1},
      {"one-slice", 2},
      {"missing-image", 2}}},
    {"pydicom-data",
     "dicom",
     9,
     2,
     16,
     0,
     {{"not-dicom", 1},
      {"duplicate-instance", 2},
      {"unknown-modality", 1},
      {"no-position", 1},
      {"missing-image", 2}}},
    {"dcmqi", "dicom", 4, 1, 9, 6, {{"not-dicom", 1}, {"missing-image", 1}}},
    {"highdicom",
     "dicom",
     5,
     4,
     1,
     1,
     {{"not-dicom", 1}, {"slide", 1}, {"one-slice", 1}, {"missing-image", 4}}},
    // The same slices in several encodings.
    {"dicom2nifti", "dicom", 3, 0, 12, 0, {{"not-dicom", 1}, {"duplicate-instance", 6}}},
    {"rt-utils", "dicom", 2, 0, 5, 1, {{"not-dicom", 1}}},
    {"niivue", "nifti", 7, 0, 502, 0, {{"other-volumes", 1}, {"volume", 1}}},
    // Headers of pairs without their data, and a mosaic.
    {"nibabel", "nifti", 26, 2, 197, 0, {{"missing-image", 2}, {"other-files", 1}}},
    {"elastix", "metaimage", 4, 0, 67, 1, {{"unpaired-mask", 1}}},
    {"pynrrd", "metaimage", 3, 0, 90, 0, {{"other-volumes", 1}}},
    {"pyradiomics", "metaimage", 2, 0, 38, 59, {}},
    // The folder around a dataset's.
    {"sam-med2d", "sam-med2d", 3, 0, 3, 19, {{"unlisted-image", 1}}},
    {"totalsegmentator", "nifti", 120, 0, 3590, 0, {}},
};

TEST_CASE("shared folders: what is taken, what is left out, and every reason for it") {
  SLICEBANK_SHARED_OR_SKIP(data, "README.md");
  for (const Folder& folder : kFolders) {
    INFO(folder.name);
    const testing::TempDir scratch;
    ImportOptions options;
    options.jobs = 2;
    options.patient_key = scratch / "key";
    options.effort = Effort::fast;
    std::map<std::string, int> told;
    options.problem = [&](const Problem& problem) {
      ++told[problem.kind];
      CHECK_FALSE(problem.message.empty());
    };
    ImportOptions dry = options;
    dry.problem = {};
    dry.dry_run = true;
    const auto source = data.parent_path() / folder.name;
    const ImportReport counted = import_source(scratch / "a.bank", source, dry);
    const ImportReport report = import_source(scratch / "a.bank", source, options);
    CHECK(report.importer == folder.format);
    CHECK(counted.items == report.items);
    CHECK(report.items == folder.items);
    CHECK(report.items_failed == folder.failed);
    CHECK(report.samples == folder.samples);
    CHECK(report.masks == folder.masks);
    for (const auto& [kind, count] : told) {
      INFO(kind);
      const auto right = folder.told.find(kind);
      CHECK(count == (right == folder.told.end() ? 0 : right->second));
    }
    CHECK(told.size() == folder.told.size());
    CHECK(Bank::open(scratch / "a.bank").info().samples == report.samples);
  }
}

}  // namespace
}  // namespace slicebank
