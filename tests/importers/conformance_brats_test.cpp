#include <doctest/doctest.h>

#include "tests/importers/conformance.h"

TEST_CASE("conformance: brats keeps what every importer has to keep") {
  slicebank::testing::conforms("brats");
}
