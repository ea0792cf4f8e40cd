// Lists that name what they must not: paths that leave the dataset, and things that are no
// files. Each is refused by name, none is opened or followed, and the rest comes in.
#include <doctest/doctest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "formats/metaimage.h"
#include "formats/nifti.h"
#include "formats/png.h"
#include "tests/cli/fixtures.h"
#include "tests/support/run_command.h"
#include "tests/support/temp_dir.h"

using namespace slicebank;
using namespace slicebank::testing;

namespace {

namespace fs = std::filesystem;

// Sides of what may come in, and of what must not.
constexpr std::uint32_t kGood = 8;
constexpr std::uint32_t kSecret = 13;

using File = std::vector<std::byte>;

void write(const fs::path& path, std::span<const std::byte> bytes) {
  fs::create_directories(path.parent_path());
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
  REQUIRE(file.good());
}

void write_text(const fs::path& path, const std::string& text) {
  write(path, std::as_bytes(std::span(text)));
}

File picture(std::uint32_t side) {
  Image image{{PixelType::u8, side, side, 1}, File(std::size_t{side} * side)};
  image.image_hwc.back() = std::byte{1};
  return png::encode({image.shape, image.image_hwc});
}

Volume volume(std::uint32_t side) {
  Volume made;
  made.size_ijk = {side, side, 2};
  made.voxels.assign(std::size_t{side} * side * 2, std::byte{0});
  made.voxels.back() = std::byte{1};
  return made;
}

File nifti_file(std::uint32_t side) { return nifti::encode(volume(side)); }

File raw_file(std::uint32_t side) { return volume(side).voxels; }

// A layout whose lists name files. Paths stand in JSON and may hold its escapes.
struct Layout {
  std::string name;    // of the case
  std::string format;  // of the command
  std::string set;     // folder of the dataset, in a folder of the test's own
  std::string folder;  // where the files lie that are named, in the dataset
  std::string up;      // from where relative paths begin to the folder of the test
  std::string before;  // of a file's stem and
  std::string after;   // behind it
  std::function<File(std::uint32_t side)> content;
  std::function<void(const fs::path& set, const std::vector<std::string>& paths)> write;
  bool json = true;  // NUL and line breaks can be written
};

struct Hostile {
  std::string path;  // as the list writes it
  std::string told;  // what the report has to say
};

// Makes what the hostile paths lead to.
std::vector<Hostile> make_hostile(const Layout& layout, const fs::path& place) {
  const fs::path outside = place / "outside";
  const fs::path folder = place / layout.set / layout.folder;
  fs::create_directories(folder);
  const auto file = [&](const std::string& stem) { return layout.before + stem + layout.after; };
  const auto secret = [&](const std::string& stem) {
    write(outside / file(stem), layout.content(kSecret));
    return outside / file(stem);
  };
  const std::string in = layout.folder.empty() || layout.up == "../../" ? "" : layout.folder + "/";

  std::vector<Hostile> all;
  all.push_back({secret("absolute"), "absolute"});
  secret("climbing");
  all.push_back({layout.up + "outside/" + file("climbing"), "climbing"});
  secret("roundabout");
  all.push_back(
      {in + layout.up + (in.empty() ? "" : "../") + "outside/" + file("roundabout"), "roundabout"});
  if (layout.json) {
    all.push_back({in + file("nul\\u0000nul"), "nul\\x00nul"});
    all.push_back({in + file("line\\nbreak"), "line\\x0abreak"});
    secret("backslash");
    all.push_back({"..\\\\outside\\\\" + file("backslash"), "backslash"});
  }
  all.push_back({in + file(std::string(5000, 'l')), std::string(100, 'l')});

  fs::create_symlink(secret("linked"), folder / file("link"));
  all.push_back({in + file("link"), file("link")});
  fs::create_directories(outside / "there");
  write(outside / "there" / file("inside"), layout.content(kSecret));
  fs::create_directory_symlink(outside / "there", folder / "far");
  all.push_back({in + "far/" + file("inside"), file("inside")});
  fs::create_symlink(file("loop"), folder / file("loop"));
  all.push_back({in + file("loop"), file("loop")});
  fs::create_directory_symlink("round", folder / "round");
  all.push_back({in + "round/" + file("looped"), file("looped")});
  fs::create_symlink("/dev/zero", folder / file("device"));
  all.push_back({in + file("device"), file("device")});
  fs::create_symlink("/proc/self/mem", folder / file("memory"));
  all.push_back({in + file("memory"), file("memory")});
  REQUIRE(mkfifo((folder / file("pipe")).c_str(), 0600) == 0);
  all.push_back({in + file("pipe"), file("pipe")});
  fs::create_directory(folder / file("directory"));
  all.push_back({in + file("directory"), file("directory")});
  return all;
}

CommandResult import_with_time_limit(const fs::path& bank, const fs::path& set,
                                     const std::string& format) {
  return run_program({"timeout", "--kill-after=1", "20", SLICEBANK_COMMAND, "import", bank, set,
                      "--format", format, "--jobs", "2"});
}

std::string count(const fs::path& bank, std::uint32_t side) {
  const auto result =
      run_slicebank({"sql", bank, "--json",
                     "SELECT count(*) AS n FROM samples WHERE height = " + std::to_string(side)});
  REQUIRE_MESSAGE(result.exit_code == 0, result.err);
  return result.out;
}

bool printable_lines(const std::string& text) {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20 && c != '\n') return false;
  }
  return true;
}

