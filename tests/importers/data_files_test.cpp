#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "tests/importers/importer_helpers.h"
#include "tests/importers/source_builder.h"
#include "tests/support/temp_dir.h"

namespace slicebank::testing {
namespace {

namespace fs = std::filesystem;

void write_text(const fs::path& path, const std::string& text) {
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << text;
}

void write_scan(const fs::path& folder, const std::string& spacing, char voxel) {
  write_text(folder / "scan.mhd",
             "ObjectType = Image\nNDims = 3\nBinaryData = True\nBinaryDataByteOrderMSB = False\n"
             "Offset = 0 0 0\nTransformMatrix = 1 0 0 0 1 0 0 0 1\nElementSpacing = " +
                 spacing +
                 "\nDimSize = 4 3 2\nElementType = MET_UCHAR\nElementDataFile = the data.raw\n");
  write_text(folder / "the data.raw", std::string(4 * 3 * 2, voxel));
}

// As a file that is written later is, whatever the clock's steps are.
void touch(const fs::path& path) {
  fs::last_write_time(path, fs::last_write_time(path) + std::chrono::seconds(2));
}

}  // namespace

TEST_CASE("data files: a .raw that changed under its .mhd is read again, and nothing else is") {
  const TempDir temp;
  write_scan(temp / "scans", "1 1 2", 7);
  CHECK(import_into(temp / "a.bank", temp / "scans").items_new == 1);
  CHECK(import_into(temp / "a.bank", temp / "scans").items_unchanged == 1);
  write_text(temp / "scans/the data.raw", std::string(4 * 3 * 2, 9));
  touch(temp / "scans/the data.raw");
  const ImportReport report = import_into(temp / "a.bank", temp / "scans");
  CHECK(report.items_replaced == 1);
  const Bank bank = Bank::open(temp / "a.bank");
  for (const SampleId id : all_ids(bank)) {
    const Image image = bank.reader().sample(id).image;
    CHECK(image.image_hwc == std::vector<std::byte>(12, std::byte{9}));
  }
  CHECK(import_into(temp / "a.bank", temp / "scans").items_unchanged == 1);
}

TEST_CASE("re-import: a modality that is given later is told to change nothing") {
  const TempDir temp;
  write_scan(temp / "scans", "1 1 2", 7);
  import_into(temp / "a.bank", temp / "scans");
  ImportOptions options;
  options.dataset_overrides["modality"] = "CT";
  Told told;
  const ImportReport report = import_into(temp / "a.bank", temp / "scans", &told, options);
  CHECK(report.items_unchanged == 1);
  CHECK(report.skipped == 1);
  CHECK(told.has("volume-kept", "scan.mhd"));
  import_into(temp / "b.bank", temp / "scans", nullptr, options);
  Told silent;
  CHECK(import_into(temp / "b.bank", temp / "scans", &silent, options).skipped == 0);
}

TEST_CASE("re-import: a scan that lies elsewhere by now is told to keep its first place") {
  const TempDir temp;
  write_scan(temp / "scans", "1 1 2", 7);
  import_into(temp / "a.bank", temp / "scans");
  write_scan(temp / "scans", "1 1 3", 7);
  touch(temp / "scans/scan.mhd");
  Told told;
  CHECK(import_into(temp / "a.bank", temp / "scans", &told).items_replaced == 1);
  CHECK(told.has("volume-kept", "scan.mhd"));
  CHECK(column(Bank::open(temp / "a.bank"), "SELECT path FROM problems WHERE kind = 'volume-kept'")
            .size() == 1);
}

TEST_CASE("re-import: a mask that is gone is told to leave what was looked for as it was") {
  const TempDir temp;
  SaMed2dBuilder source;
  source.classes("D", "liver", "0001");
  source.slice("ct_00--D--alone--2d_none", {"0001_000"});
  source.slice("ct_00--D--stack--z_0001", {"0001_000"});
  source.slice("ct_00--D--stack--z_0002", {"0001_000"});
  source.finish();
  import_into(temp / "a.bank", source.root());
  for (const char* stem : {"ct_00--D--alone--2d_none", "ct_00--D--stack--z_0001"}) {
    fs::remove(source.root() / ("masks/" + std::string(stem) + "--0001_000.png"));
  }
  Told told;
  CHECK(import_into(temp / "a.bank", source.root(), &told).items_replaced == 2);
  CHECK(told.has("volume-kept", "images/ct_00--D--alone--2d_none.png"));
  // Of a stack other slices may have said what was looked for.
  CHECK_FALSE(told.has("volume-kept", "images/ct_00--D--stack--z_0001.png"));
  CHECK(column(Bank::open(temp / "a.bank"), "SELECT path FROM problems WHERE kind = 'volume-kept'")
            .size() == 1);
}

}  // namespace slicebank::testing
