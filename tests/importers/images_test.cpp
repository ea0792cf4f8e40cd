#include <doctest/doctest.h>
#include <sys/stat.h>

#include <chrono>
#include <cstdio>
#include <fstream>
#include <map>
#include <random>

#include "formats/png.h"
#include "importers/internal/composed_name.h"
#include "importers/internal/json_elements.h"
#include "importers/internal/mask_survey.h"
#include "importers/internal/name_pattern.h"
#include "importers/internal/picture_table.h"
#include "importers/internal/picture_words.h"
#include "importers/internal/sidecar.h"
#include "schema/error.h"
#include "tests/importers/importer_helpers.h"
#include "tests/support/shared_data.h"
#include "tests/support/temp_dir.h"

namespace slicebank {
namespace {

namespace fs = std::filesystem;
using testing::Told;
using Strings = std::vector<std::string>;

const Importer& images() { return *find_importer("images"); }

class Folder {
 public:
  explicit Folder(const std::string& name = "pictures") : root_(folder_ / name) {
    fs::create_directories(root_);
  }
  const fs::path& root() const { return root_; }
  fs::path operator/(const std::string& name) const { return folder_ / name; }

  void text(const std::string& path, const std::string& content) const {
    fs::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path, std::ios::binary) << content;
  }

  // 8 x 6 pixels: `value` in the upper left corner, 0 elsewhere.
  void picture(const std::string& path, int value = 255) const {
    Image made{{PixelType::u8, 6, 8, 1}, std::vector<std::byte>(48)};
    made.image_hwc[0] = made.image_hwc[1] = static_cast<std::byte>(value);
    const std::vector<std::byte> file = png::encode(made.view());
    text(path, {reinterpret_cast<const char*>(file.data()), file.size()});
  }

