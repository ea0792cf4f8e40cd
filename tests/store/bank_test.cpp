// Making and opening banks, and reading what is in them.
#include "store/bank.h"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "schema/error.h"
#include "store/internal/file_system.h"
#include "tests/store/bank_fixture.h"
#include "tests/support/temp_dir.h"

namespace {

using namespace slicebank;
using testing::count;
using testing::Feeder;
namespace fs = std::filesystem;

ErrorCode code_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.code();
  }
  return ErrorCode{};
}

void replace_in_file(const fs::path& file, const std::string& what, const std::string& with) {
  std::ifstream in(file);
  std::string text((std::istreambuf_iterator<char>(in)), {});
  const auto at = text.find(what);
  REQUIRE(at != std::string::npos);
  text.replace(at, what.size(), with);
  std::ofstream(file, std::ios::trunc) << text;
}

}  // namespace

TEST_CASE("bank: a new one is empty, whole and not made twice") {
  testing::TempDir folder;
  const auto path = folder / "a.bank";
  CreateOptions options;
  options.created_by = "a test \"with quotes\"";
  const Bank bank = Bank::create(path, options);

  const BankInfo info = bank.info();
  CHECK(raw(info.generation) == 0);
  CHECK(info.samples == 0);
  CHECK(info.created_by == options.created_by);
  CHECK(info.uuid_text.size() == 36);
  CHECK(info.format.major == 1);
  CHECK(Bank::is_bank(path));
  CHECK(!Bank::is_bank(folder.path()));
  CHECK(code_of([&] { Bank::create(path); }) == ErrorCode::already_exists);
  CHECK(code_of([&] { Bank::create(folder / "no" / "such" / "a.bank"); }) == ErrorCode::not_found);
  CHECK(code_of([&] { Bank::open(folder / "b.bank"); }) == ErrorCode::not_found);
  CHECK(code_of([&] { Bank::open(folder.path()); }) == ErrorCode::not_found);
  CHECK(code_of([&] { Writer::open(folder.path()); }) == ErrorCode::not_found);
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder.path())) {
    names.push_back(entry.path().filename().string());
  }
  CHECK(names == std::vector<std::string>{"a.bank"});  // no scaffold, no stray lock file
  CHECK(bank.taxonomy()->find_class("liver").has_value());
}

