#include "importers/internal/volume_words.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace slicebank::internal {
namespace {

TEST_CASE("volume words: what a name says of a file") {
  struct Case {
    const char* stem;
    bool mask;
    const char* base;
    const char* modality;
  };
  for (const Case& one : {
           Case{"p01", false, "p01", ""},
           {"p01_seg", true, "p01", ""},
           {"p01-label", true, "p01", ""},
           {"one.seg", true, "one", ""},
           {"a_b_GT", true, "a_b", ""},
           {"segmentation-0", true, "0", ""},
           {"volume-0", false, "0", ""},
           {"mask", true, "", ""},
           {"case_0003", false, "case", ""},
           {"0003", false, "0003", ""},
           {"p01_ct", false, "p01", "ct"},
           {"flair", false, "", "flair"},
           {"p01_us", false, "p01_us", ""},     // two letters that may be anything
           {"p01_t1_seg", true, "p01_t1", ""},  // of p01_t1, not of p01
           {"segment_me", false, "segment_me", ""},
       }) {
    INFO(one.stem);
    const VolumeName name = volume_name(one.stem);
    CHECK(name.mask == one.mask);
    CHECK(name.base == one.base);
    CHECK(name.modality == one.modality);
  }
}

TEST_CASE("volume words: names of BIDS, and such as only look like it") {
  const auto name = bids_name("sub-01_ses-2_space-T1w_label-liver_mask");
  REQUIRE(name);
  CHECK(name->mask);
  CHECK(name->suffix == "mask");
  CHECK(name->entities.at("sub") == "01");
  CHECK(name->entities.at("label") == "liver");
  CHECK_FALSE(bids_name("sub-01_T1w")->mask);
  CHECK_FALSE(bids_name("sub-01"));
  CHECK_FALSE(bids_name("sub-_T1w"));
  CHECK_FALSE(bids_name("sub-01_x_T1w"));
  CHECK_FALSE(bids_name("subject-01_T1w"));
}

TEST_CASE("volume words: what the folders say") {
  using Scope = std::vector<std::string>;
  const VolumeFolder train = volume_folder("data/labelsTr/liver");
  CHECK(train.masks);
  CHECK(train.scope == Scope{"data", "Tr", "liver"});
  CHECK(train.below == 1);
  CHECK(train.split == "train");
  const VolumeFolder nested = volume_folder("CT/val/case1/images");
  CHECK_FALSE(nested.masks);
  CHECK(nested.scope == Scope{"CT", "val", "case1"});
  CHECK(nested.split == "val");
  CHECK(nested.modality == "CT");
  CHECK(nested.person == "case1");
  CHECK(volume_folder("").scope.empty());
}

}  // namespace
}  // namespace slicebank::internal
