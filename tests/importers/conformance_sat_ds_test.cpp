#include <doctest/doctest.h>

#include "tests/importers/conformance.h"

TEST_CASE("sat-ds: keeps what every importer has to") { slicebank::testing::conforms("sat-ds"); }
