#include "formats/internal/dicom_tags.h"

#include <algorithm>
#include <array>

namespace slicebank::dicom::internal {
namespace {

struct Known {
  Tag tag;
  Vr vr;
};

constexpr Vr kUi = vr_of('U', 'I');
constexpr Vr kCs = vr_of('C', 'S');
constexpr Vr kSq = vr_of('S', 'Q');
constexpr Vr kSh = vr_of('S', 'H');
constexpr Vr kLo = vr_of('L', 'O');
constexpr Vr kIs = vr_of('I', 'S');
constexpr Vr kDs = vr_of('D', 'S');
constexpr Vr kUs = vr_of('U', 'S');
constexpr Vr kOw = vr_of('O', 'W');

constexpr Known kKnown[] = {
    {tag::kTransferSyntaxUid, kUi},
    {tag::kSpecificCharacterSet, kCs},
    {tag::kImageType, kCs},
    {tag::kSopClassUid, kUi},
    {tag::kSopInstanceUid, kUi},
    {tag::kModality, kCs},
    {tag::kCodeValue, kSh},
    {tag::kCodingSchemeDesignator, kSh},
    {tag::kCodeMeaning, kLo},
    {tag::kLongCodeValue, vr_of('U', 'C')},
    {tag::kSeriesDescription, kLo},
    {tag::kReferencedSeriesSequence, kSq},
    {tag::kReferencedInstanceSequence, kSq},
    {tag::kReferencedSopInstanceUid, kUi},
    {tag::kReferencedFrameNumber, kIs},
    {tag::kSourceImageSequence, kSq},
    {tag::kDerivationImageSequence, kSq},
    {tag::kPatientId, kLo},
    {tag::kBodyPartExamined, kCs},
    {tag::kSliceThickness, kDs},
    {tag::kEchoTime, kDs},
    {tag::kSpacingBetweenSlices, kDs},
    {tag::kImagerPixelSpacing, kDs},
    {tag::kStudyInstanceUid, kUi},
    {tag::kSeriesInstanceUid, kUi},
    {tag::kSeriesNumber, kIs},
    {tag::kAcquisitionNumber, kIs},
    {tag::kInstanceNumber, kIs},
    {tag::kImagePositionPatient, kDs},
    {tag::kImageOrientationPatient, kDs},
    {tag::kFrameOfReferenceUid, kUi},
    {tag::kTemporalPositionIdentifier, kIs},
    {tag::kFrameContentSequence, kSq},
    {tag::kPlanePositionSequence, kSq},
    {tag::kPlaneOrientationSequence, kSq},
    {tag::kTemporalPositionIndex, vr_of('U', 'L')},
    {tag::kDimensionIndexValues, vr_of('U', 'L')},
    {tag::kSamplesPerPixel, kUs},
    {tag::kPhotometricInterpretation, kCs},
    {tag::kPlanarConfiguration, kUs},
    {tag::kNumberOfFrames, kIs},
    {tag::kRows, kUs},
    {tag::kColumns, kUs},
    {tag::kPixelSpacing, kDs},
    {tag::kBitsAllocated, kUs},
    {tag::kBitsStored, kUs},
    {tag::kHighBit, kUs},
    {tag::kPixelRepresentation, kUs},
    {tag::kPixelPaddingValue, kUs},
    {tag::kBurnedInAnnotation, kCs},
    {tag::kWindowCenter, kDs},
    {tag::kWindowWidth, kDs},
    {tag::kRescaleIntercept, kDs},
    {tag::kRescaleSlope, kDs},
    {tag::kPaletteDescriptor, kUs},
    {tag::kPaletteDescriptor + 1, kUs},
    {tag::kPaletteDescriptor + 2, kUs},
    {tag::kPaletteData, kOw},
    {tag::kPaletteData + 1, kOw},
    {tag::kPaletteData + 2, kOw},
    {tag::kSegmentedPaletteData, kOw},
    {tag::kSegmentedPaletteData + 1, kOw},
    {tag::kSegmentedPaletteData + 2, kOw},
    {tag::kModalityLutSequence, kSq},
    {tag::kLutDescriptor, kUs},
    {tag::kLutData, kOw},
    {tag::kPixelMeasuresSequence, kSq},
    {tag::kPixelValueTransformationSequence, kSq},
    {tag::kPlanePositionSlideSequence, kSq},
    {tag::kColumnPositionInMatrix, vr_of('S', 'L')},
    {tag::kRowPositionInMatrix, vr_of('S', 'L')},
    {tag::kSegmentationType, kCs},
    {tag::kSegmentSequence, kSq},
    {tag::kSegmentedPropertyCategorySequence, kSq},
    {tag::kSegmentNumber, kUs},
    {tag::kSegmentLabel, kLo},
    {tag::kSegmentAlgorithmType, kCs},
    {tag::kSegmentAlgorithmName, kLo},
    {tag::kSegmentIdentificationSequence, kSq},
    {tag::kReferencedSegmentNumber, kUs},
    {tag::kMaximumFractionalValue, kUs},
    {tag::kSegmentedPropertyTypeSequence, kSq},
    {tag::kSegmentationFractionalType, kCs},
    {tag::kSegmentsOverlap, kCs},
    {tag::kReferencedFrameOfReferenceSequence, kSq},
    {tag::kRtReferencedStudySequence, kSq},
    {tag::kRtReferencedSeriesSequence, kSq},
    {tag::kContourImageSequence, kSq},
    {tag::kStructureSetRoiSequence, kSq},
    {tag::kRoiNumber, kIs},
    {tag::kReferencedFrameOfReferenceUid, kUi},
    {tag::kRoiName, kLo},
    {tag::kRoiContourSequence, kSq},
    {tag::kContourSequence, kSq},
    {tag::kContourGeometricType, kCs},
    {tag::kNumberOfContourPoints, kIs},
    {tag::kContourData, kDs},
    {tag::kReferencedRoiNumber, kIs},
    {tag::kSharedFunctionalGroups, kSq},
    {tag::kPerFrameFunctionalGroups, kSq},
    {tag::kExtendedOffsetTable, vr_of('O', 'V')},
    {tag::kExtendedOffsetTableLengths, vr_of('O', 'V')},
    {tag::kFloatPixelData, vr_of('O', 'F')},
    {tag::kDoubleFloatPixelData, vr_of('O', 'D')},
    {tag::kPixelData, kOw},
};

constexpr bool ascending() {
  for (std::size_t i = 1; i < std::size(kKnown); ++i) {
    if (kKnown[i - 1].tag >= kKnown[i].tag) return false;
  }
  return true;
}
static_assert(ascending());

}  // namespace

Vr known_vr(Tag tag) noexcept {
  const auto* at =
      std::lower_bound(std::begin(kKnown), std::end(kKnown), tag,
                       [](const Known& known, Tag wanted) { return known.tag < wanted; });
  if (at == std::end(kKnown) || at->tag != tag) return 0;
  return at->vr;
}

}  // namespace slicebank::dicom::internal
