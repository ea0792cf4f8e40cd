#include <doctest/doctest.h>

#include "tests/importers/conformance.h"

TEST_CASE("conformance: medmnist keeps what every importer has to keep") {
  slicebank::testing::conforms("medmnist");
}