TEST_CASE("bank: what another build or machine wrote is refused with the reason") {
  testing::TempDir folder;
  const auto path = folder / "a.bank";
  { const Bank bank = Bank::create(path); }
  const auto file = path / "BANK.json";
  ErrorCode expected = ErrorCode::wrong_version;
  SUBCASE("major format") { replace_in_file(file, "\"major\": 1", "\"major\": 2"); }
  SUBCASE("page size") { replace_in_file(file, "\"page_size\": ", "\"page_size\": 1"); }
  SUBCASE("feature") { replace_in_file(file, "\"features\": []", "\"features\": [\"x\"]"); }
  SUBCASE("byte order") { replace_in_file(file, "little", "big"); }
  SUBCASE("not JSON") {
    std::ofstream(file, std::ios::trunc) << "{";
    expected = ErrorCode::corrupt;
  }
  SUBCASE("nested without end") {
    std::ofstream(file, std::ios::trunc) << std::string(60'000, '[');
    expected = ErrorCode::corrupt;
  }
  SUBCASE("too long") {
    std::ofstream(file, std::ios::trunc) << std::string(70'000, ' ');
    expected = ErrorCode::corrupt;
  }
  SUBCASE("no uuid") {
    replace_in_file(file, "\"uuid\"", "\"id\"");
    expected = ErrorCode::corrupt;
  }
  CHECK(code_of([&] { Bank::open(path); }) == expected);
  CHECK(code_of([&] { Writer::open(path); }) == expected);
}

TEST_CASE("bank: a newer minor format and features that may be ignored are read") {
  testing::TempDir folder;
  const auto path = folder / "a.bank";
  { const Bank bank = Bank::create(path); }
  replace_in_file(path / "BANK.json", "\"minor\": 1", "\"minor\": 7");
  replace_in_file(path / "BANK.json", "\"features\": []", "\"features\": [\"optional:x\"]");
  CHECK(Bank::open(path).info().format.minor == 7);
}

TEST_CASE("bank: records of another bank under this BANK.json are refused") {
  testing::TempDir folder;
  { const Bank bank = Bank::create(folder / "a.bank"); }
  { const Bank bank = Bank::create(folder / "b.bank"); }
  fs::copy_file(folder / "b.bank" / "records.lmdb", folder / "a.bank" / "records.lmdb",
                fs::copy_options::overwrite_existing);
  CHECK(code_of([&] { Bank::open(folder / "a.bank"); }) == ErrorCode::corrupt);
}

TEST_CASE("bank: network file systems are told by their magic number") {
  CHECK(network_filesystem_name(0x6969) == "NFS");
  CHECK(network_filesystem_name(0x0bd00bd0) == "Lustre");
  // As a machine with a signed field gives it.
  CHECK(network_filesystem_name(static_cast<int>(0xff534d42)) == "CIFS");
  CHECK(network_filesystem_name(0xef53).empty());      // ext4
  CHECK(network_filesystem_name(0x01021994).empty());  // tmpfs
}

TEST_CASE("bank: the digest depends on contents, not on order, batches or ids") {
  testing::TempDir folder;
  std::vector<std::string> digests;
  const std::vector<std::vector<std::uint64_t>> orders = {
      {1, 2, 3, 4, 5, 6}, {6, 3, 1, 5, 2, 4}, {1, 2, 3, 4, 5, 7}};
  for (std::size_t i = 0; i < orders.size(); ++i) {
    const auto path = folder / (std::to_string(i) + ".bank");
    const Bank bank = Bank::create(path);
    Writer writer = Writer::open(path);
    if (i == 1) {
      Feeder other(writer, "first of all");  // shifts ids of datasets, volumes and samples
      writer.raw_class(other.dataset(), "shifts own classes too", "");
      writer.delete_samples(std::vector<SampleId>{other.add(9)});
    }
    Feeder feeder(writer);
    for (const std::uint64_t seed : orders[i]) {
      feeder.add(seed);
      if (i == 1) writer.commit();
    }
    writer.commit();
    digests.push_back(bank.logical_digest());
    CHECK(bank.logical_digest(true) == digests.back());
    CHECK(digests.back().size() == 32);
  }
  CHECK(digests[0] == digests[1]);
  CHECK(digests[0] != digests[2]);
}

TEST_CASE("bank: parts of a sample are read alone") {
  testing::TempDir folder;
  const Bank bank = Bank::create(folder / "a.bank");
  Writer writer = Writer::open(folder / "a.bank");
  Feeder feeder(writer);
  const SampleId id = feeder.add(15);
  writer.commit();
  const Reader reader = bank.reader();
  const Sample whole = reader.sample(id);
  REQUIRE(whole.masks.size() == 3);
  REQUIRE(whole.labels.size() == 1);

  ReadParts parts;
  parts.masks = false;
  const Sample image = reader.sample(id, parts);
  CHECK(image.image == whole.image);
  CHECK(image.masks.empty());
  CHECK(image.labels == whole.labels);
  parts = {};
  parts.image = false;
  parts.classes = {feeder.classes()[1]};
  const Sample spleen = reader.sample(id, parts);
  CHECK(spleen.image.image_hwc.empty());
  CHECK(spleen.image.shape == whole.image.shape);
  REQUIRE(spleen.masks.size() == 1);
  CHECK(spleen.masks[0] == whole.masks[1]);
  CHECK(reader.image(id) == whole.image);
  CHECK(reader.masks(id, parts.classes) == spleen.masks);
  std::vector<std::byte> pixels(whole.image.image_hwc.size());
  reader.image_into(id, pixels);
  CHECK(pixels == whole.image.image_hwc);
  pixels.pop_back();
  CHECK(code_of([&] { reader.image_into(id, pixels); }) == ErrorCode::bad_argument);
  CHECK(reader.samples(std::vector<SampleId>{id, id}).size() == 2);
  CHECK(reader.record_bytes(id) > 100);
  CHECK(reader.info(id).image_hash == hash_image(whole.image.view()));
  reader.prefetch(std::vector<SampleId>{id, SampleId{99}});
}

TEST_CASE("bank: one directory opened by two names shares its environment") {
  testing::TempDir folder;
  const Bank bank = Bank::create(folder / "a.bank");
  fs::create_directory_symlink(folder / "a.bank", folder / "b.bank");
  {
    Writer writer = Writer::open(folder / "b.bank");
    Feeder(writer).add(3);
    writer.commit();
    const Bank other = Bank::open(folder / "b.bank");
    CHECK(other.path() == bank.path());
    CHECK(other.reader().sample(SampleId{1}) == bank.reader().sample(SampleId{1}));
    // Of two environments on one file the second to close would drop the first's locks.
  }
  CHECK(bank.reader().info(SampleId{1}).name == "slice_3");
  CHECK(bank.info().readers >= 1);
}

TEST_CASE("bank: a folder without write permission gives a clear refusal") {
  if (::geteuid() == 0) return;  // root may write everywhere
  testing::TempDir folder;
  { const Bank bank = Bank::create(folder / "a.bank"); }
  ::chmod((folder / "a.bank").c_str(), 0555);
  CHECK(code_of([&] { Writer::open(folder / "a.bank"); }) == ErrorCode::io);
  ::chmod((folder / "a.bank").c_str(), 0750);
}
