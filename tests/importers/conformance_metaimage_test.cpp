#include <doctest/doctest.h>

#include "tests/importers/conformance.h"

TEST_CASE("metaimage: keeps what every importer has to keep") {
  slicebank::testing::conforms("metaimage");
}
