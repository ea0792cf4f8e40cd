#include "importers/internal/volume_stream.h"

#include <doctest/doctest.h>

#include <optional>
#include <random>

#include "formats/metaimage.h"
#include "formats/nifti.h"
#include "importer_helpers.h"
#include "importers/internal/frame_files.h"
#include "source_builder.h"

namespace slicebank {
namespace {

using internal::Frames;
using internal::VolumeRequest;

// What decode_volume_item() gave, and whether it asked to start again.
struct Decoding {
  std::vector<Sample> samples;
  DecodedItem item;
  bool started_again = false;
};

Decoding decoded(const SourceTree& source, const SourceItem& item, const VolumeRequest& request,
                 bool may_start_again, const std::vector<Axis>& axes = {Axis::z}) {
  Decoding result;
  DecodeOptions options;
  options.axes = axes;
  options.may_start_again = may_start_again;
  try {
    result.item = internal::decode_volume_item(
        source, item, request, options,
        [&](Sample&& sample) { result.samples.push_back(std::move(sample)); });
  } catch (const StartAgain&) {
    result.started_again = true;
  }
  return result;
}

std::vector<std::string> told(const DecodedItem& item) {
  std::vector<std::string> lines;
  for (const Problem& problem : item.problems) {
    lines.push_back(problem.kind + " " + problem.path + " " + problem.message);
  }
  return lines;
}

bool same(const Decoding& a, const Decoding& b) {
  if (a.samples.size() != b.samples.size()) return false;
  for (std::size_t i = 0; i < a.samples.size(); ++i) {
    const Sample& x = a.samples[i];
    const Sample& y = b.samples[i];
    if (x.axis != y.axis || x.slice_index != y.slice_index || x.image != y.image ||
        x.masks != y.masks || x.labels.size() != y.labels.size()) {
      return false;
    }
  }
  return told(a.item) == told(b.item) && a.item.spacing_xyz_mm == b.item.spacing_xyz_mm &&
         a.item.affine_4x4 == b.item.affine_4x4 && a.item.channel_names == b.item.channel_names &&
         a.item.unread_classes == b.item.unread_classes;
}

Volume random_volume(ElementType type, std::uint32_t frames, std::uint32_t channels, unsigned below,
                     std::mt19937_64& random) {
  Volume volume;
  volume.type = type;
  volume.size_ijk = {6, 5, 4};
  volume.frames = frames;
  volume.channels = channels;
  volume.dimensions = frames > 1 ? 4 : 3;
  volume.spacing_ijk_mm = {0.5, 0.75, 2};
  volume.affine = Affine{0.5, 0, 0, 1, 0, 0.75, 0, 2, 0, 0, 2, 3, 0, 0, 0, 1};
  const std::size_t size = element_bytes(type);
  volume.voxels.resize(voxel_bytes(volume));
  for (std::size_t at = 0; at < volume.voxels.size(); at += size) {
    volume.voxels[at] = static_cast<std::byte>(random() % below);
  }
  return volume;
}

MaskSource mask_of(std::uint32_t value, const std::string& path = "label.nii.gz") {
  MaskSource mask;
  mask.path = path;
  mask.class_name = "class " + std::to_string(value);
  mask.raw_class = value;
  mask.class_id = ClassId{100 + value};
  if (value != 0) mask.values = {value};
  return mask;
}

// One image and one map with the values 0 to 4, of which 1, 2 and 3 have classes.
struct Case {
  testing::SourceBuilder source;
  SourceItem item;
  VolumeRequest request;

  Case() {
    item.key = "case";
    item.image_paths = {"image.nii.gz"};
    item.labels.push_back({"seen", "", 1});
    for (const std::uint32_t value : {1u, 2u, 3u}) item.masks.push_back(mask_of(value));
  }

  void put(const std::string& path, const Volume& volume) {
    source.bytes(path, nifti::encode(volume, {.compressed = path.ends_with(".gz")}));
  }

  // Whether reading along gives what reading whole gives, and did read along.
  void check_streamed() {
    const SourceTree tree(source.root());
    DecodeOptions options;
    options.may_start_again = true;
    std::size_t emitted = 0;
    const auto read_none = [](const Volume&, DecodedItem&) {
      return std::vector<internal::LabelMap>();
    };
    CHECK(internal::stream_volume_item(
        tree, item, request, options, [&](Sample&&) { ++emitted; }, read_none));
    check_same();
    CHECK(emitted == decoded(tree, item, request, true).samples.size());
    CHECK(emitted > 0);
  }

  void check_same(const std::vector<Axis>& axes = {Axis::z}) {
    const SourceTree tree(source.root());
    const Decoding streamed = decoded(tree, item, request, true, axes);
    CHECK(!streamed.started_again);
    CHECK(same(streamed, decoded(tree, item, request, false, axes)));
  }
};

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

TEST_CASE("volume_stream: a map of as many frames is read along with its image") {
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

TEST_CASE("volume_stream: files of many frames are opened once for all of them") {
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

TEST_CASE("volume_stream: a damaged file of many frames is read to its damage once") {
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

TEST_CASE("volume_stream: an import of a long series gives every frame, by any number of threads") {
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
