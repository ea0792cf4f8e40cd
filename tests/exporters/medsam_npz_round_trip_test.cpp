// import(export(x)) == x for what an npz case and the two lists beside it hold.
#include <doctest/doctest.h>

#include <array>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "importers/import.h"
#include "store/reader.h"
#include "tests/exporters/export_fixture.h"
#include "tests/support/temp_dir.h"

namespace {

namespace fs = std::filesystem;
using namespace slicebank;
using namespace slicebank::testing;

// dataset, volume, patient, axis, slice
using Place = std::tuple<std::string, std::string, std::string, Axis, std::uint32_t>;

struct Content {
  Image image;
  std::map<std::string, std::vector<std::uint8_t>> masks;  // by canonical class
  std::optional<std::array<double, 3>> spacing_xyz_mm;
  ModalityId modality{};

  bool operator==(const Content&) const = default;
};

std::map<Place, Content> contents(const Selection& selection) {
  std::map<Place, Content> all;
  const Bank& bank = selection.bank();
  for (const SampleId id : selection.ids()) {
    const SampleInfo info = bank.reader().info(id);
    const auto volume = bank.volume(info.volume_id);
    Sample sample = bank.reader().sample(id);
    Content content{std::move(sample.image), {}, volume->spacing_xyz_mm, volume->modality};
    for (Mask& mask : sample.masks) {
      content.masks.emplace(bank.taxonomy()->class_info(mask.class_id)->name,
                            std::move(mask.mask_hw));
    }
    const Place place{bank.dataset(volume->dataset_id)->name, volume->key,
                      bank.subject(volume->subject_id)->patient_id, info.axis, info.slice_index};
    CHECK(all.emplace(place, std::move(content)).second);
  }
  return all;
}

Selection import_cases(const fs::path& bank, const fs::path& source) {
  ImportOptions options;
  options.jobs = 2;
  const ImportReport report = import_source(bank, source, options);
  CHECK(report.importer == "medsam-npz");
  CHECK(report.skipped == 0);
  CHECK(report.items_failed == 0);
  return select_samples(Bank::open(bank), "");
}

// Three scans of two datasets, cut along another axis each, and two pictures.
Selection make_bank(const fs::path& path) {
  BankBuilder builder(path);
  std::uint32_t seed = 0;
  for (const std::string name : {"AMOS22", "BTCV"}) {
    const DatasetId dataset = builder.dataset(name);
    for (const Axis axis : {Axis::z, Axis::x, Axis::y}) {
      if (name == "BTCV" && axis != Axis::z) continue;
      VolumeInfo info;
      info.source_modality = "ct_00";
      info.key = std::string("scan ") + axis_name(axis);
      info.spacing_xyz_mm = {0.7, 0.8, 5};
      const VolumeId volume =
          builder.volume(dataset, info, std::string("patient ") + axis_name(axis));
      for (const std::uint32_t slice : {2u, 5u, 11u}) {
        Sample sample;
        sample.axis = axis;
        sample.slice_index = slice;
        sample.image = pattern(PixelType::u8, 13, 11, 1, ++seed);
        sample.masks.push_back(
            builder.mask(dataset, "liver", sample.image.shape, {1, 1, 5, slice + 1}));
        if (slice != 5) {
          sample.masks.push_back(
              builder.mask(dataset, "kidney_left", sample.image.shape, {6, 2, 9, 9}));
        }
        builder.add(sample, volume);
      }
    }
  }
  const DatasetId skin = builder.dataset("ISIC");
  for (const std::string key : {"picture 1", "picture 2"}) {
    VolumeInfo info;
    info.source_modality = "dermoscopy_00";
    info.key = key;
    const VolumeId volume = builder.volume(skin, info, key);
    Sample sample;
    sample.axis = Axis::none;
    sample.image = pattern(PixelType::u8, 9, 14, 3, ++seed);
    sample.masks.push_back(builder.mask(skin, "melanoma", sample.image.shape, {3, 2, 8, 7}));
    builder.add(sample, volume);
  }
  return builder.selection();
}

}  // namespace

TEST_CASE("medsam-npz round trip: what the cases hold comes back equal, and so do the files") {
  const TempDir temp;
  const Selection first = make_bank(temp / "first.bank");
  export_to(first, temp / "out", "medsam-npz");
  const Selection second = import_cases(temp / "second.bank", temp / "out");
  const auto before = contents(first);
  const auto after = contents(second);
  REQUIRE(before.size() == after.size());
  for (auto b = before.begin(), a = after.begin(); b != before.end(); ++b, ++a) {
    CAPTURE(std::get<0>(b->first));
    CAPTURE(std::get<1>(b->first));
    CAPTURE(std::get<4>(b->first));
    CHECK(b->first == a->first);
    CHECK(b->second == a->second);
  }
  export_to(second, temp / "again", "medsam-npz");
  const auto files = files_below(temp / "out");
  CHECK(files == files_below(temp / "again"));
  for (const auto& file : files) {
    if (!file.ends_with(".npz")) continue;
    CAPTURE(file);
    CHECK(read_text(temp / "out" / file) == read_text(temp / "again" / file));
  }
}

TEST_CASE("medsam-npz round trip: without the lists the pixels come back, under numbers") {
  const TempDir temp;
  const Selection first = make_bank(temp / "first.bank");
  export_to(first, temp / "out", "medsam-npz", {{"names", "test"}});
  for (const char* list : {"cases.json", "classes.json"}) fs::remove(temp / "out" / list);
  const Selection second = import_cases(temp / "second.bank", temp / "out");
  REQUIRE(first.size() == second.size());
  const auto pixels = [](const Selection& selection) {
    std::multiset<std::string> all;
    for (const auto& [place, content] : contents(selection)) {
      std::multiset<std::string> masks;
      for (const auto& [name, mask_hw] : content.masks)
        masks.emplace(mask_hw.begin(), mask_hw.end());
      std::string text;
      for (const std::byte pixel : content.image.image_hwc) text += std::to_integer<char>(pixel);
      for (const std::string& mask : masks) text += mask;
      all.insert(std::move(text));
    }
    return all;
  };
  CHECK(pixels(first) == pixels(second));
  CHECK(select_samples(second.bank(), "official_split = 'test'").size() == second.size());
  CHECK(select_samples(second.bank(), "modality = 'Dermoscopy'").size() == 2);
}
