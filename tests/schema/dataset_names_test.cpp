// The taxonomy against the names that real datasets use.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "schema/taxonomy.h"
#include "tests/support/shared_data.h"

namespace slicebank {
namespace {

using Json = nlohmann::json;

const Taxonomy& builtin() { return Taxonomy::builtin(); }

void check_class(const std::string& name) {
  CHECK_MESSAGE(builtin().find_class(name).has_value(), "no class for '" << name << "'");
}

const ClassInfo* info_of(const std::string& name) {
  const auto id = builtin().find_class(name);
  return id ? builtin().class_info(*id) : nullptr;
}

TEST_CASE("dataset names: every term of SAT-DS has a class in the region that SAT-DS gives it") {
  SLICEBANK_SHARED_OR_SKIP(path, "sat-ds/data/terminology_list.json");
  const Json list = Json::parse(std::ifstream(path));
  // Where docs/taxonomy.md decides otherwise, or SAT-DS gives one class two regions.
  const std::set<std::string> decided = {"brain", "esophagus", "iliac artery", "iliac vena"};

  std::size_t terms = 0;
  for (const auto& [region, labels] : list["region_based"].items()) {
    for (const Json& label : labels) {
      const std::string term = label.get<std::string>();
      const std::size_t cut = term.find('_');
      CHECK(builtin().find_modality(term.substr(0, cut)));
      const ClassInfo* info = info_of(term.substr(cut + 1));
      CHECK_MESSAGE(info != nullptr, "no class for '" << term << "'");
      ++terms;
      if (info == nullptr || decided.count(info->name) != 0) continue;
      CHECK_MESSAGE(builtin().region(info->region)->name == region, term);
    }
  }
  CHECK(terms == list["all"].size());
  for (const Json& label : list["abnormal"]) {
    const std::string term = label.get<std::string>();
    CHECK_MESSAGE(info_of(term.substr(term.find('_') + 1))->lesion, term);
  }
}

TEST_CASE("dataset names: every label and modality of the SAT-DS lists is known") {
  SLICEBANK_SHARED_OR_SKIP(folder, "sat-ds/data/jsonl");
  std::set<std::string> labels;
  std::set<std::string> modalities;
  for (const auto& file : std::filesystem::directory_iterator(folder)) {
    std::ifstream lines(file.path());
    for (std::string line; std::getline(lines, line);) {
      const Json entry = Json::parse(line);
      modalities.insert(entry["modality"].get<std::string>());
      for (const Json& label : entry["label"]) labels.insert(label.get<std::string>());
    }
  }
  CHECK(labels.size() > 200);
  for (const std::string& label : labels) check_class(label);
  for (const std::string& modality : modalities) {
    CHECK_MESSAGE(builtin().find_modality(modality).has_value(), modality);
  }
}

TEST_CASE("dataset names: every label of the real nnU-Net dataset files is known") {
  SLICEBANK_SHARED_OR_SKIP(folder, "sat-ds/data/specialist_model_config");
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.path().filename() != "dataset.json") continue;
    const Json dataset = Json::parse(std::ifstream(entry.path()));
    ++files;
    for (const auto& [name, value] : dataset["labels"].items()) {
      if (name != "background") check_class(name);
    }
    for (const auto& [number, name] : dataset["channel_names"].items()) {
      CHECK(builtin().find_modality(name.get<std::string>()).has_value());
    }
  }
  CHECK(files > 10);
}

TEST_CASE("dataset names: every mask of the SAM-Med2D demo is known") {
  SLICEBANK_SHARED_OR_SKIP(folder, "sam-med2d/data_demo");
  std::size_t masks = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder / "masks")) {
    const std::string stem = entry.path().stem().string();
    for (const auto& image : std::filesystem::directory_iterator(folder / "images")) {
      const std::string prefix = image.path().stem().string() + "_";
      if (stem.rfind(prefix, 0) != 0) continue;
      const std::size_t end = stem.rfind('_');
      check_class(stem.substr(prefix.size(), end - prefix.size()));
      ++masks;
    }
  }
  CHECK(masks > 10);
}

