#include <doctest/doctest.h>

#include "tests/importers/conformance.h"

TEST_CASE("conformance: medsam-npy keeps what every importer has to keep") {
  slicebank::testing::conforms("medsam-npy");
}
