// SAT-DS's own lists, against a script that counts them by itself; and the rules that stand
// for all of its datasets.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "importers/import.h"
#include "importers/internal/sat_ds_rows.h"
#include "importers/internal/sat_ds_rules.h"
#include "query/internal/presence.h"
#include "schema/taxonomy.h"
#include "tests/formats/python_oracle.h"
#include "tests/support/shared_data.h"
#include "tests/support/temp_dir.h"

namespace slicebank {
namespace {

using Numbers = std::vector<std::uint64_t>;
using Values = std::vector<std::uint32_t>;
using Words = std::vector<std::string>;

// The datasets of SAT-DS as its lists name them.
const Words kDatasets = {"ACDC",
                         "AMOS22_CT",
                         "AMOS22_MRI",
                         "ATLAS",
                         "ATLASR2",
                         "AbdomenCT1K",
                         "BTCV",
                         "BTCV_Cervix",
                         "BraTS2023_GLI",
                         "BraTS2023_MEN",
                         "BraTS2023_MET",
                         "BraTS2023_PED",
                         "BraTS2023_SSA",
                         "BrainPTM",
                         "Brain_Atlas",
                         "CHAOS_CT",
                         "CHAOS_MRI",
                         "CMRxMotion",
                         "COVID19",
                         "CTPelvic1K",
                         "CT_ORG",
                         "Couinaud_Liver",
                         "CrossMoDA2021",
                         "DAP_Atlas",
                         "FLARE22",
                         "FUMPE",
                         "FeTA2022",
                         "HAN_Seg",
                         "Hecktor2022",
                         "ISLES2022",
                         "Instance22",
                         "KiPA22",
                         "KiTS23",
                         "LAScarQS22_Task1",
                         "LAScarQS22_Task2",
                         "LNDb",
                         "LUNA16",
                         "MM_WHS_CT",
                         "MM_WHS_MRI",
                         "MRSpineSeg",
                         "MSD_Cardiac",
                         "MSD_Colon",
                         "MSD_HepaticVessel",
                         "MSD_Hippocampus",
                         "MSD_Liver",
                         "MSD_Lung",
                         "MSD_Pancreas",
                         "MSD_Prostate",
                         "MSD_Spleen",
                         "MyoPS2020",
                         "NSCLC",
                         "PARSE2022",
                         "PDDCA",
                         "PROMISE12",
                         "Pancreas_CT",
                         "SEGA",
                         "SKI10",
                         "SLIVER07",
                         "SegRap2023_Task1",
                         "SegRap2023_Task2",
                         "SegTHOR",
                         "ToothFairy",
                         "TotalSegmentator_Cardiac",
                         "TotalSegmentator_Muscles",
                         "TotalSegmentator_Organs",
                         "TotalSegmentator_Ribs",
                         "TotalSegmentator_Vertebrae",
                         "TotalSegmentator_v2",
                         "VerSe",
                         "WMH_Segmentation_Challenge",
                         "WORD",
                         "autoPET"};

Values values_of(const std::string& dataset, const Words& labels, const std::string& name) {
  for (const auto& mask : sat_ds::plan_masks(sat_ds::rule_of(dataset), labels)) {
    if (mask.class_name == name) return mask.values;
  }
  FAIL(dataset, " has no mask of ", name);
  return {};
}

std::string person(const std::string& dataset, const std::string& id,
                   const std::string& image = "data/nii/a.nii.gz") {
  return sat_ds::person_of(sat_ds::rule_of(dataset), id, image);
}

}  // namespace

TEST_CASE("sat-ds: a dry run of the real lists counts what a script of its own counts") {
  SLICEBANK_SHARED_OR_SKIP(source, "sat-ds");
  const std::string python = testing::python_with("json");
  if (python.empty()) return;
  const testing::TempDir folder;
  const std::string counts = (folder / "counts.txt").string();
  const std::string command = python + " " + std::string(SLICEBANK_SOURCE_DIR) +
                              "/tests/importers/sat_ds_count.py '" + source.string() + "' > '" +
                              counts + "'";
  REQUIRE(std::system(command.c_str()) == 0);
  std::map<std::string, Numbers> expected;
  std::ifstream lines(counts);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string name;
    words >> name;
    for (std::uint64_t number = 0; words >> number;) expected[name].push_back(number);
  }
  REQUIRE(expected.contains("total"));
  const Numbers total = expected["total"];
  expected.erase("total");

  ImportOptions options;
  options.dry_run = true;
  std::map<std::string, std::size_t> told;
  std::string words;
  options.problem = [&](const Problem& problem) {
    ++told[problem.kind];
    words += problem.path + " " + problem.message + "\n";
  };
  const std::filesystem::path bank = folder / "a.bank";
  const ImportReport report = import_source(bank, source, options);
  CHECK(report.importer == "sat-ds");
  CHECK(report.items == total.at(0));
  CHECK(report.items_failed == 0);
  CHECK(report.skipped == 0);
  CHECK_FALSE(std::filesystem::exists(bank));
  CHECK(report.reason.find(std::to_string(total.at(1)) + " split files") != std::string::npos);
  CHECK(report.datasets.size() == expected.size());
  for (const auto& dataset : report.datasets) {
    INFO(dataset.name);
    CHECK(Numbers{dataset.items, dataset.volumes, dataset.subjects, dataset.classes} ==
          expected[dataset.name]);
  }

