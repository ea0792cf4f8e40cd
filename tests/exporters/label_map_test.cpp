#include "exporters/internal/label_map.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

namespace {

using slicebank::exporting::Loaded;

// One row; each mask is a string of '.' and '#'. Labels are 1, 2, ... by `classes`.
Loaded row(const std::vector<std::string>& masks) {
  Loaded loaded;
  loaded.sample.image.shape = {slicebank::PixelType::u8, 1,
                               static_cast<std::uint32_t>(masks.front().size()), 1};
  for (const auto& text : masks) {
    slicebank::Mask mask;
    for (const char c : text) mask.mask_hw.push_back(c == '#' ? 1 : 0);
    slicebank::AnnotationInfo info;
    info.area = static_cast<std::uint64_t>(std::count(text.begin(), text.end(), '#'));
    loaded.sample.masks.push_back(mask);
    loaded.info.annotations.push_back(info);
  }
  return loaded;
}

slicebank::exporting::LabelMap paint(const std::vector<std::string>& masks,
                                     const std::vector<std::uint8_t>& classes) {
  return slicebank::exporting::paint_labels(
      row(masks), [&](std::size_t i) { return classes[i]; },
      [&](std::size_t i) { return "class " + std::to_string(classes[i]); });
}

using Labels = std::vector<std::uint8_t>;

}  // namespace

TEST_CASE("label_map: masks apart are painted and nothing is lost") {
  const auto map = paint({"##...", "...##"}, {1, 2});
  CHECK(map.labels_hw == Labels{1, 1, 0, 2, 2});
  CHECK(map.masks == 2);
  CHECK(map.losses.empty());
}

TEST_CASE("label_map: a lesion stays visible on its organ, in whatever order they come") {
  for (const bool lesion_first : {true, false}) {
    const auto map =
        lesion_first ? paint({".##..", "####."}, {7, 3}) : paint({"####.", ".##.."}, {3, 7});
    CHECK(map.labels_hw == Labels{3, 7, 7, 3, 0});
    REQUIRE(map.losses.size() == 1);
    CHECK(map.losses[0] == "2 pixels belong to several classes; the smaller mask keeps them");
  }
}

TEST_CASE("label_map: of two equally large the later keeps the pixel") {
  CHECK(paint({"##.", ".##"}, {1, 2}).labels_hw == Labels{1, 2, 2});
  CHECK(paint({".##", "##."}, {2, 1}).labels_hw == Labels{1, 1, 2});
}

TEST_CASE("label_map: instances of a class become one, and that is said") {
  const auto map = paint({"#....", "..##."}, {4, 4});
  CHECK(map.labels_hw == Labels{4, 0, 4, 4, 0});
  REQUIRE(map.losses.size() == 1);
  CHECK(map.losses[0] == "2 masks of class 4 become one");
}

TEST_CASE("label_map: an empty mask is left out, and that is said") {
  const auto map = paint({".....", "#...."}, {1, 2});
  CHECK(map.labels_hw == Labels{2, 0, 0, 0, 0});
  CHECK(map.masks == 1);
  REQUIRE(map.losses.size() == 1);
  CHECK(map.losses[0] == "the empty mask of class 1 is left out");
}
