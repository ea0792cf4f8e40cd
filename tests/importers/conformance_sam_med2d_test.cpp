#include <doctest/doctest.h>

#include "tests/importers/conformance.h"

TEST_CASE("sam-med2d: keeps what every importer has to keep") {
  slicebank::testing::conforms("sam-med2d");
}
