#include "schema/taxonomy.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "schema/error.h"

namespace slicebank {
namespace {

const Taxonomy& builtin() { return Taxonomy::builtin(); }

// Canonical name of the class that `word` leads to; "" when it leads nowhere.
std::string class_of(const std::string& word, const Taxonomy& taxonomy = builtin()) {
  const auto id = taxonomy.find_class(word);
  return id ? taxonomy.class_info(*id)->name : "";
}

std::set<std::string> names_of(const std::vector<ClassId>& ids,
                               const Taxonomy& taxonomy = builtin()) {
  std::set<std::string> names;
  for (const ClassId id : ids) names.insert(taxonomy.class_info(id)->name);
  return names;
}

std::set<std::string> members_of(const std::string& name) {
  return names_of(builtin().members(builtin().find_class(name).value()));
}

std::set<std::string> ancestors_of(const std::string& name) {
  return names_of(builtin().ancestors(builtin().find_class(name).value()));
}

// "MR T1ce" for what `word` means; "" when it means nothing.
std::string modality_of(const std::string& word) {
  const auto match = builtin().find_modality(word);
  if (!match) return "";
  std::string text = builtin().modality(match->modality)->name;
  if (raw(match->sequence) != 0) text += " " + builtin().sequence(match->sequence)->name;
  return text;
}

std::string region_of(const std::string& word) {
  const auto id = builtin().find_region(word);
  return id ? builtin().region(*id)->name : "";
}

ClassInfo bank_class(std::uint32_t offset, const std::string& name) {
  ClassInfo info;
  info.id = ClassId{kFirstBankClass + offset};
  info.name = name;
  return info;
}

ErrorCode code_of_adding(Taxonomy& taxonomy, ClassInfo info) {
  try {
    taxonomy.add_class(std::move(info));
  } catch (const Error& error) {
    return error.code();
  }
  return {};
}

TEST_CASE("taxonomy: every spelling of a structure leads to one class") {
  const std::map<std::string, std::vector<std::string>> spellings = {
      {"left kidney", {"kidney_left", "Kidney L", "LK", "left kidneys", "kidney-left"}},
      {"left carotid artery", {"A_Carotid_L", "Left Carotid artery"}},
      {"left rib 9", {"rib_left_9", "left_rib_9"}},
      {"left lung lower lobe", {"lung_lower_lobe_left"}},
      {"left heart atrium", {"heart_atrium_left", "left atrium", "Left Atrium"}},
      {"left heart ventricle", {"LV", "left ventricle", "heart_ventricle_left"}},
      {"thoracic vertebrae 9 (t9)", {"vertebrae_T9", "T9", "vertebra T9", "thoracic vertebrae 9"}},
      {"left head of femur", {"head of left femur", "femoral_head_left"}},
      {"left clavicle", {"clavicula_left", "left_clavicula"}},
      {"left thyroid gland", {"left thyroid"}},
      {"thyroid gland", {"thyroid"}},
      {"costal cartilage", {"costal_cartilages", "rib cartilage"}},
      {"left auricle of heart", {"atrial_appendage_left"}},
      {"aorta", {"arota", "Aorta"}},
      {"inferior vena cava", {"postcava", "IVC", "inferior_vena_cava"}},
      {"gallbladder", {"gall bladder", "gall-bladder", "Gallbladder"}},
      {"urinary bladder", {"bladder", "urinary_bladder"}},
      {"esophagus", {"oesophagus", "Esophagus"}},
      {"tumor", {"tumour", "Tumours", "cancer"}},
      {"liver tumor", {"liver tumour", "hepatic tumour"}},
      {"colon cancer", {"colon cancer primaries"}},
      {"pancreas tumor", {"pancreatic cancer", "pancreas tumour"}},
      {"liver vessel", {"hepatic vessel", "hepatic_vessels"}},
      {"myocardium", {"heart_myocardium"}},
      {"left iliac vena", {"iliac_vena_left", "left iliac vein"}},
      {"prostate or uterus", {"prostate/uterus"}},
      {"brain tumor", {"whole tumor", "Whole_Tumour"}},
      {"brain tumor core", {"tumor core"}},
      {"enhancing brain tumor", {"enhancing tumour"}},
      {"necrotic brain tumor core", {"NCR"}},
      {"transition zone of prostate", {"TZ"}},
      {"femur", {"femur_bone"}},
      {"intervertebral disc between lumbar vertebrae 5 (l5) and sacrum", {"disc L5 sacrum"}},
  };
  for (const auto& [name, words] : spellings) {
    CHECK(class_of(name) == name);
    for (const std::string& word : words) {
      CAPTURE(word);
      CHECK(class_of(word) == name);
    }
  }
}

TEST_CASE("taxonomy: a word that fits several things or none leads nowhere") {
  for (const char* word :
       {"",           " ",          "left",        "right",
        "L",          "background", "unknown",     "ignore",
        "foreground", "edema",      "union_heart", "union of left and right lung",
        "liv",        "class 3",    "0",           "1",
        "ventricle",  "anterior",   "left liver",  "left left kidney",
        "livr",       "-",          "left -"}) {
    CAPTURE(word);
    CHECK(class_of(word) == "");
  }
}

TEST_CASE("taxonomy: a query for an organ finds its sides and parts") {
  using Names = std::set<std::string>;
  CHECK(members_of("kidney") ==
        Names{"kidney", "left kidney", "right kidney", "kidney cortex", "kidney medulla"});
  CHECK(members_of("left kidney") == Names{"left kidney"});
  CHECK(members_of("prostate") == Names{"prostate", "transition zone of prostate",
                                        "peripheral zone of prostate",
                                        "central gland of prostate"});
  CHECK(members_of("hippocampus") == Names{"hippocampus", "left hippocampus", "right hippocampus",
                                           "anterior hippocampus", "posterior hippocampus"});
  CHECK(members_of("left lung") ==
        Names{"left lung", "left lung upper lobe", "left lung lower lobe"});
  CHECK(members_of("rib").size() == 1 + 2 + 12 + 24);
  CHECK(members_of("left rib").size() == 1 + 12);
  CHECK(members_of("cervical vertebrae").size() == 1 + 7);
  CHECK(members_of("right lobe of liver").size() == 1 + 4);
  for (const char* part : {"left heart ventricle", "heart atrium", "myocardium"}) {
    CHECK(members_of("heart").count(part) == 1);
  }
  for (const char* part :
       {"lumbar vertebrae 5 (l5)", "cervical vertebrae", "sacral vertebrae 1 (s1)"}) {
    CHECK(members_of("vertebrae").count(part) == 1);
  }
  CHECK(members_of("liver").count("left medial segment of liver") == 1);
}

TEST_CASE("taxonomy: a lesion is no member of its organ, but of its kind") {
  CHECK(members_of("kidney").count("kidney tumor") == 0);
  CHECK(members_of("liver").count("liver tumor") == 0);
  CHECK(members_of("tumor").count("liver tumor") == 1);
  CHECK(members_of("brain tumor").count("brain edema") == 1);
  CHECK(members_of("brain tumor core") ==
        std::set<std::string>{"brain tumor core", "enhancing brain tumor",
                              "necrotic brain tumor core", "non-enhancing brain tumor core"});
  CHECK(members_of("kidney cyst").size() == 3);
  for (const ClassInfo& info : builtin().classes()) {
    if (info.lesion) continue;
    for (const ClassId member : builtin().members(info.id)) {
      CAPTURE(info.name);
      CHECK_FALSE(builtin().class_info(member)->lesion);
    }
  }
}

TEST_CASE("taxonomy: ancestors are the mirror of members") {
  CHECK(ancestors_of("left rib 9") ==
        std::set<std::string>{"left rib 9", "rib 9", "left rib", "rib"});
  for (const ClassInfo& info : builtin().classes()) {
    const auto members = builtin().members(info.id);
    REQUIRE(std::is_sorted(members.begin(), members.end()));
    for (const ClassId member : members) {
      const auto ancestors = builtin().ancestors(member);
      REQUIRE(std::is_sorted(ancestors.begin(), ancestors.end()));
      REQUIRE(std::binary_search(ancestors.begin(), ancestors.end(), info.id));
    }
  }
  CHECK(builtin().members(ClassId{0}).empty());
  CHECK(builtin().ancestors(ClassId{kFirstBankClass}).empty());
}

TEST_CASE("taxonomy: every class is found by its name and each alias, and is well formed") {
  for (const ClassInfo& info : builtin().classes()) {
    CAPTURE(info.name);
    CHECK(builtin().find_class(info.name) == info.id);
    for (const std::string& alias : info.aliases) CHECK(builtin().find_class(alias) == info.id);
    CHECK(normalise_class_name(info.name) == info.name);
    CHECK((info.side == Side::none) == (info.base == info.name));
    if (raw(info.region) != 0) CHECK(builtin().region(info.region) != nullptr);
    const auto base = builtin().find_class(info.base);
    if (info.side != Side::none && base && builtin().class_info(*base)->name == info.base) {
      CHECK(std::count(info.parents.begin(), info.parents.end(), *base) == 1);
    }
  }
  const ClassInfo& kidney = *builtin().class_info(builtin().find_class("LK").value());
  CHECK(kidney.side == Side::left);
  CHECK(kidney.base == "kidney");
  CHECK(builtin().region(kidney.region)->name == "abdomen");
  CHECK_FALSE(kidney.lesion);
  CHECK(builtin().class_info(builtin().find_class("kidney tumor").value())->lesion);
}

TEST_CASE("taxonomy: every word for a modality that the field uses is understood") {
  const std::map<std::string, std::vector<std::string>> words = {
      {"CT", {"ct", "ct_00", "CT scan", "3DBox_CT", "CT_00"}},
      {"CT CBCT", {"CBCT"}},
      {"CT low dose", {"LDCT"}},
      {"CT portal venous", {"Portal venous CT"}},
      {"CT CBF", {"ct_cbf"}},
      {"CT CBV", {"ct_cbv"}},
      {"CT MTT", {"ct_mtt"}},
      {"CT Tmax", {"ct_tmax"}},
      {"MR", {"MRI", "MR", "mr_00", "3DBox_MR", "2DBox_MR", "Multimodal MRI", "mri"}},
      {"MR T1", {"mr_t1", "mr_t1w", "mr_mprage", "MRI T1", "t1", "t1n", "T1w"}},
      {"MR T1ce", {"mr_t1c", "mr_t1ce", "mr_t1gd", "t1c", "t1ce", "t1gd", "T1-contrast"}},
      {"MR T2", {"mr_t2", "mr_t2w", "MRI T2", "t2", "t2w"}},
      {"MR PD", {"mr_pd"}},
      {"MR FLAIR", {"mr_flair", "MRI FLAIR", "FLAIR", "flair", "t2f"}},
      {"MR DWI", {"mr_dwi", "MRI DWI"}},
      {"MR ADC", {"mr_adc", "MRI ADC", "ADC"}},
      {"MR HBV", {"mr_hbv"}},
      {"MR CBF", {"mr_cbf"}},
      {"MR CBV", {"mr_cbv"}},
      {"MR MTT", {"mr_mtt"}},
      {"MR rCBF", {"mr_rcbf"}},
      {"MR rCBV", {"mr_rcbv"}},
      {"MR Tmax", {"mr_tmax"}},
      {"MR TTP", {"mr_ttp"}},
      {"MR CMR", {"mr_cmr"}},
      {"MR LGE", {"mr_lge"}},
      {"MR angiography", {"MRA"}},
      {"PET", {"pet_00", "PET", "PT", "3DBox_PET", "SUV"}},
      {"X-ray", {"x_ray", "X-Ray", "XRay", "XR", "CXR", "CR", "DX", "Chest X-ray", "2DBox_X-Ray"}},
      {"Mammography", {"Mammography", "MG"}},
      {"Ultrasound", {"ultrasound_00", "US", "UT", "Ultrasound"}},
      {"Ultrasound echocardiography", {"Echo"}},
      {"OCT", {"OCT", "octmnist", "OPT"}},
      {"Fundus", {"fundus_photography", "Fundus", "OC", "OP", "Retinal fundus"}},
      {"Dermoscopy", {"dermoscopy_00", "Dermoscopy", "dermatoscopy"}},
      {"Endoscopy", {"endoscopy_00", "Endoscopy", "ES"}},
      {"Endoscopy colonoscopy", {"Colonoscopy"}},
      {"Endoscopy laparoscopy", {"laparoscopy"}},
      {"Microscopy", {"Microscope", "Microscopy"}},
      {"Microscopy histopathology", {"histopathology", "pathology"}},
      {"Microscopy blood cell", {"blood cell"}},
      {"Microscopy electron", {"EM"}},
  };
  for (const auto& [meaning, list] : words) {
    for (const std::string& word : list) {
      CAPTURE(word);
      CHECK(modality_of(word) == meaning);
    }
  }
}

TEST_CASE("taxonomy: a word for no modality, or for two, means nothing") {
  for (const char* word : {"", "_", "cbf", "angiography", "PET/CT", "mr_xyz", "foo", "contrast",
                           "x", "00", "3DBox", "ct ct ct ct ct ct ct ct ct ct"}) {
    CAPTURE(word);
    CHECK(modality_of(word) == "");
  }
}

TEST_CASE("taxonomy: regions are the eight of SAT-DS and the whole body") {
  std::vector<std::string> names;
  for (const RegionInfo& info : builtin().regions()) names.push_back(info.name);
  CHECK(names == std::vector<std::string>{"brain", "head and neck", "upper limb", "thorax", "spine",
                                          "abdomen", "lower limb", "pelvis", "whole body"});
  CHECK(region_of("Head and Neck") == "head and neck");
  CHECK(region_of("head_and_neck") == "head and neck");
  CHECK(region_of("Head & Neck") == "head and neck");
  CHECK(region_of("Whole Body") == "whole body");
  CHECK(region_of("chest") == "thorax");
  CHECK(region_of("eye") == "head and neck");
  CHECK(region_of("skin") == "whole body");
  CHECK(region_of("breast") == "thorax");
  CHECK(region_of("nowhere") == "");
  CHECK(region_of("") == "");
}

TEST_CASE("taxonomy: an id that was given once is never changed or taken back") {
  std::set<std::string> lines;
  const auto add = [&](const char* kind, std::uint32_t id, const std::string& name) {
    lines.insert(std::string(kind) + " " + std::to_string(id) + " " + name);
  };
  for (const auto& info : builtin().modalities()) add("modality", raw(info.id), info.name);
  for (const auto& info : builtin().sequences()) {
    add("sequence", raw(info.id), builtin().modality(info.modality)->name + " " + info.name);
  }
  for (const auto& info : builtin().regions()) add("region", raw(info.id), info.name);
  for (const auto& info : builtin().classes()) add("class", raw(info.id), info.name);

  const auto path = std::filesystem::path(SLICEBANK_SOURCE_DIR) / "tests/golden/taxonomy_ids.txt";
  std::ifstream golden(path);
  REQUIRE_MESSAGE(golden.is_open(), path.string());
  std::set<std::string> known;
  for (std::string line; std::getline(golden, line);) {
    known.insert(line);
    CHECK_MESSAGE(lines.count(line) == 1, "changed or gone: " << line);
  }
  for (const std::string& line : lines) {
    CHECK_MESSAGE(known.count(line) == 1,
                  "new; append this line to tests/golden/taxonomy_ids.txt: " << line);
  }
  CHECK(Taxonomy::builtin_version() >= 1);
}

TEST_CASE("taxonomy: a bank's own class is found, and joins its parents") {
  Taxonomy taxonomy = builtin();
  ClassInfo organ = bank_class(0, "Glowing_Organ");
  organ.aliases = {"lamp"};
  organ.region = builtin().find_region("abdomen").value();
  taxonomy.add_class(organ);
  taxonomy.add_class(bank_class(2, "glowing organ left"));
  ClassInfo segment = bank_class(1, "liver segment 9");
  segment.parents = {taxonomy.find_class("right lobe of liver").value()};
  taxonomy.add_class(segment);

  CHECK(class_of("glowing organ", taxonomy) == "glowing organ");
  CHECK(class_of("LAMP", taxonomy) == "glowing organ");
  CHECK(class_of("lamp_left", taxonomy) == "left glowing organ");
  const ClassInfo& left = *taxonomy.class_info(ClassId{kFirstBankClass + 2});
  CHECK(left.side == Side::left);
  CHECK(left.base == "glowing organ");
  CHECK(left.parents == std::vector<ClassId>{organ.id});
  CHECK(names_of(taxonomy.members(organ.id), taxonomy) ==
        std::set<std::string>{"glowing organ", "left glowing organ"});
  const auto liver = taxonomy.members(taxonomy.find_class("liver").value());
  CHECK(std::count(liver.begin(), liver.end(), segment.id) == 1);
  CHECK(names_of(taxonomy.ancestors(segment.id), taxonomy) ==
        std::set<std::string>{"liver segment 9", "right lobe of liver", "liver"});
  CHECK(taxonomy.classes().size() == builtin().classes().size() + 3);
  CHECK_FALSE(builtin().find_class("lamp"));
}

TEST_CASE("taxonomy: what was taken out of a taxonomy can be put into another") {
  Taxonomy first = builtin();
  first.add_class(bank_class(0, "left lamp"));
  Taxonomy second = builtin();
  second.add_class(*first.class_info(ClassId{kFirstBankClass}));
  CHECK(second.classes() == first.classes());
}

TEST_CASE("taxonomy: a base that comes after its sides is above them all the same") {
  Taxonomy taxonomy = builtin();
  taxonomy.add_class(bank_class(0, "left lamp"));
  ClassInfo bulb = bank_class(1, "bulb");
  bulb.parents = {ClassId{kFirstBankClass}};
  taxonomy.add_class(bulb);
  ClassInfo lamp = bank_class(2, "lamp");
  lamp.parents = {taxonomy.find_class("liver").value()};
  taxonomy.add_class(lamp);

  CHECK(names_of(taxonomy.members(lamp.id), taxonomy) ==
        std::set<std::string>{"lamp", "left lamp", "bulb"});
  CHECK(names_of(taxonomy.ancestors(bulb.id), taxonomy) ==
        std::set<std::string>{"lamp", "left lamp", "bulb", "liver"});
  ClassInfo odd = bank_class(3, "left odd");
  taxonomy.add_class(odd);
  ClassInfo inside_out = bank_class(4, "odd");
  inside_out.parents = {odd.id};
  taxonomy.add_class(inside_out);
  CHECK(names_of(taxonomy.members(odd.id), taxonomy) == std::set<std::string>{"odd", "left odd"});
  CHECK(names_of(taxonomy.members(inside_out.id), taxonomy) == std::set<std::string>{"odd"});
}

TEST_CASE("taxonomy: a class that cannot be added is refused and leaves no trace") {
  Taxonomy taxonomy = builtin();
  taxonomy.add_class(bank_class(0, "lamp"));

  CHECK(code_of_adding(taxonomy, bank_class(0, "other")) == ErrorCode::already_exists);
  CHECK(code_of_adding(taxonomy, bank_class(1, "LAMP")) == ErrorCode::already_exists);
  CHECK(code_of_adding(taxonomy, bank_class(1, "gall-bladder")) == ErrorCode::already_exists);
  CHECK(code_of_adding(taxonomy, bank_class(1, "")) == ErrorCode::bad_argument);
  CHECK(code_of_adding(taxonomy, bank_class(1, " - ")) == ErrorCode::bad_argument);
  CHECK(code_of_adding(taxonomy, bank_class(1, std::string(2000, 'a'))) == ErrorCode::bad_argument);
  ClassInfo low = bank_class(1, "low");
  low.id = ClassId{kFirstBankClass - 1};
  CHECK(code_of_adding(taxonomy, low) == ErrorCode::bad_argument);
  ClassInfo alias = bank_class(1, "new");
  alias.aliases = {"new two", "arota"};
  CHECK(code_of_adding(taxonomy, alias) == ErrorCode::already_exists);
  ClassInfo orphan = bank_class(1, "orphan");
  orphan.parents = {ClassId{kFirstBankClass + 1}};
  CHECK(code_of_adding(taxonomy, orphan) == ErrorCode::bad_argument);
  ClassInfo nowhere = bank_class(1, "nowhere");
  nowhere.region = RegionId{999};
  CHECK(code_of_adding(taxonomy, nowhere) == ErrorCode::bad_argument);

  CHECK(taxonomy.classes().size() == builtin().classes().size() + 1);
  CHECK(class_of("new two", taxonomy) == "");
  CHECK(class_of("orphan", taxonomy) == "");
}

TEST_CASE("taxonomy: copies are apart, and an empty one knows nothing") {
  Taxonomy copy = builtin();
  Taxonomy other;
  CHECK_FALSE(other.find_class("liver"));
  CHECK_FALSE(other.find_modality("CT"));
  CHECK(other.classes().empty());
  other = copy;
  other.add_class(bank_class(0, "lamp"));
  CHECK(class_of("lamp", copy) == "");
  copy = std::move(other);
  CHECK(class_of("lamp", copy) == "lamp");
}

}  // namespace
}  // namespace slicebank
