// The elements that may leave a DICOM file, and nothing besides: names, dates, addresses
// and private elements are stepped over when a file is parsed and are never copied.
//
// The table stands for DICOM's data dictionary too: in implicit encoding it tells what an
// element is. An element that is not in it is not understood, only skipped.
#pragma once

#include <cstdint>

namespace slicebank::dicom::internal {

// Group in the upper half, element in the lower.
using Tag = std::uint32_t;

// Two letters, the first in the upper byte.
using Vr = std::uint16_t;

constexpr Vr vr_of(char first, char second) {
  return static_cast<Vr>(static_cast<unsigned char>(first) << 8 |
                         static_cast<unsigned char>(second));
}

namespace tag {

inline constexpr Tag kTransferSyntaxUid = 0x00020010;
inline constexpr Tag kSpecificCharacterSet = 0x00080005;
inline constexpr Tag kImageType = 0x00080008;
inline constexpr Tag kSopClassUid = 0x00080016;
inline constexpr Tag kSopInstanceUid = 0x00080018;
inline constexpr Tag kModality = 0x00080060;
inline constexpr Tag kCodeValue = 0x00080100;
inline constexpr Tag kCodingSchemeDesignator = 0x00080102;
inline constexpr Tag kCodeMeaning = 0x00080104;
inline constexpr Tag kLongCodeValue = 0x00080119;
inline constexpr Tag kSeriesDescription = 0x0008103e;
inline constexpr Tag kReferencedSeriesSequence = 0x00081115;
inline constexpr Tag kReferencedInstanceSequence = 0x0008114a;
inline constexpr Tag kReferencedSopInstanceUid = 0x00081155;
inline constexpr Tag kReferencedFrameNumber = 0x00081160;
inline constexpr Tag kSourceImageSequence = 0x00082112;
inline constexpr Tag kDerivationImageSequence = 0x00089124;
inline constexpr Tag kPatientId = 0x00100020;
inline constexpr Tag kBodyPartExamined = 0x00180015;
inline constexpr Tag kSliceThickness = 0x00180050;
inline constexpr Tag kEchoTime = 0x00180081;
inline constexpr Tag kSpacingBetweenSlices = 0x00180088;
inline constexpr Tag kImagerPixelSpacing = 0x00181164;
inline constexpr Tag kStudyInstanceUid = 0x0020000d;
inline constexpr Tag kSeriesInstanceUid = 0x0020000e;
inline constexpr Tag kSeriesNumber = 0x00200011;
inline constexpr Tag kAcquisitionNumber = 0x00200012;
inline constexpr Tag kInstanceNumber = 0x00200013;
inline constexpr Tag kImagePositionPatient = 0x00200032;
inline constexpr Tag kImageOrientationPatient = 0x00200037;
inline constexpr Tag kFrameOfReferenceUid = 0x00200052;
inline constexpr Tag kTemporalPositionIdentifier = 0x00200100;
inline constexpr Tag kFrameContentSequence = 0x00209111;
inline constexpr Tag kPlanePositionSequence = 0x00209113;
inline constexpr Tag kPlaneOrientationSequence = 0x00209116;
inline constexpr Tag kTemporalPositionIndex = 0x00209128;
inline constexpr Tag kDimensionIndexValues = 0x00209157;
inline constexpr Tag kSamplesPerPixel = 0x00280002;
inline constexpr Tag kPhotometricInterpretation = 0x00280004;
inline constexpr Tag kPlanarConfiguration = 0x00280006;
inline constexpr Tag kNumberOfFrames = 0x00280008;
inline constexpr Tag kRows = 0x00280010;
inline constexpr Tag kColumns = 0x00280011;
inline constexpr Tag kPixelSpacing = 0x00280030;
inline constexpr Tag kBitsAllocated = 0x00280100;
inline constexpr Tag kBitsStored = 0x00280101;
inline constexpr Tag kHighBit = 0x00280102;
inline constexpr Tag kPixelRepresentation = 0x00280103;
inline constexpr Tag kPixelPaddingValue = 0x00280120;
inline constexpr Tag kBurnedInAnnotation = 0x00280301;
inline constexpr Tag kWindowCenter = 0x00281050;
inline constexpr Tag kWindowWidth = 0x00281051;
inline constexpr Tag kRescaleIntercept = 0x00281052;
inline constexpr Tag kRescaleSlope = 0x00281053;
inline constexpr Tag kPaletteDescriptor = 0x00281101;  // red; green and blue follow
inline constexpr Tag kPaletteData = 0x00281201;
inline constexpr Tag kSegmentedPaletteData = 0x00281221;
inline constexpr Tag kModalityLutSequence = 0x00283000;
inline constexpr Tag kLutDescriptor = 0x00283002;
inline constexpr Tag kLutData = 0x00283006;
inline constexpr Tag kPixelMeasuresSequence = 0x00289110;
inline constexpr Tag kPixelValueTransformationSequence = 0x00289145;
inline constexpr Tag kPlanePositionSlideSequence = 0x0048021a;
inline constexpr Tag kColumnPositionInMatrix = 0x0048021e;
inline constexpr Tag kRowPositionInMatrix = 0x0048021f;
inline constexpr Tag kSegmentationType = 0x00620001;
inline constexpr Tag kSegmentSequence = 0x00620002;
inline constexpr Tag kSegmentedPropertyCategorySequence = 0x00620003;
inline constexpr Tag kSegmentNumber = 0x00620004;
inline constexpr Tag kSegmentLabel = 0x00620005;
inline constexpr Tag kSegmentAlgorithmType = 0x00620008;
inline constexpr Tag kSegmentAlgorithmName = 0x00620009;
inline constexpr Tag kSegmentIdentificationSequence = 0x0062000a;
inline constexpr Tag kReferencedSegmentNumber = 0x0062000b;
inline constexpr Tag kMaximumFractionalValue = 0x0062000e;
inline constexpr Tag kSegmentedPropertyTypeSequence = 0x0062000f;
inline constexpr Tag kSegmentationFractionalType = 0x00620010;
inline constexpr Tag kSegmentsOverlap = 0x00620013;
inline constexpr Tag kReferencedFrameOfReferenceSequence = 0x30060010;
inline constexpr Tag kRtReferencedStudySequence = 0x30060012;
inline constexpr Tag kRtReferencedSeriesSequence = 0x30060014;
inline constexpr Tag kContourImageSequence = 0x30060016;
inline constexpr Tag kStructureSetRoiSequence = 0x30060020;
inline constexpr Tag kRoiNumber = 0x30060022;
inline constexpr Tag kReferencedFrameOfReferenceUid = 0x30060024;
inline constexpr Tag kRoiName = 0x30060026;
inline constexpr Tag kRoiContourSequence = 0x30060039;
inline constexpr Tag kContourSequence = 0x30060040;
inline constexpr Tag kContourGeometricType = 0x30060042;
inline constexpr Tag kNumberOfContourPoints = 0x30060046;
inline constexpr Tag kContourData = 0x30060050;
inline constexpr Tag kReferencedRoiNumber = 0x30060084;
inline constexpr Tag kSharedFunctionalGroups = 0x52009229;
inline constexpr Tag kPerFrameFunctionalGroups = 0x52009230;
inline constexpr Tag kExtendedOffsetTable = 0x7fe00001;
inline constexpr Tag kExtendedOffsetTableLengths = 0x7fe00002;
inline constexpr Tag kFloatPixelData = 0x7fe00008;
inline constexpr Tag kDoubleFloatPixelData = 0x7fe00009;
inline constexpr Tag kPixelData = 0x7fe00010;
inline constexpr Tag kItem = 0xfffee000;
inline constexpr Tag kItemEnd = 0xfffee00d;
inline constexpr Tag kSequenceEnd = 0xfffee0dd;

}  // namespace tag

// What the element holds; 0 when it is not on the list.
Vr known_vr(Tag tag) noexcept;

}  // namespace slicebank::dicom::internal
