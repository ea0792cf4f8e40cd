#include "importers/internal/volume_stream.h"

#include <doctest/doctest.h>

#include <random>

#include "formats/nifti.h"
#include "importer_helpers.h"
#include "volume_case.h"

namespace slicebank {
namespace {

using internal::Frames;
using testing::Case;
using testing::decoded;
using testing::Decoding;
using testing::mask_of;
using testing::random_volume;
using testing::same;

}  // namespace

TEST_CASE("volume_stream: slices read along are those of the whole volume, in every type") {
  const std::uint64_t seed = 21;
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  for (const ElementType type :
       {ElementType::u8, ElementType::i8, ElementType::u16, ElementType::i16, ElementType::u32,
        ElementType::i32, ElementType::f32, ElementType::f64}) {
    for (const double slope : {1.0, 2.0, 0.5}) {
      CAPTURE(element_type_name(type));
      CAPTURE(slope);
      Case one;
      Volume image = random_volume(type, 1, 1, 120, random);
      image.slope = slope;
      image.intercept = slope == 1 ? 0 : -3;
      Volume map = random_volume(type, 1, 1, 5, random);
      one.put("image.nii.gz", image);
      if (type == ElementType::f32 || type == ElementType::f64) map.type = ElementType::u8;
      map.voxels.resize(voxel_bytes(map));
      one.put("label.nii.gz", map);
      one.check_streamed();
    }
  }
}

TEST_CASE("volume_stream: channels, several files, frames and files of two dimensions too") {
  const std::uint64_t seed = 22;
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  Case one;
  one.put("label.nii.gz", random_volume(ElementType::u16, 1, 1, 5, random));
  one.put("image.nii.gz", random_volume(ElementType::u8, 1, 3, 200, random));
  one.check_streamed();
  one.put("second.nii", random_volume(ElementType::i16, 1, 1, 200, random));
  one.item.image_paths.push_back("second.nii");
  one.request.channel_names = {"r", "g", "b", "more"};
  one.check_streamed();
  one.item.image_paths = {"second.nii"};
  one.check_streamed();

  one.put("second.nii", random_volume(ElementType::i16, 3, 1, 200, random));
  one.request.frames = Frames::one;
  for (const std::uint32_t frame : {0u, 2u}) {
    one.request.frame = frame;
    one.check_streamed();
  }
  one.request = {};

  Volume flat = random_volume(ElementType::u8, 1, 1, 200, random);
  flat.size_ijk[2] = 1;
  flat.dimensions = 2;
  flat.voxels.resize(voxel_bytes(flat));
  one.put("second.nii", flat);
  one.put("label.nii.gz", flat);
  one.check_streamed();
}

TEST_CASE("volume_stream: what cannot be read along is read whole, with the same result") {
  std::mt19937_64 random(23);
  Case one;
  const Volume image = random_volume(ElementType::i16, 1, 1, 200, random);
  Volume map = random_volume(ElementType::u8, 1, 1, 5, random);
  one.put("image.nii.gz", image);
  one.put("label.nii.gz", map);
  one.check_same({Axis::x});
  one.check_same({Axis::z, Axis::y});

  one.put("image.nii.gz", random_volume(ElementType::i64, 1, 1, 200, random));  // narrowed
  one.check_same();
  one.put("image.nii.gz", random_volume(ElementType::f32, 1, 3, 200, random));  // planar
  one.check_same();
  one.put("image.nii.gz", random_volume(ElementType::i16, 2, 1, 200, random));
  one.request.frames = Frames::channels;
  one.check_same();
  one.request = {};
  one.put("image.nii.gz", image);

  map.affine = Affine{-0.5, 0, 0, 3.5, 0, 0.75, 0, 2, 0, 0, 2, 3, 0, 0, 0, 1};  // backwards
  one.put("label.nii.gz", map);
  one.check_same();
  one.item.masks[1].component = 1;  // which the map does not have
  one.check_same();
  one.item.masks = {mask_of(0, "a.nii.gz"), mask_of(0, "b.nii.gz"), mask_of(0, "none.nii.gz")};
  one.put("a.nii.gz", random_volume(ElementType::u8, 1, 1, 2, random));
  one.put("b.nii.gz", random_volume(ElementType::u8, 1, 1, 2, random));
  one.check_same();
}

TEST_CASE("volume_stream: damage that is found late asks to start again, early damage never") {
  std::mt19937_64 random(24);
  Case one;
  Volume image = random_volume(ElementType::i16, 1, 1, 256, random);
  Volume map = random_volume(ElementType::u8, 1, 1, 5, random);
  // So large that an inflater cannot see its end when the first slice is out.
  for (Volume* volume : {&image, &map}) {
    volume->size_ijk = {100, 100, 40};
    volume->voxels.resize(voxel_bytes(*volume));
    for (std::byte& byte : volume->voxels) byte = static_cast<std::byte>(random() % 4);
  }
  one.put("image.nii.gz", image);
  one.put("label.nii.gz", map);
  const auto file = [](const Volume& volume) { return nifti::encode(volume); };
  const auto decoding = [&](bool may_start_again) {
    const SourceTree tree(one.source.root());
    return decoded(tree, one.item, one.request, may_start_again);
  };
  // The checksum of the map: every slice is out by then.
  std::vector<std::byte> damaged = file(map);
  damaged[damaged.size() - 6] ^= std::byte{1};
  one.source.bytes("label.nii.gz", damaged);

  CHECK(decoding(true).started_again);
  const Decoding whole = decoding(false);
  CHECK(whole.samples.size() == 40);
  REQUIRE(whole.item.problems.size() == 1);
  CHECK(whole.item.problems[0].kind == "bad-mask");
  CHECK(whole.item.unread_classes.size() == 3);

  // A value that is no label, on the last slice.
  map.type = ElementType::i8;
  map.voxels.back() = std::byte{0xff};
  one.source.bytes("label.nii.gz", file(map));
  CHECK(decoding(true).started_again);
  CHECK(decoding(false).item.unread_classes.size() == 3);

  // On the first, or already in the header: nothing was given away.
  map.voxels.front() = std::byte{0xff};
  one.source.bytes("label.nii.gz", file(map));
  CHECK(!decoding(true).started_again);
  CHECK(same(decoding(true), decoding(false)));
  one.source.bytes("label.nii.gz", {std::byte{1}});
  CHECK(same(decoding(true), decoding(false)));

  // The image cut off: no byte may be missing.
  image = random_volume(ElementType::i16, 1, 1, 256, random);
  one.put("label.nii.gz", random_volume(ElementType::u8, 1, 1, 5, random));
  const std::vector<std::byte> good = file(image);
  for (std::size_t size = 0; size < good.size(); ++size) {
    one.source.bytes("image.nii.gz", {good.begin(), good.begin() + static_cast<long>(size)});
    bool failed = false;
    try {
      failed = decoding(true).started_again;
    } catch (const ItemError& error) {
      failed = error.path() == "image.nii.gz";
    }
    if (!failed) FAIL(size, " of ", good.size());
  }
}

TEST_CASE("volume_stream: a volume damaged at its end leaves nothing of itself in the bank") {
  std::mt19937_64 random(25);
  testing::SourceBuilder source("Task01_Test");
  source.text("dataset.json", R"({"name": "Test", "tensorImageSize": "3D",
      "modality": {"0": "CT"}, "labels": {"0": "background", "1": "a", "2": "b"},
      "numTraining": 4, "numTest": 0, "test": [],
      "training": [{"image": "./imagesTr/w.nii.gz", "label": "./labelsTr/w.nii.gz"},
                   {"image": "./imagesTr/x.nii.gz", "label": "./labelsTr/x.nii.gz"},
                   {"image": "./imagesTr/y.nii.gz", "label": "./labelsTr/y.nii.gz"},
                   {"image": "./imagesTr/z.nii.gz", "label": "./labelsTr/z.nii.gz"}]})");
  for (const std::string name : {"w", "x", "y", "z"}) {
    Volume image = random_volume(ElementType::i16, 1, 1, 256, random);
    Volume map = random_volume(ElementType::u8, 1, 1, 3, random);
    for (Volume* volume : {&image, &map}) {
      volume->size_ijk = {64, 64, 40};
      volume->voxels.resize(voxel_bytes(*volume));
      const unsigned below = volume == &image ? 256 : 3;
      const std::size_t size = element_bytes(volume->type);
      for (std::size_t at = 0; at < volume->voxels.size(); at += size) {
        volume->voxels[at] = static_cast<std::byte>(random() % below);
      }
    }
    const auto file = [&](const Volume& volume, bool damaged) {
      std::vector<std::byte> bytes = nifti::encode(volume);
      if (damaged) bytes[bytes.size() - 7] ^= std::byte{4};
      return bytes;
    };
    source.bytes("imagesTr/" + name + ".nii.gz", file(image, name == "x"));
    source.bytes("labelsTr/" + name + ".nii.gz", file(map, name == "y"));
  }
  for (const unsigned jobs : {1u, 2u, 5u}) {
    CAPTURE(jobs);
    const testing::TempDir folder;
    testing::Told problems;
    ImportOptions options;
    options.jobs = jobs;
    const ImportReport report =
        testing::import_into(folder / "a.bank", source.root(), &problems, options);

    CHECK(report.items_new == 3);
    CHECK(report.items_failed == 1);
    CHECK(report.samples == 120);
    CHECK(report.pixel_bytes == std::uint64_t{120} * 64 * 64 * 2);
    REQUIRE(problems.problems.size() == 2);
    CHECK(problems.has("bad-volume", "imagesTr/x.nii.gz"));
    CHECK(problems.has("bad-mask", "labelsTr/y.nii.gz"));
    const Bank bank = Bank::open(folder / "a.bank");
    CHECK(testing::all_ids(bank).size() == 120);
    CHECK(testing::column(bank, "SELECT count(*) FROM volumes").front() == "3");
  }
}

}  // namespace slicebank
