#include <doctest/doctest.h>

#include "formats/png.h"
#include "importer_helpers.h"
#include "schema/error.h"
#include "source_builder.h"
#include "tests/support/shared_data.h"

namespace slicebank {
namespace {

using testing::import_into;
using testing::SourceBuilder;
using testing::Told;
using Strings = std::vector<std::string>;

const Importer& importer() { return *find_importer("sam-med2d"); }

std::map<std::string, SourceItem> items_of(const std::filesystem::path& root) {
  std::map<std::string, SourceItem> items;
  for (SourceItem& item : testing::scan_all(importer(), SourceTree(root))) {
    REQUIRE(items.emplace(item.key, item).second);
  }
  return items;
}

std::vector<std::string> paths_of(const SourceItem& item) {
  std::vector<std::string> paths;
  for (const MaskSource& mask : item.masks) paths.push_back(mask.path);
  return paths;
}

}  // namespace

TEST_CASE("sam_med2d: the real demo folder comes in pixel by pixel") {
  SLICEBANK_SHARED_OR_SKIP(root, "sam-med2d/data_demo");
  const testing::TempDir folder;
  Told told;
  const ImportReport report = import_into(folder / "a.bank", root, &told);

  CHECK(report.importer == "sam-med2d");
  CHECK(report.items_new == 3);
  CHECK(report.masks == 19);
  CHECK(report.skipped == 0);
  CHECK(told.kinds_at("images/amos_0507_31.png") == Strings{"unlisted-image"});
  const Bank bank = Bank::open(folder / "a.bank");
  const SourceTree tree(root);
  const auto samples = testing::samples_by_name(bank);
  REQUIRE(samples.size() == 3);
  for (const auto& entry : samples) {
    const std::string& name = entry.first;
    const Sample& sample = entry.second;
    CAPTURE(name);
    const Image direct = png::decode(tree.read("images/" + name + ".png"), name).image;
    CHECK(sample.image == direct);
    CHECK(sample.image.shape.channels == 3);
    CHECK(sample.axis == Axis::z);
    for (const Mask& mask : sample.masks) {
      const auto dataset = bank.find_dataset("data_demo");
      const std::string class_name = dataset->classes.at(mask.raw_class - 1).name;
      const Image png =
          png::decode(tree.read("masks/" + name + "_" + class_name + "_000.png"), name).image;
      CHECK(mask.source_value == 255);
      bool equal = true;
      for (std::size_t i = 0; i < mask.mask_hw.size(); ++i) {
        equal = equal && (mask.mask_hw[i] == 1) == (png.image_hwc[i] == std::byte{255});
      }
      CHECK(equal);
    }
  }
  CHECK(samples.at("amos_0006_90").slice_index == 90);
  CHECK(samples.at("amos_0006_90").masks.size() == 4);
  CHECK(samples.at("s0114_111").masks.size() == 15);
  CHECK(samples.at("amos_0507_31").masks.empty());
  CHECK(testing::column(bank, "SELECT patient FROM subjects ORDER BY patient") ==
        Strings{"amos_0006", "amos_0507", "s0114"});
  CHECK(testing::column(bank, "SELECT modality FROM samples ORDER BY patient") ==
        Strings{"CT", "MR", "CT"});
  CHECK(testing::column(bank,
                        "SELECT coalesce(official_split, '-') FROM samples "
                        "ORDER BY patient") == Strings{"train", "-", "train"});
  CHECK(testing::column(bank, "SELECT count(*) FROM coverage") == Strings{"0"});
  CHECK(testing::column(bank, "SELECT class FROM masks WHERE raw_class = 'inferior_vena_cava'") ==
        Strings{"inferior vena cava"});
}

TEST_CASE("sam_med2d: paths are found from the folder, its parent or wherever they began") {
  SourceBuilder source("demo");
  source.image("images/a_1_1.png");
  source.mask("masks/a_1_1_liver_000.png");
  const auto listed_as = [&](const std::string& prefix) {
    source.text("image2label_train.json", R"({")" + prefix + R"(images/a_1_1.png": [")" + prefix +
                                              R"(masks/a_1_1_liver_000.png"]})");
    const auto items = items_of(source.root());
    REQUIRE(items.size() == 1);
    REQUIRE(items.contains("images/a_1_1.png"));
    return paths_of(items.at("images/a_1_1.png"));
  };

  for (const std::string prefix : {"", "./", "demo/", "somewhere/else/", "demo\\\\"}) {
    CAPTURE(prefix);
    CHECK(listed_as(prefix) == Strings{"masks/a_1_1_liver_000.png"});
  }
}

