#include <doctest/doctest.h>

#include <fstream>
#include <iterator>
#include <set>
#include <string>

#include "importers/import.h"
#include "store/bank.h"
#include "store/select.h"
#include "tests/support/shared_data.h"
#include "tests/support/temp_dir.h"

namespace slicebank {
namespace {

namespace fs = std::filesystem;

std::set<std::string> column(const fs::path& bank_path, const std::string& sql) {
  const Bank bank = Bank::open(bank_path);
  std::set<std::string> found;
  Rows rows = select(bank, sql, {});
  while (rows.next()) found.insert(std::string(rows.text(0)));
  return found;
}

std::string all_bytes(const fs::path& folder) {
  std::string bytes;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    std::ifstream file(entry.path(), std::ios::binary);
    bytes.append(std::istreambuf_iterator<char>(file), {});
  }
  return bytes;
}

ImportOptions options_with(const fs::path& key) {
  ImportOptions options;
  options.jobs = 2;
  options.patient_key = key;
  return options;
}

// CT_small is of patient "1CT1", its study and series UIDs begin with 1.3.6.1.4.1.5962.
fs::path one_patient(const testing::TempDir& folder, const fs::path& data) {
  const fs::path source = folder / "source";
  fs::create_directories(source);
  fs::copy_file(data / "CT_small.dcm", source / "a.dcm");
  return source;
}

TEST_CASE("dicom: ids of people and UIDs are in no byte of the bank, unless asked for") {
  SLICEBANK_SHARED_OR_SKIP(data, "pydicom");
  const testing::TempDir folder;
  const fs::path source = one_patient(folder, data);
  import_source(folder / "hashed.bank", source, options_with(folder / "key"));
  const auto patients = column(folder / "hashed.bank", "SELECT patient FROM volumes");
  REQUIRE(patients.size() == 1);
  CHECK(patients.begin()->starts_with("anon-"));
  const std::string hashed = all_bytes(folder / "hashed.bank");
  CHECK(hashed.find("1CT1") == std::string::npos);
  CHECK(hashed.find("1.3.6.1.4.1.5962") == std::string::npos);
  CHECK(hashed.find("CompressedSamples") == std::string::npos);  // the patient's name

  ImportOptions kept = options_with(folder / "other-key");
  kept.keep_patient_ids = true;
  import_source(folder / "kept.bank", source, kept);
  CHECK(column(folder / "kept.bank", "SELECT patient FROM volumes") ==
        std::set<std::string>{"1CT1"});
  CHECK_FALSE(fs::exists(folder / "other-key"));
}

TEST_CASE("dicom: one key gives a person one name in every bank, and imports go on") {
  SLICEBANK_SHARED_OR_SKIP(data, "pydicom");
  const testing::TempDir folder;
  const fs::path source = one_patient(folder, data);
  for (const char* bank : {"one.bank", "two.bank"}) {
    import_source(folder / bank, source, options_with(folder / "key"));
  }
  const auto one = column(folder / "one.bank", "SELECT patient || key FROM volumes");
  CHECK(one == column(folder / "two.bank", "SELECT patient || key FROM volumes"));
  const ImportReport again =
      import_source(folder / "one.bank", source, options_with(folder / "key"));
  CHECK(again.items_unchanged == 1);
  CHECK(again.items_new + again.items_replaced == 0);
  import_source(folder / "three.bank", source, options_with(folder / "another"));
  CHECK(one != column(folder / "three.bank", "SELECT patient || key FROM volumes"));
}

TEST_CASE("dicom: a dry run makes no key") {
  SLICEBANK_SHARED_OR_SKIP(data, "pydicom");
  const testing::TempDir folder;
  ImportOptions options = options_with(folder / "key");
  options.dry_run = true;
  CHECK(import_source(folder / "a.bank", one_patient(folder, data), options).items == 1);
  CHECK_FALSE(fs::exists(folder / "key"));
}

TEST_CASE("dicom: segmentations of real files have the areas of the arrays beside them") {
  SLICEBANK_SHARED_OR_SKIP(data, "dcmqi");
  const testing::TempDir folder;
  import_source(folder / "a.bank", data, options_with(folder / "key"));
  // Voxels a slice in liver_seg.nrrd and 23x38x3/nrrd/label.nrrd, from the front of the stack.
  CHECK(column(folder / "a.bank",
               "SELECT samples.slice || ': ' || masks.area FROM masks "
               "JOIN samples ON samples.id = masks.sample_id") ==
        std::set<std::string>{"0: 36233", "1: 35645", "2: 35220", "0: 4", "1: 314", "2: 4"});
}

}  // namespace
}  // namespace slicebank
