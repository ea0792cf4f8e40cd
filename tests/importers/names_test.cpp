#include <doctest/doctest.h>

#include "importers/internal/sa_med2d_names.h"
#include "importers/internal/sam_med2d_names.h"

namespace slicebank {

TEST_CASE("sa_med2d_names: the examples of the layout are taken apart") {
  const auto acdc =
      sa_med2d::parse_image_name("images/mr_00--ACDC--patient001_frame01--x_0006.png");
  REQUIRE(acdc.has_value());
  CHECK(acdc->modality_sub == "mr_00");
  CHECK(acdc->dataset == "ACDC");
  CHECK(acdc->case_name == "patient001_frame01");
  CHECK(acdc->axis == Axis::x);
  CHECK(acdc->slice_index == 6);
  CHECK(acdc->stem == "mr_00--ACDC--patient001_frame01--x_0006");

  const auto brats =
      sa_med2d::parse_mask_name("masks/mr_t1--BraTS2021--BraTS2021_00218--z_0141--0011_000.png");
  REQUIRE(brats.has_value());
  CHECK(brats->image_stem == "mr_t1--BraTS2021--BraTS2021_00218--z_0141");
  CHECK(brats->class_code == "0011");
  CHECK(brats->instance == 0);

  const auto chest =
      sa_med2d::parse_mask_name("x_ray--covid_19_ct_cxr--16660_5_1--2d_none--0000_001.png");
  REQUIRE(chest.has_value());
  CHECK(chest->modality_sub == "x_ray");
  CHECK(chest->dataset == "covid_19_ct_cxr");
  CHECK(chest->instance == 1);
}

TEST_CASE("sa_med2d_names: a case may hold dots, blanks, dashes and the separator") {
  const auto case_of = [](const std::string& case_name) {
    const auto name = sa_med2d::parse_image_name("images/ct_00--D--" + case_name + "--y_0001.png");
    return name ? name->case_name : "(none)";
  };
  for (const std::string case_name :
       {"1.3.6.1.4.1.9328.50.4.0103", "a--b", "a--b--c", "a b", "-a", "a-", "--", "x_0001",
        "BraTS-GLI-00000-000", "png", "\xc3\xa4", "0003_001"}) {
    CAPTURE(case_name);
    CHECK(case_of(case_name) == case_name);
  }
  // The ending is taken off once and whole.
  CHECK(sa_med2d::parse_image_name("ct_00--D--gnp--2d_none.PNG")->case_name == "gnp");
  CHECK(sa_med2d::parse_image_name("ct_00--D--a.png--2d_none.png")->case_name == "a.png");
}

TEST_CASE("sa_med2d_names: slices may have more than four digits") {
  CHECK(sa_med2d::parse_image_name("ct_00--D--c--z_12345.png")->slice_index == 12345);
  CHECK(sa_med2d::parse_image_name("ct_00--D--c--z_7.png")->slice_index == 7);
  CHECK(sa_med2d::parse_image_name("ct_00--D--c--2d_none.png")->axis == Axis::none);
}

TEST_CASE("sa_med2d_names: other names are none") {
  for (const std::string path :
       {"", "images/", "images/x.png", "ct_00--D--z_0001.png", "ct_00--D----z_0001.png",
        "ct_00----c--z_0001.png", "--D--c--z_0001.png", "ct_00--D--c--w_0001.png",
        "ct_00--D--c--z_.png", "ct_00--D--c--z_00x1.png", "ct_00--D--c--z_99999999999.png",
        "ct_00--D--c--z-0001.png", "ct_00--D--c--2d_none.jpg", "ct_00--D--c--2d_none",
        "ct_00--D--c--Z_0001.png", "ct_00--D--c--z_+1.png"}) {
    CAPTURE(path);
    CHECK_FALSE(sa_med2d::parse_image_name(path).has_value());
  }
  for (const std::string path :
       {"ct_00--D--c--z_0001.png", "ct_00--D--c--z_0001--0001.png",
        "ct_00--D--c--z_0001--liver_000.png", "ct_00--D--c--z_0001--0001_.png",
        "ct_00--D--c--z_0001--_000.png", "ct_00--D--c--0001_000.png"}) {
    CAPTURE(path);
    CHECK_FALSE(sa_med2d::parse_mask_name(path).has_value());
  }
}

TEST_CASE("sa_med2d_names: frames and time points belong to one patient, cases do not") {
  CHECK(sa_med2d::patient_of("ACDC", "patient001_frame01") == "patient001");
  CHECK(sa_med2d::patient_of("ACDC", "patient001_frame12") == "patient001");
  CHECK(sa_med2d::patient_of("ACDC", "patient001") == "patient001");
  CHECK(sa_med2d::patient_of("Other", "patient001_frame01") == "patient001_frame01");
  CHECK(sa_med2d::patient_of("BraTS2021", "BraTS2021_00218") == "BraTS2021_00218");
  CHECK(sa_med2d::patient_of("BraTS2023", "BraTS-GLI-00000-000") == "BraTS-GLI-00000");
  CHECK(sa_med2d::patient_of("BraTS2023", "BraTS-GLI-00000-001") == "BraTS-GLI-00000");
  CHECK(sa_med2d::patient_of("BraTS2023", "BraTS-GLI-00000") == "BraTS-GLI-00000");
  CHECK(sa_med2d::patient_of("CMRxMotion", "P001-3-ES") == "P001");
  CHECK(sa_med2d::patient_of("LiTS", "volume-12-3") == "volume-12-3");
  CHECK(sa_med2d::plain_code("0003") == "3");
  CHECK(sa_med2d::plain_code("0000") == "0");
  CHECK(sa_med2d::plain_code("12") == "12");
}

TEST_CASE("sam_med2d_names: a last number is a slice where a number stands before it") {
  const auto slice_of = [](const std::string& stem) {
    const auto name = sam_med2d::parse_image_stem(stem);
    return std::make_pair(name.scan, name.slice_index ? static_cast<int>(*name.slice_index) : -1);
  };
  CHECK(slice_of("amos_0006_90") == std::make_pair(std::string("amos_0006"), 90));
  CHECK(slice_of("s0114_111") == std::make_pair(std::string("s0114"), 111));
  CHECK(slice_of("ISIC_0012345") == std::make_pair(std::string("ISIC_0012345"), -1));
  CHECK(slice_of("case1") == std::make_pair(std::string("case1"), -1));
  CHECK(slice_of("a1_b") == std::make_pair(std::string("a1_b"), -1));
  CHECK(slice_of("a1_99999999999") == std::make_pair(std::string("a1_99999999999"), -1));
  CHECK(slice_of("") == std::make_pair(std::string(), -1));
}

TEST_CASE("sam_med2d_names: known scan numbers say the modality") {
  CHECK(sam_med2d::known_modality("amos_0006") == "CT");
  CHECK(sam_med2d::known_modality("amos_0500") == "CT");
  CHECK(sam_med2d::known_modality("amos_0501") == "MR");
  CHECK(sam_med2d::known_modality("s0114") == "CT");
  CHECK(sam_med2d::known_modality("s01145").empty());
  CHECK(sam_med2d::known_modality("amos_x").empty());
  CHECK(sam_med2d::known_modality("scan1").empty());
}

TEST_CASE("sam_med2d_names: classes keep their underscores") {
  const auto mask_of = [](const std::string& stem, const std::string& image) {
    const auto name = sam_med2d::parse_mask_stem(stem, image);
    return name ? name->class_name + "#" + std::to_string(name->instance) : "(none)";
  };
  CHECK(mask_of("s0619_32_hip_left_001", "s0619_32") == "hip_left#1");
  CHECK(mask_of("s0114_111_rib_left_9_000", "s0114_111") == "rib_left_9#0");
  CHECK(mask_of("s0114_111_liver_1234", "s0114_111") == "liver#1234");
  CHECK(mask_of("s0114_112_liver_000", "s0114_111") == "(none)");
  CHECK(mask_of("s0114_111_liver", "s0114_111") == "(none)");
  CHECK(mask_of("s0114_111__000", "s0114_111") == "(none)");
  CHECK(mask_of("s0114_111", "s0114_111") == "(none)");
}

}  // namespace slicebank