TEST_CASE("dataset names: every structure of a TotalSegmentator folder is known") {
  SLICEBANK_SHARED_OR_SKIP(folder, "totalsegmentator/example_seg_fast");
  std::set<ClassId> classes;
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (entry.path().extension() != ".gz") continue;
    check_class(name);
    if (const auto id = builtin().find_class(name)) classes.insert(*id);
    ++files;
  }
  CHECK(files == 117);
  CHECK(classes.size() == files);
}

TEST_CASE("dataset names: the structures of TotalSegmentator's first version are known") {
  for (const char* name :
       {"face", "clavicula_left", "heart_myocardium", "heart_atrium_left", "heart_ventricle_right",
        "pulmonary_artery", "iliac_vena_right", "portal_vein_and_splenic_vein", "hip_left",
        "autochthon_right", "gluteus_maximus_left", "vertebrae_C1", "vertebrae_L5", "rib_right_12",
        "lung_middle_lobe_right", "adrenal_gland_left", "humerus_left"}) {
    check_class(name);
  }
}

TEST_CASE("dataset names: AMOS, MSD and BraTS labels with their own spellings are known") {
  for (const char* name : {"arota", "postcava", "gall bladder", "prostate/uterus", "bladder",
                           "left adrenal gland", "non-enhancing tumor", "enhancing tumour",
                           "left atrium", "PZ", "TZ", "colon cancer primaries", "whole tumor",
                           "tumor core", "enhancing tumor", "NETC", "SNFH", "resection cavity"}) {
    check_class(name);
  }
}

TEST_CASE("dataset names: MedMNIST and MedSegBench labels are known where they say what they are") {
  for (const char* name : {"adipose",
                           "debris",
                           "lymphocytes",
                           "mucus",
                           "smooth muscle",
                           "normal colon mucosa",
                           "cancer-associated stroma",
                           "colorectal adenocarcinoma epithelium",
                           "atelectasis",
                           "cardiomegaly",
                           "infiltration",
                           "mass",
                           "nodule",
                           "pneumonia",
                           "pneumothorax",
                           "consolidation",
                           "emphysema",
                           "pleural",
                           "hernia",
                           "actinic keratoses and intraepithelial carcinoma",
                           "basal cell carcinoma",
                           "benign keratosis-like lesions",
                           "dermatofibroma",
                           "melanoma",
                           "melanocytic nevi",
                           "vascular lesions",
                           "choroidal neovascularization",
                           "diabetic macular edema",
                           "drusen",
                           "normal",
                           "malignant",
                           "normal, benign",
                           "benign",
                           "basophil",
                           "eosinophil",
                           "erythroblast",
                           "immature granulocytes(myelocytes, metamyelocytes and promyelocytes)",
                           "lymphocyte",
                           "monocyte",
                           "neutrophil",
                           "platelet",
                           "Collecting Duct, Connecting Tubule",
                           "Distal Convoluted Tubule",
                           "Glomerular endothelial cells",
                           "Interstitial endothelial cells",
                           "Leukocytes",
                           "Podocytes",
                           "Proximal Tubule Segments",
                           "Thick Ascending Limb",
                           "bladder",
                           "femur-left",
                           "kidney-right",
                           "lung-left",
                           "hyperplasia",
                           "buckle rib fracture",
                           "nondisplaced rib fracture",
                           "displaced rib fracture",
                           "vessel",
                           "aneurysm",
                           "inhibitory synapse",
                           "excitatory synapse",
                           "cytoplasm",
                           "nucleus",
                           "Microaneurysms",
                           "Hemorrhages",
                           "Hard Exudates",
                           "Optic Disc",
                           "Epithelial",
                           "Macrophage",
                           "Neutrophil",
                           "covid",
                           "lung",
                           "viral pneumonia",
                           "melenoma",
                           "neoplastic polyps",
                           "non-neoplastic polyps",
                           "grasper",
                           "bipolar",
                           "hook",
                           "scissors",
                           "clipper",
                           "irrigator",
                           "specimen-bag",
                           "trocars",
                           "clip",
                           "gall-bladder",
                           "fat",
                           "artery",
                           "intestine",
                           "bile",
                           "blood",
                           "vessels",
                           "adrenals",
                           "bones",
                           "pubic symphysis",
                           "fetal head"}) {
    check_class(name);
  }
}

}  // namespace
}  // namespace slicebank