 private:
  testing::TempDir folder_;
  fs::path root_;
};

std::string sidecar_error(const std::string& json) {
  const Folder folder;
  folder.text("slicebank.json", json);
  try {
    internal::read_sidecar(SourceTree(folder.root()));
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

// Every element as "member: text", or the error.
Strings elements_of(const std::string& json) {
  Strings found;
  const MemorySource source(std::as_bytes(std::span(json)));
  try {
    internal::for_each_json_element(
        source, "x.json", [](std::string_view member) { return member != "skipped"; },
        [&](const internal::JsonElement& element) {
          CHECK(json.substr(element.offset, element.text.size()) == element.text);
          found.push_back(std::string(element.member) + ": " + std::string(element.text));
          return true;
        });
  } catch (const Error& error) {
    CHECK(std::string(error.what()).starts_with("x.json: "));
    found.push_back("error");
  }
  return found;
}

}  // namespace

TEST_CASE("composed_name: accents behind their letters are joined, all else stays") {
  using internal::composed_name;
  CHECK(composed_name("scan_01") == "scan_01");
  CHECK(composed_name("cafe\xcc\x81") == "caf\xc3\xa9");
  CHECK(composed_name("caf\xc3\xa9") == "caf\xc3\xa9");
  CHECK(composed_name("o\xcc\x82\xcc\x81") == "\xe1\xbb\x91");  // two accents, Vietnamese
  CHECK(composed_name("\xe1\x84\x92\xe1\x85\xa1\xe1\x86\xab") == "\xed\x95\x9c");  // Hangul
  CHECK(composed_name("\xe3\x81\x8b\xe3\x82\x99") == "\xe3\x81\x8c");              // kana
  CHECK(composed_name("x\xcc\x81y") == "x\xcc\x81y");        // there is no such letter
  CHECK(composed_name("a\xff\xcc\x81") == "a\xff\xcc\x81");  // no UTF-8
  CHECK(composed_name("a\xcc") == "a\xcc");
}

TEST_CASE("name_pattern: a group is found, and hostile patterns take no time") {
  using internal::NamePattern;
  CHECK(NamePattern("^(case\\d+)_", "x").find("case12_003") == "case12");
  CHECK_FALSE(NamePattern("^(case\\d+)_", "x").find("scan12_003"));
  CHECK_FALSE(NamePattern().find("anything"));
  for (const std::string wrong : {"(", "no group", "(a)(b)", "(a)\\1", "(a{300}){300}"}) {
    CAPTURE(wrong);
    CHECK_THROWS_AS(NamePattern(wrong, "x"), Error);
  }
  CHECK_THROWS_AS(NamePattern(std::string(300, '('), "x"), Error);
  const auto begin = std::chrono::steady_clock::now();
  CHECK_FALSE(NamePattern("^((?:a+)+)+$", "x").find(std::string(400, 'a') + "b"));
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(5));
}

TEST_CASE("picture_words: suffixes of masks, splits and roles of folders") {
  std::uint32_t number = 9;
  CHECK(internal::without_mask_suffix("a_mask", {}, &number) == "a");
  CHECK(number == 0);
  CHECK(internal::without_mask_suffix("a (1)_Mask_12", {}, &number) == "a (1)");
  CHECK(number == 12);
  CHECK(internal::without_mask_suffix("a_truth", {"_truth"}) == "a");
  CHECK(internal::without_mask_suffix("_mask", {}).empty());
  CHECK(internal::without_mask_suffix("a_12", {}).empty());
  CHECK(internal::without_mask_suffix("mask_12", {}).empty());
  CHECK(internal::split_of("a/Training/b") == "Training");
  CHECK(internal::split_of("Tr") == "train");
  CHECK(internal::split_of("trainee/b").empty());
  CHECK(internal::without_split("train/cat") == "cat");
  CHECK(internal::folder_role("imagesTr")->left == "Tr");
  CHECK(internal::folder_role("GT")->masks);
  CHECK_FALSE(internal::folder_role("imageset"));
}

TEST_CASE("json_elements: arrays come element by element, other members whole") {
  CHECK(elements_of(R"( {"a": [1, {"b": "]},\""}, [2,[3]]], "skipped": [{"x": [")") ==
        Strings{"a: 1", "a: {\"b\": \"]},\\\"\"}", "a: [2,[3]]", "error"});
  CHECK(elements_of("\xef\xbb\xbf{\"info\": {\"y\": 1}, \"a\": [], \"skipped\": [1, 2]}\n") ==
        Strings{"info: {\"y\": 1}"});
  CHECK(elements_of("{}") == Strings{});
  for (const std::string wrong :
       {"", "[]", "{", "{\"a\"}", "{\"a\": }", "{\"a\": [1}", "{\"a\": [1,,2]}", "{} x",
        "{\"a\": 1, \"a\": 2}", "{\"a\": [1]", "{,}"}) {
    CAPTURE(wrong);
    const Strings found = elements_of(wrong);
    CHECK((!found.empty() && found.back() == "error"));
  }
  CHECK(elements_of("{\"a\": [" + std::string(100, '[')).back() == "error");
}

TEST_CASE("json_elements: whatever is cut off or changed ends in elements or an error") {
  const std::string whole = R"({"images": [{"id": 1, "file_name": "a\"]}"}], "info": {"x": [1]}})";
  for (std::size_t size = 0; size < whole.size(); ++size) {
    CHECK(elements_of(whole.substr(0, size)).back() == "error");
  }
  const unsigned seed = std::random_device{}();
  std::printf("seed %u\n", seed);
  std::mt19937 random(seed);
  for (int round = 0; round < 2000; ++round) {
    std::string changed = whole;
    for (int i = 0; i < 3; ++i) changed[random() % changed.size()] = "\"\\[]{},:1 a"[random() % 11];
    elements_of(changed);
  }
}