void check(const Layout& layout) {
  INFO(layout.name);
  const TempDir place;
  const std::vector<Hostile> hostile = make_hostile(layout, place.path());
  std::vector<std::string> paths;
  for (const Hostile& one : hostile) paths.push_back(one.path);
  const fs::path set = place / layout.set;
  layout.write(set, paths);
  const fs::path bank = place / "a.bank";
  const CommandResult result = import_with_time_limit(bank, set, layout.format);
  const std::string said = result.out + result.err;
  INFO(said);
  CHECK(result.exit_code == 3);
  CHECK(printable_lines(said));
  for (const Hostile& one : hostile) {
    CHECK_MESSAGE(said.find(one.told) != std::string::npos, "not told: ", one.told);
  }
  if (result.exit_code != 3) return;
  CHECK(count(bank, kSecret).find("\"n\":0") != std::string::npos);
  CHECK(count(bank, kGood).find("\"n\":0") == std::string::npos);
  CHECK(run_slicebank({"verify", bank}).exit_code == 0);
}

std::string quoted(const std::string& path) { return "\"" + path + "\""; }

// {"images/...": ["masks/..."], ...} with the paths in the place of images or of masks.
std::string pairs(const std::vector<std::string>& paths, bool images, const std::string& image,
                  const std::string& mask) {
  std::string text = "{" + quoted(image) + ": [" + quoted(mask);
  if (!images) {
    for (const std::string& path : paths) text += ", " + quoted(path);
  }
  text += "]";
  if (images) {
    for (const std::string& path : paths) text += ",\n" + quoted(path) + ": [" + quoted(mask) + "]";
  }
  return text + "}\n";
}

Layout sa_med2d(bool images) {
  const std::string stem = "ct_00--Set--case--z_0001";
  const std::string image = "images/" + stem + ".png";
  const std::string mask = "masks/" + stem + "--0001_000.png";
  return {images ? "SA-Med2D, images" : "SA-Med2D, masks",
          "sa-med2d",
          "SAMed2Dv1",
          images ? "images" : "masks",
          "../",
          images ? "ct_00--Set--" : "ct_00--Set--case",
          images ? "--z_0002.png" : "--z_0001--0001_001.png",
          picture,
          [=](const fs::path& set, const std::vector<std::string>& paths) {
            write(set / image, picture(kGood));
            write(set / mask, picture(kGood));
            write_text(set / "SAMed2D_v1_class_mapping_id.json", R"({"Set": {"liver": "0001"}})");
            write_text(set / "SAMed2D_v1.json", pairs(paths, images, image, mask));
          }};
}

