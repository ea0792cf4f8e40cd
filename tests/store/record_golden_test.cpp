// Bytes that were written once must be read for ever.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "store/record.h"
#include "tests/support/golden_records.h"

namespace slicebank {
namespace {

using testing::golden_records;
using testing::kBank;
using testing::kGoldenId;

std::string file_text(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  REQUIRE_MESSAGE(file.good(), path);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<std::byte> golden_bytes(const std::string& name) {
  const std::string text = file_text(std::filesystem::path(SLICEBANK_SOURCE_DIR) /
                                     "tests/golden/records" / (name + ".record"));
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

TEST_CASE("record golden: every record of the first layout is read") {
  for (const auto& golden : golden_records()) {
    CAPTURE(golden.name);
    const auto record = golden_bytes(golden.name);
    CHECK(get_record_header(record).image_codec == golden.codec);
    CHECK(decode_sample(kBank, kGoldenId, record, nullptr) == golden.sample);
    CHECK(decode_info(kBank, kGoldenId, record).image_hash ==
          hash_image(golden.sample.image.view()));
    CHECK(record_annotations_hash(kBank, kGoldenId, record) ==
          hash_annotations(golden.sample.masks, golden.sample.labels));
  }
}

TEST_CASE("record golden: all codecs are there") {
  for (int codec = 1; codec <= static_cast<int>(ImageCodec::mapped); ++codec) {
    bool found = false;
    for (const auto& golden : golden_records()) {
      found = found || golden.codec == static_cast<ImageCodec>(codec);
    }
    CHECK_MESSAGE(found, "image codec " << codec);
  }
}

TEST_CASE("record golden: the worked example of the documentation is what is written") {
  const auto record = seal_record(kBank, kGoldenId, testing::kGoldenVolume,
                                  encode_sample(testing::worked_example()));
  CHECK(record == golden_bytes("worked_example"));

  // The page's table is `offset: hex bytes`, then a word about them.
  const std::string page =
      file_text(std::filesystem::path(SLICEBANK_SOURCE_DIR) / "docs/format-record.md");
  const std::size_t begin = page.find("```hex\n");
  REQUIRE(begin != std::string::npos);
  const std::size_t end = page.find("```\n", begin + 7);
  REQUIRE(end != std::string::npos);
  std::vector<std::byte> shown;
  std::size_t at = begin + 7;
  while (at < end) {
    const std::string line = page.substr(at, page.find('\n', at) - at);
    at += line.size() + 1;
    CHECK(std::stoul(line.substr(0, 3), nullptr, 16) == shown.size());
    for (std::size_t i = 5; i + 1 < line.size() && line[i] != ' '; i += 3) {
      shown.push_back(static_cast<std::byte>(std::stoul(line.substr(i, 2), nullptr, 16)));
    }
  }
  CHECK(shown == record);
}

}  // namespace
}  // namespace slicebank
