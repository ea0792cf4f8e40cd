#include "formats/internal/dicom_instance.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "formats/internal/dicom_text.h"
#include "schema/error.h"
#include "schema/limits.h"

namespace slicebank::dicom::internal {
namespace {

constexpr std::size_t kTextMax = 1024;       // bytes of a UID, a code, a term
constexpr std::size_t kValuesMax = 64;       // of image types and windows
constexpr std::size_t kSourcesMax = 65'536;  // of one frame

template <std::size_t N>
void read_numbers(const Item* item, Tag tag, std::optional<std::array<double, N>>& out) {
  if (item == nullptr) return;
  const std::vector<double> numbers = numbers_of(*item, tag);
  if (numbers.size() != N) return;
  out.emplace();
  std::copy(numbers.begin(), numbers.end(), out->begin());
}

void read_spacing(const Item* item, Tag tag, std::optional<std::array<double, 2>>& out) {
  std::optional<std::array<double, 2>> spacing;
  read_numbers(item, tag, spacing);
  if (spacing && (*spacing)[0] > 0 && (*spacing)[1] > 0) out = spacing;
}

void read_positive(const Item* item, Tag tag, std::optional<double>& out) {
  if (item == nullptr) return;
  const std::optional<double> number = number_of(*item, tag);
  if (number && *number > 0) out = number;
}

// Two unit vectors at right angles; other numbers are no orientation.
void read_orientation(const Item* item, std::optional<std::array<double, 6>>& out) {
  std::optional<std::array<double, 6>> read;
  read_numbers(item, tag::kImageOrientationPatient, read);
  if (!read) return;
  double row = 0;
  double column = 0;
  double both = 0;
  for (std::size_t i = 0; i < 3; ++i) {
    row += (*read)[i] * (*read)[i];
    column += (*read)[i + 3] * (*read)[i + 3];
    both += (*read)[i] * (*read)[i + 3];
  }
  constexpr double kTolerance = 0.02;
  if (std::abs(row - 1) > kTolerance || std::abs(column - 1) > kTolerance ||
      std::abs(both) > kTolerance) {
    return;
  }
  out = read;
}

void read_rescale(const Item* item, Frame& frame) {
  if (item == nullptr) return;
  const std::optional<double> slope = number_of(*item, tag::kRescaleSlope);
  // A slope of 0 would make all values one: taken as not said.
  if (slope && *slope != 0) {
    frame.slope = *slope;
    frame.intercept = number_of(*item, tag::kRescaleIntercept).value_or(0);
  } else if (!slope) {
    frame.intercept = number_of(*item, tag::kRescaleIntercept).value_or(frame.intercept);
  }
}

// The functional groups of one item: the shared ones, or a frame's own over them.
void read_groups(const Item& item, Frame& frame) {
  const Item* position = first_item(&item, tag::kPlanePositionSequence);
  read_numbers(position, tag::kImagePositionPatient, frame.position);
  read_orientation(first_item(&item, tag::kPlaneOrientationSequence), frame.orientation);
  const Item* measures = first_item(&item, tag::kPixelMeasuresSequence);
  read_spacing(measures, tag::kPixelSpacing, frame.spacing_yx);
  read_positive(measures, tag::kSliceThickness, frame.slice_thickness);
  read_positive(measures, tag::kSpacingBetweenSlices, frame.spacing_between_slices);
  read_rescale(first_item(&item, tag::kPixelValueTransformationSequence), frame);
  if (const Item* content = first_item(&item, tag::kFrameContentSequence)) {
    const auto temporal = integer_of(*content, tag::kTemporalPositionIndex);
    if (temporal) frame.temporal_position = temporal;
    const std::vector<double> index = numbers_of(*content, tag::kDimensionIndexValues);
    if (!index.empty() && index.size() <= kValuesMax) {
      frame.dimension_index.clear();
      for (const double value : index) {
        frame.dimension_index.push_back(
            static_cast<std::uint32_t>(std::clamp(value, 0.0, 4294967295.0)));
      }
    }
  }
  if (const Item* segment = first_item(&item, tag::kSegmentIdentificationSequence)) {
    const auto number = integer_of(*segment, tag::kReferencedSegmentNumber);
    if (number && *number >= 0 && *number <= 65'535) {
      frame.segment = static_cast<std::uint32_t>(*number);
    }
  }
  if (const Item* slide = first_item(&item, tag::kPlanePositionSlideSequence)) {
    const auto row = integer_of(*slide, tag::kRowPositionInMatrix);
    const auto column = integer_of(*slide, tag::kColumnPositionInMatrix);
    if (row && column) frame.tile_yx = {*row, *column};
  }
  std::vector<Source> sources = sources_of(item);
  if (!sources.empty()) frame.sources = std::move(sources);
}

std::string short_text(const Item& item, Tag tag) {
  std::string text = text_of(item, tag);
  if (text.size() > kTextMax) text.clear();
  // UIDs, codes and terms are plain ASCII; what is not is no such thing.
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) >= 0x7f) c = '?';
  }
  return text;
}

