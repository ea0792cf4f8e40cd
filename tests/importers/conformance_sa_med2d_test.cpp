#include <doctest/doctest.h>

#include "tests/importers/conformance.h"

TEST_CASE("sa-med2d: keeps what every importer has to keep") {
  slicebank::testing::conforms("sa-med2d");
}