TEST_CASE("sam_med2d: a name with control characters is told without them") {
  SourceBuilder source("demo");
  source.image("images/a_1_1.png");
  source.text("image2label_train.json", R"({"images/a_1_1.png": ["masks/a\u007f\u001b[2J.png"]})");
  const auto items = items_of(source.root());
  REQUIRE(items.size() == 1);
  const std::vector<Problem>& problems = items.begin()->second.problems;
  REQUIRE(problems.size() == 1);
  CHECK(problems.front().kind == "bad-name");
  CHECK(problems.front().path == "masks/a\\x7f\\x1b[2J.png");
}

TEST_CASE("sam_med2d: a missing mask with control characters in its name is told without them") {
  SourceBuilder source("demo");
  source.image("images/a_1_1.png");
  source.text("image2label_train.json",
              R"({"images/a_1_1.png": ["mask\u007f/a_1_1_liver_000.png"]})");
  ImportOptions options;
  std::vector<std::string> paths;
  options.problem = [&](const Problem& problem) { paths.push_back(problem.path); };
  import_source(source.root() / "a.bank", source.root(), options);
  CHECK(paths == std::vector<std::string>{"mask\\x7f/a_1_1_liver_000.png"});
}

TEST_CASE("sam_med2d: both directions of the lists are read, and one image is one item") {
  SourceBuilder source("demo");
  for (const std::string stem : {"a_1_1", "a_1_2", "b_2_1", "c_3_1"}) {
    source.image("images/" + stem + ".png");
    source.mask("masks/" + stem + "_liver_000.png");
    source.mask("masks/" + stem + "_left_kidney_001.png");
  }
  source.text("image2label_train.json", R"({
    "images/a_1_1.png": ["masks/a_1_1_liver_000.png", "masks/a_1_1_left_kidney_001.png"],
    "images/b_2_1.png": ["masks/b_2_1_liver_000.png"]})");
  source.text("label2image_test.json", R"({
    "masks/a_1_2_liver_000.png": "images/a_1_2.png",
    "masks/b_2_1_liver_000.png": "images/b_2_1.png",
    "masks/b_2_1_left_kidney_001.png": "images/b_2_1.png",
    "masks/a_1_2_left_kidney_001.png": "images/a_1_2.png"})");

  const auto items = items_of(source.root());

  REQUIRE(items.size() == 4);
  const SourceItem& train = items.at("images/a_1_1.png");
  const SourceItem& test = items.at("images/a_1_2.png");
  const SourceItem& both = items.at("images/b_2_1.png");
  const SourceItem& none = items.at("images/c_3_1.png");
  CHECK(train.official_split == "train");
  CHECK(test.official_split == "test");
  CHECK(both.official_split.empty());
  CHECK(none.official_split.empty());
  CHECK(train.patient_id == test.patient_id);
  CHECK(train.volume_key != test.volume_key);  // no slice changes its side
  CHECK(paths_of(test) == Strings{"masks/a_1_2_liver_000.png", "masks/a_1_2_left_kidney_001.png"});
  CHECK(paths_of(both) == Strings{"masks/b_2_1_liver_000.png", "masks/b_2_1_left_kidney_001.png"});
  CHECK(both.masks[1].class_name == "left_kidney");
  CHECK(none.masks.empty());
  CHECK(none.problems.at(0).kind == "unlisted-image");
  const SourceDescription description = importer().describe(SourceTree(source.root()));
  CHECK(description.items == 4);
  CHECK(description.problems.at(0).kind == "on-two-sides");
}