TEST_CASE("sidecar: what is not understood is refused with its name") {
  CHECK(sidecar_error(R"({"slicebank": 1})").empty());
  CHECK(sidecar_error(R"({"slicebank": 1, "classes": [{"name": "liver", "value": 1}],
                          "masks": {"ignore": [255]}, "complete": true})")
            .empty());
  const std::map<std::string, std::string> wrong = {
      {"{", "slicebank.json"},
      {"[]", "object"},
      {R"({"modality": "CT"})", "\"slicebank\": 1"},
      {R"({"slicebank": 2})", "\"slicebank\": 1"},
      {R"({"slicebank": 1, "modalty": "CT"})", "did you mean 'modality'"},
      {R"({"slicebank": 1, "classes": 3})", "classes"},
      {R"({"slicebank": 1, "classes": [{"value": 3}]})", "no name"},
      {R"({"slicebank": 1, "classes": [{"name": "a"}, {"name": "a"}]})", "twice"},
      {R"({"slicebank": 1, "classes": {"a": -1}})", "whole number"},
      {R"({"slicebank": 1, "classes": [{"name": "a", "colour": "red"}]})", "#RRGGBB"},
      {R"({"slicebank": 1, "classes": [{"name": "a", "value": 1, "colour": "#ffffff"}]})",
       "value and colour"},
      {R"({"slicebank": 1, "masks": {"meaning": "magic"}})", "magic"},
      {R"({"slicebank": 1, "masks": {"meaning": "colours"}})", "no class has"},
      {R"({"slicebank": 1, "masks": {"threshold": "128"}})", "threshold"},
      {R"({"slicebank": 1, "masks": {"folder": "../masks"}})", ".."},
      {R"({"slicebank": 1, "images": {"orientation": "up"}})", "up"},
      {R"({"slicebank": 1, "patterns": {"patient": "("}})", "patterns.patient"},
      {R"({"slicebank": 1, "dataset": {"region": "moon"}})", "moon"},
  };
  for (const auto& entry : wrong) {
    INFO(entry.first);
    const std::string error = sidecar_error(entry.first);
    CHECK(error.find("slicebank.json") != std::string::npos);
    CHECK(error.find(entry.second) != std::string::npos);
  }
}

TEST_CASE("picture_table: odd lines are told, and the others count") {
  const Folder folder;
  folder.text("metadata.csv",
              "\xef\xbb\xbf"
              "age,FILE,Patient,slice,label\n"
              "1,images/a.png,\"P \"\"1\"\", x\",3,cat|dog\r\n"
              "\n2,b,P2,,\n3,../c,P3,,\n4,d,P4,four,\n5,b,P5,,\n6,e");
  const internal::PictureTable table(SourceTree(folder.root()), "metadata.csv");
  CHECK(table.problems().size() == 3);
  REQUIRE(table.find("images/a.png") != nullptr);
  CHECK(table.find("images/a.png")->patient == "P \"1\", x");
  CHECK(table.find("images/a.png")->slice == 3u);
  CHECK(table.find("images/a.png")->labels == Strings{"cat", "dog"});
  CHECK(table.find("else/b.tif")->patient == "P2");
  CHECK(table.find("x/e.png") != nullptr);
  CHECK(table.find("x/d.png") == nullptr);
  folder.text("other.csv", "name,patient\na,b\n");
  CHECK_THROWS_AS(internal::PictureTable(SourceTree(folder.root()), "other.csv"), Error);
}

TEST_CASE("mask_survey: numbers of classes are told from black and white and soft edges") {
  const auto labels = [](std::set<std::uint32_t> values, bool several) {
    return internal::MaskSurvey{1, std::move(values), several}.labels();
  };
  CHECK_FALSE(labels({255}, false));
  CHECK_FALSE(labels({1, 255}, false));  // some files 0/1, some 0/255
  CHECK(labels({1, 255}, true));
  CHECK(labels({1, 2}, false));  // one class a file
  CHECK(labels({128, 255}, true));
  CHECK_FALSE(labels({1, 2, 3, 252, 253, 254, 255}, true));
  std::set<std::uint32_t> many;
  for (std::uint32_t i = 1; i < 200; ++i) many.insert(i);
  CHECK_FALSE(labels(many, true));
}

