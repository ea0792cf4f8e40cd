#include <doctest/doctest.h>

#include "tests/importers/conformance.h"

namespace slicebank {

TEST_CASE("medbank: every case of the fixture is imported as its script says") {
  testing::conforms("medbank");
}

}  // namespace slicebank