int small_integer(const Item& item, Tag tag, int otherwise) {
  const std::optional<std::int64_t> value = integer_of(item, tag);
  return value && *value >= 0 && *value <= 65'535 ? static_cast<int>(*value) : otherwise;
}

void read_layout(const DataSet& data, Instance& instance, const std::string& name) {
  const Item& root = data.root;
  instance.rows = static_cast<std::uint32_t>(small_integer(root, tag::kRows, 0));
  instance.columns = static_cast<std::uint32_t>(small_integer(root, tag::kColumns, 0));
  instance.samples = static_cast<std::uint32_t>(small_integer(root, tag::kSamplesPerPixel, 1));
  instance.photometric = short_text(root, tag::kPhotometricInterpretation);
  instance.planar = small_integer(root, tag::kPlanarConfiguration, 0) == 1;
  instance.is_signed = small_integer(root, tag::kPixelRepresentation, 0) == 1;
  const std::int64_t frames = integer_of(root, tag::kNumberOfFrames).value_or(1);
  if (frames < 0 || frames > 2'147'483'647) {
    throw Error(ErrorCode::bad_format, fmt::format("{}: {} frames", name, frames));
  }
  instance.frames = frames == 0 ? 1 : static_cast<std::uint32_t>(frames);
  instance.bits_allocated = small_integer(root, tag::kBitsAllocated, 0);
  if (data.pixels && data.pixels->tag == tag::kFloatPixelData) instance.bits_allocated = 32;
  if (data.pixels && data.pixels->tag == tag::kDoubleFloatPixelData) instance.bits_allocated = 64;
  instance.bits_stored = small_integer(root, tag::kBitsStored, instance.bits_allocated);
  if (instance.bits_stored == 0) instance.bits_stored = instance.bits_allocated;
  instance.high_bit = small_integer(root, tag::kHighBit, instance.bits_stored - 1);
  // A high bit below the stored bits cannot be meant.
  instance.high_bit = std::max(instance.high_bit, instance.bits_stored - 1);
  const Element* padding = root.find(tag::kPixelPaddingValue);
  if (padding != nullptr && padding->value.size() == 2) {
    const std::int64_t stored = *integer_of(root, tag::kPixelPaddingValue);
    instance.pixel_padding_value =
        instance.is_signed ? static_cast<std::int16_t>(stored) : static_cast<std::uint16_t>(stored);
  }
}

}  // namespace

std::string name_of(const DataSet& data, const Item& item, Tag tag) {
  return to_utf8(text_of(item, tag), texts_of(data.root, tag::kSpecificCharacterSet));
}

