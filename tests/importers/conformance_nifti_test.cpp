#include <doctest/doctest.h>

#include "tests/importers/conformance.h"

TEST_CASE("nifti: keeps what every importer has to keep") { slicebank::testing::conforms("nifti"); }
