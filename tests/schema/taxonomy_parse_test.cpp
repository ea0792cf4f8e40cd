#include <doctest/doctest.h>

#include <string>

#include "schema/error.h"
#include "schema/taxonomy.h"

namespace slicebank {
namespace {

constexpr const char* kModalities =
    R"({"version": 3, "modalities": [{"id": 1, "name": "CT", "aliases": ["C.T."]}],
        "sequences": [{"id": 1, "modality": "CT", "name": "LD", "alone": ["LDCT"]}]})";
constexpr const char* kRegions = R"({"version": 1, "regions": [{"id": 4, "name": "thorax"}]})";

std::string classes(const std::string& entries) {
  return R"({"version": 2, "spellings": {"tumour": "tumor"}, "classes": [)" + entries + "]}";
}

// What the refusal says; "" when the taxonomy was accepted.
std::string refusal(const std::string& modalities, const std::string& regions,
                    const std::string& class_text) {
  try {
    Taxonomy::parse(modalities, regions, class_text);
  } catch (const Error& error) {
    CHECK(error.code() == ErrorCode::bad_format);
    return error.what();
  }
  return "";
}

std::string class_refusal(const std::string& entries) {
  return refusal(kModalities, kRegions, classes(entries));
}

TEST_CASE("taxonomy parse: what the files say is what the taxonomy holds") {
  const Taxonomy taxonomy = Taxonomy::parse(
      kModalities, kRegions,
      classes(R"({"id": 7, "name": "lung", "region": "thorax", "aliases": ["pulmo"]},
                 {"id": 3, "name": "left lung", "region": "thorax"},
                 {"id": 9, "name": "lung tumor", "lesion": true, "parents": []})"));
  CHECK(taxonomy.find_class("pulmo") == ClassId{7});
  CHECK(taxonomy.find_class("pulmo_L") == ClassId{3});
  CHECK(taxonomy.find_class("lung tumour") == ClassId{9});
  CHECK(taxonomy.members(ClassId{7}) == std::vector<ClassId>{ClassId{3}, ClassId{7}});
  CHECK(raw(taxonomy.find_modality("ldct")->sequence) == 1);
  CHECK(raw(taxonomy.find_modality("c.t.")->sequence) == 0);
}

TEST_CASE("taxonomy parse: parents that lead back to their child are refused") {
  CHECK(class_refusal(R"({"id": 1, "name": "a", "parents": ["b"]},
                         {"id": 2, "name": "b", "parents": ["c"]},
                         {"id": 3, "name": "c", "parents": ["a"]})")
            .find("its own ancestor") != std::string::npos);
  CHECK(class_refusal(R"({"id": 1, "name": "a", "parents": ["a"]})").find("its own ancestor") !=
        std::string::npos);
  CHECK(class_refusal(R"({"id": 1, "name": "a", "parents": ["left a"]},
                         {"id": 2, "name": "left a"})")
            .find("its own ancestor") != std::string::npos);
  CHECK(class_refusal(R"({"id": 1, "name": "a"}, {"id": 2, "name": "b", "parents": ["a"]},
                         {"id": 3, "name": "c", "parents": ["a"]},
                         {"id": 4, "name": "d", "parents": ["b", "c"]})") == "");
}

TEST_CASE("taxonomy parse: a class is made of two or more classes below it, or it is refused") {
  const std::string two = R"({"id": 2, "name": "b", "parents": ["a"]},
                             {"id": 3, "name": "c", "parents": ["b"]}, {"id": 4, "name": "d"})";
  const auto made_of = [&](const std::string& sets) {
    return R"({"id": 1, "name": "a", "made_of": )" + sets + "}, " + two;
  };
  const Taxonomy taxonomy =
      Taxonomy::parse(kModalities, kRegions, classes(made_of(R"([["c", "b"], ["b", "c"]])")));
  const std::vector<ClassId> both = {ClassId{2}, ClassId{3}};
  CHECK(taxonomy.class_info(ClassId{1})->made_of == std::vector{both, both});
  CHECK(taxonomy.class_info(ClassId{2})->made_of.empty());
  CHECK(class_refusal(made_of("[]")) == "");
  CHECK(class_refusal(made_of(R"([["b", "d"]])")).find("not below it") != std::string::npos);
  CHECK(class_refusal(made_of(R"([["b", "a"]])")).find("not below it") != std::string::npos);
  CHECK(class_refusal(made_of(R"([["b", "e"]])")).find("not below it") != std::string::npos);
  for (const char* sets : {R"([["b"]])", R"([["b", "b"]])", "[[]]"}) {
    CHECK(class_refusal(made_of(sets)).find("fewer than two") != std::string::npos);
  }
  for (const char* sets : {R"("b")", R"(["b", "c"])", R"([[2, 3]])", R"({"b": "c"})"}) {
    CHECK(class_refusal(made_of(sets)) != "");
  }
}

TEST_CASE("taxonomy parse: a name or id that stands for two things is refused") {
  CHECK(class_refusal(R"({"id": 1, "name": "a"}, {"id": 1, "name": "b"})") != "");
  CHECK(class_refusal(R"({"id": 1, "name": "a"}, {"id": 2, "name": "a"})") != "");
  CHECK(class_refusal(R"({"id": 1, "name": "a"}, {"id": 2, "name": "b", "aliases": ["A"]})") != "");
  CHECK(class_refusal(R"({"id": 1, "name": "x tumor"},
                         {"id": 2, "name": "b", "aliases": ["x-tumour"]})") != "");
  CHECK(class_refusal(R"({"id": 1, "name": "a"}, {"id": 2, "name": "b"})") == "");
}

TEST_CASE("taxonomy parse: a malformed entry is refused") {
  for (const char* entry :
       {R"({"name": "a"})", R"({"id": 0, "name": "a"})", R"({"id": 1048576, "name": "a"})",
        R"({"id": -1, "name": "a"})", R"({"id": "1", "name": "a"})", R"({"id": 1})",
        R"({"id": 1, "name": ""})", R"({"id": 1, "name": "A"})", R"({"id": 1, "name": "a left"})",
        R"({"id": 1, "name": "a", "region": "moon"})", R"({"id": 1, "name": "a", "lesion": 1})",
        R"({"id": 1, "name": "a", "parents": ["b"]})", R"({"id": 1, "name": "a", "alias": []})",
        R"({"id": 1, "name": "a", "aliases": "b"})", R"({"id": 1, "name": "a", "aliases": [1]})",
        R"({"id": 1, "name": "a", "aliases": [" "]})", "7", "null"}) {
    CAPTURE(entry);
    CHECK(class_refusal(entry) != "");
  }
  for (const char* text : {"", "{", "[]", "{}", R"({"version": 1})", R"({"version": 0})",
                           R"({"version": 1, "classes": 3})"}) {
    CAPTURE(text);
    CHECK(refusal(kModalities, kRegions, text) != "");
    CHECK(refusal(text, kRegions, classes("")) != "");
    CHECK(refusal(kModalities, text, classes("")) != "");
  }
}

TEST_CASE("taxonomy parse: a modality, sequence or region that clashes is refused") {
  const auto with_modalities = [](const std::string& modalities, const std::string& sequences) {
    return refusal(R"({"version": 1, "modalities": [)" + modalities + R"(], "sequences": [)" +
                       sequences + "]}",
                   kRegions, classes(""));
  };
  const std::string two = R"({"id": 1, "name": "CT"}, {"id": 2, "name": "MR"})";
  CHECK(with_modalities(two, "") == "");
  CHECK(with_modalities(two + R"(, {"id": 2, "name": "US"})", "") != "");
  CHECK(with_modalities(two + R"(, {"id": 3, "name": "US", "aliases": ["mr"]})", "") != "");
  CHECK(with_modalities(two, R"({"id": 1, "modality": "XR", "name": "a"})") != "");
  CHECK(with_modalities(two, R"({"id": 70000, "modality": "CT", "name": "a"})") != "");
  CHECK(with_modalities(two, R"({"id": 1, "modality": "CT", "name": "a", "alone": ["MR"]})") != "");
  CHECK(with_modalities(two, R"({"id": 1, "modality": "CT", "name": "a"},
                                {"id": 2, "modality": "CT", "name": "A"})") != "");
  CHECK(with_modalities(two, R"({"id": 1, "modality": "CT", "name": "a"},
                                {"id": 2, "modality": "MR", "name": "a"})") == "");
  CHECK(with_modalities(two, R"({"id": 1, "modality": "CT", "name": "a", "alone": ["a"]},
                                {"id": 2, "modality": "MR", "name": "a", "alone": ["a"]})") != "");
  CHECK(refusal(kModalities, R"({"version": 1, "regions": [{"id": 1, "name": "a"},
                                {"id": 2, "name": "b", "aliases": ["a"]}]})",
                classes("")) != "");
}

}  // namespace
}  // namespace slicebank