std::vector<Source> sources_of(const Item& item) {
  std::vector<Source> sources;
  const auto add = [&](const Item& list) {
    for (const Item& image : items_of(list, tag::kSourceImageSequence)) {
      Source source;
      source.sop_instance_uid = short_text(image, tag::kReferencedSopInstanceUid);
      for (const double frame : numbers_of(image, tag::kReferencedFrameNumber)) {
        if (frame >= 1 && frame <= 4294967295.0) {
          source.frames.push_back(static_cast<std::uint32_t>(frame));
        }
      }
      if (!source.sop_instance_uid.empty() && sources.size() < kSourcesMax) {
        sources.push_back(std::move(source));
      }
    }
  };
  for (const Item& derivation : items_of(item, tag::kDerivationImageSequence)) add(derivation);
  add(item);
  return sources;
}

Instance instance_of(const DataSet& data, const std::string& name) {
  const Item& root = data.root;
  Instance instance;
  instance.transfer_syntax_uid = data.transfer_syntax.substr(0, kTextMax);
  instance.sop_class_uid = short_text(root, tag::kSopClassUid);
  instance.study_instance_uid = short_text(root, tag::kStudyInstanceUid);
  instance.series_instance_uid = short_text(root, tag::kSeriesInstanceUid);
  instance.sop_instance_uid = short_text(root, tag::kSopInstanceUid);
  instance.frame_of_reference_uid = short_text(root, tag::kFrameOfReferenceUid);
  instance.patient_id = name_of(data, root, tag::kPatientId);
  instance.modality = short_text(root, tag::kModality);
  instance.body_part_examined = short_text(root, tag::kBodyPartExamined);
  instance.series_description = name_of(data, root, tag::kSeriesDescription);
  instance.image_type = texts_of(root, tag::kImageType);
  if (instance.image_type.size() > kValuesMax) instance.image_type.resize(kValuesMax);
  const std::string burned_in = text_of(root, tag::kBurnedInAnnotation);
  if (burned_in == "YES" || burned_in == "NO") instance.burned_in_annotation = burned_in == "YES";
  instance.series_number = integer_of(root, tag::kSeriesNumber);
  instance.instance_number = integer_of(root, tag::kInstanceNumber);
  instance.acquisition_number = integer_of(root, tag::kAcquisitionNumber);
  instance.echo_time_ms = number_of(root, tag::kEchoTime);
  instance.window_centre = numbers_of(root, tag::kWindowCenter);
  instance.window_width = numbers_of(root, tag::kWindowWidth);
  if (instance.window_centre.size() > kValuesMax) instance.window_centre.resize(kValuesMax);
  if (instance.window_width.size() > kValuesMax) instance.window_width.resize(kValuesMax);
  instance.has_modality_lut = !items_of(root, tag::kModalityLutSequence).empty();
  instance.has_pixels = data.pixels.has_value();
  if (instance.has_pixels) read_layout(data, instance, name);

  Frame& first = instance.first;
  read_numbers(&root, tag::kImagePositionPatient, first.position);
  read_orientation(&root, first.orientation);
  read_spacing(&root, tag::kPixelSpacing, first.spacing_yx);
  read_positive(&root, tag::kSliceThickness, first.slice_thickness);
  read_positive(&root, tag::kSpacingBetweenSlices, first.spacing_between_slices);
  read_rescale(&root, first);
  first.temporal_position = integer_of(root, tag::kTemporalPositionIdentifier);
  if (const Item* shared = first_item(&root, tag::kSharedFunctionalGroups)) {
    read_groups(*shared, first);
  }
  const std::vector<Item>& frames = items_of(root, tag::kPerFrameFunctionalGroups);
  if (!frames.empty() && frames.size() == instance.frames) {
    instance.frame_list.reserve(frames.size());
    for (const Item& groups : frames) {
      Frame frame = first;
      read_groups(groups, frame);
      instance.frame_list.push_back(std::move(frame));
    }
  }
  return instance;
}

}  // namespace slicebank::dicom::internal
