#include <doctest/doctest.h>

#include "tests/importers/conformance.h"

namespace slicebank {

TEST_CASE("images: every case of the fixture is imported as its script says") {
  testing::conforms("images");
}

}  // namespace slicebank
