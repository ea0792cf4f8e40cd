#include <doctest/doctest.h>
#include <sys/stat.h>

#include <set>

#include "importer_helpers.h"
#include "schema/error.h"
#include "source_builder.h"

namespace slicebank {
namespace {

using testing::import_into;
using testing::SaMed2dBuilder;
using testing::Told;
using Strings = std::vector<std::string>;

const Importer& importer() { return *find_importer("sa-med2d"); }

// A tree with a trap of each kind: file names say which.
struct TrappedTree : SaMed2dBuilder {
  TrappedTree() {
    classes("LiTS", "liver", "0003");
    classes("LiTS", "union_liver_tumor", "0004");
    classes("LiTS", "left", "0005");
    classes("ACDC", "liver", "0003");  // the same number, another dataset
    classes("X", "lung", "12");

    slice("ct_00--LiTS--case_1--x_0006", {"0003_000", "0004_000", "0003_001"}, 1);
    slice("ct_00--LiTS--case_1--y_0006", {"0003_000"}, 2);
    slice("ct_00--LiTS--case_1--z_12345", {}, 3);
    slice("ct_00--LiTS--a--b--z_0001", {"0003_000"}, 4);
    slice("ct_00--LiTS--1.3.6.1.4--z_0001", {"0005_000"}, 5);
    slice("mr_00--ACDC--patient001_frame01--z_0001", {"0003_000"}, 6);
    slice("mr_00--ACDC--patient001_frame12--z_0001", {"0003_000"}, 7);
    slice("x_ray--X--p 1 (a), b=c--2d_none", {"0012_000"}, 8, 30, 10, 3);
    slice("fundus_photography--Unmapped--7--2d_none", {"0001_000"}, 9);

    slice("ct_00--LiTS--missing_mask--z_0001", {"0003_000", "0005_000"}, 10);
    std::filesystem::remove(root() / "masks/ct_00--LiTS--missing_mask--z_0001--0003_000.png");
    slice("ct_00--LiTS--mask_size--z_0001", {"0003_000", "0005_000"}, 11);
    mask("masks/ct_00--LiTS--mask_size--z_0001--0003_000.png", 20, 24);
    slice("ct_00--LiTS--cut_mask--z_0001", {"0003_000", "0005_000"}, 12);
    truncate("masks/ct_00--LiTS--cut_mask--z_0001--0003_000.png");
    slice("ct_00--LiTS--unknown_class--z_0001", {"0099_000", "0005_000"}, 13);
    slice("ct_00--LiTS--cut_image--z_0001", {"0003_000"}, 14);
    truncate("images/ct_00--LiTS--cut_image--z_0001.png");
    slice("ct_00--LiTS--missing_image--z_0001", {"0003_000"}, 15);
    std::filesystem::remove(root() / "images/ct_00--LiTS--missing_image--z_0001.png");

    const std::string odd = "ct_00--LiTS--odd--z_0001";
    slice(odd, {"0003_000", "0003_001", "0003_002", "0003_003", "0003_004", "0003_005"}, 16);
    mask("masks/" + odd + "--0003_000.png", 24, 20, 255, 1, {0, 0, 0, 0});  // empty
    mask("masks/" + odd + "--0003_001.png", 24, 20, 1);                     // 0 and 1
    mask("masks/" + odd + "--0003_002.png", 24, 20, 255, 3);                // equal channels
    write_colours("masks/" + odd + "--0003_003.png");
    write_several_values("masks/" + odd + "--0003_004.png");

    const std::string flat = "ct_00--LiTS--flat--z_0001";
    slice(flat, {}, 17);
    bytes("images/" + flat + ".png",
          png::encode(Image{{PixelType::u8, 20, 24, 1}, std::vector<std::byte>(480)}.view()));

    const std::string paths = "ct_00--LiTS--paths--z_0001";
    slice(paths, {}, 18);
    mask("masks/" + paths + "--0003_000.png");
    mask("masks/ct_00--LiTS--other--z_0001--0005_000.png");
    mask("masks/mr_00--ACDC--other--z_0001--0003_000.png");
    text("../secret.png", "secret");
    std::filesystem::create_symlink("../../secret.png",
                                    root() / ("masks/" + paths + "--0004_000.png"));
    list("images/" + paths + ".png",
         {"./masks\\" + paths + "--0003_000.png", "masks/" + paths + "--0003_000.png",
          "../secret.png", "/etc/passwd", "masks/" + paths + "--0004_000.png",
          "masks/ct_00--LiTS--other--z_0001--0005_000.png",
          "masks/mr_00--ACDC--other--z_0001--0003_000.png", "masks/liver.png"});

    list("../secret.png", {});
    list("/etc/ct_00--LiTS--c--z_0001.png", {});
    list(std::string("images/ct_00--LiTS--nul\0--z_0001.png", 36), {});
    list("images/noname.png", {});
    ::mkfifo((root() / "images/ct_00--LiTS--fifo--z_0001.png").c_str(), 0600);
    list("images/ct_00--LiTS--fifo--z_0001.png", {});
    finish();
  }