  INFO(words);
  CHECK(told["file-name-ids"] == total.at(2));
  CHECK(told["shared-subject-ids"] == total.at(3));
  CHECK(words.find("CHAOS_MRI: 20 of 20 subject ids are also those of "
                   "WMH_Segmentation_Challenge (20)") != std::string::npos);
  CHECK(words.find("'train' has 48 entries for 16 ids") != std::string::npos);
  CHECK(words.find("KITS19.json 91 ids of a dataset without rows") != std::string::npos);
  CHECK(words.find("TotalSegmentator_v2: there is no split file") != std::string::npos);
}

TEST_CASE("sat-ds: each label of the real lists is a mask, or a class of the taxonomy above one") {
  SLICEBANK_SHARED_OR_SKIP(source, "sat-ds");
  const SourceTree tree(source);
  const Taxonomy& taxonomy = Taxonomy::builtin();
  std::set<std::string> seen;
  sat_ds::for_each_row(tree, sat_ds::find_lists(source), [&](sat_ds::Row&& row) {
    CHECK(row.error.empty());
    if (!seen.insert(row.dataset).second) return true;
    INFO(row.dataset);
    const sat_ds::DatasetRule& rule = sat_ds::rule_of(row.dataset);
    CHECK(rule.known);
    CHECK(taxonomy.find_region(rule.region).has_value());
    std::set<std::string> masks;
    std::set<ClassId> above;
    for (const auto& mask : sat_ds::plan_masks(rule, row.labels)) {
      masks.insert(mask.class_name);
      const auto id = taxonomy.find_class(mask.class_name);
      REQUIRE_MESSAGE(id.has_value(), mask.class_name);
      for (const ClassId each : taxonomy.ancestors(*id)) above.insert(each);
    }
    for (const std::string& label : row.labels) {
      if (masks.contains(label)) continue;
      const auto id = taxonomy.find_class(label);
      REQUIRE_MESSAGE(id.has_value(), label);
      CHECK_MESSAGE(above.contains(*id), label);
    }
    return true;
  });
  CHECK(seen.size() == 23);
}

bool looked_for(const CoverageNeed& need, const std::set<ClassId>& covered) {
  return covered.contains(need.id) ||
         std::any_of(need.ways.begin(), need.ways.end(), [&](const auto& parts) {
           return std::all_of(parts.begin(), parts.end(),
                              [&](const CoverageNeed& part) { return looked_for(part, covered); });
         });
}

TEST_CASE("sat-ds: a label that the loader makes of masks is looked for where they are") {
  SLICEBANK_SHARED_OR_SKIP(source, "sat-ds");
  const SourceTree tree(source);
  const Taxonomy& taxonomy = Taxonomy::builtin();
  std::size_t made = 0;
  std::set<std::string> seen;
  sat_ds::for_each_row(tree, sat_ds::find_lists(source), [&](sat_ds::Row&& row) {
    if (!seen.insert(row.dataset).second) return true;
    INFO(row.dataset);
    std::set<ClassId> covered;
    std::set<std::string> masks;
    for (const auto& mask : sat_ds::plan_masks(sat_ds::rule_of(row.dataset), row.labels)) {
      masks.insert(mask.class_name);
      covered.insert(*taxonomy.find_class(mask.class_name));
    }
    for (const std::string& label : row.labels) {
      if (masks.contains(label)) continue;
      ++made;
      CHECK_MESSAGE(looked_for(coverage_of(taxonomy, *taxonomy.find_class(label)), covered), label);
    }
    return true;
  });
  CHECK(made > 50);
}

TEST_CASE("sat-ds: there is a rule for each dataset of SAT-DS and for no other") {
  Words known = sat_ds::known_datasets();
  std::sort(known.begin(), known.end());
  Words expected = kDatasets;
  std::sort(expected.begin(), expected.end());
  CHECK(expected.size() == 72);
  CHECK(known == expected);
  for (const std::string& name : known) {
    INFO(name);
    const sat_ds::DatasetRule& rule = sat_ds::rule_of(name);
    CHECK(rule.labels > 0);
    CHECK(Taxonomy::builtin().find_region(rule.region).has_value());
  }
  std::set<std::string> stacks;
  for (const std::string& name : known) {
    if (sat_ds::rule_of(name).stack) stacks.insert(name);
  }
  CHECK(stacks == std::set<std::string>{"CHAOS_CT", "CHAOS_MRI", "HAN_Seg", "BrainPTM", "NSCLC",
                                        "TotalSegmentator_Cardiac", "TotalSegmentator_Muscles",
                                        "TotalSegmentator_Organs", "TotalSegmentator_Ribs",
                                        "TotalSegmentator_Vertebrae", "TotalSegmentator_v2"});
  CHECK_FALSE(sat_ds::rule_of("Somebody's").known);
}

