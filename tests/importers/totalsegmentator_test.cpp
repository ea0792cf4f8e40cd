#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

#include "schema/taxonomy.h"
#include "store/bank.h"
#include "store/select.h"
#include "tests/importers/importer_helpers.h"
#include "tests/support/shared_data.h"
#include "tests/support/temp_dir.h"

namespace slicebank {
namespace {

namespace fs = std::filesystem;

// class -> voxels marked, over all slices.
std::map<std::string, std::int64_t> areas(const Bank& bank) {
  std::map<std::string, std::int64_t> found;
  for (Rows rows = select(bank, "SELECT raw_class, SUM(area) FROM masks GROUP BY 1");
       rows.next();) {
    found[std::string(rows.text(0))] = rows.integer(1);
  }
  return found;
}

}  // namespace

TEST_CASE("totalsegmentator: the tool's own two kinds of output hold the same masks") {
  SLICEBANK_SHARED_OR_SKIP(data, "totalsegmentator");
  testing::TempDir folder;
  const fs::path files = folder / "files" / "s0001";
  const fs::path map = folder / "map" / "s0001";
  fs::create_directories(files / "segmentations");
  fs::create_directories(map);
  fs::copy(data / "example_ct_sm.nii.gz", files / "ct.nii.gz");
  fs::copy(data / "example_ct_sm.nii.gz", map / "ct.nii.gz");
  fs::copy(data / "example_seg_fast", files / "segmentations", fs::copy_options::recursive);
  fs::copy(data / "example_seg_fast.nii.gz", map / "segmentations.nii.gz");

  testing::Told told;
  testing::import_into(folder / "files.bank", folder / "files", &told);
  CHECK(told.problems.empty());
  const Bank of_files = Bank::open(folder / "files.bank");
  const auto info = of_files.find_dataset("TotalSegmentator_v2");
  REQUIRE(info.has_value());
  CHECK(info->classes.size() == 117);
  for (const RawClass& each : info->classes) {
    INFO(each.name);
    CHECK(raw(each.class_id) < kFirstBankClass);  // every name is one of the taxonomy's
  }
  const auto by_file = areas(of_files);
  CHECK(by_file.size() > 5);
  CHECK(by_file.size() < 117);  // most files are empty

  testing::Told told_map;
  testing::import_into(folder / "map.bank", folder / "map", &told_map);
  CHECK(told_map.problems.empty());
  const Bank of_map = Bank::open(folder / "map.bank");
  CHECK(areas(of_map) == by_file);
}

TEST_CASE("totalsegmentator: the names of the first edition are the taxonomy's as well") {
  const Taxonomy& taxonomy = Taxonomy::builtin();
  for (const char* name : {"face", "heart_atrium_left", "heart_atrium_right", "heart_myocardium",
                           "heart_ventricle_left", "heart_ventricle_right", "pulmonary_artery"}) {
    INFO(name);
    CHECK(taxonomy.find_class(name).has_value());
  }
}

}  // namespace slicebank
