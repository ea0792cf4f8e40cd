#include <doctest/doctest.h>

#include "tests/importers/conformance.h"

TEST_CASE("conformance: totalsegmentator keeps what every importer has to keep") {
  slicebank::testing::conforms("totalsegmentator");
}