TEST_CASE("sam_med2d: hostile and unusable entries are named, the others come in") {
  SourceBuilder source("demo");
  source.image("images/a_1_1.png");
  source.image("images/b.png");
  source.mask("masks/a_1_1_liver_000.png");
  source.mask("masks/b_1_liver_000.png");
  source.text("images/.hidden.png", "x");
  source.text("images/Thumbs.db", "x");
  source.text("image2label_train.json", R"({
    "../../etc/shadow.png": [], "/etc/passwd": ["masks/a_1_1_liver_000.png"],
    "images/a_1_1.png": ["../masks/a_1_1_liver_000.png", "/dev/zero", "masks/a_1_1_liver_000.png",
                         "masks/b_1_liver_000.png", "masks/a_1_1_spleen_000.png"],
    "images/gone_1_1.png": [], "images/note.txt": [], "./images/a_1_1.png": []})");
  const testing::TempDir folder;
  Told told;

  const ImportReport report = import_into(folder / "a.bank", source.root(), &told);

  CHECK(report.items_new == 2);
  CHECK(report.items_failed == 5);
  CHECK(told.kinds_at("../../etc/shadow.png") == Strings{"bad-path"});
  CHECK(told.kinds_at("/etc/passwd") == Strings{"bad-path"});
  CHECK(told.kinds_at("../masks/a_1_1_liver_000.png") == Strings{"bad-path"});
  CHECK(told.kinds_at("/dev/zero") == Strings{"bad-path"});
  CHECK(told.kinds_at("masks/b_1_liver_000.png") == Strings{"bad-name"});
  CHECK(told.kinds_at("masks/a_1_1_spleen_000.png") == Strings{"missing-mask"});
  CHECK(told.kinds_at("images/gone_1_1.png") == Strings{"missing-image"});
  CHECK(told.kinds_at("images/note.txt") == Strings{"bad-name"});
  CHECK(told.kinds_at("./images/a_1_1.png") == Strings{"duplicate-image"});
  const auto samples = testing::samples_by_name(Bank::open(folder / "a.bank"));
  CHECK(samples.at("a_1_1").masks.size() == 1);
  CHECK(samples.at("b").axis == Axis::none);
}

TEST_CASE("sam_med2d: a folder without lists is not of this layout") {
  SourceBuilder source("demo");
  CHECK(importer().recognise(source.root()).score == 0);
  CHECK_THROWS_AS(importer().describe(SourceTree(source.root())), Error);
  source.text("label2image_test.json", "{}");
  CHECK(importer().recognise(source.root()).score == 100);
  std::filesystem::remove(source.root() / "images");
  CHECK(importer().recognise(source.root()).score == 60);
}

TEST_CASE("sam_med2d: the user names dataset and modality where the layout does not") {
  SourceBuilder source("demo");
  source.image("images/us_7_1.png");
  source.text("image2label_train.json", R"({"images/us_7_1.png": []})");
  const testing::TempDir folder;
  ImportOptions options;
  options.dataset_overrides = {{"name", "Breast"},
                               {"modality", "Ultrasound"},
                               {"licence", "CC BY-NC 4.0"},
                               {"citation", "Somebody 2020"}};

  import_into(folder / "a.bank", source.root(), nullptr, options);

  const Bank bank = Bank::open(folder / "a.bank");
  CHECK(testing::column(bank, "SELECT modality FROM samples WHERE dataset = 'Breast'") ==
        Strings{"Ultrasound"});
  CHECK(bank.find_dataset("Breast")->image_licence.tag == "CC-BY-NC-4.0");
  CHECK(bank.find_dataset("Breast")->citation == "Somebody 2020");
  options.dataset_overrides = {{"licens", "x"}};
  CHECK_THROWS_AS(import_into(folder / "b.bank", source.root(), nullptr, options), Error);
  CHECK_FALSE(std::filesystem::exists(folder / "b.bank"));
}

}  // namespace slicebank