TEST_CASE("images: it is the surer the more the folder says") {
  Folder folder;
  CHECK(images().recognise(folder.root()).score == 0);
  folder.picture("x/a.png");
  CHECK(images().recognise(folder.root()).score == 30);
  folder.picture("x/a_mask.png");
  CHECK(images().recognise(folder.root()).score == 50);
  folder.picture("images/a.png");
  folder.picture("masks/a.png");
  CHECK(images().recognise(folder.root()).score == 60);
  folder.text("a.json", R"({"images": [{"file_name": "a.png"}], "annotations": []})");
  CHECK(images().recognise(folder.root()).score == 90);
  folder.text("slicebank.json", R"({"slicebank": 1})");
  CHECK(images().recognise(folder.root()).score == 100);
}

TEST_CASE("images: links are not followed out of the folder, and pipes not waited for") {
  const Folder folder;
  for (const char* name : {"a", "b", "c"}) folder.picture(std::string("images/") + name + ".png");
  folder.picture("masks/a.png");
  folder.picture("../secret.png");
  fs::create_symlink("../../secret.png", folder.root() / "masks/b.png");
  fs::create_symlink("../..", folder.root() / "images/loop");
  ::mkfifo((folder.root() / "masks/c.png").c_str(), 0600);
  ::mkfifo((folder.root() / "images/d.png").c_str(), 0600);

  Told told;
  const ImportReport report = testing::import_into(folder / "a.bank", folder.root(), &told);
  CHECK(told.kinds_at("images/loop") == Strings{"linked-folder"});
  CHECK(told.kinds_at("masks/b.png") == Strings{"bad-path"});
  CHECK(told.kinds_at("masks/c.png") == Strings{"bad-path"});
  CHECK(told.has("bad-path", "images/d.png"));
  CHECK(report.samples == 3);
  CHECK(report.masks == 1);
}

TEST_CASE("images: masks of two kinds at two places are one class, each file seen by itself") {
  const Folder folder;
  for (int i = 0; i < 4; ++i) {
    folder.picture("images/p" + std::to_string(i) + ".png", 7);
    folder.picture("masks/p" + std::to_string(i) + ".png", i % 2 == 0 ? 1 : 255);
  }
  testing::import_into(folder / "a.bank", folder.root());
  const auto samples = testing::samples_by_name(Bank::open(folder / "a.bank"));
  REQUIRE(samples.size() == 4);
  CHECK(samples.at("p0").masks.at(0).source_value == 1);
  CHECK(samples.at("p1").masks.at(0).source_value == 255);
  CHECK(samples.at("p0").masks.at(0).mask_hw == samples.at("p1").masks.at(0).mask_hw);
}

TEST_CASE("images: real pictures of all kinds come in, or are told by name") {
  for (const std::string name : {"pillow", "scikit-image", "pngsuite"}) {
    SLICEBANK_SHARED_OR_SKIP(root, name);
    const testing::TempDir folder;
    ImportOptions options;
    options.format = "images";
    Told told;
    const ImportReport report =
        testing::import_into(folder / "a.bank", root, &told, std::move(options));
    CAPTURE(name);
    std::uint64_t pictures = 0;
    for (const auto& entry : fs::recursive_directory_iterator(root)) {
      pictures += internal::picture_ending(entry.path().string()).empty() ? 0u : 1u;
    }
    CHECK(report.items == pictures);
    std::uint64_t skipped = 0;
    for (const Problem& problem : told.problems) {
      if (problem.severity == Severity::skipped) ++skipped;
    }
    CHECK(report.items_failed == skipped);
    CHECK(report.items_new == pictures - skipped);
    CHECK(report.items_failed * 2 < pictures);
  }
}

}  // namespace slicebank