  void write_colours(const std::string& path) {
    Image made{{PixelType::u8, 20, 24, 3}, std::vector<std::byte>(1440)};
    made.image_hwc[30] = std::byte{255};
    bytes(path, png::encode(made.view()));
  }

  void write_several_values(const std::string& path) {
    Image made{{PixelType::u8, 20, 24, 1}, std::vector<std::byte>(480)};
    made.image_hwc[5] = std::byte{7};
    made.image_hwc[6] = std::byte{9};
    bytes(path, png::encode(made.view()));
  }
};

std::string mask_path(const std::string& case_name, const std::string& mask) {
  return "masks/ct_00--LiTS--" + case_name + "--z_0001--" + mask + ".png";
}

std::string image_path(const std::string& case_name) {
  return "images/ct_00--LiTS--" + case_name + "--z_0001.png";
}

}  // namespace

TEST_CASE("sa_med2d: it is recognised by its two JSON files") {
  SaMed2dBuilder source;
  CHECK(importer().recognise(source.root()).score == 0);
  source.text("SAMed2D_v1.json", "{}");
  CHECK(importer().recognise(source.root()).score == 50);
  source.finish();
  CHECK(importer().recognise(source.root()).score == 100);
  REQUIRE(recognise(source.root()).size() == 1);
  CHECK(recognise(source.root())[0].importer == &importer());
}

TEST_CASE("sa_med2d: datasets and classes are what the mapping declares") {
  const TrappedTree source;
  const SourceDescription description = importer().describe(SourceTree(source.root()));

  REQUIRE(description.datasets.size() == 4);
  CHECK(description.datasets[0].name == "LiTS");
  REQUIRE(description.datasets[0].classes.size() == 3);
  CHECK(description.datasets[0].classes[1].name == "union_liver_tumor");
  CHECK(description.datasets[0].classes[1].code == "0004");
  CHECK(description.datasets[3].name == "Unmapped");
  CHECK(description.datasets[3].classes.empty());
  CHECK(description.items == 23);
}

TEST_CASE("sa_med2d: slices along three axes are one volume, and frames one patient") {
  const TrappedTree source;
  const SourceTree tree(source.root());
  std::map<std::string, SourceItem> items;
  for (SourceItem& item : testing::scan_all(importer(), tree)) items[item.key] = std::move(item);

  const SourceItem& x = items.at("images/ct_00--LiTS--case_1--x_0006.png");
  const SourceItem& z = items.at("images/ct_00--LiTS--case_1--z_12345.png");
  CHECK(x.dataset == "LiTS");
  CHECK(x.volume_key == "ct_00--case_1");
  CHECK(z.volume_key == x.volume_key);
  CHECK(x.patient_id == "case_1");
  CHECK(x.modality == "ct_00");
  CHECK(x.covers_dataset_classes);
  REQUIRE(x.masks.size() == 3);
  CHECK(x.masks[0].class_name == "liver");
  CHECK(x.masks[1].class_name == "union_liver_tumor");
  CHECK(x.masks[2].instance == 1);
  const SourceItem& first = items.at("images/mr_00--ACDC--patient001_frame01--z_0001.png");
  const SourceItem& second = items.at("images/mr_00--ACDC--patient001_frame12--z_0001.png");
  CHECK(first.patient_id == "patient001");
  CHECK(second.patient_id == "patient001");
  CHECK(first.volume_key != second.volume_key);
  const SourceItem& xray = items.at("images/x_ray--X--p 1 (a), b=c--2d_none.png");
  CHECK(xray.modality == "x_ray");
  CHECK(xray.masks.at(0).class_code == "12");

  Sample sample;
  importer().decode(tree, z, {}, [&](Sample&& slice) { sample = std::move(slice); });
  CHECK(sample.axis == Axis::z);
  CHECK(sample.slice_index == 12345);
  CHECK(sample.name == "ct_00--LiTS--case_1--z_12345");
}

TEST_CASE("sa_med2d: every trap is named, and everything else is in the bank") {
  const TrappedTree source;
  const testing::TempDir folder;
  Told told;
  const ImportReport report = import_into(folder / "a.bank", source.root(), &told);

  CHECK(told.kinds_at(mask_path("missing_mask", "0003_000")) == Strings{"missing-mask"});
  CHECK(told.kinds_at(mask_path("mask_size", "0003_000")) == Strings{"mask-size"});
  CHECK(told.kinds_at(mask_path("cut_mask", "0003_000")) == Strings{"bad-png"});
  CHECK(told.kinds_at(mask_path("unknown_class", "0099_000")) == Strings{"unknown-class"});
  CHECK(told.kinds_at(image_path("cut_image")) == Strings{"bad-png"});
  CHECK(told.kinds_at(image_path("missing_image")) == Strings{"missing-image"});
  CHECK(told.kinds_at(mask_path("odd", "0003_000")) == Strings{"empty-mask"});
  CHECK(told.kinds_at(mask_path("odd", "0003_001")).empty());
  CHECK(told.kinds_at(mask_path("odd", "0003_002")).empty());
  CHECK(told.kinds_at(mask_path("odd", "0003_003")) == Strings{"mask-colours"});
  CHECK(told.kinds_at(mask_path("odd", "0003_004")) == Strings{"mask-values"});
  CHECK(told.kinds_at(image_path("flat")) == Strings{"constant-image"});
  CHECK(told.kinds_at(mask_path("paths", "0003_000")) == Strings{"duplicate-mask"});
  CHECK(told.kinds_at(mask_path("paths", "0004_000")) == Strings{"bad-path"});
  CHECK(told.kinds_at("/etc/passwd") == Strings{"bad-path"});
  CHECK(told.kinds_at("../secret.png") == Strings{"bad-path", "bad-path"});
  CHECK(told.kinds_at("masks/ct_00--LiTS--other--z_0001--0005_000.png") == Strings{"mask-name"});
  CHECK(told.kinds_at("masks/mr_00--ACDC--other--z_0001--0003_000.png") == Strings{"bad-name"});
  CHECK(told.kinds_at("masks/liver.png") == Strings{"bad-name"});
  CHECK(told.kinds_at("/etc/ct_00--LiTS--c--z_0001.png") == Strings{"bad-path"});
  CHECK(told.kinds_at("images/ct_00--LiTS--nul\\x00--z_0001.png") == Strings{"bad-path"});
  CHECK(told.kinds_at("images/noname.png") == Strings{"bad-name"});
  CHECK(told.kinds_at("images/ct_00--LiTS--fifo--z_0001.png") == Strings{"bad-path"});
  CHECK(told.kinds_at("Unmapped") == Strings{"no-classes"});
  CHECK(told.has("unknown-class", "masks/fundus_photography--Unmapped--7--2d_none--0001_000.png"));

  CHECK(report.items == 23);
  CHECK(report.items_failed == 7);
  CHECK(report.items_new == 16);
  CHECK(report.samples == 16);
  const Bank bank = Bank::open(folder / "a.bank");
  const auto samples = testing::samples_by_name(bank);
  REQUIRE(samples.size() == 16);
  CHECK(samples.at("ct_00--LiTS--missing_mask--z_0001").masks.size() == 1);
  const Sample& odd = samples.at("ct_00--LiTS--odd--z_0001");
  REQUIRE(odd.masks.size() == 5);
  CHECK(std::count(odd.masks[0].mask_hw.begin(), odd.masks[0].mask_hw.end(), 1) == 0);
  CHECK(odd.masks[1].source_value == 1);
  CHECK(odd.masks[2].mask_hw == odd.masks[1].mask_hw);
  CHECK(odd.masks[2].source_value == 255);
  CHECK(std::count(odd.masks[3].mask_hw.begin(), odd.masks[3].mask_hw.end(), 1) == 2);
  CHECK(samples.at("x_ray--X--p 1 (a), b=c--2d_none").image.shape.channels == 3);
  CHECK(samples.at("ct_00--LiTS--paths--z_0001").masks.size() == 2);
}

TEST_CASE("sa_med2d: what a dataset's class covers, and which modality it is, is kept") {
  const TrappedTree source;
  const testing::TempDir folder;
  import_into(folder / "a.bank", source.root());
  const Bank bank = Bank::open(folder / "a.bank");

  const auto lits = bank.find_dataset("LiTS");
  const auto acdc = bank.find_dataset("ACDC");
  REQUIRE(lits.has_value());
  REQUIRE(acdc.has_value());
  REQUIRE(lits->classes.size() == 3);
  CHECK(lits->classes[0].class_id == acdc->classes[0].class_id);  // liver is liver
  CHECK(testing::column(bank, "SELECT modality FROM volumes WHERE key = 'ct_00--case_1'") ==
        Strings{"CT"});
  CHECK(testing::column(bank, "SELECT modality FROM samples WHERE dataset = 'X'") ==
        Strings{"X-ray"});
  CHECK(testing::column(bank, "SELECT count(*) FROM coverage WHERE volume = 'ct_00--case_1'") ==
        Strings{"3"});
  CHECK(testing::column(bank, "SELECT count(*) FROM subjects WHERE dataset = 'ACDC'") ==
        Strings{"1"});
  CHECK(testing::column(bank, "SELECT count(*) FROM volumes WHERE dataset = 'ACDC'") ==
        Strings{"2"});
  CHECK(testing::column(bank,
                        "SELECT raw_class FROM masks WHERE dataset = 'LiTS' AND instance = 1 "
                        "AND sample_id = (SELECT id FROM samples WHERE name = "
                        "'ct_00--LiTS--case_1--x_0006')") == Strings{"liver"});
}

TEST_CASE("sa_med2d: a class whose mask could not be read is unknown there, not absent") {
  const TrappedTree source;
  const testing::TempDir folder;
  import_into(folder / "a.bank", source.root());
  const Bank bank = Bank::open(folder / "a.bank");
  const auto covered = [&](const std::string& volume) {
    Strings names;
    Rows rows =
        select(bank, "SELECT class FROM coverage WHERE volume = ? ORDER BY class", {volume});
    while (rows.next()) names.emplace_back(rows.text(0));
    return names;
  };

  CHECK(covered("ct_00--case_1").size() == 3);
  for (const std::string lost : {"missing_mask", "mask_size", "cut_mask"}) {
    CAPTURE(lost);
    const Strings names = covered("ct_00--" + lost);
    CHECK(names.size() == 2);
    CHECK(std::find(names.begin(), names.end(), "liver") == names.end());
  }
}

TEST_CASE("sa_med2d: a broken or hostile mapping is an error that names it") {
  const auto error_of = [](const std::string& mapping) {
    SaMed2dBuilder source;
    source.finish();
    source.text("SAMed2D_v1_class_mapping_id.json", mapping);
    try {
      importer().describe(SourceTree(source.root()));
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string();
  };

  CHECK(error_of("{}").empty());
  CHECK(error_of(R"({"D": {"liver": 3, "spleen": "0004"}})").empty());
  CHECK(error_of(R"({"D": {"liver": "0003"}, "D": {}})").find("class_mapping") !=
        std::string::npos);
  CHECK_FALSE(error_of(R"({"D": "liver"})").empty());
  CHECK_FALSE(error_of("").empty());
}

TEST_CASE("sa_med2d: lists that are links out of the folder are refused") {
  SaMed2dBuilder source;
  source.finish();
  source.text("../elsewhere.json", "{}");
  std::filesystem::remove(source.root() / "SAMed2D_v1.json");
  std::filesystem::create_symlink("../elsewhere.json", source.root() / "SAMed2D_v1.json");

  CHECK_THROWS_AS(importer().describe(SourceTree(source.root())), Error);
}

TEST_CASE("sa_med2d: parts with known faults are noted, and their pixels left alone") {
  SaMed2dBuilder source;
  source.classes("ichallenge_adam_task2", "disc", "0000");
  source.slice("fundus_photography--ichallenge_adam_task2--1--2d_none", {"0000_000"});
  source.finish();
  const testing::TempDir folder;
  Told told;
  import_into(folder / "a.bank", source.root(), &told);

  CHECK(told.kinds_at("ichallenge_adam_task2") == Strings{"known-dirt"});
  const auto samples = testing::samples_by_name(Bank::open(folder / "a.bank"));
  const Mask& mask = samples.begin()->second.masks.at(0);
  CHECK(std::count(mask.mask_hw.begin(), mask.mask_hw.end(), 1) == 40);
}

}  // namespace slicebank
