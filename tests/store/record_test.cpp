#include "store/record.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>

#include "schema/error.h"
#include "tests/support/samples.h"

namespace slicebank {
namespace {

using testing::kBank;
using testing::make_sample;
using testing::sealed;

TEST_CASE("record: a sample comes back as it was") {
  for (const PixelType type : testing::kPixelTypes) {
    CAPTURE(pixel_type_name(type));
    const Sample sample = make_sample({type, 61, 83, 1}, 7);
    const auto record = sealed(sample, SampleId{42});
    CHECK(decode_sample(kBank, SampleId{42}, record, nullptr) == sample);
  }
}

}  // namespace
}  // namespace slicebank
