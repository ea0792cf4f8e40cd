#include "importers/internal/dicom_pixels.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include "importers/internal/error_kind.h"
#include "importers/internal/item_problem.h"
#include "schema/error.h"

namespace slicebank::internal {
namespace {

// Runs `work` on a file; what it throws becomes an ItemError that names it.
template <typename Work>
auto guarded(const std::string& path, const Work& work) {
  try {
    return work();
  } catch (const ItemError&) {
    throw;
  } catch (const Error& error) {
    throw ItemError(error.code(), problem_kind(error, "missing-image", "bad-dicom"), path,
                    error.what());
  }
}

// One file, open for its pixels.
struct OpenFile {
  OpenFile(const SourceTree& source, const std::string& path)
      : bytes(read_dicom_bytes(source, path)), file(bytes, printable(path)) {
    const std::string& syntax = file.instance().transfer_syntax_uid;
    if (!dicom::can_decode(syntax)) {
      throw ItemError(ErrorCode::bad_format, "transfer-syntax", path,
                      fmt::format("{}: its pixels are written as {}, which cannot be decoded",
                                  printable(path), dicom::transfer_syntax_name(syntax)));
    }
  }

  std::vector<std::byte> bytes;
  dicom::File file;
};

// Numbers that have gone through the file's modality table, where it has one, are meant as
// they are; else slope and intercept are still to come.
Image picture_of(const dicom::File& file, std::uint32_t frame, const std::string& path) {
  Image image = file.decode(frame);
  int bits = file.instance().bits_stored;
  if (image.shape.channels == 1) {
    if (const auto table = file.modality_table()) {
      image = dicom::through_table(image, *table, printable(path));
      bits = table->bits;
    }
  }
  if (file.instance().inverted()) dicom::invert(image, bits);
  return image;
}

// A slice as stored, and how its numbers are meant.
struct StoredSlice {
  Image image;
  double slope = 1;
  double intercept = 0;
};

bool is_whole(double number) { return std::abs(number) < 1e9 && std::round(number) == number; }

// Calls `take` with every value as it is meant, slice by slice.
template <typename Take>
void for_each_value(const std::vector<StoredSlice>& slices, const Take& take) {
  for (const StoredSlice& slice : slices) {
    const ElementType type = element_type_of(slice.image.shape.pixel_type);
    for (const double stored : values_of(slice.image.image_hwc, type)) {
      take(slice.slope * stored + slice.intercept);
    }
  }
}

template <typename Number>
void put_values(const std::vector<StoredSlice>& slices, std::byte* to) {
  for_each_value(slices, [&](double value) {
    const auto number = static_cast<Number>(value);
    std::memcpy(to, &number, sizeof number);
    to += sizeof number;
  });
}

// Slices of one type without a scale stay as they are stored; otherwise their meant values:
// i16 where all of them are whole and fit, i32 where they are whole, else f32.
void put_together(std::vector<StoredSlice>&& slices, Volume& volume) {
  const ImageShape shape = slices.front().image.shape;
  bool as_stored = true;
  bool wholes = true;
  for (const StoredSlice& slice : slices) {
    const PixelType type = slice.image.shape.pixel_type;
    as_stored = as_stored && type == shape.pixel_type && slice.slope == 1 && slice.intercept == 0;
    wholes = wholes && is_whole(slice.slope) && is_whole(slice.intercept) &&
             pixel_bytes(type) <= 2 && type != PixelType::f16 && std::abs(slice.slope) < 1e4;
  }
  volume.channels = shape.channels;
  const std::uint64_t values = shape.pixels() * shape.channels * slices.size();
  if (as_stored) {
    volume.type = element_type_of(shape.pixel_type);
    volume.voxels.reserve(values * pixel_bytes(shape.pixel_type));
    for (StoredSlice& slice : slices) {
      const std::vector<std::byte> pixels = std::move(slice.image.image_hwc);
      volume.voxels.insert(volume.voxels.end(), pixels.begin(), pixels.end());
    }
    return;
  }
  if (!wholes) {
    volume.type = ElementType::f32;
    volume.voxels.resize(values * sizeof(float));
    put_values<float>(slices, volume.voxels.data());
    return;
  }
  double smallest = 0;
  double largest = 0;
  for_each_value(slices, [&](double value) {
    smallest = std::min(smallest, value);
    largest = std::max(largest, value);
  });
  if (smallest >= std::numeric_limits<std::int16_t>::min() &&
      largest <= std::numeric_limits<std::int16_t>::max()) {
    volume.type = ElementType::i16;
    volume.voxels.resize(values * sizeof(std::int16_t));
    put_values<std::int16_t>(slices, volume.voxels.data());
  } else {
    volume.type = ElementType::i32;
    volume.voxels.resize(values * sizeof(std::int32_t));
    put_values<std::int32_t>(slices, volume.voxels.data());
  }
}

// Colours have no scale, whatever a file says, nor have values out of a modality table.
void set_scale(const dicom::Instance& instance, const dicom::Frame& frame, StoredSlice& slice) {
  if (slice.image.shape.channels != 1 || instance.has_modality_lut) return;
  slice.slope = frame.slope;
  slice.intercept = frame.intercept;
}

// The volume of the item among those that its files make up.
const dicom::SeriesVolume& find_volume(const SourceItem& item, const DicomVolumePlace& place,
                                       const dicom::Grouping& grouping) {
  for (const dicom::SeriesVolume& volume : grouping.volumes) {
    if (volume.slices.size() == place.slices && volume.slices.front().instance == 0 &&
        volume.slices.front().frame == place.first_frame) {
      return volume;
    }
  }
  throw ItemError(ErrorCode::bad_format, "changed", item.image_paths.front(),
                  "the files of the series changed while they were read");
}

}  // namespace

Volume read_dicom_volume(const SourceTree& source, const SourceItem& item,
                         const DicomVolumePlace& place, DicomGrid& grid) {
  // A file of one frame is decoded when it is read; one of many is kept until it is known
  // which of them are wanted.
  std::vector<std::unique_ptr<OpenFile>> open;
  std::vector<Image> decoded;
  for (const std::string& path : item.image_paths) {
    guarded(path, [&] {
      auto file = std::make_unique<OpenFile>(source, path);
      grid.instances.push_back(file->file.instance());
      const bool single = file->file.instance().frames == 1;
      decoded.push_back(single ? picture_of(file->file, 0, path) : Image{});
      open.push_back(single ? nullptr : std::move(file));
    });
  }
  const dicom::Grouping grouping = dicom::group_series(grid.instances);
  grid.volume = find_volume(item, place, grouping);
  const dicom::SeriesVolume& series = grid.volume;
  std::vector<StoredSlice> slices;
  for (const dicom::Slice& slice : series.slices) {
    const std::string& path = item.image_paths[slice.instance];
    StoredSlice stored;
    stored.image =
        open[slice.instance] == nullptr ? std::move(decoded[slice.instance]) : guarded(path, [&] {
          return picture_of(open[slice.instance]->file, slice.frame, path);
        });
    const dicom::Instance& instance = grid.instances[slice.instance];
    set_scale(instance, instance.frame(slice.frame), stored);
    const ImageShape& shape = stored.image.shape;
    if (shape.width != series.size_ijk[0] || shape.height != series.size_ijk[1] ||
        (!slices.empty() && shape.channels != slices.front().image.shape.channels)) {
      throw ItemError(ErrorCode::bad_format, "bad-dicom", path,
                      printable(path) + ": its pixels have another size than its header says");
    }
    slices.push_back(std::move(stored));
  }
  Volume volume;
  volume.size_ijk = series.size_ijk;
  volume.spacing_ijk_mm = series.spacing_ijk_mm;
  volume.affine = series.affine;
  guarded(item.image_paths.front(), [&] {
    check_volume(volume, printable(item.image_paths.front()));
    put_together(std::move(slices), volume);
  });
  return volume;
}

Volume read_dicom_picture(const SourceTree& source, const SourceItem& item, DicomGrid& grid) {
  const std::string& path = item.image_paths.front();
  return guarded(path, [&] {
    const OpenFile open(source, path);
    const dicom::Instance& instance = open.file.instance();
    StoredSlice stored;
    stored.image = picture_of(open.file, 0, path);
    set_scale(instance, instance.first, stored);
    Volume volume;
    volume.dimensions = 2;
    volume.size_ijk = {stored.image.shape.width, stored.image.shape.height, 1};
    if (instance.first.spacing_yx) {
      const auto& spacing = *instance.first.spacing_yx;
      volume.spacing_ijk_mm = {spacing[1], spacing[0], instance.first.slice_thickness.value_or(1)};
    }
    grid.instances = {instance};
    grid.volume.size_ijk = volume.size_ijk;
    grid.volume.slices = {{0, 0, std::nullopt}};
    std::vector<StoredSlice> slices;
    slices.push_back(std::move(stored));
    put_together(std::move(slices), volume);
    return volume;
  });
}

void decode_dicom_loop(const SourceTree& source, const SourceItem& item, const SampleSink& emit) {
  const std::string& path = item.image_paths.front();
  const auto open = guarded(path, [&] { return std::make_unique<OpenFile>(source, path); });
  for (std::uint32_t frame = 0; frame < open->file.instance().frames; ++frame) {
    Sample sample;
    sample.axis = Axis::none;
    sample.name = fmt::format("frame {:04}", frame + 1);
    sample.image = guarded(path, [&] { return picture_of(open->file, frame, path); });
    emit(std::move(sample));
  }
}

}  // namespace slicebank::internal
