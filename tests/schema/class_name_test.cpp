#include <doctest/doctest.h>

#include <random>
#include <string>
#include <vector>

#include "schema/taxonomy.h"

namespace slicebank {
namespace {

TEST_CASE("class_name: a side in any place comes to the front") {
  for (const char* text :
       {"kidney_left", "kidney left", "left kidney", "Kidney L", "kidney-left", "left-kidney",
        "LEFT_KIDNEY", " kidney__left ", "Kidney_L", "kidney (left)", "Kidney, left",
        "kidney_left.nii.gz", "kidney\tleft\r"}) {
    CAPTURE(text);
    CHECK(normalise_class_name(text) == "left kidney");
  }
  CHECK(normalise_class_name("A_Carotid_L") == "left a carotid");
  CHECK(normalise_class_name("rib_left_9") == "left rib 9");
  CHECK(normalise_class_name("lung_lower_lobe_right") == "right lung lower lobe");
  CHECK(normalise_class_name("head of left femur") == "left head of femur");
  CHECK(normalise_class_name("left heart ventricle") == "left heart ventricle");
  CHECK(normalise_class_name("right lobe of liver") == "right lobe of liver");
}

TEST_CASE("class_name: a text with no side, two sides or nothing else keeps its words") {
  CHECK(normalise_class_name("left") == "left");
  CHECK(normalise_class_name("L") == "l");
  CHECK(normalise_class_name("Liver") == "liver");
  CHECK(normalise_class_name("L spine") == "l spine");
  CHECK(normalise_class_name("vertebrae_L5") == "vertebrae l5");
  CHECK(normalise_class_name("union of left and right lung") == "union of left and right lung");
  CHECK(normalise_class_name("left kidney L") == "left kidney l");
  CHECK(normalise_class_name("leftover tissue") == "leftover tissue");
  CHECK(normalise_class_name("prostate/uterus") == "prostate/uterus");
  CHECK(normalise_class_name(", left") == ", left");
  CHECK(normalise_class_name("") == "");
  CHECK(normalise_class_name(" _ ") == "");
  CHECK(normalise_class_name(".nii.gz") == "");
}

TEST_CASE("class_name: Latin-1 letters are composed and lower case, other text passes") {
  CHECK(normalise_class_name("\u00d6sophagus") == "\u00f6sophagus");
  CHECK(normalise_class_name("O\u0308sophagus") == "\u00f6sophagus");
  CHECK(normalise_class_name("C\u0327a va\u00a0bien") == "\u00e7a va bien");
  CHECK(normalise_class_name("2\u00d72") == "2\u00d72");
  CHECK(normalise_class_name("stra\u00dfe") == "stra\u00dfe");
  CHECK(normalise_class_name("\u809d\u810f LEFT") == "left \u809d\u810f");
  CHECK(normalise_class_name("x\u0308") == "x\u0308");
  CHECK(normalise_class_name("bad \xc3") == "bad \xc3");
  CHECK(normalise_class_name("\xff\xfe") == "\xff\xfe");
}

TEST_CASE("class_name: normalising twice changes nothing more") {
  const unsigned seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937 random(seed);
  const std::vector<std::string> pieces = {
      "left",     "right",  "L",       "r",      "-",      " ",
      "_",        ",",      ".nii.gz", "(left)", "kidney", "rib",
      "9",        "of",     "\xc3",    "\x89",   "\u00c4", "\u0308",
      "A",        "\u00a0", "x-left",  "right-", "\xcc",   "(right)",
      ".nii.gz ", "\xc2",   "\xa0",    "\n",     "é",      std::string(1, 0)};
  for (int round = 0; round < 200'000; ++round) {
    std::string text;
    const std::size_t count = random() % 9;
    for (std::size_t at = 0; at < count; ++at) text += pieces[random() % pieces.size()];
    const std::string once = normalise_class_name(text);
    CAPTURE(text);
    REQUIRE(normalise_class_name(once) == once);
  }
}

TEST_CASE("class_name: a long text is normalised in one breath") {
  std::string text = "kidney";
  for (int at = 0; at < 100'000; ++at) text += "-left.nii.gz ";
  CHECK_FALSE(normalise_class_name(text).empty());
}

TEST_CASE("nearest_name: a slip finds its word, case and underscore aside") {
  const std::vector<std::string> names = {"liver", "left kidney", "spleen", "lumbar vertebrae"};
  CHECK(nearest_name("livr", names) == "liver");
  CHECK(nearest_name("ilver", names) == "liver");
  CHECK(nearest_name("LIVER", names) == "liver");
  CHECK(nearest_name("Left_Kidny", names) == "left kidney");
  CHECK(nearest_name("leftkidney", names) == "left kidney");
  CHECK(nearest_name("lumber_vertebra", names) == "lumbar vertebrae");
}

TEST_CASE("nearest_name: nothing near gives nothing") {
  const std::vector<std::string> names = {"liver", "ct", "x"};
  CHECK_FALSE(nearest_name("pancreas", names));
  CHECK_FALSE(nearest_name("", names));
  CHECK_FALSE(nearest_name("_ ", names));
  CHECK_FALSE(nearest_name("q", names));
  CHECK_FALSE(nearest_name("liver", {}));
}

TEST_CASE("nearest_name: the nearest wins, and the first of equals") {
  CHECK(nearest_name("spleens", {"spleenic", "spleen"}) == "spleen");
  CHECK(nearest_name("cat", {"bat", "rat"}) == "bat");
  CHECK(nearest_name("rat", {"bat", "rat"}) == "rat");
}

}  // namespace
}  // namespace slicebank
