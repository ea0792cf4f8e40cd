#include "importers/internal/frame_files.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>

#include "formats/metaimage.h"
#include "formats/nifti.h"
#include "importer_helpers.h"
#include "volume_case.h"

namespace slicebank {
namespace {

using internal::Frames;
using testing::Case;
using testing::decoded;
using testing::Decoding;
using testing::random_volume;

}  // namespace

TEST_CASE("frame_files: a map of as many frames is read along with its image") {
  std::mt19937_64 random(26);
  Case one;
  one.put("image.nii.gz", random_volume(ElementType::i16, 5, 1, 200, random));
  one.put("label.nii.gz", random_volume(ElementType::u8, 5, 1, 5, random));
  one.request.frames = Frames::one;
  for (const std::uint32_t frame : {0u, 3u, 4u}) {
    one.request.frame = frame;
    for (MaskSource& mask : one.item.masks) mask.component = frame;
    one.check_streamed();
    one.check_same({Axis::x, Axis::z});
  }
  // Two frames of the map at once, and a frame that is not there.
  one.item.masks.back().component = 0;
  one.check_same();
  for (MaskSource& mask : one.item.masks) mask.component = 5;
  one.check_same();
  CHECK(decoded(SourceTree(one.source.root()), one.item, one.request, true)
            .item.problems.at(0)
            .kind == "mask-maps");
  one.request.frame = 5;
  CHECK_THROWS_AS(one.check_same(), ItemError);
}

TEST_CASE("frame_files: files of many frames are opened once for all of them") {
  constexpr std::uint32_t kFrames = 40;
  std::mt19937_64 random(27);
  const Volume image = random_volume(ElementType::i16, kFrames, 1, 200, random);
  const Volume map = random_volume(ElementType::u8, kFrames, 1, 5, random);
  Case one;
  one.put("image.nii.gz", image);
  one.put("label.nii.gz", map);
  one.source.bytes("image.mha", metaimage::encode(image));
  one.request.frames = Frames::one;

  const auto opened_by = [&](const std::vector<Axis>& axes,
                             const std::vector<std::uint32_t>& frames) {
    const SourceTree tree(one.source.root());
    for (const std::uint32_t frame : frames) {
      one.request.frame = frame;
      for (MaskSource& mask : one.item.masks) mask.component = frame;
      const Decoding got = decoded(tree, one.item, one.request, true, axes);
      CHECK(got.samples.size() == (axes.size() == 1 ? 4 : 9));
      const Image first = got.samples.at(0).image;
      const std::size_t bytes = first.image_hwc.size();
      const auto wanted = image.voxels.begin() + static_cast<long>(frame * 4 * bytes);
      CHECK(std::equal(first.image_hwc.begin(), first.image_hwc.end(), wanted));
    }
    return internal::FrameFiles::of(tree, one.item.image_paths.front())->opened();
  };
  std::vector<std::uint32_t> all(kFrames);
  for (std::uint32_t frame = 0; frame < kFrames; ++frame) all[frame] = frame;

  CHECK(opened_by({Axis::z}, all) == 4);  // twice each: to its end, and along
  CHECK(opened_by({Axis::z}, {7, 8, 20, 39}) == 4);
  CHECK(opened_by({Axis::z}, {39, 0}) == 6);  // back to the front
  // Once for its header, which says that it is not to be read along, and once whole.
  CHECK(opened_by({Axis::z, Axis::y}, {0, 1, 2, 3}) == 10);
  one.item.image_paths = {"image.mha"};
  CHECK(opened_by({Axis::z}, {0, 1, 2, 3}) == 6);
}

TEST_CASE("frame_files: a damaged file of many frames is read to its damage once") {
  std::mt19937_64 random(28);
  Case one;
  std::vector<std::byte> file =
      nifti::encode(random_volume(ElementType::i16, 20, 1, 200, random), {});
  file[file.size() - 6] ^= std::byte{1};  // the checksum
  one.source.bytes("image.nii.gz", file);
  one.item.masks.clear();
  one.request.frames = Frames::one;
  const SourceTree tree(one.source.root());
  for (one.request.frame = 0; one.request.frame < 20; ++one.request.frame) {
    std::string message;
    try {
      decoded(tree, one.item, one.request, true);
    } catch (const ItemError& error) {
      CHECK(error.kind() == "bad-volume");
      message = error.what();
    }
    CHECK(message.find("image.nii.gz: ") == 0);
  }
  // Its header each time, its end once.
  CHECK(internal::FrameFiles::of(tree, "image.nii.gz")->opened() == 21);
}

TEST_CASE("frame_files: an import of a long series gives every frame, by any number of threads") {
  constexpr std::uint32_t kFrames = 24;
  std::mt19937_64 random(29);
  testing::SourceBuilder source("series");
  const Volume image = random_volume(ElementType::i16, kFrames, 1, 200, random);
  source.bytes("heart.nii.gz", nifti::encode(image));
  source.bytes("heart_seg.nii.gz",
               nifti::encode(random_volume(ElementType::u8, kFrames, 1, 3, random)));
  std::string first;
  for (const unsigned jobs : {1u, 2u, 5u}) {
    const testing::TempDir folder;
    ImportOptions options;
    options.jobs = jobs;
    const ImportReport report =
        testing::import_into(folder / "a.bank", source.root(), nullptr, options);
    CHECK(report.items_new == kFrames);
    CHECK(report.samples == kFrames * 4);
    const Bank bank = Bank::open(folder / "a.bank");
    std::string all;
    for (const std::string& row : testing::column(
             bank, "SELECT sample_id || ' ' || class || ' ' || area FROM masks ORDER BY 1")) {
      all += row + "\n";
    }
    CHECK_FALSE(all.empty());
    if (first.empty()) first = all;
    CHECK(all == first);
    std::size_t at = 0;
    for (const SampleId id : testing::all_ids(bank)) {
      const std::vector<std::byte> pixels = bank.reader().image(id).image_hwc;
      REQUIRE(at + pixels.size() <= image.voxels.size());
      CHECK(std::equal(pixels.begin(), pixels.end(), image.voxels.begin() + static_cast<long>(at)));
      at += pixels.size();
    }
    CHECK(at == image.voxels.size());
  }
}

}  // namespace slicebank
