#include "schema/licence.h"

#include <doctest/doctest.h>

#include <string>
#include <utility>

namespace slicebank {
namespace {

TEST_CASE("licence: what the sources write leads to one tag each") {
  const std::pair<const char*, const char*> cases[] = {
      {"CC BY 4.0", "CC-BY-4.0"},
      {"CC-BY-4.0", "CC-BY-4.0"},
      {"CC BY 4.0.", "CC-BY-4.0"},
      {"CC-BY-SA 4.0", "CC-BY-SA-4.0"},
      {"CC BY-SA 4.0", "CC-BY-SA-4.0"},
      {"CC BY-NC 4.0", "CC-BY-NC-4.0"},
      {"CC BY-NC-SA 4.0", "CC-BY-NC-SA-4.0"},
      {"CC BY-NC-SA", "CC-BY-NC-SA"},
      {"CC BY-NC-ND 3.0", "CC-BY-NC-ND-3.0"},
      {"CC BY-NC-ND 4.0", "CC-BY-NC-ND-4.0"},
      {"CC BY 3.0", "CC-BY-3.0"},
      {"Creative Commons Attribution 4.0 International", "CC-BY-4.0"},
      {"Creative Commons Attribution-NonCommercial-ShareAlike 4.0 International",
       "CC-BY-NC-SA-4.0"},
      {"https://creativecommons.org/licenses/by-nc-sa/4.0/", "CC-BY-NC-SA-4.0"},
      {"https://creativecommons.org/publicdomain/zero/1.0/", "CC0-1.0"},
      {"CC0", "CC0-1.0"},
      {"CC0: Public Domain", "CC0-1.0"},
      {"DbCL v1.0", "DbCL-1.0"},
      {"GNU GPL 3.0", "GPL-3.0"},
      {"GPL 2", "GPL-2.0"},
      {"GPLv3", "GPL-3.0"},
      {"LGPL 2.1", "other"},
      {"Apache 2.0", "Apache-2.0"},
      {"Apache License, Version 2.0", "Apache-2.0"},
      {"Modified Apache 2.0", "other"},
      {"BSD-3", "BSD-3-Clause"},
      {"MIT", "MIT"},
      {"Academic use license", "research-only"},
      {"Research use", "research-only"},
      {"Research use, cite", "research-only"},
      {"Academic/Non-Commercial Use", "research-only"},
      {"Non-commercial use", "research-only"},
      {"The use of the Kvasir-SEG dataset is restricted for research and educational purposes.",
       "research-only"},
      {"CC BY 4.0, research use only", "research-only"},
      {"CC BY 4.0 (images), CC BY 3.0 (labels)", "other"},
      {"CC BY 4.0; masks CC BY-NC 4.0", "CC-BY-NC-4.0"},
      {"Creative Commons", "other"},
      {"This dataset has been publicly released after winning a grant.", "other"},
      {"Does not have copyright information", "unknown"},
      {"", "unknown"},
      {"  ", "unknown"},
      {"unknown", "unknown"},
      {"none", "unknown"},
      {"n/a", "unknown"},
      {"other", "other"},
      {"research-only", "research-only"},
  };
  for (const auto& entry : cases) {
    CAPTURE(entry.first);
    CHECK(licence_tag(entry.first) == entry.second);
    CHECK(licence_tag(entry.second) == entry.second);
  }
}

TEST_CASE("licence: only what may be passed on, changed, counts as redistributable") {
  for (const char* tag : {"CC0-1.0", "CC-BY-4.0", "CC-BY-3.0", "CC-BY-SA-4.0", "CC-BY-NC-4.0",
                          "CC-BY-NC-SA", "DbCL-1.0", "GPL-3.0", "Apache-2.0"}) {
    CAPTURE(tag);
    CHECK(redistributable(tag));
  }
  for (const char* tag :
       {"", "unknown", "other", "research-only", "CC-BY-NC-ND-4.0", "CC-BY-ND-4.0", "CC-BYE",
        "CC-BY-4.0 research use", "proprietary", "cc by 4.0"}) {
    CAPTURE(tag);
    CHECK_FALSE(redistributable(tag));
  }
}

}  // namespace
}  // namespace slicebank