Layout sam_med2d(bool images) {
  const std::string image = "images/case_1.png";
  const std::string mask = "masks/case_1_liver_000.png";
  return {images ? "SAM-Med2D, images" : "SAM-Med2D, masks",
          "sam-med2d",
          "data_demo",
          images ? "images" : "masks",
          "../",
          images ? "" : "case_1_",
          images ? "_2.png" : "_000.png",
          picture,
          [=](const fs::path& set, const std::vector<std::string>& paths) {
            write(set / image, picture(kGood));
            write(set / mask, picture(kGood));
            write_text(set / "image2label_train.json", pairs(paths, images, image, mask));
          }};
}

Layout sam_med2d_test() {
  Layout layout = sam_med2d(false);
  layout.name = "SAM-Med2D, masks of label2image";
  layout.write = [](const fs::path& set, const std::vector<std::string>& paths) {
    write(set / "images/case_1.png", picture(kGood));
    write(set / "masks/case_1_liver_000.png", picture(kGood));
    std::string text = R"({"masks/case_1_liver_000.png": "images/case_1.png")";
    for (const std::string& path : paths) text += ",\n" + quoted(path) + R"(: "images/case_1.png")";
    write_text(set / "label2image_test.json", text + "}");
  };
  return layout;
}

Layout sat_ds(bool images) {
  return {images ? "SAT-DS, images" : "SAT-DS, masks",
          "sat-ds",
          "SAT-DS",
          "data/nii/Set",
          "../",
          "",
          ".nii.gz",
          nifti_file,
          [=](const fs::path& set, const std::vector<std::string>& paths) {
            const std::string good = "data/nii/Set/good.nii.gz";
            const std::string mask = "data/nii/Set/good_gt.nii.gz";
            write(set / good, nifti_file(kGood));
            write(set / mask, nifti_file(kGood));
            const auto row = [&](const std::string& a, const std::string& b, std::size_t number) {
              return R"({"image": ")" + a + R"(", "mask": ")" + b +
                     R"(", "label": ["liver"], "modality": "CT", "dataset": "Set", )" +
                     R"("official_split": "train", "patient_id": "p)" + std::to_string(number) +
                     "\"}\n";
            };
            std::string text = row(good, mask, 0);
            for (std::size_t i = 0; i < paths.size(); ++i) {
              write(set / ("data/nii/Set/other" + std::to_string(i) + ".nii.gz"),
                    nifti_file(kGood));
              const std::string other = "data/nii/Set/other" + std::to_string(i) + ".nii.gz";
              text += images ? row(paths[i], mask, i + 1) : row(other, paths[i], i + 1);
            }
            write_text(set / "data/jsonl/Set.jsonl", text);
          }};
}

Layout coco() {
  return {"COCO",
          "images",
          "set",
          "train",
          "../",
          "",
          ".png",
          picture,
          [](const fs::path& set, const std::vector<std::string>& paths) {
            write(set / "train/good.png", picture(kGood));
            std::string text = R"({"categories": [{"id": 1, "name": "cell"}], "annotations": [],
              "images": [{"id": 1, "file_name": "train/good.png", "width": 8, "height": 8})";
            for (std::size_t i = 0; i < paths.size(); ++i) {
              text += ",\n{\"id\": " + std::to_string(i + 2) + R"(, "width": 13, "height": 13, )" +
                      R"("file_name": )" + quoted(paths[i]) + "}";
            }
            write_text(set / "instances.json", text + "]}");
          }};
}

