// import(export(x)) == x for the datasets that the importers' own tests are made of, traps
// and all (tests/importers/fixtures).
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "importers/import.h"
#include "query/selection.h"
#include "store/reader.h"
#include "tests/exporters/export_fixture.h"
#include "tests/formats/python_oracle.h"
#include "tests/support/temp_dir.h"

namespace {

namespace fs = std::filesystem;
using namespace slicebank;
using namespace slicebank::testing;

// A slice by its pixels, with its masks by class and pixels, ascending.
using MaskText = std::tuple<std::string, std::vector<std::uint8_t>>;
using SliceText = std::tuple<std::string, std::vector<std::byte>, std::multiset<MaskText>>;

std::multiset<SliceText> contents(const Selection& selection) {
  std::multiset<SliceText> all;
  const Bank& bank = selection.bank();
  const auto taxonomy = bank.taxonomy();
  for (const SampleId id : selection.ids()) {
    const Sample sample = bank.reader().sample(id);
    std::multiset<MaskText> masks;
    for (const Mask& mask : sample.masks) {
      masks.emplace(taxonomy->class_info(mask.class_id)->name, mask.mask_hw);
    }
    const ImageShape& shape = sample.image.shape;
    all.emplace(std::string(pixel_type_name(shape.pixel_type)) + " " +
                    std::to_string(shape.height) + "x" + std::to_string(shape.width) + "x" +
                    std::to_string(shape.channels),
                sample.image.image_hwc, std::move(masks));
  }
  return all;
}

Selection import_as(const fs::path& bank, const fs::path& source, const std::string& format,
                    const std::map<std::string, std::string>& overrides) {
  ImportOptions options;
  options.format = format;
  options.jobs = 2;
  options.dataset_overrides = overrides;
  import_source(bank, source, options);
  return select_samples(Bank::open(bank), "");
}

void check_round_trips(const std::string& format) {
  const std::string python = python_with("numpy, nibabel, PIL, tifffile");
  if (python.empty()) return;
  std::string script = format;
  std::replace(script.begin(), script.end(), '-', '_');
  const TempDir temp;
  fs::create_directories(temp / "made");
  const std::string command = python + " " + SLICEBANK_SOURCE_DIR + "/tests/importers/fixtures/" +
                              script + ".py '" + (temp / "made").string() + "'";
  REQUIRE(std::system(command.c_str()) == 0);
  const auto expected = nlohmann::json::parse(std::ifstream(temp / "made/expected.json"));
  int number = 0;
  int whole = 0;
  for (const auto& wanted : expected["cases"]) {
    const std::string name = wanted["root"];
    CAPTURE(name);
    const std::string place = std::to_string(++number);
    std::map<std::string, std::string> overrides;
    if (wanted["options"].contains("set")) {
      overrides = wanted["options"]["set"].get<std::map<std::string, std::string>>();
    }
    const Selection first =
        import_as(temp / (place + "a.bank"), temp / "made" / name, format, overrides);
    const ExportReport report = export_to(first, temp / (place + "out"), format);
    const Selection second =
        import_as(temp / (place + "b.bank"), temp / (place + "out"), format, {});
    // Losses of no one sample are of facts beside the pixels: a split, a coverage.
    if (std::all_of(report.losses.begin(), report.losses.end(),
                    [](const ExportLoss& loss) { return raw(loss.sample) == 0; })) {
      ++whole;
      CHECK(contents(first) == contents(second));
    }
    // What was lost was told; what is left comes back as often as one likes.
    export_to(second, temp / (place + "again"), format);
    const Selection third =
        import_as(temp / (place + "c.bank"), temp / (place + "again"), format, {});
    CHECK(contents(second) == contents(third));
  }
  MESSAGE(format, ": ", whole, " of ", number, " datasets without a loss of pixels or masks");
  CHECK(whole > 0);
}

}  // namespace

TEST_CASE("round trip: the datasets of sa-med2d's fixture come back") {
  check_round_trips("sa-med2d");
}

TEST_CASE("round trip: the datasets of sam-med2d's fixture come back") {
  check_round_trips("sam-med2d");
}

TEST_CASE("round trip: the datasets of medsam-npz's fixture come back") {
  check_round_trips("medsam-npz");
}

TEST_CASE("round trip: the datasets of images' fixture come back") { check_round_trips("images"); }
