#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "importers/internal/brats_editions.h"
#include "schema/taxonomy.h"

namespace slicebank {

TEST_CASE("brats: names of cases give year, task and patient") {
  struct Row {
    const char* name;
    const char* patient;
    const char* task;
    int year;
  };
  const Row rows[] = {
      {"Brats17_2013_10_1", "Brats17_2013_10", "", 2017},
      {"Brats18_TCIA01_390_1", "Brats18_TCIA01_390", "", 2018},
      {"BraTS19_CBICA_AAB_1", "BraTS19_CBICA_AAB", "", 2019},
      {"BraTS20_Training_001", "BraTS20_Training_001", "", 2020},
      {"BraTS2021_00002", "BraTS2021_00002", "", 2021},
      {"BraTS-GLI-00000-000", "BraTS-GLI-00000", "GLI", 0},
      {"BraTS-GLI-02060-101", "BraTS-GLI-02060", "GLI", 2024},
      {"BraTS-SSA-00010-000", "BraTS-SSA-00010", "SSA", 0},
      {"BraTS-MEN-RT-0000-1", "BraTS-MEN-RT-0000", "MEN-RT", 2024},
  };
  for (const Row& row : rows) {
    INFO(row.name);
    const auto name = brats::parse_case_name(row.name);
    REQUIRE(name.has_value());
    CHECK(name->text == row.name);
    CHECK(name->patient == row.patient);
    CHECK(name->task == row.task);
    CHECK(name->year == row.year);
  }
  for (const char* other :
       {"", "BraTS", "brats_all", "BraTS2020_TrainingData", "BraTS2021_Training_Data", "BraTS99_x",
        "BraTS-GLI", "BraTS-GLI-x-0", "BraTS--1-2", "BraTS-1-2", "BraTS-MEN-RT-Train-v2",
        "MICCAI_BraTS2020_TrainingData", "BraTS2024-BraTS-GLI-TrainingData", "BraTS20_"}) {
    INFO(other);
    CHECK_FALSE(brats::parse_case_name(other).has_value());
  }
}

TEST_CASE("brats: folders give the year and the split where they say them") {
  CHECK(brats::year_of_path("data/ASNR-MICCAI-BraTS2023-GLI-Challenge-TrainingData") == 2023);
  CHECK(brats::year_of_path("2023/BraTS2024-BraTS-GLI-TrainingData/training_data1_v2") == 2024);
  CHECK(brats::year_of_path("training_data1_v2") == 0);
  CHECK(brats::split_of_path("MICCAI_BraTS2020_ValidationData") == "Validation");
  CHECK(brats::split_of_path("a/training_data1_v2/BraTS-GLI-02060-100") == "training");
  CHECK(brats::split_of_path("BraTS-MEN-RT-Train-v2") == "Train");
  CHECK(brats::split_of_path("all/BraTS-GLI-00000-000").empty());
}

TEST_CASE("brats: a value means another thing in another year") {
  const auto name_of = [](int year, const char* task, std::uint32_t value) {
    std::string names;
    for (const auto& of : brats::classes_of(year, task)) {
      if (!of.region && of.values[0] == value) names += of.name;
    }
    return names;
  };
  CHECK(name_of(2018, "", 1) == "NCR/NET");
  CHECK(name_of(2021, "", 3).empty());
  CHECK(name_of(2021, "", 4) == "ET");
  CHECK(name_of(2023, "GLI", 3) == "ET");
  CHECK(name_of(2023, "GLI", 4).empty());
  CHECK(name_of(2024, "GLI", 4) == "RC");
  CHECK(name_of(2024, "MET", 4).empty());
  CHECK(name_of(2023, "PED", 1) == "NCR");
  CHECK(name_of(2024, "PED", 1) == "ET");
}

TEST_CASE("brats: regions are nested, and hold all of the tumour and nothing else") {
  const Taxonomy& taxonomy = Taxonomy::builtin();
  const auto tumour = *taxonomy.find_class("brain tumor");
  for (const int year : {2018, 2021, 2023, 2024}) {
    for (const char* task : {"", "GLI", "MEN", "MET", "PED", "SSA"}) {
      if ((year > 2021) == std::string(task).empty()) continue;
      INFO(year, " ", task);
      std::set<std::uint32_t> all;
      std::set<std::uint32_t> whole;
      std::set<std::uint32_t> core;
      for (const auto& of : brats::classes_of(year, task)) {
        std::set<std::uint32_t> values(of.values, of.values + 4);
        values.erase(0);
        if (of.name == "WT") whole = values;
        if (of.name == "TC") core = values;
        const auto meaning = taxonomy.find_class(of.meaning);
        if (of.name == "CC") {  // a class of the bank's own
          CHECK_FALSE(meaning.has_value());
        } else {
          REQUIRE(meaning.has_value());
        }
        if (of.region || of.name == "RC") continue;
        all.insert(values.begin(), values.end());
        if (!meaning) continue;
        const auto above = taxonomy.ancestors(*meaning);
        CHECK(std::find(above.begin(), above.end(), tumour) != above.end());
      }
      CHECK(whole == all);
      CHECK(std::includes(whole.begin(), whole.end(), core.begin(), core.end()));
    }
  }
}

}  // namespace slicebank