Layout decathlon(const std::string& format, const std::string& set_name, bool images) {
  return {format + (images ? ", images" : ", labels"),
          format,
          set_name,
          images ? "imagesTr" : "labelsTr",
          "../",
          "",
          ".nii.gz",
          nifti_file,
          [=](const fs::path& set, const std::vector<std::string>& paths) {
            const auto good = [&](const std::string& stem) {
              write(set / ("imagesTr/" + stem + ".nii.gz"), nifti_file(kGood));
              write(set / ("labelsTr/" + stem + ".nii.gz"), nifti_file(kGood));
            };
            const auto entry = [](const std::string& image, const std::string& label) {
              return R"({"image": ")" + image + R"(", "label": ")" + label + "\"}";
            };
            good("amos_0001");
            std::string text = R"({"name": "Set", "modality": {"0": "CT"}, "tensorImageSize": "3D",
              "labels": {"0": "background", "1": "liver"}, "numTraining": 1, "numTest": 0,
              "test": [], "training": [)" +
                               entry("imagesTr/amos_0001.nii.gz", "labelsTr/amos_0001.nii.gz");
            for (std::size_t i = 0; i < paths.size(); ++i) {
              const std::string stem = "amos_01" + std::to_string(10 + i);
              good(stem);
              text += ",\n" + (images ? entry(paths[i], "labelsTr/" + stem + ".nii.gz")
                                      : entry("imagesTr/" + stem + ".nii.gz", paths[i]));
            }
            write_text(set / "dataset.json", text + "]}");
          }};
}

Layout nnunet(bool images) {
  return {images ? "nnU-Net, images" : "nnU-Net, label",
          "nnunet",
          "Dataset042_Mapped",
          "any",
          "../",
          "",
          ".nii.gz",
          nifti_file,
          [=](const fs::path& set, const std::vector<std::string>& paths) {
            write(set / "any/good.nii.gz", nifti_file(kGood));
            write(set / "any/map.nii.gz", nifti_file(kGood));
            const auto entry = [](const std::string& key, const std::string& image,
                                  const std::string& label) {
              return quoted(key) + R"(: {"images": [")" + image + R"("], "label": ")" + label +
                     "\"}";
            };
            std::string text = R"({"channel_names": {"0": "CT"}, "labels": {"background": 0,
              "liver": 1}, "numTraining": 1, "file_ending": ".nii.gz", "dataset": {)" +
                               entry("good", "any/good.nii.gz", "any/map.nii.gz");
            for (std::size_t i = 0; i < paths.size(); ++i) {
              const std::string key = "case" + std::to_string(i);
              text += ",\n" + (images ? entry(key, paths[i], "any/map.nii.gz")
                                      : entry(key, "any/good.nii.gz", paths[i]));
            }
            write_text(set / "dataset.json", text + "}}");
          }};
}

Layout medbank() {
  return {"MedBank, a split",
          "medbank",
          "BreastTumor_UT_0",
          "image",
          "../",
          "",
          ".png",
          picture,
          [](const fs::path& set, const std::vector<std::string>& paths) {
            write(set / "image/good.png", picture(kGood));
            write(set / "mask/good.png", picture(kGood));
            std::string text = "image/good.png\n";
            for (const std::string& path : paths) text += path + "\n";
            write_text(set / "train.txt", text);
          },
          false};
}

// Headers that name their data. `lead` stands before the name of the data file.
Layout headers(const std::string& name, const std::string& ending, const std::string& begin,
               const std::string& lead, const std::string& behind) {
  return {name,
          "metaimage",
          "set",
          "volumes",
          "../../",
          "",
          ".raw",
          raw_file,
          [=](const fs::path& set, const std::vector<std::string>& paths) {
            const auto header = [&](const std::string& path, std::uint32_t side) {
              std::string text = begin;
              for (int i = 0; i < 2; ++i) {
                text.replace(text.find("SIDE"), 4, std::to_string(side));
              }
              return text + lead + path + behind + "\n";
            };
            write(set / "volumes/good.mha", metaimage::encode(volume(kGood)));
            for (std::size_t i = 0; i < paths.size(); ++i) {
              write_text(set / "volumes" / ("h" + std::to_string(i) + ending),
                         header(paths[i], kSecret));
            }
          },
          false};
}