TEST_CASE("sat-ds: values of labels are their places, but where a dataset has its own") {
  const Words acdc = {"left heart ventricle", "right heart ventricle", "myocardium",
                      "heart ventricle"};
  CHECK(values_of("ACDC", acdc, "left heart ventricle") == Values{3});
  CHECK(values_of("ACDC", acdc, "right heart ventricle") == Values{1});
  CHECK(values_of("ACDC", acdc, "myocardium") == Values{2});
  CHECK(sat_ds::plan_masks(sat_ds::rule_of("ACDC"), acdc).size() == 3);
  CHECK(values_of("LUNA16", {"left lung", "right lung", "trachea", "lung"}, "trachea") ==
        Values{5});
  CHECK(values_of("BTCV_Cervix", {"urinary bladder", "uterus"}, "uterus") == Values{2});
  CHECK(values_of("MSD_Liver", {"liver", "liver tumor"}, "liver") == Values{1, 2});
  CHECK(values_of("MSD_HepaticVessel", {"liver vessel", "liver tumor"}, "liver vessel") ==
        Values{1});
  CHECK(values_of("WMH_Segmentation_Challenge", {"white matter hyperintensities"},
                  "white matter hyperintensities")
            .empty());
  CHECK(values_of("COVID19", {"left lung", "right lung", "COVID-19 infection", "lung"}, "lung") ==
        Values{1, 2, 3});
  Words atlas;
  for (int i = 1; i <= 142; ++i) atlas.push_back("class " + std::to_string(i));
  CHECK(values_of("DAP_Atlas", atlas, "class 9") == Values{9});
  CHECK(values_of("DAP_Atlas", atlas, "class 10") == Values{11});
  CHECK(values_of("DAP_Atlas", atlas, "class 142") == Values{143});

  // The list of this one is not in the order of its values, and names no overlaps.
  const Words head = {"brain", "left temporal lobe", "left hippocampus", "hippocampus"};
  CHECK(values_of("SegRap2023_Task1", head, "left hippocampus") == Values{6, 8});
  CHECK(values_of("SegRap2023_Task1", head, "brain").size() == 9);
  CHECK(sat_ds::plan_masks(sat_ds::rule_of("SegRap2023_Task1"), head).size() == 3);

  const auto stack = sat_ds::plan_masks(sat_ds::rule_of("CHAOS_MRI"), {"liver", "right kidney"});
  CHECK(stack.at(1).component == 1);
  CHECK(stack.at(1).values.empty());
  const auto twice = sat_ds::plan_masks(sat_ds::rule_of("unknown"), {"a", "b", "a"});
  CHECK(twice.size() == 2);
  CHECK(twice.at(1).values == Values{2});
}

TEST_CASE("sat-ds: a person is what is left of an id without file, frame and time point") {
  CHECK(person("ACDC", "patient138_frame01.nii.gz") == "patient138");
  CHECK(person("AbdomenCT1K", "Case_00558_0000.nii.gz") == "Case_00558");
  CHECK(person("FLARE22", "FLARE22_Tr_0031_0000.nii.gz") == "FLARE22_Tr_0031");
  CHECK(person("BraTS2023_MEN", "BraTS-MEN-01435-001") == "BraTS-MEN-01435");
  CHECK(person("CMRxMotion", "P001-4") == "P001");
  CHECK(person("MM_WHS_CT", "ct_train_1001_image.nii.gz") == "ct_train_1001");
  CHECK(person("BTCV_Cervix", "0507688-Image.nii.gz") == "0507688");
  CHECK(person("CTPelvic1K", "CLINIC_metal_0013_mask_4label.nii.gz") == "CLINIC_metal_0013");
  CHECK(person("LNDb", "LNDb-0001.mhd") == "LNDb-0001");
  CHECK(person("LUNA16", "1.3.6.1.4.1.14519") == "1.3.6.1.4.1.14519");
  CHECK(person("SEGA", "R8 (AD)") == "R8 (AD)");
  CHECK(person("SegRap2023_Task1", "segrap_0000") == "segrap_0000");
  CHECK(person("ATLASR2", "R001", "data/nii/ATLASR2/R001/sub-r001s001/ses-1/anat/x.nii.gz") ==
        "sub-r001s001");
  CHECK(person("ATLASR2", "R001", "data/nii/one.nii.gz") == "one");
  CHECK(person("Somebody's", "x_0000.nii.gz") == "x_0000");
  CHECK(sat_ds::same_people("DAP_Atlas", "autoPET"));
  CHECK_FALSE(sat_ds::same_people("LAScarQS22_Task1", "LAScarQS22_Task2"));
}

}  // namespace slicebank
