#include "tests/importers/conformance.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "importers/import.h"
#include "store/bank.h"
#include "store/reader.h"
#include "store/select.h"
#include "tests/formats/python_oracle.h"
#include "tests/importers/conformance_queries.h"
#include "tests/support/temp_dir.h"

namespace slicebank::testing {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

// As zlib's.
class Crc {
 public:
  void add(const void* data, std::size_t size) {
    static const std::array<std::uint32_t, 256> kTable = [] {
      std::array<std::uint32_t, 256> table{};
      for (std::uint32_t i = 0; i < 256; ++i) {
        std::uint32_t crc = i;
        for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ ((crc & 1) != 0 ? 0xedb88320u : 0u);
        table[i] = crc;
      }
      return table;
    }();
    const auto* bytes = static_cast<const unsigned char*>(data);
    for (std::size_t i = 0; i < size; ++i) {
      crc_ = crc_ >> 8 ^ kTable[(crc_ ^ bytes[i]) & 0xff];
    }
  }
  void add(std::uint32_t number) { add(&number, sizeof number); }
  std::uint32_t value() const { return ~crc_; }

 private:
  std::uint32_t crc_ = ~0u;
};

ImportOptions options_of(const json& wanted) {
  ImportOptions options;
  options.jobs = 2;
  options.keep_patient_ids = true;
  if (wanted.contains("axes")) {
    options.decode.axes.clear();
    for (const json& axis : wanted["axes"]) {
      options.decode.axes.push_back(axis == "x" ? Axis::x : axis == "y" ? Axis::y : Axis::z);
    }
  }
  if (wanted.contains("set")) {
    for (const auto& [key, value] : wanted["set"].items()) {
      options.dataset_overrides[key] = value.get<std::string>();
    }
  }
  return options;
}

// What was found in the bank of one volume.
struct Found {
  std::uint32_t slices = 0;
  Crc image;
  std::set<std::string> shapes;
  std::map<std::string, std::uint32_t> mask_counts;
  std::map<std::string, std::map<std::array<std::uint32_t, 2>, std::vector<std::uint8_t>>> masks;
  std::map<std::string, std::set<double>> labels;
};

Found read_volume_back(const Bank& bank, std::int64_t volume, const std::string& axis) {
  Found found;
  const Reader reader = bank.reader();
  Rows rows =
      select(bank, "SELECT id FROM samples WHERE volume_id = ? AND axis = ? ORDER BY slice, name",
             {volume, axis});
  while (rows.next()) {
    const SampleId id{static_cast<std::uint64_t>(rows.integer(0))};
    const Sample sample = reader.sample(id);
    ++found.slices;
    const ImageShape& shape = sample.image.shape;
    found.shapes.insert(std::string(pixel_type_name(shape.pixel_type)) + " " +
                        std::to_string(shape.height) + "x" + std::to_string(shape.width) + "x" +
                        std::to_string(shape.channels));
    found.image.add(sample.image.image_hwc.data(), sample.image.image_hwc.size());
    const auto info =
        bank.dataset(bank.volume(VolumeId{static_cast<std::uint64_t>(volume)})->dataset_id);
    for (const Mask& mask : sample.masks) {
      const std::string& name = info->classes.at(mask.raw_class - 1).name;
      ++found.mask_counts[name];
      found.masks[name][{sample.slice_index, mask.instance}] = mask.mask_hw;
    }
    for (const Label& label : sample.labels) {
      found.labels[info->classes.at(label.raw_class - 1).name].insert(label.value);
    }
  }
  return found;
}

std::string text_or_empty(const json& value) {
  return value.is_string() ? value.get<std::string>() : std::string();
}

void check_geometry(const VolumeInfo& volume, const json& wanted) {
  if (wanted.contains("spacing")) {
    REQUIRE(volume.spacing_xyz_mm);
    for (std::size_t axis = 0; axis < 3; ++axis) {
      CHECK((*volume.spacing_xyz_mm)[axis] ==
            doctest::Approx(wanted["spacing"][axis].get<double>()).epsilon(1e-5));
    }
  }
  if (wanted.contains("affine")) {
    REQUIRE(volume.affine_4x4.size() == 16);
    for (std::size_t i = 0; i < 16; ++i) {
      const double right = wanted["affine"][i].get<double>();
      CHECK(std::abs(volume.affine_4x4[i] - right) <= 1e-4 + 1e-5 * std::abs(right));
    }
  }
  if (wanted.contains("channel_names")) {
    CHECK(volume.channel_names == wanted["channel_names"].get<std::vector<std::string>>());
  }
}

void check_coverage(const Bank& bank, const VolumeInfo& volume, const json& wanted) {
  if (!wanted.contains("covered")) return;
  const auto dataset = bank.dataset(volume.dataset_id);
  std::set<std::string> names;
  for (const RawClass& raw : dataset->classes) {
    if (std::binary_search(volume.coverage.begin(), volume.coverage.end(), raw.class_id)) {
      names.insert(raw.name);
    }
  }
  const auto right = wanted["covered"].get<std::set<std::string>>();
  CHECK(names == right);
}

void check_volume(const Bank& bank, const json& wanted) {
  const std::string key = wanted["key"];
  INFO("volume ", wanted["dataset"].get<std::string>(), " / ", key);
  Rows rows = select(bank,
                     "SELECT id, patient, modality, sequence, official_split FROM volumes "
                     "WHERE dataset = ? AND key = ?",
                     {wanted["dataset"].get<std::string>(), key});
  REQUIRE(rows.next());
  const std::int64_t id = rows.integer(0);
  CHECK(std::string(rows.text(1)) == wanted["patient"].get<std::string>());
  CHECK(std::string(rows.text(2)) == text_or_empty(wanted["modality"]));
  if (wanted["sequence"].is_string()) CHECK(std::string(rows.text(3)) == wanted["sequence"]);
  CHECK(std::string(rows.text(4)) == text_or_empty(wanted["split"]));
  const auto volume = bank.volume(VolumeId{static_cast<std::uint64_t>(id)});
  REQUIRE(volume);
  check_geometry(*volume, wanted);
  check_coverage(bank, *volume, wanted);

  const Found found = read_volume_back(bank, id, wanted["axis"]);
  CHECK(found.slices == wanted["slices"].get<std::uint32_t>());
  const std::string shape = wanted["pixel_type"].get<std::string>() + " " +
                            std::to_string(wanted["height"].get<int>()) + "x" +
                            std::to_string(wanted["width"].get<int>()) + "x" +
                            std::to_string(wanted["channels"].get<int>());
  CHECK(found.shapes == std::set<std::string>{shape});
  CHECK(found.image.value() == wanted["image_crc"].get<std::uint32_t>());
  std::set<std::string> wanted_masks;
  for (const auto& [name, mask] : wanted["masks"].items()) {
    INFO("class ", name);
    wanted_masks.insert(name);
    const auto own = found.masks.find(name);
    REQUIRE(own != found.masks.end());
    CHECK(found.mask_counts.at(name) == mask["count"].get<std::uint32_t>());
    Crc crc;
    for (const auto& [place, mask_hw] : own->second) {
      crc.add(place[0]);
      crc.add(place[1]);
      crc.add(mask_hw.data(), mask_hw.size());
    }
    CHECK(crc.value() == mask["crc"].get<std::uint32_t>());
  }
  std::set<std::string> found_masks;
  for (const auto& [name, masks] : found.masks) found_masks.insert(name);
  CHECK(found_masks == wanted_masks);
  if (wanted.contains("labels")) {
    std::map<std::string, std::set<double>> labels;
    for (const auto& [name, value] : wanted["labels"].items()) {
      labels[name] = {value.get<double>()};
    }
    CHECK(found.labels == labels);
  }
}

// Each class is one of the taxonomy, or the report says that it is not.
void check_own_classes(const Bank& bank, const ImportReport& report) {
  for (const auto& counted : report.datasets) {
    INFO("dataset ", counted.name);
    const auto info = bank.find_dataset(counted.name);
    REQUIRE(info);
    std::set<std::string> own;
    for (const RawClass& raw_class : info->classes) {
      if (raw(raw_class.class_id) >= kFirstBankClass) own.insert(raw_class.name);
    }
    CHECK(counted.own_classes == own.size());
    for (const std::string& name : counted.own_class_names) CHECK(own.contains(name));
    CHECK(counted.own_class_names.size() == std::min<std::size_t>(own.size(), 20));
  }
}

// Subjects of several names that the source itself calls one person.
void check_people(const Bank& bank, const json& wanted) {
  for (const json& person : wanted["people"]) {
    std::set<std::int64_t> groups;
    for (const json& name : person) {
      Rows rows = select(bank, "SELECT alias_group FROM subjects WHERE dataset = ? AND patient = ?",
                         {name[0].get<std::string>(), name[1].get<std::string>()});
      REQUIRE(rows.next());
      groups.insert(rows.integer(0));
    }
    CHECK(groups.size() == 1);
    CHECK_FALSE(groups.contains(0));
  }
}

struct Told {
  std::set<std::string> problems;
  std::set<std::string> notes;
  std::vector<std::string> paths;
};

ImportReport import_telling(const fs::path& bank, const fs::path& source, ImportOptions options,
                            Told& told) {
  options.problem = [&](const Problem& problem) {
    (problem.severity == Severity::note ? told.notes : told.problems).insert(problem.kind);
    told.paths.push_back(problem.path + " " + problem.message);
  };
  return import_source(bank, source, options);
}

void check_recognition(const std::string& name, const fs::path& root) {
  const std::vector<Recognised> found = recognise(root);
  REQUIRE_MESSAGE(!found.empty(), "nobody recognises ", root.string());
  CHECK(std::string(found[0].importer->name()) == name);
  CHECK_FALSE(found[0].recognition.reason.empty());
  if (found.size() > 1) {
    CHECK_MESSAGE(found[0].recognition.score > found[1].recognition.score,
                  std::string(found[1].importer->name()), " is as sure");
  }
}

void check_scan(const Importer& importer, const fs::path& root) {
  const SourceTree tree(root);
  std::vector<std::string> first;
  std::vector<std::string> second;
  for (std::vector<std::string>* keys : {&first, &second}) {
    importer.scan(tree, [&](SourceItem&& item) {
      keys->push_back(item.key);
      return true;
    });
  }
  CHECK(first == second);
  CHECK(std::set<std::string>(first.begin(), first.end()).size() == first.size());
}

void check_import(const std::string& name, const fs::path& root, const json& wanted,
                  const fs::path& bank_path) {
  const ImportOptions options = options_of(wanted["options"]);
  ImportOptions dry = options;
  dry.dry_run = true;
  const ImportReport counted = import_source(bank_path, root, dry);
  CHECK_FALSE(fs::exists(bank_path));

  Told told;
  const ImportReport report = import_telling(bank_path, root, options, told);
  CHECK(report.importer == name);
  CHECK(report.items == counted.items);
  CHECK(report.items_failed == wanted["failed"].get<std::uint64_t>());
  std::string said;
  for (const std::string& text : told.paths) said += text + "\n";
  INFO("told:\n", said);
  CHECK(told.problems == wanted["problems"].get<std::set<std::string>>());
  CHECK(told.notes == wanted["notes"].get<std::set<std::string>>());

  const Bank bank = Bank::open(bank_path);
  CHECK(bank.info().volumes == wanted["volumes"].size());
  for (const json& volume : wanted["volumes"]) check_volume(bank, volume);
  for (const auto& [dataset, tag] : wanted["licences"].items()) {
    INFO("licence of ", dataset);
    const auto info = bank.find_dataset(dataset);
    REQUIRE(info);
    CHECK(info->image_licence.tag == tag.get<std::string>());
  }
  check_people(bank, wanted);
  check_own_classes(bank, report);
  check_queries(bank, wanted);

  const std::string digest = bank.logical_digest();
  Told again;
  const ImportReport second = import_telling(bank_path, root, options, again);
  CHECK(second.items_new + second.items_replaced == 0);
  CHECK(Bank::open(bank_path).logical_digest() == digest);
}

// Each file cut in half: the import ends by itself, and names the file or what is missing,
// or keeps everything that was in it.
void check_truncated(const fs::path& root, const json& wanted, const fs::path& scratch) {
  const ImportOptions options = options_of(wanted["options"]);
  fs::create_directories(scratch);
  const fs::path whole = scratch / "whole.bank";
  Told ignored;
  import_telling(whole, root, options, ignored);
  const std::set<std::string> told_whole(ignored.paths.begin(), ignored.paths.end());
  const std::string digest = Bank::open(whole).logical_digest();
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(root)) {
    if (entry.is_regular_file() && entry.file_size() > 1) {
      files.push_back(fs::relative(entry.path(), root));
    }
  }
  std::sort(files.begin(), files.end());
  const auto unnoticed = wanted["text_files"].get<std::set<std::string>>();
  for (std::size_t i = 0; i < files.size(); ++i) {
    const std::string name = files[i].filename().string();
    INFO("cut in half: ", files[i].string());
    const fs::path place = scratch / ("cut" + std::to_string(i));
    fs::create_directories(place);
    fs::copy(root, place / root.filename(), fs::copy_options::recursive);
    const fs::path cut = place / root.filename() / files[i];
    fs::resize_file(cut, fs::file_size(cut) / 2);
    Told told;
    bool refused = false;
    try {
      import_telling(place / "a.bank", place / root.filename(), options, told);
    } catch (const Error& error) {
      refused = true;
      told.paths.emplace_back(error.what());
    }
    const bool same = !refused && Bank::open(place / "a.bank").logical_digest() == digest;
    bool named = false;
    for (const std::string& text : told.paths) {
      const bool fresh = !told_whole.contains(text);
      named = named || (fresh && text.find(files[i].stem().stem().string()) != std::string::npos);
    }
    CHECK((same || unnoticed.contains(name) || named));
    fs::remove_all(place);
  }
  fs::remove_all(whole);
}

}  // namespace

void conforms(const std::string& name) {
  const std::string python = python_with("numpy, nibabel, pydicom, PIL, tifffile");
  if (python.empty()) return;
  const Importer* importer = find_importer(name);
  REQUIRE(importer != nullptr);
  std::string script = name;
  std::replace(script.begin(), script.end(), '-', '_');
  const TempDir folder;
  const fs::path made = folder / "made";
  fs::create_directories(made);
  const std::string command = python + " " + std::string(SLICEBANK_SOURCE_DIR) +
                              "/tests/importers/fixtures/" + script + ".py '" + made.string() + "'";
  REQUIRE(std::system(command.c_str()) == 0);
  const json expected = json::parse(std::ifstream(made / "expected.json"));
  REQUIRE_FALSE(expected["cases"].empty());
  check_facets_asked(expected["cases"]);
  int number = 0;
  for (const json& wanted : expected["cases"]) {
    const fs::path root = made / wanted["root"].get<std::string>();
    INFO("case ", root.filename().string());
    check_recognition(name, root);
    check_scan(*importer, root);
    const std::string place = std::to_string(++number);
    check_import(name, root, wanted, folder / (place + ".bank"));
    check_truncated(root, wanted, folder / ("cut-" + place));
  }
}

}  // namespace slicebank::testing