constexpr const char* kMetaImage =
    "ObjectType = Image\nNDims = 3\nDimSize = SIDE SIDE 2\nElementType = MET_UCHAR\n"
    "ElementSpacing = 1 1 1\nBinaryData = True\n";
constexpr const char* kNrrd =
    "NRRD0004\ntype: uint8\ndimension: 3\nsizes: SIDE SIDE 2\nencoding: raw\n";

}  // namespace

TEST_CASE("import: a path in a list that leaves the dataset or is no file is refused by name") {
  for (const bool images : {true, false}) {
    check(sa_med2d(images));
    check(sam_med2d(images));
    check(sat_ds(images));
    check(decathlon("msd", "Task09_Set", images));
    check(decathlon("amos", "amos22", images));
    check(nnunet(images));
  }
  check(sam_med2d_test());
  check(coco());
  check(medbank());
}

TEST_CASE("import: a data file of a header that leaves the dataset or is no file is refused") {
  check(headers("MetaImage", ".mhd", kMetaImage, "ElementDataFile = ", ""));
  check(headers("MetaImage, a list", ".mhd", kMetaImage, "ElementDataFile = LIST\n", ""));
  check(headers("NRRD", ".nhdr", kNrrd, "data file: ", "\n"));
  check(headers("NRRD, a list", ".nhdr", kNrrd, "data file: LIST\n", ""));
}

TEST_CASE("import: a list that is itself a link, a pipe or a device is refused, and in no time") {
  struct List {
    std::string format;
    std::string path;
  };
  const List lists[] = {{"sa-med2d", "SAMed2D_v1.json"},
                        {"sa-med2d", "SAMed2D_v1_class_mapping_id.json"},
                        {"sam-med2d", "image2label_train.json"},
                        {"sat-ds", "data/jsonl/Set.jsonl"},
                        {"images", "slicebank.json"},
                        {"images", "instances.json"},
                        {"images", "metadata.csv"},
                        {"msd", "dataset.json"},
                        {"nnunet", "dataset.json"},
                        {"medbank", "train.txt"},
                        {"totalsegmentator", "meta.csv"},
                        {"medsam-npz", "cases.json"},
                        {"metaimage", "labels.json"}};
  for (const List& list : lists) {
    for (const std::string kind : {"link", "pipe", "device", "folder", "loop"}) {
      INFO(list.format, " ", list.path, " is a ", kind);
      const TempDir place;
      const fs::path set = place / "BreastTumor_UT_0";
      const fs::path path = set / list.path;
      fs::create_directories(path.parent_path());
      write(set / "images/good.png", picture(kGood));
      write_text(place / "outside", R"({"SECRET": ["SECRET"]})");
      if (kind == "link") fs::create_symlink(place / "outside", path);
      if (kind == "pipe") REQUIRE(mkfifo(path.c_str(), 0600) == 0);
      if (kind == "device") fs::create_symlink("/dev/zero", path);
      if (kind == "folder") fs::create_directory(path);
      if (kind == "loop") fs::create_symlink(path.filename(), path);
      const CommandResult result = import_with_time_limit(place / "a.bank", set, list.format);
      const std::string said = result.out + result.err;
      INFO(said);
      CHECK((result.exit_code == 0 || result.exit_code == 1 || result.exit_code == 3));
      CHECK(result.processor_seconds < 2);
      CHECK(said.find("SECRET") == std::string::npos);
      CHECK(printable_lines(said));
    }
  }
}

TEST_CASE("import: a list with bytes that are no text is refused with a word about it") {
  const TempDir place;
  const fs::path set = place / "data_demo";
  write(set / "images/case_1.png", picture(kGood));
  write_text(set / "image2label_train.json", "{\"images/a\xff\xfe\x1b[31m.png\": []}");
  const CommandResult result = import_with_time_limit(place / "a.bank", set, "sam-med2d");
  CHECK(result.exit_code == 1);
  CHECK_MESSAGE(result.err.find("UTF-8") != std::string::npos, result.err);
  CHECK(printable_lines(result.err));
}
